"""Notes on incidents: facts with the incident and the text."""

from __future__ import annotations

from typing import Any

import pytest

from sla.fact import Fact
from sla.incident_note import INCIDENT_NOTE, IncidentNote, incident_notes

NOTE = IncidentNote(2, "Ana", "forms", "a41c", "restarted the database")


def test_note_is_read_from_its_fact() -> None:
    assert incident_notes([NOTE.fact()]) == [NOTE]
    assert NOTE.as_json() == {
        "id": NOTE.fact().id,
        "incident": "a41c",
        "product": "forms",
        "author": "Ana",
        "text": "restarted the database",
        "made": "1970-01-01T00:00:00.000002Z",
    }


def test_notes_of_one_incident_are_selected_in_order() -> None:
    other, later = IncidentNote(3, "Ben", "sso", "b52d", "seen"), IncidentNote(4, "Ben", "forms", "a41c", "recovered")
    facts = [note.fact() for note in (NOTE, other, later)]
    assert incident_notes(facts, "a41c") == [NOTE, later]
    assert incident_notes(facts) == [NOTE, other, later]


@pytest.mark.parametrize("body", [[], {}, {"incident": 1, "text": "a"}, {"incident": "a", "text": None}])
def test_invalid_facts_are_skipped(body: Any) -> None:
    facts = [Fact.of(1, "Ana", INCIDENT_NOTE, "forms", body), Fact.of(1, "Ana", "other", "forms", {}), NOTE.fact()]
    assert incident_notes(facts) == [NOTE]
