"""Signed registry entries as files, and what names a file in an error.

A message that came over the wire is its sender's fault; the same bytes in a folder are a file that somebody
laid there, and only its name leads to it. What is wrong with a file therefore says which, without quoting it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.registry_entry import RegistryEntry, verify_entry
from passerelle.sign import Signed, VerifyingKey

SUFFIX: Final = ".entry"


@dataclass(frozen=True, slots=True)
class EntryFile:
    """A file that holds a signed entry; not yet verified."""

    path: Path
    signed: Signed

    def verified(self, registry_key: VerifyingKey) -> RegistryEntry:
        """The entry inside.

        Raises:
            PasserelleError: `entry_file_invalid`.
        """
        with entry_of(self.path):
            return verify_entry(self.signed, registry_key)


def entry_files(folder: Path) -> tuple[EntryFile, ...]:
    """The entries of a folder, by name of the file.

    Raises:
        PasserelleError: `entry_file_invalid`.
        OSError: the folder or a file cannot be read.
    """
    return tuple(read_entry(file) for file in entry_paths(folder))


def entry_paths(folder: Path) -> tuple[Path, ...]:
    """The files of a folder that should hold an entry, by name.

    Raises:
        OSError: the folder cannot be read.
    """
    return tuple(file for file in sorted(folder.iterdir()) if file.suffix == SUFFIX)


def read_entry(file: Path) -> EntryFile:
    """The entry in a file.

    Raises:
        PasserelleError: `entry_file_invalid`.
        OSError: it cannot be read.
    """
    raw = file.read_bytes()
    with entry_of(file):
        return EntryFile(file, decode_signed(raw))


def read_registry_key(file: Path) -> VerifyingKey:
    """The registry's public key in a file, under which its entries are verified.

    Raises:
        PasserelleError: `key_malformed`.
        OSError: it cannot be read.
    """
    with naming(file):
        return VerifyingKey(file.read_bytes())


@contextmanager
def entry_of(file: Path) -> Generator[None]:
    """Whatever is refused inside is the entry's in this file.

    Raises:
        PasserelleError: `entry_file_invalid`.
    """
    try:
        yield
    except PasserelleError as error:
        raise PasserelleError(
            "entry_file_invalid", f"{file.name}: {error.code} {error.detail}".rstrip()
        ) from error


@contextmanager
def naming(file: Path) -> Generator[None]:
    """Whatever is refused inside keeps its code, and its detail names the file.

    Raises:
        PasserelleError: what is refused inside.
    """
    try:
        yield
    except PasserelleError as error:
        raise PasserelleError(error.code, f"{file.name}: {error.detail}") from error


def unreadable(error: OSError) -> PasserelleError:
    """`config_invalid` for a file that the configuration names, with its path and what hinders."""
    return PasserelleError("config_invalid", f"{error.filename}: {error.strerror}")
