"""Parse public status feeds: incidents of a Statuspage, Atom feeds, and the list of states of GC Notify."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from sla.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES: Final = 2 << 20  # the 50 incidents of a Statuspage are about 300 KiB
MAX_PROBLEMS: Final = 200  # of one feed; no format has more than 50
MAX_TAGS: Final = 50_000  # of an Atom feed: its elements need 10 MB of memory
_TITLE: Final = 160  # characters

_ENDED: Final = {"resolved", "completed", "postmortem"}
_ATOM: Final = "{http://www.w3.org/2005/Atom}"
_STATUS: Final = re.compile(r"<strong>([A-Za-z\s]{1,60})</strong>")  # the newest update of a Statuspage is first
_END: Final = parse_instant("9999-01-01T00:00:00Z")  # later ones may have no local time


class FeedError(ValueError):
    """The content is not a feed of this format."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in a feed. `since` is None in a format without times, `until` while the problem continues.

    `components` are the ids and names of the affected components; empty if the feed names none.
    """

    key: str
    title: str
    since: int | None
    until: int | None
    components: tuple[str, ...] = ()


def problems_in(content: bytes, feed_format: str) -> list[Problem]:
    """Return the problems in a feed, in its order; announced maintenance is not a problem.

    Raises:
        FeedError: the content is not a feed of this format.
    """
    try:
        problems = list(islice(_PARSERS[feed_format](content.decode()), MAX_PROBLEMS + 1))
    except UnicodeDecodeError as error:
        raise FeedError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise FeedError("nested too deeply") from None
    if len(problems) > MAX_PROBLEMS:
        raise FeedError(f"more than {MAX_PROBLEMS} problems")
    return problems


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise FeedError(f"not JSON: {error}") from None


def _statuspage(text: str) -> Iterator[Problem]:
    body = _json(text)
    incidents = body.get("incidents") if isinstance(body, dict) else None
    if not isinstance(incidents, list):
        raise FeedError("no list of incidents; specify the URL of /api/v2/incidents.json")
    for number, incident in enumerate(incidents, 1):
        if not isinstance(incident, dict):
            raise FeedError(f"incident {number} is not an object")
        if incident.get("impact") != "maintenance" and incident.get("scheduled_for") is None:
            yield _incident(incident, f"incident {number}")


def _incident(incident: dict[str, Any], place: str) -> Problem:
    until = _optional_instant(incident, "resolved_at", place)
    if until is None and incident.get("status") in _ENDED:
        until = _instant(incident.get("updated_at"), f"updated_at of {place}")
    since = _instant(incident.get("created_at"), f"created_at of {place}")
    key, title = _text(incident.get("id"), f"id of {place}"), _title(incident.get("name"), place)
    return Problem(key, title, since, until, _component_names(incident.get("components")))


def _component_names(components: Any) -> tuple[str, ...]:
    """Return the ids and names of the affected components."""
    parts = [part for part in components if isinstance(part, dict)] if isinstance(components, list) else []
    return tuple(str(part[key]) for part in parts for key in ("id", "name") if key in part)


def _atom(text: str) -> Iterator[Problem]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FeedError("has a document type declaration, which no Atom feed needs")
    if text.count("<") > MAX_TAGS:
        raise FeedError(f"more than {MAX_TAGS} XML tags")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - the input is limited, and declares no entities
    except (ElementTree.ParseError, ValueError) as error:
        raise FeedError(f"not XML: {error}") from None
    if root.tag != f"{_ATOM}feed":
        raise FeedError(f"the root element is {root.tag[:80]}, not an Atom feed")
    for number, entry in enumerate(root.iter(f"{_ATOM}entry"), 1):
        if (problem := _entry(entry, f"entry {number}")) is not None:
            yield problem


def _entry(entry: ElementTree.Element, place: str) -> Problem | None:
    """Return the problem of an entry, None for announced maintenance."""
    values = {name: entry.findtext(f"{_ATOM}{name}") for name in ("id", "title", "published", "updated", "content")}
    content = values["content"] or entry.findtext(f"{_ATOM}summary") or ""
    statuses = [status.strip().lower() for status in _STATUS.findall(content)]
    if "scheduled" in statuses:
        return None
    updated = _instant(values["updated"], f"updated of {place}")
    since = updated if values["published"] is None else _instant(values["published"], f"published of {place}")
    title = _title(values["title"], place)
    ended = statuses[0] in _ENDED if statuses else "resolved" in f"{title} {content}".lower()
    return Problem(_text(values["id"], f"id of {place}"), title, since, updated if ended else None)


def _gc_notify(text: str) -> Iterator[Problem]:
    components = _json(text)
    if not isinstance(components, list) or not components:
        raise FeedError('no list of components; specify the URL of a list such as [{"id": "api", "status": "up"}]')
    for number, component in enumerate(components, 1):
        name, status = (component.get(key) if isinstance(component, dict) else None for key in ("id", "status"))
        if status not in ("up", "degraded", "down"):
            raise FeedError(f"the status of component {number} is none of up, degraded and down")
        if status != "up":
            key = _text(name, f"id of component {number}")
            yield Problem(key, f"{key} {status}"[:_TITLE], None, None, (key,))


_PARSERS: Final[dict[str, Callable[[str], Iterator[Problem]]]] = {
    "statuspage": _statuspage,
    "atom": _atom,
    "gc_notify": _gc_notify,
}


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 500 or not value.isprintable():
        raise FeedError(f"the {place} is missing, or no printable text of up to 500 characters")
    return value


def _title(value: Any, place: str) -> str:
    text = "".join(c if c.isprintable() else " " for c in value) if isinstance(value, str) else value
    return " ".join(_text(text, f"title of {place}").split())[:_TITLE]


def _optional_instant(incident: dict[str, Any], key: str, place: str) -> int | None:
    return None if incident.get(key) is None else _instant(incident[key], f"{key} of {place}")


def _instant(value: Any, place: str) -> int:
    try:
        instant = parse_instant(value if isinstance(value, str) else "")
    except ValueError:
        raise FeedError(f"the {place} is not an instant in RFC 3339 format") from None
    if not 0 <= instant < _END:
        raise FeedError(f"the {place} is not an instant from 1970 to 9998")
    return instant
