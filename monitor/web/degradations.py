"""What does not work as it should while probing goes on, in words: for /readyz and the banner of every page."""

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
        found.append(f"the store cannot be written: {health.store_error or 'no reason given'}")
    found += _clock_degradations(health)
    if health.record_lost:
        done = "it cannot be written anew yet" if health.record_missing else "it was written anew"
        found.append(f"{health.record_loss} while the daemon ran: {done}; no other program may touch the record")
    if health.descriptors_exhausted:
        found.append("file descriptors are exhausted: probes that need one are unknown; raise the limit of open files")
    if not health.config_reload_success:
        found.append("the last edit of the configuration was refused; the one before it is running")
    return found


def _clock_degradations(health: Health) -> Iterator[str]:
    if abs(health.clock_stepped) > CLOCK_OFF:
        off, side = format_duration(abs(health.clock_stepped)), "ahead of" if health.clock_stepped > 0 else "behind"
        yield f"the wall clock is {off} {side} the record's time: restart the daemon once the clock is right"
    if health.set_aside:
        yield (
            f"{health.set_aside} observations were stamped by a wrong clock and set aside at the start: their time is"
            " unknown; check the machine's clock"
        )
    if health.dropping_late:
        yield "observations are left out because the record lies ahead of the clock; check the machine's clock"
