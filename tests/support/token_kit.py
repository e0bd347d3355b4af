"""Software tokens (SoftHSM) for tests: one folder of them, for a process loads a PKCS#11 module once."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from passerelle.keyfile import write_private
from passerelle.token import TokenKey

MODULE: Final = Path("/usr/lib/softhsm/libsofthsm2.so")
LABELS: Final = ("authority-1", "hub-1", "hub-2", "kept-1")
PIN: Final = "1234"


@dataclass(frozen=True)
class Tokens:
    """Tokens with these labels, and the file of their PIN."""

    folder: Path

    @property
    def pin(self) -> Path:
        return self.folder / "pin"

    def key(self, label: str, on: str = "hub-1") -> TokenKey:
        return TokenKey(MODULE, on, label, self.pin)


def make_tokens(folder: Path) -> Tokens:
    """Initialise the tokens before the module is loaded: it sees no others later."""
    pytest.importorskip("pkcs11", reason="the extra passerelle-kernel[pkcs11] is not installed")
    tool = shutil.which("softhsm2-util")
    if tool is None or not MODULE.exists():
        pytest.skip("softhsm2 is not installed: apt-get install softhsm2")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    for label in LABELS:
        words = ["--init-token", "--free", "--label", label, "--so-pin", "5678", "--pin", PIN]
        subprocess.run([tool, *words], check=True, capture_output=True)
    write_private(folder / "pin", f"{PIN}\n".encode())
    return Tokens(folder)
