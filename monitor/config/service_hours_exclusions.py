"""Exclude the time outside the service hours of an agreement, and its holidays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor import zones
from monitor.config.holidays import holidays
from sla.exclusion import Cause, Exclusion
from sla.interval import Interval, subtract
from sla.localtime import local, midnight
from sla.service_hours import ALWAYS, ServiceHours

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.config.agreement import Agreement


def service_hours_exclusions(agreement: Agreement, window: Interval, default_zone: str) -> Iterator[Exclusion]:
    """Yield the parts of the window to which the objective does not apply.

    `default_zone` is used if the agreement has no time zone.
    """
    zone, hours = zones.zone(agreement.zone or default_zone), agreement.service_hours
    if hours != ALWAYS:
        for span in hours.outside(window, zone):
            yield Exclusion(span, Cause.SERVICE_HOURS, str(hours), reason="outside service hours")
    if agreement.holidays is not None:
        for year in range(local(window.start, zone).year - 1, local(window.end, zone).year + 1):
            for day, name in holidays(agreement.holidays, year):
                reason = f"statutory holiday, {agreement.holidays}"
                for span in _holiday_hours(hours, day, window, zone):
                    yield Exclusion(span, Cause.SERVICE_HOURS, name, reason=reason)


def _holiday_hours(hours: ServiceHours, day: dt.date, window: Interval, zone: ZoneInfo) -> Iterator[Interval]:
    """Yield the service hours that would start on the holiday. The last of them may end after midnight."""
    start, end = midnight(day, zone), midnight(day + dt.timedelta(2), zone)
    two_days = Interval(max(start, window.start), max(min(end, window.end), start, window.start))
    remaining = list(hours.within(two_days, zone, {day}))
    for span in hours.within(two_days, zone):
        yield from subtract(span, remaining)
