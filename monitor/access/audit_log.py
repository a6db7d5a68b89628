"""The audit log: an append-only file of JSON lines next to the record, with the origin of each change.

A change is a fact of the record, with author and content. The log adds the means, the client and its address, and
events that are not facts: sign-ins and API tokens. It is a separate file, because it contains people's network
addresses while facts appear in reports, bundles and pages. A line is written before its fact, so that each fact has its
origin.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from enum import StrEnum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.append_only_file import OWNER_ONLY, append_json, parse_json_lines, unreadable
from sla.fact import content_id
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sla.fact import Fact


class Event(StrEnum):
    """The kind of an entry."""

    CHANGE = auto()
    TEST_MESSAGE = auto()
    SIGN_IN = auto()
    SIGN_IN_REFUSED = auto()
    SIGN_OUT = auto()
    TOKEN_CREATED = auto()
    TOKEN_REVOKED = auto()
    TOKEN_REFUSED = auto()


class Means(StrEnum):
    """The means of a change. The last two are used for facts without an entry."""

    SESSION = auto()
    PROXY = auto()
    TOKEN = auto()
    LINK = auto()
    CALLBACK = auto()
    COMMAND = auto()
    CONFIGURATION = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class ChangeOrigin:
    """The client of a change.

    `client` is the id of the token, subject, receiver or user, `address` its network address.
    """

    means: Means
    name: str
    client: str
    address: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry; `at` is microseconds since the epoch. `fact`, `kind` and `product` are empty for other events."""

    at: int
    event: Event
    origin: ChangeOrigin
    fact: str = ""
    kind: str = ""
    product: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_change(cls, fact: Fact, origin: ChangeOrigin) -> AuditEntry:
        """Return the entry of a fact."""
        return cls(fact.made, Event.CHANGE, origin, fact.id, fact.kind, fact.product)

    @property
    def id(self) -> str:
        """The fact's id, or an id of the content if there is no fact."""
        origin = self.origin
        return self.fact or content_id(self.at, self.event, origin.means, origin.name, origin.client, origin.address)


class AuditLog:
    """The audit log file. `entries` reads only lines appended since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._position = (0, 0, 0)  # (inode, bytes read, lines read)
        self._entries: list[AuditEntry] = []

    @classmethod
    def of(cls, record: Path) -> AuditLog:
        """Return the audit log of a record, a file next to it."""
        return cls(record.with_name(record.name + ".audit.jsonl"))

    def append(self, entry: AuditEntry) -> None:
        """Append the entry, and return once it is on disk.

        Raises:
            NinewatchError: the file could not be written.
        """
        append_json(self.path, _as_line(entry), mode=OWNER_ONLY)

    def entries(self) -> Sequence[AuditEntry]:
        """Return all entries in the order of the file.

        Raises:
            NinewatchError: the file exists and cannot be read.
        """
        with self._lock:
            try:
                self._read()
            except FileNotFoundError:
                self._position, self._entries = (0, 0, 0), []
            except OSError as error:
                raise unreadable(self.path, error) from None
            return tuple(self._entries)

    def _read(self) -> None:
        with self.path.open("rb") as file:
            stat, (inode, begin, lines) = os.fstat(file.fileno()), self._position
            if stat.st_ino != inode or stat.st_size < begin:  # replaced by another file, such as one from a backup
                self._entries, begin, lines = [], 0, 0
            file.seek(begin)
            complete = file.read().rpartition(b"\n")[0:2]
        added = b"".join(complete).decode(errors="replace").split("\n")[:-1]
        self._entries.extend(parse_json_lines(added, _entry, "audit_entry_unreadable", self.path, first=lines + 1))
        self._position = stat.st_ino, begin + sum(map(len, complete)), lines + len(added)


def _as_line(entry: AuditEntry) -> dict[str, Any]:
    origin = entry.origin
    line = {
        "at": format_instant(entry.at),
        "event": entry.event,
        "means": origin.means,
        "name": origin.name,
        "client": origin.client,
        "address": origin.address,
    }
    change = {"fact": entry.fact, "kind": entry.kind, "product": entry.product} if entry.fact else {}
    return line | change | ({"detail": dict(entry.detail)} if entry.detail else {})


def _entry(line: Mapping[str, Any]) -> AuditEntry:
    name, client, address = (str(line[key]) for key in ("name", "client", "address"))
    fact, kind, product = (str(line.get(key, "")) for key in ("fact", "kind", "product"))
    detail = line.get("detail", {})
    if not isinstance(detail, dict):
        raise TypeError("detail is not an object")
    return AuditEntry(
        parse_instant(str(line["at"])),
        Event(line["event"]),
        ChangeOrigin(Means(line["means"]), name, client, address),
        fact,
        kind,
        product,
        detail,
    )
