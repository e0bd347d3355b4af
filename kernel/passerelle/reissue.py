"""The successor of a key manifest whose keys lie in single files: the hub's and a trustee's.

Protocol of `reissue`
(1) take the newest manifest that we signed; (2) where we are sealed to, make the next sealing key, unless the
newest of the folder is not in it yet, which a crash in an earlier (3) leaves; (3) sign its successor: the
signing key that is at work, valid for another year, the new sealing key, and of older keys those that still
hold; (4) write it, whole, under its number and never twice.

The signing key stays: receipts, checkpoints and reports are verified for years with the key that signed them,
and every process and copy of the hub would have to change over at one moment. It is replaced by hand, after
an incident, by a manifest that leaves it out. Old sealing keys stay in the folder: what was sealed to them is
still opened.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.keyfile import KeyKind, read_key, write_key
from passerelle.manifest import KeyEntry
from passerelle.manifest_files import last_manifest, write_successor
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey

LIFETIME: Final = 366 * DAY


def reissue(agency: str, manifest_key: Path, clock: Clock, sealing: Path | None = None) -> Path:
    """Make the next manifest beside the manifest key; returns its file. `sealing` is the first sealing key.

    Raises:
        PasserelleError: `manifest_malformed` without a first manifest, `manifest_wrong_key`, what reading a
            key file raises.
        OSError: the folder is full or read-only.
    """
    folder, key = manifest_key.parent, SigningKey(read_key(manifest_key, KeyKind.SIGNING))
    last, now = last_manifest(folder, agency), clock.now()  # (1)
    at_work = max(last.signing_keys, key=lambda entry: entry.valid_from)
    sealing_keys = tuple(entry for entry in last.sealing_keys if entry.valid_until > now)
    if sealing is not None:
        opens = _next_sealing(sealing, {entry.key.key_id for entry in last.sealing_keys})  # (2)
        sealing_keys = (KeyEntry(opens.public, now, now + LIFETIME), *sealing_keys)
    successor = replace(  # (3)
        last,
        sequence=last.sequence + 1,
        previous=last.digest,
        issued=now,
        expires=now + LIFETIME,
        signing_keys=(
            replace(at_work, valid_until=now + LIFETIME),
            *(entry for entry in last.signing_keys if entry != at_work and entry.valid_until > now),
        ),
        sealing_keys=sealing_keys,
    )
    return write_successor(folder, key, successor)  # (4)


def sealing_files(first: Path) -> tuple[Path, ...]:
    """The first sealing key and those made since, `<name>-2.key` and on, the oldest first."""
    numbered = re.compile(rf"{re.escape(first.stem)}-([1-9][0-9]*){re.escape(first.suffix)}")
    found = ((numbered.fullmatch(path.name), path) for path in first.parent.iterdir())
    later = {int(match[1]): path for match, path in found if match is not None}
    return (first, *(later[number] for number in sorted(later)))


def _next_sealing(first: Path, known: set[bytes]) -> SealingKey:
    files = sealing_files(first)
    newest = SealingKey(read_key(files[-1], KeyKind.SEALING))
    if newest.public.key_id not in known:
        return newest
    made = SealingKey.generate()
    number = 2 if len(files) == 1 else int(files[-1].stem.rpartition("-")[2]) + 1
    write_key(first.with_name(f"{first.stem}-{number}{first.suffix}"), KeyKind.SEALING, made.raw)
    return made
