"""Parse requirement lock files, and find requirements that no pin satisfies."""

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

MarkerEnvironment = dict[str, str]
# (name, version) of a distribution -> the requirements in its metadata, None if the metadata is not available.
Metadata = Callable[[str, Version], list[str] | None]


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a lock file: the requirement and its number of hashes."""

    requirement: Requirement
    hash_count: int

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version:
        """The pinned version. Raises an error unless there is exactly one."""
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return Version(specifier.version)

    def applies(self, environment: MarkerEnvironment) -> bool:
        return self.requirement.marker is None or self.requirement.marker.evaluate(environment)


def read_lock(text: str) -> list[Pin]:
    """Return the pins of a lock file."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE))
    lines = [line for line in joined.splitlines() if line and not line.startswith("-")]
    return [Pin(Requirement(line.partition(" --hash")[0]), line.count("--hash=sha256:")) for line in lines]


def marker_environment(python: str, platform: str = "linux") -> MarkerEnvironment:
    """Return the values of environment markers (PEP 508) for a Python version and a platform."""
    current = {key: str(value) for key, value in default_environment().items()}
    system = {"linux": "Linux", "darwin": "Darwin"}[platform]
    version = {"python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0"}
    return {**current, **version, "sys_platform": platform, "platform_system": system}


@cache
def installed_metadata(name: str, version: Version) -> list[str] | None:
    """Return the requirements of an installed distribution. None if this version is not installed."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return None
    return (installed.requires or []) if Version(installed.version) == version else None


def unsatisfied_requirements(
    roots: Iterable[str], pins: list[Pin], environment: MarkerEnvironment, metadata: Metadata = installed_metadata
) -> list[str]:
    """Return one message per requirement, of the project or of a locked distribution, that no pin satisfies.

    A pin satisfies a requirement if it has the same name, an allowed version, all extras of the requirement, and a
    hash.
    """
    active = [pin for pin in pins if pin.applies(environment)]
    problems = [
        problem for root in roots for problem in _unsatisfied_texts("the project", root, set(), active, environment)
    ]
    for pin in active:
        for requirement_text in metadata(pin.name, pin.version) or []:
            problems += _unsatisfied_texts(pin.name, requirement_text, pin.requirement.extras, active, environment)
    return problems


def _unsatisfied_texts(
    required_by: str, requirement_text: str, extras: set[str], active: list[Pin], environment: MarkerEnvironment
) -> list[str]:
    requirement = _parsed(requirement_text)
    if not any(_marker_applies(requirement, {**environment, "extra": extra}) for extra in {"", *extras}):
        return []
    pins = [pin for pin in active if pin.name == canonicalize_name(requirement.name)]
    if not pins:
        return [f"{required_by} requires {requirement}: no pin"]
    problems = [
        f"{required_by} requires {requirement}: {pin.version} is pinned"
        for pin in pins
        if requirement.specifier and not requirement.specifier.contains(pin.version, prereleases=True)
    ]
    if missing := requirement.extras - {extra for pin in pins for extra in pin.requirement.extras}:
        problems.append(f"{required_by} requires {requirement}: the pin lacks the extras [{','.join(sorted(missing))}]")
    return problems + [
        f"{required_by} requires {requirement}: the pin has no hash" for pin in pins if not pin.hash_count
    ]


def _marker_applies(requirement: Requirement, environment: MarkerEnvironment) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


_parsed = cache(Requirement)
