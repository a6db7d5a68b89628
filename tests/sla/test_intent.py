"""Runs of durable intents: the outcome of a step, its instants, and the lines of the intent log."""

from __future__ import annotations

import pytest

from sla.intent import (
    Answer,
    Closing,
    Entry,
    Intent,
    ReadBack,
    Run,
    WriteOutcome,
    entries_of,
    entry_as_json,
    entry_from_json,
    runs_of,
)

ACKNOWLEDGED, FAILED, INDETERMINATE = WriteOutcome


def intent(at: int, step: str = "begin") -> Intent:
    return Intent("r1", "forms/draft", step, at, "POST https://forms.example.org", ("env KEY",))


def answer(at: int, outcome: WriteOutcome, step: str = "begin", **captured: str) -> Answer:
    return Answer("r1", step, at, outcome, "status 201", captured)


def run_of(*entries: Entry) -> Run:
    return runs_of(entries)["r1"]


@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        ([intent(1)], INDETERMINATE),
        ([intent(1), answer(2, FAILED)], FAILED),
        ([intent(1), answer(2, INDETERMINATE)], INDETERMINATE),
        ([intent(1), answer(2, ACKNOWLEDGED)], ACKNOWLEDGED),
        ([intent(1), answer(2, FAILED), intent(3)], INDETERMINATE),
        ([intent(1), answer(2, FAILED), intent(3), answer(4, ACKNOWLEDGED)], ACKNOWLEDGED),
        ([intent(1), intent(2, "finish"), answer(3, ACKNOWLEDGED, "finish")], INDETERMINATE),
    ],
)
def test_write_without_a_certain_answer_is_indeterminate(entries: list[Entry], outcome: WriteOutcome) -> None:
    assert run_of(*entries).outcome("begin") is outcome


def test_step_without_an_intent_has_no_outcome_and_no_instant() -> None:
    run = run_of(intent(1))
    assert (run.outcome("finish"), run.sent("finish"), run.acknowledged("begin")) == (None, None, None)
    assert (run.reading, run.closing, run.started) == (None, None, 1)


def test_first_intent_and_first_acknowledgement_give_the_instants_of_a_step() -> None:
    run = run_of(intent(1), answer(2, FAILED), intent(3), answer(4, ACKNOWLEDGED), answer(5, ACKNOWLEDGED))
    assert (run.sent("begin"), run.acknowledged("begin"), run.steps) == (1, 4, ["begin"])


def test_captured_values_are_kept_by_name() -> None:
    first, second = answer(2, ACKNOWLEDGED, id="7"), answer(4, ACKNOWLEDGED, "finish", id="8")
    run = run_of(intent(1), first, intent(3, "finish"), second, answer(5, ACKNOWLEDGED, "finish", id="8"))
    assert (run.captured, run.captures("id"), run.captures("etag")) == ({"id": "8"}, ["7", "8"], [])


def test_entries_of_unknown_runs_are_ignored() -> None:
    assert runs_of([answer(1, ACKNOWLEDGED), Closing("r1", 2)]) == {}


def test_lines_of_the_log_give_equal_runs() -> None:
    entries = [
        intent(1),
        answer(2, ACKNOWLEDGED, id="7"),
        ReadBack("r1", 3, {"begin": 1}),
        ReadBack("r1", 4, {"begin": 2}),
        Closing("r1", 5, left_behind=True, reason="gone"),
    ]
    run = run_of(*entries)
    assert run.reading == ReadBack("r1", 4, {"begin": 2})
    assert runs_of(map(entry_from_json, map(entry_as_json, entries))) == {"r1": run}
    assert runs_of(entries_of(run)) == {"r1": run}
    assert entries_of(run_of(intent(1))) == [intent(1)]


@pytest.mark.parametrize(
    "line", [{}, {"entry": "other", "run": "r", "at": "1970-01-01T00:00:00Z"}, {"entry": "closing", "run": "r"}]
)
def test_line_that_is_not_an_entry_raises(line: dict[str, str]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        entry_from_json(line)


def test_intent_of_an_earlier_version_has_no_target() -> None:
    plain = entry_as_json(Intent("r1", "forms/draft", "begin", 5, target="a1"))
    del plain["target"]
    assert entry_from_json(plain) == Intent("r1", "forms/draft", "begin", 5)
    run = runs_of([Intent("r1", "forms/draft", "begin", 5, target="a1"), Intent("r1", "forms/draft", "finish", 6)])[
        "r1"
    ]
    assert run.target == "a1"
