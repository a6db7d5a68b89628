"""Lock files: read them, and find the requirements that they leave to be resolved at install time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

Environment = dict[str, str]
# Name and version of a distribution -> the requirements of its metadata, None if they are not known here.
Metadata = Callable[[str, Version], list[str] | None]


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a lock: the requirement, and how many hashes it names."""

    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version:
        """The pinned version; raises unless exactly one is pinned."""
        (only,) = self.requirement.specifier
        assert only.operator == "=="
        return Version(only.version)

    def applies(self, environment: Environment) -> bool:
        return self.requirement.marker is None or self.requirement.marker.evaluate(environment)


def read_lock(text: str) -> list[Pin]:
    """Return the pins of a lock."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE))
    lines = [line for line in joined.splitlines() if line and not line.startswith("-")]
    return [Pin(Requirement(line.partition(" --hash")[0]), line.count("--hash=sha256:")) for line in lines]


def environment_of(python: str, platform: str = "linux") -> Environment:
    """Return the markers' values of a Python version on a platform."""
    here = {key: str(value) for key, value in default_environment().items()}
    named = {"linux": "Linux", "darwin": "Darwin"}[platform]
    version = {"python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0"}
    return {**here, **version, "sys_platform": platform, "platform_system": named}


@cache
def installed_metadata(name: str, version: Version) -> list[str] | None:
    """Return the requirements of an installed distribution, None if another version or none is installed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return (found.requires or []) if Version(found.version) == version else None


def unlocked(
    roots: Iterable[str], pins: list[Pin], environment: Environment, metadata: Metadata = installed_metadata
) -> list[str]:
    """Return one line per requirement, of the project or of a locked distribution, that the pins do not settle.

    A requirement is settled by a pin of its name with a version that it allows, every extra that it names, and a hash.
    """
    active = [pin for pin in pins if pin.applies(environment)]
    problems = [problem for root in roots for problem in _unsettled("the project", root, set(), active, environment)]
    for pin in active:
        for wanted in metadata(pin.name, pin.version) or []:
            problems += _unsettled(pin.name, wanted, pin.requirement.extras, active, environment)
    return problems


def _unsettled(by: str, wanted: str, extras: set[str], active: list[Pin], environment: Environment) -> list[str]:
    requirement = _parsed(wanted)
    if not any(_asked(requirement, {**environment, "extra": extra}) for extra in {"", *extras}):
        return []
    found = [pin for pin in active if pin.name == canonicalize_name(requirement.name)]
    if not found:
        return [f"{by} requires {requirement}: no pin"]
    problems = [
        f"{by} requires {requirement}: {pin.version} is pinned"
        for pin in found
        if requirement.specifier and not requirement.specifier.contains(pin.version, prereleases=True)
    ]
    if missing := requirement.extras - {extra for pin in found for extra in pin.requirement.extras}:
        problems.append(f"{by} requires {requirement}: the pin leaves out [{','.join(sorted(missing))}]")
    return problems + [f"{by} requires {requirement}: the pin has no hash" for pin in found if not pin.hashes]


def _asked(requirement: Requirement, environment: Environment) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


_parsed = cache(Requirement)
