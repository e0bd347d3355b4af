# Submission: may this agency put this record into this domain, or withdraw it again?
#
# `standing` concerns the agency and holds for every action; all else concerns the record and holds for `put` alone, so
# that an originator can always withdraw (DOMAIN.md, rule 12).
#
# This package is asked for a thousand records at a time, so its rules are functions. Each one takes only the facts it
# looks at and answers with what stands against the request: nothing where its condition holds, else its denial. An
# engine that remembers calls within a query then decides each combination of facts once, however many records share it.
# A fact that is missing leaves `decided` at its default, a denial.
# Rules of DOMAIN.md decided here: 1 (purpose, legal basis), 6, 7, 8, 9, 10, 16, and the tiers of rule 4.
package passerelle.submission

import data.passerelle.lib.verdict
import data.passerelle.lib.words
import data.reference
import rego.v1

decisions := {id: object.union(decided(request), data.revision) | some id, request in input.requests}

decision := decided(input)

default decided(_) := {
	"schema": 1,
	"allow": false,
	"grants": [],
	"reasons": [{"code": "facts_missing", "params": {}}],
	"obligations": [],
	"redactions": [],
}

decided(request) := verdict.of(
	grants_writing(request.subject.agency),
	union({
		standing(request.subject.agency, request.subject.role, request.record.originator),
		entrance(request.subject.agency, request.record.domain, request.record.normaliser, request.context.channel),
		ground(request.subject.agency, request.record.domain, request.record.legal_basis, request.record.purposes),
		protection(
			request.subject.agency,
			request.record.domain,
			request.record.classification,
			request.record.handling,
			request.record.handling_condition,
		),
		subject(request.record.ter_category, request.record.age_band, request.record.embargoed),
		evidence(request.record.domain, request.record.key_tiers),
		sensitivity(
			request.record.domain,
			request.record.entity,
			request.record.ter_category,
			request.record.special_categories,
		),
	}),
	obligations(
		request.record.ter_category,
		request.record.age_band,
		request.record.handling,
		request.record.handling_condition,
		request.record.embargoed,
	),
	set(),
) if request.action == "put"

decided(request) := verdict.of(
	grants_withdrawal(request.subject.agency, request.record.originator),
	standing(request.subject.agency, request.subject.role, request.record.originator),
	set(),
	set(),
) if request.action == "withdraw"

grants_writing(agency) := {"write_right"} if {
	may_write(agency)
} else := set()

may_write(agency) if "write" in reference.agencies[agency].rights

grants_withdrawal(agency, originator) := {"originator_withdraws"} if {
	originator == agency
} else := set()

# Who submits.
standing(agency, role, originator) := union({
	activity(agency),
	part(agency, role),
	ownership(agency, originator),
})

activity(agency) := set() if {
	reference.agencies[agency].status == "active"
} else := {{"code": "agency_inactive", "params": {}}}

part(agency, role) := set() if {
	role == "connector"
	role in reference.agencies[agency].acts_as
} else := {{"code": "role_not_held", "params": {}}}

ownership(agency, originator) := set() if {
	originator == agency
} else := {{"code": "originator_mismatch", "params": {}}}

# Into which domain, and how.
entrance(agency, domain, normaliser, channel) := union({
	right(agency),
	existence(domain),
	membership(agency, domain),
	connection(domain, channel),
	normalisation(domain, normaliser),
})

right(agency) := set() if {
	may_write(agency)
} else := {{"code": "right_missing", "params": {"right": "write"}}}

existence(domain) := set() if {
	reference.domains[domain].accreditation
} else := {{"code": "domain_unknown", "params": {}}}

membership(agency, domain) := set() if {
	domain in reference.agencies[agency].domains
} else := {{"code": "domain_not_joined", "params": {}}}

# Rule 10: a domain under manual push takes only what a person pushed.
connection(domain, channel) := {{"code": "facts_missing", "params": {}}} if {
	not is_string(channel)
} else := set() if {
	reference.domains[domain].interconnection == "allowed"
} else := set() if {
	reference.domains[domain].interconnection == "manual_push"
	channel == "manual"
} else := {{"code": "manual_push_only", "params": {}}}

normalisation(domain, normaliser) := set() if {
	normaliser in reference.domains[domain].normalisers
} else := {{"code": "normaliser_not_allowed", "params": {}}}

# Rule 1: purpose and legal basis.
ground(agency, domain, law, purposes) := union({
	soundness(purposes),
	law_known(law),
	law_allowed(agency, domain, law),
	purpose_stated(purposes),
	purposes_allowed(agency, domain, law, purposes),
})

# A list that is none, or holds more than texts, is among the facts that are missing.
soundness(list) := set() if {
	words.sound(list)
} else := {{"code": "facts_missing", "params": {}}}

law_known(law) := set() if {
	reference.legal_bases[law].purposes
} else := {{"code": "legal_basis_missing", "params": {}}}

law_allowed(agency, domain, law) := set() if {
	law in reference.domains[domain].legal_bases
	law in reference.agencies[agency].legal_bases
} else := {{"code": "legal_basis_not_allowed", "params": {}}}

purpose_stated(purposes) := set() if {
	count(words.of(purposes)) > 0
} else := {{"code": "purpose_missing", "params": {}}}

purposes_allowed(agency, domain, law, purposes) := {{"code": "purpose_not_allowed", "params": {"purpose": purpose}} |
	some purpose in words.of(purposes)
	not purpose_fits(agency, domain, law, purpose)
}

purpose_fits(agency, domain, law, purpose) if {
	purpose in reference.domains[domain].purposes
	purpose in reference.legal_bases[law].purposes
	purpose in reference.agencies[agency].purposes
}

# How it is protected.
protection(agency, domain, classification, handling, condition) := union({
	secrecy(agency, domain, classification),
	treatment(handling, condition),
})

# Rule 9: classified data only where the domain is accredited for it, from an agency that is cleared.
secrecy(agency, domain, classification) := accreditation(domain, classification) | clearance(agency, classification) if {
	some level in reference.classifications
	level.rank == classification
} else := {{"code": "classification_unknown", "params": {}}}

accreditation(domain, rank) := {{"code": "domain_not_accredited", "params": {"accreditation": highest}}} if {
	highest := reference.domains[domain].accreditation
	rank > highest
} else := set()

clearance(agency, rank) := {{"code": "clearance_too_low", "params": {"clearance": highest}}} if {
	highest := reference.agencies[agency].clearance
	rank > highest
} else := set()

# Rule 2: handling codes, and the condition that H3 must name.
treatment(handling, condition) := {{"code": "facts_missing", "params": {}}} if {
	not is_string(condition)
} else := {{"code": "condition_missing", "params": {}}} if {
	reference.handling_codes[handling].condition == true
	condition == ""
} else := set() if {
	reference.handling_codes[handling].obligations
} else := {{"code": "handling_unknown", "params": {}}}

# Rule 4: key tiers, among them names alone, only where the domain takes them.
evidence(domain, tiers) := soundness(tiers) | {{"code": "tier_not_allowed", "params": {"tier": tier}} |
	some tier in words.of(tiers)
	not tier_taken(domain, tier)
}

tier_taken(domain, tier) if tier in reference.domains[domain].tiers

# Whom it is about. Rule 7: nobody under twelve.
subject(ter_category, age_band, embargoed) := union({
	category(ter_category),
	age(age_band),
	embargo_stated(embargoed),
})

category(name) := set() if {
	reference.ter_categories[name].keep_days
} else := {{"code": "ter_category_unknown", "params": {}}}

age(band) := set() if {
	reference.age_bands[band].refused == false
} else := {{"code": "under_12_refused", "params": {}}} if {
	reference.age_bands[band].refused == true
} else := {{"code": "age_band_unknown", "params": {}}}

embargo_stated(embargoed) := set() if {
	is_boolean(embargoed)
} else := {{"code": "facts_missing", "params": {}}}

# Rule 8 and rule 16: special categories of data, and organisations that are nothing but political, trade union or religious.
sensitivity(domain, entity, ter_category, names) := union({
	soundness(names),
	entity_stated(entity),
	special_categories(domain, names),
	organisation(entity, ter_category, names),
})

entity_stated(entity) := set() if {
	is_string(entity)
} else := {{"code": "facts_missing", "params": {}}}

special_categories(domain, names) := {{"code": "special_category_refused", "params": {"category": name}} |
	some name in words.of(names)
	not special_taken(domain, name)
}

special_taken(domain, name) if name in reference.domains[domain].special_categories

organisation(entity, ter_category, names) := {{"code": "organisation_refused", "params": {"category": name}} |
	some name in words.of(names)
	reference.special_categories[name].refuses_organisations
} if {
	entity == "organisation"
	ter_category == "none"
} else := set()

# What the hub owes the record: its clocks, its handling, its embargo.
obligations(ter_category, age_band, handling, condition, embargoed) := union({
	clocks(ter_category, age_band),
	handling_travels(handling),
	condition_travels(handling, condition),
	desk(embargoed),
})

# Rules 6 and 7: the shortest clock applies. What has no clock is not kept at all (and was denied above).
clocks(ter_category, age_band) := {
	{"type": "keep_days_at_most", "value": min({of_category.keep_days, of_age.keep_days})},
	{"type": "review_within_days", "value": min({of_category.review_days, of_age.review_days})},
} if {
	of_category := reference.ter_categories[ter_category]
	of_age := reference.age_bands[age_band]
} else := {{"type": "keep_days_at_most", "value": 0}}

handling_travels(handling) := {obligation | some obligation in reference.handling_codes[handling].obligations}

condition_travels(handling, condition) := {{"type": "condition", "value": condition}} if {
	reference.handling_codes[handling].condition == true
} else := set()

# Rule 3: an embargoed record is matched for the director's desk alone.
desk(embargoed) := {{"type": "director_only", "value": true}} if {
	embargoed == true
} else := set()
