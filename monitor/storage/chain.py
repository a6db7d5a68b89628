"""The chain of heads in the record: read and write its rows, and compute the next head."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

from monitor.storage import statements as sql
from monitor.storage.connection import has_table
from monitor.storage.rows import incidents_in, outcome_of
from sla.chain import (
    NO_HEAD,
    Head,
    Part,
    Position,
    Series,
    fact_digest,
    fact_products,
    incident_digest,
    root,
    series_digest,
)
from sla.chain_check import FACT, INCIDENT, Chain, Covered
from sla.fact import Fact
from sla.interval import DAY
from sla.observation import Run

if TYPE_CHECKING:
    from monitor.storage.connection import Connection
_RUNS_PER_PAUSE: Final = 2_000  # number of runs to read before a pause that lets other threads run
_PAUSE: Final = 0.001  # seconds
MANY: Final = 2**62  # no limit, for SQLite and PostgreSQL

Item = tuple[str, str, str]  # kind, id, digest


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A head with the series and items that it covers."""

    head: Head
    series: Sequence[tuple[Series, Position, str]]
    items: Sequence[Item]


def write_head(connection: Connection, closed: ClosedDay, series: dict[Series, int]) -> None:
    """Insert a head with the series and items that it covers. A head with an existing number is ignored.

    Raises:
        sqlite3.Error: the head cannot be written.
    """
    head = closed.head
    row = (head.number, head.day, head.since, head.made, head.full, head.content, head.previous, head.digest)
    if connection.execute(sql.ADD_HEAD, row).rowcount:
        rows = [(series[name], head.number, *astuple(position), digest) for name, position, digest in closed.series]
        connection.executemany(sql.ADD_HEAD_SERIES, rows)
        connection.executemany(
            sql.ADD_HEAD_ITEM, [(kind, name, head.number, digest) for kind, name, digest in closed.items]
        )


def heads_in(connection: Connection, start: int = 1, limit: int = MANY) -> list[tuple[Head, str]]:
    """Return the heads from number `start`, with their recorded digests. A record of an earlier version has none."""
    if not has_table(connection, "heads"):
        return []
    rows = connection.execute(sql.HEADS, (start, limit))
    return [(Head(n, day, since, made, full != 0, c, p), head) for n, day, since, made, full, c, p, head in rows]


def chain_in(connection: Connection) -> Chain:
    """Return the chain of an open record, with the series and items that its heads cover."""
    heads = heads_in(connection)
    covered: dict[int, Covered] = {head.number: Covered() for head, _ in heads}
    if heads:
        for check, vantage, number, *position, digest in connection.execute(sql.HEAD_SERIES):
            covered.setdefault(number, Covered()).series[check, vantage] = (Position(*position), digest)
        for kind, identity, number, digest in connection.execute(sql.HEAD_ITEMS):
            covered.setdefault(number, Covered()).items[kind, identity] = digest
    return Chain([head for head, _ in heads], [digest for _, digest in heads], covered)


def unchecked_facts(connection: Connection) -> list[Fact]:
    """Return the facts without validation, including facts that were changed after they were recorded."""
    facts = []
    for identity, made, author, kind, product, body in connection.execute(sql.FACTS):
        try:
            json.loads(body)
        except ValueError:
            body = json.dumps(body)
        facts.append(Fact(identity, made, author, kind, product, body))
    return facts


def next_head(connection: Connection, day: int, now: int) -> ClosedDay | None:
    """Return the head that closes the day (days since 1970, UTC) of an open record. None if no head is due.

    No head is due before the first observation, or if the day or a later day has a head. The data without a head may be
    a long record, so it is read with pauses that let other threads run.
    """
    heads = [head for head, _ in heads_in(connection)]
    last = heads[-1] if heads else None
    begin = max((head.number for head in heads if head.full), default=0)
    full = last is None or bool(connection.execute(sql.SET_ASIDE, (begin,)).fetchone())
    if last is not None and last.day >= day and not full:
        return None
    if full and last is not None:
        begin = last.number + 1
    series = list(_series(connection, begin, (day + 1) * DAY))
    items = list(_items(connection, begin))
    if last is None and not series:
        return None
    number, previous = (1, NO_HEAD) if last is None else (last.number + 1, last.digest)
    content = root([part.leaf for part in _parts(connection, series, items)])
    since = None if last is None or full else last.day + 1
    head = Head(number, day, since, now, full, content, previous)
    return ClosedDay(head, series, [item for item, _ in items])


def _series(connection: Connection, begin: int, end: int) -> Iterator[tuple[Series, Position, str]]:
    """Yield each series that has runs before `end` without a head since number `begin`, with its new position."""
    reasons = dict(connection.execute(sql.ALL_REASONS))
    positions = {number: position for number, *position in connection.execute(sql.POSITIONS, (begin,))}
    read = 0
    for number, check, vantage in connection.execute(sql.ALL_SERIES).fetchall():
        before = Position(*positions[number]) if number in positions else None
        rows = connection.execute(sql.RUNS_BETWEEN, (number, -1 if before is None else before.first, end)).fetchall()
        runs = [_run((check, vantage), row, reasons) for row in rows]
        if runs and (len(runs) > 1 or Position.at_end_of(runs[0]) != before):
            yield (check, vantage), Position.at_end_of(runs[-1]), series_digest((check, vantage), runs)
        read += len(runs) + 20
        if read > _RUNS_PER_PAUSE:
            read = 0
            time.sleep(_PAUSE)


def _run(name: Series, row: tuple[int, ...], reasons: dict[int, str]) -> Run:
    code, reason, first, last, count, hold, known, latency, maximum, seeded, recheck = row
    outcome, flags = outcome_of(code), (seeded != 0, recheck != 0)
    return Run(name[0], outcome, reasons[reason], first, last, count, hold, known, latency, maximum, name[1], *flags)


def _items(connection: Connection, begin: int) -> Iterator[tuple[Item, str]]:
    """Yield the facts and resolved incidents without a head since number `begin`, each with its product."""
    known = {(kind, name) for kind, name, number, _ in connection.execute(sql.HEAD_ITEMS) if number >= begin}
    facts = unchecked_facts(connection)
    products = fact_products(facts)
    for fact in facts:
        if (FACT, fact.id) not in known:
            yield (FACT, fact.id, fact_digest(fact)), products[fact.id]
    for incident in incidents_in(connection):
        if incident.resolved is not None and (INCIDENT, incident.id) not in known:
            yield (INCIDENT, incident.id, incident_digest(incident)), incident.product


def _parts(
    connection: Connection,
    series: Sequence[tuple[Series, Position, str]],
    items: Sequence[tuple[Item, str]],
) -> list[Part]:
    by_product: dict[str, dict[Series, str]] = {}
    for name, _, digest in series:
        by_product.setdefault(name[0].partition("/")[0], {})[name] = digest
    names = sorted({*by_product, *(product for _, product in items)})
    return [
        Part(
            name,
            by_product.get(name, {}),
            [digest for (kind, _, digest), product in items if (kind, product) == (FACT, name)],
            [digest for (kind, _, digest), product in items if (kind, product) == (INCIDENT, name)],
        )
        for name in names
    ]
