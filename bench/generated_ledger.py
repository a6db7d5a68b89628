"""Ledgers with a generated history, and the measurement of calls, for the cases of `bench.windows`."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from monitor.config.model import CheckBase, Portfolio
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.ledger.ledger import Ledger
from monitor.probe_result import Observed, ProbeResult
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Observation, Outcome, Run

if TYPE_CHECKING:
    from sla.fact import Fact

NOW = 1_790_000_000 * SECOND
HOLD = 2 * MINUTE + 10 * SECOND
GOOD, BAD = Outcome.GOOD, Outcome.BAD
GOOD_RESULT = ProbeResult(GOOD, status=200, phases={"connect": 0.003, "tls": 0.018, "first_byte": 0.017})

Figures = dict[str, float]


class RecordedCheck(CheckBase):
    """A check with a generated history."""

    kind: ClassVar[str] = "http"
    http: str = "https://example.test/health"


def product(name: str, checks: int, **fields: object) -> dict[str, object]:
    members = tuple(RecordedCheck(id=f"check-{n}", interval="1m", timeout="10s") for n in range(checks))
    return {"id": name, "objective": "99.9%", "checks": members, **fields}


def portfolio(products: Iterable[dict[str, object]]) -> Portfolio:
    return Portfolio.model_validate({"products": list(products), "time_zone": "America/Vancouver"})


def runs(key: str, number: int, days: int = 365, spacing: int = 36 * HOUR) -> Iterator[Run]:
    """Yield runs of a probe per minute, with incidents of different lengths (1 to 7 minutes) after each spacing."""
    at, count = NOW - days * DAY + number * 7 % 60 * SECOND, 0
    while at < NOW - MINUTE:
        good = (spacing + (number * 37 + count * 11) % 97 * MINUTE) // MINUTE
        good = min(good, (NOW - at) // MINUTE)
        yield Run(key, GOOD, "", at, at + (good - 1) * MINUTE, good, HOLD)
        at, bad = at + good * MINUTE, (number + count) % 7 + 1
        if at + bad * MINUTE < NOW:
            yield Run(key, BAD, "deadline", at, at + (bad - 1) * MINUTE, bad, HOLD)
            at += bad * MINUTE
        count += 1


def ledger_with_runs(loaded: Portfolio, generate: Callable[[str, int], Iterable[Run]] = runs) -> Ledger:
    ledger = Ledger(loaded)
    ledger.restore([run for number, key in enumerate(ledger.entries) for run in generate(key, number)], [], [])
    define(ledger, NOW)
    return ledger


def define(ledger: Ledger, now: int) -> None:
    """Add definitions like the daemon does after it loaded the record or the configuration."""
    known = ledger.facts.products
    definitions = added_definitions(ledger.portfolio, ledger.definitions, lambda p: start_of(ledger, p), known, now)
    add_facts(ledger, [definition.fact("bench") for definition in definitions])


def add_facts(ledger: Ledger, facts: Sequence[Fact]) -> None:
    ledger.facts = Facts(ledger.facts.all, facts, former_ids=ledger.former_ids)


def start_of(ledger: Ledger, product_id: str) -> int:
    return min(at for e in ledger.entries_of(product_id) if (at := e.timeline.final_until) is not None) - 365 * DAY


def observe(ledger: Ledger, key: str, at: int) -> None:
    entry = ledger.entries[key]
    observation = Observation(key, at, GOOD, "", 40_000)
    entry.observe(observation)
    entry.count(Observed(observation, GOOD_RESULT, 0.04))
    entry.tracker.step(observation)


def time_calls(calls: Iterable[Callable[[], object]]) -> float:
    """Return the median CPU time of the calls in milliseconds."""
    milliseconds = []
    gc.collect()
    gc.disable()
    for call in calls:
        start = time.process_time_ns()
        call()
        milliseconds.append((time.process_time_ns() - start) / 1e6)
    gc.enable()
    return statistics.median(milliseconds)
