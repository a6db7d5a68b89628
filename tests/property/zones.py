"""Time zones with unusual clock changes, and instants near these changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from sla.interval import DAY, MINUTE

# Zones with clock changes at midnight, of half an hour, over a whole day, or during Ramadan, and with offsets in
# quarter hours.
NAMES = (
    "America/Vancouver",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Pacific/Auckland",
    "UTC",
)


def local_time(at: int, zone: ZoneInfo) -> datetime:
    """Return the local time, computed with the standard library only."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None)


@cache
def changes(name: str) -> tuple[int, ...]:
    """Return the days with clock changes from 1986 to 2025."""
    zone = ZoneInfo(name)

    def utc_offset(at: int) -> timedelta:
        return local_time(at, zone) - local_time(at, ZoneInfo("UTC"))

    days = range(16 * 365 * DAY, 56 * 365 * DAY, DAY)
    return tuple(at for at in days if utc_offset(at) != utc_offset(at + DAY)) or (days[-1],)


zones = st.sampled_from(NAMES)


@st.composite
def instants_near_clock_changes(draw: st.DrawFn) -> tuple[ZoneInfo, int]:
    """Return a zone and an instant within three days of one of its clock changes."""
    name = draw(zones)
    near = draw(st.sampled_from(changes(name)))
    return ZoneInfo(name), near + draw(
        st.integers(-3 * DAY, 3 * DAY) | st.integers(-4000, 4000).map(lambda m: m * MINUTE)
    )
