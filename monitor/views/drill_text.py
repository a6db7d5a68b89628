"""The text lines of a measured drill, for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sla.duration import format_bounds, format_duration
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.availability import Bounds
    from sla.drill_result import DrillResult

VERDICT_TEXTS: Final = {True: "met", False: "not met", None: "undecided"}


def drill_line(result: DrillResult) -> str:
    """Return the drill as one line: id, start, product, kind, recovery time and verdict."""
    drill = result.record.drill
    state = "in progress" if result.record.end is None else VERDICT_TEXTS[result.met]
    text = f"{result.record.id}  {format_instant(drill.started)}  {drill.product} {drill.kind}"
    return f"{text}: {state}, recovery time {bounds_text(result.recovery)}"


def drill_lines(result: DrillResult) -> Iterator[str]:
    """Yield the drill as lines: figures with their targets, then findings and signatures."""
    drill, record = result.record.drill, result.record
    yield f"drill {record.id}: {drill.kind} of {drill.product}, stated by {drill.author}"
    yield f"  started        {format_instant(drill.started)}"
    yield f"  ended          {_end(result)}"
    if drill.scenario:
        yield f"  scenario       {drill.scenario}"
    if drill.participants:
        yield f"  participants   {', '.join(drill.participants)}"
    yield f"  detection      {_length(result.detection)}"
    yield f"  recovery time  {bounds_text(result.recovery)}; RTO {_length(drill.rto, 'not stated')}"
    yield f"  recovery point {_length(result.lost, 'not measured')}; RPO {_length(drill.rpo, 'not stated')}"
    yield f"  downtime       {bounds_text(result.downtime)}"
    yield f"  verdict        {VERDICT_TEXTS[result.met]}: {result.reason}"
    yield from _statements(result)


def bounds_text(figure: Bounds[int | None]) -> str:
    """Return a figure with its bounds, or `at least` and the lower bound if there is no upper bound."""
    low, point, high = figure
    if low is None:
        return "n/a"
    if point is None or high is None:
        return f"at least {format_duration(low)}"
    texts = format_bounds(low, point, high)
    return texts[1] if low == high else f"{texts[1]} ({texts[0]} to {texts[2]})"


def _end(result: DrillResult) -> str:
    end = result.record.end
    if end is None:
        return "in progress"
    return f"{format_instant(end.at)} by {end.author}{f': {end.reason}' if end.reason else ''}"


def _length(length: int | None, missing: str = "n/a") -> str:
    return missing if length is None else format_duration(length)


def _statements(result: DrillResult) -> Iterator[str]:
    for point in result.record.points:
        yield f"  measured       {format_duration(point.length)} lost: {point.source} ({point.author})"
    for finding in result.record.findings:
        state = "closed" if finding.closed is not None else "overdue" if finding.overdue(result.at) else "open"
        yield f"  finding {finding.id} {finding.text} ({finding.owner}, due {finding.day}, {state})"
    for signed in result.record.signed:
        yield f"  signed off     {format_instant(signed.made)} by {signed.author}: {signed.note}"
