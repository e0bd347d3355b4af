# Case: who sits at the table, who reads and writes there, and who may judge a link.
#
#   open    a case is opened by the coordinator, or by an analyst who holds a record in it
#   invite  the coordinator gives `counterpart.agency` a seat
#   read, note, task   of members
#   close   by the coordinator
#   judge   a holder of one of a link's records confirms or refutes it
#
# `record` is what the case holds, taken together: the highest classification, every originator, embargoed as soon as
# one record is. Rules of DOMAIN.md decided here: 1, 2, 3, 4, 5, 9, 11, 13, 14 (oversight has no seat: it reads the log).
package passerelle.case

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

decision := verdict.of(grants, denials, set(), set()) if procedure.roles

procedure := reference.procedures.case[input.action]

agency := object.get(reference.agencies, input.subject.agency, {})

guest := object.get(reference.agencies, input.context.counterpart.agency, {})

domain := object.get(reference.domains, input.record.domain, {})

law := object.get(reference.legal_bases, input.context.legal_basis, {})

tlp := reference.tlp[input.record.tlp]

link_state := reference.link_states[input.context.link_state]

given := {
	"purpose": input.context.purpose,
	"legal_basis": input.context.legal_basis,
	"case": input.context.case,
}

originators := words.of(input.record.originators)

purposes := words.of(input.record.purposes)

releasable_to := words.of(input.record.releasable_to)

consents := words.of(input.context.consents)

members := words.of(input.context.members)

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
	is_string(input.record.domain)
	is_number(input.record.classification)
	is_boolean(input.record.embargoed)
	words.sound(input.record.originators)
	words.sound(input.record.purposes)
}

action_stated if input.action == "open"

action_stated if {
	input.action == "invite"
	is_string(input.context.counterpart.agency)
	words.sound(input.record.releasable_to)
	words.sound(input.context.consents)
	is_boolean(input.context.director_agrees)
	is_boolean(input.context.originator_agrees)
	tlp.title
}

action_stated if {
	input.action in {"read", "note", "task", "close"}
	words.sound(input.context.members)
}

action_stated if {
	input.action == "judge"
	link_state.audience
	is_string(input.context.verdict)
	is_boolean(input.context.justified)
}

denials contains {"code": "facts_missing", "params": {}} if not facts_complete

denials contains denial if {
	some denial in standing.denials(agency, input.subject.role, input.subject.user, procedure)
}

denials contains denial if {
	some denial in basis.denials(agency, input.record.domain, domain, law, given)
}

# Everybody who acts is cleared for what the case holds (rule 9), for a purpose that its records share (rule 1).
denials contains {"code": "clearance_too_low", "params": {}} if not cleared

cleared if {
	input.record.classification <= agency.clearance
	input.record.classification <= input.subject.clearance
}

denials contains {"code": "purposes_differ", "params": {}} if not purpose_shared

purpose_shared if input.context.purpose in purposes

# Rule 3: an embargoed case is the director's; others join it by joint decision.
denials contains {"code": "embargoed", "params": {}} if {
	input.action in {"open", "read", "note", "task", "close", "judge"}
	not free_of_embargo
	not desk
	not admitted
}

free_of_embargo if input.record.embargoed == false

desk if {
	input.subject.role == "director"
	"director" in agency.acts_as
}

# Members of an embargoed case were each invited by joint decision.
admitted if {
	input.action in {"read", "note", "task", "close"}
	member
}

denials contains denial if {
	input.action == "invite"
	some denial in invite_denials
}

denials contains {"code": "not_member", "params": {}} if {
	input.action in {"read", "note", "task", "close"}
	not member
}

member if input.subject.agency in members

denials contains {"code": "not_own_record", "params": {}} if {
	input.action in {"open", "judge"}
	not coordinates
	not holder
}

holder if input.subject.agency in originators

coordinates if {
	input.action == "open"
	input.subject.role == "coordinator"
	"coordinator" in agency.acts_as
}

denials contains denial if {
	input.action == "judge"
	some denial in judge_denials
}

# Whoever gets a seat: active, reads by right (rule 11), cleared (rule 9), in the domain, for the purpose.
invite_denials contains {"code": "agency_inactive", "params": {}} if not guest_active

guest_active if guest.status == "active"

invite_denials contains {"code": "right_missing", "params": {"right": "read"}} if {
	not guest_reads
	not guest_queries
}

invite_denials contains {"code": "query_right_only", "params": {}} if {
	guest_queries
	not guest_reads
}

guest_reads if "read" in guest.rights

guest_queries if "query" in guest.rights

invite_denials contains {"code": "clearance_too_low", "params": {}} if not guest_cleared

guest_cleared if input.record.classification <= guest.clearance

invite_denials contains {"code": "domain_not_joined", "params": {}} if not guest_joined

guest_joined if input.record.domain in guest.domains

invite_denials contains {"code": "purpose_not_allowed", "params": {"purpose": input.context.purpose}} if {
	is_string(input.context.purpose)
	not guest_has_purpose
}

guest_has_purpose if input.context.purpose in guest.purposes

# Rule 2: every originator at the table lets the guest know, by its marking or by consent.
invite_denials contains {"code": "consent_missing", "params": {"originator": name}} if {
	some name in originators
	not lets_know(name)
}

lets_know(name) if name in consents

lets_know(name) if name == input.context.counterpart.agency

lets_know(_) if releasable

releasable if input.context.counterpart.agency in releasable_to

releasable if {
	count(releasable_to) == 0
	tlp.named_recipients_only == false
}

invite_denials contains {"code": "joint_decision_missing", "params": {"who": "director"}} if {
	not free_of_embargo
	not director_agrees
}

invite_denials contains {"code": "joint_decision_missing", "params": {"who": "originator"}} if {
	not free_of_embargo
	not originator_agrees
}

director_agrees if input.context.director_agrees == true

originator_agrees if input.context.originator_agrees == true

# Rule 5: a human judges a link that agencies may know of, with a ground, and by a known finding.
judge_denials contains {"code": "embargoed", "params": {}} if link_state.audience == "director"

judge_denials contains {"code": "candidate_not_shown", "params": {}} if {
	link_state.audience == "candidates"
	not candidates_shown
}

candidates_shown if domain.candidates == "analysts"

judge_denials contains {"code": "link_closed", "params": {}} if link_state.audience == "nobody"

judge_denials contains {"code": "verdict_unknown", "params": {}} if not verdict_known

verdict_known if reference.verdicts[input.context.verdict]

judge_denials contains {"code": "justification_missing", "params": {}} if {
	reference.verdicts[input.context.verdict].justification == true
	not justified
}

justified if input.context.justified == true

grants contains "coordinator_opens" if coordinates

grants contains "holder_opens" if {
	input.action == "open"
	holder
}

grants contains "seat" if {
	input.action == "invite"
	free_of_embargo
}

grants contains "joint_decision" if {
	input.action == "invite"
	director_agrees
	originator_agrees
	not free_of_embargo
}

grants contains "member" if {
	input.action in {"read", "note", "task"}
	member
}

grants contains "coordinator_closes" if {
	input.action == "close"
	member
}

grants contains "holder_judges" if {
	input.action == "judge"
	holder
}
