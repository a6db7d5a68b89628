"""The stop condition of a drill: its length, the downtime budget of the product, and the release gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.duration import format_duration
from sla.objective import format_percent

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class StopCondition:
    """Stop a drill after `longest` (microseconds), or when the share `spent` of the budget is spent.

    `at_hold`: also stop it when the release gate answers `hold`.
    """

    longest: int
    spent: Fraction
    at_hold: bool

    def reason(self, duration: int, spent: Fraction | None, hold: str | None) -> str | None:
        """Return why a drill of this length must stop, None if it may continue.

        `spent` is the spent share of the budget, None if unknown. `hold` is the gate's reason to hold, if it has one.
        """
        if duration >= self.longest:
            return f"the drill reached its maximum length of {format_duration(self.longest)}"
        if spent is not None and spent >= self.spent:
            return (
                f"{format_percent(spent)} of the downtime budget is spent; drills stop at {format_percent(self.spent)}"
            )
        if self.at_hold and hold is not None:
            return f"the release gate answers hold: {hold}"
        return None
