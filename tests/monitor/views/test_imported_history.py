"""Notes about imported histories, also about those that a newer version recorded in another form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import pytest

from monitor.views.imported_history import import_notes
from sla.fact import IMPORT, Fact

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

END = "2026-11-03T12:00:00Z"


def notes(body: Any, since: int = 0) -> list[str]:
    facts = SimpleNamespace(all=[Fact.of(1, "import", IMPORT, "demo", body)], is_about=lambda *_: True)
    ledger = SimpleNamespace(facts=facts, portfolio=SimpleNamespace(zone=ZoneInfo("UTC")))
    return list(import_notes(cast("Ledger", ledger), "demo", since))


def test_note_has_the_source_and_the_end() -> None:
    (note,) = notes({"tool": "gatus", "checks": {"demo/a": {"end": END}}})
    assert note.startswith("The history up to 2026-11-03 12:00")
    assert "was imported from gatus; " in note


def test_history_before_the_window_has_no_note() -> None:
    assert notes({"tool": "gatus", "checks": {"demo/a": {"end": END}}}, since=2**60) == []


@pytest.mark.parametrize(
    "body",
    [
        "text",
        [],
        {"tool": "gatus"},
        {"tool": "gatus", "checks": {}},
        {"tool": "gatus", "checks": [1]},
        {"tool": "gatus", "checks": {"demo/a": {"end": "later"}}},
        {"tool": "gatus", "checks": {"demo/a": {"end": None}}},
        {"tool": "gatus", "checks": {"demo/a": None}},
        {"checks": {"demo/a": {"end": END}}},
    ],
)
def test_fact_of_a_newer_version_has_a_note_without_what_cannot_be_read(body: Any) -> None:
    (note,) = notes(body)
    assert note.startswith("The history was imported from another monitor; ")
