package passerelle.notify_test

import data.passerelle.notify
import rego.v1

base := {
	"schema": 1,
	"action": "notify",
	"subject": {"agency": "police", "role": "analyst"},
	"record": {"originator": "police", "domain": "ter", "purposes": ["counter_terrorism"], "embargoed": false},
	"context": {
		"link_state": "notified",
		"counterpart": {
			"originator": "prisons",
			"classification": 2,
			"handling": "H0",
			"handling_condition": "",
			"tlp": "amber",
			"releasable_to": [],
			"domain": "ter",
			"purposes": ["counter_terrorism", "threat_assessment"],
			"embargoed": false,
		},
	},
}

asked(patch) := decision if {
	decision := notify.decision with input as object.union(base, patch)
}

counterpart(patch) := {"context": {"counterpart": patch}}

told(patch, kind) := obligation.value if {
	decision := asked(patch)
	decision.allow == true
	some obligation in decision.obligations
	obligation.type == kind
}

refused_for(patch, code) if {
	decision := asked(patch)
	decision.allow == false
	decision.obligations == []
	some reason in decision.reasons
	reason.code == code
}

customs := {"subject": {"agency": "customs"}, "record": {"originator": "customs"}}

director := {"subject": {"agency": "coordination", "role": "director"}}

lists := {
	"record": {"domain": "lists"},
	"context": {"link_state": "candidate", "counterpart": {"domain": "lists", "classification": 1}},
}

test_need_to_know if {
	told({}, "visibility") == "match"
	told({}, "counterpart") == "named"
	asked({}).redactions == []
}

test_default_is_denial if {
	decision := notify.decision with input as {}
	decision.allow == false
}

test_rule_1_purposes_differ if refused_for(counterpart({"purposes": ["threat_assessment"]}), "purposes_differ")

test_rule_1_purpose_of_the_recipient if {
	refused_for({"subject": {"agency": "prisons"}, "record": {"originator": "prisons", "purposes": ["counter_extremism"]}, "context": {"counterpart": {"originator": "police", "purposes": ["counter_extremism"]}}}, "purposes_differ")
}

test_rule_2_named_recipients if told(counterpart({"releasable_to": ["police"], "tlp": "red"}), "visibility") == "match"

test_rule_2_not_a_named_recipient if refused_for(counterpart({"releasable_to": ["customs"]}), "not_releasable")

test_rule_2_red_needs_names if refused_for(counterpart({"tlp": "red"}), "not_releasable")

test_rule_2_amber_strict_needs_names if refused_for(counterpart({"tlp": "amber+strict"}), "not_releasable")

test_rule_2_onward_sharing if told(counterpart({"handling": "H2"}), "no_onward_sharing") == true

test_rule_2_condition if told(counterpart({"handling": "H3", "handling_condition": "call_first"}), "condition") == "call_first"

test_rule_3_embargoed_counterpart if refused_for(counterpart({"embargoed": true}), "embargoed")

test_rule_3_own_embargoed_record if refused_for({"record": {"embargoed": true}}, "embargoed")

test_rule_3_director_learns if told(object.union(director, {"record": {"embargoed": true}}), "visibility") == "director"

test_rule_3_director_only_for_hidden if {
	decision := asked(director)
	decision.allow == false
	decision.reasons == [{"code": "no_grant", "params": {}}]
}

test_rule_3_director_by_claim if refused_for({"subject": {"role": "director"}, "record": {"embargoed": true}}, "role_not_held")

test_rule_3_unknown_embargo if refused_for({"record": {"embargoed": "perhaps"}}, "facts_missing")

test_rule_4_candidate_where_shown if told(lists, "visibility") == "candidate"

test_rule_4_candidate_elsewhere if refused_for({"context": {"link_state": "candidate"}}, "candidate_not_shown")

test_rule_4_candidate_never_by_query_right if {
	decision := asked(object.union(lists, {"subject": {"agency": "customs"}, "record": {"originator": "customs", "domain": "lists"}}))
	decision.allow == false
}

test_rule_9_clearance if {
	refused_for({"subject": {"agency": "migration"}, "record": {"originator": "migration"}}, "clearance_too_low")
}

test_rule_11_query_right_is_existence if {
	told(customs, "visibility") == "existence"
	told(customs, "counterpart") == "coordinator"
	asked(customs).redactions == ["agreements", "band", "counterpart"]
}

test_threat_level_is_an_entitlement if {
	patch := {"subject": {"agency": "migration"}, "record": {"originator": "migration"}, "context": {"counterpart": {"classification": 1}}}
	asked(patch).redactions == ["threat_level"]
}

test_hidden_service_through_coordinator if {
	told(counterpart({"originator": "intelligence"}), "counterpart") == "coordinator"
	asked(counterpart({"originator": "intelligence"})).redactions == ["counterpart"]
}

test_agreement_shows_the_name if {
	decision := notify.decision with input as object.union(base, counterpart({"originator": "intelligence"}))
		with data.reference.agreements as {"pair": {"between": ["intelligence", "police"], "shows_names": true}}
	{"type": "counterpart", "value": "named"} in decision.obligations
}

test_suppressed_link if refused_for({"context": {"link_state": "suppressed"}}, "embargoed")

test_erased_link if refused_for({"context": {"link_state": "erased"}}, "link_closed")

test_unknown_state if refused_for({"context": {"link_state": "odd"}}, "facts_missing")

test_not_its_own_record if refused_for({"record": {"originator": "customs"}}, "not_own_record")

test_domain_not_joined if refused_for(counterpart({"domain": "lists"}), "domain_not_joined")

test_suspended_agency if refused_for({"subject": {"agency": "transport"}, "record": {"originator": "transport"}}, "agency_inactive")

test_batch_is_keyed_by_id if {
	answers := notify.decisions with input as {"requests": {"a": base, "b": {}}}
	object.get(answers, "a", {}).allow == true
	object.get(answers, "b", {}).allow == false
}
