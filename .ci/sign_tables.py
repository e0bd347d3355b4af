"""Sign the tables of a release, or make a release key. Not part of any role: who publishes releases runs it.

python .ci/sign_tables.py KEY              signs; KEY is a private key file of mode 0600
python .ci/sign_tables.py KEY --new-key    makes KEY where there is none, ships its public half, and signs
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from passerelle.codec.signed import encode_signed
from passerelle.keyfile import KeyKind, read_key, write_durably, write_key
from passerelle.release import sign_tables
from passerelle.sign import SigningKey

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "passerelle": ROOT / "kernel/passerelle",
    "passerelle_connector": ROOT / "connectors/passerelle_connector",
    "passerelle_hub": ROOT / "hub/passerelle_hub",
}
DATA = FOLDERS["passerelle"] / "data"


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("key", type=Path)
    parser.add_argument("--new-key", action="store_true")
    options = parser.parse_args()
    if options.new_key:
        made = SigningKey.generate()
        write_key(options.key, KeyKind.SIGNING, made.raw)
        write_durably(DATA / "release.pub", made.public.raw, mode=0o644, replace=True)
    key = SigningKey(read_key(options.key, KeyKind.SIGNING))
    if key.public.raw != (DATA / "release.pub").read_bytes():
        sys.stderr.write("sign_tables: this key is not the release's; --new-key ships another one\n")
        return 1
    signed = encode_signed(sign_tables(key, FOLDERS))
    write_durably(DATA / "tables.signed", signed, mode=0o644, replace=True)
    sys.stdout.write(f"tables signed by release key {key.public.key_id.hex()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
