"""Whether the other vantages deliver in time, and which checks lost their quorum, from the files that are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from monitor.config.model import Portfolio
from monitor.delivery_status import DeliveryState
from monitor.probe_result import ProbeResult
from sla.interval import HOUR, MINUTE, SECOND
from sla.observation import Outcome
from tests.monitor.engine.test_vantage_importer import KEY, Scene, running
from tests.support.ledgers import NOW, FakeCheck

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.delivery_status import DeliveryStatus

HOLD = 2 * MINUTE + 10 * SECOND  # of a check with an interval of 1 minute and a timeout of 10 seconds
OTHER = "forms/other"


async def examine(scene: Scene, at: int) -> dict[str, str]:
    """Read the files and examine the deliveries at the instant. Return the states by vantage."""
    await scene.read_at(at)
    await scene.importer.examine_deliveries()
    return {status.id: status.state.value for status in scene.health.deliveries.vantages}


def status(scene: Scene, vantage: str) -> DeliveryStatus:
    return next(one for one in scene.health.deliveries.vantages if one.id == vantage)


def lost(scene: Scene) -> list[str]:
    return [loss.summary for loss in scene.health.deliveries.losses]


def add_check(scene: Scene) -> None:
    """Load a configuration with one more check of the same product."""
    checks = tuple(FakeCheck(id=name, interval="1m", timeout="10s") for name in ("health", "other"))
    products = [{"id": "forms", "objective": "99%", "checks": checks}]
    vantages = scene.ledger.portfolio.vantages
    scene.ledger.reload(Portfolio.model_validate({"products": products, "vantages": vantages}))


async def test_vantage_without_any_observation_is_silent_one_hold_after_the_start(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        assert await examine(scene, NOW) == {"east": "waiting", "west": "waiting"}
        assert await examine(scene, NOW + HOLD) == {"east": "waiting", "west": "waiting"}
        assert lost(scene) == []
        assert scene.health.deliveries.assured_since is None
        scene.append("west", "g", NOW + 2 * MINUTE)
        with capture_logs() as logs:
            assert await examine(scene, NOW + HOLD + SECOND) == {"east": "silent", "west": "delivering"}
        assert [(one["vantage"], one["state"]) for one in logs if one["event"] == "vantage_delivery"] == [
            ("east", "silent"),
            ("west", "delivering"),
        ]
        assert status(scene, "east").summary == "no observations arrive, the last one: none yet"
        assert status(scene, "east").problem == f"{tmp_path / 'east.jsonl'}: no such file or directory"


async def test_files_that_stop_lose_the_quorum_when_the_hold_of_the_last_observation_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        for vantage in ("east", "west"):
            scene.append(vantage, "g" * 11)
        scene.probe("g" * 60)
        assert await examine(scene, NOW + 10 * MINUTE) == {"east": "delivering", "west": "delivering"}
        assert scene.health.deliveries.assured_since == NOW + 10 * MINUTE
        await examine(scene, NOW + 10 * MINUTE + HOLD)
        assert (lost(scene), status(scene, "east").state) == ([], DeliveryState.DELIVERING)
        silent_at = NOW + 10 * MINUTE + HOLD + SECOND
        assert await examine(scene, silent_at) == {"east": "silent", "west": "silent"}
        assert lost(scene) == [f"{KEY}: only local can vote, 2 votes are needed"]
        assert scene.health.deliveries.assured_since is None
        await examine(scene, silent_at + MINUTE)
        (loss,) = scene.health.deliveries.losses
        assert (loss.since, status(scene, "east").since) == (silent_at, silent_at)
        assert status(scene, "east").summary == "no observations arrive, the last one: 2026-09-21T14:23:20Z"
        scene.append("east", "g", silent_at)
        assert await examine(scene, silent_at + 2 * MINUTE) == {"east": "delivering", "west": "silent"}
        assert lost(scene) == []
        assert scene.health.deliveries.assured_since == silent_at + 2 * MINUTE


async def test_observations_that_arrive_too_late_are_lagging(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        for vantage in ("east", "west"):
            scene.append(vantage, "g" * 30)
        scene.probe("g" * 61)
        await examine(scene, NOW + 29 * MINUTE)
        scene.append("west", "g" * 31, NOW + 30 * MINUTE)
        assert await examine(scene, NOW + HOUR) == {"east": "silent", "west": "delivering"}
        scene.append("east", "gg", NOW + 30 * MINUTE)
        assert await examine(scene, NOW + HOUR + SECOND) == {"east": "lagging", "west": "delivering"}
        expected = "observations arrive too late to vote, the newest one: 2026-09-21T14:44:20Z"
        assert status(scene, "east").summary == expected
        assert status(scene, "east").since == NOW + HOUR


async def test_vantage_that_does_not_probe_a_new_check_is_outdated(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        for vantage in ("east", "west"):
            scene.append(vantage, "g" * 6)
        await examine(scene, NOW + 5 * MINUTE)
        add_check(scene)
        scene.append("east", "g", NOW + 6 * MINUTE)
        scene.append("west", "g", NOW + 6 * MINUTE)
        scene.append("west", "g", NOW + 6 * MINUTE, check=OTHER)
        assert await examine(scene, NOW + 6 * MINUTE) == {"east": "waiting", "west": "delivering"}
        scene.append("east", "g" * 6, NOW + 7 * MINUTE)
        scene.append("west", "g" * 6, NOW + 7 * MINUTE)
        scene.append("west", "g" * 6, NOW + 7 * MINUTE, check=OTHER)
        assert await examine(scene, NOW + 12 * MINUTE) == {"east": "outdated", "west": "delivering"}
        assert status(scene, "east").missing == (OTHER,)
        assert status(scene, "east").summary == f"no observations of 1 of 2 checks: {OTHER}"


async def test_vantage_with_unknown_outcomes_only_is_blind_and_cannot_vote(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.probe("u" * 10)
        for start, count in ((NOW, 1), (NOW + MINUTE, 5)):
            scene.append("east", "u" * count, start)
            scene.append("west", "g" * count, start)
            assert await examine(scene, start + (count - 1) * MINUTE) == {"east": "blind", "west": "delivering"}
        assert lost(scene) == [f"{KEY}: only west can vote, 2 votes are needed"]


async def test_paused_checks_and_removed_vantages_are_not_examined(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        await examine(scene, NOW)
        scene.ledger.entries[KEY].set_paused(paused=True)
        assert await examine(scene, NOW + HOUR) == {"east": "delivering", "west": "delivering"}
        scene.ledger.entries[KEY].set_paused(paused=False)
        assert await examine(scene, NOW + HOUR) == {"east": "waiting", "west": "waiting"}
        assert await examine(scene, NOW + 2 * HOUR) == {"east": "silent", "west": "silent"}
        products = scene.ledger.portfolio.products
        scene.ledger.reload(Portfolio.model_validate({"products": products}))
        assert await examine(scene, NOW + 2 * HOUR) == {}
        assert lost(scene) == []


async def test_restart_waits_for_one_hold(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.probe("g")
        for vantage in ("east", "west"):
            scene.append(vantage, "g")
        assert await examine(scene, NOW) == {"east": "delivering", "west": "delivering"}
    async with running(tmp_path) as scene:
        assert await examine(scene, NOW + HOUR) == {"east": "waiting", "west": "waiting"}
        assert (lost(scene), scene.health.deliveries.assured_since) == ([], None)
        assert await examine(scene, NOW + HOUR + HOLD + SECOND) == {"east": "silent", "west": "silent"}
        assert lost(scene) == [f"{KEY}: no vantage can vote, 2 votes are needed"]


async def test_unknown_outcomes_of_one_check_at_vantages_that_deliver_are_no_loss(tmp_path: Path) -> None:
    """The check itself is the cause, as with one vantage."""
    async with running(tmp_path) as scene:
        add_check(scene)
        for start, count in ((NOW, 1), (NOW + MINUTE, 5)):
            for vantage in ("east", "west"):
                scene.append(vantage, "g" * count, start)
                scene.append(vantage, "u" * count, start, check=OTHER)
            scene.probe("g" * count, start)
            for n in range(count):
                result = ProbeResult(Outcome.UNKNOWN, "no_route")
                scene.recorder.record(scene.ledger.entries[OTHER], result, start + n * MINUTE, 0.1)
            assert await examine(scene, start + (count - 1) * MINUTE) == {"east": "delivering", "west": "delivering"}
        assert (lost(scene), scene.health.deliveries.assured_since) == ([], None)


async def test_vantage_whose_clock_is_ahead_is_reported_with_the_offset(tmp_path: Path) -> None:
    """Its observations are not used until the clock is corrected, and nothing of the time before is lost then."""
    async with running(tmp_path) as scene:
        for vantage in ("east", "west"):
            scene.append(vantage, "g" * 3)
        assert await examine(scene, NOW + 2 * MINUTE) == {"east": "delivering", "west": "delivering"}
        scene.append("west", "g" * 3, NOW + 3 * MINUTE)
        scene.append("east", "g" * 3, NOW + HOUR + 3 * MINUTE)
        await examine(scene, NOW + 5 * MINUTE)
        assert await examine(scene, NOW + 5 * MINUTE + 4 * SECOND) == {"east": "ahead", "west": "delivering"}
        offset = HOUR - 4 * SECOND
        assert status(scene, "east").ahead == offset
        assert status(scene, "east").summary == (
            "its clock is at least 59m 56s ahead, so its observations are not used; correct it"
        )
        scene.append("east", "g", NOW + 6 * MINUTE)
        scene.append("west", "g", NOW + 6 * MINUTE)
        assert await examine(scene, NOW + 6 * MINUTE) == {"east": "delivering", "west": "delivering"}
        assert (await examine(scene, NOW + 8 * MINUTE), status(scene, "east").ahead) == (
            {"east": "delivering", "west": "delivering"},
            0,
        )
