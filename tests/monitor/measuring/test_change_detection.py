"""Logs of state changes are never silently read as probes."""

from __future__ import annotations

import pytest

from tests.monitor.measuring.change_logs import DAY_ONE, LOG, error_for, run


def test_log_of_changes_is_not_measured_as_probes() -> None:
    assert "looks like a log of state changes" in error_for(LOG)
    assert "--changes" in error_for(LOG)


@pytest.mark.parametrize(
    "rows",
    [
        [("0", "down"), ("100", "up"), ("90000", "down"), ("90060", "up")],
        [("0", "1"), ("86400", "0"), ("86401", "1"), ("172800", "2")],
    ],
)
def test_log_with_alternating_distant_rows_is_rejected(rows: list[tuple[str, str]]) -> None:
    text = "at,outcome,check\n" + "".join(f"{int(at) + 1_790_000_000},{outcome},web\n" for at, outcome in rows)
    assert error_for(text).startswith("check web: looks like")
    assert run(text, "--samples").exit_code == 0


def test_ambiguous_rows_are_measured_with_a_warning() -> None:
    text = "at,outcome\n2026-11-01T00:00:00Z,UP\n2026-11-01T00:01:00Z,DOWN\n2026-11-01T00:02:00Z,UP\n"
    result = run(text)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: looks like a log of state changes")
    assert run(text, "--samples").stderr == ""
    assert run(text.replace("2026-11-01T00:02", "2026-12-01T00:02"), "--interval", "1m").exit_code == 0


@pytest.mark.parametrize(
    "rows",
    [
        [("2026-11-01T00:00:00Z", "UP"), ("2026-11-10T00:00:00Z", "DOWN")],
        [
            (DAY_ONE, "UP"),
            ("2026-11-02T00:00:00Z", "UP"),
            ("2026-11-10T00:00:00Z", "DOWN"),
            ("2026-11-10T00:05:00Z", "UP"),
        ],
    ],
)
def test_two_rows_or_mostly_alternating_rows_give_a_warning(rows: list[tuple[str, str]]) -> None:
    result = run("at,outcome\n" + "".join(f"{at},{outcome}\n" for at, outcome in rows))
    assert (result.exit_code, "looks like a log of state changes" in result.stderr) == (0, True)


def test_repeated_outcomes_are_probes() -> None:
    text = "at,outcome\n" + "".join(f"{60 * n},{'bad' if n % 3 else 'good'}\n" for n in range(9))
    assert run(text).stderr == ""
    assert run("at,outcome\n0,good\n60,bad\n").stderr == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("startsAt,endsAt,status\n2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,resolved\n", "start and an end"),
        ("Started,Status\n2026-11-01T00:00:00Z,down\n", "rows with a start are spans"),
        ("at,status\n2026-11-01T00:00:00Z,firing\n", '"firing" is a state change'),
        ('{"at": "2026-11-01T00:00:00Z", "status": "resolved"}\n', '"resolved" is a state change'),
    ],
)
def test_change_columns_without_the_option_are_rejected(text: str, message: str) -> None:
    assert message in error_for(text)
    assert "--changes" in error_for(text)


@pytest.mark.parametrize(("minutes", "warned"), [(4, False), (5, False), (6, True), (59, True), (61, True)])
def test_two_differing_distant_rows_give_a_warning(minutes: int, warned: bool) -> None:
    end = f"2026-11-01T{minutes // 60:02}:{minutes % 60:02}:00Z"
    result = run(f"at,outcome\n{DAY_ONE},UP\n{end},DOWN\n")
    assert result.exit_code == 0
    assert ("looks like a log of state changes" in result.stderr) is warned
    assert "looks like" not in run(f"at,outcome\n{DAY_ONE},UP\n{end},UP\n").stderr
    assert "looks like" not in run(f"at,outcome\n{DAY_ONE},UP\n{end},DOWN\n", "--samples").stderr
