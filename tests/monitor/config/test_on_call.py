"""Standby rotas in a configuration: errors with their position."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla.interval import HOUR, Interval
from sla.window import parse_instant
from tests.monitor.config.kinds import load_text, problems_of, with_check

SHIFT = "person: Ana, start: 2026-03-07T20:00, end: 2026-03-08T08:00"


def with_rota(text: str) -> str:
    return f"standby:\n  - {{id: r, {text}}}\n" + with_check('tcp: "h:1"')


@pytest.mark.parametrize(
    ("text", "expected_problem"),
    [
        ("shifts: []", "2:21: standby.r.shifts: is missing; add shifts, or ics"),
        ("zone: UTC", "2:5: standby.r.shifts: is missing; add shifts, or ics"),
        ("ics: none.ics", "2:18: standby.r.ics: cannot read"),
        (
            f"products: [q], shifts: [{{{SHIFT}}}]",
            '2:24: standby.r.products[0]: unknown product "q"; known products: p',
        ),
        (f"shifts: [{{{SHIFT}, rrule: often}}]", "2:91: standby.r.shifts[0].rrule: not a supported recurrence rule"),
        ("shifts: [{person: Ana, start: 2026-03-07T20:00}]", "2:22: standby.r.shifts[0].end: is missing; add it"),
        (
            "shifts: [{person: Ana, start: 2026-03-08T08:00, end: 2026-03-08T08:00}]",
            "2:66: standby.r.shifts[0].end: is not after start",
        ),
        (f"cover: sometimes, shifts: [{{{SHIFT}}}]", "2:20: standby.r.cover: "),
    ],
)
def test_mistake_is_reported_with_its_position(text: str, expected_problem: str, tmp_path: Path) -> None:
    problems = problems_of(tmp_path, with_rota(text))
    assert problems[0].startswith(f"c.yaml:{expected_problem}"), problems


def test_rota_with_two_sources_or_a_duplicate_id_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "r.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260307T160000Z\nDURATION:PT2H\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    (line,) = problems_of(tmp_path, with_rota(f"ics: r.ics, shifts: [{{{SHIFT}}}]"))
    assert "standby.r.shifts: is not allowed with ics; remove one of the two" in line
    (line,) = problems_of(tmp_path, "standby: [{id: r, ics: r.ics}, {id: r, ics: r.ics}]\n" + with_check('tcp: "h:1"'))
    assert '"r" is already the id of a rota at' in line


def test_night_shift_is_one_hour_shorter_when_clocks_go_forward(tmp_path: Path) -> None:
    (rota,) = load_text(tmp_path, with_rota(f"shifts: [{{{SHIFT}}}]")).standby
    window = Interval(parse_instant("2026-03-01T00:00:00Z"), parse_instant("2026-04-01T00:00:00Z"))
    (shift,) = rota.shifts_in(window, "America/Vancouver")
    assert (shift.person, shift.rota, shift.interval.length) == ("Ana", "r", 11 * HOUR)
    (shift_in_utc,) = rota.shifts_in(window, "UTC")
    assert shift_in_utc.interval.length == 12 * HOUR
    assert sum(span.length for span in rota.required_times(window, "UTC")) == window.length
