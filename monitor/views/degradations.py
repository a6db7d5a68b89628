"""List the degradations of the daemon as text, for /readyz and the banner of every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.interval import SECOND
from sla.objective import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.health import Health

CLOCK_OFF = 5 * SECOND  # beyond this a difference between the wall clock and the record's time is reported


def degradations(health: Health) -> list[str]:
    """Return what does not work as it should while probing goes on, one clause each."""
    found = []
    if health.unrecorded_since is not None:
        found.append(f"the record cannot be written: {health.store_error or 'unknown reason'}")
    found += _clock_degradations(health)
    if health.record_lost:
        done = "it cannot be rewritten yet" if health.record_missing else "it was rewritten"
        found.append(f"{health.record_loss} while the daemon ran: {done}; keep other programs away from the record")
    if health.descriptors_exhausted:
        found.append("no free file descriptors: affected probes are unknown; raise the limit of open files")
    if not health.config_reload_success:
        found.append("the last configuration change was rejected; the previous configuration stays in force")
    if health.receivers_failing:
        found.append(f"receivers that failed to take the last notification: {health.receivers_failing}; see alert list")
    return found


def _clock_degradations(health: Health) -> Iterator[str]:
    if abs(health.clock_stepped) > CLOCK_OFF:
        off, side = format_duration(abs(health.clock_stepped)), "ahead of" if health.clock_stepped > 0 else "behind"
        yield f"the wall clock is {off} {side} the record's time: restart the daemon once the clock is right"
    if health.set_aside:
        yield (
            f"{health.set_aside} observations from a wrong clock were set aside at startup and their time is unknown; "
            "check the machine's clock"
        )
    if health.dropping_late:
        yield "observations are dropped because the record is ahead of the clock; check the machine's clock"
