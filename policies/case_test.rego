# Rules are named as in DOMAIN.md's list of sixteen.
package passerelle.case_test

import data.passerelle.case as cases
import rego.v1

base := {
	"schema": 1,
	"action": "open",
	"subject": {"agency": "police", "role": "analyst", "user": true, "clearance": 3},
	"record": {
		"originators": ["police", "prisons"],
		"domain": "ter",
		"classification": 2,
		"tlp": "amber",
		"purposes": ["counter_terrorism"],
		"releasable_to": [],
		"embargoed": false,
	},
	"context": {"purpose": "counter_terrorism", "legal_basis": "be_ter_2024", "case": true},
}

coordinator := {"subject": {"agency": "coordination", "role": "coordinator"}}

invite := object.union(coordinator, {"action": "invite", "context": {
	"counterpart": {"agency": "intelligence"},
	"consents": [],
	"director_agrees": false,
	"originator_agrees": false,
}})

read := {"action": "read", "context": {"members": ["police", "coordination"]}}

close := object.union(coordinator, {"action": "close", "context": {"members": ["coordination"]}})

judge := {"action": "judge", "context": {"link_state": "notified", "verdict": "refuted", "justified": true}}

asked(patches) := decision if {
	decision := cases.decision with input as object.union_n(array.concat([base], patches))
}

refused_for(patches, code) if {
	decision := asked(patches)
	decision.allow == false
	some reason in decision.reasons
	reason.code == code
}

record(patch) := {"record": patch}

context(patch) := {"context": patch}

guest(name) := {"context": {"counterpart": {"agency": name}}}

test_holder_opens if asked([]).grants == ["holder_opens"]

test_coordinator_opens if asked([coordinator]).grants == ["coordinator_opens"]

test_others_open_nothing if refused_for([{"subject": {"agency": "intelligence"}}], "not_own_record")

test_default_is_denial if {
	decision := cases.decision with input as {}
	decision.allow == false
}

test_unknown_action if refused_for([{"action": "seize"}], "facts_missing")

test_rule_1_purpose_is_mandatory if refused_for([context({"purpose": ""})], "purpose_missing")

test_rule_1_legal_basis_is_mandatory if refused_for([context({"legal_basis": ""})], "legal_basis_missing")

test_rule_1_case_is_mandatory if refused_for([context({"case": false})], "case_missing")

test_rule_1_purpose_of_the_records if refused_for([record({"purposes": ["threat_assessment"]})], "purposes_differ")

test_rule_1_purpose_of_the_guest if {
	refused_for([invite, guest("prisons"), record({"purposes": ["counter_extremism"]}), context({"purpose": "counter_extremism"})], "purpose_not_allowed")
}

test_a_seat_at_the_table if asked([invite]).grants == ["seat"]

test_rule_2_originators_let_know if refused_for([invite, record({"tlp": "red"})], "consent_missing")

test_rule_2_by_marking if asked([invite, record({"tlp": "red", "releasable_to": ["intelligence"]})]).allow

test_rule_2_by_consent if asked([invite, record({"tlp": "red"}), context({"consents": ["police", "prisons"]})]).allow

test_rule_2_consent_of_each_one if {
	asked([invite, record({"tlp": "red"}), context({"consents": ["police"]})]).reasons == [{"code": "consent_missing", "params": {"originator": "prisons"}}]
}

test_rule_2_own_record_needs_no_consent if {
	asked([invite, guest("prisons"), record({"tlp": "red"}), context({"consents": ["police"]})]).allow
}

test_rule_3_embargoed_case_is_closed if refused_for([read, {"subject": {"agency": "intelligence"}}, record({"embargoed": true})], "embargoed")

test_rule_3_embargoed_case_is_not_opened_by_analysts if refused_for([record({"embargoed": true})], "embargoed")

test_rule_3_guest_needs_a_joint_decision if {
	refused_for([invite, record({"embargoed": true}), context({"director_agrees": true})], "joint_decision_missing")
	refused_for([invite, record({"embargoed": true}), context({"originator_agrees": true})], "joint_decision_missing")
}

test_rule_3_guest_by_joint_decision if {
	asked([invite, record({"embargoed": true}), context({"director_agrees": true, "originator_agrees": true})]).grants == ["joint_decision"]
}

test_rule_3_members_of_an_embargoed_case if asked([read, record({"embargoed": true})]).grants == ["member"]

test_rule_3_the_director_reads if {
	asked([read, {"subject": {"agency": "coordination", "role": "director"}}, record({"embargoed": true})]).allow
}

test_rule_3_hidden_link_is_not_judged if refused_for([judge, context({"link_state": "director_only"})], "embargoed")

test_rule_4_candidates_are_judged_where_they_are_shown if {
	refused_for([judge, context({"link_state": "candidate"})], "candidate_not_shown")
	asked([judge, record({"domain": "lists"}), context({"link_state": "candidate", "legal_basis": "published_list"})]).allow
}

test_rule_5_every_finding_is_known if {
	every verdict in ["under_review", "confirmed_justified", "confirmed_unjustified", "refuted", "undetermined"] {
		asked([judge, context({"verdict": verdict})]).grants == ["holder_judges"]
	}
}

test_rule_5_a_judged_link_is_judged_again if {
	every state in ["under_review", "confirmed", "refuted", "undetermined"] {
		asked([judge, context({"link_state": state})]).allow
	}
}

test_rule_11_query_right_judges_nothing if {
	refused_for([judge, {"subject": {"agency": "customs"}, "record": {"originators": ["customs", "prisons"]}}], "query_right_only")
}

test_rule_5_a_named_human_judges if refused_for([judge, {"subject": {"user": false}}], "person_missing")

test_rule_5_with_a_ground if refused_for([judge, context({"justified": false})], "justification_missing")

test_rule_5_a_holder_judges if asked([judge]).grants == ["holder_judges"]

test_rule_5_nobody_else_judges if refused_for([judge, {"subject": {"agency": "intelligence"}}], "not_own_record")

test_rule_9_clearance_of_the_guest if refused_for([invite, guest("migration")], "clearance_too_low")

test_rule_9_clearance_of_the_agency if refused_for([read, record({"classification": 5})], "clearance_too_low")

test_rule_9_clearance_of_the_person if refused_for([read, {"subject": {"clearance": 1}}], "clearance_too_low")

test_rule_11_query_right_has_no_seat if refused_for([invite, guest("customs")], "query_right_only")

test_rule_11_query_right_opens_nothing if refused_for([{"subject": {"agency": "customs"}}], "query_right_only")

test_rule_13_an_access_nobody_could_explain if {
	refused_for([read, {"subject": {"user": false}, "context": {"purpose": "", "case": false}}], "person_missing")
}

test_rule_14_oversight_has_no_seat if refused_for([invite, guest("oversight")], "right_missing")

test_members_read if asked([read]).grants == ["member"]

test_members_write_notes_and_tasks if {
	asked([read, {"action": "note"}]).allow
	asked([read, {"action": "task"}]).allow
}

test_others_read_nothing if refused_for([read, {"subject": {"agency": "intelligence"}}], "not_member")

test_coordinator_closes if asked([close]).grants == ["coordinator_closes"]

test_analysts_close_nothing if refused_for([read, {"action": "close"}], "role_not_allowed")

test_suspended_guest if refused_for([invite, guest("transport")], "agency_inactive")

test_unknown_guest if refused_for([invite, guest("nobody")], "agency_inactive")

test_guest_outside_the_domain if refused_for([invite, guest("migration"), record({"domain": "detention"})], "domain_not_joined")

test_erased_link if refused_for([judge, context({"link_state": "erased"})], "link_closed")

test_unknown_verdict if refused_for([judge, context({"verdict": "maybe"})], "verdict_unknown")

test_suspended_agency if refused_for([{"subject": {"agency": "transport"}}], "agency_inactive")

test_batch_is_keyed_by_id if {
	answers := cases.decisions with input as {"requests": {"a": base, "b": {}, "c": null}}
	object.get(answers, "a", {}).allow == true
	object.get(answers, "b", {}).allow == false
	object.get(answers, "c", {}).allow == false
}
