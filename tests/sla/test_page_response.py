"""Tests of responses to alerts: the severities that an acknowledgement covers, and targets that were met or missed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla.escalation import Progress
from sla.interval import MINUTE
from sla.page_response import Response, Summary, summary
from sla.product_incident import Severity

PAGE, TICKET, NOTE = Severity.PAGE, Severity.TICKET, Severity.NOTE
RESPONSE = Response("k", 100 * MINUTE, "forms", PAGE, "P1", 15 * MINUTE)


def test_response_is_open_until_acknowledged_or_ended() -> None:
    assert RESPONSE.open
    assert not RESPONSE.acknowledge(101 * MINUTE, "Ada", "command").open
    assert not replace(RESPONSE, ended=101 * MINUTE).open


def test_acknowledgement_covers_its_severity_and_lower_ones() -> None:
    page = RESPONSE.acknowledge(101 * MINUTE, "Ada", "command")
    ticket = replace(page, severity=TICKET)
    assert [page.covers(severity) for severity in (PAGE, TICKET, NOTE)] == [True, True, True]
    assert [ticket.covers(severity) for severity in (PAGE, TICKET, NOTE)] == [False, True, True]


@pytest.mark.parametrize("severity", Severity)
def test_unacknowledged_response_covers_its_own_severity_only(severity: Severity) -> None:
    assert RESPONSE.covers(severity) is (severity is PAGE)


@pytest.mark.parametrize(
    ("acknowledged", "ended", "now", "within"),
    [
        (115, None, 500, True),
        (116, None, 500, False),
        (None, None, 115, None),
        (None, None, 116, False),
        (None, 110, 500, None),
        (None, 116, 500, False),
        (110, 200, 500, True),
    ],
)
def test_target_is_met_missed_or_undecided(
    acknowledged: int | None, ended: int | None, now: int, within: bool | None
) -> None:
    times = {"acknowledged": acknowledged, "ended": ended}
    response = replace(RESPONSE, **{name: at if at is None else at * MINUTE for name, at in times.items()})
    assert response.within_target(now * MINUTE) is within
    assert replace(response, target=None).within_target(now * MINUTE) is None


def test_acknowledgement_is_not_earlier_than_the_start() -> None:
    response = RESPONSE.acknowledge(99 * MINUTE, "Ada", "api")
    assert (response.acknowledged, response.time_to_acknowledge, response.open) == (RESPONSE.started, 0, False)
    assert RESPONSE.time_to_acknowledge is None


def test_next_due_is_the_earliest_due_time_of_an_open_response() -> None:
    steps = tuple(Progress(name, 1, 0, due, ("a",), "", 1) for name, due in (("a", 9), ("b", None), ("c", 7)))
    response = replace(RESPONSE, escalations=steps)
    assert response.next_due == 7
    assert RESPONSE.next_due is None
    assert response.acknowledge(200 * MINUTE, "Ada", "api").next_due is None


def test_summary_counts_met_and_missed_targets_and_the_median_of_the_times() -> None:
    met, missed = (RESPONSE.acknowledge((100 + minutes) * MINUTE, "Ada", "command") for minutes in (5, 25))
    ended = replace(RESPONSE, ended=110 * MINUTE)
    assert summary([met, missed, ended], 200 * MINUTE) == Summary(3, 2, 15 * MINUTE, 1, 1)
    assert summary([], 200 * MINUTE) == Summary(0, 0, None, 0, 0)
