"""Figures as of an instant and from a bundle, of checks that several vantages probe."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from monitor.as_of import RecordContent, ledger_at
from monitor.bundle.terms import portfolio_of, product_terms
from monitor.ledger.ledger import Ledger
from monitor.probe_result import VANTAGE
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import MINUTE, SECOND, Interval
from sla.observation import Observation
from tests.monitor.test_vantages import KEY, OTHERS, observe, portfolio, series
from tests.support.ledgers import GOOD, NOW

if TYPE_CHECKING:
    from pathlib import Path


def good(vantage: str, first: int) -> list[Observation]:
    return [Observation(KEY, first + n * MINUTE, GOOD, "", 20_000, vantage) for n in range(10)]


def test_past_history_of_a_vantage_does_not_depend_on_observations_of_the_others(tmp_path: Path) -> None:
    """Each vantage has one run and one day of latencies, which continue after the instant."""
    ledger = Ledger(portfolio("east"))
    seen = [*good(VANTAGE, NOW), *good("east", NOW + 30 * SECOND)]
    runs = observe(ledger, seen)
    for one in seen[:10]:
        ledger.latencies.add(KEY, one.at, 20_000, {})
    with closing(SqliteStore(tmp_path / "n.db", NOW)) as store:
        store.write(Batch(observations=seen, runs=[*runs.values()], latency_days=[*ledger.latencies.all_days()]))
    for seconds in (310, 340):
        past = ledger_at(ledger.portfolio, tmp_path / "n.db", NOW + seconds * SECOND)
        history = past.history(KEY)
        assert history.timeline.last_at == NOW + 5 * MINUTE
        assert history.view("east").timeline.last_at == NOW + (270 if seconds == 310 else 330) * SECOND
        assert [day.histogram.count for day in past.latency_days(KEY)] == [6]


def test_bundle_contains_the_vantages_of_a_record_without_definitions() -> None:
    loaded = portfolio(*OTHERS)
    ledger = Ledger(loaded)
    observations = [*series("gggggg", VANTAGE), *series("ggbbbg", "east"), *series("gbbbgg", "west")]
    runs = observe(ledger, observations)
    terms = [product_terms(product, loaded.time_zone) for product in loaded.products]
    content = RecordContent(list(runs.values()), [], [], [])
    window = Interval(NOW, NOW + 5 * MINUTE)
    figures = content.ledger(portfolio_of(terms, loaded.time_zone, {})).measured("p", window, window.end)
    assert figures.downtime.low == MINUTE
    assert figures == ledger.measured("p", window, window.end)
