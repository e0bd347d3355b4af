"""Identities: one spelling each, nothing else accepted, and no text of the input in a refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.identity import MAX_TRUST_DOMAIN, MAX_URI, Identity, Role

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABEL, min_size=1, max_size=5).map(".".join)
IDENTITIES = st.builds(Identity, trust_domain=DOMAINS, role=st.sampled_from(Role), agency=LABEL)


@given(IDENTITIES)
def test_the_uri_of_an_identity_reads_back(identity: Identity) -> None:
    assert Identity.parse(str(identity)) == identity


@given(IDENTITIES, IDENTITIES)
def test_different_identities_have_different_uris_and_server_names(one: Identity, other: Identity) -> None:
    assert (one == other) == (str(one) == str(other))
    same_domain = one.trust_domain == other.trust_domain
    if same_domain:
        assert (one == other) == (one.server_name == other.server_name)


@given(IDENTITIES)
def test_a_server_name_is_a_dns_name(identity: Identity) -> None:
    name = identity.server_name
    assert len(name) <= 253
    assert all(0 < len(label) <= 63 for label in name.split("."))


@given(st.text(max_size=300))
def test_any_text_parses_to_itself_or_is_refused(text: str) -> None:
    try:
        identity = Identity.parse(text)
    except PasserelleError as error:
        assert error.code == "identity_malformed"
    else:
        assert str(identity) == text


@given(IDENTITIES, st.data())
def test_a_changed_character_never_yields_the_same_identity(identity: Identity, data: st.DataObject) -> None:
    uri = str(identity)
    at = data.draw(st.integers(0, len(uri) - 1))
    changed = uri[:at] + data.draw(st.characters().filter(lambda sign: sign != uri[at])) + uri[at + 1 :]
    try:
        assert Identity.parse(changed) != identity
    except PasserelleError as error:
        assert error.code == "identity_malformed"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://",
        "https://police.example/connector/police",
        "SPIFFE://police.example/connector/police",
        "spiffe://police.example/connector",
        "spiffe://police.example/connector/police/",
        "spiffe://police.example/connector/police/more",
        "spiffe://police.example//police",
        "spiffe://police.example/director/police",
        "spiffe://police.example/Connector/police",
        "spiffe://police.example/connector/Police",
        "spiffe://Police.example/connector/police",
        "spiffe://police.example:8443/connector/police",
        "spiffe://me@police.example/connector/police",
        "spiffe://police.example/connector/police?x=1",
        "spiffe://police.example/connector/police#x",
        "spiffe://police.example/connector/pol%69ce",
        "spiffe://police..example/connector/police",
        "spiffe://.example/connector/police",
        "spiffe://police.example./connector/police",
        "spiffe://-police.example/connector/police",
        "spiffe://police.example/connector/police-",
        "spiffe://police.example/connector/po.lice",
        "spiffe://police.example/connector/po_lice",
        "spiffe://police.example/connector/../police",
        "spiffe://police.example/connector/police\n",
        "spiffe://police.example/connector/police\x00",
        "spiffe://police.example/connector/policé",
        "spiffe://police.example/connector/police\u0661",
        "spiffe://police.example/connector/" + "a" * 64,
        "spiffe://" + "a" * 64 + ".example/connector/police",
        "spiffe://" + "a." * 64 + "a/connector/police",
        "spiffe://police.example/connector/" + "a" * MAX_URI,
    ],
)
def test_other_spellings_are_refused(uri: str) -> None:
    with pytest.raises(PasserelleError) as caught:
        Identity.parse(uri)
    assert caught.value.code == "identity_malformed"
    assert uri.removeprefix("spiffe://") not in caught.value.detail or uri in ("", "spiffe://")


def test_the_longest_identity_fits() -> None:
    domain = ".".join(["a" * 63, "b" * 62, "c"])
    assert len(domain) == MAX_TRUST_DOMAIN
    longest = Identity(domain, Role.SUPERVISOR, "d" * 63)
    assert Identity.parse(str(longest)) == longest
    assert len(longest.server_name) <= 253


@pytest.mark.parametrize(("domain", "agency"), [("Police.example", "police"), ("police.example", "")])
def test_an_identity_cannot_be_built_malformed(domain: str, agency: str) -> None:
    with pytest.raises(PasserelleError, match="identity_malformed"):
        Identity(domain, Role.CONNECTOR, agency)
