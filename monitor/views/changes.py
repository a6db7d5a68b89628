"""Changes: the facts of people and of the configuration with their origins, and the other events of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from monitor.access.audit_log import AuditEntry, ChangeOrigin, Event, Means
from monitor.facts.history import fact_text, history
from sla.continuity import CONTINUITY
from sla.definition import AUTHOR
from sla.drill_facts import (
    DRILL_DETECTED,
    DRILL_END,
    DRILL_FINDING,
    DRILL_FINDING_CLOSED,
    DRILL_RECOVERY_POINT,
    DRILL_SIGN_OFF,
)
from sla.evidence import EVIDENCE_REVOCATION
from sla.fact import ANCHOR, DEFINITION, MAINTENANCE, REVOCATION, WITNESSED, Fact
from sla.failover_facts import FAILOVER_END, SITE_CHANGE
from sla.gate_override import GATE_OVERRIDE_END
from sla.maintenance_window import MAINTENANCE_APPROVAL, MAINTENANCE_WINDOW_END
from sla.pause import PAUSE_END
from sla.public_incident import PUBLIC_UPDATE
from sla.silence import SILENCE_END
from sla.supplier_statement import FEED, STATEMENT
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.facts.fact_index import Facts

# Facts that the daemon itself records from observations: no one changed anything.
_OBSERVED: Final = frozenset(
    {ANCHOR, WITNESSED, CONTINUITY, SITE_CHANGE, FAILOVER_END, DRILL_DETECTED, FEED, STATEMENT}
)
_LOADED: Final = frozenset({DEFINITION, MAINTENANCE})  # each replaces the one before it
# Kind -> the key of the body with the id of the fact that is changed, and what happens to that fact.
_CHANGED: Final[Mapping[str, tuple[str, str]]] = {
    REVOCATION: ("revokes", "revoked"),
    EVIDENCE_REVOCATION: ("revokes", "revoked"),
    SILENCE_END: ("silence", "ended"),
    MAINTENANCE_WINDOW_END: ("window", "ended"),
    MAINTENANCE_APPROVAL: ("window", "approved"),
    PAUSE_END: ("pause", "ended"),
    PUBLIC_UPDATE: ("incident", "updated"),
    GATE_OVERRIDE_END: ("override", "ended"),
    DRILL_END: ("drill", "ended"),
    DRILL_RECOVERY_POINT: ("drill", "recovery_point_stated"),
    DRILL_FINDING: ("drill", "finding_added"),
    DRILL_FINDING_CLOSED: ("finding", "closed"),
    DRILL_SIGN_OFF: ("drill", "signed_off"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change or another event of the audit log.

    `event` is the kind of the fact, or of the event. `before` and `after` are the content that the change replaced and
    that which replaced it; None if there is none. `recorded` is false if the fact of an entry could not be written.
    """

    id: str
    at: int
    event: str
    product: str
    origin: ChangeOrigin
    recorded: bool = True
    text: Sequence[str] = ()
    before: Any = None
    after: Any = None

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API and of `ninewatch changes --json`."""
        return {
            "id": self.id,
            "at": format_instant(self.at),
            "event": self.event,
            "product": self.product or None,
            "name": self.origin.name or None,
            "means": self.origin.means.value,
            "client": self.origin.client or None,
            "address": self.origin.address or None,
            "recorded": self.recorded,
            "text": list(self.text),
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """The selection of changes; empty values select all. `since` is inclusive, `until` is exclusive."""

    event: str = ""
    name: str = ""
    means: str = ""
    product: str = ""
    since: int = 0
    until: int | None = None

    def selects(self, at: int, event: str, product: str, origin: ChangeOrigin) -> bool:
        """Return whether a change with these values is selected."""
        return (
            self.event in ("", event)
            and self.name.casefold() in ("", origin.name.casefold())
            and self.means in ("", origin.means)
            and self.product in ("", product)
            and self.since <= at
            and (self.until is None or at < self.until)
        )


@dataclass(frozen=True, slots=True)
class Page:
    """The changes of a page, newest first, and the cursor of the next page; empty on the last one."""

    changes: Sequence[Change] = ()
    next: str = ""


class _Row(NamedTuple):
    """A fact or an entry of the audit log, with the values by which it is selected."""

    at: int
    event: str
    product: str
    origin: ChangeOrigin
    content: Fact | AuditEntry

    @property
    def position(self) -> tuple[int, str]:
        """The place in the list, which a cursor states. The id of an entry is a digest, so this takes time."""
        return self.at, self.content.id


def _fact_row(fact: Fact, entry: AuditEntry | None) -> _Row:
    """Return the row of a fact. `entry` is its entry in the audit log, if it has one."""
    origin = _origin(fact) if entry is None else entry.origin
    return _Row(fact.made, fact.kind, fact.product, origin, fact)


def _entry_row(entry: AuditEntry) -> _Row:
    """Return the row of an entry without a fact."""
    return _Row(entry.at, entry.kind or entry.event, entry.product, entry.origin, entry)


def changes(
    facts: Facts, entries: Iterable[AuditEntry], selected: ChangeFilter, *, limit: int | None = None, cursor: str = ""
) -> Page:
    """Return a page of the selected changes, newest first. `cursor` is that of the page before.

    Raises:
        ValueError: the cursor is not valid.
    """
    rows = [row for row in _rows(facts, entries) if selected.selects(row.at, row.event, row.product, row.origin)]
    if cursor:
        end = _position(cursor)
        rows = [row for row in rows if row.at < end[0] or (row.at == end[0] and row.position < end)]
    rows.sort(key=attrgetter("at"), reverse=True)
    if limit is not None and len(rows) > limit:
        rows = [row for row in rows if row.at >= rows[limit].at]
    rows.sort(key=attrgetter("position"), reverse=True)
    shown = rows[:limit]
    following = "{}.{}".format(*shown[-1].position) if len(rows) > len(shown) else ""
    return Page(list(_described(facts, shown)), following)


def _rows(facts: Facts, entries: Iterable[AuditEntry]) -> Iterator[_Row]:
    by_fact: dict[str, AuditEntry] = {}
    for entry in entries:
        if entry.fact:
            by_fact.setdefault(entry.fact, entry)
        else:
            yield _entry_row(entry)
    for fact in facts.all:
        origin = by_fact.pop(fact.id, None)
        if origin is not None or fact.kind not in _OBSERVED:
            yield _fact_row(fact, origin)
    yield from map(_entry_row, by_fact.values())


def _origin(fact: Fact) -> ChangeOrigin:
    """Return the origin of a fact without an entry: the configuration, or unknown (earlier versions)."""
    loaded = fact.kind in _LOADED or fact.author == AUTHOR
    return ChangeOrigin(Means.CONFIGURATION if loaded else Means.UNKNOWN, fact.author, "", "")


def _position(cursor: str) -> tuple[int, str]:
    at, dot, name = cursor.partition(".")
    if not (dot and at.isascii() and at.isdigit() and len(at) <= 18):
        raise ValueError("the cursor is not one of a page")
    return int(at), name


def _described(facts: Facts, rows: Sequence[_Row]) -> Iterator[Change]:
    """Yield the changes of the rows, with text and content."""
    by_id = {fact.id: fact for fact in facts.all}
    loaded = [row.content for row in rows if isinstance(row.content, Fact) and row.event in _LOADED]
    texts = {
        entry.fact.id: entry.changes
        for product in {fact.product for fact in loaded}
        for entry in history(facts, product)
    }
    previous = _previous(facts, loaded)
    for row in rows:
        content = row.content
        if isinstance(content, Fact):
            text = texts.get(content.id, ()) if content.kind in _LOADED else (fact_text(content),)
            yield Change(content.id, *row[:4], True, text, *_contents(content, by_id, previous))
        else:
            recorded = content.event is not Event.CHANGE
            yield Change(content.id, *row[:4], recorded, _detail_text(content), None, dict(content.detail) or None)


def _detail_text(entry: AuditEntry) -> Sequence[str]:
    if entry.event is Event.CHANGE:
        return ("not recorded: the journal could not be written",)
    return tuple(f"{name}: {_plain(value)}" for name, value in entry.detail.items() if value)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _previous(facts: Facts, loaded: Sequence[Fact]) -> dict[str, Fact]:
    """Return for each of these facts the one before it of the same kind and product, by id."""
    subjects = {(fact.kind, fact.product) for fact in loaded}
    latest: dict[tuple[str, str], Fact] = {}
    previous: dict[str, Fact] = {}
    for fact in facts.all:
        if (subject := (fact.kind, fact.product)) in subjects:
            if subject in latest:
                previous[fact.id] = latest[subject]
            latest[subject] = fact
    return previous


def _contents(fact: Fact, by_id: Mapping[str, Fact], previous: Mapping[str, Fact]) -> tuple[Any, Any]:
    """Return the content before and after the change."""
    content = fact.content()
    if fact.kind in _LOADED:
        replaced = previous.get(fact.id)
        return None if replaced is None else replaced.content(), content
    key, happened = _CHANGED.get(fact.kind, ("", ""))
    target = by_id.get(str(content.get(key))) if key and isinstance(content, dict) else None
    if target is None:
        return None, content
    before = {"id": target.id, "kind": target.kind, "author": target.author, "content": target.content()}
    statement = {name: value for name, value in content.items() if name != key}
    return before, before | {happened: {"at": format_instant(fact.made), "author": fact.author, **statement}}
