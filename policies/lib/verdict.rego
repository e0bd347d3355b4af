# How a decision is put together from its parts, the same in every package.
#
# Allowed needs at least one grant and no denial. A denial carries no grants, obligations or redactions,
# so that nothing of it can be mistaken for a permission.
package passerelle.lib.verdict

import rego.v1

of(grants, denials, obligations, redactions) := {
	"schema": 1,
	"allow": true,
	"grants": [grant | some grant in grants],
	"reasons": [],
	"obligations": [obligation | some obligation in obligations],
	"redactions": [redaction | some redaction in redactions],
} if {
	count(grants) > 0
	count(denials) == 0
}

of(_, denials, _, _) := refusal(denials) if count(denials) > 0

of(grants, denials, _, _) := refusal({{"code": "no_grant", "params": {}}}) if {
	count(grants) == 0
	count(denials) == 0
}

refusal(denials) := {
	"schema": 1,
	"allow": false,
	"grants": [],
	"reasons": [denial | some denial in denials],
	"obligations": [],
	"redactions": [],
}
