"""Planned maintenance as plain data means the same maintenance, and the same data for the same meaning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.maintenance import Calendar, Maintenance
from monitor.config.maintenance_meaning import maintenance_meaning, maintenance_of, normalized_calendar
from sla.interval import DAY, HOUR, Interval
from sla.window import parse_instant

if TYPE_CHECKING:
    from pathlib import Path

START = parse_instant("2026-01-01T00:00:00Z")
YEAR = Interval(START, START + 365 * DAY)
ZONE = "America/Vancouver"
BLOCKS: list[dict[str, str]] = [
    {"start": "2026-12-06T02:00", "end": "2026-12-06T04:00", "reason": "upgrade"},
    {"start": "2026-12-06T02:00", "end": "2026-12-06T04:00", "reason": "upgrade", "zone": "Europe/Vienna"},
    {"start": "2026-12-06T02:00-08:00", "end": "2026-12-06T04:00-08:00", "reason": "upgrade"},
    {"start": "2026-03-01T02:00", "end": "2026-03-01T04:00", "rrule": "FREQ=WEEKLY;COUNT=9;BYDAY=SU", "reason": "x"},
    {"start": "2026-03-01T23:00", "end": "2026-03-02T04:00", "rrule": "FREQ=MONTHLY;BYMONTHDAY=1", "reason": "x"},
]


def spans(blocks: tuple[Maintenance, ...], zone: str) -> list[Any]:
    return sorted((each.interval, each.reason) for block in blocks for each in block.exclusions(YEAR, zone))


@pytest.mark.parametrize("plain", BLOCKS)
def test_what_is_written_and_read_back_excludes_the_same_in_any_default_zone(plain: dict[str, str]) -> None:
    block = Maintenance.model_validate(plain)
    again = maintenance_of(maintenance_meaning([block], ZONE))
    assert spans((block,), ZONE)
    assert spans(again, "Asia/Kolkata") == spans((block,), ZONE)


def test_order_repetition_and_spelling_do_not_matter_and_times_do() -> None:
    made = [Maintenance.model_validate(each) for each in BLOCKS]
    meaning = maintenance_meaning(made, ZONE)
    assert maintenance_meaning([*made[::-1], made[0]], ZONE) == meaning
    other = BLOCKS[3] | {"rrule": "FREQ=WEEKLY;BYDAY=SU;COUNT=9", "zone": ZONE}
    assert maintenance_meaning([*made[:3], Maintenance.model_validate(other), made[4]], ZONE) == meaning
    utc = BLOCKS[2] | {"start": "2026-12-06T10:00:00Z", "end": "2026-12-06T12:00:00+00:00"}
    assert maintenance_meaning([*made[:2], Maintenance.model_validate(utc), *made[3:]], ZONE) == meaning
    assert maintenance_meaning(made, "UTC") != meaning
    assert maintenance_meaning(made[1:], ZONE) != meaning


ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Calendar 16.0//EN
X-WR-TIMEZONE:Europe/Vienna
BEGIN:VTIMEZONE
TZID:Pacific Standard Time
BEGIN:STANDARD
DTSTART:16011104T020000
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11
TZOFFSETFROM:-0700
TZOFFSETTO:-0800
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010311T020000
RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3
TZOFFSETFROM:-0800
TZOFFSETTO:-0700
END:DAYLIGHT
END:VTIMEZONE
{events}
END:VCALENDAR
"""
EVENTS = (
    "BEGIN:VEVENT\nUID:1\nDTSTAMP:{stamp}\nDTSTART;TZID=Pacific Standard Time:20260705T020000\n"
    "DTEND;TZID=Pacific Standard Time:20260705T040000\nSUMMARY:Patches\\, monthly\n"
    "ATTENDEE:mailto:ana@example.org\nDESCRIPTION:call Ana\nEND:VEVENT",
    "BEGIN:VEVENT\nUID:2\nDTSTAMP:{stamp}\nDTSTART:20260104T100000Z\nDURATION:PT90M\nRRULE:FREQ=WEEKLY;BYDAY=SU\n"
    "EXDATE:20260111T100000Z\nRDATE:20260113T100000Z\nSUMMARY:Sundays\nEND:VEVENT",
    "BEGIN:VEVENT\nUID:2\nDTSTAMP:{stamp}\nRECURRENCE-ID:20260118T100000Z\nSEQUENCE:2\nDTSTART:20260119T100000Z\n"
    "DTEND:20260119T110000Z\nSUMMARY:moved\nEND:VEVENT",
    "BEGIN:VEVENT\nUID:3\nDTSTAMP:{stamp}\nDTSTART;VALUE=DATE:20260501\nSUMMARY:a day\nBEGIN:VALARM\nACTION:DISPLAY\n"
    "TRIGGER:-PT15M\nDESCRIPTION:soon\nEND:VALARM\nEND:VEVENT",
    "BEGIN:VEVENT\nUID:4\nDTSTAMP:{stamp}\nDTSTART:20260601T230000\nDTEND:20260602T010000\nSUMMARY:floating\n"
    "STATUS:CANCELLED\nEND:VEVENT",
    "BEGIN:VEVENT\nUID:5\nDTSTAMP:{stamp}\nDTSTART:20260801T230000\nDTEND:20260802T010000\nSUMMARY:floating\nEND:VEVENT",
)


def calendar(numbers: list[int], stamp: str) -> str:
    text = ICS.replace("{events}", "\n".join(EVENTS[n] for n in numbers)).replace("{stamp}", stamp)
    return text.replace("\n", "\r\n")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(range(len(EVENTS))), min_size=1, unique=True))
def test_a_calendar_keeps_its_events_and_names_and_loses_its_people_and_stamps(numbers: list[int]) -> None:
    text = calendar(numbers, "20260101T000000Z")
    whole, kept = Maintenance.model_construct(), normalized_calendar(text)
    before, after = (whole.model_copy(update={"ics": Calendar("x.ics", each)}) for each in (text, kept))
    assert spans((before,), ZONE) == spans((after,), ZONE)
    assert normalized_calendar(calendar(numbers[::-1], "20261129T000000Z")) == kept
    assert not any(word in kept for word in ("ana@example.org", "call Ana", "20260101T000000Z", "VALARM"))


def test_a_calendar_that_cannot_be_written_again_is_kept_as_it_is() -> None:
    assert normalized_calendar("no calendar") == "no calendar"


def test_a_configured_calendar_is_recorded_with_its_text(tmp_path: Path) -> None:
    file = tmp_path / "work.ics"
    file.write_text(calendar([0, 1], "20260101T000000Z"))
    block = Maintenance.model_validate({"ics": str(file)})
    meaning = maintenance_meaning([block], ZONE)
    file.unlink()
    (again,) = maintenance_of(meaning)
    assert spans((again,), "UTC") == spans((block,), ZONE)
    assert again.label == "work.ics"
    assert len(spans((again,), "UTC")) == 53
    assert json.loads(meaning)[0]["zone"] == ZONE


@pytest.mark.parametrize("text", ['[{"start": 3}]', '[{"end": "2026-12-06T04:00"}]', "[3]", '[{"ics": {}}]'])
def test_what_is_no_maintenance_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not planned maintenance"):
        maintenance_of(text)


def test_a_block_of_an_hour_is_an_hour() -> None:
    (block,) = maintenance_of('[{"end":"2026-12-06T03:00:00","start":"2026-12-06T02:00:00","zone":"UTC"}]')
    (only,) = block.exclusions(YEAR, ZONE)
    assert only.interval.length == HOUR
