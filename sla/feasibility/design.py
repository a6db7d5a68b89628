"""The types of a design: parts, dependencies, sites, failover and maintenance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from sla.feasibility.failure_process import Planned, Repairable
    from sla.feasibility.structure import Structure


class Coupling(StrEnum):
    """The effect of a part's outage on the parts that depend on it.

    HARD: the dependent parts are down too. RETRIED: they are down after the retry period. DECOUPLED: no effect.
    """

    HARD = "hard"
    RETRIED = "retried"
    DECOUPLED = "decoupled"


class Standby(StrEnum):
    """The kind of standby in another data centre. COLD must be started, WARM is running, HOT serves requests."""

    NONE = "none"
    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


@dataclass(frozen=True, slots=True)
class Part:
    """A component of the design, or an external service (`external`).

    `needs` has the ids of the required parts and sites, possibly shared. `deployments` stop all replicas at once.
    `retry_period` is the longest time of retrying a call (microseconds) if the coupling is RETRIED. `replicable`:
    replicas can be added. False for a part that models a shared cause of failure, such as a bad release.
    """

    id: str
    name: str
    failures: Repairable
    needs: tuple[str, ...] = ()
    deployments: Planned | None = None
    external: bool = False
    coupling: Coupling = Coupling.HARD
    retry_period: int = 0
    replicable: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A data centre with its power, network and platform."""

    id: str
    name: str
    failures: Repairable


@dataclass(frozen=True, slots=True)
class Failover:
    """Failover to the other sites when the first site or a covered part is down.

    `rto` is in microseconds. `success` is the probability that a failover works; otherwise the outage lasts until the
    repair. `covers` lists parts of the first site whose outages also cause a failover.
    """

    kind: Standby
    rto: int
    success: Fraction
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Planned downtime of the entire design. Unless `counted`, it is excluded from the measured time."""

    windows: Planned
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Design:
    """A complete design. The first site serves requests; the others are standby.

    If there are no sites, failures of data centres are not modelled. `structure` combines parts by id. A part that the
    structure does not contain, directly or through `needs`, must also be up unless it is decoupled. Without a
    structure, all parts must be up. Ids of parts and sites are unique, all referenced ids exist, and there are no
    cycles.
    """

    title: str
    parts: tuple[Part, ...]
    sites: tuple[Site, ...] = ()
    failover: Failover | None = None
    maintenance: Maintenance | None = None
    structure: Structure | None = None

    @property
    def standby(self) -> Standby:
        """The kind of standby in another data centre."""
        return self.failover.kind if self.failover is not None and len(self.sites) > 1 else Standby.NONE
