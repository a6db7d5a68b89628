"""Agreements that count degraded time: contractual figures, definitions, pauses, restarts and renamed checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.model import Portfolio
from monitor.engine.recorder import Recorder
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.ledger.degraded import DegradedCause, degradations
from monitor.probe_result import CERTIFICATE_EXPIRING, DEGRADED, SLOW, ProbeResult
from monitor.reporting.report import portfolio_report
from monitor.views.agreement import agreement_view, degraded_share
from sla.availability import Bounds
from sla.calendar import Window
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.pause import Pause
from tests.support.ledgers import BAD, GOOD, GOOD_RESULT, NOW, ledger_of, probe_all, product, run

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.measured import Measured

COUNTS = {"agreement": {"degraded": "counts"}}
ZERO = Bounds(0, 0, 0)
DEGRADED_RESULTS = [ProbeResult(GOOD, reason) for reason in (SLOW, DEGRADED, CERTIFICATE_EXPIRING)]


def contractual(ledger: Ledger, start: int = NOW - HOUR, end: int = NOW) -> Measured:
    window = Interval(start, end)
    figures = ledger.agreement_figures("p", Window("w", window, window), end)
    assert figures.contractual.durations == ledger.contractual("p", window).durations
    assert figures.raw.downtime == ledger.measured("p", window, end).downtime
    assert figures.raw.downtime.point == 0
    return figures.contractual


def define(ledger: Ledger, now: int) -> None:
    added = added_definitions(ledger.portfolio, ledger.definitions, lambda _: None, ledger.facts.products, now)
    ledger.facts = Facts(ledger.facts.all, [definition.fact("test") for definition in added])


@pytest.mark.parametrize("result", DEGRADED_RESULTS, ids=lambda result: result.reason)
@pytest.mark.parametrize("terms", [{}, COUNTS], ids=["free", "counts"])
def test_degraded_observations_are_downtime_only_if_the_agreement_counts_them(
    result: ProbeResult, terms: dict[str, Any]
) -> None:
    ledger = ledger_of(product("p", **terms))
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 2 * HOUR, NOW, result)
    measured = contractual(ledger)
    assert measured.downtime == (Bounds(HOUR, HOUR, HOUR) if terms else ZERO)
    assert measured.degraded == (Bounds(HOUR, HOUR, HOUR) if terms else None)
    assert (measured.counts.good, measured.counts.bad) == ((0, 60) if terms else (60, 0))


@pytest.mark.parametrize("rule", ["any", "at_least 2"])
def test_redundant_check_that_is_down_is_downtime(rule: str) -> None:
    ledger = ledger_of(product("p", checks=3, rule=rule, **COUNTS))
    probe_all(ledger, [ledger.entries[f"p/{name}"] for name in ("health", "check-1")], NOW - 2 * HOUR, NOW)
    ledger.restore([run("p/check-2", BAD, NOW - 2 * HOUR, NOW, "http_status")], [], [])
    measured = contractual(ledger)
    assert measured.downtime == measured.degraded == Bounds(HOUR, HOUR, HOUR)


def test_redundant_check_that_is_unknown_widens_the_bounds() -> None:
    ledger = ledger_of(product("p", checks=2, rule="any", **COUNTS))
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 2 * HOUR, NOW)
    measured = contractual(ledger)
    assert measured.availability == Bounds(0, 1, 1)
    assert measured.degraded == Bounds(0, 0, HOUR)


def test_change_of_the_agreement_does_not_change_the_past() -> None:
    ledger = ledger_of(product("p"))
    define(ledger, NOW - 3 * HOUR)
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 2 * HOUR, NOW - HOUR, DEGRADED_RESULTS[0])
    ledger.reload(Portfolio.model_validate({"products": [product("p", **COUNTS)]}))
    define(ledger, NOW - HOUR)
    probe_all(ledger, [ledger.entries["p/health"]], NOW - HOUR + MINUTE, NOW, DEGRADED_RESULTS[0])
    assert contractual(ledger, NOW - 2 * HOUR, NOW - HOUR).downtime == ZERO
    assert contractual(ledger, NOW - 2 * HOUR).downtime == Bounds(HOUR, HOUR, HOUR)
    ledger.reload(Portfolio.model_validate({"products": [product("p")]}))
    define(ledger, NOW)
    assert contractual(ledger, NOW - 2 * HOUR).downtime == Bounds(HOUR, HOUR, HOUR)


def test_restored_ledger_has_the_same_figures() -> None:
    ledger = ledger_of(product("p", **COUNTS))
    runs = [
        run("p/health", GOOD, NOW - HOUR, NOW - 40 * MINUTE),
        run("p/health", GOOD, NOW - 39 * MINUTE, NOW - 20 * MINUTE, SLOW),
        run("p/health", GOOD, NOW - 19 * MINUTE, NOW),
    ]
    ledger.restore(runs, [], [])
    downtime = contractual(ledger).downtime
    assert downtime == Bounds(19 * MINUTE, 20 * MINUTE, 21 * MINUTE)
    other = ledger_of(product("p", **COUNTS))
    other.restore(ledger.entries["p/health"].runs(), [], [])
    assert contractual(other).downtime == downtime


def test_renamed_check_keeps_its_degraded_time() -> None:
    ledger = ledger_of(product("p", **COUNTS))
    define(ledger, NOW - HOUR)
    probe_all(ledger, [ledger.entries["p/health"]], NOW - HOUR, NOW - 30 * MINUTE, DEGRADED_RESULTS[1])
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 29 * MINUTE, NOW)
    before = contractual(ledger).downtime
    checks = tuple(type(check).model_validate(_renamed(check)) for check in ledger.products["p"].checks)
    ledger.reload(Portfolio.model_validate({"products": [product("p", **COUNTS) | {"checks": checks}]}))
    assert list(ledger.entries) == ["p/renamed"]
    assert contractual(ledger).downtime == before != ZERO


def _renamed(check: Any) -> dict[str, Any]:
    return {"id": "renamed", "was": [check.id], "interval": "1m", "timeout": "10s", "http": check.http}


def test_paused_check_is_not_downtime() -> None:
    ledger = ledger_of(product("p", **COUNTS))
    define(ledger, NOW - 3 * HOUR)
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 2 * HOUR, NOW, DEGRADED_RESULTS[0])
    for check in ("p/health", ""):
        pause = Pause("p", check, NOW - 30 * MINUTE, NOW, "Ada", "upgrade")
        paused = ledger_of(product("p", **COUNTS))
        paused.facts = Facts([*ledger.facts.all, pause.fact()])
        paused.restore(ledger.entries["p/health"].runs(), [], [])
        assert contractual(paused).downtime == Bounds(30 * MINUTE, 30 * MINUTE, HOUR)


def test_excluded_degraded_time_is_not_downtime() -> None:
    block = {"start": "2026-01-01T00:00:00Z", "end": "2030-01-01T00:00:00Z", "reason": "upgrade"}
    ledger = ledger_of(product("p", **COUNTS, maintenance=[block]))
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 2 * HOUR, NOW, DEGRADED_RESULTS[0])
    measured = contractual(ledger)
    assert (measured.excluded, measured.degraded) == (HOUR, ZERO)


def test_page_prints_the_share_of_degraded_time() -> None:
    ledger = ledger_of(product("p", **COUNTS))
    assert degraded_share(contractual(ledger)) is None
    assert "0s of the contractual downtime of 0s was degraded time, between" in _note(ledger)
    probe_all(ledger, [ledger.entries["p/health"]], NOW - 2 * HOUR, NOW, DEGRADED_RESULTS[0])
    assert _note(ledger) == (
        "The agreement counts degraded time as downtime: 2h of the contractual downtime of 2h was degraded time, "
        "100.0% of it, between 2h and 30d"
    )
    assert _note(ledger_of(product("p"))) == ""


def _note(ledger: Ledger) -> str:
    return agreement_view(ledger, ledger.products["p"], NOW).degraded


class Writer:
    """A record writer that keeps nothing."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


@pytest.mark.parametrize(
    ("remaining", "reason", "recorded"),
    [
        (15 * DAY, "", ""),
        (14 * DAY - SECOND, "", CERTIFICATE_EXPIRING),
        (14 * DAY - SECOND, SLOW, SLOW),
        (-DAY, "", CERTIFICATE_EXPIRING),
    ],
)
def test_expiring_certificate_is_recorded_as_the_reason(remaining: int, reason: str, recorded: str) -> None:
    ledger = ledger_of(product("p"))
    entry = ledger.entries["p/health"]
    result = replace(GOOD_RESULT, reason=reason, certificate_expiry=(NOW + remaining) / SECOND)
    Recorder(ledger, Writer(), Health()).record(entry, result, NOW, 0.04)  # type: ignore[arg-type]
    assert [(run.outcome, run.reason) for run in entry.open_runs()] == [(GOOD, recorded)]


def test_expiring_certificate_is_known_after_a_restart() -> None:
    ledger = ledger_of(product("p"))
    ledger.restore([run("p/health", GOOD, NOW - HOUR, NOW, CERTIFICATE_EXPIRING)], [], [])
    (degradation,) = degradations(ledger, "p", NOW)
    assert (degradation.cause, degradation.detail) == (DegradedCause.CERTIFICATE, "the certificate expires soon")


def test_report_prints_the_degraded_part_of_the_downtime() -> None:
    ledger = ledger_of(product("p", **COUNTS), product("q"))
    probe_all(ledger, ledger.entries.values(), NOW - 2 * HOUR, NOW, DEGRADED_RESULTS[0])
    window = Interval(NOW - HOUR, NOW)
    reported = portfolio_report(ledger, ledger.portfolio.products, Window("w", window, window), NOW)
    counted, free = reported.document().parts
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in _rows(counted)}
    assert rows["Degraded time counted as downtime, estimate"] == ["1h", "0s"]
    assert rows["Share of degraded time in the downtime"][0] == "100.000%"
    assert not [row for row in _rows(free) if "egraded" in row[0].text]
    counted_json, free_json = (data["contractual"] for data in reported.as_json()["products"])
    assert counted_json["degraded_seconds"]["point"] == HOUR / SECOND
    assert "degraded_seconds" not in free_json


def _rows(part: Any) -> Any:
    return next(section for section in part.sections if section.id == "figures").table.rows
