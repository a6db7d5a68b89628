"""Transactions in flight in the API, on the page, in /metrics and in `ninewatch continuity`: the same figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.facts.intent_log import IntentLog
from monitor.facts.journal import Journal
from monitor.ledger.continuity_register import ContinuityRegister
from monitor.storage.sqlite import SqliteStore
from monitor.web.openapi_continuity import PATHS
from monitor.web.openapi_continuity import SCHEMAS as OWN_SCHEMAS
from monitor.web.openapi_schemas import SCHEMAS
from sla.availability import Bounds
from sla.continuity import ContinuityResult
from sla.intent import Answer, Closing, Intent, ReadBack, WriteOutcome, runs_of
from sla.interval import SECOND
from tests.monitor.commands.test_cli import run_in_process, write_config
from tests.support.ledgers import NOW, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sla.intent import Entry
    from tests.monitor.web.conftest import RunningServer

BLOCK = {"id": "row", "redis": {"address": "127.0.0.1:1"}}


def entries(owner: str) -> list[Entry]:
    """Return the entries of a preserved, a lost, an open and a possibly left behind transaction."""
    log_entries: list[Entry] = []
    for name, copies, closing in (
        ("kept", 1, Closing("kept", NOW - SECOND)),
        ("gone", 0, Closing("gone", NOW - SECOND)),
        ("held", None, None),
        ("left", None, Closing("left", NOW - SECOND, left_behind=True, reason="killed")),
    ):
        log_entries.append(Intent(name, owner, "begin", NOW - 60 * SECOND, f"RPUSH {name}"))
        log_entries.append(Answer(name, "begin", NOW - 59 * SECOND, WriteOutcome.ACKNOWLEDGED))
        if copies is not None:
            log_entries.append(ReadBack(name, NOW - 9 * SECOND, {"begin": copies}))
        if closing is not None:
            log_entries.append(closing)
    return log_entries


def record_result(product_id: str) -> ContinuityResult:
    failed = Bounds(NOW - 31 * SECOND, NOW - 30 * SECOND, NOW - 29 * SECOND)
    lengths = Bounds[int | None](28 * SECOND, 29 * SECOND, None)
    return ContinuityResult(
        product_id, "row", failed, NOW - 20 * SECOND, {"lost": 1, "preserved": 1}, lengths, ("gone",)
    )


@pytest.fixture
async def server(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    ledger = ledger_of(product("forms", continuity=[BLOCK]), product("mail"))
    ledger.continuity = ContinuityRegister(runs_of(entries("forms/row")))
    ledger.facts = Facts([record_result("forms").fact(NOW - 5 * SECOND, "ninewatch")])
    return await publish(ledger)


async def test_api_lists_states_runs_and_results(server: RunningServer) -> None:
    body: Any = await (await server.get("/api/v1/products/forms/continuity")).json()
    (_, schema, _) = PATHS["/api/v1/products/{id}/continuity"]
    jsonschema.validate(body, schema | {"components": {"schemas": SCHEMAS | OWN_SCHEMAS}})
    (transaction,) = body
    states = {state: count for state, count in transaction["states"].items() if count}
    assert states == {"preserved": 1, "lost": 1, "open": 1, "unverified": 1}
    assert transaction["possibly_left_behind"] == 1
    assert [run["run"] for run in transaction["newest"]] == ["left", "held", "gone", "kept"]
    assert transaction["results"][0]["rpa_seconds"] == {"low": 28.0, "point": 29.0, "high": None}
    assert await (await server.get("/api/v1/products/mail/continuity")).json() == []
    assert (await server.get("/api/v1/products/none/continuity")).status == 404


async def test_page_shows_the_last_failure(server: RunningServer) -> None:
    page = (await server.get("/products/forms")).text
    assert "Transactions in flight" in page
    assert "1 preserved, 1 lost, 1 open, 1 unverified" in page
    assert "at least 28s" in page
    assert "Transactions in flight" not in (await server.get("/products/mail")).text


async def test_metrics_have_the_recovery_point_and_what_is_left_behind(server: RunningServer) -> None:
    server.ledger.continuity.add("forms/row", Closing("held", NOW))
    page = (await server.get("/metrics")).text
    labels = 'product="forms",transaction="row"'
    assert f"ninewatch_continuity_open{{{labels}}} 0" in page
    assert f"ninewatch_continuity_possibly_left_behind{{{labels}}} 1" in page
    assert f'ninewatch_continuity_transactions_total{{{labels},state="unverified"}} 1' in page
    assert f'ninewatch_continuity_recovery_point_seconds{{{labels},bound="low"}} 28.0' in page
    assert f"ninewatch_continuity_lost{{{labels}}} 1" in page
    assert 'bound="high"' not in page.partition("ninewatch_continuity_recovery_point")[2].partition("# ")[0]


async def test_metrics_have_what_transactions_left_behind_that_are_no_longer_configured(server: RunningServer) -> None:
    for entry in entries("former/row"):
        server.ledger.continuity.add("former/row", entry)
    page = (await server.get("/metrics")).text
    assert 'ninewatch_continuity_possibly_left_behind{product="former",transaction="row"} 2' in page
    assert 'ninewatch_continuity_open{product="former"' not in page


def test_command_reads_record_and_intent_log(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "n.db", 0).close()
    config = write_config(tmp_path, "http://127.0.0.1:1/")
    block = "continuity: [{id: row, redis: {address: '127.0.0.1:1'}}]"
    config.write_text(config.read_text().replace("{id: demo,", f"{{id: demo, {block},"))
    empty = run_in_process("continuity", "-c", config)
    assert "no failure met open transactions" in empty.stdout
    for entry in entries("demo/row"):
        IntentLog.of(tmp_path / "n.db").add(entry)
    Journal.of(tmp_path / "n.db").add(record_result("demo").fact(NOW - 5 * SECOND, "ninewatch"))
    shown = run_in_process("continuity", "demo", "-c", config)
    assert shown.stdout.splitlines() == [
        "demo/row (redis)",
        "  transactions  1 preserved, 1 lost, 1 open, 1 unverified",
        "  left behind   possibly 1",
        f"  last failure  {shown.stdout.splitlines()[3].partition('last failure  ')[2]}",
    ]
    assert "1 preserved, 1 lost; recovery point at least 28s" in shown.stdout
    (plain,) = map(json.loads, run_in_process("continuity", "--json", "-c", config).stdout.splitlines())
    assert plain["results"][0]["runs"] == ["gone"]


@pytest.mark.parametrize(("name", "message"), [("demo", "demo has no `continuity:`"), ("x", 'unknown product "x"')])
def test_product_without_transactions_is_one_error(tmp_path: Path, name: str, message: str) -> None:
    result = run_in_process("continuity", name, "-c", write_config(tmp_path, "http://127.0.0.1:1/"))
    assert isinstance(result.exception, NinewatchError)
    assert message in str(result.exception)
