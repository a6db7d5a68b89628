"""Fail where an environment holds another distribution or version than its locks name: `frozen.py PYTHON LOCK...`

pip itself comes with Python, and ninewatch is the checkout.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

OURS = {"pip", "ninewatch"}


def canonical(name: str) -> str:
    """Return a name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(python: str, locks: list[str]) -> int:
    """Print what is installed but not locked; exit 1 if there is any."""
    lines = "\n".join(Path(lock).read_text() for lock in locks)
    locked = {(canonical(name), version) for name, version in re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", lines, re.M)}
    listing = subprocess.check_output([python, "-m", "pip", "--disable-pip-version-check", "list", "--format=json"])
    installed = {(canonical(each["name"]), each["version"]) for each in json.loads(listing)}
    others = sorted((name, version) for name, version in installed - locked if name not in OURS)
    sys.stdout.writelines(f"not locked: {name} {version}\n" for name, version in others)
    sys.stdout.write(f"{len(installed)} distributions, {len(others)} of them not locked\n")
    return int(bool(others))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
