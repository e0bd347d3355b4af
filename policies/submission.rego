# Submission: may this agency put this record into this domain, or withdraw it again?
#
# `standing` denials concern the agency and hold for every action; `content` denials concern the record
# and hold for `put` alone, so that an originator can always withdraw (DOMAIN.md, rule 12).
# Rules of DOMAIN.md decided here: 1 (purpose, legal basis), 6, 7, 8, 9, 10, 16, and the tiers of rule 4.
package passerelle.submission

import data.passerelle.lib.verdict
import data.passerelle.lib.words
import data.reference
import rego.v1

default decision := {
	"schema": 1,
	"allow": false,
	"grants": [],
	"reasons": [{"code": "facts_missing", "params": {}}],
	"obligations": [],
	"redactions": [],
}

decisions := {id: answer |
	some id, request in input.requests
	made := decision with input as request
	answer := object.union(made, data.revision)
}

decision := verdict.of(grants, denials, obligations, set()) if known_action

known_action if input.action in {"put", "withdraw"}

entering if input.action == "put"

agency := reference.agencies[input.subject.agency]

domain := reference.domains[input.record.domain]

basis := reference.legal_bases[input.record.legal_basis]

handling := reference.handling_codes[input.record.handling]

age_band := reference.age_bands[input.record.age_band]

ter_category := reference.ter_categories[input.record.ter_category]

rank := level.rank if {
	some level in reference.classifications
	level.rank == input.record.classification
}

purposes := words.of(input.record.purposes)

tiers := words.of(input.record.key_tiers)

special := words.of(input.record.special_categories)

# Facts whose absence would make a denial below silently undefined.
facts_complete if {
	words.sound(input.record.purposes)
	words.sound(input.record.key_tiers)
	words.sound(input.record.special_categories)
	is_boolean(input.record.embargoed)
	is_string(input.record.entity)
	is_string(input.record.handling_condition)
	is_string(input.context.channel)
}

grants contains "write_right" if {
	entering
	may_write
}

grants contains "originator_withdraws" if {
	input.action == "withdraw"
	own_record
}

may_write if "write" in agency.rights

own_record if input.record.originator == input.subject.agency

active if agency.status == "active"

acts_as_connector if {
	input.subject.role == "connector"
	"connector" in agency.acts_as
}

denials := standing | content if entering

denials := standing if not entering

standing contains {"code": "agency_inactive", "params": {}} if not active

standing contains {"code": "role_not_held", "params": {}} if not acts_as_connector

standing contains {"code": "originator_mismatch", "params": {}} if not own_record

content contains {"code": "facts_missing", "params": {}} if not facts_complete

content contains {"code": "right_missing", "params": {"right": "write"}} if not may_write

content contains {"code": "domain_unknown", "params": {}} if not domain_known

domain_known if domain.accreditation

content contains {"code": "domain_not_joined", "params": {}} if not domain_joined

domain_joined if input.record.domain in agency.domains

# Rule 1: purpose and legal basis.
content contains {"code": "purpose_missing", "params": {}} if count(purposes) == 0

content contains {"code": "purpose_not_allowed", "params": {"purpose": purpose}} if {
	some purpose in (purposes - purposes_allowed)
}

purposes_allowed := ({p | some p in domain.purposes} & {p | some p in basis.purposes}) & {p | some p in agency.purposes}

content contains {"code": "legal_basis_missing", "params": {}} if not basis_known

basis_known if basis.purposes

content contains {"code": "legal_basis_not_allowed", "params": {}} if not basis_allowed

basis_allowed if {
	input.record.legal_basis in domain.legal_bases
	input.record.legal_basis in agency.legal_bases
}

# Rule 9: classified data only where the domain is accredited for it.
content contains {"code": "classification_unknown", "params": {}} if not classification_known

classification_known if rank

content contains {"code": "domain_not_accredited", "params": {"accreditation": domain.accreditation}} if {
	rank > domain.accreditation
}

content contains {"code": "clearance_too_low", "params": {"clearance": agency.clearance}} if rank > agency.clearance

# Rule 10: a domain under manual push takes only what a person pushed.
content contains {"code": "manual_push_only", "params": {}} if not connection_allowed

connection_allowed if domain.interconnection == "allowed"

connection_allowed if {
	domain.interconnection == "manual_push"
	input.context.channel == "manual"
}

# Handling codes, and the condition that H3 must name.
content contains {"code": "handling_unknown", "params": {}} if not handling_known

handling_known if handling.obligations

content contains {"code": "condition_missing", "params": {}} if {
	handling.condition
	input.record.handling_condition == ""
}

# Rule 4: key tiers, among them names alone, only where the domain takes them.
content contains {"code": "tier_not_allowed", "params": {"tier": tier}} if {
	some tier in (tiers - {allowed | some allowed in domain.tiers})
}

content contains {"code": "normaliser_not_allowed", "params": {}} if not normaliser_allowed

normaliser_allowed if input.record.normaliser in domain.normalisers

# Rule 7: children under twelve.
content contains {"code": "age_band_unknown", "params": {}} if not age_band_known

age_band_known if age_band

content contains {"code": "under_12_refused", "params": {}} if age_band.refused

# Rule 8 and rule 16: special categories of data.
content contains {"code": "special_category_refused", "params": {"category": category}} if {
	some category in (special - {allowed | some allowed in domain.special_categories})
}

content contains {"code": "organisation_refused", "params": {"category": category}} if {
	input.record.entity == "organisation"
	input.record.ter_category == "none"
	some category in special
	reference.special_categories[category].refuses_organisations
}

content contains {"code": "ter_category_unknown", "params": {}} if not ter_category_known

ter_category_known if ter_category.keep_days

# Obligations: retention (rules 6 and 7) is the shortest clock that applies.
keep_days contains ter_category.keep_days

keep_days contains age_band.keep_days

review_days contains ter_category.review_days

review_days contains age_band.review_days

obligations contains {"type": "keep_days_at_most", "value": min(keep_days)} if entering

obligations contains {"type": "review_within_days", "value": min(review_days)} if entering

obligations contains obligation if {
	entering
	some obligation in handling.obligations
}

obligations contains {"type": "condition", "value": input.record.handling_condition} if {
	entering
	handling.condition
}

# Rule 3: an embargoed record is matched for the director's desk alone.
obligations contains {"type": "director_only", "value": true} if {
	entering
	input.record.embargoed == true
}
