"""Rebuild the ledger as of an instant from the record, for reports and for the API's `at`.

Later observations and facts are excluded (measurement.md, section 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import itemgetter
from typing import TYPE_CHECKING

from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.ledger.ledger import Ledger
from monitor.storage.reader import reading
from sla.interval import Interval
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from monitor.config.model import Portfolio
    from monitor.storage.reader import Reader
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run


@dataclass(frozen=True, slots=True)
class RecordContent:
    """The content of a record as of an instant. `runs` and `tail` can be iterated once.

    Checks have their keys at the time of recording, even if renamed later. `runs` are sorted by check, vantage and
    `first`. `tail` are the observations after each check's last run.
    `latency_days` are the days of latencies, `latencies` the good observations `(check, at, latency)` after
    them.
    """

    runs: Iterable[Run]
    tail: Iterable[Observation]
    incidents: Sequence[Incident]
    facts: Sequence[Fact]
    latency_days: Sequence[LatencyDay] = ()
    latencies: Sequence[tuple[str, int, int]] = ()

    def in_lists(self) -> RecordContent:
        """Return the content as lists, which can be iterated repeatedly."""
        return replace(self, runs=list(self.runs), tail=list(self.tail))

    def with_facts(self, facts: Sequence[Fact]) -> RecordContent:
        """Return the same content with other facts."""
        return replace(self, facts=facts)

    def ledger(self, portfolio: Portfolio) -> Ledger:
        """Return a ledger of the portfolio from this content."""
        ledger = Ledger(portfolio)
        ledger.facts = Facts(self.facts, former_ids=ledger.former_ids)
        ledger.restore(self.runs, self.tail, self.incidents)
        ledger.latencies.restore(self.latency_days, self.latencies)
        return ledger


def ledger_at(portfolio: Portfolio, record: Path, at: int, product: str | None = None) -> Ledger:
    """Return the ledger as of the instant, from one consistent read of the record. A daemon may be running.

    With `product`, only checks on which the product's figures may depend have a history, including those of earlier
    definitions.

    Raises:
        StoreError: the record does not exist or cannot be read.
        NinewatchError: the journal cannot be read.
    """
    with reading(record) as reader:
        return recorded_at(reader, Journal.of(record), at, portfolio, product).ledger(portfolio)


def recorded_at(
    reader: Reader, journal: Journal, at: int, portfolio: Portfolio, product: str | None = None
) -> RecordContent:
    """Return the content of an open record as of the instant, for all checks or for the checks of one product.

    Raises:
        sqlite3.Error: the record cannot be read.
        NinewatchError: the journal cannot be read.
    """
    facts = [fact for fact in Facts(reader.load_facts(), journal.read()).all if fact.made <= at]
    checks = None
    if product is not None:
        ledger = Ledger(portfolio)
        ledger.facts = Facts(facts, former_ids=ledger.former_ids)
        checks = _keys(ledger, figure_dependencies(ledger, product))
    return RecordContent(
        _runs_until(reader, checks, at),
        (observation for observation in reader.load_tail(checks) if observation.at <= at),
        [_incident_as_of(incident, at) for incident in reader.load_incidents() if incident.opened <= at],
        facts,
        *_latencies_until(reader, checks, at),
    )


def _latencies_until(
    reader: Reader, checks: Collection[str] | None, at: int
) -> tuple[list[LatencyDay], list[tuple[str, int, int]]]:
    """Return the days of latencies as of the instant, and the good observations after them.

    A day that continues after the instant is recounted from raw observations, or omitted if these were deleted.
    """
    days = list(reader.load_latency_days(checks))
    latencies = [
        latency
        for latency in reader.recent_latencies()
        if (checks is None or latency[0] in checks) and latency[1] <= at
    ]
    for day in days:
        if day.start <= at < day.last:
            latencies += _counted(_observations(reader, day.check, day.vantage, Interval(day.start, at + 1)))
    return [day for day in days if day.last <= at], sorted(latencies, key=itemgetter(1))


def _counted(observations: Iterable[Observation]) -> Iterator[tuple[str, int, int]]:
    """Yield the latencies that count: those of good observations other than re-checks."""
    for observation in observations:
        if observation.outcome is Outcome.GOOD and observation.latency is not None and not observation.recheck:
            yield observation.check, observation.at, observation.latency


def _keys(ledger: Ledger, products: Collection[str]) -> list[str]:
    """Return the keys of the products' checks, including former keys and those of earlier definitions."""
    definitions = (definition for name in products for definition in ledger.definitions(name))
    present = {member.check for definition in definitions for member in definition.members}
    present |= {entry.key for entry in ledger.probed_entries() if entry.product.id in products}
    return [*present, *(old for old, new in ledger.former_ids.checks.items() if new in present)]


def figure_dependencies(ledger: Ledger, name: str) -> set[str]:
    """Return the product and all products that its figures may depend on.

    These are direct, indirect and excluded dependencies, including removed ones of earlier definitions, and products
    whose checks are evidence for the readiness.
    """
    visited, pending = set[str](), [name]
    while pending:
        if (product_id := pending.pop()) not in visited:
            visited.add(product_id)
            product = ledger.products.get(product_id)
            pending += () if product is None else (*product.depends_on, *product.evidence_products)
            pending += ledger.excluded_dependencies(product_id)
    return visited


def _incident_as_of(incident: Incident, at: int) -> Incident:
    """Return the incident as of the instant; it is open if it was resolved later."""
    if incident.resolved is None or incident.resolved <= at:
        return incident
    return replace(incident, resolved=None, downtime=None)


def _runs_until(reader: Reader, checks: Collection[str] | None, at: int) -> Iterator[Run]:
    """Yield the runs as of the instant. A run that continues is truncated after its last observation by then."""
    for run in reader.load_runs(checks):
        if run.last <= at:
            yield run
        elif run.first <= at:
            since = max(run.first, at - run.hold)
            yield _truncate(run, _observations(reader, run.check, run.vantage, Interval(since, at + 1)), at)


def _observations(reader: Reader, check: str, vantage: str, window: Interval) -> list[Observation]:
    """Return the observations of the check at one vantage, by `at`."""
    return [observation for observation in reader.observations(check, window) if observation.vantage == vantage]


def _truncate(run: Run, recent: Sequence[Observation], at: int) -> Run:
    """Return the run up to the last of the `recent` observations; if there are none, assume even spacing.

    With raw observations, figures as of an instant do not depend on the later part of the run. The result has no
    latencies, because those of a part of a run are not known.
    """
    run = replace(run, latency_count=0, latency_sum=0, latency_max=0)
    length, steps = run.last - run.first, max(run.count - 1, 1)
    if recent:
        last = recent[-1].at
        return replace(run, last=last, count=1 + round(Fraction((last - run.first) * steps, length)))
    steps_before = (at - run.first) * steps // length
    return replace(run, last=run.first + steps_before * length // steps, count=steps_before + 1)
