"""Determine whether a product that is up is degraded.

It is degraded if it is slow, reports that it is degraded, has no redundancy, or has a certificate that expires soon.
Degraded time counts as uptime, unless the agreement counts it as downtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from monitor.probe_result import CERTIFICATE_EXPIRING, DEGRADED, SLOW
from sla.duration import format_duration
from sla.interval import DAY, SECOND
from sla.observation import Outcome
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.check_history import CheckHistory
    from monitor.ledger.ledger import Ledger


class DegradedCause(StrEnum):
    """The possible causes of degradation."""

    SLOW = "slow"
    REPORTED = "reported"
    REDUNDANCY = "redundancy"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Degradation:
    """One cause of a product's degradation, and the check that shows it."""

    check: str
    cause: DegradedCause
    detail: str

    @property
    def text(self) -> str:
        """The check and the detail as one clause."""
        return f"{self.check}: {self.detail}"

    def as_json(self) -> dict[str, str]:
        """Return the object of the API."""
        return {"check": self.check, "cause": self.cause.value, "detail": self.detail}


_CAUSE_OF_REASON = {
    SLOW: DegradedCause.SLOW,
    DEGRADED: DegradedCause.REPORTED,
    CERTIFICATE_EXPIRING: DegradedCause.CERTIFICATE,
}
_DETAILS = {
    DegradedCause.SLOW: "slower than slow_after",
    DegradedCause.REPORTED: "the response reports it as degraded",
    DegradedCause.CERTIFICATE: "the certificate expires soon",
}


def degraded_cause(history: CheckHistory) -> DegradedCause | None:
    """Return why the last observation of a check is degraded. None if it is not good or not degraded."""
    run = history.open_run
    if run is None or (cause := _CAUSE_OF_REASON.get(run.reason)) is None:
        return None
    return cause if run.outcome is Outcome.GOOD else None


def degradations(ledger: Ledger, product_id: str, now: int) -> list[Degradation]:
    """Return the causes of the product's degradation at the instant. Empty if the product is not up."""
    return list(_causes(ledger, product_id, now)) if ledger.state(product_id, now).point is State.UP else []


def is_degraded(ledger: Ledger, product_id: str, now: int) -> bool:
    """Return whether a product that is up at the instant is degraded."""
    return next(_causes(ledger, product_id, now), None) is not None


def _causes(ledger: Ledger, product_id: str, now: int) -> Iterator[Degradation]:
    notice = ledger.portfolio.alerting.certificate_notice
    for entry in ledger.entries_of(product_id):
        yield from _causes_of_check(entry, ledger.states_of(entry.key).state(now).point, now, notice)


def _causes_of_check(entry: CheckEntry, state: State, now: int, notice: int) -> Iterator[Degradation]:
    check = entry.check.id
    if state is State.DOWN:
        yield Degradation(check, DegradedCause.REDUNDANCY, "down, and the product needs only the other checks")
    if state is not State.UP:
        return
    cause, expiry = degraded_cause(entry), None if entry.last is None else entry.last.result.certificate_expiry
    if cause is not None and (cause is not DegradedCause.CERTIFICATE or expiry is None):
        yield Degradation(check, cause, _detail(entry, cause))
    if expiry is not None and (remaining := int(expiry) * SECOND - now) < notice:
        yield Degradation(check, DegradedCause.CERTIFICATE, _expiry_text(remaining))


def _detail(entry: CheckEntry, cause: DegradedCause) -> str:
    """Return the detail of the last result. After a restart, before the next probe, there is none."""
    last = entry.last
    return last.result.detail if last is not None and last.result.detail else _DETAILS[cause]


def _expiry_text(remaining: int) -> str:
    days = f"{remaining // DAY} days" if remaining >= 2 * DAY else format_duration(max(remaining, 0))
    return f"the certificate expires in {days}" if remaining > 0 else "the certificate has expired"
