package passerelle.match_test

import data.passerelle.match
import rego.v1

side := {
	"originator": "police",
	"classification": 2,
	"domain": "ter",
	"purposes": ["counter_terrorism"],
	"embargoed": false,
}

base := {
	"schema": 1,
	"action": "link",
	"record": side,
	"context": {
		"proven_tiers": ["core"],
		"counterpart": object.union(side, {"originator": "prisons"}),
	},
}

asked(patch) := decision if {
	decision := match.decision with input as object.union(base, patch)
}

refused_for(patch, code) if {
	decision := asked(patch)
	decision.allow == false
	some reason in decision.reasons
	reason.code == code
}

in_lists := {"record": {"domain": "lists", "classification": 1}, "context": {"counterpart": {"domain": "lists", "classification": 1}}}

test_common_purpose if {
	asked({}).grants == ["common_purpose"]
	asked({}).obligations == []
}

test_default_is_denial if {
	decision := match.decision with input as {}
	decision.allow == false
}

test_rule_1_purposes_differ if {
	refused_for({"context": {"counterpart": {"purposes": ["threat_assessment"]}}}, "purposes_differ")
}

test_rule_3_embargo_for_director if {
	asked({"record": {"embargoed": true}}).obligations == [{"type": "director_only", "value": true}]
}

test_rule_3_embargo_of_counterpart if {
	asked({"context": {"counterpart": {"embargoed": true}}}).obligations == [{"type": "director_only", "value": true}]
}

test_rule_4_names_make_a_candidate if {
	decision := asked(object.union(in_lists, {"context": {"proven_tiers": ["names"], "counterpart": {"domain": "lists", "classification": 1}}}))
	decision.allow == true
	decision.obligations == [{"type": "link_at_most", "value": "candidate"}]
}

test_rule_4_names_beside_core if {
	asked(object.union(in_lists, {"context": {"proven_tiers": ["core", "names"], "counterpart": {"domain": "lists", "classification": 1}}})).obligations == []
}

test_rule_4_names_refused_elsewhere if refused_for({"context": {"proven_tiers": ["names"]}}, "tier_not_allowed")

test_rule_4_no_evidence if refused_for({"context": {"proven_tiers": []}}, "evidence_missing")

test_rule_9_accreditation if refused_for({"record": {"classification": 4}}, "domain_not_accredited")

test_domains_differ if refused_for({"record": {"domain": "lists", "classification": 1}}, "domains_differ")

test_same_originator if refused_for({"context": {"counterpart": {"originator": "police"}}}, "same_originator")

test_suspended_agency if refused_for({"context": {"counterpart": {"originator": "transport"}}}, "agency_inactive")

test_not_joined if {
	refused_for({"record": {"domain": "detention"}, "context": {"counterpart": {"originator": "customs", "domain": "detention"}}}, "domain_not_joined")
}

looked_at(patch, allowed) := decision if {
	domains := object.union(data.reference.domains, {"ter": object.union(data.reference.domains.ter, {"closer_look": allowed})})
	request := object.union(base, object.union({"action": "look_closer"}, patch))
	decision := match.decision with input as request with data.reference.domains as domains
}

test_closer_look_where_the_domain_says_so if {
	looked_at({}, true).allow == true
	looked_at({}, true).obligations == []
}

test_closer_look_is_off_by_default if {
	decision := match.decision with input as object.union(base, {"action": "look_closer"})
	decision.reasons == [{"code": "closer_look_not_allowed", "params": {}}]
}

test_no_closer_look_where_it_is_switched_off if looked_at({}, false).allow == false

test_no_closer_look_at_embargoed_records if {
	looked_at({"record": {"embargoed": true}}, true).reasons == [{"code": "closer_look_not_allowed", "params": {}}]
	looked_at({"context": {"counterpart": {"embargoed": true}}}, true).allow == false
}

test_batch_is_keyed_by_id if {
	answers := match.decisions with input as {"requests": {"a": base, "b": {}}}
	object.get(answers, "a", {}).allow == true
	object.get(answers, "b", {}).allow == false
}
