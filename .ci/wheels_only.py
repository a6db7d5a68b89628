"""Write the head of each lock: which of its packages pip may install as wheels only. `wheels_only.py SOURCE LOCK...`

SOURCE is the package that is published as source only. `--only-binary :all:` with `--no-binary SOURCE` would mean the
same, but pip 23.0 warns of every `--no-binary`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_OPTIONS = re.compile(r"^--(only|no)-binary .*\n+", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)


def headed(lock: str, source: str) -> str:
    """Return the lock with the option that allows wheels only of every package but `source`."""
    pins = _OPTIONS.sub("", lock)
    names = sorted({name for name in _PIN.findall(pins) if name != source})
    return f"--only-binary {','.join(names)}\n\n{pins}"


if __name__ == "__main__":
    for path in map(Path, sys.argv[2:]):
        path.write_text(headed(path.read_text(encoding="utf-8"), sys.argv[1]), encoding="utf-8")
