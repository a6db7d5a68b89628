"""Tests of hosting tiers and the promises that they do not support."""

from __future__ import annotations

import pytest

from sla.hosting import HostingPolicy, Tier, exceeded_limits
from sla.interval import HOUR, MINUTE
from sla.objective import Objective

SILVER = Tier("silver", "Silver", Objective.parse("99.5%"), 4 * HOUR, "the table")
EMERALD = Tier("emerald", "Emerald", Objective.parse("99.5%"), None, "the table")
POLICY = HostingPolicy("hosting", "Tiers", (SILVER, EMERALD))


def test_tiers_are_found_by_id() -> None:
    assert POLICY.names == ("silver", "emerald")
    assert POLICY.of("emerald") is EMERALD
    with pytest.raises(KeyError):
        POLICY.of("gold")


def test_duplicate_tier_ids_are_rejected() -> None:
    with pytest.raises(ValueError, match="has two tiers silver; give each tier a unique id"):
        HostingPolicy("hosting", "Tiers", (SILVER, SILVER))


@pytest.mark.parametrize(
    ("tier", "objective", "longest", "count"),
    [
        (SILVER, "99.5%", 4 * HOUR, 0),
        (SILVER, "99.51%", None, 1),
        (SILVER, "99%", 4 * HOUR - MINUTE, 1),
        (SILVER, "99.95%", 22 * MINUTE, 2),
        (EMERALD, "99%", MINUTE, 0),  # a tier that states no longest outage limits none
    ],
)
def test_promise_above_the_tier_is_reported_with_the_remedy(
    tier: Tier, objective: str, longest: int | None, count: int
) -> None:
    actual = list(exceeded_limits(tier, Objective.parse(objective), longest))
    assert len(actual) == count
    assert all("or move to a higher tier" in text for text in actual)
