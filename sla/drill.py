"""Drills: planned exercises of a failover, failback, restore or deployment, and statements about them.

The start of a drill is a fact of the kind `drill`. Later facts refer to its id: its end, the detection of the outage,
measured recovery points, findings and signatures. `sla/drill_facts.py` creates and reads these facts,
`sla/drill_result.py` measures the drill.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sla.fact import Fact
from sla.interval import SECOND
from sla.window import format_instant

DRILL: Final = "drill"


class DrillKind(StrEnum):
    """The kind of a drill. `tabletop` and `isolated` drills do not affect the product, so they prove nothing."""

    FAILOVER = "failover"
    FAILBACK = "failback"
    RESTORE = "restore"
    DEPLOY = "deploy"
    TABLETOP = "tabletop"
    ISOLATED = "isolated"

    @property
    def measured(self) -> bool:
        """Whether the drill is measured from the history of the product."""
        return self not in (DrillKind.TABLETOP, DrillKind.ISOLATED)

    @property
    def interrupts(self) -> bool:
        """Whether the drill must cause downtime or a change of site to prove anything. False for deployments."""
        return self in (DrillKind.FAILOVER, DrillKind.FAILBACK, DrillKind.RESTORE)


class DrillSource(StrEnum):
    """The trigger of a drill: a person or the API, a planned window, or an observed change of the active site."""

    STATED = "stated"
    WINDOW = "window"
    SITE_CHANGE = "site_change"


@dataclass(frozen=True, slots=True)
class Drill:
    """The start of a drill. Instants are microseconds since the epoch, durations microseconds.

    `rto` and `rpo` are the promised recovery time and recovery point, None if none is promised.
    """

    made: int
    author: str
    product: str
    kind: DrillKind
    rto: int | None = None
    rpo: int | None = None
    scenario: str = ""
    participants: tuple[str, ...] = ()
    source: DrillSource = DrillSource.STATED
    since: int | None = None

    @property
    def started(self) -> int:
        """The start of the drill: the time of the statement, or an earlier one that was determined later."""
        return self.made if self.since is None else self.since

    @property
    def id(self) -> str:
        """The id of the fact that starts the drill."""
        return self.fact().id

    def fact(self) -> Fact:
        """Return the start as a fact of the record."""
        body = {
            "kind": self.kind.value,
            "rto_seconds": as_seconds(self.rto),
            "rpo_seconds": as_seconds(self.rpo),
            "scenario": self.scenario,
            "participants": list(self.participants),
            "source": self.source.value,
            "started": format_instant(self.started),
        }
        return Fact.of(self.made, self.author, DRILL, self.product, body)


@dataclass(frozen=True, slots=True)
class DrillEnd:
    """The end of a drill. `reason` is empty for a planned end."""

    at: int
    author: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {"at": format_instant(self.at), "by": self.author, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A measured recovery point: data of `length` microseconds was lost. `source` is the method of measurement.

    `bounds` are (lower, upper), upper None if unknown. Without bounds, `length` is exact.
    """

    length: int
    source: str
    author: str
    made: int
    bounds: tuple[int, int | None] | None = None

    @property
    def low(self) -> int:
        """The lower bound of the length."""
        return self.length if self.bounds is None else self.bounds[0]

    @property
    def high(self) -> int | None:
        """The upper bound of the length, None if it is unknown."""
        return self.length if self.bounds is None else self.bounds[1]

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        made = format_instant(self.made)
        return {"seconds": self.length / SECOND, "source": self.source, "by": self.author, "made": made}


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of a drill with its owner. `day` is the due day in UTC, `due` the first instant after that day."""

    id: str
    made: int
    author: str
    text: str
    owner: str
    day: str
    due: int
    closed: int | None = None

    def overdue(self, at: int) -> bool:
        """Return whether the finding is open after its due day."""
        return self.closed is None and at >= self.due

    def as_json(self, at: int) -> dict[str, Any]:
        """Return the object of the API as of the instant."""
        closed = None if self.closed is None else format_instant(self.closed)
        names = {"id": self.id, "text": self.text, "owner": self.owner, "due": self.day, "by": self.author}
        return names | {"made": format_instant(self.made), "closed": closed, "overdue": self.overdue(at)}


@dataclass(frozen=True, slots=True)
class SignOff:
    """A sign-off: a person accepted the result of the drill."""

    made: int
    author: str
    note: str

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {"made": format_instant(self.made), "by": self.author, "note": self.note}


@dataclass(frozen=True, slots=True)
class DrillRecord:
    """A drill with all statements up to an instant. `detected` is when the monitor reported the outage.

    `revoked` is the reason for its revocation, None if not revoked. A revoked drill proves nothing.
    """

    id: str
    drill: Drill
    end: DrillEnd | None = None
    detected: int | None = None
    points: tuple[RecoveryPoint, ...] = ()
    findings: tuple[Finding, ...] = ()
    signed: tuple[SignOff, ...] = ()
    revoked: str | None = None

    def overdue(self, at: int) -> tuple[Finding, ...]:
        """Return the findings overdue at the instant; none for a revoked drill."""
        if self.revoked is not None:
            return ()
        return tuple(finding for finding in self.findings if finding.overdue(at))


def as_seconds(length: int | None) -> float | None:
    """Convert a duration from microseconds to seconds."""
    return None if length is None else length / SECOND
