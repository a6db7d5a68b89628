"""The deliveries of other vantages: whether their observations arrive in time, and which checks lost their quorum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sla.duration import format_duration
from sla.interval import SECOND
from sla.window import format_instant

_MAX_NAMED: Final = 3  # checks that a text names


class DeliveryState(StrEnum):
    """Whether the observations of a vantage arrive in time, and why not."""

    DELIVERING = "delivering"
    WAITING = "waiting"
    """Some observations are missing, but not for longer than the hold of their check since this daemon started."""
    SILENT = "silent"
    """No observations arrive."""
    LAGGING = "lagging"
    """Observations arrive, but all are too old for a vote."""
    OUTDATED = "outdated"
    """Observations arrive, but not of all checks: the vantage has another configuration, or cannot probe them."""
    AHEAD = "ahead"
    """The clock of the vantage is ahead, so its observations are not used."""
    BLIND = "blind"
    """All observations are unknown."""

    @property
    def failing(self) -> bool:
        """Whether the vantage needs attention."""
        return self not in (DeliveryState.DELIVERING, DeliveryState.WAITING)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """The state of the observations that one of the other vantages delivers.

    `since` is the instant since when it has been failing, or has not; `newest` the instant of its newest observation.
    `checks` is the number of checks that it probes, `missing` has the keys of those without a valid observation.
    `ahead` is the time by which its clock is ahead at least, microseconds, 0 if it is not as far as the file shows.
    `problem` is the reason why its file cannot be read. After a failure it must deliver for `settle`, microseconds.
    """

    id: str
    state: DeliveryState
    since: int
    newest: int | None
    checks: int
    missing: tuple[str, ...]
    problem: str = ""
    settle: int = 0
    ahead: int = 0

    def restored(self, now: int) -> bool:
        """Return whether the vantage has delivered for longer than one late delivery is valid."""
        return self.state is DeliveryState.DELIVERING and now - self.since >= self.settle

    @property
    def summary(self) -> str:
        """A clause about the vantage."""
        newest = "none yet" if self.newest is None else format_instant(self.newest // SECOND * SECOND)
        match self.state:
            case DeliveryState.SILENT:
                return f"no observations arrive, the last one: {newest}"
            case DeliveryState.LAGGING:
                return f"observations arrive too late to vote, the newest one: {newest}"
            case DeliveryState.AHEAD:
                ahead = format_duration(self.ahead)
                return f"its clock is at least {ahead} ahead, so its observations are not used; correct it"
            case DeliveryState.OUTDATED:
                return f"no observations of {len(self.missing)} of {self.checks} checks: {named(self.missing)}"
            case DeliveryState.BLIND:
                return "all its observations are unknown"
            case _:
                return f"the newest observation: {newest}"


@dataclass(frozen=True, slots=True)
class QuorumLoss:
    """A check that too few vantages observe: `able` have a valid known observation, `needed` must vote."""

    check: str
    since: int
    able: tuple[str, ...]
    needed: int

    @property
    def summary(self) -> str:
        """A clause about the check."""
        able = f"only {', '.join(self.able)}" if self.able else "no vantage"
        return f"{self.check}: {able} can vote, {self.needed} votes are needed"


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All other vantages, and the checks whose quorum cannot be reached because a vantage does not deliver.

    `assured_since` is the instant since when each check has had its quorum, None while one has not, or while that is
    undecided after a start. `settle` is the time after which an alert about it is resolved, microseconds.
    """

    vantages: tuple[DeliveryStatus, ...] = ()
    losses: tuple[QuorumLoss, ...] = ()
    assured_since: int | None = None
    settle: int = 0


def named(names: tuple[str, ...]) -> str:
    """Return the first names, and the number of the others."""
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
