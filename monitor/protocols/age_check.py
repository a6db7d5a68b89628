"""Check the age of a timestamp against a maximum age or a schedule."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from monitor.config.maintenance import ZoneName
from monitor.config.model import Duration, problem_at
from monitor.config.schedule import ScheduleField
from monitor.http.fetching_check import FetchingCheck
from monitor.network.failure import ProbeFailure
from sla.interval import MINUTE
from sla.objective import format_duration

# A timestamp that is further ahead of the monitor's clock is wrong: it would count as fresh until that instant.
_MAX_AHEAD = 5 * MINUTE


class AgeCheck(FetchingCheck):
    """A check of the age of a timestamp that is read over HTTP."""

    max_age: Duration | None = None
    """Bad if the newest timestamp is older than this."""

    due: ScheduleField | None = None
    """Instead of `max_age`: bad if the newest timestamp is before the last due instant and `grace` has passed."""

    grace: Duration = 5 * MINUTE
    """Allowed delay after a due instant."""

    zone: ZoneName = "UTC"
    """The time zone of `due`, and of timestamps without a time zone."""

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if (self.max_age is None) is (self.due is None):
            raise problem_at("max_age", "specify either max_age or due")
        if self.due is not None and self.due.every is not None:
            raise problem_at("due", "`every` defines no instants; use max_age instead")
        return self

    def check_age(self, newest: int, now: int) -> None:
        """Check the age of the newest timestamp; both arguments are microseconds since the Unix epoch.

        Raises:
            ProbeFailure: `stale`, `stamp_in_future`.
        """
        age = now - newest
        if age < -_MAX_AHEAD:
            raise ProbeFailure(
                "stamp_in_future", f"the newest timestamp is {format_duration(-age)} ahead of the monitor's clock"
            )
        if self.max_age is not None and age > self.max_age:
            raise ProbeFailure("stale", f"{format_duration(age)} old, expected at most {format_duration(self.max_age)}")
        if self.due is not None and newest < self.due.last(now - self.grace, self.zone):
            raise ProbeFailure("stale", f"{format_duration(age)} old; no update since it was due ({self.due})")
