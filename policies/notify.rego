# Notify: may this recipient learn of this link, and what of it?
#
# `record` is the recipient's own record (or, for the director's desk, either of the two),
# `context.counterpart` the other one. The obligation `visibility` says what is told:
#   match      the counterpart's kinds of identifiers, quality band and markings
#   candidate  that names agree, for analysts of a domain that shows candidates; never as a match
#   existence  that something exists, and the threat assessment; then ask a basic service
#   director   the director's desk
# Rules of DOMAIN.md decided here: 1, 2, 3, 4, 9, 11, and need-to-know.
package passerelle.notify

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

decision := verdict.of(grants, denials, obligations, redactions) if input.action == "notify"

agency := reference.agencies[input.subject.agency]

originator := reference.agencies[input.context.counterpart.originator]

domain := reference.domains[input.context.counterpart.domain]

link_state := reference.link_states[input.context.link_state]

handling := reference.handling_codes[input.context.counterpart.handling]

tlp := reference.tlp[input.context.counterpart.tlp]

releasable_to := words.of(input.context.counterpart.releasable_to)

purposes := words.of(input.record.purposes) & words.of(input.context.counterpart.purposes)

rank := level.rank if {
	some level in reference.classifications
	level.rank == input.context.counterpart.classification
}

facts_complete if {
	words.sound(input.record.purposes)
	words.sound(input.context.counterpart.purposes)
	words.sound(input.context.counterpart.releasable_to)
	is_boolean(input.record.embargoed)
	is_boolean(input.context.counterpart.embargoed)
	is_string(input.context.counterpart.handling_condition)
	link_state.audience
	handling.obligations
	tlp.title
	rank
}

desk if {
	input.subject.role == "director"
	"director" in agency.acts_as
}

analyst if {
	input.subject.role == "analyst"
	"analyst" in agency.acts_as
}

embargoed if input.record.embargoed == true

embargoed if input.context.counterpart.embargoed == true

for_director if embargoed

for_director if link_state.audience == "director"

may_read if "read" in agency.rights

may_query if "query" in agency.rights

grants contains "director_desk" if {
	desk
	for_director
}

grants contains "need_to_know" if {
	analyst
	may_read
	link_state.audience == "agencies"
}

grants contains "candidates_shown" if {
	analyst
	may_read
	link_state.audience == "candidates"
	domain.candidates == "analysts"
}

grants contains "query_right" if {
	analyst
	may_query
	not may_read
	link_state.audience == "agencies"
}

denials contains {"code": "facts_missing", "params": {}} if not facts_complete

denials contains {"code": "agency_inactive", "params": {}} if not active

active if agency.status == "active"

denials contains {"code": "role_not_held", "params": {}} if not role_held

role_held if desk

role_held if analyst

denials contains {"code": "clearance_too_low", "params": {}} if not cleared

cleared if rank <= agency.clearance

denials contains denial if {
	not desk
	some denial in agency_denials
}

# What an agency must satisfy beyond the desk. The record must be its own.
agency_denials contains {"code": "not_own_record", "params": {}} if not own_record

own_record if input.record.originator == input.subject.agency

agency_denials contains {"code": "embargoed", "params": {}} if for_director

agency_denials contains {"code": "candidate_not_shown", "params": {}} if {
	link_state.audience == "candidates"
	not candidates_shown
}

candidates_shown if domain.candidates == "analysts"

agency_denials contains {"code": "link_closed", "params": {}} if link_state.audience == "nobody"

agency_denials contains {"code": "domain_not_joined", "params": {}} if not joined

joined if {
	input.context.counterpart.domain in agency.domains
	input.context.counterpart.domain == input.record.domain
}

agency_denials contains {"code": "purposes_differ", "params": {}} if not common_purpose

common_purpose if {
	some purpose in purposes
	purpose in agency.purposes
}

# Rule 2: the originator's releasability. An empty list means whoever policy lets know, unless the
# traffic light colour asks for named recipients.
agency_denials contains {"code": "not_releasable", "params": {}} if not releasable

releasable if input.subject.agency in releasable_to

releasable if {
	count(releasable_to) == 0
	tlp.named_recipients_only == false
}

visibility := {
	"director_desk": "director",
	"need_to_know": "match",
	"candidates_shown": "candidate",
	"query_right": "existence",
}

obligations contains {"type": "visibility", "value": visibility[grant]} if some grant in grants

obligations contains {"type": "counterpart", "value": "named"} if named

obligations contains {"type": "counterpart", "value": "coordinator"} if not named

obligations contains obligation if some obligation in handling.obligations

obligations contains {"type": "condition", "value": input.context.counterpart.handling_condition} if handling.condition

named if desk

named if {
	may_read
	originator.shown_by_name == true
}

named if {
	may_read
	some agreement in reference.agreements
	agreement.shows_names == true
	input.subject.agency in agreement.between
	input.context.counterpart.originator in agreement.between
}

redactions contains "counterpart" if not named

redactions contains "threat_level" if not threat_levels

threat_levels if agency.threat_levels == true

redactions contains "agreements" if "query_right" in grants

redactions contains "band" if "query_right" in grants
