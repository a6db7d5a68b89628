"""The result of a probe, and the events that the engine passes to hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sla.incident import Incident
    from sla.observation import Observation, Outcome

SLOW = "slow"  # the reason of a good outcome that took longer than `slow_after`
VANTAGE = "local"  # the only one of this daemon; records of others are not changed
PHASES = ("resolve", "connect", "tls", "first_byte", "transfer")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one attempt.

    `reason` is a stable code (`dns_nxdomain`, `http_status`, ...), empty if good and not `slow`.
    `phases` maps a subset of PHASES to seconds. `detail` is one bounded line for people that may quote the target:
    escape it where it is shown.
    `certificate_expiry` is when the first certificate of the verified chain expires, seconds since the Unix epoch; None
    where no certificate was seen.
    """

    outcome: Outcome
    reason: str = ""
    status: int | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""
    certificate_expiry: float | None = None


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
