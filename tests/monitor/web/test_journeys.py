"""The steps of a journey's last run: a waterfall on the product page, data in the API, lines of `ninewatch probe`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from monitor.commands.probe import probe
from monitor.probe_result import JourneyResult, StepResult
from sla.interval import HOUR, MINUTE
from sla.observation import Outcome
from tests.monitor.web.conftest import NOW, small_ledger
from tests.support.ledgers import FakeCheck, ledger_of, observe, probe_all, product
from tests.support.probing import load_check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.monitor.web.conftest import RunningServer

STEPS = (
    StepResult("submit", Outcome.GOOD, status=201, at=0.0, duration=0.25, phases={"connect": 0.05, "first_byte": 0.2}),
    StepResult("read", Outcome.BAD, "http_status", 503, "expected <200>", at=0.25, duration=0.5),
    StepResult("notify", None, at=0.75),
    StepResult("clean-up", Outcome.UNKNOWN, "not_run", at=0.75, duration=0.25),
)
RESULT = JourneyResult(Outcome.BAD, "read: http_status", 503, detail="expected <200>", steps=STEPS)


async def test_the_product_page_shows_the_steps_on_one_time_axis(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    server = await publish(small_ledger())
    assert "waterfall" not in (await server.get("/products/chefs")).text
    observe(server.ledger, server.ledger.entries["chefs/health"], NOW + MINUTE, RESULT)
    text = (await server.get("/products/chefs")).text
    assert "Steps of health in the last run" in text
    bars = re.findall(r'<rect class="(good|bad|unknown|skipped)" x="([\d.]+)" y="0" width="([\d.]+)"', text)
    assert bars == [("good", "0.0", "60.0"), ("bad", "60.0", "120.0"), ("unknown", "180.0", "60.0")]
    rows = re.findall(r'<th scope="row" data-label="Step">([\w-]+)</th>\s*<td[^>]*><div>(\w+)', text)
    assert rows == [("submit", "good"), ("read", "bad"), ("notify", "skipped"), ("clean-up", "unknown")]
    assert "connect 50ms" in text
    assert "expected &lt;200&gt;" in text


async def test_the_api_lists_the_steps(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(small_ledger())
    observe(server.ledger, server.ledger.entries["chefs/health"], NOW + MINUTE, RESULT)
    body: dict[str, list[dict[str, dict[str, list[dict[str, object]]]]]]
    body = await (await server.get("/api/v1/products/chefs")).json()  # type: ignore[assignment]
    steps = body["checks"][0]["last"]["steps"]
    assert [(step["id"], step["outcome"]) for step in steps] == [
        ("submit", "good"),
        ("read", "bad"),
        ("notify", None),
        ("clean-up", "unknown"),
    ]
    assert steps[0] == {
        "id": "submit",
        "outcome": "good",
        "reason": "",
        "status": 201,
        "detail": "",
        "at_seconds": 0.0,
        "duration_seconds": 0.25,
        "phases": {"connect": 0.05, "first_byte": 0.2},
    }


async def test_a_journey_has_an_availability_of_its_own(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    """It was down for half an hour of an hour, while the other check of the product was up."""
    checks = (
        FakeCheck(id="health", interval="1m", timeout="10s"),
        load_check({"id": "submit", "interval": "1m", "steps": [{"id": "port", "tcp": "192.0.2.1:1"}]}),
    )
    ledger = ledger_of({**product("chefs"), "checks": checks, "rule": "any"})
    health, submit = ledger.entries["chefs/health"], ledger.entries["chefs/submit"]
    probe_all(ledger, [health], NOW - HOUR, NOW)
    probe_all(ledger, [submit], NOW - HOUR, NOW - HOUR // 2)
    probe_all(ledger, [submit], NOW - HOUR // 2 + MINUTE, NOW, RESULT)
    server = await publish(ledger)
    body: dict[str, Any] = await (await server.get("/api/v1/products/chefs")).json()  # type: ignore[assignment]
    plain, journey = body["checks"]
    assert (plain["availability"], plain["coverage"]) == (None, None)
    assert journey["availability"]["low"] < 0.51 < 0.52 > journey["availability"]["point"] > 0.49
    assert body["windows"]["1h"]["availability"]["low"] == 1
    assert "Availability of submit by itself" in (await server.get("/products/chefs")).text


def test_the_command_prints_a_line_per_step(tmp_path: Path) -> None:
    steps = "[{id: first, tcp: '127.0.0.1:1'}, {id: second, tcp: '127.0.0.1:1'}]"
    check = f"{{id: journey, timeout: 30s, steps: {steps}}}"
    (tmp_path / "c.yaml").write_text(f"products: [{{id: p, objective: 99%, checks: [{check}]}}]\n")
    arguments = ["p/journey", "-c", str(tmp_path / "c.yaml")]
    lines = [line.split() for line in CliRunner().invoke(probe, arguments).stdout.splitlines()]
    assert [line[1:4] for line in lines if line[0] == "step"] == [
        ["first", "bad", "connect_refused"],
        ["second", "skipped"],
    ]
    content = json.loads(CliRunner().invoke(probe, [*arguments, "--json"]).stdout)
    assert content["reason"] == "first: connect_refused"
    assert [(step["id"], step["outcome"]) for step in content["steps"]] == [("first", "bad"), ("second", None)]
