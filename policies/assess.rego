# Assess: who may appraise, who sets the level 1 to 4, who publishes it, who may read it.
#
#   appraise   a member's own view, before the level is set
#   set_level  the coordinator's, by gravity and likelihood (for persons also capability and intention), with a
#              reason and a validity, after the others were heard; the director's where there is an embargo
#   publish    by two persons
#   read       whoever is entitled to threat levels, the query right included
#
# `record` is what the assessment is about, taken together. Rules of DOMAIN.md decided here: 1, 3, 5 (no level rests
# on a link that no human judged), 9, 11, 13.
package passerelle.assess

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

procedure := reference.procedures.assess[input.action]

agency := object.get(reference.agencies, input.subject.agency, {})

domain := object.get(reference.domains, input.record.domain, {})

law := object.get(reference.legal_bases, input.context.legal_basis, {})

entity := reference.assessed_entities[input.context.entity]

given := {
	"purpose": input.context.purpose,
	"legal_basis": input.context.legal_basis,
	"case": input.context.case,
}

link_states := words.of(input.context.link_states)

judgements := words.of(input.context.judged)

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
	entity.judgements
}

action_stated if {
	input.action == "appraise"
	judged_stated
}

action_stated if {
	input.action == "set_level"
	judged_stated
	is_number(input.context.appraisals)
	is_number(input.context.valid_days)
	words.sound(input.context.link_states)
}

action_stated if {
	input.action == "publish"
	is_number(input.context.level)
	is_number(input.context.approvals)
}

action_stated if input.action == "read"

judged_stated if {
	is_number(input.context.level)
	words.sound(input.context.judged)
	is_boolean(input.context.explained)
}

denials contains {"code": "facts_missing", "params": {}} if not facts_complete

denials contains denial if {
	some denial in standing.denials(agency, input.subject.role, input.subject.user, procedure)
}

denials contains denial if {
	some denial in basis.denials(agency, input.record.domain, domain, law, given)
}

# Rule 9.
denials contains {"code": "clearance_too_low", "params": {}} if not cleared

cleared if {
	input.record.classification <= agency.clearance
	input.record.classification <= input.subject.clearance
}

denials contains {"code": "domain_not_accredited", "params": {}} if not accredited

accredited if input.record.classification <= domain.accreditation

# Rule 3: an assessment of what is under embargo is the director's alone, from appraisal to publication.
denials contains {"code": "embargoed", "params": {}} if {
	not free_of_embargo
	not desk
}

for_desk if {
	desk
	not free_of_embargo
}

# The director sets and publishes what is under embargo and nothing else.
denials contains {"code": "role_not_allowed", "params": {}} if {
	input.action in {"set_level", "publish"}
	not coordinates
	not for_desk
}

free_of_embargo if input.record.embargoed == false

desk if {
	input.subject.role == "director"
	"director" in agency.acts_as
}

denials contains {"code": "not_entitled", "params": {}} if {
	input.action == "read"
	not entitled
}

entitled if agency.threat_levels == true

denials contains denial if {
	input.action in {"appraise", "set_level"}
	some denial in judgement_denials
}

denials contains {"code": "level_unknown", "params": {}} if {
	input.action in {"appraise", "set_level", "publish"}
	not level_known
}

level_known if {
	some entry in reference.threat_levels
	entry.level == input.context.level
}

judgement_denials contains {"code": "judgement_missing", "params": {"fact": fact}} if {
	some fact in entity.judgements
	not judged(fact)
}

judged(fact) if fact in judgements

judgement_denials contains {"code": "explanation_missing", "params": {}} if not explained

explained if input.context.explained == true

denials contains denial if {
	input.action == "set_level"
	some denial in level_denials
}

level_denials contains {"code": "appraisals_missing", "params": {"needed": reference.limits.appraisals}} if {
	not heard
}

heard if input.context.appraisals >= reference.limits.appraisals

heard if for_desk

level_denials contains {"code": "validity_too_long", "params": {"days": reference.limits.assessment_valid_days}} if {
	not valid_short
}

valid_short if {
	input.context.valid_days > 0
	input.context.valid_days <= reference.limits.assessment_valid_days
}

# Rule 5: nothing adverse is decided by a score.
level_denials contains {"code": "link_not_judged", "params": {"state": state}} if {
	some state in link_states
	not state_judged(state)
}

state_judged(state) if reference.link_states[state].judged == true

denials contains {"code": "second_approver_missing", "params": {"needed": procedure.approvals}} if {
	procedure.approvals > 0
	not approved
}

approved if input.context.approvals >= procedure.approvals

grants contains "appraiser" if input.action == "appraise"

grants contains "coordinator_sets" if {
	input.action == "set_level"
	coordinates
}

coordinates if {
	input.subject.role == "coordinator"
	"coordinator" in agency.acts_as
}

grants contains "director_desk" if {
	input.action in {"set_level", "publish"}
	for_desk
}

grants contains "two_persons" if {
	input.action == "publish"
	approved
}

grants contains "entitled" if {
	input.action == "read"
	entitled
	free_of_embargo
}

grants contains "director_desk" if {
	input.action == "read"
	desk
}

obligations contains {"type": "valid_days_at_most", "value": reference.limits.assessment_valid_days} if {
	input.action == "set_level"
}

obligations contains {"type": "audience", "value": "entitled"} if {
	input.action == "publish"
	free_of_embargo
}

obligations contains {"type": "audience", "value": "director"} if {
	input.action == "publish"
	not free_of_embargo
}
