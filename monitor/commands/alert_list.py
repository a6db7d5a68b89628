"""Lines of `ninewatch alert list`: open alerts with their responses, and notifications."""

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


def response_line(held: Response, now: int) -> str:
    """Return the line of an open alert: since when, priority, steps, and who acknowledged it."""
    head = "  ".join((_whole(held.started), held.severity, held.product or "-", held.key))
    return f"open      {head}  ({'; '.join(_states(held, now))})"


def _states(held: Response, now: int) -> list[str]:
    found = [held.priority] if held.priority else []
    found += [_step(each) for each in held.escalations if each.step]
    if held.acknowledged is not None:
        took = format_duration(held.acknowledged - held.started)
        found.append(f"acknowledged by {held.author} after {took}{_judged(held, now)}")
        return found
    found.append(f"not acknowledged{_judged(held, now)}")
    if (due := held.next_due) is not None:
        found.append(f"next escalation {'now' if due <= now else f'in {format_duration(due - now)}'}")
    return found


def _step(held: Progress) -> str:
    person = f" for {held.person}" if held.person else ""
    return f"{held.plan} step {held.step}{person}{'' if held.receivers else ', waits for the next shift'}"


def _judged(held: Response, now: int) -> str:
    within = held.within_target(now)
    if held.target is None or within:
        return "" if held.target is None else f", within {format_duration(held.target)}"
    if within is None:
        return f", due within {format_duration(held.target)}"
    return f", later than {format_duration(held.target)}"


def notification_line(row: Notification, now: int) -> str:
    """Return the line of a notification."""
    head = "  ".join((_whole(row.made), row.receiver, row.event, row.severity, row.product or "-", row.key))
    if row.done is not None:
        return f"delivered {head}"
    when = "now" if row.due <= now else f"in {format_duration(row.due - now)}"
    failed = f"; attempt {row.attempts} failed: {row.error}" if row.attempts else ""
    return f"waiting   {head}  (due {when}{failed})"


def _whole(instant: int) -> str:
    return format_instant(instant // SECOND * SECOND)


def notification_fields(row: Notification, held: Response | None) -> dict[str, Any]:
    """Return a notification as plain data; `held` is the response to its alert while that is open."""
    return notification_json(row) | {"response": None if held is None else response_json(held)}
