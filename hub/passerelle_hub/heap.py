"""The garbage collector, told what a hub is: many short-lived objects, hardly a cycle.

Reference counts free nearly everything. With Python's thresholds the collector walks the whole heap again and
again while a batch is taken, for a third of the hub's time. Here what was made at start is set aside, and the
rest is looked at far less often: cycles that errors leave behind wait longer, some megabytes at most.
"""

from __future__ import annotations

import gc
from typing import Final

_YOUNG: Final = 50_000
_MIDDLE: Final = 20
_OLD: Final = 20


def settle() -> None:
    """Call once, when the process is set up and before it serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
