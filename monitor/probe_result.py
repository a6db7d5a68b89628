"""The result of a probe, and the events that the engine passes to hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sla.incident import Incident
    from sla.observation import Observation, Outcome

SLOW = "slow"  # reason of a good outcome that took longer than `slow_after`
DEGRADED = "degraded"  # reason of a good outcome whose response reports a degraded target
CERTIFICATE_EXPIRING = "certificate_expiring"  # reason of a good outcome with a certificate that expires soon
DEGRADED_REASONS = frozenset({SLOW, DEGRADED, CERTIFICATE_EXPIRING})  # reasons of good outcomes of a degraded target
VANTAGE = "local"  # this daemon
PHASES = ("resolve", "connect", "tls", "first_byte", "transfer")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one attempt.

    `reason` is a stable code (`dns_nxdomain`, `http_status`, ...), empty if good and not degraded (DEGRADED_REASONS).
    `phases` maps a subset of PHASES to seconds. `detail` is one line of limited length that may quote the target, so it
    must be escaped for display.
    `certificate_expiry` is the earliest expiry in the verified chain, seconds since the Unix epoch. None without a
    certificate.
    """

    outcome: Outcome
    reason: str = ""
    status: int | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""
    certificate_expiry: float | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one step of a journey. `at` (since the start of the run) and `duration` are in seconds.

    `outcome` is None if the step was skipped after the failure of an earlier one.
    """

    id: str
    outcome: Outcome | None
    reason: str = ""
    status: int | None = None
    detail: str = ""
    at: float = 0.0
    duration: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JourneyResult(ProbeResult):
    """The result of a journey, with the results of its steps in order of execution."""

    steps: tuple[StepResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """A probe ended, and its observation is in the timeline. `duration` is in seconds."""

    observation: Observation
    result: ProbeResult
    duration: float


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """An incident opened. Hooks are called after its commit, or after the commit failed."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """An incident was resolved. Hooks are called after its commit, or after the commit failed."""

    incident: Incident


Event = Observed | IncidentOpened | IncidentResolved
Hook = Callable[[Event], None]
