"""Every locked package is reviewed for security advisories, in its locked version."""

from __future__ import annotations

import pytest

from tests.advisories import PAGE, as_numbers, locked_versions, page, review

CONTENT, LOCKED = review(), locked_versions()


def test_reviewed_versions_are_those_of_the_locks() -> None:
    """After a change of a lock: review the package, then change its version in docs/advisories.toml."""
    assert {name: versions.split(", ") for name, versions in CONTENT["versions"].items()} == LOCKED


@pytest.mark.parametrize("advisory", CONTENT["advisory"], ids=lambda one: one["ids"][0])
def test_locked_version_is_not_affected(advisory: dict[str, str]) -> None:
    assert all(as_numbers(version) >= as_numbers(advisory["fixed"]) for version in LOCKED[advisory["package"]])


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.advisories`"
