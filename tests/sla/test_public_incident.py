"""Public incidents as facts: phases, updates that are due, and invalid facts."""

from __future__ import annotations

from typing import Any

import pytest

from sla.fact import Fact
from sla.interval import MINUTE
from sla.public_incident import (
    PUBLIC_INCIDENT,
    PUBLIC_UPDATE,
    Impact,
    Phase,
    PublicIncident,
    PublicUpdate,
    obstacle,
    public_incidents,
)

FIRST = PublicUpdate(10 * MINUTE, "Ana", Phase.INVESTIGATING, "We are looking.", 40 * MINUTE)
FIXED = PublicUpdate(30 * MINUTE, "Ben", Phase.RESOLVED, "It works again.")


def incident(**fields: Any) -> PublicIncident:
    defaults = {
        "page": "citizens",
        "title": "Forms do not load",
        "components": ("forms",),
        "impact": Impact.OUTAGE,
        "product_incident": "4f0c",
        "detected": 4 * MINUTE,
        "updates": (FIRST,),
    }
    return PublicIncident(**{**defaults, **fields})


def read(*facts: Fact) -> list[PublicIncident]:
    return public_incidents(facts)


def test_incident_is_read_as_it_was_written() -> None:
    fact = incident().fact()
    (actual,) = read(fact)
    assert actual == incident(id=fact.id)
    assert (actual.opened, actual.resolved, actual.next_due) == (10 * MINUTE, None, 40 * MINUTE)
    assert actual.time_to_first_update == 6 * MINUTE


def test_incident_without_an_internal_one_has_no_time_to_the_first_word() -> None:
    assert incident(detected=None).time_to_first_update is None


def test_updates_belong_to_their_incident_until_it_is_resolved() -> None:
    opening, other = incident().fact(), incident(title="Other").fact()
    (opened,) = read(opening)
    late = PublicUpdate(50 * MINUTE, "Ana", Phase.IDENTIFIED, "Late", None)
    (first, second) = read(opening, other, FIXED.fact(opened), late.fact(opened))
    assert first.updates == (FIRST, FIXED)
    assert (first.resolved, first.next_due, second.resolved) == (30 * MINUTE, None, None)


def test_update_is_refused_if_it_contradicts_the_incident() -> None:
    opened = incident()
    assert obstacle(opened, FIXED) is None
    assert obstacle(incident(updates=(FIRST, FIXED)), FIRST) == ("the incident is resolved", "open another incident")
    due = PublicUpdate(30 * MINUTE, "Ben", Phase.RESOLVED, "Done", 60 * MINUTE)
    assert obstacle(opened, due) == (
        "a resolved incident has no next update",
        "omit the time of the next update",
    )


INVALID: list[dict[str, Any]] = [{"phase": "lost"}, {"impact": "total"}, {"next_due": "soon"}, {"detected": True}]


@pytest.mark.parametrize("changes", INVALID, ids=str)
def test_invalid_facts_are_ignored(changes: dict[str, Any]) -> None:
    fact = incident().fact()
    invalid = Fact.of(1, "Ana", PUBLIC_INCIDENT, "", {**fact.content(), **changes})
    lost = Fact.of(1, "Ana", PUBLIC_UPDATE, "", {"incident": "none", **FIRST.body()})
    other = Fact.of(1, "Ana", "correction", "forms", {})
    assert [actual.id for actual in read(invalid, lost, other, Fact.of(1, "Ana", PUBLIC_UPDATE, "", []), fact)] == [
        fact.id
    ]
