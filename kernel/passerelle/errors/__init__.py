"""Coded errors: one code, one gRPC status, one public text with cause, owner and fix.

Rules
-----
1. Every refusal in Passerelle raises `PasserelleError` with a code from the tables in `codes/*.toml`.
2. The public text comes from the table alone. The private detail goes to the log and never over the wire.
3. Neither text may hold content of a record: details name positions, counts, kinds and key ids only.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import grpc


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """One row of the error table.

    `status` is the gRPC status the code travels under; `cause`, `owner` and `fix` are the public text.
    """

    code: str
    status: grpc.StatusCode
    cause: str
    owner: str
    fix: str

    @property
    def public(self) -> str:
        """The sentence a caller may see."""
        return f"{self.code}: {self.cause} Owner: {self.owner}. Fix: {self.fix}"


class PasserelleError(Exception):
    """A coded refusal.

    Args:
        code: a code of the error table; an unknown one is a programming error (`KeyError`).
        detail: private text for the log. Never content of a record.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        self.spec: Final = table()[code]
        self.code: Final = code
        self.detail: Final = detail
        super().__init__(self.spec.public)

    def __reduce__(self) -> tuple[type[PasserelleError], tuple[str, str]]:
        """Errors cross process boundaries (the policy child, worker processes) as code and detail."""
        return (PasserelleError, (self.code, self.detail))


@cache
def table() -> dict[str, ErrorSpec]:
    """All error codes, read once from `codes/*.toml`.

    Raises:
        ValueError: two files define one code, or a row is incomplete.
    """
    rows: dict[str, ErrorSpec] = {}
    folder = resources.files(__name__) / "codes"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        for code, row in tomllib.loads(entry.read_text("utf-8")).items():
            if code in rows:
                raise ValueError(f"error code {code} stands in two files")
            rows[code] = ErrorSpec(
                code=code,
                status=grpc.StatusCode[row["status"]],
                cause=row["cause"],
                owner=row["owner"],
                fix=row["fix"],
            )
    return rows
