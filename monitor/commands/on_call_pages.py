"""Summaries of the pages of a person on call and the time to acknowledge them, for `ninewatch standby`."""

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
    """Return the summary of the pages announced during the shifts, which are (interval, rota)."""
    pages = {
        (response.key, response.started): response
        for span, rota in shifts
        for response in responses[rota]
        if span.start <= response.started < span.end
    }
    return summary(list(pages.values()), now)


def as_plain(pages: Summary | None) -> dict[str, Any] | None:
    """Return the summary as a JSON object, None if it is unknown."""
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
    """Return the summary as one line: pages, acknowledgements, median time to acknowledge, and targets."""
    median = "" if pages.median is None else f", median time to acknowledge {format_duration(pages.median)}"
    targets = f", target met {pages.met}, missed {pages.missed}" if pages.met or pages.missed else ""
    return f"{plural(pages.count, 'page')}, {pages.acknowledged} acknowledged{median}{targets}"
