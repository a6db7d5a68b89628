"""The intent log: a file of JSON lines next to the record, with every write to another system before it is sent.

`add` returns once the line is on disk, so that a write is never sent without its intent. A write that was sent before
a kill is found in the log at the next start. The file is readable by its owner only. Lines of runs that are no longer
needed are removed by `compact`, which replaces the file as a whole.
"""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from monitor.append_only_file import OWNER_ONLY, append_line, read_json_lines, replace_file
from monitor.errors import NinewatchError
from sla.intent import Entry, add_entry, entries_of, entry_as_json, entry_from_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from sla.intent import Run

log = structlog.get_logger()

SUFFIX: Final = ".intents.jsonl"
COMPACT_LINES: Final = 20_000  # appended lines after which lines that are not needed are removed


class IntentLog:
    """The file of one record. A daemon holds the record's lock, so only one process writes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.lines = 0  # appended by this process since the last `compact`

    @classmethod
    def of(cls, record: Path, suffix: str = SUFFIX) -> IntentLog:
        """Return the intent log with this suffix next to a record."""
        return cls(record.with_name(record.name + suffix))

    def add(self, entry: Entry) -> None:
        """Append the entry, and return once it is on disk.

        Raises:
            NinewatchError: it could not be written; the write must not be sent.
        """
        with self._lock:
            append_line(self.path, _line(entry), mode=OWNER_ONLY)
            self.lines += 1

    def read(self) -> dict[str, Run]:
        """Return the runs of the log by id; none if there is no file.

        Raises:
            NinewatchError: the file cannot be read.
        """
        runs: dict[str, Run] = {}
        for entry in read_json_lines(self.path, entry_from_json, "intent_unreadable"):
            add_entry(runs, entry)
        return runs

    def compact(self, keep: Callable[[Run], bool]) -> None:
        """Replace the file by one with the open runs and those that `keep` selects.

        Raises:
            NinewatchError: the file cannot be read or replaced; the former one is unchanged.
        """
        with self._lock:
            self._compact(keep)

    def try_to_compact(self, keep: Callable[[Run], bool]) -> None:
        """Compact the file; a failure is logged."""
        try:
            self.compact(keep)
        except NinewatchError as error:
            log.warning("intents_not_compacted", error=str(error))

    async def compact_if_long(self, keep: Callable[[Run], bool]) -> None:
        """Compact the file in a thread if many lines were appended; a failure is logged."""
        if self.lines >= COMPACT_LINES:
            await asyncio.to_thread(self.try_to_compact, keep)

    def _compact(self, keep: Callable[[Run], bool]) -> None:
        runs = self.read()
        kept_runs = [run for run in runs.values() if run.closing is None or keep(run)]
        self.lines = 0
        if len(kept_runs) < len(runs):
            text = "".join(_line(entry) + "\n" for run in kept_runs for entry in entries_of(run))
            replace_file(self.path, text, mode=OWNER_ONLY)


def _line(entry: Entry) -> str:
    return json.dumps(entry_as_json(entry), ensure_ascii=True)
