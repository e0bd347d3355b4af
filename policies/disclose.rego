# Disclose: may content be asked for, released, passed on, fetched, corrected?
#
#   request  may this be asked of the originator, and by when is the answer due
#   release  the originator's answer: `counterpart.agency` receives the sections
#   refuse   the originator's answer with a coded reason
#   onward   a receiver shares with `counterpart.agency`
#   fetch    a receiver fetches the stored sections under its grant
#   correct  the originator corrects or withdraws what was disclosed
#   confirm  a receiver confirms that it applied a correction
#
# `record` is the originator's record. Rules of DOMAIN.md decided here: 1, 2, 3, 5, 9, 11, 12, 13.
package passerelle.disclose

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

decision := verdict.of(grants, denials, obligations, set()) if procedure.roles

procedure := reference.procedures.disclose[input.action]

agency := object.get(reference.agencies, input.subject.agency, {})

receiver := object.get(reference.agencies, input.context.counterpart.agency, {})

domain := object.get(reference.domains, input.record.domain, {})

law := object.get(reference.legal_bases, input.context.legal_basis, {})

handling := reference.handling_codes[input.record.handling]

link_state := reference.link_states[input.context.link_state]

given := {
	"purpose": input.context.purpose,
	"legal_basis": input.context.legal_basis,
	"case": input.context.case,
}

purposes := words.of(input.record.purposes)

sections := words.of(input.context.sections)

asked := words.of(input.context.asked)

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
	is_string(input.record.originator)
	is_string(input.record.domain)
	is_string(input.record.handling_condition)
	is_number(input.record.classification)
	is_boolean(input.record.embargoed)
	words.sound(input.record.purposes)
	handling.obligations
}

action_stated if {
	input.action == "request"
	link_state.audience
	is_string(input.context.urgency)
	is_boolean(input.context.direct)
	words.sound(input.context.sections)
}

action_stated if {
	input.action == "release"
	is_string(input.context.counterpart.agency)
	words.sound(input.context.sections)
	words.sound(input.context.asked)
	is_boolean(input.context.authorised)
	is_boolean(input.context.director_agrees)
	is_boolean(input.context.originator_agrees)
}

action_stated if {
	input.action == "refuse"
	is_string(input.context.refusal)
}

action_stated if {
	input.action == "onward"
	is_string(input.context.counterpart.agency)
	is_boolean(input.context.consent)
	is_boolean(input.context.condition_met)
	grant_stated
}

action_stated if {
	input.action == "fetch"
	is_number(input.now)
	grant_stated
}

action_stated if input.action == "correct"

action_stated if {
	input.action == "confirm"
	grant_stated
}

grant_stated if {
	is_string(input.context.grant.agency)
	is_number(input.context.grant.expires)
}

denials contains {"code": "facts_missing", "params": {}} if not facts_complete

denials contains denial if {
	some denial in standing.denials(agency, input.subject.role, input.subject.user, procedure)
}

denials contains denial if {
	some denial in basis.denials(agency, input.record.domain, domain, law, given)
}

# What each action must satisfy. An action that is not named in a set is not touched by it.
denials contains denial if {
	input.action in {"release", "refuse", "correct"}
	some denial in originator_denials
}

denials contains denial if {
	input.action in {"request", "fetch", "onward"}
	some denial in reader_denials
}

denials contains denial if {
	input.action in {"release", "onward"}
	some denial in receiver_denials
}

denials contains denial if {
	input.action in {"onward", "fetch", "confirm"}
	some denial in grant_denials
}

denials contains denial if {
	input.action == "request"
	some denial in request_denials
}

denials contains denial if {
	input.action == "release"
	some denial in release_denials
}

denials contains denial if {
	input.action == "onward"
	some denial in onward_denials
}

denials contains {"code": "refusal_code_unknown", "params": {}} if {
	input.action == "refuse"
	not refusal_known
}

refusal_known if reference.refusal_codes[input.context.refusal]

# Rule 2: the originator decides.
originator_denials contains {"code": "not_originator", "params": {}} if not own_record

own_record if input.record.originator == input.subject.agency

# Whoever asks, fetches or passes on is cleared, and its purpose is one of the record's.
reader_denials contains {"code": "clearance_too_low", "params": {}} if not cleared

cleared if {
	input.record.classification <= agency.clearance
	input.record.classification <= input.subject.clearance
}

reader_denials contains {"code": "purposes_differ", "params": {}} if not purpose_shared

purpose_shared if input.context.purpose in purposes

# Whoever receives is active, reads by right (rule 11), is cleared (rule 9), and is in the domain for the purpose.
receiver_denials contains {"code": "agency_inactive", "params": {}} if not receiver_active

receiver_active if receiver.status == "active"

receiver_denials contains {"code": "same_agency", "params": {}} if input.context.counterpart.agency == input.subject.agency

receiver_denials contains {"code": "query_right_only", "params": {}} if not receiver_reads

receiver_reads if "read" in receiver.rights

receiver_denials contains {"code": "clearance_too_low", "params": {}} if not receiver_cleared

receiver_cleared if input.record.classification <= receiver.clearance

receiver_denials contains {"code": "domain_not_joined", "params": {}} if not receiver_joined

receiver_joined if input.record.domain in receiver.domains

receiver_denials contains {"code": "purpose_not_allowed", "params": {"purpose": input.context.purpose}} if {
	is_string(input.context.purpose)
	not receiver_has_purpose
}

receiver_has_purpose if {
	input.context.purpose in receiver.purposes
	input.context.purpose in purposes
}

# A grant is the receiver's own and has not expired.
grant_denials contains {"code": "grant_not_held", "params": {}} if not grant_held

grant_held if input.context.grant.agency == input.subject.agency

grant_denials contains {"code": "grant_expired", "params": {}} if {
	input.action != "confirm"
	not grant_valid
}

grant_valid if input.now < input.context.grant.expires

# A request. What is under embargo cannot be asked for: to the asker it does not exist.
request_denials contains {"code": "embargoed", "params": {}} if not askable

askable if {
	input.record.embargoed == false
	link_state.audience == "agencies"
}

request_denials contains {"code": "link_closed", "params": {}} if not link_open

link_open if link_state.disclosure == true

request_denials contains {"code": "same_originator", "params": {}} if own_record

request_denials contains {"code": "urgency_unknown", "params": {}} if not urgency_known

urgency_known if reference.urgencies[input.context.urgency]

request_denials contains {"code": "section_unknown", "params": {"section": section}} if {
	some section in sections
	not section_known(section)
}

section_known(section) if reference.sections[section]

# A release. Rule 5: `standing` wants a named human; here what that human may give.
release_denials contains {"code": "section_not_asked", "params": {"section": section}} if {
	some section in sections
	not section_asked(section)
}

section_asked(section) if section in asked

release_denials contains {"code": "section_unknown", "params": {"section": section}} if {
	some section in sections
	not section_known(section)
}

release_denials contains {"code": "authorisation_missing", "params": {"section": section}} if {
	some section in sections
	reference.sections[section].authorisation == true
	not authorised
}

authorised if input.context.authorised == true

# Rule 3: director and originator decide jointly on what is under embargo.
release_denials contains {"code": "joint_decision_missing", "params": {"who": "director"}} if {
	not free_of_embargo
	not director_agrees
}

release_denials contains {"code": "joint_decision_missing", "params": {"who": "originator"}} if {
	not free_of_embargo
	not originator_agrees
}

free_of_embargo if input.record.embargoed == false

director_agrees if input.context.director_agrees == true

originator_agrees if input.context.originator_agrees == true

# Onward: by handling code, free within the purpose, by consent, or on the stated condition.
onward_denials contains {"code": "embargoed", "params": {}} if not free_of_embargo

onward_denials contains {"code": "consent_missing", "params": {"originator": input.record.originator}} if {
	is_string(input.record.originator)
	not consented
	not free_within_purpose
	not on_condition
}

onward_denials contains {"code": "condition_not_met", "params": {}} if {
	on_condition
	not condition_met
	not consented
}

consented if input.context.consent == true

free_within_purpose if handling.onward == "within_purpose"

on_condition if handling.onward == "condition"

condition_met if input.context.condition_met == true

grants contains "need_to_know" if input.action == "request"

grants contains "originator_releases" if {
	input.action == "release"
	own_record
	free_of_embargo
}

grants contains "joint_decision" if {
	input.action == "release"
	director_agrees
	originator_agrees
	not free_of_embargo
}

grants contains "originator_refuses" if {
	input.action == "refuse"
	own_record
}

grants contains "originator_consents" if {
	input.action == "onward"
	consented
}

grants contains "onward_within_purpose" if {
	input.action == "onward"
	free_within_purpose
}

grants contains "onward_within_purpose" if {
	input.action == "onward"
	on_condition
	condition_met
}

grants contains "grant_held" if {
	input.action == "fetch"
	grant_held
	grant_valid
}

grants contains "originator_corrects" if {
	input.action == "correct"
	own_record
}

grants contains "recipient_confirms" if {
	input.action == "confirm"
	grant_held
}

# Time to answer: by urgency and kind of access; core data after a confirmed match sooner.
hours contains reference.urgencies[input.context.urgency].direct_hours if input.context.direct == true

hours contains reference.urgencies[input.context.urgency].indirect_hours if input.context.direct == false

hours contains reference.limits.core_after_match_hours if {
	input.context.link_state == "confirmed"
	core_only
}

core_only if {
	count(sections) > 0
	every section in sections {
		reference.sections[section].core == true
	}
}

obligations contains {"type": "answer_within_hours", "value": min(hours)} if {
	input.action == "request"
	count(hours) > 0
}

travelling if input.action in {"release", "onward", "fetch"}

obligations contains obligation if {
	travelling
	some obligation in handling.obligations
}

obligations contains {"type": "condition", "value": input.record.handling_condition} if {
	travelling
	handling.condition
}

obligations contains {"type": "expires_within_days", "value": reference.limits.grant_days} if input.action == "release"

obligations contains {"type": "feedback_within_days", "value": reference.limits.feedback_days} if {
	input.action == "release"
}

# Rule 12: corrections and withdrawals reach every recipient, who confirms applying them.
obligations contains {"type": "tell_recipients", "value": true} if input.action == "correct"

obligations contains {"type": "confirm_within_hours", "value": reference.limits.correction_hours} if {
	input.action == "correct"
}
