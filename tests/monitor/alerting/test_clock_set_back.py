"""A clock that is set back before a restart delays neither notifications nor escalations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor.alerting.clock_set_back import corrected_notification, corrected_response
from sla.escalation import Progress
from sla.interval import DAY, MINUTE, SECOND
from sla.page_response import Response
from sla.product_incident import Severity
from tests.support.alerting import BAD, GOOD, ledger_with_receivers, run_alerting
from tests.support.clocks import EPOCH, ManualClock
from tests.support.ledgers import product
from tests.support.sinks import Reply, Sink
from tests.support.stores import MemoryStore


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


async def test_waiting_page_is_sent_at_once_after_the_clock_is_set_back(sink: Sink) -> None:
    """The page was decided and failed while the clock was a year ahead."""
    store = MemoryStore()
    receivers = [{"id": "ops", "webhook": sink.url()}]
    sink.reply = Reply(500)
    async with run_alerting(
        ledger_with_receivers(product("forms"), receivers=receivers), store, ManualClock(EPOCH + 365 * DAY)
    ) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: any(row.error for row in harness.rows()))
    sink.reply = Reply()
    (waiting,) = store.notifications.values()
    assert waiting.done is None
    async with run_alerting(
        ledger_with_receivers(product("forms"), receivers=receivers), store, ManualClock(EPOCH)
    ) as harness:
        await harness.delivered()
    assert sink.received[-1].headers["idempotency-key"] == waiting.idempotency_key
    (row,) = store.notifications.values()
    assert row.done == EPOCH


async def test_firing_alert_is_repeated_to_alertmanager_after_the_clock_is_set_back(sink: Sink) -> None:
    """Otherwise Alertmanager would resolve the alert when its end passes."""
    store = MemoryStore()
    receivers = [{"id": "peers", "alertmanager": [sink.url("")]}]
    async with run_alerting(
        ledger_with_receivers(product("forms"), receivers=receivers), store, ManualClock(EPOCH + DAY)
    ) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.delivered()
    sent = len(sink.received)
    async with run_alerting(
        ledger_with_receivers(product("forms"), receivers=receivers), store, ManualClock(EPOCH)
    ) as harness:
        await harness.clock.advance(61)
        await harness.until(lambda: len(sink.received) > sent)


def test_steps_of_an_escalation_keep_their_time() -> None:
    later = EPOCH + DAY
    taken = Progress("sso", 1, later, later + 15 * MINUTE, ("pager",))
    last = Progress("other", 2, later, None, ("manager",))
    response = Response("k", later, "forms", Severity.PAGE, escalations=(taken, last))
    corrected = corrected_response(response, EPOCH)
    assert (corrected.started, corrected.next_due) == (EPOCH, EPOCH + 15 * MINUTE)
    assert [progress.entered for progress in corrected.escalations] == [EPOCH, EPOCH]
    assert corrected_response(response, later) == response


async def test_earlier_notification_keeps_its_instants() -> None:
    """Also one that is due later: after a pause between attempts, or after quiet hours."""
    store = MemoryStore()
    receivers = [{"id": "ops", "webhook": "https://ops.example.org/hook"}]
    async with run_alerting(
        ledger_with_receivers(product("forms"), receivers=receivers), store, deliver=False
    ) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.written()
        (row,) = harness.rows()
        assert corrected_notification(row, harness.clock.now()) == row
        assert corrected_notification(row, row.made - SECOND).due == row.made - SECOND
