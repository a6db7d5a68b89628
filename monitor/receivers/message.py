"""The message of a notification for receivers: its fields, and its text for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.notification import Kind
from sla.duration import format_duration
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.notification import Notification

EVENT_LABELS = {
    Kind.RESOLVED: "RESOLVED",
    Kind.TEST: "TEST",
    Kind.ACKNOWLEDGED: "ACKNOWLEDGED",
    Kind.HEARTBEAT: "ALIVE",
    Kind.REPORT: "REPORT",
}

_OPEN = (Kind.OPENED, Kind.ESCALATED, Kind.REMINDER)


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `fields` is the body of the webhook; `extra` has further data for the text.

    `others` are messages that were combined with this one, because they followed within `group_wait`. `now` is the
    present instant, in microseconds since the epoch.
    """

    fields: dict[str, Any]
    extra: dict[str, Any]
    idempotency_key: str
    now: int
    others: tuple[Message, ...] = ()

    @classmethod
    def of(
        cls, row: Notification, now: int, combined: tuple[Message, ...] = (), *, answer: str | None = None
    ) -> Message:
        """Return the message of a notification. `answer` is the link to acknowledge it, or to rate it after its end.

        The link is not recorded, because every reader of the record could use it.
        """
        fields = json.loads(row.body)
        extra = fields.pop("extra", {})
        if answer is not None and row.event in _OPEN:
            fields["links"]["acknowledge"] = answer
        elif answer is not None:
            extra["feedback"] = answer
        return cls(fields, extra, row.idempotency_key, now, combined)

    @property
    def event(self) -> Kind:
        """The kind of the event."""
        return Kind(self.fields["event"])

    @property
    def key(self) -> str:
        """The alert's key, which is the same for all events of the alert."""
        return str(self.fields["key"])

    @property
    def firing(self) -> bool:
        """Whether the alert is not resolved."""
        return self.event is not Kind.RESOLVED

    @property
    def is_alarm(self) -> bool:
        """Whether the alert is open, and this message is neither its acknowledgement nor a report."""
        return self.firing and self.event not in (Kind.ACKNOWLEDGED, Kind.REPORT)

    @property
    def title(self) -> str:
        """The title: severity, product and event, on one line."""
        if self.others:
            return f"{len(self.others) + 1} alerts: {self.short}, ..."
        return self.short

    @property
    def short(self) -> str:
        """The title without the combined messages."""
        label = EVENT_LABELS.get(self.event) or str(self.fields["severity"]).upper()
        return f"[{label}] {self.extra.get('summary') or self.fields['key']}"

    @property
    def lines(self) -> list[str]:
        """The details, one per line: start, reason, affected clients, remaining budget."""
        if self.others:
            return [line for message in (self, *self.others) for line in _list_items(message)]
        return list(_detail_lines(self))

    @property
    def links(self) -> dict[str, str]:
        """The available links, by name."""
        links = {**self.fields["links"], "feedback": self.extra.get("feedback")}
        return {name: url for name, url in links.items() if url}

    @property
    def text(self) -> str:
        """The entire message as plain text."""
        labels = {"product": "page"} if self.event is Kind.REPORT else {}  # a report is about several products
        links = [] if self.others else [f"{labels.get(name, name)}: {url}" for name, url in self.links.items()]
        return "\n".join([self.title, *self.lines, *links])


def _list_items(message: Message) -> list[str]:
    product, answer = message.links.get("product", ""), message.links.get("acknowledge", "")
    suffix = f"{f' ({product})' if product else ''}{f' acknowledge: {answer}' if answer else ''}"
    return [f"- {message.short}{suffix}"]


def _detail_lines(message: Message) -> list[str]:
    fields, extra = message.fields, message.extra
    lines = []
    incident, downtime, budget = fields["incident"], fields["downtime_seconds"], fields["budget"]
    if incident is not None:
        lines.append(f"Since: {incident['opened']}")
        if incident["resolved"]:
            lines.append(f"Until: {incident['resolved']}")
        failure = ": ".join(filter(None, (incident["reason"], incident["detail"])))
        lines += [f"Reason: {failure}"] if failure else []
    if fields["checks"]:
        lines.append(f"Checks: {', '.join(fields['checks'])}")
    if extra.get("for"):
        lines.append(f"Affected: {', '.join(extra['for'])}")
    if extra.get("muted"):
        lines.append(f"No alerts for the products that depend on it: {', '.join(extra['muted'])}")
    if fields["event"] == Kind.RESOLVED and downtime is not None:
        low, point, high = (_duration(downtime[name]) for name in ("low", "point", "high"))
        lines.append(f"Downtime: {point} (between {low} and {high}){_cost(downtime['point'], budget)}")
    if budget is not None:
        remaining = budget["remaining_seconds"]
        label = "exceeded by" if remaining < 0 else "left"
        lines.append(f"Budget {label}: {_duration(abs(remaining))} of {_duration(budget['allowed_seconds'])}")
    return [*lines, *_response(fields), *extra.get("notes", [])]


def _response(fields: dict[str, Any]) -> Iterator[str]:
    """Yield one line each for the priority, the acknowledgement, and the escalation step of the alert."""
    priority, by, acknowledged = (fields.get(name) for name in ("priority", "acknowledge_by", "acknowledged"))
    open_ = acknowledged is None and fields["event"] != Kind.RESOLVED
    if priority:
        yield f"Priority: {priority}{f', acknowledge by {by}' if by and open_ else ''}"
    if acknowledged is not None:
        yield f"Acknowledged: by {acknowledged['by']} at {acknowledged['at']}"
    if (step := fields.get("escalation")) is not None:
        person = f", for {step['person']}" if step["person"] else ""
        yield f"Escalation: step {step['step']} of {step['steps']}{person}"


def _cost(spent: float, budget: dict[str, float] | None) -> str:
    """Return the share of the budget that the downtime used, rounded down. Empty without a budget."""
    if budget is None or not budget["allowed_seconds"]:
        return ""
    share = int(1000 * spent / budget["allowed_seconds"]) / 10
    return f", {share:g} % of the budget" if share or not spent else ", less than 0.1 % of the budget"


def _duration(seconds: float) -> str:
    return format_duration(round(seconds * SECOND))
