"""The vantages of one check: the state that each of them sees, its vote, and whether they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.views.formatting import StateBadge, state_badge
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.check_history import CheckHistory
    from sla.states import State


@dataclass(frozen=True, slots=True)
class VantageLine:
    """One vantage of a check at an instant.

    `observed` is the instant of its last observation, `age` the time since then, microseconds. `vote` is `up` or
    `down`, empty without a vote: its last known observation has expired, or its last outcome is bad and too few are.
    """

    id: str
    state: State
    observed: int | None
    age: int | None
    vote: str

    @property
    def badge(self) -> StateBadge:
        """The state for a page."""
        return state_badge(self.state)

    def as_json(self) -> dict[str, Any]:
        """Return the vantage for the API; `vote` is null without a vote."""
        return {
            "id": self.id,
            "state": self.state.point.name.lower(),
            "last_observed": None if self.observed is None else format_instant(self.observed),
            "vote": self.vote or None,
        }


def vantage_lines(entry: CheckEntry, now: int) -> list[VantageLine]:
    """Return the vantages of a check, this daemon first. None of a check that only this daemon probes, or is paused."""
    if entry.votes is None or entry.paused:
        return []
    votes = {vote.vantage: "down" if vote.down else "up" for vote in entry.votes_at(now)}
    return [_line(view, now, votes.get(view.vantage, "")) for view in map(entry.view, entry.check.vantages)]


def _line(view: CheckHistory, now: int, vote: str) -> VantageLine:
    observed = view.timeline.last_at
    age = None if observed is None else max(0, now - observed)
    return VantageLine(view.vantage, view.timeline.state(now), observed, age, vote)


def disagree(lines: Sequence[VantageLine]) -> bool:
    """Return whether some vantages vote up and others down."""
    return {"up", "down"} <= {line.vote for line in lines}
