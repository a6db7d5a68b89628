"""The lines of `ninewatch alert list`: open alerts with their responses, and notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.views.notification_json import notification_json
from monitor.views.response_json import response_json
from sla.duration import format_duration
from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.notification import Notification
    from sla.escalation import Progress
    from sla.page_response import Response


def response_line(response: Response, now: int) -> str:
    """Return the line of an open alert: start, priority, escalation steps, and acknowledgement."""
    head = "  ".join((_whole_second(response.started), response.severity, response.product or "-", response.key))
    return f"open      {head}  ({'; '.join(_state_parts(response, now))})"


def _state_parts(response: Response, now: int) -> list[str]:
    parts = [response.priority] if response.priority else []
    parts += [_step(progress) for progress in response.escalations if progress.step]
    if response.acknowledged is not None:
        elapsed = format_duration(response.acknowledged - response.started)
        parts.append(f"acknowledged by {response.author} after {elapsed}{_target_state(response, now)}")
        return parts
    parts.append(f"not acknowledged{_target_state(response, now)}")
    if (due := response.next_due) is not None:
        parts.append(f"next escalation {'now' if due <= now else f'in {format_duration(due - now)}'}")
    return parts


def _step(progress: Progress) -> str:
    person = f" for {progress.person}" if progress.person else ""
    return f"{progress.plan} step {progress.step}{person}{'' if progress.receivers else ', waits for the next shift'}"


def _target_state(response: Response, now: int) -> str:
    within = response.within_target(now)
    if response.target is None or within:
        return "" if response.target is None else f", within {format_duration(response.target)}"
    if within is None:
        return f", due within {format_duration(response.target)}"
    return f", later than {format_duration(response.target)}"


def notification_line(row: Notification, now: int) -> str:
    """Return the line of a notification."""
    head = "  ".join((_whole_second(row.made), row.receiver, row.event, row.severity, row.product or "-", row.key))
    if row.done is not None:
        return f"delivered {head}"
    due_text = "now" if row.due <= now else f"in {format_duration(row.due - now)}"
    failure = f"; attempt {row.attempts} failed: {row.error}" if row.attempts else ""
    return f"waiting   {head}  (due {due_text}{failure})"


def _whole_second(instant: int) -> str:
    return format_instant(instant // SECOND * SECOND)


def notification_fields(row: Notification, response: Response | None) -> dict[str, Any]:
    """Return the JSON object of a notification; `response` is the response to its alert if the alert is open."""
    return notification_json(row) | {"response": None if response is None else response_json(response)}
