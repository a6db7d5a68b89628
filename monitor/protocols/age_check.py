"""How old what a target shows may be: an age, or the last instant at which something new was due."""

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

_AHEAD = 5 * MINUTE  # of our clock: a stamp later than this is wrong, and would be fresh for as long as it is


class AgeCheck(FetchingCheck):
    """A check of the age of something that is read over HTTP."""

    max_age: Duration | None = None
    """Bad when the newest is older than this."""

    due: ScheduleField | None = None
    """Instead of `max_age`: bad when the newest is from before the last due instant, once its grace is over."""

    grace: Duration = 5 * MINUTE
    """How long after a due instant it may take until the new stamp shows."""

    zone: ZoneName = "UTC"
    """The time zone of `due`, and of a stamp that names none."""

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if (self.max_age is None) is (self.due is None):
            raise problem_at("max_age", "write either max_age or due")
        if self.due is not None and self.due.every is not None:
            raise problem_at("due", "names no instants; write max_age instead")
        return self

    def judge(self, newest: int, now: int) -> None:
        """Compare the age of the newest with the limit; both are microseconds since the Unix epoch.

        Raises:
            ProbeFailure: `stale`, `stamp_in_future`.
        """
        age = now - newest
        if age < -_AHEAD:
            raise ProbeFailure("stamp_in_future", f"the newest is {format_duration(-age)} ahead of us")
        if self.max_age is not None and age > self.max_age:
            raise ProbeFailure("stale", f"{format_duration(age)} old, at most {format_duration(self.max_age)} wanted")
        if self.due is not None and newest < self.due.last(now - self.grace, self.zone):
            raise ProbeFailure("stale", f"{format_duration(age)} old; nothing came when it was due ({self.due})")
