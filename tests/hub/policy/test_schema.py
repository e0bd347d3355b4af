"""The compiled checker agrees with the reference implementation of JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.schema import compile_schema

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 200),
    st.sampled_from(["", "police", "Police", "link", "put", "person", "H2", "x" * 65, "manual"]),
    st.lists(st.sampled_from(["core", "names", "", 1, None]), max_size=3),
)


def filled(schema: dict[str, Any], draw: st.DrawFn) -> Any:
    """A value near the schema: known fields mostly, one odd one at times."""
    if "properties" not in schema:
        return draw(leaves)
    names = [*schema["properties"], "unknown"]
    chosen = draw(st.lists(st.sampled_from(names), unique=True))
    return {name: filled(schema["properties"].get(name, {}), draw) for name in chosen}


@st.composite
def near(draw: st.DrawFn, schema: dict[str, Any]) -> Any:
    return draw(leaves) if draw(st.integers(0, 20)) == 0 else filled(schema, draw)


@pytest.mark.parametrize("package", ["admin", "match", "notify", "submission"])
@given(data=st.data())
def test_same_verdict_as_the_reference(package: str, bundle: Bundle, data: st.DataObject) -> None:
    schema = dict(bundle.input_schemas[package])
    value = data.draw(near(schema))
    assert compile_schema(schema)(value) == jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"oneOf": []},
        {"type": "object", "additionalProperties": False, "properties": {"a": {"format": "date"}}},
    ],
)
def test_a_keyword_it_does_not_know_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(PasserelleError) as refused:
        compile_schema(schema)
    assert refused.value.code == "policy_bundle_invalid"
