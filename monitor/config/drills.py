"""Drills of a product: promised recovery time and point, probe interval, and stop conditions."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from monitor.config.base import Model
from monitor.config.budget_policy import Share
from monitor.config.check import ProbeInterval
from monitor.config.values import Duration, Flag, Within, duration
from sla.drill_stop import StopCondition
from sla.interval import DAY, HOUR, MINUTE, SECOND


def _loss(value: Any) -> int:
    return 0 if value in ("0s", "0") else duration(value)


RecoveryPointField = Annotated[
    int,
    PlainValidator(_loss),
    WithJsonSchema({"type": "string", "pattern": r"^(0|([0-9]+(\.[0-9]+)?(ms|us|[wdhms])\s*)+)$", "examples": ["0s"]}),
]
DrillLength = Annotated[Duration, AfterValidator(Within(MINUTE, 7 * DAY, "between 1m and 7d"))]


class DrillsBlock(Model):
    """Drills of this product: `ninewatch drill start`."""

    rto: Duration | None = None
    """Promised recovery time of drills that specify none: `15m`."""

    rpo: RecoveryPointField | None = None
    """Promised recovery point of drills that specify none: `0s` if no data may be lost."""

    interval: ProbeInterval = SECOND
    """Time between probes during a drill. A check that probes more often keeps its interval; all keep their hold."""

    longest: DrillLength = 4 * HOUR
    """A drill that lasts longer is ended by the daemon."""

    stop_at_spent: Share = Fraction(1)
    """When this share of the product's downtime budget is spent, a drill is ended, and no drill starts. Default:
    `100%`."""

    stop_at_hold: Flag = False
    """`true`: while the release gate of the product answers `hold`, a drill is ended, and no drill starts."""

    @property
    def stop(self) -> StopCondition:
        """The condition that ends a drill."""
        return StopCondition(self.longest, self.stop_at_spent, self.stop_at_hold)
