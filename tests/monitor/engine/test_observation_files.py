"""Files of other vantages that are written anew, damaged or large, and how their decisions are written."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from monitor.engine import vantage_importer
from monitor.notification import Decided, Kind, Notification
from monitor.vantage import observation_file
from sla.interval import HOUR, MINUTE
from tests.monitor.engine.test_vantage_importer import Scene, running
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_file_that_is_written_anew_in_place_is_read_from_its_start(tmp_path: Path) -> None:
    """As by a repeated export of the last minutes: same file, same size, only the last row is new."""
    path = tmp_path / "east.jsonl"
    async with running(tmp_path) as scene:
        scene.append("east", "ggg")
        assert await scene.read_at(NOW + 3 * MINUTE) == 3
        size, inode = path.stat().st_size, path.stat().st_ino
        path.write_text("")
        scene.append("east", "ggg", NOW + MINUTE)
        assert (path.stat().st_size, path.stat().st_ino) == (size, inode)
        assert await scene.read_at(NOW + 4 * MINUTE) == 1
        assert await scene.read_at(NOW + 4 * MINUTE) == 0


async def test_pipe_is_reported_and_not_opened(tmp_path: Path) -> None:
    """Opening a pipe would wait for its writer, and delay the end of the daemon."""
    os.mkfifo(tmp_path / "east.jsonl")
    async with running(tmp_path) as scene:
        scene.append("west", "g")
        with capture_logs() as logs:
            assert await scene.read_at(NOW + MINUTE) == 1
    assert [entry["problem"] for entry in logs if entry["event"] == "observations_unreadable"] == [
        f"{tmp_path / 'east.jsonl'}: not a regular file"
    ]


async def test_rest_of_a_long_line_is_no_row_and_lines_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observation_file, "CHUNK", 300)
    async with running(tmp_path) as scene:
        scene.append("east", "g")
        row = (tmp_path / "east.jsonl").read_text()
        (tmp_path / "east.jsonl").write_text(f"{' ' * 900}{row}no row\n{row}")
        scene.append("west", "")
        with capture_logs() as logs:
            assert await scene.read_at(NOW + MINUTE) == 1
    skipped = [entry["first"] for entry in logs if entry["event"] == "observations_skipped"]
    assert [text.removeprefix(f"{tmp_path / 'east.jsonl'}:")[:8] for text in skipped] == ["1: the l", "2: JSON "]


async def test_long_text_is_skipped_and_not_quoted(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.append("east", "g", at="9" * 100_000)
        scene.append("west", "")
        with capture_logs() as logs:
            assert await scene.read_at(NOW + MINUTE) == 0
    (skipped,) = [entry for entry in logs if entry["event"] == "observations_skipped"]
    assert len(skipped["first"]) < 500


async def test_large_file_waits_while_observations_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the writer would drop observations. One chunk is read all the same, so that the vantage can vote."""
    monkeypatch.setattr(observation_file, "CHUNK", 300)
    monkeypatch.setattr(vantage_importer, "MAX_BACKLOG", 0)
    async with running(tmp_path) as scene:
        scene.append("east", "g" * 10)
        first = await scene.read_at(NOW + HOUR)
        assert 0 < first < 10
        monkeypatch.setattr(vantage_importer, "MAX_BACKLOG", 1_000)
        assert first + await scene.read_at(NOW + HOUR) == 10


async def test_incident_is_queued_together_with_its_notifications(tmp_path: Path) -> None:
    """The writer commits each queue entry completely or not at all."""
    scene = Scene(tmp_path, ManualClock())
    with closing(scene.store):
        row = Notification("forms@1", "ops", 0, Kind.OPENED, 0, NOW, NOW, "page", "forms", "down")
        scene.decisions = Decided((), (row,))
        scene.append("east", "bb")
        scene.append("west", "bb")
        await scene.read_at(NOW + MINUTE)
        (opened,) = scene.decided
        entries = [(entry[2], entry[4]) for entry in scene.writer._queue if entry[2] is not None or any(entry[4])]
        assert entries == [(opened, scene.decisions)]
