"""The values that every page shows: its instant, the age of its data, and warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.views.degradations import degradations
from monitor.views.formatting import Moment, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.health import Health
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class PageFrame:
    """The values that every page shows: its instant, the age of its data, and warnings."""

    made: Moment
    zone: str
    newest: Moment | None
    newest_age: int
    stale: bool
    degraded: list[str]
    seeded_until: Moment | None


def page_frame(ledger: Ledger, health: Health, entries: Iterable[CheckEntry], now: int) -> PageFrame:
    """Return the values of a page about these checks.

    The page is stale if the newest observation of each check is older than the check's hold. Paused checks are ignored.
    """
    zone, entries = ledger.portfolio.zone, list(entries)
    newest = newest_observation(entries)
    probed = [entry for entry in entries if ledger.facts.pause(entry.key, now) is None]
    stale = bool(probed) and newest is not None and not any(is_recent(entry, now) for entry in probed)
    seeded = ledger.seeded_until
    return PageFrame(
        made=moment(now, zone),
        zone=ledger.portfolio.time_zone,
        newest=None if newest is None else moment(newest, zone),
        newest_age=0 if newest is None else max(0, now - newest),
        stale=stale,
        degraded=degradations(health),
        seeded_until=None if seeded is None else moment(seeded, zone),
    )


def newest_observation(entries: Iterable[CheckEntry]) -> int | None:
    """Return the instant of the newest observation of the checks. None without one."""
    return max((at for entry in entries if (at := entry.timeline.last_at) is not None), default=None)


def is_recent(entry: CheckEntry, now: int) -> bool:
    """Return whether the newest observation of the check is valid at the instant."""
    at = entry.timeline.last_at
    return at is not None and now <= at + entry.hold
