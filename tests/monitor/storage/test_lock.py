"""One daemon per record."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.errors import StoreError, StoreHeldError
from monitor.storage.lock import Lock, warn_if_on_network
from sla.interval import SECOND

SINCE = 1_795_000_000 * SECOND


def test_second_holder_gets_the_process_and_start_of_the_first(tmp_path: Path) -> None:
    record = tmp_path / "record.db"
    with Lock(record, SINCE), pytest.raises(StoreHeldError) as rejected:
        Lock(record, 0)
    message = str(rejected.value)
    assert (
        f"{record} is in use by process {os.getpid()} on {socket.gethostname()} since 2026-11-18 11:06:40 UTC"
        in message
    )
    assert "set another `store:`" in message


def test_released_lock_can_be_acquired_again(tmp_path: Path) -> None:
    record = tmp_path / "record.db"
    Lock(record, SINCE).release()
    with Lock(record, SINCE + SECOND) as lock:
        lock.release()
        lock.release()


@pytest.mark.parametrize("text", ["", "rubbish", "[]", '{"pid": "x"}', '{"pid": 1, "host": "h", "since": 1e300}'])
def test_lock_with_an_unreadable_name_is_still_held(tmp_path: Path, text: str) -> None:
    record = tmp_path / "record.db"
    with Lock(record, SINCE) as lock:
        lock.path.write_text(text)
        with pytest.raises(StoreHeldError, match="in use by another process"):
            Lock(record, SINCE)


def test_name_of_a_dead_process_does_not_hold_the_lock(tmp_path: Path) -> None:
    record = tmp_path / "record.db"
    with Lock(record, SINCE) as lock:
        text = lock.path.read_text()
    lock.path.write_text(text)
    with Lock(record, SINCE):
        pass


def test_unwritable_folder_is_reported(tmp_path: Path) -> None:
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
@pytest.mark.fault(9)
def test_record_on_a_network_file_system_gets_a_warning(tmp_path: Path, path: str, kind: str | None) -> None:
    """The innermost mount of the record counts."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\nhost:/x /srv/share nfs4 rw 0 0\n/dev/vdb /srv/share/disk ext4 rw 0 0\n"
        "//host/y /srv/a\\040b cifs rw 0 0\n"
    )
    with capture_logs() as logs:
        warn_if_on_network(Path(path), mounts)
    assert [line["kind"] for line in logs] == ([kind] if kind else [])


def test_missing_list_of_mounts_gives_no_warning(tmp_path: Path) -> None:
    with capture_logs() as logs:
        warn_if_on_network(tmp_path / "record.db", tmp_path / "missing")
    assert not logs
