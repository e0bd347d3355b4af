# Match: may these two records be linked at all, and how far may the link rise?
#
# `record` and `context.counterpart` are the two records; the answer is the same whichever stands first.
# Nobody learns of the link from this decision alone: `notify` decides that per recipient.
#
# Asked for many pairs at a time: its rules are functions of the few facts they look at, as in `submission`.
# Rules of DOMAIN.md decided here: 1, 3 (embargo: for the director's desk), 4 (names alone), 9.
package passerelle.match

import data.passerelle.lib.verdict
import data.passerelle.lib.words
import data.reference
import rego.v1

decisions := {id: object.union(decided(request), data.revision) | some id, request in input.requests}

decision := decided(input)

default decided(_) := {
	"schema": 1,
	"allow": false,
	"grants": [],
	"reasons": [{"code": "facts_missing", "params": {}}],
	"obligations": [],
	"redactions": [],
}

decided(request) := verdict.of(
	granted(request),
	denials(request),
	ceiling(request.context.proven_tiers) | desk(request.record.embargoed, request.context.counterpart.embargoed),
	set(),
) if request.action == "link"

# May they be compared more finely? Who is asked learns that a record of its own is like some other.
decided(request) := verdict.of(
	granted(request),
	denials(request) | closer_look(
		request.record.domain,
		request.record.embargoed,
		request.context.counterpart.embargoed,
	),
	set(),
	set(),
) if request.action == "look_closer"

granted(request) := grants_link(
	request.record.domain,
	request.context.counterpart.domain,
	request.record.purposes,
	request.context.counterpart.purposes,
)

denials(request) := union({
	parties(
		request.record.originator,
		request.context.counterpart.originator,
		request.record.domain,
		request.context.counterpart.domain,
	),
	accreditation(
		request.record.domain,
		request.record.classification,
		request.context.counterpart.classification,
	),
	purpose(request.record.purposes, request.context.counterpart.purposes),
	evidence(request.record.domain, request.context.proven_tiers),
	embargo_stated(request.record.embargoed, request.context.counterpart.embargoed),
})

grants_link(domain, other_domain, purposes, other_purposes) := {"common_purpose"} if {
	domain == other_domain
	purpose_shared(purposes, other_purposes)
} else := set()

purpose_shared(purposes, other_purposes) if count(words.of(purposes) & words.of(other_purposes)) > 0

# Whose records they are: two agencies that take part, in one domain that both have joined.
parties(first, second, domain, other_domain) := union({
	activity(first, second),
	strangers(first, second),
	one_domain(domain, other_domain),
	membership(first, second, domain),
})

activity(first, second) := set() if {
	reference.agencies[first].status == "active"
	reference.agencies[second].status == "active"
} else := {{"code": "agency_inactive", "params": {}}}

strangers(first, second) := {{"code": "same_originator", "params": {}}} if {
	first == second
} else := set()

one_domain(domain, other_domain) := set() if {
	domain == other_domain
} else := {{"code": "domains_differ", "params": {}}}

membership(first, second, domain) := set() if {
	domain in reference.agencies[first].domains
	domain in reference.agencies[second].domains
} else := {{"code": "domain_not_joined", "params": {}}}

# Rule 9: both no more secret than the domain is accredited for.
accreditation(domain, classification, other_classification) := {{"code": "facts_missing", "params": {}}} if {
	not ranks(classification, other_classification)
} else := set() if {
	classification <= reference.domains[domain].accreditation
	other_classification <= reference.domains[domain].accreditation
} else := {{"code": "domain_not_accredited", "params": {}}}

ranks(classification, other_classification) if {
	is_number(classification)
	is_number(other_classification)
}

# Rule 1: a purpose in common.
purpose(purposes, other_purposes) := soundness(purposes) | (soundness(other_purposes) | common(purposes, other_purposes))

common(purposes, other_purposes) := set() if {
	purpose_shared(purposes, other_purposes)
} else := {{"code": "purposes_differ", "params": {}}}

# A list that is none, or holds more than texts, is among the facts that are missing.
soundness(list) := set() if {
	words.sound(list)
} else := {{"code": "facts_missing", "params": {}}}

# What they agree in.
evidence(domain, tiers) := union({
	soundness(tiers),
	proof(tiers),
	tiers_allowed(domain, tiers),
})

proof(tiers) := set() if {
	count(words.of(tiers)) > 0
} else := {{"code": "evidence_missing", "params": {}}}

tiers_allowed(domain, tiers) := {{"code": "tier_not_allowed", "params": {"tier": tier}} |
	some tier in words.of(tiers)
	not tier_taken(domain, tier)
}

tier_taken(domain, tier) if tier in reference.domains[domain].tiers

embargo_stated(embargoed, other_embargoed) := set() if {
	is_boolean(embargoed)
	is_boolean(other_embargoed)
} else := {{"code": "facts_missing", "params": {}}}

# Rule 4: names alone make a candidate.
ceiling(tiers) := set() if {
	some tier in words.of(tiers)
	reference.tiers[tier].candidate_only == false
} else := {{"type": "link_at_most", "value": "candidate"}}

# Rule 3: where either is under embargo, the link is the director's.
desk(embargoed, other_embargoed) := set() if {
	embargoed == false
	other_embargoed == false
} else := {{"type": "director_only", "value": true}}

closer_look(domain, embargoed, other_embargoed) := set() if {
	reference.domains[domain].closer_look == true
	embargoed == false
	other_embargoed == false
} else := {{"code": "closer_look_not_allowed", "params": {}}}
