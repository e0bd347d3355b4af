# Rules are named as in DOMAIN.md's list of sixteen.
package passerelle.submission_test

import data.passerelle.submission
import rego.v1

base := {
	"schema": 1,
	"action": "put",
	"subject": {"agency": "police", "role": "connector"},
	"record": {
		"originator": "police",
		"entity": "person",
		"classification": 2,
		"handling": "H0",
		"handling_condition": "",
		"domain": "ter",
		"legal_basis": "be_ter_2024",
		"purposes": ["counter_terrorism"],
		"ter_category": "none",
		"age_band": "adult",
		"embargoed": false,
		"special_categories": [],
		"key_tiers": ["core", "strong"],
		"normaliser": "norm/1",
	},
	"context": {"channel": "automatic"},
}

asked(patch) := decision if {
	decision := submission.decision with input as object.union(base, patch)
}

refused_for(patch, code) if {
	decision := asked(patch)
	decision.allow == false
	some reason in decision.reasons
	reason.code == code
}

allowed_with(patch, kind, value) if {
	decision := asked(patch)
	decision.allow == true
	some obligation in decision.obligations
	obligation == {"type": kind, "value": value}
}

test_writer_is_allowed if asked({}).grants == ["write_right"]

test_default_is_denial if {
	decision := submission.decision with input as {}
	decision.allow == false
}

test_unknown_action_is_denied if refused_for({"action": "seize"}, "facts_missing")

test_rule_1_purpose_is_mandatory if refused_for({"record": {"purposes": []}}, "purpose_missing")

test_rule_1_purpose_must_fit_domain if refused_for({"record": {"purposes": ["sanctions"]}}, "purpose_not_allowed")

test_rule_1_legal_basis_is_mandatory if refused_for({"record": {"legal_basis": ""}}, "legal_basis_missing")

test_rule_1_legal_basis_must_fit_domain if {
	refused_for({"record": {"legal_basis": "published_list"}}, "legal_basis_not_allowed")
}

test_rule_2_h2_is_not_shared_onward if allowed_with({"record": {"handling": "H2"}}, "no_onward_sharing", true)

test_rule_2_h1_is_no_evidence if allowed_with({"record": {"handling": "H1"}}, "not_as_evidence", true)

test_rule_2_h3_states_its_condition if {
	allowed_with({"record": {"handling": "H3", "handling_condition": "call_first"}}, "condition", "call_first")
}

test_rule_2_h3_without_condition if refused_for({"record": {"handling": "H3"}}, "condition_missing")

test_unknown_handling if refused_for({"record": {"handling": "H9"}}, "handling_unknown")

test_rule_3_embargo_goes_to_director if allowed_with({"record": {"embargoed": true}}, "director_only", true)

test_rule_4_names_only_where_taken if refused_for({"record": {"key_tiers": ["core", "names"]}}, "tier_not_allowed")

test_rule_4_names_in_list_domain if {
	asked({"record": {
		"domain": "lists",
		"classification": 1,
		"legal_basis": "published_list",
		"purposes": ["sanctions"],
		"key_tiers": ["names"],
	}}).allow
}

test_rule_6_pre_investigation_six_months if {
	allowed_with({"record": {"ter_category": "pre_investigation"}}, "keep_days_at_most", 180)
}

test_rule_7_under_twelve if refused_for({"record": {"age_band": "under_12"}}, "under_12_refused")

test_rule_7_minor_gets_shorter_clock if allowed_with({"record": {"age_band": "minor"}}, "keep_days_at_most", 5475)

test_rule_7_minor_is_reviewed_sooner if allowed_with({"record": {"age_band": "minor"}}, "review_within_days", 1095)

test_rule_7_unknown_band if refused_for({"record": {"age_band": "elderly"}}, "age_band_unknown")

test_rule_8_special_categories if refused_for({"record": {"special_categories": ["health"]}}, "special_category_refused")

test_rule_9_domain_accreditation if refused_for({"record": {"classification": 4}}, "domain_not_accredited")

test_rule_9_agency_clearance if {
	refused_for({"subject": {"agency": "prisons"}, "record": {"originator": "prisons", "classification": 3}}, "clearance_too_low")
}

test_rule_9_unknown_classification if refused_for({"record": {"classification": 9}}, "classification_unknown")

test_rule_10_manual_push if refused_for({"record": {"domain": "detention"}}, "manual_push_only")

test_rule_10_pushed_by_a_person if {
	asked({"record": {"domain": "detention"}, "context": {"channel": "manual"}}).allow
}

test_rule_16_purely_political if {
	refused_for({"record": {"entity": "organisation", "special_categories": ["political_opinion"]}}, "organisation_refused")
}

test_rule_16_purely_religious if {
	refused_for({"record": {"entity": "organisation", "special_categories": ["religion"]}}, "organisation_refused")
}

test_rule_12_originator_withdraws if {
	asked({"action": "withdraw", "record": {"domain": "gone"}}).grants == ["originator_withdraws"]
}

test_withdrawal_by_another if {
	refused_for({"action": "withdraw", "record": {"originator": "customs"}}, "originator_mismatch")
}

test_another_agencys_record if refused_for({"record": {"originator": "customs"}}, "originator_mismatch")

test_suspended_agency if {
	refused_for({"subject": {"agency": "transport"}, "record": {"originator": "transport"}}, "agency_inactive")
}

test_unknown_agency if refused_for({"subject": {"agency": "nobody"}}, "agency_inactive")

test_role_not_held if refused_for({"subject": {"role": "operator"}}, "role_not_held")

test_no_write_right if {
	decision := submission.decision with input as object.union(base, {"subject": {"agency": "oversight"}})
	decision.allow == false
}

test_unknown_domain if refused_for({"record": {"domain": "nowhere"}}, "domain_unknown")

test_domain_not_joined if {
	refused_for({"subject": {"agency": "customs"}, "record": {"originator": "customs", "domain": "detention"}}, "domain_not_joined")
}

test_other_normaliser if refused_for({"record": {"normaliser": "norm/0"}}, "normaliser_not_allowed")

test_unknown_ter_category if refused_for({"record": {"ter_category": "rumour"}}, "ter_category_unknown")

test_batch_is_keyed_by_id if {
	answers := submission.decisions with input as {"requests": {"a": base, "b": {}, "c": null}}
	object.get(answers, "a", {}).allow == true
	object.get(answers, "b", {}).allow == false
	object.get(answers, "c", {}).allow == false
}
