"""One daemon to a record."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.errors import StoreError, StoreHeldError
from monitor.storage.lock import Lock, warn_of_network
from sla.interval import SECOND

SINCE = 1_795_000_000 * SECOND


def test_the_refused_one_is_told_who_holds_it_and_since_when(tmp_path: Path) -> None:
    record = tmp_path / "record.db"
    with Lock(record, SINCE), pytest.raises(StoreHeldError) as refused:
        Lock(record, 0)
    said = str(refused.value)
    assert (
        f"{record} is in use by process {os.getpid()} on {socket.gethostname()} since 2026-11-18 11:06:40 UTC" in said
    )
    assert "set another `store:`" in said


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    record = tmp_path / "record.db"
    Lock(record, SINCE).release()
    with Lock(record, SINCE + SECOND) as lock:
        lock.release()
        lock.release()


@pytest.mark.parametrize("text", ["", "rubbish", "[]", '{"pid": "x"}', '{"pid": 1, "host": "h", "since": 1e300}'])
def test_a_holder_that_left_no_readable_name_still_holds_it(tmp_path: Path, text: str) -> None:
    record = tmp_path / "record.db"
    with Lock(record, SINCE) as lock:
        lock.path.write_text(text)
        with pytest.raises(StoreHeldError, match="in use by another process"):
            Lock(record, SINCE)


def test_a_name_left_by_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    record = tmp_path / "record.db"
    with Lock(record, SINCE) as lock:
        left = lock.path.read_text()
    lock.path.write_text(left)
    with Lock(record, SINCE):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file.*write permission for the folder"):
        Lock(tmp_path / "file" / "record.db", SINCE)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/share/x/record.db", "nfs4"),
        ("/srv/share/disk/record.db", None),
        ("/srv/shared/record.db", None),
        ("/srv/a b/record.db", "cifs"),
        ("/record.db", None),
    ],
)
def test_a_record_on_a_network_file_system_is_warned_of(tmp_path: Path, path: str, kind: str | None) -> None:
    """The mount that is nearest to the record decides."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\nhost:/x /srv/share nfs4 rw 0 0\n/dev/vdb /srv/share/disk ext4 rw 0 0\n"
        "//host/y /srv/a\\040b cifs rw 0 0\n"
    )
    with capture_logs() as logs:
        warn_of_network(Path(path), mounts)
    assert [line["kind"] for line in logs] == ([kind] if kind else [])


def test_without_a_list_of_mounts_nothing_is_claimed(tmp_path: Path) -> None:
    with capture_logs() as logs:
        warn_of_network(tmp_path / "record.db", tmp_path / "missing")
    assert not logs
