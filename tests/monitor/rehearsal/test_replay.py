"""A replay decides exactly what the daemon decided: random histories of several products, second by second."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from monitor.as_of import RecordContent
from monitor.config.model import Portfolio
from monitor.ledger.ledger import Ledger
from monitor.rehearsal.replay import Replay
from sla.acknowledgement import Acknowledgement
from sla.interval import MINUTE, SECOND, Interval
from sla.observation import Observation
from sla.silence import Silence
from sla.window import format_instant
from tests.support.alerting import BAD, GOOD, RESULTS, UNKNOWN, AlertingHarness, run_alerting
from tests.support.clocks import EPOCH, ManualClock
from tests.support.ledgers import FakeCheck, product
from tests.support.messages import receiver
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.notification import Notification
    from sla.fact import Fact

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}
TEAM = {"id": "team", "slack": "https://hooks.example.org/team"}
EMPTY = RecordContent([], [], [], [])
START = EPOCH


def checks(number: int, interval: str = "30s", **fields: Any) -> tuple[FakeCheck, ...]:
    return tuple(FakeCheck(id=f"check-{n}", interval=interval, timeout="5s", **fields) for n in range(number))


def portfolio(fall: int = 2, **fields: Any) -> Portfolio:
    """Return three products, one of which depends on another, with all settings whose effects depend on time."""
    night = format_instant(START + 70 * MINUTE), format_instant(START + 95 * MINUTE)
    products = (
        product("sso") | {"checks": checks(2, fall=fall)},
        product("forms", objective="99%") | {"checks": checks(1, fall=fall), "depends_on": ("sso",)},
        product("mail")
        | {
            "checks": checks(2, "60s", fall=fall),
            "rule": "any",
            "maintenance": ({"start": night[0], "end": night[1], "reason": "move"},),
        },
    )
    settings = {
        "alerting": {"remind_every": "10m", "damping": {"incidents": 3, "within": "20m"}},
        "routes": [{"to": "ops", "severities": ["page", "ticket"]}, {"to": "team", "severities": ["page"]}],
    }
    receivers = tuple(receiver(**keys) for keys in (OPS, TEAM))
    return Portfolio.model_validate({"products": products, "receivers": receivers, **settings, **fields})


@dataclass
class Day:
    """Random observations of all checks over some hours: phases of one outcome, with outages of several lengths."""

    seed: int
    hours: float = 2.5
    seen: list[Observation] = field(default_factory=list)

    def __post_init__(self) -> None:
        generator = random.Random(self.seed)  # noqa: S311
        end = START + int(self.hours * 60) * MINUTE
        for key, interval in keys(portfolio()).items():
            at, outcome, remaining = START + generator.randrange(interval), GOOD, generator.randrange(5, 60)
            while at < end:
                latency = None if outcome is UNKNOWN else generator.randrange(1, 400) * 1_000
                self.seen.append(Observation(key, at, outcome, RESULTS[outcome].reason, latency))
                at += interval + generator.randrange(-200_000, 200_000)
                remaining -= 1
                if not remaining:
                    outcome = generator.choices([GOOD, BAD, UNKNOWN], [3, 2, 1])[0]
                    remaining = (
                        generator.choice([1, 2, 3, 10, 40]) if outcome is not GOOD else generator.randrange(2, 60)
                    )
        self.seen = [observation for observation in self.seen if arrival(observation) % SECOND]
        self.seen.sort(key=arrival)

    @property
    def span(self) -> Interval:
        return Interval(START, START + int(self.hours * 60) * MINUTE)


def keys(of: Portfolio) -> dict[str, int]:
    return {f"{configured.id}/{check.id}": check.interval for configured, check in of.checks()}


async def decided_by_a_daemon(of: Portfolio, day: Day, facts: Sequence[Fact] = ()) -> list[tuple[Any, ...]]:
    """Run a recorder and alerting as the daemon does: record outcomes as they arrive, and update every second."""
    later_facts, waiting = list(facts), list(day.seen)
    async with run_alerting(Ledger(of), MemoryStore(), ManualClock(START), deliver=False) as harness:
        for second in range(1, day.span.length // SECOND + 1):
            at = START + second * SECOND
            while waiting and arrival(waiting[0]) < at:
                take(harness, waiting.pop(0))
            harness.clock.jump((at - harness.clock.now()) / SECOND)
            while later_facts and later_facts[0].made <= at:
                harness.state(later_facts.pop(0))
            await harness.alerting.update()
            deliver(harness)
        await harness.until(lambda: harness.health.records_written == harness.health.records_queued)
        return visible_fields(harness.rows())


def deliver(harness: AlertingHarness) -> None:
    """Confirm due notifications immediately, as a working receiver does."""
    outbox, now = harness.alerting.outbox, harness.clock.now()
    for row in list(outbox.waiting()):
        if row.due <= now:
            outbox.mark_delivered(row, now)


def arrival(observation: Observation) -> int:
    return observation.at + (observation.latency or 0)


def take(harness: AlertingHarness, observation: Observation) -> None:
    harness.clock.jump((arrival(observation) - harness.clock.now()) / SECOND)
    result = RESULTS[observation.outcome]
    harness.recorder.record(
        harness.ledger.entries[observation.check], result, observation.at, (observation.latency or 0) / SECOND
    )


def visible_fields(rows: Sequence[Notification]) -> list[tuple[Any, ...]]:
    """Return the fields of notifications that a person sees: instant, receiver, subject."""
    return [(row.made - START, row.receiver, row.key, row.event.value, row.repeat, row.severity) for row in rows]


async def replayed(of: Portfolio, day: Day, facts: Sequence[Fact] = ()) -> list[tuple[Any, ...]]:
    actual = await Replay(of, EMPTY, facts, day.span).run(day.seen)
    return visible_fields(actual.notifications)


@pytest.mark.parametrize("seed", range(3))
async def test_replay_with_the_same_configuration_equals_the_daemon(seed: int) -> None:
    day = Day(seed)
    expected = await decided_by_a_daemon(portfolio(), day)
    assert {"opened", "resolved"} <= {row[3] for row in expected}
    assert await replayed(portfolio(), day) == expected


@pytest.mark.parametrize(("seed", "fall"), [(0, 1), (1, 3), (2, 4)])
async def test_replay_with_another_fall_equals_a_daemon_with_it(seed: int, fall: int) -> None:
    day, changed = Day(seed), portfolio(fall)
    expected = await decided_by_a_daemon(changed, day)
    assert await replayed(changed, day) == expected
    assert expected != await decided_by_a_daemon(portfolio(), day)


async def test_silence_applies_from_the_instant_at_which_it_was_stated() -> None:
    day = Day(5)
    silence = Silence(START + 40 * MINUTE, "Ana", "known", START + 80 * MINUTE, "sso").fact()
    expected = await decided_by_a_daemon(portfolio(), day, [silence])
    assert await replayed(portfolio(), day, [silence]) == expected
    assert expected != await decided_by_a_daemon(portfolio(), day)


async def test_escalation_follows_the_new_configuration_until_acknowledgement() -> None:
    day = Day(7)
    steps = [{"to": "team", "after": "7m"}]
    routes = [{"to": "ops", "severities": ["page", "ticket"], "escalation": "all"}]
    changed = portfolio(routes=routes, escalations=[{"id": "all", "steps": steps}])
    expected = await decided_by_a_daemon(changed, day)
    assert {row[1] for row in expected} == {"ops", "team"}
    assert await replayed(changed, day) == expected
    first = next(row for row in expected if row[3] == "opened" and row[5] == "page")
    fact = Acknowledgement(START + first[0] + MINUTE, first[2], "Ana", "command").fact()
    quieter = await decided_by_a_daemon(changed, day, [fact])
    assert await replayed(changed, day, [fact]) == quieter
    assert quieter != expected


async def test_quiet_hours_and_routes_follow_the_new_configuration() -> None:
    """09:13 in Vancouver at the start; the team is on the route from 10:00 on."""
    day = Day(6)
    routes = [{"to": "ops"}, {"to": "team", "hours": "Mon-Sun 10:00-11:30"}]
    changed = portfolio(routes=routes, alerting={"quiet_hours": "09:00-10:30", "remind_every": "15m"})
    assert await replayed(changed, day) == await decided_by_a_daemon(changed, day)


async def test_replay_of_a_month_without_outages_skips_updates() -> None:
    """43,200 observations, all good: seconds of work, not minutes."""
    of = portfolio()
    observations = [Observation("sso/check-0", START + n * MINUTE, GOOD, "", 1_000) for n in range(30 * 24 * 60)]
    replay = Replay(of, EMPTY, (), Interval(START, observations[-1].at))
    updates = 0
    update = replay._alerting.update

    async def counted() -> None:
        nonlocal updates
        updates += 1
        await update()

    replay._alerting.update = counted  # type: ignore[method-assign]
    replayed = await asyncio.wait_for(replay.run(observations), 300)
    assert (replayed.notifications, updates < 40_000) == ([], True)
