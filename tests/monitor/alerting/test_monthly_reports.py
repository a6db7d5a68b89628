"""The monthly report on promises as a message: its content, its schedule, and that each month has one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from monitor.config.report_schedule import MonthlyReport
from monitor.notification import Kind
from monitor.receivers.email import EmailBlock, mail_of
from monitor.receivers.message import Message
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome, Run
from tests.support.alerting import AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.sinks import Sink
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

ZONE = ZoneInfo("America/Vancouver")
HOOK = {"id": "ops", "webhook": "https://ops.example.org/hook"}
TEAM = {"id": "team", "webhook": "https://team.example.org/hook"}


def at(month: int, day: int = 1, hour: int = 0) -> int:
    """Return the instant of a local time of 2026, in microseconds."""
    return int(datetime(2026, month, day, hour, tzinfo=ZONE).timestamp()) * SECOND


def ledger(*entries: dict[str, Any], receivers: tuple[dict[str, Any], ...] = (HOOK, TEAM)) -> Ledger:
    return ledger_with_receivers(
        product("forms", 1, "99%"),
        product("sso", 1, "99%"),
        receivers=[*receivers],
        time_zone="America/Vancouver",
        public_url="https://nines.example.org",
        alerting={"monthly_reports": [*entries]},
    )


def october() -> MemoryStore:
    """Return a record in which forms was down for 24 hours of October, sso was up, and both were observed."""
    store = MemoryStore()
    outage = at(10, 10)
    runs = [
        run("forms/health", Outcome.GOOD, at(10), outage),
        run("forms/health", Outcome.BAD, outage, outage + DAY),
        run("forms/health", Outcome.GOOD, outage + DAY, at(11, 2)),
        run("sso/health", Outcome.GOOD, at(10), at(11, 2)),
    ]
    store.write(Batch(runs=tuple(runs)))
    return store


def run(check: str, outcome: Outcome, start: int, end: int) -> Run:
    """Return a run of one observation per minute in [start, end)."""
    return Run(check, outcome, "", start, end - MINUTE, (end - start) // MINUTE, 2 * MINUTE)


def reports(harness: AlertingHarness) -> list[dict[str, Any]]:
    return [json.loads(row.body) for row in harness.rows(Kind.REPORT)]


async def test_report_has_one_sentence_per_product_and_broken_promises_first() -> None:
    clock = ManualClock(at(11, 1, 8) - SECOND)
    async with run_alerting(ledger({"to": "ops"}), october(), clock, deliver=False) as harness:
        await harness.update()
        assert reports(harness) == []
        clock.jump(1)
        await harness.update()
        (report,) = reports(harness)
        assert harness.health.alerting_defects == 0
    assert (report["key"], report["event"], report["severity"]) == ("report:month:2026-10", "report", "note")
    assert report["extra"]["summary"] == "October 2026: Of 2 services, 1 kept its promise and 1 did not."
    broken, kept = report["extra"]["notes"]
    assert broken.startswith("forms did not keep its promise: it was down for at least 23h 59m in October 2026")
    assert kept.startswith("sso kept its promise: it worked at least ")
    assert report["links"]["product"] == ("https://nines.example.org/reports?window=2026-10-01%2F2026-11-01&lang=en")
    figures = report["monthly_report"]
    assert (figures["month"], figures["since"], figures["until"]) == (
        "2026-10", "2026-10-01T07:00:00Z", "2026-11-01T07:00:00Z",
    )  # fmt: skip
    assert [(row["id"], row["verdict"]) for row in figures["products"]] == [("forms", "missed"), ("sso", "met")]
    availability = figures["products"][0]["availability"]
    assert availability["low"] <= 30 / 31 <= availability["high"] < 0.97


async def test_report_has_the_chosen_products_and_language() -> None:
    entries = ({"to": "ops", "products": ["sso"], "language": "fr"}, {"to": "team", "at": "3 06:30"})
    clock = ManualClock(at(11, 1, 9))
    async with run_alerting(ledger(*entries), october(), clock, deliver=False) as harness:
        await harness.update()
        (french,) = harness.rows(Kind.REPORT)
        clock.jump((at(11, 3, 6) + 30 * MINUTE - clock.now()) / SECOND)
        await harness.update()
        assert [row.receiver for row in harness.rows(Kind.REPORT)] == ["ops", "team"]
    message = Message.of(french, clock.now())
    assert message.title == "[REPORT] octobre 2026\u00a0: L’engagement a été respecté."
    assert message.lines[0].startswith("sso\u00a0: l’engagement a été respecté.")
    assert message.links["product"].endswith("/reports?product=sso&window=2026-10-01%2F2026-11-01&lang=fr")


async def test_each_month_has_one_report_also_across_restarts() -> None:
    """The daemon restarts on 1 November before and after the report, and on 1 December."""
    store, clock = october(), ManualClock(at(11))
    with Sink().serving() as sink:
        hook = {"id": "ops", "webhook": sink.url()}
        for instant in (at(11, 1, 7), at(11, 1, 9), at(11, 1, 20), at(11, 15), at(12, 1, 10), at(12, 2)):
            clock.jump((instant - clock.now()) / SECOND)
            async with run_alerting(ledger({"to": "ops"}, receivers=(hook,)), store, clock) as harness:
                await harness.update()
                await harness.update()
                await harness.delivered()
                assert harness.health.alerting_defects == 0
        assert [request.json()["key"] for request in sink.received] == ["report:month:2026-10", "report:month:2026-11"]


@pytest.mark.parametrize(("late", "count"), [(23 * HOUR, 1), (25 * HOUR, 0)])
async def test_report_that_was_due_while_the_daemon_was_stopped_is_sent_within_a_day(late: int, count: int) -> None:
    clock = ManualClock(at(11, 1, 8) + late)
    async with run_alerting(ledger({"to": "ops"}), october(), clock, deliver=False) as harness:
        await harness.update()
        assert len(reports(harness)) == count


async def test_month_without_observations_has_no_figure() -> None:
    async with run_alerting(ledger({"to": "ops"}), clock=ManualClock(at(11, 1, 8)), deliver=False) as harness:
        await harness.update()
        (report,) = reports(harness)
    assert report["extra"]["notes"][0].startswith("Nothing is known about forms in October 2026: it was not observed.")
    assert report["monthly_report"]["products"][0]["availability"]["point"] is None


def test_time_of_the_report_is_local() -> None:
    """Daylight saving time ends on 1 November 2026, at 02:00, in a zone that still has it."""
    time = MonthlyReport.model_validate({"to": "ops", "at": "1 01:30"}).at
    assert str(time) == "1 01:30"
    last = time.last(int(datetime(2026, 11, 2, tzinfo=UTC).timestamp()) * SECOND, "America/New_York")
    assert datetime.fromtimestamp(last / SECOND, UTC) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


async def test_mail_is_no_reply_and_has_the_address_of_the_summary() -> None:
    clock = ManualClock(at(11, 1, 8))
    async with run_alerting(ledger({"to": "ops"}), october(), clock, deliver=False) as harness:
        await harness.update()
        (row,) = harness.rows(Kind.REPORT)
    block = EmailBlock.model_validate({"to": "a@example.org", "from": "n@example.org", "server": "smtp.example.org"})
    mail = mail_of(Message.of(row, clock.now()), block)
    assert mail["Subject"] == "[REPORT] October 2026: Of 2 services, 1 kept its promise and 1 did not."
    assert (mail["In-Reply-To"], mail["References"]) == (None, None)
    assert "\npage: https://nines.example.org/reports?window=2026-10-01%2F2026-11-01&lang=en\n" in mail.get_content()
