"""What a daemon knew at an instant, rebuilt from the record: by one way for reports and for the API's `at`.

Nothing that was observed or said after the instant is in it (measurement.md, section 1).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.facts import Facts
from monitor.journal import Journal
from monitor.ledger import Ledger
from monitor.storage.reader import reading
from sla.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from monitor.config.model import Portfolio
    from monitor.storage.reader import Reader
    from sla.incident import Incident
    from sla.observation import Observation, Run


def ledger_at(portfolio: Portfolio, record: Path, at: int, products: Collection[str] | None = None) -> Ledger:
    """Return the ledger as it stood at the instant, from one consistent look at the record beside a running daemon.

    With `products` only their checks have a history, those of earlier definitions included: all that the figures of a
    product need if `relied_on` named them.

    Raises:
        StoreError: there is no record, or it cannot be read.
        NinewatchError: the journal cannot be read.
    """
    ledger = Ledger(portfolio)
    with reading(record, trusted=products is not None) as found:
        facts = Facts(found.load_facts(), Journal.of(record).read())
        ledger.facts = Facts((fact for fact in facts.all if fact.made <= at), former=ledger.former)
        checks = None if products is None else _keys(ledger, products)
        tail = (seen for seen in found.load_tail(checks) if seen.at <= at)
        ledger.restore(
            _until(found, checks, at), tail, [_known(i, at) for i in found.load_incidents() if i.opened <= at]
        )
    return ledger


def _keys(ledger: Ledger, products: Collection[str]) -> list[str]:
    """Return the keys of the products' checks, former ones and those of earlier definitions included."""
    defined = (each for name in products for each in ledger.definitions(name))
    present = {member.check for each in defined for member in each.members}
    present |= {key for key in ledger.entries if key.partition("/")[0] in products}
    return [*present, *(old for old, new in ledger.former.checks.items() if new in present)]


def relied_on(ledger: Ledger, name: str) -> set[str]:
    """Return the product and all that its figures may rest on: dependencies and theirs, and those it excludes.

    Those that an earlier definition excludes are among them, also where the configuration has them no longer.
    """
    found, left = set[str](), [name]
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            left += ledger.products[each].depends_on if each in ledger.products else ()
            left += ledger.excluded_dependencies(each)
    return found


def _known(incident: Incident, at: int) -> Incident:
    """Return the incident as it was known then: one that was resolved later went on."""
    if incident.resolved is None or incident.resolved <= at:
        return incident
    return replace(incident, resolved=None, downtime=None)


def _until(record: Reader, checks: Collection[str] | None, at: int) -> Iterator[Run]:
    """Yield the runs as they stood at the instant; one that went on is cut at its last observation until then."""
    for run in record.load_runs(checks):
        if run.last <= at:
            yield run
        elif run.first <= at:
            yield _cut(run, record.observations(run.check, Interval(max(run.first, at - run.hold), at + 1)), at)


def _cut(run: Run, seen: Sequence[Observation], at: int) -> Run:
    """Return the run up to the last of the observations; where they are no longer kept, as if evenly spaced.

    From the observation itself the figures of an instant are the same however far the run went on afterwards.
    """
    length, steps = run.last - run.first, max(run.count - 1, 1)
    if seen:
        last = seen[-1].at
        return replace(run, last=last, count=1 + round(Fraction((last - run.first) * steps, length)))
    before = (at - run.first) * steps // length
    return replace(run, last=run.first + before * length // steps, count=before + 1)
