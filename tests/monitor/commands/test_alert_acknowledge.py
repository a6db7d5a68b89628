"""`ninewatch alert acknowledge`, and the open alerts in `alert list`; without a daemon."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.facts.journal import Journal
from monitor.notification import Kind
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.acknowledgement import Acknowledgement, Via, acknowledgements
from sla.escalation import Progress
from sla.interval import HOUR, MINUTE, SECOND
from sla.page_response import Response
from sla.product_incident import ProductIncident, Severity
from tests.support.messages import row

if TYPE_CHECKING:
    from pathlib import Path

NOW = SystemClock().now()
KEY = "4f0c1d2e3a4b"
STEP = Progress("sso", 2, NOW - 5 * MINUTE, NOW + 10 * HOUR, ("ada",), "Ada", 1)
OPEN = Response(KEY, NOW - 20 * MINUTE, "forms", Severity.PAGE, "P1", 15 * MINUTE, escalations=(STEP,))
OUTAGE = ProductIncident(KEY, "forms", NOW - 21 * MINUTE, None, Severity.PAGE, ("abc",))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ninewatch.yaml"
    check = {"id": "health", "http": "https://example.org/"}
    products = [{"id": "forms", "objective": "99.9%", "checks": [check]}]
    receivers = [{"id": "ops", "webhook": "https://ops.example.org/"}]
    path.write_text(json.dumps({"store": str(tmp_path / "record.db"), "receivers": receivers, "products": products}))
    return path


def record(config: Path, **parts: Any) -> Path:
    path = config.parent / "record.db"
    store = SqliteStore(path, NOW)
    store.write(Batch(**parts))
    store.close()
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["alert", *map(str, arguments)])


def acknowledge(config: Path, key: str = KEY, author: str = "Grace") -> Result:
    return run("acknowledge", key, "--by", author, "-c", config)


def test_acknowledgement_is_written_as_a_fact(config: Path) -> None:
    path = record(config, responses=[OPEN], product_incidents=[OUTAGE])
    result = acknowledge(config)
    assert (result.exit_code, result.output) == (0, f"acknowledged {KEY} (forms) by Grace\n")
    (acknowledgement,) = acknowledgements(Journal.of(path).read())
    assert (
        acknowledgement.key,
        acknowledgement.by,
        acknowledgement.via,
        acknowledgement.product,
        acknowledgement.incident,
    ) == (
        KEY,
        "Grace",
        Via.COMMAND,
        "forms",
        KEY,
    )


def test_alert_without_incident_is_acknowledged(config: Path) -> None:
    path = record(config, responses=[replace(OPEN, key="blind:local:7", product="")])
    result = acknowledge(config, "blind:local:7")
    assert (result.exit_code, result.output) == (0, "acknowledged blind:local:7 by Grace\n")
    (acknowledgement,) = acknowledgements(Journal.of(path).read())
    assert (acknowledgement.product, acknowledgement.incident) == ("", "")


def test_second_acknowledgement_reports_the_first(config: Path) -> None:
    path = record(config, responses=[OPEN])
    acknowledge(config)
    result = acknowledge(config, author="Ada")
    assert result.exit_code == 0
    assert result.output.startswith(f"{KEY} is acknowledged already: by Grace at 20")
    assert len(Journal.of(path).read()) == 1


def test_acknowledgement_of_a_ticket_does_not_count_for_its_page(config: Path) -> None:
    ticket = replace(OPEN, severity=Severity.TICKET, ended=OPEN.started + MINUTE)
    path = record(config, responses=[ticket, replace(OPEN, started=OPEN.started + MINUTE)])
    Journal.of(path).add(Acknowledgement(OPEN.started + SECOND, KEY, "Ada", Via.LINK, "forms").fact())
    assert acknowledge(config).output == f"acknowledged {KEY} (forms) by Grace\n"


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({}, f'unknown alert "{KEY}"; no alert is open'),
        ({"responses": [replace(OPEN, key="another")]}, f'unknown alert "{KEY}"; open alerts: another'),
        (
            {"responses": [replace(OPEN, ended=NOW)], "product_incidents": [replace(OUTAGE, resolved=NOW)]},
            f"the alert {KEY} was resolved at 20",
        ),
        ({"notifications": [row(), replace(row(Kind.RESOLVED), turn=1)]}, f"the alert {KEY} is resolved"),
        ({"product_incidents": [OUTAGE]}, f"the alert {KEY} was not announced: it is muted, or no route matches it"),
    ],
)
def test_alert_that_is_not_open_gives_one_clear_error(config: Path, parts: dict[str, Any], problem: str) -> None:
    path = record(config, **parts)
    result = acknowledge(config)
    assert result.exit_code != 0
    assert problem in str(result.exception)
    assert Journal.of(path).read() == []


def test_alert_announced_by_earlier_version_is_acknowledged(config: Path) -> None:
    record(config, notifications=[row()], product_incidents=[OUTAGE])
    assert acknowledge(config).output == f"acknowledged {KEY} (forms) by Grace\n"


def test_missing_record_is_reported_with_a_remedy(config: Path) -> None:
    assert "no record at" in str(acknowledge(config).exception)


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (OPEN, "(P1; sso step 2 for Ada; not acknowledged, later than 15m; next escalation in "),
        (
            OPEN.acknowledge(OPEN.started + 4 * MINUTE, "Grace", "link"),
            "(P1; sso step 2 for Ada; acknowledged by Grace after 4m, within 15m)",
        ),
        (replace(OPEN, priority="", target=None, escalations=()), "(not acknowledged)"),
        (
            replace(OPEN, escalations=(replace(STEP, receivers=(), person="", due=None),)),
            "(P1; sso step 2, waits for the next shift; not acknowledged, later than 15m)",
        ),
    ],
)
def test_list_shows_step_acknowledgement_and_next_escalation(config: Path, response: Response, line: str) -> None:
    record(config, responses=[response])
    printed = run("list", "-c", config).output
    assert printed.startswith("open      20")
    assert f"page  forms  {KEY}  {line}" in printed


def test_json_of_a_notification_contains_the_response(config: Path) -> None:
    record(config, responses=[OPEN], notifications=[row(), replace(row(key="done"), done=NOW)])
    rows = [json.loads(line) for line in run("list", "--json", "-c", config).output.splitlines()]
    assert [fields["response"] and fields["response"]["priority"] for fields in rows] == ["P1", None]
    response = rows[0]["response"]
    assert (response["target_seconds"], response["acknowledged"]) == (900, None)
    assert response["escalations"] == [{"id": "sso", "step": 2, "person": "Ada"}]
    assert response["next_escalation"] > response["started"]
