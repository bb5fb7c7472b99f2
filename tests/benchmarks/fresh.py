"""Fresh processes: what is measured there has met nothing before, neither in memory nor in a cache folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.replay.backends.llvm.cache import VARIABLE

__all__ = ["answer"]


def answer(module: str, *arguments: str, cache: str | Path) -> Any:
    """What `python -m module arguments` prints last, in JSON; `cache` is the folder for its caches.

    Python's own cache, of the compiled source, is written and read as for everybody.
    """
    found = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), VARIABLE: "", "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(found.stdout.splitlines()[-1])
