"""Figures as of an instant use the checks and products of earlier definitions: removed checks, removed and renamed
products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.as_of import ledger_at
from monitor.config.model import Portfolio
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.calendar import Window
from sla.interval import MINUTE, Interval
from sla.observation import Observation
from tests.monitor.test_planned_maintenance import reload, started_ledger
from tests.support.ledgers import BAD, GOOD, NOW, FakeCheck

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.ledger.ledger import Ledger


def portfolio(**products: dict[str, Any]) -> Portfolio:
    created = [
        {"id": name, "objective": "99%", **fields}
        | {"checks": tuple(FakeCheck(id=check, interval="1m", timeout="10s") for check in fields["checks"])}
        for name, fields in products.items()
    ]
    return Portfolio.model_validate({"products": created})


BOTH = portfolio(
    app={"checks": ["page"], "agreement": {"excludes": [{"dependency": "login"}]}}, login={"checks": ["token", "form"]}
)
TIMES = [
    portfolio(app={"checks": ["page"]}),
    portfolio(app={"checks": ["page"]}, login={"checks": ["form"]}),
    portfolio(app={"checks": ["page"]}, signin={"checks": ["form"], "was": "login"}),
]


def observe(ledger: Ledger, minutes: range, bad: range) -> None:
    for minute in minutes:
        for entry in ledger.entries.values():
            outcome = BAD if minute in bad and entry.check.id in ("page", "token") else GOOD
            entry.observe(Observation(entry.key, NOW + minute * MINUTE, outcome, "" if outcome is GOOD else "x"))


@pytest.mark.parametrize("later", TIMES)
def test_removed_dependency_stays_excluded_for_past_time(later: Portfolio, tmp_path: Path) -> None:
    """The dependency was removed, was renamed, or lost the failed check.

    The result is the same in memory and from the record.
    """
    ledger = started_ledger(BOTH)
    observe(ledger, range(30), range(10, 15))
    span = Interval(NOW, NOW + 29 * MINUTE)
    window = Window("w", span, span)
    before = ledger.agreement_figures("app", window, span.end)
    assert before.excluded == 5 * MINUTE
    reload(ledger, later, NOW + 40 * MINUTE)
    observe(ledger, range(41, 50), range(0))
    now = NOW + 50 * MINUTE
    after = ledger.agreement_figures("app", window, span.end)
    assert (after.contractual, after.excluded) == (before.contractual, before.excluded)

    path = tmp_path / "n.db"
    store = SqliteStore(path, now)
    runs = [run for history in ledger.all_histories() for run in history.runs()]
    store.write(Batch(runs=runs, facts=ledger.facts.all))
    store.close()
    for expected in (None, "app"):
        read = ledger_at(later, path, now, expected)
        figures = read.agreement_figures("app", window, span.end)
        assert (figures.raw, figures.contractual) == (before.raw, before.contractual)


def test_removed_check_is_read_for_figures_of_its_time(tmp_path: Path) -> None:
    ledger = started_ledger(BOTH)
    observe(ledger, range(30), range(10, 15))
    span = Interval(NOW, NOW + 29 * MINUTE)
    before = ledger.measured("login", span, span.end)
    assert before.downtime.point == 5 * MINUTE
    reload(ledger, TIMES[1], NOW + 40 * MINUTE)
    store = SqliteStore(tmp_path / "n.db", NOW + 50 * MINUTE)
    runs = [run for history in ledger.all_histories() for run in history.runs()]
    store.write(Batch(runs=runs, facts=ledger.facts.all))
    store.close()
    read = ledger_at(TIMES[1], tmp_path / "n.db", NOW + 41 * MINUTE, "login")
    assert read.measured("login", span, span.end) == before
