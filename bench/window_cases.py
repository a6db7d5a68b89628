"""What `bench.windows` measures, in a process of the tree that PYTHONPATH names: that of today or an earlier one.

Uses only what both have. What only later trees have (definitions, and with them eras) is left out of earlier ones.
"""

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
from typing import ClassVar
from zoneinfo import ZoneInfo

from monitor.config.model import CheckBase, Portfolio
from monitor.engine.recorder import restore
from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
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

try:
    from monitor.facts.definitions import additions
    from monitor.facts.known_facts import Facts
except ImportError:  # an earlier tree: no definitions
    from monitor.corrections import Corrections  # type: ignore[import-not-found]

    additions = None  # type: ignore[assignment]

NOW = 1_790_000_000 * SECOND
HOLD = 2 * MINUTE + 10 * SECOND
GOOD, BAD = Outcome.GOOD, Outcome.BAD
ZONE = ZoneInfo("America/Vancouver")
WELL = ProbeResult(GOOD, status=200, phases={"connect": 0.003, "tls": 0.018, "first_byte": 0.017})
DEFINED = additions is not None

Figures = dict[str, float]


class Probed(CheckBase):
    """A check whose history is made up."""

    kind: ClassVar[str] = "http"
    http: str = "https://example.test/health"


class Clock:
    """Stands at the end of the record; `monotonic` runs, as the slices of a scrape depend on it."""

    stepped = 0

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()


def product(name: str, checks: int, **fields: object) -> dict[str, object]:
    made = tuple(Probed(id=f"check-{n}", interval="1m", timeout="10s") for n in range(checks))
    return {"id": name, "objective": "99.9%", "checks": made, **fields}


def portfolio(products: Iterable[dict[str, object]]) -> Portfolio:
    return Portfolio.model_validate({"products": list(products), "time_zone": "America/Vancouver"})


def runs(key: str, number: int, days: int = 365, spacing: int = 36 * HOUR) -> Iterator[Run]:
    """Yield a year of probes each minute, with an incident of 1 to 7 minutes after each spacing, none like another."""
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


def filled(loaded: Portfolio, recorded: Callable[[str, int], Iterable[Run]] = runs) -> Ledger:
    ledger = Ledger(loaded)
    ledger.restore([run for number, key in enumerate(ledger.entries) for run in recorded(key, number)], [], [])
    define(ledger, NOW)
    return ledger


def define(ledger: Ledger, now: int) -> None:
    """Do what the daemon does after it loaded the record or the configuration."""
    if DEFINED:
        made = additions(ledger.portfolio, ledger.definitions, lambda p: began(ledger, p), ledger.facts.products, now)
        ledger.facts = Facts(ledger.facts.all, [each.fact("bench") for each in made], former_ids=ledger.former_ids)


def began(ledger: Ledger, product_id: str) -> int:
    return min(at for e in ledger.entries_of(product_id) if (at := e.timeline.settled) is not None) - 365 * DAY


def observe(ledger: Ledger, key: str, at: int) -> None:
    entry = ledger.entries[key]
    seen = Observation(key, at, GOOD, "", 40_000)
    entry.observe(seen)
    entry.count(Observed(seen, WELL, 0.04))
    entry.tracker.step(seen)


def timed(works: Iterable[Callable[[], object]]) -> float:
    """Return the median milliseconds of CPU of the works."""
    took = []
    gc.collect()
    gc.disable()
    for work in works:
        start = time.process_time_ns()
        work()
        took.append((time.process_time_ns() - start) / 1e6)
    gc.enable()
    return statistics.median(took)


WEEKLY = {"start": "2024-01-07T02:00", "end": "2024-01-07T04:00", "rrule": "FREQ=WEEKLY;BYDAY=SU", "reason": "patches"}
KINDS: dict[str, dict[str, object]] = {
    "maintenance, corrections": {"maintenance": [WEEKLY]},
    "a dependency": {"agreement": {"excludes": [{"dependency": "plain-0"}]}},
    "service hours": {"agreement": {"service_hours": "Mon-Fri 07:00-18:00"}},
}
SETS = {"plain": 180, "silent": 40, "returns": 40, "eras": 40, "young": 20}


def windows() -> Figures:
    """Measure all windows of products of three."""
    products = [product(f"{name}-{n}", 3) for name, count in SETS.items() for n in range(count)]
    for index, fields in enumerate(KINDS.values()):
        products += [product(f"cut-{index}-{n}", 3, **fields) for n in range(4)]
    products.append(product("rest", 4))
    ledger = filled(portfolio(products), _recorded)
    _correct(ledger)
    _add_eras(ledger)
    for history in ledger.compositions.values():
        history.settle()
    found = {f"any {name} window": _each(ledger, "plain", _rolling(name)) for name in WINDOWS}
    found |= {f"any calendar {each}": _each(ledger, "plain", _calendar(each)) for each in Period}
    found["any window at a past instant"] = _each(ledger, "plain", _past)
    found["any window after a new observation"] = timed(_fresh(ledger, "plain", 1))
    found["any 365d window of a young record"] = _each(ledger, "young", _rolling("365d"))
    found |= {f"any {name} window, member silent": _each(ledger, "silent", _rolling(name)) for name in ("1h", "365d")}
    found["any window after a new observation, silent"] = timed(_fresh(ledger, "silent", 1))
    found["any window after a member returns"] = timed(_fresh(ledger, "returns", 0))
    if DEFINED:
        found["any 365d window of two eras"] = _each(ledger, "eras", _rolling("365d"))
        found["any calendar year of two eras"] = _each(ledger, "eras", _calendar(Period.YEAR))
    for index, kind in enumerate(KINDS):
        for name in ("30d", "365d"):
            for product_id in _names(ledger, f"cut-{index}"):
                _contractual(name)(ledger, product_id)  # sums up what is excluded, once after a start
            found[f"any contractual {name}: {kind}"[:39]] = _each(ledger, f"cut-{index}", _contractual(name))
    return found


def _recorded(key: str, number: int) -> Iterable[Run]:
    first = key.endswith("/check-0")
    if key.startswith(("silent", "returns")) and first:
        return [run for run in runs(key, number) if run.last < NOW - 300 * DAY]
    return runs(key, number, 30 if key.startswith("young") else 365)


def _correct(ledger: Ledger) -> None:
    """Exclude an hour in ten days of each product that leaves corrections out."""
    names = [name for name in ledger.products if name.startswith("cut-0")]
    spans = [Interval(NOW - n * 10 * DAY, NOW - n * 10 * DAY + HOUR) for n in range(1, 37)]
    stated = [Correction(name, span, "Ana", "network", NOW) for name in names for span in spans]
    if DEFINED:
        ledger.facts = Facts(ledger.facts.all, [each.fact() for each in stated], former_ids=ledger.former_ids)
    else:
        ledger.corrections = Corrections(stated)  # type: ignore[attr-defined]


def _add_eras(ledger: Ledger) -> None:
    """Define the products of the set once more, with another objective, half a year ago."""
    if DEFINED:
        held = [each for name in ledger.products if name.startswith("eras") for each in ledger.definitions(name)]
        again = [replace(each, made=NOW - 180 * DAY, objective=Objective.parse("99.5%")) for each in held]
        ledger.facts = Facts(ledger.facts.all, [each.fact("bench") for each in again], former_ids=ledger.former_ids)


def _names(ledger: Ledger, kind: str) -> list[str]:
    return [name for name in ledger.products if name.startswith(f"{kind}-")]


Query = Callable[[Ledger, str], object]


def _each(ledger: Ledger, kind: str, query: Query) -> float:
    names = _names(ledger, kind)
    for name in names[:1]:
        query(ledger, name)  # fills the caches of time zones and rules
    return timed((lambda name=name: query(ledger, name)) for name in names)


def _rolling(name: str) -> Query:
    return lambda ledger, product_id: ledger.measured(product_id, name, NOW)


def _calendar(period: Period) -> Query:
    window = calendar_window(period, NOW, ZONE)
    return lambda ledger, product_id: ledger.measured(product_id, window, NOW)


def _past(ledger: Ledger, product_id: str) -> object:
    at = NOW - 100 * DAY
    return ledger.measured(product_id, Interval(at - 90 * DAY, at), at)


def _contractual(name: str) -> Query:
    return lambda ledger, product_id: ledger.contractual(product_id, Interval(NOW - WINDOWS[name], NOW))


def _fresh(ledger: Ledger, kind: str, member: int) -> Iterator[Callable[[], object]]:
    for name in _names(ledger, kind):
        observe(ledger, f"{name}/check-{member}", NOW + 30 * SECOND)
        yield lambda name=name: ledger.measured(name, "365d", NOW + MINUTE)


def wide() -> Figures:
    """Measure a product of 370 checks."""
    ledger = filled(portfolio([product("wide", 370)]))
    ledger.compositions["wide"].settle()

    def all_windows() -> list[object]:
        return [ledger.measured("wide", name, NOW + HOUR) for name in WINDOWS]

    def fresh() -> Iterator[Callable[[], object]]:
        for second in range(1, 21):
            observe(ledger, "wide/check-7", NOW + second * SECOND)
            yield all_windows

    return {
        "all 7 windows of 370 checks": timed([all_windows] * 20),
        "the same after a new observation": timed(fresh()),
    }


def start() -> Figures:
    """Measure from a record on disk to the first figures of every product."""
    return _start(333, 365)


def _start(products: int, days: int) -> Figures:
    loaded = portfolio([*(product(f"p-{n}", 3) for n in range(products)), product("rest", 1)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "record.db")
        _write(path, loaded, days)
        took = {name: [0.0, 0.0] for name in ("open", "load", "define", "compose")}
        for attempt in range(2):
            for name, step in _steps(path, loaded):
                took[name][attempt] = timed([step])
    found = {name: min(each) for name, each in took.items()}
    return {f"of it: {name}": figure for name, figure in found.items()} | {"start": sum(found.values())}


def _write(path: Path, loaded: Portfolio, days: int) -> None:
    store = SqliteStore(path, NOW)
    keys = [f"{product.id}/{check.id}" for product, check in loaded.checks()]
    store.write(Batch(runs=[run for number, key in enumerate(keys) for run in runs(key, number, days)]))
    if DEFINED:
        ledger = Ledger(loaded)
        made = additions(loaded, lambda _: (), lambda _: NOW - days * DAY, (), NOW)
        store.write(Batch(facts=[each.fact("bench") for each in made]))
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
    if DEFINED:
        store.reconcile(NOW)
        ledger.facts = Facts(store.load_facts(), former_ids=ledger.former_ids)
        define(ledger, NOW)
    else:
        ledger.corrections = Corrections(store.load_corrections())  # type: ignore[attr-defined]


def _scraped(products: int = 100, checks: int = 10, days: int = 31) -> tuple[Ledger, Clock, Exporter]:
    made = portfolio(product(f"product-{n}", checks) for n in range(products))
    ledger = filled(made, lambda key, number: runs(key, number, days, 10 * DAY))
    clock = Clock()
    for key in ledger.entries:
        observe(ledger, key, NOW)
    clock.at = NOW + 10 * SECOND
    exporter = Exporter(ledger, Health(), clock)
    scrape(exporter)
    return ledger, clock, exporter


def scrape(exporter: Exporter) -> int:
    return sum(map(len, exporter.render(Dialect.OPENMETRICS)))


def scrapes() -> Figures:
    """Measure scrapes: nothing probed since the last one, and all of it. Targets: 20 ms for 1,000 checks, 250 ms for
    10,000, and 10 ms between two pauses, which is how long the event loop is held.
    """
    return {
        **_scrapes("1,000 checks of 100 products", *_scraped()),
        **_scrapes("1,000 checks of 334 products", *_scraped(334, 3)),
        **_scrapes("10,000 checks of 1,000 products", *_scraped(1_000, 10, 3)),
    }


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
        at, most = time.process_time_ns(), 0
        for _ in exporter.render(Dialect.OPENMETRICS):
            at, before = time.process_time_ns(), at
            most = max(most, at - before)
        gc.enable()
        return most / 1e6

    return {
        f"{name}, nothing probed since": timed(quiet()),
        f"{name}, all probed since": timed(busy()),
        f"{name}, longest part without a pause": max(longest() for _ in range(5)),
    }


def _probe_all(ledger: Ledger, clock: Clock) -> None:
    clock.at += MINUTE
    for key in ledger.entries:
        observe(ledger, key, clock.at - 5 * SECOND)


def repeat(case: str, times: int) -> None:
    """Do the work of a case so many times; all that comes before it is the same for any number."""
    work = CASES[case]()
    for number in range(times):
        work(number)


def _window_work() -> Callable[[int], object]:
    ledger = filled(portfolio([product("p", 3)]))
    ledger.compositions["p"].settle()
    return lambda _: [ledger.measured("p", name, NOW) for name in WINDOWS]


def _contractual_work() -> Callable[[int], object]:
    """Measure the contractual year of a product that excludes a dependency's downtime: about 700 intervals."""
    cut = product("cut", 3, agreement={"excludes": [{"dependency": "p"}]})
    ledger = filled(portfolio([product("p", 3), cut]))
    for history in ledger.compositions.values():
        history.settle()
    query = _contractual("365d")
    query(ledger, "cut")
    return lambda _: query(ledger, "cut")


def _fresh_work(checks: int = 3, days: int = 365) -> Callable[[int], object]:
    ledger = filled(portfolio([product("p", checks)]), lambda key, number: runs(key, number, days))
    ledger.compositions["p"].settle()

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
    ledger, clock, exporter = _scraped(20)

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
    "fresh": _fresh_work,
    "wide": lambda: _fresh_work(370, 30),
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
