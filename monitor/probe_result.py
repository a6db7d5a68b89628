"""The result of a probe, and the events that the engine passes to hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sla.incident import Incident
    from sla.observation import Observation, Outcome

SLOW = "slow"  # the reason of a good outcome that took longer than `slow_after`
DEGRADED = "degraded"  # the reason of a good outcome whose answer reports that the target is degraded
CERTIFICATE_EXPIRING = "certificate_expiring"  # the reason of a good outcome whose certificate expires soon
DEGRADED_REASONS = frozenset({SLOW, DEGRADED, CERTIFICATE_EXPIRING})  # of good outcomes of a degraded target
VANTAGE = "local"  # the only vantage of this daemon
PHASES = ("resolve", "connect", "tls", "first_byte", "transfer")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one attempt.

    `reason` is a stable code (`dns_nxdomain`, `http_status`, ...), empty if good and not degraded (DEGRADED_REASONS).
    `phases` maps a subset of PHASES to seconds. `detail` is one line of limited length for people. It may quote the
    target, so it must be escaped for display.
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
    """The result of one step of a journey: `at` is seconds since the start of the run, `duration` is seconds.

    `outcome` is None if the step was skipped, because an earlier one had failed.
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
    """The result of a journey, with that of each step in the order in which they ran."""

    steps: tuple[StepResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """A probe ended and its observation is in the timeline. `duration` is seconds."""

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
