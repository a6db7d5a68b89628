"""Convert planned maintenance to and from plain data for facts. Equivalent plans have equal data."""

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

# Only time and name of an event are recorded: recorded facts cannot be edited, so they must not contain attendees or
# descriptions.
_EVENT_PROPERTIES: Final = (
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
_CALENDAR_PROPERTIES: Final = ("CALSCALE", "X-WR-TIMEZONE")


def maintenance_meaning(planned: Iterable[Maintenance], zone: str) -> str:
    """Return the maintenance as canonical JSON. `zone` is the zone of blocks without one.

    The result does not depend on the order of blocks, repeated blocks, or properties of events other than time and
    name.
    """
    blocks = {canonical(_block(maintenance, maintenance.zone or zone)) for maintenance in planned}
    return canonical([json.loads(block) for block in sorted(blocks)])


def _block(planned: Maintenance, zone: str) -> dict[str, Any]:
    block: dict[str, Any] = {} if planned.reason is None else {"reason": planned.reason}
    if planned.ics is not None:
        return block | {"ics": {"name": planned.ics.name, "text": normalized_calendar(planned.ics.text)}, "zone": zone}
    assert planned.start is not None, "validated"  # noqa: S101 - for the type checker
    assert planned.end is not None, "validated"  # noqa: S101 - for the type checker
    block |= {"start": _iso(planned.start), "end": _iso(planned.end)}
    if planned.rrule is not None:
        frequency, *rest = planned.rrule.split(";")
        block["rrule"] = ";".join([frequency, *sorted(rest)])
    return block | ({"zone": zone} if planned.start.tzinfo is None else {})


def _iso(moment: dt.datetime) -> str:
    return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).isoformat()


def normalized_calendar(text: str) -> str:
    """Return the calendar with only the times and names of its events, in a fixed order.

    A calendar that the library cannot serialize is returned unchanged.
    """
    try:
        return _normalized_text(icalendar.Calendar.from_ical(text))
    except Exception:  # noqa: BLE001 - any error of the library; the calendar was parsed before
        return text


def _normalized_text(calendar: icalendar.Component) -> str:
    normalized = icalendar.Calendar()
    for name in _CALENDAR_PROPERTIES:
        if name in calendar:
            normalized[name] = calendar[name]
    zones = {component.to_ical(): component for component in calendar.walk("VTIMEZONE")}
    events = [_event(component) for component in calendar.walk("VEVENT")]
    normalized.subcomponents = [
        *(zones[text] for text in sorted(zones)),
        *sorted(events, key=lambda event: event.to_ical()),
    ]
    return str(normalized.to_ical(), "utf-8")


def _event(event: icalendar.Component) -> icalendar.Component:
    normalized = icalendar.Event()
    for name in _EVENT_PROPERTIES:
        if name in event:
            normalized[name] = event[name]
    return normalized


@lru_cache(maxsize=1_024)
def maintenance_of(blocks: str) -> tuple[Maintenance, ...]:
    """Return the maintenance of JSON from `maintenance_meaning`. Unknown keys, from newer versions, are ignored.

    Raises:
        ValueError: the text is not from `maintenance_meaning`.
    """
    try:
        return tuple(_maintenance(block) for block in json.loads(blocks))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not planned maintenance: {error!r}") from None


def _maintenance(data: Any) -> Maintenance:
    return Maintenance.model_construct(**dict(_fields(data)))


def _fields(data: Any) -> Iterator[tuple[str, Any]]:
    if "ics" in data:
        yield "ics", Calendar(str(data["ics"]["name"]), str(data["ics"]["text"]))
    else:
        yield "start", dt.datetime.fromisoformat(data["start"])
        yield "end", dt.datetime.fromisoformat(data["end"])
    for name in ("rrule", "zone", "reason"):
        if name in data:
            yield name, str(data[name])
