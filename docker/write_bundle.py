"""Write a policies directory as the bundle an OPA server serves: the one whose revision the hub expects.

    python docker/write_bundle.py <policies> <bundle>

The bundle is written beside the target and renamed into place: a crash leaves the old one, none, or the new
one, never half of one.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from passerelle_hub.policy.bundle import load_bundle


def main(policies: Path, target: Path) -> None:
    """Check the policies, write them, and print the revision."""
    bundle = load_bundle(policies)
    fresh = target.with_name(f"{target.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    bundle.write_opa(fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    sys.stdout.write(f"{bundle.revision}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
