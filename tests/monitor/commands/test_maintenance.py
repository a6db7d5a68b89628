"""`ninewatch maintenance`: windows are added, listed, ended and applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from monitor.alerting.mutes import in_maintenance
from monitor.clock import SystemClock
from monitor.facts.fact_index import Facts
from monitor.facts.history import history
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from sla.exclusion import Cause
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.maintenance_window import MaintenanceWindow, maintenance_window_end
from sla.window import format_instant
from tests.monitor.commands.test_cli import run_in_process, write_config
from tests.support.ledgers import NOW, ledger_of, product

if TYPE_CHECKING:
    from pathlib import Path

WHO = ("--by", "Ana Ng", "--reason", "upgrade")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose daemon ran once."""
    SqliteStore(tmp_path / "n.db", 0).close()
    return write_config(tmp_path, "http://127.0.0.1:1/health")


def test_window_is_added_listed_and_ended(config: Path) -> None:
    result = run_in_process("maintenance", "add", "demo", "--for", "2h", *WHO, "-c", config)
    assert (result.exit_code, result.output.split()[2]) == (0, "demo")
    known = result.output.split()[1].rstrip(":")
    listed = run_in_process("maintenance", "list", "-c", config).output
    assert listed.startswith(f"{known}  demo ")
    assert listed.endswith("(2h): upgrade\n")
    row = json.loads(run_in_process("maintenance", "list", "--json", "-c", config).output)
    assert (row["product"], row["id"], row["author"], row["reason"]) == ("demo", known, "Ana Ng", "upgrade")
    end = run_in_process("maintenance", "end", known, *WHO, "-c", config)
    assert end.output == f"maintenance {known} ended\n"
    assert "no maintenance in the next 30 days" in run_in_process("maintenance", "list", "-c", config).output
    again = run_in_process("maintenance", "end", known, *WHO, "-c", config)
    assert "has already ended" in str(again.exception)


def with_terms(config: Path, terms: str) -> None:
    agreed = f"objective: 99%, agreement: {{maintenance: {terms}}}"
    config.write_text(config.read_text().replace("objective: 99%", agreed))


def test_list_reaches_further_and_has_the_reasons(config: Path) -> None:
    """A window in 40 days is listed with --ahead only; terms that it does not meet are listed with it."""
    with_terms(config, "{notice: 50d, approval: second_person}")
    start = format_instant(SystemClock().now() + 40 * DAY)
    added = run_in_process("maintenance", "add", "demo", "--start", start, "--for", "2h", *WHO, "-c", config)
    known = added.output.split()[1].rstrip(":")
    assert run_in_process("maintenance", "list", "-c", config).output == "no maintenance in the next 30 days\n"
    first, second = run_in_process("maintenance", "list", "--ahead", "41d", "-c", config).output.splitlines()
    assert first.startswith(f"{known}  demo ")
    assert second.startswith("  not excluded: demo ")
    assert second.endswith("50d of notice are required; not approved by a second person")
    row = json.loads(run_in_process("maintenance", "list", "--ahead", "41d", "--json", "-c", config).output)
    assert row["not_excluded"][0]["because"][1] == "not approved by a second person"
    for ahead in ("soon", "0d", "401d"):
        result = run_in_process("maintenance", "list", "--ahead", ahead, "-c", config)
        assert "--ahead is not a duration of at most 400d" in str(result.exception)


def test_window_is_approved_by_another_person_once(config: Path) -> None:
    with_terms(config, "{approval: second_person}")
    start = format_instant(SystemClock().now() + DAY)
    added = run_in_process("maintenance", "add", "demo", "--start", start, "--for", "2h", *WHO, "-c", config)
    known = added.output.split()[1].rstrip(":")
    own = run_in_process("maintenance", "approve", known, "--by", "ana  NG", "-c", config)
    assert "the author of a window cannot approve it; another person must approve it" in str(own.exception)
    result = run_in_process("maintenance", "approve", known, "--by", "Ben", "-c", config)
    assert result.output == f"maintenance {known} approved by Ben\n"
    again = run_in_process("maintenance", "approve", known, "--by", "Eve", "-c", config)
    assert "the window is already approved by Ben" in str(again.exception)
    assert "not excluded" not in run_in_process("maintenance", "list", "-c", config).output
    unknown = run_in_process("maintenance", "approve", "abc", "--by", "Eve", "-c", config)
    assert 'unknown maintenance window "abc"' in str(unknown.exception)
    facts = Facts(Journal.of(config.parent / "n.db").read())
    texts = [line for entry in history(facts, "demo") for line in entry.changes]
    assert texts[-1] == f"maintenance {known} approved"


def test_window_of_all_products_starts_later(config: Path) -> None:
    options = ("--all", "--start", "2254-01-02T03:00:00Z", "--until", "2254-01-02T05:00:00Z")
    result = run_in_process("maintenance", "add", *options, *WHO, "-c", config)
    assert "all products 2254-01-02T03:00:00Z/2254-01-02T05:00:00Z (2h)" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "nope", "--for", "1h", *WHO), 'unknown product "nope"; known products: demo'),
        (("add", "--for", "1h", *WHO), "specify either PRODUCT or --all"),
        (("add", "demo", "--all", "--for", "1h", *WHO), "specify either PRODUCT or --all"),
        (("add", "demo", *WHO), "specify the duration"),
        (("add", "demo", "--start", "2020-01-01T00:00:00Z", "--for", "1h", *WHO), "--start is in the past"),
        (("add", "demo", "--start", "soon", "--for", "1h", *WHO), "--start: "),
        (("end", "abc", *WHO), 'unknown maintenance window "abc"'),
    ],
)
def test_mistake_gives_one_clear_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run_in_process("maintenance", *arguments, "-c", config)
    assert message in str(result.exception)
    assert Journal.of(config.parent / "n.db").read() == []


def test_window_is_excluded_until_its_early_end_and_mutes_alerts() -> None:
    """The window of another product changes nothing; one of all products counts for each."""
    ledger = ledger_of(product("chefs"), product("forms"))
    window = MaintenanceWindow("chefs", Interval(NOW, NOW + 2 * HOUR), "Ana", "upgrade", NOW)
    every = MaintenanceWindow("", Interval(NOW + 3 * HOUR, NOW + 4 * HOUR), "Ana", "move", NOW)
    ledger.facts = Facts([window.fact(), every.fact()])
    span = Interval(NOW - HOUR, NOW + 5 * HOUR)

    def excluded_hours(name: str) -> list[tuple[float, float]]:
        maintenance = [exclusion for exclusion in ledger.exclusions(name, span) if exclusion.cause is Cause.MAINTENANCE]
        return sorted(
            ((i.start - NOW) / HOUR, (i.end - NOW) / HOUR) for i in (exclusion.interval for exclusion in maintenance)
        )

    assert excluded_hours("chefs") == [(0, 2), (3, 4)]
    assert excluded_hours("forms") == [(3, 4)]
    assert in_maintenance(ledger, "chefs", NOW + HOUR)
    assert not in_maintenance(ledger, "forms", NOW + HOUR)
    end = maintenance_window_end(window, NOW + 30 * MINUTE, "Ben", "done")
    ledger.facts = Facts(ledger.facts.all, [end])
    assert excluded_hours("chefs") == [(0, 0.5), (3, 4)]
    assert not in_maintenance(ledger, "chefs", NOW + HOUR)
    texts = [line for entry in history(ledger.facts, "chefs") for line in entry.changes]
    assert f"maintenance {window.id} ended: done" in texts
    assert any(text.endswith(": upgrade") and text.startswith("maintenance ") for text in texts)
