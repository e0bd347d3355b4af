# Match: may these two records be linked at all, and how far may the link rise?
#
# `record` and `context.counterpart` are the two records; the answer is the same whichever stands first.
# Nobody learns of the link from this decision alone: `notify` decides that per recipient.
# Rules of DOMAIN.md decided here: 1, 3 (embargo: for the director's desk), 4 (names alone), 9.
package passerelle.match

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

decision := verdict.of(grants, denials, obligations, set()) if input.action == "link"

# May they be compared more finely? Who is asked learns that a record of its own is like some other.
decision := verdict.of(grants, denials | look_denials, set(), set()) if input.action == "look_closer"

first := reference.agencies[input.record.originator]

second := reference.agencies[input.context.counterpart.originator]

domain := reference.domains[input.record.domain]

purposes := words.of(input.record.purposes) & words.of(input.context.counterpart.purposes)

proven := words.of(input.context.proven_tiers)

facts_complete if {
	words.sound(input.record.purposes)
	words.sound(input.context.counterpart.purposes)
	words.sound(input.context.proven_tiers)
	is_boolean(input.record.embargoed)
	is_boolean(input.context.counterpart.embargoed)
	is_number(input.record.classification)
	is_number(input.context.counterpart.classification)
}

grants contains "common_purpose" if {
	count(purposes) > 0
	same_domain
}

same_domain if input.record.domain == input.context.counterpart.domain

both_active if {
	first.status == "active"
	second.status == "active"
}

both_joined if {
	input.record.domain in first.domains
	input.record.domain in second.domains
}

accredited if {
	input.record.classification <= domain.accreditation
	input.context.counterpart.classification <= domain.accreditation
}

denials contains {"code": "facts_missing", "params": {}} if not facts_complete

denials contains {"code": "agency_inactive", "params": {}} if not both_active

denials contains {"code": "same_originator", "params": {}} if {
	input.record.originator == input.context.counterpart.originator
}

denials contains {"code": "domains_differ", "params": {}} if not same_domain

denials contains {"code": "domain_not_joined", "params": {}} if not both_joined

denials contains {"code": "domain_not_accredited", "params": {}} if not accredited

denials contains {"code": "purposes_differ", "params": {}} if not common_purpose

common_purpose if count(purposes) > 0

denials contains {"code": "evidence_missing", "params": {}} if not evidence

evidence if count(proven) > 0

denials contains {"code": "tier_not_allowed", "params": {"tier": tier}} if {
	some tier in (proven - {allowed | some allowed in domain.tiers})
}

look_denials contains {"code": "closer_look_not_allowed", "params": {}} if not look_allowed

look_denials contains {"code": "closer_look_not_allowed", "params": {}} if embargoed

look_allowed if domain.closer_look == true

embargoed if input.record.embargoed == true

embargoed if input.context.counterpart.embargoed == true

sufficient if {
	some tier in proven
	reference.tiers[tier].candidate_only == false
}

obligations contains {"type": "director_only", "value": true} if embargoed

obligations contains {"type": "link_at_most", "value": "candidate"} if not sufficient
