"""Add the option `--only-binary` with all packages except SOURCE to each lock: `wheels_only.py SOURCE LOCK...`

SOURCE is a package without wheels. `--only-binary :all:` with `--no-binary SOURCE` would be equivalent, but pip 23.0
prints a warning for every `--no-binary`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_OPTIONS = re.compile(r"^--(only|no)-binary .*\n+", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)


def with_wheels_only(lock: str, source: str) -> str:
    """Return the lock with the option that allows only wheels for all packages except `source`."""
    pins = _OPTIONS.sub("", lock)
    names = sorted({name for name in _PIN.findall(pins) if name != source})
    return f"--only-binary {','.join(names)}\n\n{pins}"


if __name__ == "__main__":
    for path in map(Path, sys.argv[2:]):
        path.write_text(with_wheels_only(path.read_text(encoding="utf-8"), sys.argv[1]), encoding="utf-8")
