# Rules are named as in DOMAIN.md's list of sixteen.
package passerelle.disclose_test

import data.passerelle.disclose
import rego.v1

base := {
	"schema": 1,
	"action": "request",
	"now": 1000,
	"subject": {"agency": "prisons", "role": "analyst", "user": true, "clearance": 2},
	"record": {
		"originator": "police",
		"domain": "ter",
		"classification": 2,
		"handling": "H0",
		"handling_condition": "",
		"purposes": ["counter_terrorism"],
		"embargoed": false,
	},
	"context": {
		"purpose": "counter_terrorism",
		"legal_basis": "be_ter_2024",
		"case": true,
		"link_state": "notified",
		"urgency": "other",
		"direct": false,
		"sections": ["identity"],
	},
}

release := {
	"action": "release",
	"subject": {"agency": "police"},
	"context": {
		"counterpart": {"agency": "prisons"},
		"asked": ["identity", "circumstances", "source"],
		"authorised": false,
		"director_agrees": false,
		"originator_agrees": false,
	},
}

refuse := {"action": "refuse", "subject": {"agency": "police"}, "context": {"refusal": "source_protection"}}

granted := {"context": {"grant": {"agency": "prisons", "expires": 2000}}}

fetch := object.union(granted, {"action": "fetch", "subject": {"role": "connector", "user": false}})

onward := object.union(granted, {"action": "onward", "context": {"counterpart": {"agency": "intelligence"}, "consent": false, "condition_met": false}})

correct := {"action": "correct", "subject": {"agency": "police", "role": "connector", "user": false}}

confirm := object.union(granted, {"action": "confirm", "subject": {"role": "connector", "user": false}})

asked(patches) := decision if {
	decision := disclose.decision with input as object.union_n(array.concat([base], patches))
}

refused_for(patches, code) if {
	decision := asked(patches)
	decision.allow == false
	decision.obligations == []
	some reason in decision.reasons
	reason.code == code
}

told(patches, kind) := obligation.value if {
	decision := asked(patches)
	decision.allow == true
	some obligation in decision.obligations
	obligation.type == kind
}

record(patch) := {"record": patch}

context(patch) := {"context": patch}

test_request_is_allowed if asked([]).grants == ["need_to_know"]

test_default_is_denial if {
	decision := disclose.decision with input as {}
	decision.allow == false
}

test_unknown_action if refused_for([{"action": "seize"}], "facts_missing")

test_rule_1_purpose_is_mandatory if refused_for([context({"purpose": ""})], "purpose_missing")

test_rule_1_legal_basis_is_mandatory if refused_for([context({"legal_basis": ""})], "legal_basis_missing")

test_rule_1_case_is_mandatory if refused_for([context({"case": false})], "case_missing")

test_rule_1_purpose_of_the_record if refused_for([record({"purposes": ["threat_assessment"]})], "purposes_differ")

test_rule_1_purpose_of_the_receiver if {
	refused_for([release, record({"purposes": ["counter_extremism"]}), context({"purpose": "counter_extremism"})], "purpose_not_allowed")
}

test_rule_2_the_originator_releases if asked([release]).grants == ["originator_releases"]

test_rule_2_nobody_else_releases if refused_for([release, record({"originator": "customs"})], "not_originator")

test_rule_2_the_originator_refuses if asked([refuse]).grants == ["originator_refuses"]

test_rule_2_refusal_is_coded if refused_for([refuse, context({"refusal": "mood"})], "refusal_code_unknown")

test_rule_2_not_more_than_asked if refused_for([release, context({"sections": ["attachments"]})], "section_not_asked")

test_rule_2_h0_is_free_within_the_purpose if asked([onward]).grants == ["onward_within_purpose"]

test_rule_2_h1_is_no_evidence_onward if told([onward, record({"handling": "H1"})], "not_as_evidence") == true

test_rule_2_h2_needs_consent if refused_for([onward, record({"handling": "H2"})], "consent_missing")

test_rule_2_h2_with_consent if {
	asked([onward, record({"handling": "H2"}), context({"consent": true})]).grants == ["originator_consents"]
}

test_rule_2_h3_needs_its_condition if {
	refused_for([onward, record({"handling": "H3", "handling_condition": "call_first"})], "condition_not_met")
}

test_rule_2_h3_on_its_condition if {
	told([onward, record({"handling": "H3", "handling_condition": "call_first"}), context({"condition_met": true})], "condition") == "call_first"
}

test_rule_2_obligations_travel if told([release, record({"handling": "H2"})], "no_onward_sharing") == true

test_rule_2_grant_of_another if refused_for([fetch, context({"grant": {"agency": "customs"}})], "grant_not_held")

test_rule_2_grant_expires if refused_for([fetch, {"now": 2000}], "grant_expired")

test_rule_3_embargoed_cannot_be_asked_for if refused_for([record({"embargoed": true})], "embargoed")

test_rule_3_hidden_link_cannot_be_asked_for if refused_for([context({"link_state": "director_only"})], "embargoed")

test_rule_3_release_needs_the_director if {
	refused_for([release, record({"embargoed": true}), context({"originator_agrees": true})], "joint_decision_missing")
}

test_rule_3_release_needs_the_originator if {
	refused_for([release, record({"embargoed": true}), context({"director_agrees": true})], "joint_decision_missing")
}

test_rule_3_joint_decision if {
	asked([release, record({"embargoed": true}), context({"director_agrees": true, "originator_agrees": true})]).grants == ["joint_decision"]
}

test_rule_3_never_onward if refused_for([onward, record({"embargoed": true})], "embargoed")

test_rule_5_a_named_human_releases if refused_for([release, {"subject": {"user": false}}], "person_missing")

test_rule_5_no_connector_releases if refused_for([release, {"subject": {"role": "connector"}}], "role_not_allowed")

test_rule_9_clearance_of_who_asks if refused_for([record({"classification": 3})], "clearance_too_low")

test_rule_9_clearance_of_who_receives if {
	refused_for([release, {"subject": {"clearance": 4}}, record({"classification": 3})], "clearance_too_low")
}

test_rule_9_clearance_of_the_person if refused_for([{"subject": {"clearance": 1}}], "clearance_too_low")

test_rule_11_query_right_asks_for_nothing if refused_for([{"subject": {"agency": "customs"}}], "query_right_only")

test_rule_11_query_right_receives_nothing if {
	refused_for([release, context({"counterpart": {"agency": "customs"}})], "query_right_only")
}

test_rule_12_corrections_reach_recipients if {
	told([correct], "tell_recipients") == true
	told([correct], "confirm_within_hours") == 48
}

test_rule_12_only_the_originator_corrects if refused_for([correct, record({"originator": "customs"})], "not_originator")

test_rule_12_recipients_confirm if asked([confirm]).grants == ["recipient_confirms"]

test_rule_12_confirmed_after_the_grant_expired if asked([confirm, {"now": 5000}]).allow

test_rule_13_an_access_nobody_could_explain if {
	refused_for([{"subject": {"user": false}, "context": {"purpose": "", "case": false}}], "person_missing")
}

test_urgent_and_direct_is_eight_hours if told([context({"urgency": "urgent", "direct": true})], "answer_within_hours") == 8

test_urgent_and_indirect_is_three_days if told([context({"urgency": "urgent"})], "answer_within_hours") == 72

test_other_is_seven_days if told([], "answer_within_hours") == 168

test_core_data_after_a_confirmed_match if told([context({"link_state": "confirmed"})], "answer_within_hours") == 48

test_more_than_core_data if {
	told([context({"link_state": "confirmed", "sections": ["identity", "source"]})], "answer_within_hours") == 168
}

test_unknown_urgency if refused_for([context({"urgency": "soon"})], "urgency_unknown")

test_unknown_section if refused_for([context({"sections": ["diary"]})], "section_unknown")

test_unknown_section_released if refused_for([release, context({"sections": ["diary"], "asked": ["diary"]})], "section_unknown")

test_source_needs_an_authorisation if refused_for([release, context({"sections": ["source"]})], "authorisation_missing")

test_source_with_authorisation if asked([release, context({"sections": ["source"], "authorised": true})]).allow

test_refuted_link if refused_for([context({"link_state": "refuted"})], "link_closed")

test_own_record if refused_for([record({"originator": "prisons"})], "same_originator")

test_release_to_oneself if refused_for([release, context({"counterpart": {"agency": "police"}})], "same_agency")

test_release_to_a_suspended_agency if {
	refused_for([release, context({"counterpart": {"agency": "transport"}})], "agency_inactive")
}

test_release_to_nobody if refused_for([release, context({"counterpart": {"agency": "nobody"}})], "agency_inactive")

test_release_outside_the_domain if {
	refused_for([release, record({"domain": "detention"}), context({"counterpart": {"agency": "migration"}})], "domain_not_joined")
}

test_release_has_its_limits if {
	told([release], "expires_within_days") == 30
	told([release], "feedback_within_days") == 30
}

test_fetch_under_a_grant if asked([fetch]).grants == ["grant_held"]

test_fetch_without_facts if refused_for([{"action": "fetch", "subject": {"role": "connector"}}], "facts_missing")

test_suspended_agency if refused_for([{"subject": {"agency": "transport"}}], "agency_inactive")

test_no_right_at_all if refused_for([{"subject": {"agency": "oversight"}}], "right_missing")

test_batch_is_keyed_by_id if {
	answers := disclose.decisions with input as {"requests": {"a": base, "b": {}, "c": null}}
	object.get(answers, "a", {}).allow == true
	object.get(answers, "b", {}).allow == false
	object.get(answers, "c", {}).allow == false
}
