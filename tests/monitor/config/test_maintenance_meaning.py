"""Planned maintenance as plain data: equal meanings give equal data, and the data excludes the same time."""

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


def excluded_intervals(blocks: tuple[Maintenance, ...], zone: str) -> list[Any]:
    return sorted(
        (exclusion.interval, exclusion.reason) for block in blocks for exclusion in block.exclusions(YEAR, zone)
    )


@pytest.mark.parametrize("fields", BLOCKS)
def test_maintenance_from_data_excludes_the_same_time_in_any_default_zone(fields: dict[str, str]) -> None:
    block = Maintenance.model_validate(fields)
    restored = maintenance_of(maintenance_meaning([block], ZONE))
    assert excluded_intervals((block,), ZONE)
    assert excluded_intervals(restored, "Asia/Kolkata") == excluded_intervals((block,), ZONE)


def test_order_repetition_and_spelling_do_not_change_the_data() -> None:
    blocks = [Maintenance.model_validate(block) for block in BLOCKS]
    meaning = maintenance_meaning(blocks, ZONE)
    assert maintenance_meaning([*blocks[::-1], blocks[0]], ZONE) == meaning
    respelled = BLOCKS[3] | {"rrule": "FREQ=WEEKLY;BYDAY=SU;COUNT=9", "zone": ZONE}
    assert maintenance_meaning([*blocks[:3], Maintenance.model_validate(respelled), blocks[4]], ZONE) == meaning
    in_utc = BLOCKS[2] | {"start": "2026-12-06T10:00:00Z", "end": "2026-12-06T12:00:00+00:00"}
    assert maintenance_meaning([*blocks[:2], Maintenance.model_validate(in_utc), *blocks[3:]], ZONE) == meaning
    assert maintenance_meaning(blocks, "UTC") != meaning
    assert maintenance_meaning(blocks[1:], ZONE) != meaning


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
def test_recorded_calendar_keeps_events_and_drops_people_and_timestamps(numbers: list[int]) -> None:
    text = calendar(numbers, "20260101T000000Z")
    maintenance, recorded_text = Maintenance.model_construct(), normalized_calendar(text)
    before, after = (
        maintenance.model_copy(update={"ics": Calendar("x.ics", content)}) for content in (text, recorded_text)
    )
    assert excluded_intervals((before,), ZONE) == excluded_intervals((after,), ZONE)
    assert normalized_calendar(calendar(numbers[::-1], "20261129T000000Z")) == recorded_text
    assert not any(word in recorded_text for word in ("ana@example.org", "call Ana", "20260101T000000Z", "VALARM"))


def test_unparsable_calendar_is_recorded_unchanged() -> None:
    assert normalized_calendar("no calendar") == "no calendar"


def test_configured_calendar_is_recorded_with_its_text(tmp_path: Path) -> None:
    file = tmp_path / "work.ics"
    file.write_text(calendar([0, 1], "20260101T000000Z"))
    block = Maintenance.model_validate({"ics": str(file)})
    meaning = maintenance_meaning([block], ZONE)
    file.unlink()
    (restored,) = maintenance_of(meaning)
    assert excluded_intervals((restored,), "UTC") == excluded_intervals((block,), ZONE)
    assert restored.label == "work.ics"
    assert len(excluded_intervals((restored,), "UTC")) == 53
    assert json.loads(meaning)[0]["zone"] == ZONE


@pytest.mark.parametrize("text", ['[{"start": 3}]', '[{"end": "2026-12-06T04:00"}]', "[3]", '[{"ics": {}}]'])
def test_invalid_maintenance_data_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not planned maintenance"):
        maintenance_of(text)


def test_maintenance_data_of_one_hour_excludes_one_hour() -> None:
    (block,) = maintenance_of('[{"end":"2026-12-06T03:00:00","start":"2026-12-06T02:00:00","zone":"UTC"}]')
    (exclusion,) = block.exclusions(YEAR, ZONE)
    assert exclusion.interval.length == HOUR
