"""`ninewatch status-page`: drafts, incidents and updates in the journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import MINUTE, SECOND
from sla.product_incident import ProductIncident, Severity
from tests.monitor.commands.test_cli import run_in_process, write_config

if TYPE_CHECKING:
    from pathlib import Path

    from sla.public_incident import PublicIncident

PAGE = """
status_pages:
  - {id: citizens, title: Services, components: [{id: forms, name: Online forms, product: demo}]}
"""
OPEN = ("status-page", "open", "citizens", "--title", "Forms fail", "--component", "forms", "--text", "We look.")
ANA = ("--by", "Ana Ng")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose daemon recorded an outage that began six minutes ago."""
    began = SystemClock().now() // SECOND * SECOND - 6 * MINUTE
    store = SqliteStore(tmp_path / "n.db", 0)
    store.write(Batch(product_incidents=[ProductIncident("4f0c", "demo", began, None, Severity.PAGE, ())]))
    store.close()
    path = write_config(tmp_path, "http://127.0.0.1:1/health")
    path.write_text(path.read_text() + PAGE)
    return path


def published(config: Path) -> list[PublicIncident]:
    return Facts(Journal.of(config.parent / "n.db").read()).public_incidents


def test_incident_is_opened_updated_and_listed(config: Path) -> None:
    result = run_in_process(*OPEN, "--impact", "outage", "--next-update", "30m", *ANA, "-c", config)
    assert result.exit_code == 0
    (incident,) = published(config)
    assert result.output.startswith(f"incident {incident.id} on citizens: Forms fail; first public update 6m")
    assert (incident.product_incident, incident.last.author) == ("4f0c", "Ana Ng")
    assert incident.next_due is not None
    assert incident.next_due - incident.opened == 30 * MINUTE
    update = ("status-page", "update", incident.id, "--phase", "resolved", "--text", "It works.", *ANA)
    assert run_in_process(*update, "-c", config).output == f"incident {incident.id}: resolved\n"
    listed = run_in_process("status-page", "list", "-c", config).output
    assert "Forms fail (resolved, 2 updates); first public update 6m" in listed
    (row,) = [
        json.loads(line)
        for line in run_in_process("status-page", "list", "--json", "-c", config).output.split("\n")
        if line
    ]
    assert (row["id"], row["phase"], len(row["updates"])) == (incident.id, "resolved", 2)
    assert "the incident is resolved; open another" in str(run_in_process(*update, "-c", config).exception)


def test_draft_is_printed_and_not_published(config: Path) -> None:
    draft = ("status-page", "draft", "citizens", "--component", "forms", "--phase", "resolved")
    text = run_in_process(*draft, "-c", config).output
    assert text.startswith("The problem with Online forms is resolved. It began at ")
    assert text.endswith("and lasted 6m.\n")
    assert "{next_update}" in run_in_process(*draft[:5], "-c", config).output
    assert published(config) == []
    assert run_in_process("status-page", "list", "-c", config).output == "no public incidents\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("open", "none", *OPEN[3:], *ANA), 'unknown status page "none"; known pages: citizens'),
        ((*OPEN[1:], "--component", "x", *ANA), "components of citizens are missing or unknown; use ids of forms"),
        ((*OPEN[1:], "--incident", "x", *ANA), "unknown product incident"),
        ((*OPEN[1:], "--by", " "), "--by is empty"),
        (("update", "x", "--text", "x", *ANA), 'unknown public incident "x"; `ninewatch status-page list` lists them'),
        (("draft", "citizens", "--component", "x"), "components of citizens are missing or unknown"),
        (("draft", "citizens", "--component", "forms", "--next-update", "x"), "next_update is neither a duration"),
    ],
)
def test_mistakes_have_one_error_and_publish_nothing(config: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in str(run_in_process("status-page", *arguments, "-c", config).exception)
    assert published(config) == []
