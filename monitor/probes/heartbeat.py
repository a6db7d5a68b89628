"""The `heartbeat` kind: nobody is asked; what is watched says that it ran, at /ping/PRODUCT/CHECK, or fails to.

What comes of the pings is decided in `monitor.engine.heartbeats`; this is the check and its words.
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
    from monitor.network.attempt import Frame, Probe
    from monitor.vocabulary import ProbeResult

_SHORTEST_TOKEN = 16


class HeartbeatCheck(CheckBase):
    """Good when a success is reported by each due instant and the grace after it.

    The observation bears the due instant, not that at which the miss was noticed. The interval is the longest time
    between two due instants, and the time-out is the grace; neither is written. One miss opens an incident, and one
    success resolves it, unless `fall` and `rise` say otherwise.

    A job reports with `curl -fsS -X POST -H "Authorization: Bearer $TOKEN" http://HOST:9999/ping/PRODUCT/CHECK`;
    `/start`, `/fail`, `/log` or an exit code from 0 to 255 may follow. GET does the same, HEAD does not, and the token
    may stand in the URL (`?token=`), where proxies will log it. A body's first line is kept as the report's detail.
    """

    kind: ClassVar[str] = "heartbeat"

    fall: Streak = 1
    """Misses and failures in a row that open an incident."""

    rise: Streak = 1
    """Successes in a row that resolve an incident."""

    heartbeat: ScheduleField
    """When a success is due: `every 1h` (after the one before), cron's `0 3 * * 1-5`, systemd's `Mon..Fri 03:00`."""

    zone: ZoneName = "UTC"
    """The time zone of the schedule."""

    grace: Duration = 5 * MINUTE
    """How late a success may be."""

    run_time: Duration | None = None
    """How long a run may take that said when it started; a run that did counts as in time until then. Default: the
    grace."""

    token: Secret
    """Where the token is kept (16 characters or more) that a ping must carry."""

    @model_validator(mode="after")
    def _paced_by_its_schedule(self) -> Self:
        for key in ("interval", "timeout", "slow_after"):
            if key in self.model_fields_set:
                raise problem_at(key, "a heartbeat's schedule and grace say this; leave it out")
        if len(self.token.reveal()) < _SHORTEST_TOKEN:
            raise problem_at("token", f"is shorter than {_SHORTEST_TOKEN} characters, so that it could be guessed")
        self.__dict__["interval"] = self.heartbeat.gaps(self.zone)[1]
        self.__dict__["timeout"] = self.grace
        return self

    @property
    def lateness(self) -> int:
        """Microseconds after a due instant until which a success may be reported: the grace, then a run's time."""
        return self.grace + self.longest_run

    @property
    def longest_run(self) -> int:
        """Microseconds that a run may take once it said that it started."""
        return self.run_time or self.grace


def prepare(check: HeartbeatCheck) -> Probe:
    """Return a probe for `ninewatch probe`, which finds that there is nothing to ask."""

    async def probe(frame: Frame) -> ProbeResult:
        detail = f"due {check.heartbeat}; it is reported to the daemon at /ping/PRODUCT/{check.id}"
        raise ProbeFailure("heartbeat_pushed", detail, outcome=Outcome.UNKNOWN)

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
        "heartbeat_failed": "a failure, or an exit code other than 0, was reported; the code is the status",
        "heartbeat_missed": "no success was reported by the due instant and the grace after it",
        "heartbeat_overran": "a run said that it started and not, within `run_time`, that it ended",
        "heartbeat_pushed": "unknown: `ninewatch probe` asked, and a heartbeat is not asked for",
    },
)
