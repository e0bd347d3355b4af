# Rules are named as in DOMAIN.md's list of sixteen.
package passerelle.query_test

import data.passerelle.query
import rego.v1

base := {
	"schema": 1,
	"action": "ask",
	"subject": {"agency": "police", "role": "analyst", "user": true, "clearance": 3},
	"context": {
		"purpose": "counter_terrorism",
		"legal_basis": "be_ter_2024",
		"case": true,
		"domain": "ter",
		"channel": "automatic",
		"question": {
			"entity": "person",
			"age_band": "adult",
			"subject_category": "suspect",
			"normaliser": "norm/1",
			"key_tiers": ["core"],
			"special_categories": [],
		},
	},
}

found := {
	"originator": "prisons",
	"domain": "ter",
	"classification": 2,
	"handling": "H0",
	"handling_condition": "",
	"tlp": "amber",
	"purposes": ["counter_terrorism"],
	"releasable_to": [],
	"embargoed": false,
	"subject_category": "suspect",
}

hit := {"action": "hit", "record": found, "context": {"proven_tiers": ["core"]}}

list := {"action": "list"}

lists := {"domain": "lists", "legal_basis": "published_list"}

customs := {"subject": {"agency": "customs"}}

asked(patches) := decision if {
	decision := query.decision with input as object.union_n(array.concat([base], patches))
}

refused_for(patches, code) if {
	decision := asked(patches)
	decision.allow == false
	some reason in decision.reasons
	reason.code == code
}

told(patches, kind) := obligation.value if {
	decision := asked(patches)
	decision.allow == true
	some obligation in decision.obligations
	obligation.type == kind
}

question(patch) := {"context": {"question": patch}}

test_question_is_allowed if asked([]).grants == ["query_allowed"]

test_default_is_denial if {
	decision := query.decision with input as {}
	decision.allow == false
}

test_unknown_action if refused_for([{"action": "seize"}], "facts_missing")

test_rule_1_purpose_is_mandatory if refused_for([{"context": {"purpose": ""}}], "purpose_missing")

test_rule_1_purpose_must_fit if refused_for([{"context": {"purpose": "sanctions"}}], "purpose_not_allowed")

test_rule_1_legal_basis_is_mandatory if refused_for([{"context": {"legal_basis": ""}}], "legal_basis_missing")

test_rule_1_legal_basis_must_fit if refused_for([{"context": {"legal_basis": "published_list"}}], "legal_basis_not_allowed")

test_rule_1_case_is_mandatory if refused_for([{"context": {"case": false}}], "case_missing")

test_rule_1_purpose_of_the_record if refused_for([hit, {"record": {"purposes": ["threat_assessment"]}}], "purposes_differ")

test_rule_2_not_a_named_recipient if refused_for([hit, {"record": {"releasable_to": ["customs"]}}], "not_releasable")

test_rule_2_named_recipient if told([hit, {"record": {"releasable_to": ["police"], "tlp": "red"}}], "visibility") == "match"

test_rule_2_red_needs_names if refused_for([hit, {"record": {"tlp": "red"}}], "not_releasable")

test_rule_2_handling_travels if told([hit, {"record": {"handling": "H2"}}], "no_onward_sharing") == true

test_rule_2_condition_travels if {
	told([hit, {"record": {"handling": "H3", "handling_condition": "call_first"}}], "condition") == "call_first"
}

test_rule_3_embargoed_is_no_hit if refused_for([hit, {"record": {"embargoed": true}}], "embargoed")

test_rule_3_one_shape_of_answer if {
	told([], "uniform_answer") == true
	told([hit], "uniform_answer") == true
}

test_rule_4_names_not_asked_here if refused_for([question({"key_tiers": ["names"]})], "tier_not_allowed")

test_rule_4_no_evidence_asked if refused_for([question({"key_tiers": []})], "evidence_missing")

test_rule_4_names_alone_are_no_hit if refused_for([hit, {"context": {"proven_tiers": ["names"]}}], "candidate_not_shown")

test_rule_4_candidate_in_published_lists if {
	told([hit, {"record": {"domain": "lists", "classification": 1}, "context": lists}, {"context": {"proven_tiers": ["names"]}}], "visibility") == "candidate"
}

test_rule_4_no_candidate_by_query_right if {
	refused_for([hit, customs, {"record": {"domain": "lists", "classification": 1}, "context": lists}, {"context": {"proven_tiers": ["names"]}}], "candidate_not_shown")
}

test_rule_4_nothing_proven if refused_for([hit, {"context": {"proven_tiers": []}}], "evidence_missing")

test_rule_5_a_named_human_asks if refused_for([{"subject": {"user": false}}], "person_missing")

test_rule_7_under_twelve if refused_for([question({"age_band": "under_12"})], "under_12_refused")

test_rule_7_unknown_band if refused_for([question({"age_band": "elderly"})], "under_12_refused")

test_rule_7_children_of_fighters_are_not_searched if {
	refused_for([question({"subject_category": "child_of_fighter"})], "not_searchable")
}

test_rule_7_children_of_fighters_are_not_found if {
	refused_for([hit, {"record": {"subject_category": "child_of_fighter"}}], "not_searchable")
}

test_rule_8_special_categories if refused_for([question({"special_categories": ["health"]})], "special_category_refused")

test_rule_9_clearance_of_the_agency if {
	agencies := object.union(data.reference.agencies, {"police": {"clearance": 1}})
	decision := query.decision with input as object.union(base, hit) with data.reference.agencies as agencies
	decision.reasons == [{"code": "clearance_too_low", "params": {}}]
}

test_rule_9_clearance_of_the_person if refused_for([hit, {"subject": {"clearance": 1}}], "clearance_too_low")

test_rule_9_accreditation if refused_for([hit, {"record": {"classification": 4}}], "domain_not_accredited")

test_rule_9_another_domain if refused_for([hit, {"record": {"domain": "lists"}}], "domain_not_accredited")

test_rule_10_manual_push if refused_for([{"context": {"domain": "detention"}}], "manual_push_only")

test_rule_10_pushed_by_a_person if asked([{"context": {"domain": "detention", "channel": "manual"}}]).allow

test_rule_11_query_right_is_existence if {
	told([hit, customs], "visibility") == "existence"
	told([hit, customs], "contact_basic_service") == true
	told([hit, customs], "counterpart") == "coordinator"
	asked([hit, customs]).redactions == ["agreements", "band", "counterpart"]
}

test_rule_11_no_lists_by_query_right if refused_for([list, customs], "query_right_only")

test_rule_13_an_access_nobody_could_explain if {
	refused_for([{"subject": {"user": false}, "context": {"purpose": "", "case": false}}], "person_missing")
	refused_for([{"subject": {"user": false}, "context": {"purpose": "", "case": false}}], "case_missing")
}

test_rule_15_list if asked([list]).grants == ["list_allowed"]

test_rule_15_list_needs_clearance_of_the_agency if {
	refused_for([list, {"subject": {"agency": "prisons"}}], "clearance_too_low")
}

test_rule_15_list_needs_clearance_of_the_person if refused_for([list, {"subject": {"clearance": 2}}], "clearance_too_low")

test_rule_15_list_needs_purpose if refused_for([list, {"context": {"purpose": ""}}], "purpose_missing")

test_rule_16_purely_political if {
	refused_for([question({"entity": "organisation", "special_categories": ["political_opinion"]})], "organisation_refused")
}

test_hit_among_those_who_read if {
	told([hit], "visibility") == "match"
	told([hit], "counterpart") == "named"
	told([hit], "owner_told") == true
}

test_hidden_service_through_coordinator if {
	told([hit, {"record": {"originator": "intelligence"}}], "counterpart") == "coordinator"
	asked([hit, {"record": {"originator": "intelligence"}}]).redactions == ["counterpart"]
}

test_agreement_shows_the_name if {
	decision := query.decision with input as object.union_n([base, hit, {"record": {"originator": "intelligence"}}])
		with data.reference.agreements as {"pair": {"between": ["intelligence", "police"], "shows_names": true}}
	{"type": "counterpart", "value": "named"} in decision.obligations
}

test_threat_level_is_an_entitlement if {
	agencies := object.union(data.reference.agencies, {"police": {"threat_levels": false}})
	decision := query.decision with input as object.union(base, hit) with data.reference.agencies as agencies
	decision.redactions == ["threat_level"]
}

test_owner_is_not_told_of_published_lists if {
	decision := asked([hit, {"record": {"domain": "lists", "classification": 1}, "context": lists}])
	decision.allow
	not {"type": "owner_told", "value": true} in decision.obligations
}

test_other_normaliser if refused_for([question({"normaliser": "norm/0"})], "normaliser_not_allowed")

test_domain_not_joined if refused_for([{"subject": {"agency": "customs"}, "context": {"domain": "detention"}}], "domain_not_joined")

test_suspended_agency if refused_for([{"subject": {"agency": "transport"}}], "agency_inactive")

test_unknown_agency if refused_for([{"subject": {"agency": "nobody"}}], "agency_inactive")

test_role_not_held if refused_for([{"subject": {"role": "operator"}}], "role_not_held")

test_role_not_allowed if refused_for([{"subject": {"role": "connector"}}], "role_not_allowed")

test_no_right if refused_for([{"subject": {"agency": "prisons"}}], "right_missing")

test_batch_is_keyed_by_id if {
	answers := query.decisions with input as {"requests": {"a": base, "b": {}, "c": null}}
	object.get(answers, "a", {}).allow == true
	object.get(answers, "b", {}).allow == false
	object.get(answers, "c", {}).allow == false
}
