"""Two processes on one record: the second is rejected with the first one's process id, and accepted after the first
has died.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from monitor.errors import StoreHeldError
from monitor.storage.sqlite import SqliteStore
from tests.support.recorder_process import RecorderController

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.fault(9, 11)
def test_second_process_is_rejected_until_the_first_is_gone(tmp_path: Path) -> None:
    """The first process is killed, so it cannot clean up."""
    path = tmp_path / "record.db"
    with RecorderController(path) as recording:
        recorder = recording.start()
        assert recording.line().startswith("seen ")
        with pytest.raises(StoreHeldError, match=f"in use by process {recorder} on "):
            SqliteStore(path, 0)
        recording.kill(recorder)
        SqliteStore(path, 0).close()


def test_rejected_process_exits_with_a_clear_message(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    store = SqliteStore(path, 0)
    with RecorderController(path) as recording:
        recording.start()
        (output_line,) = recording.rest()
    store.close()
    assert output_line.startswith(f"refused {path} is in use by process {os.getpid()} on ")
