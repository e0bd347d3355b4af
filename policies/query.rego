# Query: one question without a stored record, what of a hit is told, and lists.
#
#   ask   may this question be put at all
#   hit   may this found record be told to the asker, and what of it; asked for each record found, with the facts of
#         the question. A denial here must look like no hit: the hub answers every question in one shape
#   list  may a list of the domain's entities be drawn up
#
# Rules of DOMAIN.md decided here: 1, 2, 3, 4, 5 (a named human asks), 7, 8, 9, 10, 11, 13 (an access that could not
# be explained is none), 15, 16.
package passerelle.query

import data.passerelle.lib.basis
import data.passerelle.lib.standing
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

decision := verdict.of(grants, denials, obligations, redactions) if procedure.roles

procedure := reference.procedures.query[input.action]

agency := object.get(reference.agencies, input.subject.agency, {})

domain := object.get(reference.domains, input.context.domain, {})

law := object.get(reference.legal_bases, input.context.legal_basis, {})

given := {
	"purpose": input.context.purpose,
	"legal_basis": input.context.legal_basis,
	"case": input.context.case,
}

purposes := words.of(input.record.purposes)

releasable_to := words.of(input.record.releasable_to)

key_tiers := words.of(input.context.question.key_tiers)

categories := words.of(input.context.question.special_categories)

proven_tiers := words.of(input.context.proven_tiers)

facts_complete if {
	stated
	action_stated
}

stated if {
	is_string(input.subject.agency)
	is_string(input.subject.role)
	is_boolean(input.subject.user)
	is_number(input.subject.clearance)
	is_string(input.context.purpose)
	is_string(input.context.legal_basis)
	is_boolean(input.context.case)
	is_string(input.context.domain)
}

action_stated if {
	input.action == "ask"
	is_string(input.context.channel)
	is_string(input.context.question.entity)
	is_string(input.context.question.age_band)
	is_string(input.context.question.subject_category)
	is_string(input.context.question.normaliser)
	words.sound(input.context.question.key_tiers)
	words.sound(input.context.question.special_categories)
}

action_stated if {
	input.action == "hit"
	is_string(input.record.originator)
	is_string(input.record.domain)
	is_string(input.record.handling_condition)
	is_number(input.record.classification)
	is_boolean(input.record.embargoed)
	words.sound(input.record.purposes)
	words.sound(input.record.releasable_to)
	words.sound(input.context.proven_tiers)
	category.searchable in {true, false}
	handling.obligations
	tlp.title
}

action_stated if input.action == "list"

denials contains {"code": "facts_missing", "params": {}} if not facts_complete

denials contains denial if {
	some denial in standing.denials(agency, input.subject.role, input.subject.user, procedure)
}

denials contains denial if {
	some denial in basis.denials(agency, input.context.domain, domain, law, given)
}

denials contains denial if {
	input.action == "ask"
	some denial in ask_denials
}

denials contains denial if {
	input.action == "hit"
	some denial in hit_denials
}

denials contains {"code": "clearance_too_low", "params": {"clearance": domain.list_clearance}} if {
	input.action == "list"
	not list_cleared
}

# Rule 15: lists need clearance, the agency's and the person's, and a stated purpose.
list_cleared if {
	domain.list_clearance <= agency.clearance
	domain.list_clearance <= input.subject.clearance
}

grants contains "query_allowed" if input.action == "ask"

grants contains "list_allowed" if input.action == "list"

# The question itself.
tiers_allowed := {tier | some tier in domain.tiers}

categories_allowed := {category_name | some category_name in domain.special_categories}

ask_denials contains {"code": "tier_not_allowed", "params": {"tier": tier}} if {
	some tier in key_tiers
	not tier_allowed(tier)
}

tier_allowed(tier) if tier in tiers_allowed

ask_denials contains {"code": "evidence_missing", "params": {}} if count(key_tiers) == 0

ask_denials contains {"code": "normaliser_not_allowed", "params": {}} if not normaliser_allowed

normaliser_allowed if input.context.question.normaliser in domain.normalisers

# Rule 10: a domain under manual push takes only what a person pushed.
ask_denials contains {"code": "manual_push_only", "params": {}} if not connection_allowed

connection_allowed if domain.interconnection == "allowed"

connection_allowed if {
	domain.interconnection == "manual_push"
	input.context.channel == "manual"
}

# Rule 7: children under twelve, and children of fighters, whom nobody may search for directly.
ask_denials contains {"code": "under_12_refused", "params": {}} if not age_searchable

age_searchable if reference.age_bands[input.context.question.age_band].refused == false

ask_denials contains {"code": "not_searchable", "params": {}} if not category_searchable

category_searchable if reference.subject_categories[input.context.question.subject_category].searchable == true

# Rules 8 and 16: special categories, and organisations that are nothing but political, trade union or religious.
ask_denials contains {"code": "special_category_refused", "params": {"category": name}} if {
	some name in categories
	not special_allowed(name)
}

special_allowed(name) if name in categories_allowed

ask_denials contains {"code": "organisation_refused", "params": {"category": name}} if {
	input.context.question.entity == "organisation"
	some name in categories
	reference.special_categories[name].refuses_organisations
}

# A found record.
originator := reference.agencies[input.record.originator]

category := reference.subject_categories[input.record.subject_category]

handling := reference.handling_codes[input.record.handling]

tlp := reference.tlp[input.record.tlp]

hit_denials contains {"code": "embargoed", "params": {}} if not free_of_embargo

free_of_embargo if input.record.embargoed == false

hit_denials contains {"code": "not_searchable", "params": {}} if not found_searchable

found_searchable if category.searchable == true

hit_denials contains {"code": "clearance_too_low", "params": {}} if not cleared

cleared if {
	input.record.classification <= agency.clearance
	input.record.classification <= input.subject.clearance
}

hit_denials contains {"code": "domain_not_accredited", "params": {}} if not accredited

accredited if {
	input.record.domain == input.context.domain
	input.record.classification <= domain.accreditation
}

hit_denials contains {"code": "purposes_differ", "params": {}} if not purpose_shared

purpose_shared if input.context.purpose in purposes

# Rule 2: an empty list means whoever policy lets know, unless the traffic light colour asks for named recipients.
hit_denials contains {"code": "not_releasable", "params": {}} if not releasable

releasable if input.subject.agency in releasable_to

releasable if {
	count(releasable_to) == 0
	tlp.named_recipients_only == false
}

# Rule 4: names alone are no hit; where candidates are shown, they are shown to those who may read.
hit_denials contains {"code": "evidence_missing", "params": {}} if count(proven_tiers) == 0

hit_denials contains {"code": "candidate_not_shown", "params": {}} if {
	not sufficient
	not candidates_shown
}

sufficient if {
	some tier in proven_tiers
	reference.tiers[tier].candidate_only == false
}

candidates_shown if {
	may_read
	domain.candidates == "analysts"
}

may_read if "read" in agency.rights

grants contains "need_to_know" if {
	input.action == "hit"
	may_read
	sufficient
}

grants contains "candidates_shown" if {
	input.action == "hit"
	candidates_shown
	not sufficient
}

# Rule 11: existence and the threat assessment, then ask a basic service.
grants contains "query_right" if {
	input.action == "hit"
	sufficient
	not may_read
}

visibility := {
	"need_to_know": "match",
	"candidates_shown": "candidate",
	"query_right": "existence",
}

obligations contains {"type": "uniform_answer", "value": true} if input.action in {"ask", "hit"}

obligations contains {"type": "visibility", "value": visibility[grant]} if some grant in grants

obligations contains {"type": "contact_basic_service", "value": true} if "query_right" in grants

obligations contains {"type": "owner_told", "value": true} if {
	input.action == "hit"
	domain.owner_learns_of_queries
}

obligations contains {"type": "counterpart", "value": "named"} if {
	input.action == "hit"
	named
}

obligations contains {"type": "counterpart", "value": "coordinator"} if {
	input.action == "hit"
	not named
}

obligations contains obligation if {
	input.action == "hit"
	some obligation in handling.obligations
}

obligations contains {"type": "condition", "value": input.record.handling_condition} if {
	input.action == "hit"
	handling.condition
}

named if {
	may_read
	originator.shown_by_name == true
}

named if {
	may_read
	some agreement in reference.agreements
	agreement.shows_names == true
	input.subject.agency in agreement.between
	input.record.originator in agreement.between
}

redactions contains "counterpart" if {
	input.action == "hit"
	not named
}

redactions contains "threat_level" if {
	input.action == "hit"
	not threat_levels
}

threat_levels if agency.threat_levels == true

redactions contains "agreements" if "query_right" in grants

redactions contains "band" if "query_right" in grants
