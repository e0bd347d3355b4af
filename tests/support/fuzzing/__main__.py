"""`python -m fuzzing TARGET -max_total_time=60`: one target until its time is over, or until it breaks.

A target breaks where it lets anything but a coded refusal out, takes bytes that were not signed, or reads two
spellings of one thing. Needs `tests/support` on the path; other options are libFuzzer's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["passerelle", "passerelle_hub"], enable_loader_override=False):
    from fuzzing.seeds import SEEDS
    from fuzzing.targets import TARGETS


def main() -> None:
    """Run the target that the command line names."""
    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as folder:
        for at, seed in enumerate(SEEDS[name]()):
            (Path(folder) / f"seed-{at}").write_bytes(seed)
        atheris.Setup([*sys.argv, folder, f"-artifact_prefix={folder}/"], TARGETS[name]())
        atheris.Fuzz()


if __name__ == "__main__":
    main()
