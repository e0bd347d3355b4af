# Lists of codes in an input, taken so that no engine stumbles over what is no list.
#
# Engines differ in what iterating or counting a text or a number does: one is silent, the other breaks the whole
# call. Whoever reads a list takes `of` it, and asks for a `sound` one among its mandatory facts, so that
# an entry left out here is a denial there.
package passerelle.lib.words

import rego.v1

# The texts of a list, as a set; none where it is no list.
of(given) := {entry |
	some entry in given
	is_string(entry)
} if is_array(given)

of(given) := set() if not is_array(given)

# A list of nothing but texts.
sound(given) if {
	is_array(given)
	every entry in given {
		is_string(entry)
	}
}
