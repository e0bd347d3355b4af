# Whether somebody may take part at all: the agency is active, holds the role and a right, and a person is named.
#
# `procedure` is an entry of the document `procedures`. Callers give `agency` as an object, empty where unknown,
# so that no argument is ever undefined; everything missing inside it is a denial.
package passerelle.lib.standing

import rego.v1

denials(agency, role, person, procedure) := (inactive(agency) | misplaced(agency, role, procedure)) | (unentitled(
	agency,
	procedure,
) | unnamed(person, procedure))

inactive(agency) := set() if active(agency)

inactive(agency) := {{"code": "agency_inactive", "params": {}}} if not active(agency)

active(agency) if agency.status == "active"

misplaced(agency, role, procedure) := not_held(agency, role) | not_allowed(role, procedure)

not_held(agency, role) := set() if held(agency, role)

not_held(agency, role) := {{"code": "role_not_held", "params": {}}} if not held(agency, role)

held(agency, role) if role in agency.acts_as

not_allowed(role, procedure) := set() if allowed(role, procedure)

not_allowed(role, procedure) := {{"code": "role_not_allowed", "params": {}}} if not allowed(role, procedure)

allowed(role, procedure) if role in procedure.roles

# Rule 11: whoever holds the query right alone is told so, and turns to a basic service.
unentitled(agency, procedure) := set() if entitled(agency, procedure)

unentitled(agency, procedure) := {{"code": "query_right_only", "params": {}}} if {
	not entitled(agency, procedure)
	has_right(agency, "query")
}

unentitled(agency, procedure) := {{"code": "right_missing", "params": {"right": concat(" or ", procedure.rights)}}} if {
	not entitled(agency, procedure)
	not has_right(agency, "query")
}

entitled(agency, procedure) if {
	some right in procedure.rights
	right in agency.rights
}

has_right(agency, right) if right in agency.rights

# Rule 5: where a human must act, one is named.
unnamed(person, procedure) := set() if named(person, procedure)

unnamed(person, procedure) := {{"code": "person_missing", "params": {}}} if not named(person, procedure)

named(_, procedure) if procedure.person == false

named(person, _) if person == true
