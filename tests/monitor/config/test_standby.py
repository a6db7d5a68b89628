"""Rotas in a configuration: what is refused, each with its position."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla.interval import HOUR, Interval
from sla.window import parse_instant
from tests.monitor.config.kinds import check, complaints, loaded

SHIFT = "person: Ana, start: 2026-03-07T20:00, end: 2026-03-08T08:00"


def rota(text: str) -> str:
    return f"standby:\n  - {{id: r, {text}}}\n" + check('tcp: "h:1"')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("shifts: []", "2:21: standby.r.shifts: is missing; write shifts, or ics"),
        ("zone: UTC", "2:5: standby.r.shifts: is missing; write shifts, or ics"),
        ("ics: none.ics", "2:18: standby.r.ics: cannot read"),
        (f"products: [q], shifts: [{{{SHIFT}}}]", '2:24: standby.r.products[0]: there is no product "q"; there are p'),
        (f"shifts: [{{{SHIFT}, rrule: often}}]", "2:91: standby.r.shifts[0].rrule: not a supported recurrence rule"),
        ("shifts: [{person: Ana, start: 2026-03-07T20:00}]", "2:22: standby.r.shifts[0].end: is missing; add it"),
        (
            "shifts: [{person: Ana, start: 2026-03-08T08:00, end: 2026-03-08T08:00}]",
            "2:66: standby.r.shifts[0].end: is not after start",
        ),
        (f"cover: sometimes, shifts: [{{{SHIFT}}}]", "2:20: standby.r.cover: "),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, line: str, tmp_path: Path) -> None:
    told = complaints(tmp_path, rota(text))
    assert told[0].startswith(f"c.yaml:{line}"), told


def test_a_rota_has_one_source_and_one_name(tmp_path: Path) -> None:
    (tmp_path / "r.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260307T160000Z\nDURATION:PT2H\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    (line,) = complaints(tmp_path, rota(f"ics: r.ics, shifts: [{{{SHIFT}}}]"))
    assert "standby.r.shifts: is not allowed with ics; remove one of the two" in line
    (line,) = complaints(tmp_path, "standby: [{id: r, ics: r.ics}, {id: r, ics: r.ics}]\n" + check('tcp: "h:1"'))
    assert '"r" is already the id of a rota at' in line


def test_a_night_in_which_clocks_go_forward_is_an_hour_short(tmp_path: Path) -> None:
    (only,) = loaded(tmp_path, rota(f"shifts: [{{{SHIFT}}}]")).standby
    window = Interval(parse_instant("2026-03-01T00:00:00Z"), parse_instant("2026-04-01T00:00:00Z"))
    (shift,) = only.shifts_in(window, "America/Vancouver")
    assert (shift.person, shift.rota, shift.interval.length) == ("Ana", "r", 11 * HOUR)
    (elsewhere,) = only.shifts_in(window, "UTC")
    assert elsewhere.interval.length == 12 * HOUR
    assert sum(span.length for span in only.required_times(window, "UTC")) == window.length
