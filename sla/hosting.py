"""Hosting tiers: the availability that a platform offers, which limits the objectives of its products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sla.objective import Objective, format_duration


@dataclass(frozen=True, slots=True)
class Tier:
    """A hosting tier. `longest_outage` is in microseconds, None if the platform states no limit.

    `highest` is the availability that the platform offers. `source` is the publication of this value.
    """

    id: str
    title: str
    highest: Objective
    longest_outage: int | None
    source: str


@dataclass(frozen=True, slots=True)
class HostingPolicy:
    """The tiers of a portfolio. Their ids are unique.

    Raises:
        ValueError: two tiers have the same id.
    """

    id: str
    title: str
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        ids = [tier.id for tier in self.tiers]
        if duplicate := next((tier_id for tier_id in ids if ids.count(tier_id) > 1), None):
            raise ValueError(f"the policy {self.id} has two tiers {duplicate}; give each tier a unique id")

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of the tiers, in order."""
        return tuple(tier.id for tier in self.tiers)

    def of(self, tier: str) -> Tier:
        """Return the tier with this id.

        Raises:
            KeyError: there is no such tier.
        """
        configured = next((candidate for candidate in self.tiers if candidate.id == tier), None)
        if configured is None:
            raise KeyError(tier)
        return configured


def exceeded_limits(tier: Tier, objective: Objective, longest_outage: int | None) -> Iterator[str]:
    """Yield a sentence for each promise of a product that its hosting tier does not support, with the remedy.

    `longest_outage` is the product's promised limit on a single outage, microseconds, or None.
    """
    if objective > tier.highest:
        yield (
            f"{objective} is above what the hosting tier {tier.id} ({tier.title}) offers, {tier.highest}: "
            f"promise at most {tier.highest}, or move to a higher tier"
        )
    if longest_outage is not None and tier.longest_outage is not None and longest_outage < tier.longest_outage:
        offered = format_duration(tier.longest_outage)
        yield (
            f"the limit of {format_duration(longest_outage)} on an outage is below that of the hosting tier {tier.id} "
            f"({tier.title}), {offered}: promise {offered} or more, or move to a higher tier"
        )
