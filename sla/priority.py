"""Priorities of alerts, and the target times to acknowledge them."""

from __future__ import annotations

from dataclasses import dataclass

from sla.product_incident import Severity  # noqa: TC001 - pydantic resolves the fields of these types
from sla.stage import Stage  # noqa: TC001


@dataclass(frozen=True, slots=True)
class Target:
    """The maximum time to acknowledge in and outside of business hours, microseconds. None means best effort."""

    priority: str
    business: int | None
    after_hours: int | None


@dataclass(frozen=True, slots=True)
class PriorityRule:
    """Assigns a priority to alerts of these severities about products in these stages. An empty tuple means all.

    `business` limits the rule to business hours (True) or to all other hours (False).
    """

    priority: str
    severities: tuple[Severity, ...] = ()
    stages: tuple[Stage, ...] = ()
    business: bool | None = None

    def matches(self, severity: Severity, stage: Stage | None, *, business: bool) -> bool:
        """Return whether the rule applies to such an alert."""
        return (
            (not self.severities or severity in self.severities)
            and (not self.stages or stage in self.stages)
            and self.business in (None, business)
        )


def priority_and_target(
    rules: tuple[PriorityRule, ...],
    targets: tuple[Target, ...],
    severity: Severity,
    stage: Stage | None,
    *,
    business: bool,
) -> tuple[str, int | None]:
    """Return the priority and the target of an alert by the first matching rule. Empty and None without a match."""
    priority = next((rule.priority for rule in rules if rule.matches(severity, stage, business=business)), "")
    target = next((target for target in targets if target.priority == priority), None)
    if target is None:
        return priority, None
    return priority, target.business if business else target.after_hours
