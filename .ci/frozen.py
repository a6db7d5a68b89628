"""Check that an environment has only distributions and versions of its locks: `frozen.py PYTHON LOCK...`

pip (part of Python) and ninewatch (the checkout) are ignored.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

IGNORED = {"pip", "ninewatch"}


def canonical(name: str) -> str:
    """Return the normalized name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(python: str, locks: list[str]) -> int:
    """Print installed distributions that are not locked; return 1 if there are any."""
    lines = "\n".join(Path(lock).read_text() for lock in locks)
    locked = {(canonical(name), version) for name, version in re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", lines, re.M)}
    listing = subprocess.check_output([python, "-m", "pip", "--disable-pip-version-check", "list", "--format=json"])
    installed = {(canonical(package["name"]), package["version"]) for package in json.loads(listing)}
    not_locked = sorted((name, version) for name, version in installed - locked if name not in IGNORED)
    sys.stdout.writelines(f"not locked: {name} {version}\n" for name, version in not_locked)
    sys.stdout.write(f"{len(installed)} distributions, {len(not_locked)} of them not locked\n")
    return int(bool(not_locked))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
