"""Compare the outages of a product with the statements of its supplier. This changes no figure.

A statement is about an outage if it was made at most `MAX_DELAY` after the outage's end, and does not end before the
outage starts. If it also fits a later outage and states a start after the end of this outage, it is about the later one
only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sla.interval import DAY, Interval
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sla.state_history import History
    from sla.supplier_statement import Statement

MAX_DELAY: Final = DAY  # from the end of an outage to a statement about it


class Admitted(StrEnum):
    """Whether the supplier stated an outage."""

    YES = "admitted"
    PENDING = "not_yet"
    NO = "never"
    UNKNOWN = "feed_not_read"


@dataclass(frozen=True, slots=True)
class Outage:
    """An observed outage, which starts with the first certain downtime. If ongoing, its interval ends now."""

    interval: Interval
    ongoing: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """An observed outage, and the first statement about it, if there is one."""

    outage: Outage
    verdict: Admitted
    statement: Statement | None = None

    @property
    def delay(self) -> int | None:
        """The time from the observed start to the statement, microseconds; negative if the statement was earlier."""
        return None if self.statement is None else self.statement.admitted - self.outage.interval.start


def outages(history: History, window: Interval) -> Iterator[Outage]:
    """Yield the outages in the window, each from the first to the last certain downtime before the product is up again.

    If the product is not up again in the window, the outage is ongoing and ends with the window.
    """
    start, end = None, window.start
    for piece in history.pieces(window):
        if piece.state is State.DOWN:
            start, end = piece.start if start is None else start, piece.end
        elif piece.state.estimate is State.UP and start is not None:
            yield Outage(Interval(start, end), ongoing=False)
            start = None
    if start is not None:
        yield Outage(Interval(start, window.end), ongoing=True)


def admissions(
    observed: Sequence[Outage], stated: Iterable[Statement], readable: Sequence[Interval], now: int
) -> list[Admission]:
    """Return for each observed outage whether the supplier stated it. `readable` are the times with a readable feed."""
    by_admission = sorted((statement for statement in stated if statement.admitted <= now), key=_admitted)
    return [_admission(outage, observed, by_admission, readable, now) for outage in observed]


def _admission(
    outage: Outage, observed: Sequence[Outage], stated: Iterable[Statement], readable: Sequence[Interval], now: int
) -> Admission:
    for statement in stated:
        if _is_about(statement, outage) and not _is_about_later(statement, outage, observed):
            return Admission(outage, Admitted.YES, statement)
    start, latest = outage.interval.start, outage.interval.end + MAX_DELAY
    if not any(time.start <= min(now, latest) and time.end > start for time in readable):
        return Admission(outage, Admitted.UNKNOWN)
    return Admission(outage, Admitted.PENDING if outage.ongoing or now < latest else Admitted.NO)


def _admitted(statement: Statement) -> int:
    return statement.admitted


def _is_about(statement: Statement, outage: Outage) -> bool:
    ended_before = statement.until is not None and statement.until < outage.interval.start
    return statement.admitted <= outage.interval.end + MAX_DELAY and not ended_before


def _is_about_later(statement: Statement, outage: Outage, observed: Iterable[Outage]) -> bool:
    if statement.since <= outage.interval.end:
        return False
    later = (other for other in observed if other.interval.start > outage.interval.end)
    return any(_is_about(statement, other) for other in later)


def unobserved(stated: Iterable[Statement], observed: Sequence[Outage]) -> list[Statement]:
    """Return the statements that are about no observed outage, in their order."""
    return [statement for statement in stated if not any(_is_about(statement, outage) for outage in observed)]
