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
	grants_told(told),
	union({
		standing(agency, voice, request.context.counterpart.classification),
		ownership(agency, voice, request.record.originator),
		openness(voice, audience, domain),
		need(
			agency,
			voice,
			request.record.domain,
			domain,
			request.record.purposes,
			request.context.counterpart.purposes,
		),
		release(agency, voice, request.context.counterpart.releasable_to, request.context.counterpart.tlp),
		treatment(handling, condition),
	}),
	union({
		visible(told),
		{{"type": "counterpart", "value": introduced}},
		handling_travels(handling),
		condition_travels(handling, condition),
	}),
	union({
		redactions_name(introduced),
		redactions_threat(agency),
		redactions_agreements(told),
		redactions_band(told),
	}),
) if {
	request.action == "notify"
	agency := request.subject.agency
	domain := request.context.counterpart.domain
	handling := request.context.counterpart.handling
	condition := request.context.counterpart.handling_condition
	voice := voice_of(agency, request.subject.role)
	audience := audience_of(
		request.record.embargoed,
		request.context.counterpart.embargoed,
		request.context.link_state,
	)
	told := view(agency, voice, audience, domain)
	introduced := introduction(agency, voice, request.context.counterpart.originator)
}

# As what somebody asks: for the director's desk, as an agency's analyst, or as nobody who is told anything.
voice_of(agency, role) := role if {
	role in {"director", "analyst"}
	role in reference.agencies[agency].acts_as
} else := "nobody"

# For whom the link is. Rule 3: what is under embargo, or suppressed, is the director's.
audience_of(embargoed, other_embargoed, state) := "unknown" if {
	not stated(embargoed, other_embargoed, state)
} else := "director" if {
	embargoed == true
} else := "director" if {
	other_embargoed == true
} else := reference.link_states[state].audience

stated(embargoed, other_embargoed, state) if {
	is_boolean(embargoed)
	is_boolean(other_embargoed)
	reference.link_states[state].audience
}

may_read(agency) if "read" in reference.agencies[agency].rights

candidates_shown(domain) if reference.domains[domain].candidates == "analysts"

# What is told. Rule 4: names alone are a candidate; rule 11: the query right sees that something exists.
view(agency, voice, audience, domain) := "director" if {
	voice == "director"
	audience == "director"
} else := "match" if {
	voice == "analyst"
	audience == "agencies"
	may_read(agency)
} else := "candidate" if {
	voice == "analyst"
	audience == "candidates"
	candidates_shown(domain)
	may_read(agency)
} else := "existence" if {
	voice == "analyst"
	audience == "agencies"
	"query" in reference.agencies[agency].rights
} else := "nothing"

grants_told("director") := {"director_desk"}

grants_told("match") := {"need_to_know"}

grants_told("candidate") := {"candidates_shown"}

grants_told("existence") := {"query_right"}

grants_told("nothing") := set()

# What everybody must satisfy, the director's desk too.
standing(agency, voice, classification) := union({
	activity(agency),
	part(voice),
	clearance(agency, classification),
})

activity(agency) := set() if {
	reference.agencies[agency].status == "active"
} else := {{"code": "agency_inactive", "params": {}}}

part(voice) := {{"code": "role_not_held", "params": {}}} if {
	voice == "nobody"
} else := set()

# Rule 9.
clearance(agency, classification) := {{"code": "facts_missing", "params": {}}} if {
	not known_rank(classification)
} else := set() if {
	classification <= reference.agencies[agency].clearance
} else := {{"code": "clearance_too_low", "params": {}}}

known_rank(classification) if {
	some level in reference.classifications
	level.rank == classification
}

# What an agency must satisfy beyond the desk. The record must be its own.
ownership(agency, voice, originator) := set() if {
	voice == "director"
} else := set() if {
	originator == agency
} else := {{"code": "not_own_record", "params": {}}}

# The link must be one for agencies.
openness(voice, audience, domain) := {{"code": "facts_missing", "params": {}}} if {
	audience == "unknown"
} else := set() if {
	voice == "director"
} else := {{"code": "embargoed", "params": {}}} if {
	audience == "director"
} else := {{"code": "link_closed", "params": {}}} if {
	audience == "nobody"
} else := {{"code": "candidate_not_shown", "params": {}}} if {
	audience == "candidates"
	not candidates_shown(domain)
} else := set()

# Rule 1: in the same domain, for a purpose that both records share and the recipient has.
need(agency, voice, domain, other_domain, purposes, other_purposes) := {{"code": "facts_missing", "params": {}}} if {
	not both_sound(purposes, other_purposes)
} else := set() if {
	voice == "director"
} else := membership(agency, domain, other_domain) | purpose(agency, purposes, other_purposes)

both_sound(purposes, other_purposes) if {
	words.sound(purposes)
	words.sound(other_purposes)
}

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
release(agency, voice, releasable_to, tlp) := {{"code": "facts_missing", "params": {}}} if {
	not marked(releasable_to, tlp)
} else := set() if {
	voice == "director"
} else := set() if {
	agency in words.of(releasable_to)
} else := set() if {
	count(words.of(releasable_to)) == 0
	reference.tlp[tlp].named_recipients_only == false
} else := {{"code": "not_releasable", "params": {}}}

marked(releasable_to, tlp) if {
	words.sound(releasable_to)
	reference.tlp[tlp].title
}

treatment(handling, condition) := set() if {
	reference.handling_codes[handling].obligations
	is_string(condition)
} else := {{"code": "facts_missing", "params": {}}}

# On which conditions it is told, and whether the other service is named.
visible(view_of) := set() if {
	view_of == "nothing"
} else := {{"type": "visibility", "value": view_of}}

introduction(agency, voice, originator) := "named" if {
	named(agency, voice, originator)
} else := "coordinator"

named(_, voice, _) if voice == "director"

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
redactions_name(introduced) := {"counterpart"} if {
	introduced == "coordinator"
} else := set()

redactions_threat(agency) := {"threat_level"} if {
	not entitled(agency)
} else := set()

entitled(agency) if reference.agencies[agency].threat_levels == true

redactions_agreements(told) := {"agreements"} if {
	told == "existence"
} else := set()

redactions_band(told) := {"band"} if {
	told == "existence"
} else := set()
