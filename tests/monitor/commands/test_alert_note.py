"""`ninewatch alert note`: a note on an incident, without a daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.access.audit_log import AuditLog
from monitor.facts.journal import Journal
from sla.incident_note import incident_notes
from tests.monitor.commands.test_alert_acknowledge import KEY, OUTAGE, record, run

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
store: {store}
products:
- {{id: forms, objective: 99.9%, checks: [{{id: page, http: "https://f.example.org/"}}]}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ninewatch.yaml"
    path.write_text(CONFIG.format(store=tmp_path / "record.db"))
    return path


@pytest.mark.parametrize("name", [KEY, "abc"])
def test_note_is_a_fact_with_an_entry_in_the_audit_log(config: Path, name: str) -> None:
    path = record(config, product_incidents=[OUTAGE])
    result = run("note", name, "restarted the database", "--by", "Ana", "-c", config)
    assert (result.exit_code, result.output) == (0, f"added a note to {KEY} (forms)\n")
    (note,) = incident_notes(Journal.of(path).read(), KEY)
    assert (note.author, note.product, note.text) == ("Ana", "forms", "restarted the database")
    assert [(row.kind, row.product) for row in AuditLog.of(path).entries()] == [("incident_note", "forms")]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("none", "a", 'unknown incident "none"; its id is on its page'),
        (KEY, " ", "TEXT is empty"),
        (KEY, "a\nb", "TEXT"),
    ],
)
def test_invalid_note_is_rejected(config: Path, name: str, text: str, error: str) -> None:
    path = record(config, product_incidents=[OUTAGE])
    result = run("note", name, text, "--by", "Ana", "-c", config)
    assert result.exit_code != 0
    assert error in str(result.exception) + result.output
    assert Journal.of(path).read() == []
