"""Latency objectives: their configuration, their figures of products and checks, and where they are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import aiohttp
import jsonschema
import pytest
from pydantic import ValidationError

from monitor.config.latency_objectives import LatencyObjectiveBlock
from monitor.config.model import Portfolio
from monitor.exporters.exposition import Dialect
from monitor.exporters.latency_objectives import LatencyObjectiveLines
from monitor.exporters.prometheus import Exporter
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.ledger.latencies import day_of
from monitor.ledger.latency_objectives import latency_figures
from monitor.reporting.latency_section import latency_json, latency_section
from monitor.views.latency import objective_lines, response_chart, response_times
from monitor.views.time_slice import TimeSlices
from monitor.web.latency import SCHEMAS
from monitor.web.server import build, listen
from sla.interval import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from sla.latency_objective import Fast
from tests.support.clocks import ManualClock
from tests.support.ledgers import GOOD_RESULT, NOW, FakeCheck, ledger_of, observe, product
from tests.support.probing import load_check

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

OBJECTIVES = [{"latency": "95% under 400ms", "window": "7d"}]


def latency_ledger() -> Ledger:
    """Return a ledger of a product with two checks. 1 of 60 answers of the first is slow, 6 of 60 of the second."""
    checks = tuple(FakeCheck(id=name, interval="1m", timeout="10s", objectives=OBJECTIVES) for name in ("api", "page"))
    ledger = ledger_of({"id": "forms", "objective": "99%", "checks": checks, "objectives": OBJECTIVES}, time_zone="UTC")
    for name, slow_ones in (("api", 1), ("page", 6)):
        entry = ledger.entries[f"forms/{name}"]
        for n in range(60):
            at, seconds = NOW - (59 - n) * MINUTE, 2.0 if n < slow_ones else 0.1
            observe(ledger, entry, at, GOOD_RESULT, seconds)
            ledger.latencies.add(entry.key, at, round(seconds * SECOND), GOOD_RESULT.phases)
    return ledger


def test_product_and_checks_have_their_own_figures() -> None:
    ledger = latency_ledger()
    figures = list(latency_figures(ledger, ledger.products["forms"], NOW))
    assert [(figure.check, figure.measured.fast.low, figure.measured.fast.count) for figure in figures] == [
        ("", 113, 120),
        ("api", 59, 60),
        ("page", 54, 60),
    ]
    all_checks = figures[0].measured
    assert all_checks.window.start == day_of(NOW - 7 * DAY, ledger.portfolio.zone)[0]
    assert all_checks.share.low is not None
    assert all_checks.share.point is not None
    assert all_checks.share.high is not None
    assert 0 < all_checks.share.low < 113 / 120 == float(all_checks.share.point) < all_checks.share.high < 1
    assert (all_checks.verdict, all_checks.recent.count) == ("undecided", 120)
    assert figures[2].as_json()["burn_rate"] == 2


def test_old_days_leave_the_window() -> None:
    ledger = latency_ledger()
    later = NOW + 20 * DAY
    (all_checks, *_) = latency_figures(ledger, ledger.products["forms"], later)
    assert (all_checks.measured.fast.count, all_checks.measured.share.point) == (0, None)


def test_lines_of_the_page() -> None:
    ledger = latency_ledger()
    all_checks, api, page = objective_lines(ledger, ledger.products["forms"], NOW)
    assert (all_checks.subject, all_checks.objective, all_checks.share, all_checks.burn) == (
        "all checks",
        "95% under 400ms",
        "94.16%",
        "1.2",
    )
    assert (api.subject, api.budget, page.budget) == ("api", "66%", "\u2212100%")
    (empty, *_) = objective_lines(ledger, ledger.products["forms"], NOW + 20 * DAY)
    assert (empty.share, empty.budget, empty.burn, empty.verdict) == ("n/a", "n/a", "n/a", "undecided")


def test_metrics() -> None:
    ledger = latency_ledger()
    page = b"".join(Exporter(ledger, Health(), ManualClock(NOW)).render(Dialect.TEXT)).decode()
    labels = 'product="forms",check="page",objective="95% under 400ms"'
    assert f"ninewatch_latency_objective_ratio{{{labels}}} 0.95\n" in page
    assert f'ninewatch_fast_answers_ratio{{{labels},bound="point"}} 0.9\n' in page
    assert f"ninewatch_latency_budget_remaining_ratio{{{labels}}} -0.05\n" in page
    assert f"ninewatch_latency_burn_rate{{{labels}}} 2.0\n" in page


def test_reload_between_two_steps_of_a_scrape() -> None:
    ledger = ledger_of(product("a", objectives=OBJECTIVES), product("b", objectives=OBJECTIVES))
    lines = LatencyObjectiveLines(ledger)
    steps = lines.measure(NOW)
    next(steps)
    ledger.reload(ledger_of(product("c", objectives=OBJECTIVES)).portfolio)
    assert list(steps) == []
    assert [name for name in "abc" if f'product="{name}"' in lines.text(NOW, Dialect.TEXT)] == ["a"]
    assert len(list(lines.measure(NOW))) == 1
    assert [name for name in "abc" if f'product="{name}"' in lines.text(NOW, Dialect.TEXT)] == ["c"]


async def test_response_times_by_day_and_check() -> None:
    ledger = latency_ledger()
    times = await response_times(ledger, ledger.products["forms"], NOW, TimeSlices(ManualClock(NOW)), 3)
    assert [day.times.count for day in times.days[:1]] == [0]
    assert times.answers == 120
    page = times.checks[1]
    assert (page.check, page.times.count, page.times.maximum) == ("page", 60, 2 * SECOND)
    assert page.times.median == pytest.approx(100 * MILLISECOND, rel=0.01)
    assert page.times.p95 == pytest.approx(2 * SECOND, rel=0.01)
    assert dict(page.phases)["tls"] == 18_700
    assert "slowest took 2s" in times.chart.text


def test_chart_has_a_gap_for_days_without_answers() -> None:
    assert response_chart([]).text == "no responses"
    assert response_chart([]).lines == {"median": "", "p95": "", "max": ""}


async def test_api_and_page() -> None:
    ledger, clock = latency_ledger(), ManualClock(NOW)
    listener = await listen(build(ledger, Health(last_tick=0.0), clock), "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://{listener.addresses[0]}") as session:
            async with session.get("/api/v1/products/forms/latency?days=2") as response:
                body = json.loads(await response.text())
            async with session.get("/api/v1/products/forms/latency?days=400") as response:
                assert response.status == 400
            async with session.get("/products/forms") as response:
                page = await response.text()
    finally:
        await listener.close()
    assert [figure["answers"] for figure in body["checks"]] == [60, 60]
    assert len(body["days"]) == 2
    assert body["checks"][0]["max_seconds"] == 2.0
    assert [(figure["check"], figure["answers"]) for figure in body["objectives"]] == [
        (None, 120),
        ("api", 60),
        ("page", 60),
    ]
    assert '<h2 id="latency">Response time</h2>' in page
    assert "95% under 400ms" in page


def test_report_has_a_section_if_there_is_an_objective() -> None:
    ledger = latency_ledger()
    (section,) = latency_section(ledger, ledger.products["forms"], NOW)
    assert section.table is not None
    assert len(section.table.rows) == 3
    assert [
        figure["check"] for figure in latency_json(ledger, ledger.products["forms"], NOW)["latency_objectives"]
    ] == [
        None,
        "api",
        "page",
    ]
    plain = ledger_of({"id": "p", "objective": "99%", "checks": (FakeCheck(id="health"),)})
    assert list(latency_section(plain, plain.products["p"], NOW)) == []
    assert latency_json(plain, plain.products["p"], NOW) == {}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"latency": "fast"}, "not a latency objective; specify a share and a limit"),
        ({"latency": 5}, "not a latency objective"),
        ({"latency": "95% under soon"}, '"soon"'),
        ({"latency": "95% under 0s"}, '"0s" is out of range'),
        ({"latency": "100% under 1s"}, "100%"),
        ({"latency": "95% under 1s", "window": "36h"}, "must be a whole number of days from 1d to 365d"),
        ({"latency": "95% under 1s", "window": "366d"}, "must be a whole number of days from 1d to 365d"),
    ],
)
def test_invalid_objectives_are_rejected(block: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LatencyObjectiveBlock.model_validate(block)


def test_limit_above_the_timeout_is_rejected() -> None:
    check = {"tcp": "127.0.0.1:1", "timeout": "2s"}
    with pytest.raises(ValidationError, match="the limit is longer than the timeout"):
        load_check(check | {"objectives": [{"latency": "95% under 3s"}]})
    (block,) = load_check(check | {"objectives": [{"latency": "95% under 2s"}]}).objectives
    assert (str(block.latency), block.window) == ("95% under 2s", 30 * DAY)
    written = {"latency": block.model_dump(mode="json")["latency"], "window": "30d"}
    assert LatencyObjectiveBlock.model_validate(written) == block


def test_heartbeat_has_no_latency_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_TOKEN", "a-token-of-20-letters")
    check = {"heartbeat": "every 1h", "token": {"env": "JOB_TOKEN"}}
    with pytest.raises(ValidationError, match="a heartbeat has no latency"):
        load_check(check | {"objectives": [{"latency": "95% under 1s"}]})


def test_changed_objective_does_not_change_the_past() -> None:
    """Answers take 200 ms. The limit of 400 ms becomes 100 ms on the fourth day, and applies from the fifth."""
    start = day_of(NOW, ZoneInfo("UTC"))[0]
    ledger = _objective_ledger("400ms", start)
    for day in range(6):
        if day == 3:
            _load_objective(ledger, "100ms", start + day * DAY + 6 * HOUR)
            (figure,) = latency_figures(ledger, ledger.products["p"], start + day * DAY + 7 * HOUR)
            assert (str(figure.measured.objective), str(figure.following)) == ("95% under 400ms", "95% under 100ms")
            assert figure.as_json()["following"] == {"objective": 0.95, "limit_seconds": 0.1}
            (line,) = objective_lines(ledger, ledger.products["p"], start + day * DAY + 7 * HOUR)
            assert line.objective == "95% under 400ms (95% under 100ms from tomorrow)"
        for at in range(start + day * DAY, start + (day + 1) * DAY, HOUR):
            observe(ledger, ledger.entries["p/health"], at, GOOD_RESULT, 0.2)
            ledger.latencies.add("p/health", at, 200 * MILLISECOND, {})
    (past,) = latency_figures(ledger, ledger.products["p"], start + 3 * DAY)
    (all_checks,) = latency_figures(ledger, ledger.products["p"], start + 6 * DAY)
    assert (past.measured.fast, past.measured.share.point) == (Fast(72, 72, 72), 1)
    assert [(part.start, part.fast) for part in all_checks.measured.parts] == [
        (start - DAY, Fast(96, 96, 96)),
        (start + 4 * DAY, Fast(0, 0, 48)),
    ]
    assert all_checks.following is None
    assert (all_checks.measured.recent_since, all_checks.measured.burn_rate) == (start + 5 * DAY, 20)
    (line,) = objective_lines(ledger, ledger.products["p"], start + 6 * DAY)
    assert line.objective == "95% under 100ms, earlier 95% under 400ms"
    jsonschema.validate(all_checks.as_json(), SCHEMAS["LatencyObjective"] | {"components": {"schemas": SCHEMAS}})


def _objective_ledger(limit: str, now: int) -> Ledger:
    ledger = ledger_of(_product_with(limit), time_zone="UTC")
    _define(ledger, now)
    return ledger


def _product_with(limit: str) -> dict[str, object]:
    check = FakeCheck(id="health", interval="1h", timeout="10s")
    objectives = [{"latency": f"95% under {limit}", "window": "7d"}]
    return {"id": "p", "objective": "99%", "checks": (check,), "objectives": objectives}


def _load_objective(ledger: Ledger, limit: str, now: int) -> None:
    ledger.reload(Portfolio.model_validate({"products": [_product_with(limit)], "time_zone": "UTC"}))
    _define(ledger, now)


def _define(ledger: Ledger, now: int) -> None:
    added = added_definitions(ledger.portfolio, ledger.definitions, lambda _: None, ledger.facts.products, now)
    ledger.facts = Facts(ledger.facts.all, [definition.fact("test") for definition in added])
