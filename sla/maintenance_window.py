"""Maintenance windows: facts that plan maintenance of a product, in addition to the configuration's plans.

A window excludes no time before it was stated (use a correction for that) or after it was ended early. If it was ended
before its start, it excludes nothing. An agreement may require approval by another person than the author
(`sla/maintenance_terms.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sla.exclusion import Cause, Exclusion
from sla.fact import Fact
from sla.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

MAINTENANCE_WINDOW: Final = "maintenance_window"
MAINTENANCE_WINDOW_END: Final = "maintenance_window_end"
MAINTENANCE_APPROVAL: Final = "maintenance_approval"


@dataclass(frozen=True, slots=True)
class Approval:
    """The approval of a maintenance window by another person than its author, at `made`."""

    made: int
    author: str


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Planned maintenance with author and reason. Instants are in microseconds since the epoch.

    An empty `product` means all products. `ended` is the instant of its early end, or None. `approval` is the first
    approval by another person than the author, or None. `replaced_by` is the id of the changed window that replaced it.
    """

    product: str
    interval: Interval
    author: str
    reason: str
    made: int
    ended: int | None = None
    approval: Approval | None = None
    replaced_by: str = ""

    @property
    def id(self) -> str:
        """The id of the fact that records the window."""
        return self.fact().id

    def fact(self) -> Fact:
        """Return the window as a fact of the record, without its early end and approval."""
        body: dict[str, int | str] = {"start": self.interval.start, "end": self.interval.end, "reason": self.reason}
        return Fact.of(self.made, self.author, MAINTENANCE_WINDOW, self.product, body)

    @property
    def in_force(self) -> Interval:
        """The time that the window excludes; empty if it was ended before its start."""
        start = max(self.interval.start, self.made)
        end = self.interval.end if self.ended is None else min(self.interval.end, self.ended)
        return Interval(start, max(start, end))

    def exclusion(self) -> Exclusion:
        """Return the exclusion of the window. Its label is the id."""
        return Exclusion(self.in_force, Cause.MAINTENANCE, self.id, self.author, self.reason, self.made)


def maintenance_window_end(
    window: MaintenanceWindow, made: int, author: str, reason: str, replaced_by: str = ""
) -> Fact:
    """Return the fact that ends the window at the instant. `replaced_by` is the id of the window that replaces it."""
    body = {"window": window.id, "reason": reason} | ({"replaced_by": replaced_by} if replaced_by else {})
    return Fact.of(made, author, MAINTENANCE_WINDOW_END, window.product, body)


def maintenance_approval(window: MaintenanceWindow, made: int, author: str) -> Fact:
    """Return the fact that approves the window at the instant."""
    return Fact.of(made, author, MAINTENANCE_APPROVAL, window.product, {"window": window.id})


def approval_obstacle(window: MaintenanceWindow, author: str, now: int) -> tuple[str, str] | None:
    """Return the obstacle to an approval of the window by `author`, and the remedy; None without an obstacle."""
    if is_same_person(author, window.author):
        return "the author of a window cannot approve it", "another person must approve it"
    if window.approval is not None:
        return f"the window is already approved by {window.approval.author}", "there is nothing to approve"
    if window.ended is not None:
        return "the window was ended", "add another one"
    if window.interval.start < now:
        return "the window has already started", "exclude past time with a correction"
    return None


def is_same_person(name: str, other: str) -> bool:
    """Return whether two names are equal except for case and spaces, and so belong to one person."""
    return name.casefold().split() == other.casefold().split()


def maintenance_windows(facts: Iterable[Fact]) -> list[MaintenanceWindow]:
    """Return the windows in the order of their facts, each with its earliest end and approval.

    Invalid facts, and approvals by the author of the window, are ignored.
    """
    windows: dict[str, MaintenanceWindow] = {}
    ends: dict[str, tuple[int, str]] = {}  # window -> instant, id of the window that replaces it
    approvals: dict[str, list[Approval]] = {}
    for fact in facts:
        body = fact.content() if fact.kind in _KINDS else None
        if not isinstance(body, dict):
            continue
        window_id = str(body.get("window"))
        if fact.kind == MAINTENANCE_WINDOW_END:
            stated = fact.made, str(body.get("replaced_by", ""))
            ends[window_id] = min(stated, ends.get(window_id, stated))
        elif fact.kind == MAINTENANCE_APPROVAL:
            approvals.setdefault(window_id, []).append(Approval(fact.made, fact.author))
        elif isinstance(start := body.get("start"), int) and isinstance(end := body.get("end"), int) and start < end:
            reason = str(body.get("reason", ""))
            windows[fact.id] = MaintenanceWindow(fact.product, Interval(start, end), fact.author, reason, fact.made)
    return [
        replace(_with_end(window, ends.get(window_id)), approval=_first_approval(window, approvals.get(window_id, ())))
        for window_id, window in windows.items()
    ]


def _with_end(window: MaintenanceWindow, end: tuple[int, str] | None) -> MaintenanceWindow:
    return window if end is None else replace(window, ended=end[0], replaced_by=end[1])


_KINDS: Final = (MAINTENANCE_WINDOW, MAINTENANCE_WINDOW_END, MAINTENANCE_APPROVAL)


def _first_approval(window: MaintenanceWindow, approvals: Iterable[Approval]) -> Approval | None:
    by_others = (approval for approval in approvals if not is_same_person(approval.author, window.author))
    return min(by_others, key=lambda approval: approval.made, default=None)
