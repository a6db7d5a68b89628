"""The audit log: an append-only file of JSON lines next to the record, with the origin of each change.

A change is a fact of the record, with author and content. The log adds the means, the client and its address, and the
events that are not facts: sign-ins and API tokens. It contains network addresses of people, so it is separate from the
facts, which reports, bundles and pages include. A line is written before its fact, so that no fact lacks its origin.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from monitor.append_only_file import append_line
from monitor.errors import NinewatchError
from sla.fact import content_id
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sla.fact import Fact

log = structlog.get_logger(__name__)

_OWNER_ONLY: Final = 0o600


class Event(StrEnum):
    """The kind of an entry."""

    CHANGE = "change"
    TEST_MESSAGE = "test_message"
    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_OUT = "sign_out"
    TOKEN_CREATED = "token_created"  # noqa: S105 - a name
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a name
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a name


class Means(StrEnum):
    """The means of a change. The last two are used for facts without an entry."""

    SESSION = "session"
    PROXY = "proxy"
    TOKEN = "token"  # noqa: S105 - a name
    LINK = "link"
    CALLBACK = "callback"
    COMMAND = "command"
    CONFIGURATION = "configuration"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Origin:
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
    origin: Origin
    fact: str = ""
    kind: str = ""
    product: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_change(cls, fact: Fact, origin: Origin) -> AuditEntry:
        """Return the entry of a fact."""
        return cls(fact.made, Event.CHANGE, origin, fact.id, fact.kind, fact.product)

    @property
    def id(self) -> str:
        """The id: that of the fact, or else that of the content."""
        origin = self.origin
        return self.fact or content_id(self.at, self.event, origin.means, origin.name, origin.client, origin.address)


class AuditLog:
    """The file. `entries` reads only what was appended since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: tuple[int, int] = (0, 0)  # inode, bytes that were read
        self._entries: list[AuditEntry] = []

    @classmethod
    def of(cls, record: Path) -> AuditLog:
        """Return the audit log of a record, a file next to it."""
        return cls(record.with_name(record.name + ".audit.jsonl"))

    def append(self, entry: AuditEntry) -> None:
        """Append the entry, and return once it is on disk.

        Raises:
            NinewatchError: it could not be written.
        """
        append_line(self.path, json.dumps(_as_line(entry), ensure_ascii=False), mode=_OWNER_ONLY)

    def entries(self) -> Sequence[AuditEntry]:
        """Return all entries in the order of the file.

        Raises:
            NinewatchError: the file exists and cannot be read.
        """
        with self._lock:
            try:
                self._read()
            except FileNotFoundError:
                self._file, self._entries = (0, 0), []
            except OSError as error:
                raise NinewatchError(f"cannot read {self.path}: {(error.strerror or 'unreadable').lower()}") from None
            return tuple(self._entries)

    def _read(self) -> None:
        with self.path.open("rb") as file:
            inode, (known_inode, begin) = self.path.stat().st_ino, self._file
            if inode != known_inode:
                self._entries, begin = [], 0
            file.seek(begin)
            complete = file.read().rpartition(b"\n")[0]
        if complete:
            self._entries.extend(_entries(complete.decode(errors="replace"), self.path))
        self._file = inode, begin + (len(complete) + 1 if complete else 0)


def _entries(text: str, path: Path) -> Iterator[AuditEntry]:
    for line in text.split("\n"):
        if line.strip():
            try:
                yield _entry(json.loads(line))
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
                log.warning("audit_entry_unreadable", file=str(path), error=str(error)[:200])


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
        Origin(Means(line["means"]), name, client, address),
        fact,
        kind,
        product,
        detail,
    )
