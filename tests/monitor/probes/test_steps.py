"""Journeys: steps in order, their outcomes, and the outcome of the run."""

from __future__ import annotations

import pytest

from sla.observation import Outcome
from tests.support.journeys import record_journey, run_journey, step_outcomes
from tests.support.record_service import RecordService
from tests.support.servers import send_nothing, serve_tcp


async def test_values_are_carried_from_step_to_step(service: RecordService) -> None:
    result = await run_journey(record_journey(service.url))
    assert (result.outcome, result.reason, result.status) == (Outcome.GOOD, "", 200)
    assert step_outcomes(result) == {"submit": "good", "read": "good", "clean-up": "good"}
    assert (service.created, service.records) == (1, {})


async def test_each_step_has_its_phases_and_its_place_in_the_waterfall(service: RecordService) -> None:
    result = await run_journey(record_journey(service.url))
    first, second, third = result.steps
    assert 0 <= first.at < first.at + first.duration <= second.at < second.at + second.duration <= third.at
    assert all({"connect", "first_byte"} <= set(step.phases) for step in result.steps)
    for phase in ("connect", "first_byte"):
        assert result.phases[phase] == pytest.approx(sum(step.phases[phase] for step in result.steps))


async def test_the_reason_names_the_step_and_clean_up_runs_after_a_failure(service: RecordService) -> None:
    result = await run_journey(record_journey(service.url, read={"expect": {"status": 404}}))
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, "read: http_status", 200)
    assert "expected 404" in result.detail
    assert step_outcomes(result) == {"submit": "good", "read": "bad http_status", "clean-up": "good"}
    assert service.records == {}


async def test_steps_after_a_bad_one_are_skipped(service: RecordService) -> None:
    result = await run_journey(record_journey(service.url, submit={"expect": {"status": 500}}))
    assert result.reason == "submit: http_status"
    assert step_outcomes(result) == {"submit": "bad http_status", "read": "skipped", "clean-up": "skipped"}


async def test_a_step_that_could_not_run_is_unknown(service: RecordService) -> None:
    """The service refused our credential, so nothing is known about reading."""
    result = await run_journey(record_journey(service.url, submit={"expect": {}, "unknown": {"status": 201}}))
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "submit: inconclusive")
    assert step_outcomes(result)["read"] == "unknown not_run"
    assert result.steps[1].detail == "{{id}} is not known (submit: inconclusive)"


async def test_a_failure_that_does_not_count_makes_its_successors_unknown(service: RecordService) -> None:
    result = await run_journey(record_journey(service.url, submit={"counts": False, "expect": {"status": 500}}))
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "read: not_run")


async def test_a_failed_clean_up_does_not_count(service: RecordService) -> None:
    content = record_journey(service.url, clean_up={"http": f"{service.url}/records/none-{{{{id}}}}"})
    result = await run_journey(content)
    assert (result.outcome, step_outcomes(result)["clean-up"]) == (Outcome.GOOD, "bad http_status")
    content = record_journey(service.url, clean_up={"http": f"{service.url}/records/none-{{{{id}}}}", "counts": True})
    assert (await run_journey(content)).reason == "clean-up: http_status"


async def test_the_clean_up_has_time_after_a_step_that_hangs() -> None:
    async with serve_tcp(send_nothing) as silent:
        with (service := RecordService()).serving():
            content = record_journey(service.url, read={"http": f"http://127.0.0.1:{silent}/{{{{id}}}}"})
            result = await run_journey(content, seconds=3)
    assert (result.outcome, result.reason) == (Outcome.BAD, "read: deadline")
    assert (service.created, service.records) == (1, {})


async def test_a_closed_port_is_the_reason_of_its_step(service: RecordService) -> None:
    async with serve_tcp(send_nothing) as port:
        pass
    result = await run_journey(record_journey(service.url, read={"http": f"http://127.0.0.1:{port}/{{{{id}}}}"}))
    assert (result.outcome, result.reason) == (Outcome.BAD, "read: connect_refused")
