"""Public incidents: facts with which a person reports an incident on a status page. Updates are never changed.

An incident belongs to one status page, because each audience needs its own wording. The first update opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sla.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

PUBLIC_INCIDENT: Final = "public_incident"
PUBLIC_UPDATE: Final = "public_update"


class Phase(StrEnum):
    """The progress of the work on an incident."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class Impact(StrEnum):
    """The effect on the components of an incident, as stated by a person."""

    NONE = "none"
    DEGRADED = "degraded"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class PublicUpdate:
    """An update of an incident, published at `made`. `next_due` is when the next one is due, None if not stated.

    Instants are microseconds since the epoch.
    """

    made: int
    author: str
    phase: Phase
    text: str
    next_due: int | None = None

    def body(self) -> dict[str, Any]:
        """Return the update as a part of the body of its fact."""
        return {"phase": self.phase.value, "text": self.text, "next_due": self.next_due}

    def fact(self, incident: PublicIncident) -> Fact:
        """Return the fact of a later update of the incident."""
        return Fact.of(self.made, self.author, PUBLIC_UPDATE, "", {"incident": incident.id, **self.body()})


@dataclass(frozen=True, slots=True)
class PublicIncident:
    """An incident on the status page `page`, with at least one update.

    `components` are ids of components of the page. `product_incident` is the id of the internal incident, empty without
    one; it is not published. `detected` is the internal incident's first bad probe (microseconds), or None.
    """

    page: str
    title: str
    components: tuple[str, ...]
    impact: Impact
    product_incident: str
    detected: int | None
    updates: tuple[PublicUpdate, ...]
    id: str = ""

    def fact(self) -> Fact:
        """Return the fact that opens the incident with its first update."""
        first = self.updates[0]
        body = {
            "page": self.page,
            "title": self.title,
            "components": list(self.components),
            "impact": self.impact.value,
            "product_incident": self.product_incident,
            "detected": self.detected,
            **first.body(),
        }
        return Fact.of(first.made, first.author, PUBLIC_INCIDENT, "", body)

    @property
    def opened(self) -> int:
        """The instant of the first update."""
        return self.updates[0].made

    @property
    def last(self) -> PublicUpdate:
        """The newest update."""
        return self.updates[-1]

    @property
    def resolved(self) -> int | None:
        """The instant of the update that resolved the incident. None while it is open."""
        return self.last.made if self.last.phase is Phase.RESOLVED else None

    @property
    def next_due(self) -> int | None:
        """The instant at which the next update is due. None if none is due."""
        return None if self.resolved is not None else self.last.next_due

    @property
    def time_to_first_update(self) -> int | None:
        """The time from detection to the first update, microseconds. None without an internal incident."""
        return None if self.detected is None else self.opened - self.detected


def public_incidents(facts: Iterable[Fact]) -> list[PublicIncident]:
    """Return the incidents of all pages in the order of their facts. Invalid facts are ignored.

    An update after the one that resolved its incident is ignored.
    """
    by_id: dict[str, PublicIncident] = {}
    for fact in facts:
        if fact.kind not in (PUBLIC_INCIDENT, PUBLIC_UPDATE):
            continue
        try:
            _add(by_id, fact, fact.content())
        except (KeyError, TypeError, ValueError):
            continue
    return list(by_id.values())


def _add(by_id: dict[str, PublicIncident], fact: Fact, body: Mapping[str, Any]) -> None:
    """Add the incident or the update of the fact.

    Raises:
        KeyError, TypeError, ValueError: the body is invalid.
    """
    update = PublicUpdate(fact.made, fact.author, Phase(body["phase"]), str(body["text"]), _instant(body["next_due"]))
    if fact.kind == PUBLIC_INCIDENT:
        by_id[fact.id] = PublicIncident(
            page=str(body["page"]),
            title=str(body["title"]),
            components=tuple(map(str, body["components"])),
            impact=Impact(body["impact"]),
            product_incident=str(body["product_incident"]),
            detected=_instant(body["detected"]),
            updates=(update,),
            id=fact.id,
        )
        return
    incident = by_id[str(body["incident"])]
    if incident.resolved is None:
        by_id[incident.id] = replace(incident, updates=(*incident.updates, update))


def _instant(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ValueError("not an instant")
    return value


def obstacle(incident: PublicIncident, update: PublicUpdate) -> tuple[str, str] | None:
    """Return the obstacle to adding the update, and the remedy; None without an obstacle."""
    if incident.resolved is not None:
        return "the incident is resolved", "open another incident"
    if update.next_due is not None and update.phase is Phase.RESOLVED:
        return "a resolved incident has no next update", "omit the time of the next update"
    return None
