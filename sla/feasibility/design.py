"""The types of a design: parts, dependencies, sites, fail-over and maintenance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from sla.feasibility.failure_process import Planned, Repairable
    from sla.feasibility.structure import Structure


class Coupling(StrEnum):
    """Effect of a part's outage on its dependents.

    HARD: they are down too. RETRIED: only after the retry period. DECOUPLED: none.
    """

    HARD = "hard"
    RETRIED = "retried"
    DECOUPLED = "decoupled"


class Standby(StrEnum):
    """Standby in another data centre: none, to be started (cold), running (warm), serving (hot)."""

    NONE = "none"
    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


@dataclass(frozen=True, slots=True)
class Part:
    """A component of the design, or (`outside`) an external service.

    `needs` are parts and sites that it requires, possibly shared. `deployments` stop all replicas at once. `patience`
    (microseconds) is how long a call is retried if the coupling is RETRIED. `replicable`: replicas can be added, unlike
    for a bad release.
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
    """A data centre with its power, network and platform."""

    id: str
    name: str
    failures: Repairable


@dataclass(frozen=True, slots=True)
class FailOver:
    """Fail-over to the other sites when the first site, or a covered part, is down.

    `rto` is in microseconds; `success` is the probability that a fail-over works; `covers` lists parts of the first
    site whose outages cause a fail-over too. If it fails, the outage lasts until the repair.
    """

    kind: Standby
    rto: int
    success: Fraction
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Planned downtime of the whole. If not `counted`, it is excluded from the time that counts."""

    windows: Planned
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Design:
    """A complete design. The first site serves, the others are standby; without sites, data centres are ignored.

    `structure` combines parts by id. Parts that it does not reach, directly or through `needs`, are required by the
    whole, unless they are decoupled; without a structure all parts are.
    Ids of parts and sites are unique, all referenced ids exist, and there are no cycles.
    """

    title: str
    parts: tuple[Part, ...]
    sites: tuple[Site, ...] = ()
    fail_over: FailOver | None = None
    maintenance: Maintenance | None = None
    structure: Structure | None = None

    @property
    def standby(self) -> Standby:
        """Standby in another data centre."""
        return self.fail_over.kind if self.fail_over is not None and len(self.sites) > 1 else Standby.NONE
