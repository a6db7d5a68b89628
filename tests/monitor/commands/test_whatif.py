"""`ninewatch whatif`: replay the record with one change applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MINUTE
from sla.window import format_instant
from tests.monitor.commands.test_cli import run_in_process
from tests.support.ledgers import history

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
store: {store}
products:
  - id: forms
    objective: 99.9%
    depends_on: [login]
    value_per_hour: {{amount: 1200, basis: made up}}
    plan: {{expected: 99.93%, chance: 40%, costs: {{decouple/login: 8000}}}}
    checks: [{{id: health, http: "http://127.0.0.1:1/", interval: 1m}}]
  - id: login
    objective: 99.9%
    checks: [{{id: health, http: "http://127.0.0.1:1/", interval: 1m}}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A record of 10 days: forms was down for 20 minutes with login, and for an hour alone."""
    now = SystemClock().now() // MINUTE * MINUTE
    start = now - 10 * DAY
    together, alone = start + DAY, start + 5 * DAY
    shared = (together, together + 19 * MINUTE, "deadline")
    own = (alone, alone + 59 * MINUTE, "deadline")
    runs = [*history("forms/health", start, now, [shared, own]), *history("login/health", start, now, [shared])]
    store = SqliteStore(tmp_path / "n.db", 0)
    store.write(Batch(runs=runs))
    store.close()
    path = tmp_path / "ninewatch.yaml"
    path.write_text(CONFIG.format(store=tmp_path / "n.db"))
    return path


def last_probe(config: Path) -> str:
    """Return the instant of the last observation."""
    with reading(config.parent / "n.db") as record:
        return format_instant(max(record.last_observed().values()))


def test_text_ranks_changes_with_bounds_costs_and_assumptions(config: Path) -> None:
    result = run_in_process("whatif", "--product", "forms", "--at", last_probe(config), "-c", config)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("forms, last 13 months, recorded since ")
    assert lines[1].endswith(", 1h 20m of downtime (between 1h 18m and 1h 22m)")
    assert lines[2] == "  plan: 99.93% expected, 40% chance of the objective"
    first = lines.index("  1. Decouple from login (decouple/login)")
    assert lines[first + 1].startswith("     saved: 20m (between 19m and 21m)")
    assert lines[first + 3].startswith("     cost: 8,000.00 CAD per year, ")
    assert lines[first + 4].startswith("     cost of the downtime saved: 400.00 CAD, between 380.00 CAD and 420.00 CAD")
    second = lines.index("  2. Fail over to a second site within 15m (failover/15m)")
    assert lines[second + 1].startswith("     saved: 45m (between 44m and 47m)")
    assert "  3. Run a second replica (replica)" in lines
    assert lines[-1] == "  Raw downtime before exclusions. Unknown time stays unknown."


def test_json_has_one_object_per_product_that_can_have_the_change(config: Path) -> None:
    result = run_in_process("whatif", "decouple/login", "--window", f"{6 * 24}h", "--json", "-c", config)
    (body,) = map(json.loads, result.stdout.splitlines())
    assert (body["product"], [change["id"] for change in body["changes"]]) == ("forms", ["decouple/login"])
    assert body["changes"][0]["saved_seconds"]["point"] == 0.0
    every = run_in_process("whatif", "--json", "-c", config)
    assert [json.loads(line)["product"] for line in every.stdout.splitlines()] == ["forms", "login"]


def test_past_instant_ignores_later_outages(config: Path) -> None:
    at = (SystemClock().now() - 7 * DAY) // HOUR * HOUR
    result = run_in_process("whatif", "failover/5m", "--product", "forms", "--at", format_instant(at), "-c", config)
    assert "20m of downtime" in result.stdout
    assert "1h" not in result.stdout.splitlines()[1]


def test_product_without_downtime_has_no_change_that_helps(config: Path) -> None:
    now = SystemClock().now() // MINUTE * MINUTE
    window = f"{format_instant(now - 4 * DAY)}/{format_instant(now - 3 * DAY)}"
    result = run_in_process("whatif", "--product", "login", "--window", window, "-c", config)
    assert result.stdout.endswith("  no change that the record can show would have saved downtime\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("magic",), 'unknown change "magic"; use one of decouple/DEPENDENCY, failover/15m'),
        (("failover/soon",), '"soon" is not a duration'),
        (("--product", "form"), 'unknown product "form"; known products: forms, login'),
        (("decouple/mail",), "no product depends on mail; use `all` for the possible changes"),
        (("decouple/mail", "--product", "forms"), "forms does not depend on mail; it depends on login"),
        (("decouple/mail", "--product", "login"), "login does not depend on mail; it depends on nothing"),
    ],
)
def test_mistake_is_one_clear_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run_in_process("whatif", *arguments, "-c", config)
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_cost_of_decoupling_from_another_product_is_rejected(config: Path) -> None:
    config.write_text(config.read_text().replace("decouple/login: 8000", "decouple/mail: 8000"))
    result = run_in_process("whatif", "-c", config)
    assert "has the cost of decouple/mail, but the product depends on login; correct the id" in str(result.exception)
