"""The `heartbeat` kind: a job reports each run at /ping/PRODUCT/CHECK, and a missing report is a failure.

Pings are evaluated in `monitor.engine.heartbeats`; this module has the configuration and reason codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from monitor.config.maintenance import ZoneName
from monitor.config.model import CheckBase, Duration, Secret, Streak, problem_at
from monitor.config.schedule import ScheduleField
from monitor.network.failure import ProbeFailure
from monitor.probes.base import Kind
from sla.interval import MINUTE
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe
    from monitor.probe_result import ProbeResult

_MIN_TOKEN_LENGTH = 16


class HeartbeatCheck(CheckBase):
    """Good if a success is reported before each due instant, or within the grace after it.

    The observation is at the due instant, not at the time when the miss was detected. The interval is the longest time
    between due instants and the timeout is the grace; neither is configured. By default 1 miss opens an incident, and 1
    success resolves it.

    A job reports with `curl -fsS -X POST -H "Authorization: Bearer $TOKEN" http://HOST:9999/ping/PRODUCT/CHECK`;
    `/start`, `/fail`, `/log` or an exit code from 0 to 255 may follow. GET works too, HEAD does not. The token may also
    be in the URL (`?token=`), where proxies log it. The first line of the body becomes the report's detail.
    """

    kind: ClassVar[str] = "heartbeat"

    fall: Streak = 1
    """Consecutive misses and failures that open an incident."""

    rise: Streak = 1
    """Consecutive successes that resolve an incident."""

    heartbeat: ScheduleField
    """When a success is due: `every 1h` (after the previous one), cron `0 3 * * 1-5`, systemd `Mon..Fri 03:00`."""

    zone: ZoneName = "UTC"
    """The time zone of the schedule."""

    grace: Duration = 5 * MINUTE
    """Longest allowed delay of a success after the due instant."""

    run_time: Duration | None = None
    """Maximum duration of a run that reported its start. The run counts as on time until then. Default: the grace."""

    token: Secret
    """Reference to the token of pings (16 characters or more)."""

    @property
    def elsewhere(self) -> bool:
        """False: the jobs report to this daemon."""
        return False

    @model_validator(mode="after")
    def _takes_timing_from_schedule(self) -> Self:
        for key in ("interval", "timeout", "slow_after"):
            if key in self.model_fields_set:
                raise problem_at(key, "is defined by a heartbeat's schedule and grace; remove it")
        if self.objectives:
            raise problem_at("objectives", "a heartbeat has no latency; remove it")
        if "recheck" in self.model_fields_set:
            raise problem_at("recheck", "has no effect on a heartbeat, whose job reports on its own; remove it")
        if len(self.token.reveal()) < _MIN_TOKEN_LENGTH:
            raise problem_at(
                "token", f"is shorter than {_MIN_TOKEN_LENGTH} characters; use a longer token, which cannot be guessed"
            )
        self.__dict__["interval"] = self.heartbeat.gaps(self.zone)[1]
        self.__dict__["timeout"] = self.grace
        return self

    @property
    def rechecks(self) -> bool:
        """The job reports on its own."""
        return False

    @property
    def lateness(self) -> int:
        """Longest time from a due instant to its outcome, in microseconds: grace, a run's time, wait for references."""
        return self.grace + self.longest_run + self._longest_wait

    @property
    def longest_run(self) -> int:
        """Maximum duration in microseconds of a run that reported its start."""
        return self.run_time or self.grace


def prepare(check: HeartbeatCheck) -> Probe:
    """Return the probe for `ninewatch probe`, which always returns unknown."""

    async def probe(attempt: Attempt) -> ProbeResult:
        detail = f"due {check.heartbeat}; the job reports to the daemon at /ping/PRODUCT/{check.id}"
        raise ProbeFailure("reported_by_job", detail, outcome=Outcome.UNKNOWN)

    return probe


KIND = Kind(
    "heartbeat",
    HeartbeatCheck,
    prepare,
    example="""\
id: nightly-load
heartbeat: "0 3 * * *"
zone: America/Vancouver
grace: 30m
run_time: 2h
token: {env: NIGHTLY_LOAD_TOKEN}
""",
    reasons={
        "heartbeat_failed": "the job reported a failure, or an exit code other than 0 (recorded as the status)",
        "heartbeat_missed": "no success by the due instant and the grace after it",
        "heartbeat_overran": "a run reported its start, but no end within `run_time`",
        "reported_by_job": "unknown: `ninewatch probe` cannot probe a heartbeat, which is reported by the job",
    },
)
