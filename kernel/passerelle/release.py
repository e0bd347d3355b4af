"""The tables that a release ships, read only as they were signed.

Rules
-----
1. `data/tables.signed` is one statement for all packages: each table's name with its SHA-256, signed by the
   release key with both algorithms. The key is `data/release.pub`; `passerelle doctor` shows its id, to be
   held against what the release's publisher says elsewhere.
2. `table` returns text whose digest stands in the statement, or raises: a table that was changed, added or
   never signed is not read, by no side.
3. Code is not covered: whoever can change it can change this module. What is covered can be looked at by
   people who read tables and no code, and a table that came another way is told from a shipped one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.sign import Signed, SigningKey, VerifyingKey, sign, verify

STATEMENT_TYPE: Final = "application/vnd.passerelle.release-tables.v1+json"
TABLES: Final = (
    "passerelle/data/keys-1.toml",
    "passerelle_connector/normalise/data/countries-1.toml",
    "passerelle_connector/normalise/data/names-1.toml",
    "passerelle_connector/normalise/data/stops-1.toml",
    "passerelle_connector/normalise/data/streets-1.toml",
    "passerelle_connector/normalise/data/translit-1.toml",
    "passerelle_hub/match/closer-1.toml",
    "passerelle_hub/match/weights-1.toml",
)
"""Package and path of each signed table."""
_DATA: Final = "passerelle/data"


class Tables:
    """The tables of one installation; `read` gives the bytes of a file by its name in `TABLES`.

    Raises:
        PasserelleError: `table_unsigned`, the statement is missing or not the release key's.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        key = VerifyingKey(read(f"{_DATA}/release.pub"))
        try:
            content: dict[str, Any] = json.loads(
                verify(decode_signed(read(f"{_DATA}/tables.signed")), key, STATEMENT_TYPE)
            )
        except PasserelleError as error:
            raise PasserelleError("table_unsigned", error.detail or error.code) from error
        self._digests = content
        self.key_id = key.key_id.hex()

    def table(self, name: str) -> str:
        """The text of a table, as it was signed.

        Raises:
            PasserelleError: `table_unsigned`.
        """
        raw = self._read(name)
        if self._digests.get(name) != hashlib.sha256(raw).hexdigest():
            raise PasserelleError("table_unsigned", name)
        return raw.decode("utf-8")


@cache
def installed() -> Tables:
    """Those of this installation.

    Raises:
        PasserelleError: as `Tables`.
    """
    return Tables(read_installed)


def table(name: str) -> str:
    """The text of one of this installation's tables, as it was signed.

    Raises:
        PasserelleError: `table_unsigned`.
    """
    return installed().table(name)


def read_installed(name: str) -> bytes:
    """A file of an installed package, as it lies there.

    Raises:
        PasserelleError: `table_unsigned`, it is missing.
    """
    package, *parts = name.split("/")
    try:
        return resources.files(package).joinpath(*parts).read_bytes()
    except OSError as error:
        raise PasserelleError("table_unsigned", f"{name} is missing") from error


def statement(folders: Mapping[str, Path]) -> bytes:
    """What is signed: every table with its digest. `folders` says where each package lies."""
    digests: dict[str, str] = {}
    for name in TABLES:
        package, _, path = name.partition("/")
        digests[name] = hashlib.sha256((folders[package] / path).read_bytes()).hexdigest()
    return json.dumps(digests, sort_keys=True, indent=1).encode("ascii")


def sign_tables(key: SigningKey, folders: Mapping[str, Path]) -> Signed:
    """A signed statement over the tables as they lie there."""
    return sign(key, STATEMENT_TYPE, statement(folders))
