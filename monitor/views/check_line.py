"""One check and its last probe, as a line of a page's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.views.formatting import StateBadge, state_badge
from monitor.views.vantage_line import VantageLine, disagree, vantage_lines
from monitor.views.waterfall import StepBar, waterfall
from sla.interval import SECOND
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from monitor.ledger.check_entry import CheckEntry
    from sla.availability import Bounds
    from sla.measured import Measured


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check and its last result; durations are microseconds. `paused` is the text of its pause, or empty."""

    id: str
    kind: str
    target: str
    badge: StateBadge
    probed: bool
    outcome: str
    reason: str
    status: int | None
    detail: str
    age: int
    duration: int | None
    phases: list[tuple[str, int]]
    interval: int
    steps: list[StepBar]
    paused: str = ""
    availability: Bounds[Fraction | None] | None = None  # of a journey by itself
    quorum: str = ""  # of the vantages, if several probe the check
    vantages: Sequence[VantageLine] = ()
    disagree: bool = False


def check_line(entry: CheckEntry, now: int, paused: str = "", figures: Measured | None = None) -> CheckLine:
    """Return the line of the check. Before the first probe of this process, it has only the recorded state.

    `paused` is the text of the pause at the instant; the state of a paused check is unknown. `figures` are those of the
    check by itself.
    """
    last, vantages = entry.last, vantage_lines(entry, now)
    result = None if last is None else last.result
    return CheckLine(
        id=entry.check.id,
        kind=entry.check.kind,
        target=entry.check.target,
        badge=state_badge(State.UNKNOWN if paused else entry.states.state(now)),
        probed=last is not None,
        outcome=result.outcome.value if result else "",
        reason=result.reason if result else "",
        status=result.status if result else None,
        detail=result.detail if result else "",
        age=now - last.observation.at if last else 0,
        duration=int(last.duration * SECOND) if last else None,
        phases=[(name, int(seconds * SECOND)) for name, seconds in result.phases.items()] if result else [],
        interval=entry.check.interval,
        steps=waterfall(result) if result else [],
        paused=paused,
        availability=None if figures is None else figures.availability,
        quorum=str(entry.check.quorum),
        vantages=vantages,
        disagree=disagree(vantages),
    )
