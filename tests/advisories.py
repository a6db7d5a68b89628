"""The reviewed advisories of the locked packages: `python -m tests.advisories` writes docs/advisories.md."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "docs/advisories.toml"
PAGE: Final = ROOT / "docs/advisories.md"
LOCKS: Final = ("requirements.lock", "requirements-databases.lock", "requirements-build.lock")
_PIN: Final = re.compile(r"^([\w.-]+)(?:\[\S*\])?==([^\s;\\]+)", re.MULTILINE)
_HEAD: Final = """\
# Reviewed advisories

<!-- Written by `python -m tests.advisories` from docs/advisories.toml. -->

The security advisories of the packages that ninewatch runs with (`requirements.lock`, `requirements-databases.lock`)
or is built with (`requirements-build.lock`), reviewed on {date}. Sources: public issues and pull requests that name the
advisory and the fixed version, and release notes. No scanner was used, because the databases of advisories were not
reachable. No advisory was found for the packages in the second table; that does not prove that there is none.

A changed version in a lock fails a test until it is reviewed. Before a release, review all packages again
([release.md](release.md#checklist)).

| package | locked | advisories | subject | not affected since |
|---|---|---|---|---|
"""
_OTHERS: Final = """
## Packages without known advisories

| package | locked |
|---|---|
"""


def locked_versions() -> dict[str, list[str]]:
    """Return the locked versions of each package. Some have another version for a later Python."""
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in _PIN.findall((ROOT / lock).read_text()):
            versions.setdefault(name, set()).add(version)
    return {name: sorted(versions[name], key=as_numbers) for name in sorted(versions)}


def review() -> dict[str, Any]:
    """Return the content of the reviewed list."""
    return tomllib.loads(SOURCE.read_text())


def as_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, for comparison."""
    return tuple(map(int, re.findall(r"\d+", version)))


def page() -> str:
    """Return the content of docs/advisories.md."""
    content, locked = review(), locked_versions()
    lines = [_HEAD.format(date=content["reviewed"])]
    for one in content["advisory"]:
        versions = ", ".join(locked[one["package"]])
        lines.append(
            f"| {one['package']} | {versions} | {', '.join(one['ids'])} | {one['subject']} | {one['fixed']} |\n"
        )
    lines.append(_OTHERS)
    named = {one["package"] for one in content["advisory"]}
    lines += [f"| {name} | {', '.join(versions)} |\n" for name, versions in locked.items() if name not in named]
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
