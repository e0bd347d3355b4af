# Admin: operators' own actions, and the plain reads and subscriptions of enrolled parties.
#
# Which role may do what stands in the document `actions`; a role counts only if the agency's own entry
# lists it. Rules of DOMAIN.md decided here: 1 (a stated purpose where the action asks for one), 13 (how long the log
# is kept), 14, 15.
package passerelle.admin

import data.passerelle.lib.verdict
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

decision := verdict.of(grants, denials, set(), set()) if input.subject.agency

agency := reference.agencies[input.subject.agency]

action := reference.actions[input.action]

grants contains "role" if {
	role_held
	role_allowed
}

role_held if input.subject.role in agency.acts_as

role_allowed if input.subject.role in action.roles

denials contains {"code": "action_unknown", "params": {}} if not action_known

action_known if action.roles

denials contains {"code": "agency_inactive", "params": {}} if not active

active if agency.status == "active"

denials contains {"code": "role_not_held", "params": {}} if not role_held

denials contains {"code": "role_not_allowed", "params": {}} if not role_allowed

denials contains {"code": "purpose_missing", "params": {}} if {
	action.purpose == true
	not purpose_stated
}

purpose_stated if reference.purposes[input.context.purpose]

denials contains {"code": "second_approver_missing", "params": {"needed": action.approvals}} if {
	action.approvals > 0
	not approved
}

approved if input.context.approvals >= action.approvals

# Rule 13: what is acted on must be old enough; the log is kept thirty years.
denials contains {"code": "log_kept", "params": {"days": action.min_age_days}} if {
	action.min_age_days > 0
	not old_enough
}

old_enough if input.context.age_days >= action.min_age_days
