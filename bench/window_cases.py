"""The cases that `bench.windows` measures. Each commit measures its own code with its own version of this file."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from monitor.config.model import CheckBase, Portfolio
from monitor.engine.recorder import restore
from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probe_result import Observed, ProbeResult
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.calendar import Period, calendar_window
from sla.correction import Correction
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.objective import Objective
from sla.observation import Observation, Outcome, Run
from sla.window import WINDOWS

if TYPE_CHECKING:
    from sla.fact import Fact

NOW = 1_790_000_000 * SECOND
HOLD = 2 * MINUTE + 10 * SECOND
GOOD, BAD = Outcome.GOOD, Outcome.BAD
ZONE = ZoneInfo("America/Vancouver")
GOOD_RESULT = ProbeResult(GOOD, status=200, phases={"connect": 0.003, "tls": 0.018, "first_byte": 0.017})

Figures = dict[str, float]


class RecordedCheck(CheckBase):
    """A check with a generated history."""

    kind: ClassVar[str] = "http"
    http: str = "https://example.test/health"


class Clock:
    """A clock that stands still at the end of the record. `monotonic` runs, for the time slices of a scrape."""

    stepped = 0

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()


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
    _add_facts(ledger, [definition.fact("bench") for definition in definitions])


def _add_facts(ledger: Ledger, facts: Sequence[Fact]) -> None:
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


WEEKLY = {"start": "2024-01-07T02:00", "end": "2024-01-07T04:00", "rrule": "FREQ=WEEKLY;BYDAY=SU", "reason": "patches"}
KINDS: dict[str, dict[str, object]] = {
    "maintenance, corrections": {"maintenance": [WEEKLY]},
    "a dependency": {"agreement": {"excludes": [{"dependency": "plain-0"}]}},
    "service hours": {"agreement": {"service_hours": "Mon-Fri 07:00-18:00"}},
}
SETS = {"plain": 180, "silent": 40, "returns": 40, "eras": 40, "young": 20}


def windows() -> Figures:
    """Measure all windows of products with 3 checks."""
    products = [product(f"{name}-{n}", 3) for name, count in SETS.items() for n in range(count)]
    for index, fields in enumerate(KINDS.values()):
        products += [product(f"excluding-{index}-{n}", 3, **fields) for n in range(4)]
    products.append(product("rest", 4))
    ledger = ledger_with_runs(portfolio(products), _runs_of)
    _correct(ledger)
    _add_eras(ledger)
    for history in ledger.compositions.values():
        history.precompute()
    figures = {f"any {name} window": _measure_products(ledger, "plain", _rolling(name)) for name in WINDOWS}
    figures |= {f"any calendar {period}": _measure_products(ledger, "plain", _calendar(period)) for period in Period}
    figures["any window at a past instant"] = _measure_products(ledger, "plain", _past_window)
    figures["any window after a new observation"] = time_calls(_after_observation(ledger, "plain", 1))
    figures["any 365d window of a young record"] = _measure_products(ledger, "young", _rolling("365d"))
    figures |= {
        f"any {name} window, member silent": _measure_products(ledger, "silent", _rolling(name))
        for name in ("1h", "365d")
    }
    figures["any window after a new observation, silent"] = time_calls(_after_observation(ledger, "silent", 1))
    figures["any window after a member returns"] = time_calls(_after_observation(ledger, "returns", 0))
    figures["any 365d window of two eras"] = _measure_products(ledger, "eras", _rolling("365d"))
    figures["any calendar year of two eras"] = _measure_products(ledger, "eras", _calendar(Period.YEAR))
    for index, kind in enumerate(KINDS):
        for name in ("30d", "365d"):
            for product_id in _names(ledger, f"excluding-{index}"):
                _contractual(name)(ledger, product_id)  # computes the sums of exclusions, once per process
            figures[f"any contractual {name}: {kind}"[:39]] = _measure_products(
                ledger, f"excluding-{index}", _contractual(name)
            )
    return figures


def _runs_of(key: str, number: int) -> Iterable[Run]:
    first = key.endswith("/check-0")
    if key.startswith(("silent", "returns")) and first:
        return [run for run in runs(key, number) if run.last < NOW - 300 * DAY]
    return runs(key, number, 30 if key.startswith("young") else 365)


def _correct(ledger: Ledger) -> None:
    """Exclude one hour in 10 days from each product with corrections."""
    names = [name for name in ledger.products if name.startswith("excluding-0")]
    spans = [Interval(NOW - n * 10 * DAY, NOW - n * 10 * DAY + HOUR) for n in range(1, 37)]
    corrections = [Correction(name, span, "Ana", "network", NOW) for name in names for span in spans]
    _add_facts(ledger, [correction.fact() for correction in corrections])


def _add_eras(ledger: Ledger) -> None:
    """Add a second definition with another objective, half a year ago, to the products of the set."""
    names = [name for name in ledger.products if name.startswith("eras")]
    definitions = [definition for name in names for definition in ledger.definitions(name)]
    changes = {"made": NOW - 180 * DAY, "objective": Objective.parse("99.5%")}
    _add_facts(ledger, [replace(definition, **changes).fact("bench") for definition in definitions])


def _names(ledger: Ledger, kind: str) -> list[str]:
    return [name for name in ledger.products if name.startswith(f"{kind}-")]


Query = Callable[[Ledger, str], object]


def _measure_products(ledger: Ledger, kind: str, query: Query) -> float:
    names = _names(ledger, kind)
    for name in names[:1]:
        query(ledger, name)  # fills the caches of time zones and rules
    return time_calls((lambda name=name: query(ledger, name)) for name in names)


def _rolling(name: str) -> Query:
    return lambda ledger, product_id: ledger.measured(product_id, name, NOW)


def _calendar(period: Period) -> Query:
    window = calendar_window(period, NOW, ZONE)
    return lambda ledger, product_id: ledger.measured(product_id, window, NOW)


def _past_window(ledger: Ledger, product_id: str) -> object:
    at = NOW - 100 * DAY
    return ledger.measured(product_id, Interval(at - 90 * DAY, at), at)


def _contractual(name: str) -> Query:
    return lambda ledger, product_id: ledger.contractual(product_id, Interval(NOW - WINDOWS[name], NOW))


def _after_observation(ledger: Ledger, kind: str, member: int) -> Iterator[Callable[[], object]]:
    for name in _names(ledger, kind):
        observe(ledger, f"{name}/check-{member}", NOW + 30 * SECOND)
        yield lambda name=name: ledger.measured(name, "365d", NOW + MINUTE)


def wide() -> Figures:
    """Measure a product with 370 checks."""
    ledger = ledger_with_runs(portfolio([product("wide", 370)]))
    ledger.compositions["wide"].precompute()

    def all_windows() -> list[object]:
        return [ledger.measured("wide", name, NOW + HOUR) for name in WINDOWS]

    def after_observations() -> Iterator[Callable[[], object]]:
        for second in range(1, 21):
            observe(ledger, "wide/check-7", NOW + second * SECOND)
            yield all_windows

    return {
        "all 7 windows of 370 checks": time_calls([all_windows] * 20),
        "the same after a new observation": time_calls(after_observations()),
    }


def start() -> Figures:
    """Measure a startup: from a record on disk to the first figures of all products."""
    return _start(333, 365)


def _start(products: int, days: int) -> Figures:
    loaded = portfolio([*(product(f"p-{n}", 3) for n in range(products)), product("rest", 1)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "record.db")
        _write(path, loaded, days)
        milliseconds = {name: [0.0, 0.0] for name in ("open", "load", "define", "compose")}
        for attempt in range(2):
            for name, step in _steps(path, loaded):
                milliseconds[name][attempt] = time_calls([step])
    lowest = {name: min(attempts) for name, attempts in milliseconds.items()}
    return {f"start, {name}": figure for name, figure in lowest.items()} | {"start": sum(lowest.values())}


def _write(path: Path, loaded: Portfolio, days: int) -> None:
    store = SqliteStore(path, NOW)
    keys = [f"{product.id}/{check.id}" for product, check in loaded.checks()]
    store.write(Batch(runs=[run for number, key in enumerate(keys) for run in runs(key, number, days)]))
    ledger = Ledger(loaded)
    definitions = added_definitions(loaded, lambda _: (), lambda _: NOW - days * DAY, (), NOW)
    store.write(Batch(facts=[definition.fact("bench") for definition in definitions]))
    del ledger
    store.close()


def _steps(path: Path, loaded: Portfolio) -> Iterator[tuple[str, Callable[[], object]]]:
    ledger, stores = Ledger(loaded), list[SqliteStore]()
    yield "open", lambda: stores.append(SqliteStore(path, NOW))
    yield "load", lambda: restore(ledger, stores[0])
    yield "define", lambda: _facts(ledger, stores[0])
    yield "compose", lambda: [ledger.measured(name, "30d", NOW) for name in ledger.products]
    stores[0].close()


def _facts(ledger: Ledger, store: SqliteStore) -> None:
    store.reconcile(NOW)
    ledger.facts = Facts(store.load_facts(), former_ids=ledger.former_ids)
    define(ledger, NOW)


def _scraped_ledger(products: int = 100, checks: int = 10, days: int = 31) -> tuple[Ledger, Clock, Exporter]:
    loaded = portfolio(product(f"product-{n}", checks) for n in range(products))
    ledger = ledger_with_runs(loaded, lambda key, number: runs(key, number, days, 10 * DAY))
    clock = Clock()
    for key in ledger.entries:
        observe(ledger, key, NOW)
    clock.at = NOW + 10 * SECOND
    exporter = Exporter(ledger, Health(), clock)
    scrape(exporter)
    return ledger, clock, exporter


def scrape(exporter: Exporter) -> int:
    return sum(map(len, exporter.render(Dialect.OPENMETRICS)))


def scraped_cases() -> dict[str, tuple[int, int, int]]:
    """Return the numbers of products, of checks per product, and of recorded days, by the name of the case."""
    return {
        "1,000 checks of 100 products": (100, 10, 31),
        "1,000 checks of 334 products": (334, 3, 31),
        "1,000 checks of 1,000 products": (1_000, 1, 31),
        "10,000 checks of 1,000 products": (1_000, 10, 3),
    }


def scrapes() -> Figures:
    """Measure scrapes after no new probe and after a new probe of every check.

    Targets: 20 ms for 1,000 checks, 250 ms for 10,000 checks, and 10 ms between two pauses, which block the event loop.
    """
    figures: Figures = {}
    for name, shape in scraped_cases().items():
        figures |= _scrapes(name, *_scraped_ledger(*shape))
    return figures


def _scrapes(name: str, ledger: Ledger, clock: Clock, exporter: Exporter) -> Figures:
    def quiet() -> Iterator[Callable[[], object]]:
        for _ in range(20):
            clock.at += SECOND
            yield lambda: scrape(exporter)

    def busy() -> Iterator[Callable[[], object]]:
        for _ in range(10):
            _probe_all(ledger, clock)
            yield lambda: scrape(exporter)

    def longest() -> float:
        _probe_all(ledger, clock)
        gc.collect()
        gc.disable()
        at, longest_block = time.process_time_ns(), 0
        for _ in exporter.render(Dialect.OPENMETRICS):
            at, before = time.process_time_ns(), at
            longest_block = max(longest_block, at - before)
        gc.enable()
        return longest_block / 1e6

    return {
        f"{name}, nothing probed since": time_calls(quiet()),
        f"{name}, all probed since": time_calls(busy()),
        f"{name}, longest part without a pause": max(longest() for _ in range(5)),
    }


def _probe_all(ledger: Ledger, clock: Clock) -> None:
    clock.at += MINUTE
    for key in ledger.entries:
        observe(ledger, key, clock.at - 5 * SECOND)


def repeat(case: str, times: int) -> None:
    """Repeat a case. The preparation is the same for any number of repetitions."""
    work = CASES[case]()
    for number in range(times):
        work(number)


def _window_work() -> Callable[[int], object]:
    ledger = ledger_with_runs(portfolio([product("p", 3)]))
    ledger.compositions["p"].precompute()
    return lambda _: [ledger.measured("p", name, NOW) for name in WINDOWS]


def _contractual_work() -> Callable[[int], object]:
    """Return the work for a contractual year of a product with about 700 exclusions, the downtime of a dependency."""
    excluding = product("excluding", 3, agreement={"excludes": [{"dependency": "p"}]})
    ledger = ledger_with_runs(portfolio([product("p", 3), excluding]))
    for history in ledger.compositions.values():
        history.precompute()
    query = _contractual("365d")
    query(ledger, "excluding")
    return lambda _: query(ledger, "excluding")


def _after_observation_work(checks: int = 3, days: int = 365) -> Callable[[int], object]:
    ledger = ledger_with_runs(portfolio([product("p", checks)]), lambda key, number: runs(key, number, days))
    ledger.compositions["p"].precompute()

    def work(number: int) -> object:
        observe(ledger, "p/check-1", NOW + (number + 1) * SECOND)
        return [ledger.measured("p", name, NOW + MINUTE) for name in WINDOWS]

    return work


def _start_work() -> Callable[[int], object]:
    loaded = portfolio([product(f"p-{n}", 3) for n in range(10)])
    path = Path(tempfile.mkdtemp(), "record.db")
    _write(path, loaded, 100)
    return lambda _: [step() for _, step in _steps(path, loaded)]


def _scrape_work(*, probed: bool) -> Callable[[int], object]:
    ledger, clock, exporter = _scraped_ledger(20)

    def work(_: int) -> object:
        if probed:
            _probe_all(ledger, clock)
        else:
            clock.at += SECOND
        return scrape(exporter)

    return work


CASES: dict[str, Callable[[], Callable[[int], object]]] = {
    "window": _window_work,
    "contractual": _contractual_work,
    "fresh": _after_observation_work,
    "wide": lambda: _after_observation_work(370, 30),
    "start": _start_work,
    "quiet-scrape": lambda: _scrape_work(probed=False),
    "scrape": lambda: _scrape_work(probed=True),
}
GROUPS: dict[str, Callable[[], Figures]] = {"windows": windows, "wide": wide, "start": start, "scrape": scrapes}


def main(arguments: Sequence[str]) -> None:
    if arguments[0] == "time":
        print(json.dumps(GROUPS[arguments[1]]()))
    else:
        repeat(arguments[1], int(arguments[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
