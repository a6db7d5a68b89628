"""Measure the two stores next to each other: `python -m bench.stores`. Needs PostgreSQL and psycopg.

The record has 1,000 checks with 29 runs each, as a year of the demo's checks. Every row shows the seconds of both
engines in this run, the fastest of three but for the first row, and their ratio.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from monitor.storage.postgres import PostgresStore
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch, Store
from sla.interval import DAY, SECOND
from sla.observation import Observation, Outcome, Run
from tests.support.postgres import create_schema, running_postgres

CHECKS, RUNS, ROUNDS = 1_000, 29, 3
START = 1_780_000_000 * SECOND


def history() -> Iterator[Run]:
    """Yield the runs of a year."""
    for check in range(CHECKS):
        for number in range(RUNS):
            first = START + number * 12 * DAY
            yield Run(f"p{check // 10}/c{check}", Outcome.GOOD, "", first, first + 11 * DAY, 16_000, 90 * SECOND)


def batch(number: int) -> Batch:
    """Return the observations of all checks in one minute, which no run contains."""
    at = START + 400 * DAY + number * 60 * SECOND
    return Batch(
        [Observation(f"p{check // 10}/c{check}", at + check, Outcome.GOOD, "", 900) for check in range(CHECKS)]
    )


def seconds(action: Callable[[], object]) -> float:
    """Return the wall time of an action."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    """Print the seconds of each engine, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="nw", dir="/tmp") as name:  # PostgreSQL runs as another user
        folder = Path(name)
        with running_postgres(folder / "server") as server:
            stores: dict[str, Store] = {
                "SQLite": SqliteStore(folder / "n.db", 0),
                "PostgreSQL": PostgresStore(create_schema(server)),
            }
            figures = {engine: measured(store) for engine, store in stores.items()}
            for store in stores.values():
                store.close()
    for row, (sqlite, postgres) in enumerate(zip(*figures.values(), strict=True)):
        print(f"{ROWS[row]:<50} SQLite {sqlite:7.3f} s   PostgreSQL {postgres:7.3f} s   ratio {postgres / sqlite:5.1f}")


ROWS = ("write 29,000 runs", "write 1,000 observations", "read 29,000 runs", "read the observations after the runs")


def measured(store: Store) -> tuple[float, ...]:
    """Return the seconds of each row of the table."""
    runs = seconds(lambda: store.write(Batch(runs=list(history()), folded_until=START + 350 * DAY)))
    minute = min(seconds(lambda number=number: store.write(batch(number))) for number in range(ROUNDS))  # type: ignore[misc]
    load = min(seconds(lambda: deque(store.load_runs(), maxlen=0)) for _ in range(ROUNDS))
    tail = min(seconds(lambda: deque(store.load_tail(), maxlen=0)) for _ in range(ROUNDS))
    return runs, minute, load, tail


if __name__ == "__main__":
    main()
