package passerelle.admin_test

import data.passerelle.admin
import rego.v1

asked(action, agency, role, context) := decision if {
	decision := admin.decision with input as {
		"schema": 1,
		"action": action,
		"subject": {"agency": agency, "role": role},
		"context": context,
	}
}

refused_for(decision, code) if {
	decision.allow == false
	some reason in decision.reasons
	reason.code == code
}

test_connector_reads_directory if asked("directory.read", "police", "connector", {}).grants == ["role"]

test_connector_subscribes if asked("notifications.subscribe", "police", "connector", {}).allow

test_operator_writes_agencies if asked("agencies.write", "coordination", "operator", {}).allow

test_connector_writes_no_agencies if refused_for(asked("agencies.write", "police", "connector", {}), "role_not_allowed")

test_claimed_role if refused_for(asked("agencies.write", "police", "operator", {}), "role_not_held")

test_rule_14_supervisor_reads_log if asked("log.read", "oversight", "supervisor", {}).allow

test_rule_14_supervisor_changes_nothing if refused_for(asked("agencies.write", "oversight", "supervisor", {}), "role_not_allowed")

test_rule_15_search_needs_purpose if refused_for(asked("log.search", "oversight", "supervisor", {}), "purpose_missing")

test_rule_15_search_with_purpose if asked("log.search", "oversight", "supervisor", {"purpose": "threat_assessment"}).allow

test_activation_needs_two if {
	refused_for(asked("policies.activate", "coordination", "operator", {"approvals": 1}), "second_approver_missing")
}

test_activation_by_two if asked("policies.activate", "coordination", "operator", {"approvals": 2}).allow

test_suspended_agency if refused_for(asked("directory.read", "transport", "connector", {}), "agency_inactive")

test_unknown_action if refused_for(asked("hub.explode", "coordination", "operator", {}), "action_unknown")

test_default_is_denial if {
	decision := admin.decision with input as {}
	decision.allow == false
}

test_batch_is_keyed_by_id if {
	answers := admin.decisions with input as {"requests": {"b": {}}}
	object.get(answers, "b", {}).allow == false
}

test_rule_13_log_is_kept_thirty_years if {
	refused_for(asked("log.expire", "coordination", "operator", {"purpose": "threat_assessment", "approvals": 2, "age_days": 10957}), "log_kept")
	refused_for(asked("log.expire", "coordination", "operator", {"purpose": "threat_assessment", "approvals": 2}), "log_kept")
}

test_rule_13_older_log_by_two if {
	asked("log.expire", "coordination", "operator", {"purpose": "threat_assessment", "approvals": 2, "age_days": 10958}).allow
}
