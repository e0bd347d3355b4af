# Rule 1: purpose, legal basis and case of an access, each one stated and each one the agency's and the domain's.
#
# `given` is {purpose, legal_basis, case}: two codes, empty where not stated, and whether a case is named. `agency`,
# `domain` and `law` are entries of their documents, empty objects where unknown.
package passerelle.lib.basis

import rego.v1

denials(agency, domain_name, domain, law, given) := ((no_case(given) | no_purpose(
	agency,
	domain,
	law,
	given,
)) | no_law(
	agency,
	domain,
	given,
)) | not_joined(agency, domain_name)

no_case(given) := set() if case_stated(given)

no_case(given) := {{"code": "case_missing", "params": {}}} if not case_stated(given)

case_stated(given) if given.case == true

no_purpose(agency, domain, law, given) := set() if purpose_fits(agency, domain, law, given)

# A purpose that is no text is among the facts that are missing.
no_purpose(_, _, _, given) := set() if not purpose_stated(given)

purpose_stated(given) if is_string(given.purpose)

no_purpose(_, _, _, given) := {{"code": "purpose_missing", "params": {}}} if given.purpose == ""

no_purpose(agency, domain, law, given) := {{"code": "purpose_not_allowed", "params": {"purpose": given.purpose}}} if {
	given.purpose != ""
	purpose_stated(given)
	not purpose_fits(agency, domain, law, given)
}

purpose_fits(agency, domain, law, given) if {
	given.purpose in agency.purposes
	given.purpose in domain.purposes
	given.purpose in law.purposes
}

no_law(agency, domain, given) := set() if law_fits(agency, domain, given)

no_law(_, _, given) := {{"code": "legal_basis_missing", "params": {}}} if given.legal_basis == ""

no_law(agency, domain, given) := {{"code": "legal_basis_not_allowed", "params": {}}} if {
	given.legal_basis != ""
	not law_fits(agency, domain, given)
}

law_fits(agency, domain, given) if {
	given.legal_basis in agency.legal_bases
	given.legal_basis in domain.legal_bases
}

not_joined(agency, domain_name) := set() if joined(agency, domain_name)

not_joined(agency, domain_name) := {{"code": "domain_not_joined", "params": {}}} if not joined(agency, domain_name)

joined(agency, domain_name) if domain_name in agency.domains
