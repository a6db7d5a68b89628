"""How fast a person on stand-by acknowledged pages, as `ninewatch standby` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.commands.plural import plural
from sla.interval import SECOND
from sla.objective import format_duration
from sla.page_response import summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sla.interval import Interval
    from sla.page_response import Response, Summary


def pages_during(
    shifts: Iterable[tuple[Interval, str]], responses: Mapping[str, Sequence[Response]], now: int
) -> Summary:
    """Return the response to the pages that were announced during shifts, each with its rota; each page counts once."""
    paged = {
        (each.key, each.started): each
        for span, rota in shifts
        for each in responses[rota]
        if span.start <= each.started < span.end
    }
    return summary(list(paged.values()), now)


def as_plain(pages: Summary | None) -> dict[str, Any] | None:
    """Return the object of the JSON form."""
    if pages is None:
        return None
    return {
        "count": pages.count,
        "acknowledged": pages.acknowledged,
        "median_seconds_to_acknowledge": None if pages.median is None else pages.median / SECOND,
        "targets_met": pages.met,
        "targets_missed": pages.missed,
    }


def as_text(pages: Summary) -> str:
    """Return a line: how many pages, how many acknowledged in what time, within the target or not."""
    took = "" if pages.median is None else f", median time to acknowledge {format_duration(pages.median)}"
    judged = f", target met {pages.met}, missed {pages.missed}" if pages.met or pages.missed else ""
    return f"{plural(pages.count, 'page')}, {pages.acknowledged} acknowledged{took}{judged}"
