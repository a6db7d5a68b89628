"""The deliveries of other vantages: whether observations arrive in time, and which checks lost their quorum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sla.duration import format_duration
from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.vantage import ClockOffset

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
    BEHIND = "behind"
    """The clock of the vantage is behind, so its observations are not used."""
    BLIND = "blind"
    """All observations are unknown."""

    @property
    def failing(self) -> bool:
        """Whether the vantage needs attention."""
        return self not in (DeliveryState.DELIVERING, DeliveryState.WAITING)


@dataclass(frozen=True, slots=True)
class VantageLink:
    """The last request of a vantage that sends its observations over the network.

    `received` is its instant on this daemon's clock. `same_checks`: whether the vantage probes the same checks with the
    same parameters. `clock` is the offset of its clock, None before it was measured.
    """

    received: int
    version: str
    same_checks: bool
    clock: ClockOffset | None = None


@dataclass(frozen=True, slots=True)
class ShippingStatus:
    """The delivery of this vantage to its centre.

    `url` is the address that responded last, `delivered_at` the instant of that (None before the first response), and
    `problem` the reason why the last request failed, or empty. `waiting` is the number of frames that the centre has
    not stored, `oldest` the instant of the oldest of them. `clock` is the measured offset of this vantage's clock.
    """

    url: str = ""
    delivered_at: int | None = None
    waiting: int = 0
    oldest: int | None = None
    problem: str = ""
    clock: ClockOffset | None = None


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """The state of the observations delivered by another vantage.

    Instants and durations are in microseconds. `since` is when it started to fail, or to work; `newest` the instant of
    its newest observation. `checks` is the number of checks that it probes, `missing` has the keys of those without a
    valid observation. `ahead` is the minimum time by which its clock is known to be ahead, or 0. `problem` is the
    reason why its file cannot be read. After a failure it must deliver for `settle`. `link` is None if it delivers a
    file, or sent no request yet.
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
    link: VantageLink | None = None

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
            case DeliveryState.BEHIND:
                return f"its clock is {self._offset_text} behind, so its observations are not used; correct it"
            case DeliveryState.OUTDATED:
                return f"no observations of {len(self.missing)} of {self.checks} checks: {named(self.missing)}"
            case DeliveryState.BLIND:
                return "all its observations are unknown"
            case _:
                return f"the newest observation: {newest}"

    @property
    def _offset_text(self) -> str:
        clock = None if self.link is None else self.link.clock
        return format_duration(0 if clock is None else abs(clock.certain))


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
