"""Facts about a supplier's public status feed: the stated problems, and when the feed was readable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sla.fact import Fact
from sla.interval import Interval
from sla.pause import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterable

STATEMENT: Final = "supplier_statement"
FEED: Final = "supplier_feed"
AUTHOR: Final = "status feed"


@dataclass(frozen=True, slots=True)
class Statement:
    """A problem that the supplier of a product stated; instants are microseconds since the epoch.

    `key` identifies it in the feed. `since` is its stated start, or the instant of the first reading if none is stated;
    `until` is its stated end, None while it continues. `absent_at` is the instant of the last reading without the
    problem, None if unknown; `made` that of the first reading with it.
    """

    product: str
    key: str
    title: str
    since: int
    until: int | None
    absent_at: int | None
    made: int

    @property
    def admitted(self) -> int:
        """The instant of the admission: the stated start, but at least the last reading without the statement."""
        return self.since if self.absent_at is None else max(self.since, self.absent_at)

    def fact(self, made: int) -> Fact:
        """Return the fact of a reading at `made` in which the statement was new or changed."""
        body = {
            "key": self.key,
            "title": self.title,
            "since": self.since,
            "until": self.until,
            "absent_at": self.absent_at,
        }
        return Fact.of(made, AUTHOR, STATEMENT, self.product, body)


def statements(facts: Iterable[Fact]) -> list[Statement]:
    """Return the statements of one product by first reading, each with its newest title and end.

    The first stated start is kept, so that a supplier cannot change its admission afterwards. Invalid facts are
    ignored.
    """
    by_key: dict[str, Statement] = {}
    for fact in facts:
        if (read := _statement(fact)) is not None:
            first = by_key.get(read.key, read)
            by_key[read.key] = replace(first, title=read.title, until=read.until)
    return list(by_key.values())


def _statement(fact: Fact) -> Statement | None:
    body = fact.content() if fact.kind == STATEMENT else None
    if not isinstance(body, dict):
        return None
    since, until, absent_at = body.get("since"), body.get("until"), body.get("absent_at")
    if not (isinstance(since, int) and isinstance(until, int | None) and isinstance(absent_at, int | None)):
        return None
    return Statement(fact.product, str(body.get("key")), str(body.get("title")), since, until, absent_at, fact.made)


@dataclass(frozen=True, slots=True)
class FeedState:
    """Whether a product's feed is readable from `made` on, and the error if not."""

    product: str
    made: int
    readable: bool
    error: str = ""

    def fact(self) -> Fact:
        """Return the state as a fact of the record."""
        return Fact.of(self.made, AUTHOR, FEED, self.product, {"readable": self.readable, "error": self.error})


def feed_states(facts: Iterable[Fact]) -> list[FeedState]:
    """Return the states of the feed of one product in the order of their facts. Invalid facts are ignored."""
    bodies = ((fact, fact.content()) for fact in facts if fact.kind == FEED)
    return [
        FeedState(fact.product, fact.made, body.get("readable") is True, str(body.get("error", "")))
        for fact, body in bodies
        if isinstance(body, dict)
    ]


def readable_times(states: Iterable[FeedState]) -> list[Interval]:
    """Return the times in which the feed was readable. The last one is open-ended while it continues."""
    times, since = [], None
    for state in states:
        if state.readable and since is None:
            since = state.made
        elif not state.readable and since is not None:
            times.append(Interval(since, state.made))
            since = None
    return times if since is None else [*times, Interval(since, FOREVER)]


def statement_text(fact: Fact) -> str:
    """Return the text of a fact about a status feed; empty for other facts."""
    if (read := _statement(fact)) is not None:
        return f"the supplier states {'an ended' if read.until is not None else 'a'} problem: {read.title}"
    for state in feed_states([fact]):
        return "the status feed is readable" if state.readable else f"the status feed is not readable: {state.error}"
    return ""
