"""The post-mortem of an outage as a Markdown template, filled with the recorded facts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from monitor.views.formatting import rounded_duration, shorten
from sla.duration import format_bounds
from sla.objective import format_duration, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.views.incident_events import IncidentEvent
    from monitor.views.incident_page import IncidentView

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&:@$-]|(?<=www)\.)", re.IGNORECASE)
_MAX_TEXT: Final = 500
_QUESTIONS: Final = (
    ("What happened", "Describe the outage in two sentences for a reader who does not know the product."),
    ("Impact on users", "What could users not do? Which of the clients below noticed?"),
    ("Causes", "Ask why until the answer is a property of the system, not a person."),
    ("What went well", "Detection, diagnosis, communication, recovery."),
    ("What went badly", "Detection, diagnosis, communication, recovery."),
)


def escape(text: str) -> str:
    """Return the text on one line, so that Markdown shows it literally: no markup, no links, no HTML.

    >>> escape("<b>*bold*</b>")
    '\\\\<b\\\\>\\\\*bold\\\\*\\\\</b\\\\>'
    """
    return _SPECIAL.sub(r"\\\1", shorten(text, _MAX_TEXT))


def post_mortem(view: IncidentView, events: Sequence[IncidentEvent], zone: str) -> str:
    """Return the document."""
    lines = [f"# Post-mortem: {escape(view.title)}", "", *_facts(view), ""]
    lines += ["## Timeline", "", f"Times are in {escape(zone)}.", "", "| Time | Event |", "|---|---|"]
    for event in events:
        detail = f": {escape(event.detail)}" if event.detail else ""
        lines.append(f"| {escape(event.time.local)} | {escape(event.text)}{detail} |")
    lines += ["", "## What the probes saw", "", *_probes(view), ""]
    if view.affected:
        lines += [f"## Affected clients ({view.affected_count})", ""]
        clients = (affected.dependent.client for affected in view.affected)
        lines += [f"- {escape(client.name)} ({client.count})" for client in clients]
        lines.append("")
    for title, question in _QUESTIONS:
        lines += [f"## {title}", "", f"_{question}_", ""]
    lines += [
        "## Actions",
        "",
        "| Action | Owner | Due | Prevents, detects or shortens |",
        "|---|---|---|---|",
        "| | | | |",
    ]
    return "\n".join(lines) + "\n"


def _facts(view: IncidentView) -> Iterator[str]:
    yield "| Fact | Value |"
    yield "|---|---|"
    rows = {
        "Incident": view.id,
        "Product": view.name,
        "Severity": view.severity or "not recorded",
        "Start (first bad probe)": view.opened.local,
        "End (first good probe)": "open" if view.resolved is None else view.resolved.local,
        "Duration": rounded_duration(view.duration),
    }
    if view.downtime is not None:
        rows["Downtime of the product (minimum, estimate, maximum)"] = ", ".join(format_bounds(*view.downtime))
    if view.share is not None:
        rows["Share of the error budget"] = format_percent(view.share)
    if view.cost:
        rows["Cost (minimum, estimate, maximum)"] = f"{', '.join(view.cost)} ({view.cost_basis})"
    for label, after in (("Acknowledged", view.acknowledged_after), ("First public update", view.public_after)):
        rows[label] = "no" if after is None else f"after {format_duration(after)}"
    for label, value in rows.items():
        yield f"| {label} | {escape(value)} |"


def _probes(view: IncidentView) -> Iterator[str]:
    for report in view.checks:
        end = "open" if report.resolved is None else report.resolved.local
        yield f"- **{escape(report.check)}**: {escape(report.reason)}, {escape(report.opened.local)} to {escape(end)}"
        for failure in report.failures:
            status = "" if failure.status is None else f"status {failure.status}; "
            detail = escape(failure.detail) or "no detail recorded"
            yield f"  - {failure.label}, {escape(failure.time.local)}: {escape(failure.reason)}; {status}{detail}"
