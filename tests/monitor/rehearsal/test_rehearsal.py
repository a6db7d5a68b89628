"""Rehearsals of a real record: the decisions of the daemon, changes by another configuration, and limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest

from monitor.commands.rehearse import rehearse_span
from monitor.ledger.ledger import Ledger
from monitor.rehearsal.observations import thin_out
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation
from tests.monitor.commands.test_cli import run_in_process
from tests.monitor.rehearsal.test_replay import START, Day, arrival, portfolio, take, visible_fields
from tests.support.alerting import BAD, GOOD, run_alerting
from tests.support.clocks import EPOCH, ManualClock
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.model import Portfolio


async def _store_after(of: Portfolio, day: Day) -> MemoryStore:
    """Return a store with the records and decisions of a daemon for the observations."""
    waiting = list(day.seen)
    async with run_alerting(Ledger(of), MemoryStore(), ManualClock(START), deliver=False) as harness:
        for second in range(1, day.span.length // SECOND + 1):
            at = START + second * SECOND
            while waiting and arrival(waiting[0]) < at:
                take(harness, waiting.pop(0))
            harness.clock.jump((at - harness.clock.now()) / SECOND)
            await harness.alerting.update()
        await harness.written()
    return harness.store


def _on_disk(path: Path, actual: MemoryStore) -> None:
    batch = Batch(
        observations=[observation for _, observation in sorted(actual.seen.items())],
        runs=list(actual.load_runs()),
        incidents=actual.load_incidents(),
        product_incidents=actual.load_product_incidents(),
        notifications=list(actual.notifications.values()),
        folded_until=actual.folded_until,
    )
    with contextlib.closing(SqliteStore(path, 0)) as store:
        store.write(batch)


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(11, hours=2.0)


@pytest.fixture(scope="module")
def recorded(day: Day, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[Any, ...]]]:
    """Return a record on disk, and the decisions of the daemon that wrote it."""
    path = tmp_path_factory.mktemp("record") / "n.db"
    actual = asyncio.run(_store_after(portfolio(), day))
    _on_disk(path, actual)
    rows = sorted(actual.notifications.values(), key=lambda row: (row.made, row.turn, row.key, row.receiver))
    return path, visible_fields(rows)


def test_rehearsal_of_the_unchanged_configuration_has_no_differences(
    recorded: tuple[Path, list[tuple[Any, ...]]], day: Day
) -> None:
    path, decided = recorded
    same = portfolio(store=path)
    rehearsal = rehearse_span(same, same, day.span)
    assert visible_fields(rehearsal.current.notifications) == decided
    assert rehearsal.differences == []
    assert rehearsal.current.as_json() == rehearsal.new.as_json()


def test_higher_fall_pages_later_or_never(recorded: tuple[Path, list[tuple[Any, ...]]], day: Day) -> None:
    rehearsal = rehearse_span(portfolio(store=recorded[0]), portfolio(4, store=recorded[0]), day.span)
    assert min(rehearsal.new.delays) > min(rehearsal.current.delays)
    assert {difference.current is None for difference in rehearsal.differences} | {
        difference.new is None for difference in rehearsal.differences
    } == {
        True,
        False,
    }


def test_maintenance_of_the_new_configuration_mutes_the_past(
    recorded: tuple[Path, list[tuple[Any, ...]]], day: Day
) -> None:
    always = ({"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", "reason": "move"},)
    rehearsal = rehearse_span(portfolio(store=recorded[0]), portfolio(maintenance=always), day.span)
    assert rehearsal.current.totals["pages"] > 0
    incidents = [row for row in rehearsal.new.notifications if not row.key.startswith("blind:")]
    assert incidents == []
    assert rehearsal.new.missed == []
    assert rehearsal.new.as_json()["outages_in_maintenance"] == len(rehearsal.new.outages) > 0


# Tests of the command with a record of one check.

CONFIG = """\
store: {store}
time_zone: UTC
receivers: [{{id: ops, webhook: "https://ops.example.org/hook"}}, {{id: night, webhook: "https://n.example.org/hook"}}]
routes: [{routes}]
products:
- id: forms
  objective: 99%
  checks: [{{id: page, http: "https://forms.example.org/", interval: {interval}, timeout: 5s, fall: {fall},
    recheck: {recheck}}}{more}]
"""
SPAN = ("--since", "2026-09-21T00:00:00Z", "--until", "2026-09-21T12:00:00Z")
MIDNIGHT = EPOCH // (24 * HOUR) * 24 * HOUR


def write_config(folder: Path, name: str, **fields: object) -> Path:
    values: dict[str, object] = {"store": folder / "n.db", "interval": "1m", "fall": 2, "more": "", "recheck": "1s"}
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG.format(**(values | {"routes": "{to: ops}"} | fields)))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A record of 12 hours with outages of 2, 5 and 1 probes: at 01:00, 08:00 and 10:00 UTC."""
    bad = {1 * 60: 2, 8 * 60: 5, 10 * 60: 1}
    down = {minute + n for minute, length in bad.items() for n in range(length)}
    observations = [
        Observation(
            "forms/page",
            MIDNIGHT + n * MINUTE,
            BAD if n in down else GOOD,
            "http_status" if n in down else "",
            100_000,
        )
        for n in range(12 * 60)
    ]
    with contextlib.closing(SqliteStore(tmp_path / "n.db", 0)) as store:
        store.write(Batch(observations=observations))
    return tmp_path


def rehearse(new: Path, current: Path, *options: str) -> dict[str, Any]:
    result = run_in_process("rehearse", new, "-c", current, *SPAN, "--json", *options)
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_pages_nights_delays_and_missed_outages_are_counted(folder: Path) -> None:
    assert MIDNIGHT == 1_789_948_800 * SECOND  # 2026-09-21
    data = rehearse(write_config(folder, "new", fall=3), write_config(folder, "now"))
    current, new = data["current"], data["new"]
    assert (current["pages"], current["pages_at_night"], current["outages"]) == (2, 1, 3)
    assert (new["pages"], new["pages_at_night"], new["outages"]) == (1, 0, 3)
    assert (current["outages_without_page"], new["outages_without_page"]) == (1, 2)
    assert [outage["start"][11:16] for outage in data["outages_without_page"]["new"]] == ["00:59", "09:59"]
    assert current["delay_seconds"]["median"] == pytest.approx(90.1, abs=1)
    assert new["delay_seconds"]["longest"] == pytest.approx(150.1, abs=1)
    only, later = data["differences"]
    assert (only["event"], only["new"], only["current"][11:16]) == ("opened", None, "01:01")
    assert (later["current"][11:16], later["new"][11:16]) == ("08:01", "08:02")


def test_routes_by_hour_move_pages_to_another_receiver(folder: Path) -> None:
    routes = '{to: ops, hours: "07:00-22:00"}, {to: night, hours: "22:00-07:00"}'
    data = rehearse(write_config(folder, "new", routes=routes), write_config(folder, "now"), "--night", "00:00-02:00")
    assert {name: counts["pages"] for name, counts in data["current"]["receivers"].items()} == {"ops": 2}
    assert {name: counts["pages"] for name, counts in data["new"]["receivers"].items()} == {"ops": 1, "night": 1}
    assert data["new"]["receivers"]["night"]["pages_at_night"] == 1
    assert {(difference["receiver"], difference["current"] is None) for difference in data["differences"]} == {
        ("ops", False),
        ("night", True),
    }


def test_longer_interval_uses_fewer_probes_and_shorter_interval_is_noted(folder: Path) -> None:
    actual = rehearse(write_config(folder, "new", interval="3m"), write_config(folder, "now"))
    assert actual["new"]["pages"] == 1
    assert any("recorded probes are 1m apart; only probes 3m apart are used" in note for note in actual["notes"])
    actual = rehearse(write_config(folder, "new", interval="30s"), write_config(folder, "now"))
    assert any("recorded probes are 1m apart, not 30s" in note for note in actual["notes"])


@pytest.mark.parametrize(
    ("before", "after"),
    [("recheck: 1s", "recheck: 1s, enabled: false"), ("objective: 99%", "objective: 99%\n  enabled: false")],
    ids=["check", "product"],
)
def test_disabled_check_sends_nothing_and_has_no_outages(folder: Path, before: str, after: str) -> None:
    """It was probed in the time span, but the new configuration would not have probed it."""
    disabled = write_config(folder, "new")
    disabled.write_text(disabled.read_text().replace(before, after))
    data = rehearse(disabled, write_config(folder, "now"))
    assert (data["current"]["pages"], data["current"]["outages"]) == (2, 3)
    assert (data["new"]["pages"], data["new"]["outages"], data["new"]["outages_without_page"]) == (0, 0, 0)
    assert [difference["new"] for difference in data["differences"]] == [None, None]
    assert not [note for note in data["notes"] if "enabled changed" in note]
    data = rehearse(write_config(folder, "now"), disabled)
    assert (data["current"]["pages"], data["new"]["pages"]) == (0, 2)
    assert (
        "forms/page: disabled in the current configuration; its state is unknown while it was not probed"
        in data["notes"]
    )


def test_unrecorded_check_is_unknown(folder: Path) -> None:
    extra_check = ', {id: api, http: "https://forms.example.org/api"}'
    data = rehearse(write_config(folder, "new", more=extra_check), write_config(folder, "now"))
    assert "forms/api: no observations are recorded; its state is unknown" in data["notes"]
    assert data["new"]["pages"] == 2


def test_text_contains_both_columns_and_each_difference(folder: Path) -> None:
    new, now = write_config(folder, "new", fall=3), write_config(folder, "now")
    result = run_in_process("rehearse", new, "-c", now, "--since", "2026-09-21T00:00", "--until", "2026-09-21T12:00")
    lines = result.stdout.splitlines()
    assert lines[0] == "Rehearsal of 2026-09-21T00:00:00Z to 2026-09-21T12:00:00Z"
    rows = {line[:28].strip(): line[28:].split() for line in lines if line[:28].strip()}
    assert rows["pages"] == ["2", "1"]
    assert "2 notifications differ:" in lines
    assert "  2026-09-21T08:01:00Z  page about forms to ops (opened): 1m later" in lines


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--since", "never"), "use --since 90d or --since 2026-09-01"),
        (("--since", "2026-09-21", "--until", "2026-09-20"), "--since is not before the end"),
        (("--since", "2020-01-01", "--until", "2020-01-02"), "has no observation within that time"),
        (("--night", "late"), "--night: "),
    ],
)
def test_mistake_gives_one_clear_line(folder: Path, options: tuple[str, ...], message: str) -> None:
    now = write_config(folder, "now")
    result = run_in_process("rehearse", now, "-c", now, *options)
    assert message in str(result.exception)


# observations that are not kept, and a start in the middle of a record


def test_observations_from_runs_give_the_same_incidents(
    recorded: tuple[Path, list[tuple[Any, ...]]], day: Day, tmp_path: Path
) -> None:
    """Without single observations the outcomes come in the same order; instants within a run are spaced evenly."""
    path = tmp_path / "n.db"
    shutil.copy(recorded[0], path)
    with contextlib.closing(SqliteStore(path, 0)) as store:
        store.write(Batch(folded_until=max(observation.at for observation in day.seen)))
        while store.prune(day.span.end):
            pass
    same = portfolio(store=path)
    rehearsal = rehearse_span(same, same, day.span)
    assert any("evenly spaced" in note for note in rehearsal.notes)
    incidents = {(row[1], row[2], row[3]) for row in recorded[1] if ":" not in row[2] and row[3] != "reminder"}
    replayed = {(row.receiver, row.key, row.event.value) for row in rehearsal.current.notifications}
    assert incidents
    assert incidents <= replayed


@pytest.mark.parametrize("minutes", [25, 60])
def test_start_inside_the_record_uses_the_state_at_that_instant(
    recorded: tuple[Path, list[tuple[Any, ...]]], day: Day, minutes: int
) -> None:
    """Incidents after the start are decided as by the daemon. Incidents open at the start are not announced."""
    path, decided = recorded
    same, start = portfolio(store=path), START + minutes * MINUTE
    with reading(path) as record:
        outages = record.load_product_incidents()
    before = {outage.id for outage in outages if outage.opened < start}
    later = [outage for outage in outages if outage.opened >= start]
    rehearsal = rehearse_span(same, same, Interval(start, day.span.end))
    rows = visible_fields(rehearsal.current.notifications)
    assert later
    assert not before & {row[2] for row in rows}
    first = {page.product: page.id for page in reversed(later)}
    for key in first.values():
        expected = [row for row in decided if row[2] == key and row[3] == "opened"]
        assert [row for row in rows if row[2] == key and row[3] == "opened"] == expected


def test_error_in_alerting_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("a defect")

    monkeypatch.setattr("monitor.alerting.alert_decisions.body_of", broken)
    span = ("--since", "2026-09-21T00:55:00Z", "--until", "2026-09-21T01:01:02Z")
    result = run_in_process("rehearse", write_config(folder, "new"), "-c", write_config(folder, "now"), *span, "--json")
    notes = json.loads(result.stdout[result.stdout.index("{\n") :])["notes"]
    assert any("in alerting, see the log: the comparison is incomplete" in note for note in notes)


def test_rechecks_are_skipped_with_their_probe_and_without_rechecks() -> None:
    """Those of other checks stay."""
    regular = [Observation("p/a", n * MINUTE, BAD) for n in range(5)]
    quick = [Observation("p/a", n * MINUTE + SECOND, BAD, recheck=True) for n in range(5)]
    every = sorted([*regular, *quick, Observation("p/b", 5 * SECOND, BAD, recheck=True)], key=attrgetter("at"))
    longer = {"p/a": (MINUTE, 2 * MINUTE)}
    assert list(thin_out(every, {})) == every
    assert [observation.at for observation in thin_out(every, {}, ["p/a"]) if observation.recheck] == [5 * SECOND]
    remaining = [observation for observation in thin_out(every, longer) if observation.check == "p/a"]
    assert [(observation.at, observation.recheck) for observation in remaining] == [
        (2 * MINUTE, False),
        (2 * MINUTE + SECOND, True),
        (4 * MINUTE, False),
        (4 * MINUTE + SECOND, True),
    ]
    assert not any(observation.recheck for observation in thin_out(every, longer, ["p/a", "p/b"]))


def test_more_rechecks_than_recorded_are_noted(folder: Path) -> None:
    result = rehearse(write_config(folder, "new", recheck="2s"), write_config(folder, "now"))
    assert any("only recorded re-checks are used" in note for note in result["notes"])
    result = rehearse(write_config(folder, "new", recheck="never"), write_config(folder, "now"))
    assert not any("re-checks" in note for note in result["notes"])
