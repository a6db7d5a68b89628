"""The deliveries of other vantages: whether observations arrive in time, and which checks lost their quorum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sla.duration import format_duration
from sla.interval import SECOND
from sla.window import format_instant

_MAX_NAMED: Final = 3  # checks named in a text


class DeliveryState(StrEnum):
    """Whether the observations of a vantage arrive in time, or the reason why not."""

    DELIVERING = "delivering"
    WAITING = "waiting"
    """Some observations are missing, but this daemon has not run for longer than the hold of their check."""
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
    """The state of the observations delivered by another vantage.

    Instants and durations are in microseconds. `since` is when it started to fail, or to work; `newest` the instant of
    its newest observation. `checks` is the number of checks that it probes, `missing` has the keys of those without a
    valid observation. `ahead` is the minimum time by which its clock is known to be ahead, or 0. `problem` is the
    reason why its file cannot be read. After a failure it must deliver for `settle`.
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
        """Return whether the vantage has delivered for longer than `settle`, so not only one late delivery."""
        return self.state is DeliveryState.DELIVERING and now - self.since >= self.settle

    @property
    def summary(self) -> str:
        """The state as a clause for messages."""
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
    """A check without a quorum: the vantages `able` have a valid known observation, `needed` votes are required."""

    check: str
    since: int
    able: tuple[str, ...]
    needed: int

    @property
    def summary(self) -> str:
        """The loss as a clause for messages."""
        able = f"only {', '.join(self.able)}" if self.able else "no vantage"
        return f"{self.check}: {able} can vote, {self.needed} votes are needed"


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All other vantages, and the checks without a quorum because a vantage does not deliver.

    `assured_since` is since when all checks have had their quorum; None while one lacks it, or while unknown after a
    start. `settle` is the time (microseconds) after which an alert about it is resolved.
    """

    vantages: tuple[DeliveryStatus, ...] = ()
    losses: tuple[QuorumLoss, ...] = ()
    assured_since: int | None = None
    settle: int = 0


def named(names: tuple[str, ...]) -> str:
    """Return the first names, and the number of the others."""
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
