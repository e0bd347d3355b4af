# Notify: may this recipient learn of this link, and what of it?
#
# `record` is the recipient's own record (or, for the director's desk, either of the two),
# `context.counterpart` the other one. The obligation `visibility` says what is told:
#   match      the counterpart's kinds of identifiers, quality band and markings
#   candidate  that names agree, for analysts of a domain that shows candidates; never as a match
#   existence  that something exists, and the threat assessment; then ask a basic service
#   director   the director's desk
#
# Asked for many recipients at a time: its rules are functions of the few facts they look at, as in `submission`.
# Rules of DOMAIN.md decided here: 1, 2, 3, 4, 9, 11, and need-to-know.
package passerelle.notify

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
	granted(
		request.subject.agency,
		request.subject.role,
		request.record.embargoed,
		request.context.counterpart.embargoed,
		request.context.link_state,
		request.context.counterpart.domain,
	),
	union({
		standing(request.subject.agency, request.subject.role, request.context.counterpart.classification),
		ownership(request.subject.agency, request.subject.role, request.record.originator),
		openness(
			request.subject.agency,
			request.subject.role,
			request.record.embargoed,
			request.context.counterpart.embargoed,
			request.context.link_state,
			request.context.counterpart.domain,
		),
		need(
			request.subject.agency,
			request.subject.role,
			request.record.domain,
			request.context.counterpart.domain,
			request.record.purposes,
			request.context.counterpart.purposes,
		),
		release(
			request.subject.agency,
			request.subject.role,
			request.context.counterpart.releasable_to,
			request.context.counterpart.tlp,
		),
		treatment(request.context.counterpart.handling, request.context.counterpart.handling_condition),
	}),
	union({
		visible(
			request.subject.agency,
			request.subject.role,
			request.record.embargoed,
			request.context.counterpart.embargoed,
			request.context.link_state,
			request.context.counterpart.domain,
		),
		introduction(request.subject.agency, request.subject.role, request.context.counterpart.originator),
		handling_travels(request.context.counterpart.handling),
		condition_travels(request.context.counterpart.handling, request.context.counterpart.handling_condition),
	}),
	withheld(
		request.subject.agency,
		request.subject.role,
		request.context.counterpart.originator,
		request.context.link_state,
	),
) if request.action == "notify"

# Who asks, and of what kind of link.
desk(agency, role) if {
	role == "director"
	"director" in reference.agencies[agency].acts_as
}

analyst(agency, role) if {
	role == "analyst"
	"analyst" in reference.agencies[agency].acts_as
}

may_read(agency) if "read" in reference.agencies[agency].rights

for_director(embargoed, _, _) if embargoed == true

for_director(_, other_embargoed, _) if other_embargoed == true

for_director(_, _, state) if reference.link_states[state].audience == "director"

candidates_shown(domain) if reference.domains[domain].candidates == "analysts"

existence_alone(agency, role, state) if {
	analyst(agency, role)
	"query" in reference.agencies[agency].rights
	not may_read(agency)
	reference.link_states[state].audience == "agencies"
}

# What may be learnt.
granted(agency, role, embargoed, other_embargoed, state, domain) := union({
	grants_desk(agency, role, embargoed, other_embargoed, state),
	grants_match(agency, role, state),
	grants_candidate(agency, role, state, domain),
	grants_existence(agency, role, state),
})

# Rule 3: what is under embargo, or suppressed, is the director's.
grants_desk(agency, role, embargoed, other_embargoed, state) := {"director_desk"} if {
	desk(agency, role)
	for_director(embargoed, other_embargoed, state)
} else := set()

grants_match(agency, role, state) := {"need_to_know"} if {
	analyst(agency, role)
	may_read(agency)
	reference.link_states[state].audience == "agencies"
} else := set()

# Rule 4: names alone.
grants_candidate(agency, role, state, domain) := {"candidates_shown"} if {
	analyst(agency, role)
	may_read(agency)
	reference.link_states[state].audience == "candidates"
	candidates_shown(domain)
} else := set()

# Rule 11: existence and the threat assessment, then ask a basic service.
grants_existence(agency, role, state) := {"query_right"} if {
	existence_alone(agency, role, state)
} else := set()

# What everybody must satisfy, the director's desk too.
standing(agency, role, classification) := union({
	activity(agency),
	part(agency, role),
	rank(classification),
	clearance(agency, classification),
})

activity(agency) := set() if {
	reference.agencies[agency].status == "active"
} else := {{"code": "agency_inactive", "params": {}}}

part(agency, role) := set() if {
	desk(agency, role)
} else := set() if {
	analyst(agency, role)
} else := {{"code": "role_not_held", "params": {}}}

rank(classification) := set() if {
	known_rank(classification)
} else := {{"code": "facts_missing", "params": {}}}

known_rank(classification) if {
	some level in reference.classifications
	level.rank == classification
}

# Rule 9.
clearance(agency, classification) := set() if {
	known_rank(classification)
	classification <= reference.agencies[agency].clearance
} else := {{"code": "clearance_too_low", "params": {}}}

# What an agency must satisfy beyond the desk. The record must be its own.
ownership(agency, role, originator) := set() if {
	desk(agency, role)
} else := set() if {
	originator == agency
} else := {{"code": "not_own_record", "params": {}}}

# The link must be one for agencies.
openness(agency, role, embargoed, other_embargoed, state, domain) := embargo_stated(embargoed, other_embargoed) | known(state) if {
	desk(agency, role)
} else := union({
	embargo_stated(embargoed, other_embargoed),
	known(state),
	embargo(embargoed, other_embargoed, state),
	candidate(state, domain),
	closed(state),
})

embargo_stated(embargoed, other_embargoed) := set() if {
	is_boolean(embargoed)
	is_boolean(other_embargoed)
} else := {{"code": "facts_missing", "params": {}}}

known(state) := set() if {
	reference.link_states[state].audience
} else := {{"code": "facts_missing", "params": {}}}

embargo(embargoed, other_embargoed, state) := {{"code": "embargoed", "params": {}}} if {
	for_director(embargoed, other_embargoed, state)
} else := set()

candidate(state, domain) := {{"code": "candidate_not_shown", "params": {}}} if {
	reference.link_states[state].audience == "candidates"
	not candidates_shown(domain)
} else := set()

closed(state) := {{"code": "link_closed", "params": {}}} if {
	reference.link_states[state].audience == "nobody"
} else := set()

# Rule 1: in the same domain, for a purpose that both records share and the recipient has.
need(agency, role, domain, other_domain, purposes, other_purposes) := soundness(purposes) | soundness(other_purposes) if {
	desk(agency, role)
} else := union({
	soundness(purposes),
	soundness(other_purposes),
	membership(agency, domain, other_domain),
	purpose(agency, purposes, other_purposes),
})

# A list that is none, or holds more than texts, is among the facts that are missing.
soundness(list) := set() if {
	words.sound(list)
} else := {{"code": "facts_missing", "params": {}}}

membership(agency, domain, other_domain) := set() if {
	other_domain in reference.agencies[agency].domains
	other_domain == domain
} else := {{"code": "domain_not_joined", "params": {}}}

purpose(agency, purposes, other_purposes) := set() if {
	some shared in (words.of(purposes) & words.of(other_purposes))
	shared in reference.agencies[agency].purposes
} else := {{"code": "purposes_differ", "params": {}}}

# Rule 2: the originator's releasability. An empty list means whoever policy lets know, unless the
# traffic light colour asks for named recipients.
release(agency, role, releasable_to, tlp) := soundness(releasable_to) | colour(tlp) if {
	desk(agency, role)
} else := union({
	soundness(releasable_to),
	colour(tlp),
	releasability(agency, releasable_to, tlp),
})

colour(tlp) := set() if {
	reference.tlp[tlp].title
} else := {{"code": "facts_missing", "params": {}}}

releasability(agency, releasable_to, tlp) := set() if {
	agency in words.of(releasable_to)
} else := set() if {
	count(words.of(releasable_to)) == 0
	reference.tlp[tlp].named_recipients_only == false
} else := {{"code": "not_releasable", "params": {}}}

treatment(handling, condition) := set() if {
	reference.handling_codes[handling].obligations
	is_string(condition)
} else := {{"code": "facts_missing", "params": {}}}

# What is told, and on which conditions.
visibility := {
	"director_desk": "director",
	"need_to_know": "match",
	"candidates_shown": "candidate",
	"query_right": "existence",
}

visible(agency, role, embargoed, other_embargoed, state, domain) := {{"type": "visibility", "value": visibility[grant]} |
	some grant in granted(agency, role, embargoed, other_embargoed, state, domain)
}

introduction(agency, role, originator) := {{"type": "counterpart", "value": "named"}} if {
	named(agency, role, originator)
} else := {{"type": "counterpart", "value": "coordinator"}}

named(agency, role, _) if desk(agency, role)

named(agency, _, originator) if {
	may_read(agency)
	reference.agencies[originator].shown_by_name == true
}

named(agency, _, originator) if {
	may_read(agency)
	some agreement in reference.agreements
	agreement.shows_names == true
	agency in agreement.between
	originator in agreement.between
}

handling_travels(handling) := {obligation | some obligation in reference.handling_codes[handling].obligations}

condition_travels(handling, condition) := {{"type": "condition", "value": condition}} if {
	reference.handling_codes[handling].condition == true
} else := set()

# What is left out.
withheld(agency, role, originator, state) := union({
	redactions_name(agency, role, originator),
	redactions_threat(agency),
	redactions_agreements(agency, role, state),
	redactions_band(agency, role, state),
})

redactions_name(agency, role, originator) := {"counterpart"} if {
	not named(agency, role, originator)
} else := set()

redactions_threat(agency) := {"threat_level"} if {
	not entitled(agency)
} else := set()

entitled(agency) if reference.agencies[agency].threat_levels == true

redactions_agreements(agency, role, state) := {"agreements"} if {
	existence_alone(agency, role, state)
} else := set()

redactions_band(agency, role, state) := {"band"} if {
	existence_alone(agency, role, state)
} else := set()
