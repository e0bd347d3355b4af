# Rules are named as in DOMAIN.md's list of sixteen.
package passerelle.assess_test

import data.passerelle.assess
import rego.v1

base := {
	"schema": 1,
	"action": "appraise",
	"subject": {"agency": "police", "role": "analyst", "user": true, "clearance": 3},
	"record": {"domain": "ter", "classification": 2, "embargoed": false},
	"context": {
		"purpose": "threat_assessment",
		"legal_basis": "be_ocam_2006",
		"case": true,
		"entity": "person",
		"level": 3,
		"judged": ["capability", "gravity", "intention", "likelihood"],
		"explained": true,
	},
}

set_level := {
	"action": "set_level",
	"subject": {"agency": "coordination", "role": "coordinator"},
	"context": {"appraisals": 2, "valid_days": 180, "link_states": ["confirmed"]},
}

publish := {
	"action": "publish",
	"subject": {"agency": "coordination", "role": "coordinator"},
	"context": {"approvals": 2},
}

read := {"action": "read"}

director := {"subject": {"agency": "coordination", "role": "director"}}

asked(patches) := decision if {
	decision := assess.decision with input as object.union_n(array.concat([base], patches))
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

record(patch) := {"record": patch}

context(patch) := {"context": patch}

test_members_appraise if asked([]).grants == ["appraiser"]

test_default_is_denial if {
	decision := assess.decision with input as {}
	decision.allow == false
}

test_unknown_action if refused_for([{"action": "seize"}], "facts_missing")

test_unknown_entity if refused_for([context({"entity": "cloud"})], "facts_missing")

test_rule_1_purpose_is_mandatory if refused_for([context({"purpose": ""})], "purpose_missing")

test_rule_1_legal_basis_is_mandatory if refused_for([context({"legal_basis": ""})], "legal_basis_missing")

test_rule_1_case_is_mandatory if refused_for([context({"case": false})], "case_missing")

test_coordinator_sets_the_level if {
	asked([set_level]).grants == ["coordinator_sets"]
	told([set_level], "valid_days_at_most") == 183
}

test_nobody_else_sets_the_level if refused_for([set_level, {"subject": {"agency": "police", "role": "analyst"}}], "role_not_allowed")

test_claimed_role if refused_for([set_level, {"subject": {"agency": "police"}}], "role_not_held")

test_others_are_heard_first if refused_for([set_level, context({"appraisals": 0})], "appraisals_missing")

test_validity_is_half_a_year if refused_for([set_level, context({"valid_days": 365})], "validity_too_long")

test_no_validity if refused_for([set_level, context({"valid_days": 0})], "validity_too_long")

test_levels_are_one_to_four if {
	refused_for([set_level, context({"level": 0})], "level_unknown")
	refused_for([set_level, context({"level": 5})], "level_unknown")
}

test_persons_by_capability_and_intention if {
	asked([context({"judged": ["gravity", "likelihood"]})]).reasons == [
		{"code": "judgement_missing", "params": {"fact": "capability"}},
		{"code": "judgement_missing", "params": {"fact": "intention"}},
	]
}

test_events_by_gravity_and_likelihood if asked([context({"entity": "event", "judged": ["gravity", "likelihood"]})]).allow

test_reason_is_mandatory if refused_for([set_level, context({"explained": false})], "explanation_missing")

test_two_persons_publish if asked([publish]).grants == ["two_persons"]

test_one_person_publishes_nothing if refused_for([publish, context({"approvals": 1})], "second_approver_missing")

test_published_to_whoever_is_entitled if told([publish], "audience") == "entitled"

test_rule_3_appraisal_under_embargo if refused_for([record({"embargoed": true})], "embargoed")

test_rule_3_published_to_the_director if {
	told([publish, director, record({"embargoed": true})], "audience") == "director"
}

test_rule_3_the_coordinator_knows_nothing_of_it if {
	refused_for([publish, record({"embargoed": true})], "embargoed")
	refused_for([set_level, record({"embargoed": true})], "embargoed")
}

test_rule_3_the_director_sets_it_alone if {
	asked([set_level, director, record({"embargoed": true}), context({"appraisals": 0})]).grants == ["director_desk"]
}

test_the_director_sets_nothing_else if refused_for([set_level, director], "role_not_allowed")

test_rule_3_reading_under_embargo if refused_for([read, record({"embargoed": true})], "embargoed")

test_rule_3_the_director_reads if asked([read, director, record({"embargoed": true})]).grants == ["director_desk"]

test_rule_5_a_named_human_sets if refused_for([set_level, {"subject": {"user": false}}], "person_missing")

test_rule_5_no_level_on_a_score if {
	asked([set_level, context({"link_states": ["confirmed", "notified"]})]).reasons == [{"code": "link_not_judged", "params": {"state": "notified"}}]
}

test_rule_9_clearance if refused_for([record({"classification": 4})], "clearance_too_low")

test_rule_9_accreditation if refused_for([set_level, {"subject": {"clearance": 5}}, record({"classification": 4})], "domain_not_accredited")

test_rule_11_query_right_reads_levels if asked([read, {"subject": {"agency": "customs"}}]).grants == ["entitled"]

test_rule_13_a_level_nobody_could_explain if refused_for([set_level, context({"explained": false})], "explanation_missing")

test_levels_are_an_entitlement if {
	refused_for([read, {"subject": {"agency": "migration", "clearance": 1}}, record({"classification": 1})], "not_entitled")
}

test_suspended_agency if refused_for([{"subject": {"agency": "transport"}}], "agency_inactive")

test_batch_is_keyed_by_id if {
	answers := assess.decisions with input as {"requests": {"a": base, "b": {}, "c": null}}
	object.get(answers, "a", {}).allow == true
	object.get(answers, "b", {}).allow == false
	object.get(answers, "c", {}).allow == false
}
