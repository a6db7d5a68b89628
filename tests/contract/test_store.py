"""Tests of the contract of `monitor.storage.store`, for every store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from monitor.notification import Kind, Notification
from monitor.storage.frames import Cursor, NewFrame, Position
from monitor.storage.postgres import PostgresStore
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch, Store
from sla.correction import Correction, Revocation
from sla.escalation import Progress
from sla.fact import Fact
from sla.incident import Failure, Incident
from sla.interval import DAY, Interval
from sla.latency_day import LatencyDay
from sla.latency_histogram import LatencyHistogram
from sla.observation import Observation, Outcome, Run
from sla.page_response import Response
from sla.product_incident import ProductIncident, Severity
from tests.support.postgres import needs_postgres_driver
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


@pytest.fixture(params=["sqlite", "memory", pytest.param("postgres", marks=needs_postgres_driver)])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Return a function that closes the store and opens it again with the same record."""
    memory = MemoryStore()
    stores: list[Store] = []
    if request.param == "postgres":
        conninfo = request.getfixturevalue("empty_schema")

    def again() -> Store:
        if stores:
            stores.pop().close()
        if request.param == "postgres":
            stores.append(PostgresStore(conninfo))
        else:
            stores.append(SqliteStore(tmp_path / "record.db", 0) if request.param == "sqlite" else memory)
        return stores[0]

    yield again
    stores[0].close()


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    return reopen()


def observation_at(at: int, outcome: Outcome = GOOD, check: str = "p/a", **fields: object) -> Observation:
    return Observation(check, at, outcome, "" if outcome is GOOD else "deadline", **fields)  # type: ignore[arg-type]


def run(first: int, last: int, outcome: Outcome = GOOD, check: str = "p/a", **fields: object) -> Run:
    return Run(check, outcome, "" if outcome is GOOD else "deadline", first, last, 2, 130, **fields)  # type: ignore[arg-type]


def test_written_data_exist_after_reopening(reopen: Callable[[], Store]) -> None:
    batch = Batch(
        [
            observation_at(20, latency=7),
            observation_at(10, BAD, "p/b"),
            observation_at(30, UNKNOWN, vantage="east"),
            observation_at(40, BAD, recheck=True),
        ],
        [
            run(1, 9, latency_count=2, latency_sum=5, latency_max=4, seeded=True),
            run(1, 5, BAD, "p/b", vantage="east"),
            run(6, 8, BAD, "p/c", recheck=True),
        ],
        [Incident("abc", "p", "p/b", 5, None, "deadline", None)],
    )
    reopen().write(batch)
    store = reopen()
    assert store.load_incidents() == list(batch.incidents)
    assert sorted(store.load_runs(), key=lambda r: r.check) == list(batch.runs)
    loaded = store.observations("p/a", Interval(0, 100))
    assert loaded == [
        observation_at(20, latency=7),
        observation_at(30, UNKNOWN, vantage="east"),
        observation_at(40, BAD, recheck=True),
    ]
    assert loaded[-1] in list(store.load_tail())


DAY_ROW = LatencyDay("p/a", 100, 140, LatencyHistogram.of([7, 300]).pack(), 2, {"connect": 3})


def test_day_of_latencies_replaces_its_earlier_version(reopen: Callable[[], Store]) -> None:
    earlier = replace(DAY_ROW, last=120, packed=LatencyHistogram.of([7]).pack())
    other = replace(DAY_ROW, check="p/b", vantage="east", phases={}, phase_count=0)
    for days in ([earlier, other], [DAY_ROW], [DAY_ROW]):
        reopen().write(Batch(latency_days=days))
    assert list(reopen().load_latency_days()) == [DAY_ROW, other]


def test_recent_latencies_are_those_of_good_observations_since_the_mark(store: Store) -> None:
    seen_ones = [observation_at(at, latency=at) for at in (10, 20, 30)]
    store.write(
        Batch(
            [
                *seen_ones,
                observation_at(40, BAD, latency=1),
                observation_at(50),
                observation_at(60, latency=6, recheck=True),
            ],
            [run(1, 80)],
        )
    )
    assert list(store.recent_latencies()) == [("p/a", 10, 10), ("p/a", 20, 20), ("p/a", 30, 30)]
    store.write(Batch(folded_until=20))
    assert list(store.recent_latencies()) == [("p/a", 20, 20), ("p/a", 30, 30)]


def test_empty_record_has_no_data(store: Store) -> None:
    assert not list(store.load_runs())
    assert not list(store.load_tail())
    assert not list(store.load_latency_days())
    assert not list(store.recent_latencies())
    assert not store.load_incidents()
    assert not store.observations("p/a", Interval(0, 100))
    assert store.prune(10**18) == 0


def test_runs_are_ordered_by_check_and_time(store: Store) -> None:
    store.write(Batch(runs=[run(50, 60), run(10, 20, check="p/b"), run(1, 9)]))
    runs = list(store.load_runs())
    assert [r.first for r in runs if r.check == "p/a"] == [1, 50]
    assert [r.check for r in runs] in (["p/a", "p/a", "p/b"], ["p/b", "p/a", "p/a"])


def test_longer_run_replaces_its_earlier_row(store: Store) -> None:
    for last in (5, 9, 14):
        store.write(Batch(runs=[run(1, last)]))
    assert list(store.load_runs()) == [run(1, 14)]


@pytest.mark.fault(18)
def test_writing_a_batch_twice_has_no_further_effect(store: Store) -> None:
    """A commit with an unknown result can be repeated."""
    batch = Batch(
        [observation_at(1), observation_at(2, BAD)],
        [run(1, 1)],
        [Incident("abc", "p", "p/a", 2, None, "deadline", None)],
    )
    store.write(batch)
    store.write(batch)
    assert store.observations("p/a", Interval(0, 10)) == [observation_at(1), observation_at(2, BAD)]
    assert list(store.load_runs()) == [run(1, 1)]
    assert len(store.load_incidents()) == 1


@pytest.mark.parametrize("order", [(GOOD, BAD, UNKNOWN), (UNKNOWN, GOOD, BAD), (BAD, UNKNOWN, GOOD)])
def test_worst_of_two_observations_at_one_instant_is_stored(store: Store, order: tuple[Outcome, ...]) -> None:
    """Bad before good before unknown, in any order (measurement.md, section 1)."""
    for outcome in order:
        store.write(Batch([observation_at(5, outcome)]))
    assert store.observations("p/a", Interval(0, 10)) == [observation_at(5, BAD)]


def test_resolved_incident_replaces_the_open_one(store: Store) -> None:
    store.write(Batch(incidents=[Incident("abc", "p", "p/a", 2, None, "deadline", None)]))
    ended = Incident("abc", "p", "p/a", 2, 9, "deadline", 6)
    store.write(Batch(incidents=[ended]))
    assert store.load_incidents() == [ended]


def test_observations_of_a_half_open_window_and_one_check(store: Store) -> None:
    store.write(Batch([*(observation_at(at) for at in range(0, 50, 10)), observation_at(20, check="p/b")]))
    assert [o.at for o in store.observations("p/a", Interval(10, 40))] == [10, 20, 30]


def test_tail_has_the_observations_after_the_last_run_of_a_check(store: Store) -> None:
    store.write(
        Batch([*(observation_at(at) for at in (10, 20, 30)), observation_at(5, check="p/b")], [run(1, 4), run(10, 20)])
    )
    assert list(store.load_tail()) == [observation_at(5, check="p/b"), observation_at(30)]


@pytest.mark.fault(13)
def test_prune_removes_the_oldest_observations_in_steps_but_no_runs(store: Store) -> None:
    """A store may remove whole days (UTC), so there is one observation per day."""
    store.write(Batch([observation_at(day * DAY) for day in range(40)], [run(0, 99)], folded_until=39 * DAY))
    assert store.prune(20 * DAY, limit=7) == 7
    assert [o.at // DAY for o in store.observations("p/a", Interval(0, 10 * DAY))] == [7, 8, 9]
    steps = []
    while pruned := store.prune(20 * DAY, limit=7):
        steps.append(pruned)
    assert sum(steps) == 13
    assert [o.at // DAY for o in store.observations("p/a", Interval(0, 40 * DAY))] == list(range(20, 40))
    assert list(store.load_runs()) == [run(0, 99)]


def test_observations_that_are_not_in_a_run_are_not_pruned(store: Store) -> None:
    """This does not depend on the retention, because their data would be lost."""
    store.write(Batch([observation_at(day * DAY) for day in range(10)]))
    assert store.prune(10 * DAY) == 0
    store.write(Batch(runs=[run(0, 5 * DAY)], folded_until=4 * DAY))
    assert store.prune(10 * DAY) == 4


def test_maintenance_changes_no_data(store: Store) -> None:
    store.write(Batch([observation_at(1)], [run(1, 1)]))
    store.maintain()
    assert list(store.load_runs()) == [run(1, 1)]
    assert store.observations("p/a", Interval(0, 10)) == [observation_at(1)]


def test_second_close_has_no_effect(store: Store) -> None:
    store.close()
    store.close()


CORRECTION_FACT = Correction("forms", Interval(10, 20), "Ana", "account locked", 30).fact()
BACK = Revocation(CORRECTION_FACT.id, "Ben", "it was the service", 40).fact()


def test_facts_exist_after_reopening_in_order_of_time(reopen: Callable[[], Store]) -> None:
    """Writing a fact again does not change it."""
    assert reopen().load_facts() == []
    reopen().write(Batch(facts=[BACK, CORRECTION_FACT]))
    store = reopen()
    store.write(Batch(facts=[CORRECTION_FACT]))
    assert store.load_facts() == [CORRECTION_FACT, BACK]


@pytest.mark.parametrize(
    "fact",
    [
        Fact.of(50, "Ana", "note", "forms", {"text": "Prüfkonto", "nested": [{"n": 1.5}, None, True]}),
        Fact.of(50, "Ben", "drill", "", []),
        Fact("an id of another rule", 50, "Eve", "attestation", "forms", '{"by":"Eve"}'),
    ],
)
def test_fact_of_an_unknown_kind_is_stored_unchanged(reopen: Callable[[], Store], fact: Fact) -> None:
    reopen().write(Batch(facts=[CORRECTION_FACT, fact]))
    assert reopen().load_facts() == [CORRECTION_FACT, fact]


def test_first_of_two_facts_with_one_id_is_kept(reopen: Callable[[], Store]) -> None:
    """A fact cannot be overwritten by another fact with its id."""
    reopen().write(Batch(facts=[CORRECTION_FACT]))
    reopen().write(Batch(facts=[replace(CORRECTION_FACT, author="Eve"), BACK]))
    assert reopen().load_facts() == [CORRECTION_FACT, BACK]


def test_batch_with_only_facts_is_not_empty() -> None:
    assert Batch(facts=[CORRECTION_FACT])
    assert not Batch()


def test_incident_keeps_its_failing_probes(reopen: Callable[[], Store]) -> None:
    """These are the first one and the newest written one. An incident may have no failing probes."""
    first = Failure(5, "http_status", 503, "no pod is <ready>", {"connect": 0.25, "first_byte": 1.5})
    opened = Incident("abc", "p", "p/b", 5, None, "http_status", None, first, first)
    bare = Incident("def", "p", "p/c", 6, None, "deadline", None)
    reopen().write(Batch(incidents=[opened, bare]))
    assert reopen().load_incidents() == [opened, bare]
    later = replace(opened, last=Failure(9, "deadline"), resolved=11, downtime=6)
    reopen().write(Batch(incidents=[later]))
    assert reopen().load_incidents() == [later, bare]


def notification(key: str = "a", turn: int = 0, **fields: object) -> Notification:
    event = Kind.RESOLVED if turn else Kind.OPENED
    notification = Notification(key, "ops", turn, event, 1, 100 + turn, 100, "page", "p", "{}")
    return replace(notification, **fields)  # type: ignore[arg-type]


def outage(name: str = "one", **fields: object) -> ProductIncident:
    incident = ProductIncident(name, "p", 5, None, Severity.PAGE, ("abc", "def"))
    return replace(incident, **fields)  # type: ignore[arg-type]


def test_product_incidents_are_stored_and_replaced_by_id(reopen: Callable[[], Store]) -> None:
    reopen().write(Batch(product_incidents=[outage(), outage("two", opened=9, suppressed_up_to=Severity.TICKET)]))
    reopen().write(Batch(product_incidents=[outage(resolved=7, severity=Severity.TICKET)]))
    assert reopen().load_product_incidents() == [
        outage(resolved=7, severity=Severity.TICKET),
        outage("two", opened=9, suppressed_up_to=Severity.TICKET),
    ]


def test_notifications_are_loaded_until_their_key_is_delivered_and_resolved(reopen: Callable[[], Store]) -> None:
    """All rows of a key and receiver are loaded or none, so that they show what was announced."""
    waiting = notification("waiting", error="status 500", attempts=3, claimed_epoch=2, claimed_holder="replica-1")
    still_open = notification("open", done=120)
    half = [notification("half", done=120), notification("half", 1)]
    finished = [notification("finished", done=120), notification("finished", 1, done=130)]
    reopen().write(Batch(notifications=[waiting, still_open, *half, *finished]))
    assert set(reopen().load_notifications()) == {waiting, still_open, *half}
    result = [replace(half[1], done=140, attempts=1)]
    reopen().write(Batch(notifications=result))
    assert set(reopen().load_notifications()) == {waiting, still_open}


def test_only_finished_notifications_are_pruned_by_age(reopen: Callable[[], Store]) -> None:
    old = [notification("old", done=120), notification("old", 1, done=130)]
    reopen().write(Batch(notifications=[*old, notification("open", done=120)]))
    reopen().prune(101)
    store = reopen()
    store.prune(10**9)
    store.write(Batch(notifications=[replace(old[1], done=None)]))
    assert [(notification.key, notification.turn) for notification in store.load_notifications()] == [
        ("open", 0),
        ("old", 1),
    ]


def response(key: str = "a", **fields: object) -> Response:
    steps = (
        Progress("sso", 1, 100, 900, ("pager", "mail"), "", 1),
        Progress("night", 2, 160, None, ("ada",), "Ada", 4),
    )
    response = Response(key, 100, "p", Severity.PAGE, "P1", 900, escalations=steps)
    return replace(response, **fields)  # type: ignore[arg-type]


def test_responses_are_stored_until_they_end_and_replaced_by_key_and_start(reopen: Callable[[], Store]) -> None:
    ticket = response("b", started=90, severity=Severity.TICKET, priority="", target=None, escalations=())
    reopen().write(Batch(responses=[response(), ticket]))
    assert reopen().load_responses() == [ticket, response()]
    acknowledged = response().acknowledge(150, "Grace", "command")
    reopen().write(Batch(responses=[acknowledged, replace(ticket, ended=200), response("b", started=200)]))
    assert reopen().load_responses() == [acknowledged, response("b", started=200)]


def test_frames_are_numbered_within_their_incarnation(reopen: Callable[[], Store]) -> None:
    store = reopen()
    for incarnation in (7, 7, 8):
        store.write(Batch([observation_at(1)], frame=NewFrame(incarnation, 1, b"body")))
    assert store.prune_frames(before=2) == [Position(7, 1), Position(7, 2)]


def test_newest_frame_is_kept_so_that_its_number_is_not_used_again(reopen: Callable[[], Store]) -> None:
    store = reopen()
    store.write(Batch([observation_at(1)], frame=NewFrame(7, 1, b"body")))
    assert store.prune_frames(before=2) == []
    store = reopen()
    store.write(Batch([observation_at(2)], frame=NewFrame(7, 2, b"body")))
    assert store.prune_frames(before=2) == [Position(7, 1)]


def test_frames_that_are_not_old_are_kept(store: Store) -> None:
    for at in (10, 20, 30):
        store.write(Batch([observation_at(at)], frame=NewFrame(7, at, b"body")))
    assert store.prune_frames(before=20) == [Position(7, 1)]


def test_incarnation_is_later_than_that_of_all_frames(reopen: Callable[[], Store]) -> None:
    store = reopen()
    assert store.next_incarnation(100) == 100
    store.write(Batch([observation_at(1)], frame=NewFrame(500, 1, b"body")))
    assert reopen().next_incarnation(100) == 501


def test_cursors_never_move_back(reopen: Callable[[], Store]) -> None:
    store = reopen()
    assert store.load_cursors() == {}
    for position in (Position(1, 5), Position(2, 1), Position(1, 9), Position(2, 3), Position(2, 2)):
        store.write(Batch(cursors=[Cursor("east", position)]))
    store.write(Batch(cursors=[Cursor("west", Position(9, 9))]))
    assert reopen().load_cursors() == {"east": Position(2, 3), "west": Position(9, 9)}
