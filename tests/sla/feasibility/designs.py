"""Builders of small designs for tests."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sla.feasibility import Coupling, Design, Failover, Part, Repairable, Site, Standby
from sla.interval import HOUR, MINUTE

GOOD = Repairable(999 * HOUR, HOUR)  # down 1 in 1000
POOR = Repairable(99 * HOUR, HOUR)  # down 1 in 100


def part(name: str, failures: Repairable = GOOD, **fields: Any) -> Part:
    return Part(name, name.title(), failures, **fields)


def external(name: str, coupling: Coupling, failures: Repairable = GOOD, **fields: Any) -> Part:
    return part(name, failures, external=True, coupling=coupling, **fields)


def site(name: str, failures: Repairable = GOOD) -> Site:
    return Site(name, name.title(), failures)


def design(*parts: Part, **fields: Any) -> Design:
    return Design("a design", parts or (part("app"),), **fields)


def failover(kind: Standby = Standby.WARM, rto: int = 15 * MINUTE, success: str = "0.9", **fields: Any) -> Failover:
    return Failover(kind, rto, Fraction(success), **fields)
