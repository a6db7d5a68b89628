"""List the degradations of the daemon as text, for /readyz and the banner of every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.delivery_status import named
from sla.interval import SECOND
from sla.objective import format_duration
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.delivery_status import Deliveries
    from monitor.health import Health
    from monitor.vantage_status import VantageStatus

CLOCK_TOLERANCE = 5 * SECOND  # a larger difference between the wall clock and the record's time is reported


def degradations(health: Health) -> list[str]:
    """Return the faults of the daemon that do not stop the probing, one clause per fault."""
    clauses = [_blindness(status) for status in health.vantages if status.blind]
    clauses += _delivery_degradations(health.deliveries)
    if health.shipping is not None and health.shipping.problem:
        clauses.append(f"the centre does not receive observations: {health.shipping.problem}; they are sent later")
    if health.unrecorded_since is not None:
        clauses.append(f"the record cannot be written: {health.store_error or 'unknown reason'}")
    clauses += _clock_degradations(health)
    if health.record_lost:
        repair = "it cannot be rewritten yet" if health.record_missing else "it was rewritten"
        clauses.append(f"{health.record_loss} while the daemon ran: {repair}; keep other programs away from the record")
    if health.descriptors_exhausted:
        clauses.append("no free file descriptors: affected probes are unknown; raise the limit of open files")
    if not health.config_reload_success:
        clauses.append("the last configuration change was rejected; the previous configuration stays in force")
    if health.receivers_failing:
        clauses.append(
            f"receivers that did not accept the last notification: {health.receivers_failing}; see alert list"
        )
    return clauses


def _blindness(status: VantageStatus) -> str:
    location = f" ({status.location})" if status.location else ""
    since = format_instant(status.since // SECOND * SECOND)
    return f"blind since {since}: {status.summary}{location}; failed probes are recorded as unknown and cost no budget"


def _delivery_degradations(deliveries: Deliveries) -> Iterator[str]:
    for status in deliveries.vantages:
        if status.state.failing:
            yield f"the vantage {status.id} is {status.state.value}: {status.summary}"
    if checks := tuple(loss.check for loss in deliveries.losses):
        yield f"too few vantages deliver: an outage of {named(checks)} would not be detected"


def _clock_degradations(health: Health) -> Iterator[str]:
    if abs(health.clock_stepped) > CLOCK_TOLERANCE:
        offset = format_duration(abs(health.clock_stepped))
        direction = "ahead of" if health.clock_stepped > 0 else "behind"
        yield f"the wall clock is {offset} {direction} the record's time: correct the clock, then restart the daemon"
    if health.set_aside:
        yield (
            f"{health.set_aside} observations from a wrong clock were set aside at startup and their time is unknown; "
            "check the machine's clock"
        )
    if health.dropping_late:
        yield "observations are dropped because the record is ahead of the clock; check the machine's clock"
