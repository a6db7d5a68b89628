"""The cases that start: from a record on disk to the first figures of all products."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.generated_ledger import NOW, Figures, define, portfolio, product, runs, time_calls
from monitor.engine.recorder import restore
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.ledger.ledger import Ledger
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY

if TYPE_CHECKING:
    from monitor.config.model import Portfolio


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


def start_work() -> Callable[[int], object]:
    loaded = portfolio([product(f"p-{n}", 3) for n in range(10)])
    path = Path(tempfile.mkdtemp(), "record.db")
    _write(path, loaded, 100)
    return lambda _: [step() for _, step in _steps(path, loaded)]
