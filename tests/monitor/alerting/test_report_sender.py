"""The weekly report on pages as a message: its content, and that each week has one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.report_schedule import ReportSchedule
from monitor.errors import StoreError
from monitor.notification import Kind
from monitor.receivers.message import Message
from sla.interval import DAY, HOUR, SECOND
from sla.page_rating import PageRating, Rating
from tests.support.alerting import BAD, GOOD, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.sinks import Sink
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

MONDAY = int(datetime(2026, 11, 30, 15, tzinfo=UTC).timestamp()) * SECOND  # 08:00 in Vancouver
OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


def ledger(**fields: Any) -> Any:
    block = {"reports": [{"to": "ops", "at": "Mon 08:00"}], **fields.pop("alerting", {})}
    return ledger_with_receivers(
        product("forms", 1, "99%"),
        receivers=[fields.pop("receiver", OPS)],
        time_zone="America/Vancouver",
        alerting=block,
        **fields,
    )


def reports(harness: AlertingHarness) -> list[dict[str, Any]]:
    return [json.loads(row.body) for row in harness.rows(Kind.REPORT)]


async def outage(harness: AlertingHarness) -> str:
    harness.observe(GOOD, BAD, BAD, BAD)
    await harness.written()
    harness.observe(GOOD, GOOD, GOOD)
    await harness.written()
    return harness.rows(Kind.OPENED)[-1].key


async def test_report_has_the_pages_of_the_week_per_receiver_and_person_and_the_noisiest_checks() -> None:
    clock = ManualClock(MONDAY - 7 * DAY - HOUR)
    people = ({"name": "Ana Ng", "to": "ops"},)
    async with run_alerting(ledger(people=people), MemoryStore(), clock, deliver=False) as harness:
        await outage(harness)  # in the week before
        clock.jump(2 * HOUR / SECOND)
        first = await outage(harness)
        clock.jump(18 * HOUR / SECOND)  # at night
        await outage(harness)
        harness.state(PageRating(clock.now(), first, Rating.NOISE, "Ana Ng", "", "forms").fact())
        clock.jump((MONDAY - clock.now()) / SECOND - 1)
        await harness.update()
        assert [report["key"] for report in reports(harness)] == []
        clock.jump(1)
        await harness.update()
        (report,) = reports(harness)
    assert (report["key"], report["severity"], report["event"]) == ("report:pages:2026-11-30T08:00", "note", "report")
    assert (report["report"]["since"], report["report"]["until"]) == ("2026-11-23T15:00:00Z", "2026-11-30T15:00:00Z")
    assert (
        report["extra"]["summary"]
        == "Pages in the week before 2026-11-30: 2 alerts paged, 0% of the marked ones useful"
    )
    assert report["extra"]["notes"][1:3] == [
        "ops (Ana Ng): 2 pages, 1 at night, 0 reminders, 0 tickets; 0 useful, 1 noise, 1 not marked",
        "Noisiest checks: forms/health (2 alerts, 1 noise)",
    ]


async def test_each_week_has_one_report_also_across_a_restart(sink: Sink) -> None:
    clock, store = ManualClock(MONDAY - HOUR), MemoryStore()
    hook = {"id": "ops", "webhook": sink.url()}
    for delay in (0, 2 * HOUR, 21 * HOUR, 6 * DAY, 2 * HOUR):
        clock.jump(delay / SECOND)
        async with run_alerting(ledger(receiver=hook), store, clock) as harness:
            await harness.update()
            await harness.update()
            await harness.delivered()
            assert harness.health.alerting_defects == 0
    keys = [row.key for row in store.notifications.values()]
    assert keys == ["report:pages:2026-11-30T08:00", "report:pages:2026-12-07T08:00"]
    assert [(request.json()["event"], request.json()["severity"]) for request in sink.received] == [
        ("report", "note")
    ] * 2


async def test_report_missed_while_the_daemon_was_stopped_is_sent_within_a_day() -> None:
    actual = {}
    for late in (23 * HOUR, 25 * HOUR):
        async with run_alerting(ledger(), MemoryStore(), ManualClock(MONDAY + late), deliver=False) as harness:
            await harness.update()
            actual[late // HOUR] = len(reports(harness))
    assert actual == {23: 1, 25: 0}


async def test_report_waits_until_the_record_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(MONDAY)
    async with run_alerting(ledger(), MemoryStore(), clock, deliver=False) as harness:
        answers = [StoreError("locked"), []]

        def read(_: int) -> Any:
            if isinstance(answer := answers.pop(0), Exception):
                raise answer
            return answer

        monkeypatch.setattr(harness.alerting.made_notes, "read_past", read)
        await harness.update()
        await harness.update()
        assert (reports(harness), len(answers)) == ([], 1)
        clock.jump(60)
        await harness.update()
        assert len(reports(harness)) == 1
        assert harness.health.alerting_defects == 0


async def test_report_is_not_formatted_as_an_alarm() -> None:
    async with run_alerting(ledger(), MemoryStore(), ManualClock(MONDAY), deliver=False) as harness:
        await harness.update()
        (row,) = harness.rows(Kind.REPORT)
    message = Message.of(row, MONDAY)
    assert message.title == "[REPORT] Pages in the week before 2026-11-30: 0 alerts paged, none is marked"
    assert not message.is_alarm
    assert message.lines[0] == "From 2026-11-23T15:00:00Z to 2026-11-30T15:00:00Z; night: 22:00-07:00"


def test_report_time_is_local_time_of_its_zone() -> None:
    at = ReportSchedule.model_validate({"to": "ops", "at": "Sun 02:30"}).at
    assert str(at) == "Sun 02:30"
    spring = int(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()) * SECOND  # Europe skips 02:00 to 03:00 on that day
    assert datetime.fromtimestamp(at.last(spring, "Europe/Paris") / SECOND, UTC).day in (28, 29)
    assert at.last(spring, "Europe/Paris") - at.last(at.last(spring, "Europe/Paris") - 1, "Europe/Paris") < 8 * DAY
