"""The facts that a reading of a status feed adds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sla.supplier_statement import Statement
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.config.status_feed import StatusFeed
    from monitor.status_feeds.formats import Problem
    from sla.fact import Fact


class Reading(NamedTuple):
    """A successful reading of a feed at `now`. `previous` is the instant of the last one of this process, or None."""

    problems: Sequence[Problem]
    now: int
    previous: int | None


def new_statements(
    product: str, feed: StatusFeed, reading: Reading, known: Iterable[Statement], observed_since: int | None
) -> Iterator[Fact]:
    """Yield the facts of new, changed and ended statements.

    Statements that ended before the product was observed are ignored: nothing can be compared with them.
    """
    stated = {statement.key: statement for statement in known}
    present = set()
    for problem in reading.problems:
        if _affects(problem, feed) and (problem.since is None or problem.since <= reading.now):
            statement = _statement(product, problem, reading, stated)
            present.add(statement.key)
            if statement != stated.get(statement.key) and not _ended_before(statement, observed_since):
                yield statement.fact(reading.now)
    for statement in stated.values():
        if statement.until is None and statement.key not in present:
            yield replace(statement, until=reading.now).fact(reading.now)


def _affects(problem: Problem, feed: StatusFeed) -> bool:
    """Return whether the problem affects a needed component. A problem without components may affect all."""
    return not (feed.components and problem.components) or not set(feed.components).isdisjoint(problem.components)


def _statement(product: str, problem: Problem, reading: Reading, stated: Mapping[str, Statement]) -> Statement:
    """Return the statement of a problem: the known one with the present title and end, or a new one."""
    known = stated.get(problem.key) if problem.since is not None else _open_statement(problem.key, stated)
    if known is not None:
        return replace(known, title=problem.title, until=problem.until)
    since = reading.now if problem.since is None else problem.since
    key = problem.key if problem.since is not None else f"{problem.key} {format_instant(since)}"
    return Statement(product, key, problem.title, since, problem.until, reading.previous, reading.now)


def _open_statement(component: str, stated: Mapping[str, Statement]) -> Statement | None:
    """Return the statement about a component that continues, in a format without times."""
    continuing = (statement for statement in stated.values() if statement.until is None)
    return next((statement for statement in continuing if statement.key.rpartition(" ")[0] == component), None)


def _ended_before(statement: Statement, observed_since: int | None) -> bool:
    return statement.until is not None and (observed_since is None or statement.until < observed_since)
