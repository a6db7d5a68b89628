"""A design on paper: its parts, what it needs from others, where it runs, and what is done to it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from sla.feasibility.failure_process import Planned, Repairable
    from sla.feasibility.structure import Structure


class Coupling(StrEnum):
    """What an outage of a part does to those who need it.

    HARD: they are down too. RETRIED: only once it has outlasted their patience. DECOUPLED: nothing.
    """

    HARD = "hard"
    RETRIED = "retried"
    DECOUPLED = "decoupled"


class Standby(StrEnum):
    """What waits in another data centre: nothing, something to be started, something running, something serving."""

    NONE = "none"
    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


@dataclass(frozen=True, slots=True)
class Part:
    """A component of the design, or (`outside`) a service of others that it depends on.

    `needs` are parts and sites that it stands on, and that others may stand on too. `deployments` stop all replicas at
    once. `patience` (microseconds) is for how long a call is tried again when the coupling is RETRIED. `replicable`:
    there could be more replicas of it, as there could not of a bad release.
    """

    id: str
    name: str
    failures: Repairable
    needs: tuple[str, ...] = ()
    deployments: Planned | None = None
    outside: bool = False
    coupling: Coupling = Coupling.HARD
    patience: int = 0
    replicable: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A data centre and what belongs to it: power, network, platform."""

    id: str
    name: str
    failures: Repairable


@dataclass(frozen=True, slots=True)
class FailOver:
    """What happens when the first site is lost, or a part that is covered: RTO later, the others serve.

    `rto` is in microseconds; `success` the chance that one fail-over works; `covers` the parts of the first site whose
    own outages are handed over too. When it fails, the outage lasts until it is repaired.
    """

    kind: Standby
    rto: int
    success: Fraction
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Windows in which the whole is taken down. Not `counted`, they leave the year before anything is measured."""

    windows: Planned
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Design:
    """All of it. The first site serves, the others stand by; without any, data centres are left out of account.

    `structure` combines parts by their ids. A part that it neither names nor reaches through the `needs` of those that
    it names is needed by the whole as well, unless it is decoupled; without a structure that is every part.
    Ids of parts and sites are unique together, and every id that is referred to exists, without a circle.
    """

    title: str
    parts: tuple[Part, ...]
    sites: tuple[Site, ...] = ()
    fail_over: FailOver | None = None
    maintenance: Maintenance | None = None
    structure: Structure | None = None

    @property
    def standby(self) -> Standby:
        """What waits in another data centre."""
        return self.fail_over.kind if self.fail_over is not None and len(self.sites) > 1 else Standby.NONE
