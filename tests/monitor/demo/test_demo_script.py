"""The demo script: a table that is validated at its creation and runs by the clock."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from monitor.demo import modes, script
from monitor.demo.products import Products
from monitor.demo.script import DEFAULT, Script, Step
from monitor.errors import NinewatchError


@dataclass
class StoryClock:
    """A clock on which waiting takes no time, and which stops the script at `until` seconds."""

    until: float
    at: float = 100.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> int:
        return int(self.at * 1_000_000)

    def monotonic(self) -> float:
        return self.at

    async def sleep_until(self, moment: float) -> None:
        if moment > self.until:
            raise asyncio.CancelledError
        self.at = max(self.at, moment)


async def applied_steps(demo_script: Script, clock: StoryClock) -> list[tuple[float, Step]]:
    applied: list[tuple[float, Step]] = []

    async def apply(step: Step) -> None:
        applied.append((clock.monotonic(), step))

    with pytest.raises(asyncio.CancelledError):
        await script.play(demo_script, clock, apply)
    return applied


async def test_steps_apply_in_order_in_every_round() -> None:
    first, second = Step(2, "drop", "outage"), Step(5, "drop", "up")
    applied = await applied_steps(Script(10, (first, second)), StoryClock(until=123))
    assert applied == [(102, first), (105, second), (112, first), (115, second), (122, first)]


async def test_slow_step_does_not_delay_later_rounds() -> None:
    clock = StoryClock(until=125)
    at: list[float] = []

    async def dawdle(step: Step) -> None:
        at.append(clock.at)
        clock.at += 4

    with pytest.raises(asyncio.CancelledError):
        await script.play(Script(10, (Step(0, "drop", "outage"), Step(1, "drop", "up"))), clock, dawdle)
    assert at == [100, 104, 110, 114, 120, 124]


async def test_script_without_steps_ends_immediately() -> None:
    async def apply(step: Step) -> None:
        raise AssertionError(step)

    await script.play(script.NONE, StoryClock(until=0), apply)


async def test_products_change_to_the_scripts_modes_and_log_each_change() -> None:
    lines: list[str] = []
    played = Script(60, (Step(12, "drop", "outage"), Step(30, "chefs", "not_ready")))
    async with Products(played, StoryClock(until=131), announce=lines.append) as products:
        with pytest.raises(asyncio.CancelledError):
            await products.play()
        assert (products.current_modes["drop"], products.current_modes["chefs"]) == ("outage", "not_ready")
    assert lines == [
        "demo 00:12  drop: outage - connection refused: nothing listens",
        "demo 00:30  chefs: not_ready - 200 but not ready: event stream lost, every other route is 503",
    ]


def test_default_script_starts_soon_and_ends_with_all_products_up() -> None:
    assert DEFAULT.steps[0].at <= 15
    assert 240 <= DEFAULT.length <= 300
    assert {step.product for step in DEFAULT.steps} == set(modes.MODES)
    assert set({step.product: step.mode for step in DEFAULT.steps}.values()) == {"up"}


def test_default_script_contains_the_faults_that_are_hard_to_detect() -> None:
    used_modes = {(step.product, step.mode) for step in DEFAULT.steps}
    assert {("drop", "outage"), ("chefs", "not_ready"), ("notify", "slow")} <= used_modes
    keycloak_modes = [step.mode for step in DEFAULT.steps if step.product == "keycloak"]
    assert keycloak_modes == ["outage", "maintenance", "failover", "up"]


def test_table_shows_every_step_with_its_time() -> None:
    rows = DEFAULT.table().splitlines()
    assert len(rows) == 1 + len(DEFAULT.steps)
    assert rows[1].split()[:3] == ["00:12", "drop", "outage"]


def test_columns_of_the_table_are_as_wide_as_their_content() -> None:
    table = Script(60, (Step(1, "drop", "outage"), Step(2, "secondment", "one_instance_down"))).table()
    assert table.splitlines()[1:] == [
        "  00:01  drop        outage             connection refused: nothing listens",
        "  00:02  secondment  one_instance_down  one of its 2 instances is down; the product stays up",
    ]


STEP = {"at": 5, "product": "drop", "mode": "outage"}


def test_script_is_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"length": 60, "steps": [STEP]}))
    assert script.load(str(path)) == Script(60, (Step(5, "drop", "outage"),))
    assert script.load("default") is DEFAULT


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        ("not json", "expected"),
        ("[]", "expected"),
        ({"length": 60}, "expected"),
        ({"length": 60, "steps": [STEP | {"mode": "broken"}]}, "unknown mode 'broken'; modes of drop: up, outage"),
        ({"length": 60, "steps": [STEP | {"product": "drip"}]}, "unknown product 'drip'; known products:"),
        ({"length": 5, "steps": [STEP]}, "outside the schedule"),
        ({"length": 60, "steps": [STEP, STEP | {"at": 4}]}, "in order of time"),
    ],
)
def test_invalid_script_is_rejected_with_a_remedy(tmp_path: Path, body: Any, remedy: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(body if isinstance(body, str) else json.dumps(body))
    with pytest.raises(NinewatchError, match=remedy) as refusal:
        script.load(str(path))
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_missing_script_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(NinewatchError, match="No such file"):
        script.load(str(tmp_path / "none.json"))
