"""The words the shell speaks: what a probe returns and what the engine announces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sla.incident import Incident
    from sla.observation import Observation, Outcome

SLOW = "slow"  # the reason of a good outcome that took longer than `slow_after`
VANTAGE = "local"  # the only one that this daemon observes from; what others recorded is left to them
PHASES = ("resolve", "connect", "tls", "first_byte", "transfer")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one attempt found.

    `reason` is a stable word (`dns_nxdomain`, `http_status`, ...), empty when good unless the answer was `slow`.
    `phases` maps a subset of PHASES to seconds. `detail` is one human line, bounded, that may quote the target: escape
    it where it is shown.
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
    """A check was decided to be down. Announced after the decision was written down (or could not be)."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """An incident came to its end. Announced after the decision was written down (or could not be)."""

    incident: Incident


Event = Observed | IncidentOpened | IncidentResolved
Hook = Callable[[Event], None]
