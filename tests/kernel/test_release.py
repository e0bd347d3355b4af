"""The tables of a release: as signed, or not read at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle import checks, release
from passerelle.checks import State
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.sign import SigningKey, sign

KEYS, WEIGHTS = "passerelle/data/keys-1.toml", "passerelle_hub/match/weights-1.toml"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that holds a small text in the place of each table, and no signature."""
    for name in release.TABLES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}")
    return tmp_path


def folders(place: Path) -> dict[str, Path]:
    return {name.partition("/")[0]: place / name.partition("/")[0] for name in release.TABLES}


def sign_all(place: Path, key: SigningKey, payload_type: str = release.STATEMENT_TYPE) -> None:
    """Sign what lies there, and ship the key."""
    statement = sign(key, payload_type, release.statement(folders(place)))
    (place / "passerelle/data/release.pub").write_bytes(key.public.raw)
    (place / "passerelle/data/tables.signed").write_bytes(encode_signed(statement))


def tables(place: Path) -> release.Tables:
    return release.Tables(lambda name: (place / name).read_bytes())


def test_every_table_of_this_release_is_as_it_was_signed() -> None:
    """Whoever changes a table signs it: `make tables`."""
    for name in release.TABLES:
        assert release.table(name)
    check = checks.tables("passerelle_hub")
    assert (check.state, check.text.split()[-1]) == (State.OK, release.installed().key_id[:16])


def test_a_signed_table_is_read(place: Path) -> None:
    key = SigningKey.generate()
    sign_all(place, key)
    assert tables(place).table(KEYS) == f"# {KEYS}"
    assert tables(place).key_id == key.public.key_id.hex()
    assert release.sign_tables(key, folders(place)).payload == release.statement(folders(place))


def test_an_altered_table_and_one_that_nobody_signed_are_refused(place: Path) -> None:
    sign_all(place, SigningKey.generate())
    (place / KEYS).write_text("# another")
    (place / "passerelle/data/keys-2.toml").write_text("# new")
    for name in (KEYS, "passerelle/data/keys-2.toml"):
        with pytest.raises(PasserelleError, match="table_unsigned"):
            tables(place).table(name)
    assert tables(place).table(WEIGHTS)


def test_what_another_key_signed_is_refused(place: Path) -> None:
    sign_all(place, SigningKey.generate())
    (place / "passerelle/data/release.pub").write_bytes(SigningKey.generate().public.raw)
    with pytest.raises(PasserelleError, match="table_unsigned"):
        tables(place)


def test_a_statement_of_another_kind_is_refused(place: Path) -> None:
    sign_all(place, SigningKey.generate(), "text/plain")
    with pytest.raises(PasserelleError, match="table_unsigned"):
        tables(place)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(PasserelleError, match="table_unsigned"):
        release.read_installed("passerelle/data/keys-0.toml")
