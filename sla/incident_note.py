"""Notes on incidents: facts with what a person observed or did during an outage of a product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sla.fact import Fact
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

INCIDENT_NOTE: Final = "incident_note"


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """A note on the outage with the id `incident`. `made` is in microseconds since the epoch."""

    made: int
    author: str
    product: str
    incident: str
    text: str

    def fact(self) -> Fact:
        """Return the note as a fact of the record."""
        return Fact.of(
            self.made, self.author, INCIDENT_NOTE, self.product, {"incident": self.incident, "text": self.text}
        )

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "id": self.fact().id,
            "incident": self.incident,
            "product": self.product,
            "author": self.author,
            "text": self.text,
            "made": format_instant(self.made),
        }


def incident_notes(facts: Iterable[Fact], incident: str | None = None) -> list[IncidentNote]:
    """Return the notes among the facts, of one incident or of all, in the order of the facts. Skip invalid notes."""
    notes = (_read(fact) for fact in facts if fact.kind == INCIDENT_NOTE)
    return [note for note in notes if note is not None and incident in (None, note.incident)]


def _read(fact: Fact) -> IncidentNote | None:
    body = fact.content()
    try:
        incident, text = body["incident"], body["text"]
    except (KeyError, TypeError):
        return None
    if not isinstance(incident, str) or not isinstance(text, str):
        return None
    return IncidentNote(fact.made, fact.author, fact.product, incident, text)
