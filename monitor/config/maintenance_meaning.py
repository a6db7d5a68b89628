"""Planned maintenance as plain data, in facts: the same for two plans that mean the same, and readable again."""

from __future__ import annotations

import datetime as dt
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import icalendar

from monitor.config.maintenance import Calendar, Maintenance
from sla.fact import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What decides when an event is, and what it is called. Attendees, descriptions and stamps of an export stay out of the
# record, which is never edited.
_KEPT: Final = (
    "UID",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "SEQUENCE",
    "STATUS",
    "SUMMARY",
)
_OF_CALENDAR: Final = ("CALSCALE", "X-WR-TIMEZONE")


def maintenance_meaning(planned: Iterable[Maintenance], zone: str) -> str:
    """Return the maintenance as canonical JSON; `zone` applies where a block names none.

    Neither the order of blocks nor a repeated one matters, nor what of a calendar decides no time and no name.
    """
    written = {canonical(_block(each, each.zone or zone)) for each in planned}
    return canonical([json.loads(each) for each in sorted(written)])


def _block(planned: Maintenance, zone: str) -> dict[str, Any]:
    found: dict[str, Any] = {} if planned.reason is None else {"reason": planned.reason}
    if planned.ics is not None:
        return found | {"ics": {"name": planned.ics.name, "text": essence(planned.ics.text)}, "zone": zone}
    assert planned.start is not None, "validated"  # noqa: S101 - for the type checker
    assert planned.end is not None, "validated"  # noqa: S101 - for the type checker
    found |= {"start": _written(planned.start), "end": _written(planned.end)}
    if planned.rrule is not None:
        frequency, *rest = planned.rrule.split(";")
        found["rrule"] = ";".join([frequency, *sorted(rest)])
    return found | ({"zone": zone} if planned.start.tzinfo is None else {})


def _written(moment: dt.datetime) -> str:
    return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).isoformat()


def essence(text: str) -> str:
    """Return the calendar with what decides when its events are and what they are called, in a fixed order.

    A calendar that cannot be written again is returned as it is.
    """
    try:
        return _essence(icalendar.Calendar.from_ical(text))
    except Exception:  # noqa: BLE001 - whatever the library trips over: the calendar itself was read before
        return text


def _essence(calendar: icalendar.Component) -> str:
    kept = icalendar.Calendar()
    for name in _OF_CALENDAR:
        if name in calendar:
            kept[name] = calendar[name]
    zones = {each.to_ical(): each for each in calendar.walk("VTIMEZONE")}
    events = [_event(each) for each in calendar.walk("VEVENT")]
    kept.subcomponents = [*(zones[text] for text in sorted(zones)), *sorted(events, key=lambda event: event.to_ical())]
    return str(kept.to_ical(), "utf-8")


def _event(event: icalendar.Component) -> icalendar.Component:
    kept = icalendar.Event()
    for name in _KEPT:
        if name in event:
            kept[name] = event[name]
    return kept


@lru_cache(maxsize=1_024)
def maintenance_of(blocks: str) -> tuple[Maintenance, ...]:
    """Return the maintenance that JSON of `maintenance_meaning` means; keys of newer versions are ignored.

    Raises:
        ValueError: it is not such data.
    """
    try:
        return tuple(_maintenance(each) for each in json.loads(blocks))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not planned maintenance: {error!r}") from None


def _maintenance(plain: Any) -> Maintenance:
    return Maintenance.model_construct(**dict(_fields(plain)))


def _fields(plain: Any) -> Iterator[tuple[str, Any]]:
    if "ics" in plain:
        yield "ics", Calendar(str(plain["ics"]["name"]), str(plain["ics"]["text"]))
    else:
        yield "start", dt.datetime.fromisoformat(plain["start"])
        yield "end", dt.datetime.fromisoformat(plain["end"])
    for name in ("rrule", "zone", "reason"):
        if name in plain:
            yield name, str(plain[name])
