# ruff: noqa: S608 - statements of tests, of their own values
"""The chain of heads: an unchanged record verifies, and an edit of its past is reported with its day."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from monitor.bundle.checked_chain import CheckedChain, check_record
from monitor.bundle.verification import verify_bundle
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.chain import Head
from sla.correction import Correction
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.observation import Outcome, Run
from tests.monitor.bundle.test_verification import run, verify
from tests.monitor.bundle.worlds import START, World, close_day, forge, world, write_bundle

if TYPE_CHECKING:
    from pathlib import Path

FIRST_DAY = START // DAY


@pytest.fixture(scope="module")
def original_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(5, tmp_path_factory.mktemp("kept"), days=4.2, closed=True)


@pytest.fixture
def editable_world(original_world: World, tmp_path: Path) -> World:
    """Return a copy of the record that a test may edit."""
    path = tmp_path / "edited.db"
    shutil.copy(original_world.path, path)
    return World(
        path, original_world.portfolio.model_copy(update={"store": path}), original_world.end, original_world.facts
    )


def edit(actual: World, *statements: str) -> None:
    """Change the record as an attacker with the file could; the triggers prevent only accidents."""
    with sqlite3.connect(actual.path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount, statement
    connection.close()


def query(actual: World, statement: str) -> Any:
    with sqlite3.connect(actual.path) as connection:
        (row,) = connection.execute(statement)
    connection.close()
    return row


def broken_heads(actual: CheckedChain) -> list[int]:
    """Return the numbers of the broken heads, each once."""
    return sorted({chain_break.head for chain_break in actual.breaks})


@pytest.mark.parametrize("seed", range(4))
def test_random_record_verifies_also_after_pruning(seed: int, tmp_path: Path) -> None:
    actual = world(seed, tmp_path, days=3.3, closed=True)
    checked = check_record(actual.path)
    assert [head.day for head in checked.heads] == [FIRST_DAY + day for day in range(4)]
    assert [head.full for head in checked.heads] == [True, False, False, False]
    assert checked.breaks == [] == checked.notes
    store = SqliteStore(actual.path, actual.end)
    store.write(Batch(folded_until=actual.end - HOUR))
    store.prune(actual.end, 10**6)
    store.close()
    assert check_record(actual.path).breaks == []


@pytest.mark.parametrize("seed", range(2))
def test_bundle_of_one_product_verifies_without_the_others(seed: int, tmp_path: Path) -> None:
    actual = world(seed, tmp_path, days=3.3, closed=True)
    for product, at in (("base", actual.end), ("other", actual.end), ("all", actual.end - 25 * HOUR - 7)):
        checked = verify(write_bundle(actual, product, "2d", at), tmp_path)
        assert checked.is_valid, checked.as_json()
        assert len(checked.chain.heads) == (4 if at == actual.end else 3)
    assert b'"other/' not in write_bundle(actual, "base", "2d")


RUN_OF_DAY_TWO = f"FROM runs WHERE first > {(FIRST_DAY + 1) * DAY + HOUR} AND last < {(FIRST_DAY + 2) * DAY - HOUR}"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE runs SET outcome = 1 - outcome % 2 WHERE rowid_ {RUN_OF_DAY_TWO}",
        f"UPDATE runs SET last = last - 1 WHERE rowid_ {RUN_OF_DAY_TWO} AND count > 1",
        f"UPDATE runs SET latency_sum = latency_sum + 1 WHERE rowid_ {RUN_OF_DAY_TWO}",
        f"DELETE FROM runs WHERE rowid_ {RUN_OF_DAY_TWO}",
    ],
)
def test_changed_or_deleted_run_breaks_the_chain_at_its_day(statement: str, editable_world: World) -> None:
    head, _, tail = statement.partition("WHERE rowid_ ")
    series, first = query(editable_world, f"SELECT series, first {tail} ORDER BY first LIMIT 1")
    edit(editable_world, f"{head}WHERE series = {series} AND first = {first}")
    chain = check_record(editable_world.path)
    assert broken_heads(chain) == [2]
    check = query(editable_world, f"SELECT check_key FROM series WHERE id = {series}")[0]
    assert f"{check.partition('/')[0]}: runs of the check {check.partition('/')[2]} were" in str(chain.breaks[0])
    assert str(chain.breaks[0]).startswith("2026-10-31 (head 2)")


def test_added_run_breaks_the_chain_at_its_day(editable_world: World) -> None:
    series, last = query(editable_world, f"SELECT series, last {RUN_OF_DAY_TWO} ORDER BY first LIMIT 1")
    columns = "outcome, reason, count, hold, latency_count, latency_sum, latency_max, seeded"
    edit(
        editable_world,
        f"INSERT INTO runs (series, first, last, {columns}) SELECT series, {last + 1}, {last + 1}, outcome, reason, 1,"
        f" hold, 0, 0, 0, 0 FROM runs WHERE series = {series} AND last = {last}",
    )
    assert broken_heads(check_record(editable_world.path)) == [2]


def test_run_over_several_days_is_covered_by_each_head(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    store = SqliteStore(path, START)
    begin = FIRST_DAY * DAY + HOUR
    for day in range(1, 5):
        end = begin + day * DAY
        open_run = Run("web/a", Outcome.GOOD, "", begin, end, 1 + day * 1440, 10 * MINUTE, 1 + day * 1440, day * 99, 7)
        store.write(Batch(runs=[open_run]))
        assert close_day(store, path, end) is not None
    store.close()
    chain = check_record(path)
    assert (len(chain.heads), chain.breaks) == (4, [])
    record = World(path, None, 0, [])  # type: ignore[arg-type]
    copies = {
        "outcome = 0": [1, 2, 3, 4],
        f"last = {begin + 3 * DAY}, count = 4321, latency_count = 4321, latency_sum = 297": [4],
    }
    for change, broken in copies.items():
        copy = tmp_path / "copy.db"
        shutil.copy(path, copy)
        edit(World(copy, None, 0, []), f"UPDATE runs SET {change}")  # type: ignore[arg-type]
        assert broken_heads(check_record(copy)) == broken
    edit(record, f"UPDATE runs SET last = last + {HOUR}, count = count + 60, latency_sum = latency_sum + 1")
    assert check_record(path).breaks == [], "it went on"


def test_deleted_or_edited_fact_breaks_its_day(original_world: World, editable_world: World, tmp_path: Path) -> None:
    covered = "FROM head_items WHERE kind = 'fact' AND head = 3 ORDER BY id LIMIT 1"
    with sqlite3.connect(editable_world.path) as connection:
        rows = connection.execute(f"SELECT id {covered}").fetchall()
    connection.close()
    assert rows, "a fact was stated on that day"
    name = rows[0][0]
    copy = tmp_path / "copy.db"
    shutil.copy(editable_world.path, copy)
    edit(editable_world, f"DELETE FROM facts WHERE id = '{name}'")
    actual = check_record(editable_world.path)
    assert broken_heads(actual) == [3]
    assert f"the fact {name} is missing" in str(actual.breaks[0])
    edit(World(copy, original_world.portfolio, 0, []), f"UPDATE facts SET author = 'Eve' WHERE id = '{name}'")
    actual = check_record(copy)
    assert broken_heads(actual) == [3]
    assert f"the fact {name} was changed" in str(actual.breaks[0])


def test_deleted_or_edited_incident_breaks_its_day(editable_world: World) -> None:
    name, head = query(
        editable_world, "SELECT id, head FROM head_items WHERE kind = 'incident' AND head > 1 ORDER BY id LIMIT 1"
    )
    edit(editable_world, f"UPDATE incidents SET downtime = downtime + 1 WHERE id = '{name}'")
    chain = check_record(editable_world.path)
    assert broken_heads(chain) == [head]
    assert f"the incident {name} was changed" in str(chain.breaks[0])
    edit(editable_world, f"DELETE FROM incidents WHERE id = '{name}'")
    assert f"the incident {name} is missing" in str(check_record(editable_world.path).breaks[0])


def test_edited_removed_or_recomputed_heads_break_the_links(editable_world: World, tmp_path: Path) -> None:
    for number, statement in (
        (2, "UPDATE heads SET content = head WHERE number = 2"),
        (2, "UPDATE heads SET day = day + 1, head = content WHERE number = 2"),
        (3, "DELETE FROM heads WHERE number = 2"),
        (2, "UPDATE heads SET previous = content WHERE number = 2"),
        (1, "DELETE FROM head_series WHERE head = 1"),
    ):
        copy = tmp_path / "copy.db"
        shutil.copy(editable_world.path, copy)
        edit(World(copy, editable_world.portfolio, 0, []), statement)
        assert broken_heads(check_record(copy))[0] == number, statement


def test_edit_is_reported_for_the_bundle_and_by_the_command(editable_world: World, tmp_path: Path) -> None:
    condition = "series IN (SELECT id FROM series WHERE check_key LIKE 'other/%')"
    series, first = query(
        editable_world, f"SELECT series, first {RUN_OF_DAY_TWO} AND {condition} ORDER BY first LIMIT 1"
    )
    edit(editable_world, f"UPDATE runs SET outcome = 1 - outcome % 2 WHERE series = {series} AND first = {first}")
    path = tmp_path / "bundle.zip"
    path.write_bytes(write_bundle(editable_world, "other", "2d"))
    result = run("verify", path)
    assert result.exit_code == 1
    assert "BROKEN  2026-10-31 (head 2) of other: runs of the check" in result.output
    assert "0 differ" in result.output, "the figures follow from what was edited"
    assert json.loads(run("verify", path, "--json").output)["chain"]["breaks"][0]["day"] == "2026-10-31"
    path.write_bytes(write_bundle(editable_world, "base", "2d"))
    assert verify_bundle(path).is_valid, "it holds nothing of what was edited"


def test_edited_bundle_with_recomputed_digests_breaks_the_chain(original_world: World, tmp_path: Path) -> None:
    content = write_bundle(original_world, "other", "2d")

    def drop_correction(lines: list[Any]) -> list[Any]:
        return [line for line in lines if line["kind"] != "correction"]

    def drop_first_run(lines: list[Any]) -> list[Any]:
        return lines[1:]

    def drop_coverage(lines: list[Any]) -> list[Any]:
        return [line for line in lines if line["head"] != 2]

    def drop_proofs(lines: list[Any]) -> list[Any]:
        return [line | {"proofs": []} for line in lines]

    changes = [
        ("facts.jsonl", drop_correction),
        ("runs.jsonl", drop_first_run),
        ("covered.jsonl", drop_coverage),
        ("heads.jsonl", drop_proofs),
    ]
    for name, change in changes:
        assert verify(forge(content, name, change), tmp_path).chain.breaks, name


def test_late_records_are_covered_by_the_next_head(editable_world: World) -> None:
    store = SqliteStore(editable_world.path, editable_world.end)
    late = Correction("other", Interval(START, START + HOUR), "Ada", "found later", START + HOUR).fact()
    run_ = Run("other/late", Outcome.BAD, "deadline", START, START + HOUR, 7, 20 * MINUTE)
    store.write(Batch(facts=[late], runs=[run_]))
    actual = check_record(editable_world.path)
    assert actual.breaks == []
    assert "without a head yet: runs of other/late" in actual.notes[0]
    closed = close_day(store, editable_world.path, editable_world.end + DAY)
    assert closed is not None
    assert ("fact", late.id) in {(kind, name) for kind, name, _ in closed.items}
    store.close()
    actual = check_record(editable_world.path)
    assert actual.breaks == [] == actual.notes


def test_head_covers_the_full_record_again_after_a_wrong_clock(editable_world: World) -> None:
    """The daemon ran with a clock that was three days ahead, and closed future days."""
    ahead = editable_world.end + 3 * DAY
    store = SqliteStore(editable_world.path, ahead)
    store.write(Batch(runs=[Run("other/x", Outcome.GOOD, "", editable_world.end + HOUR, ahead, 500, 20 * MINUTE)]))
    assert close_day(store, editable_world.path, ahead) is not None
    store.write(
        Batch(runs=[Run("other/x", Outcome.GOOD, "", editable_world.end + HOUR, ahead + HOUR, 503, 20 * MINUTE)])
    )
    assert check_record(editable_world.path).breaks == []
    store.close()
    store = SqliteStore(editable_world.path, editable_world.end + 2 * HOUR)
    assert store.reconcile(editable_world.end + 2 * HOUR) is not None
    closed = close_day(store, editable_world.path, editable_world.end + 2 * HOUR)
    assert closed is not None
    assert closed.head.full
    store.close()
    chain = check_record(editable_world.path)
    assert chain.breaks == []
    assert "covers the entire record again" in chain.notes[0]
    assert [head.number for head in chain.heads] == list(range(1, len(chain.heads) + 1))


def test_record_without_closed_days_is_reported(tmp_path: Path) -> None:
    actual = world(1, tmp_path, days=0.1)
    store = SqliteStore(actual.path, actual.end)
    assert close_day(store, actual.path, START) is None, "nothing was observed before"
    store.close()
    path = tmp_path / "bundle.zip"
    path.write_bytes(write_bundle(actual, "all", "1h"))
    assert "no day has a head yet" in run("verify", path).output
    assert isinstance(check_record(actual.path).heads, list)


def test_verify_command_works_while_the_daemon_runs(tmp_path: Path) -> None:
    from tests.monitor.reporting import month

    config, store = month.record(tmp_path, close=False)
    open_run = Run("forms/page", Outcome.GOOD, "", month.START, month.END, 9000, 10 * MINUTE)
    store.write(Batch(runs=[open_run]))
    closed = close_day(store, tmp_path / "record.db", month.END)
    assert closed is not None
    assert isinstance(closed.head, Head)
    result = run("verify", "--record", "-c", config)
    assert (result.exit_code, ": agrees" in result.output) == (0, True)
    store.close()
    edit(World(tmp_path / "record.db", None, 0, []), "UPDATE runs SET outcome = 2")  # type: ignore[arg-type]
    result = run("verify", "--record", "-c", config)
    assert (result.exit_code, "BROKEN  2025-12-01 (head 1) of forms" in result.output) == (1, True)
    assert json.loads(run("verify", "--record", "-c", config, "--json").output)["agrees"] is False
    for arguments in ((), ("--record",), ("--record", "-c", config, "x.zip"), ("-c", config, "x.zip")):
        assert run("verify", *arguments).exit_code == 2
