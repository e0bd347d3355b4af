"""See the package."""

from __future__ import annotations

import sys
from pathlib import Path

from faults.stage import serve
from faults.stories import STORIES

serve(STORIES, Path(sys.argv[1]))
