"""The pages and tickets that differ between two replays of the same time, and what a rehearsal cannot show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.alerting.conditions import BLIND, BURN, CERTIFICATE
from monitor.notification import Kind
from sla.interval import HOUR, SECOND
from sla.objective import format_duration
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from monitor.config.model import CheckBase, Portfolio
    from monitor.notification import Notification

_SHOWN: Final = (Kind.OPENED, Kind.ESCALATED, Kind.REMINDER)
_NEAR: Final = HOUR  # two alerts about the same condition that begin so close are the same one
_REPLAYED: Final = {"id", "was", "interval", "fall", "rise", "hold", "slow_after"}  # keys that a replay follows


@dataclass(frozen=True, slots=True)
class Difference:
    """A notification that only one configuration sends, or that both send at other times."""

    current: Notification | None
    new: Notification | None

    @property
    def row(self) -> Notification:
        """The notification, the one of the current configuration if both send it."""
        found = self.current or self.new
        assert found is not None, "one of the two sends it"  # noqa: S101 - for the type checker
        return found

    @property
    def at(self) -> int:
        """The instant at which the first of the two is due."""
        return min(each.due for each in (self.current, self.new) if each is not None)

    def as_json(self) -> dict[str, Any]:
        """Return it with both instants, null where it is not sent."""
        row = self.row
        return {
            "product": row.product,
            "receiver": row.receiver,
            "event": row.event.value,
            "severity": row.severity,
            "key": row.key,
            "current": None if self.current is None else format_instant(self.current.due),
            "new": None if self.new is None else format_instant(self.new.due),
        }

    @property
    def text(self) -> str:
        """Return it as one line."""
        row = self.row
        what = f"{row.severity} about {row.product or 'the monitor'} to {row.receiver} ({row.event})"
        if self.current is None or self.new is None:
            return f"{what}: only with the {'new' if self.current is None else 'current'} configuration"
        moved = self.new.due - self.current.due
        return f"{what}: {format_duration(abs(moved))} {'later' if moved > 0 else 'earlier'}"


def differences(current: Iterable[Notification], new: Iterable[Notification]) -> list[Difference]:
    """Return each notification that differs, by when it is due. One second apart is the same time."""
    ours, theirs = _grouped(current), _grouped(new)
    found: list[Difference] = []
    for name in ours | theirs:
        found += _paired(ours.get(name, []), theirs.get(name, []))
    return sorted(found, key=lambda each: (each.at, each.row.receiver, each.row.key))


def _grouped(rows: Iterable[Notification]) -> dict[tuple[str, ...], list[Notification]]:
    found: dict[tuple[str, ...], list[Notification]] = {}
    for row in rows:
        if row.event in _SHOWN:
            found.setdefault((subject(row.key), row.receiver, row.event, row.severity), []).append(row)
    return found


def subject(key: str) -> str:
    """Return what an alert is about: the key of an incident; of a condition without the instant at which it began."""
    kind, _, rest = key.partition(":")
    return f"{kind}:{rest.rpartition(':')[0]}" if kind in (BURN, CERTIFICATE, BLIND) else key


def _paired(current: list[Notification], new: list[Notification]) -> Iterator[Difference]:
    """Yield the differences of notifications about the same, each list in the order of time."""
    ours, theirs = sorted(current, key=_due), sorted(new, key=_due)
    while ours and theirs:
        first, second = ours[0], theirs[0]
        if first.key == second.key or abs(first.due - second.due) <= _NEAR:
            if abs(first.due - second.due) > SECOND:
                yield Difference(first, second)
            del ours[0], theirs[0]
        elif first.due < second.due:
            yield Difference(ours.pop(0), None)
        else:
            yield Difference(None, theirs.pop(0))
    yield from (Difference(each, None) for each in ours)
    yield from (Difference(None, each) for each in theirs)


def _due(row: Notification) -> int:
    return row.due


def limits(current: Portfolio, new: Portfolio, recorded: Collection[str]) -> Iterator[str]:
    """Yield what the record cannot show of the new configuration; `recorded` are its keys of recorded checks."""
    held = {f"{product.id}/{check.id}": check for product, check in current.checks()}
    for product, check in new.checks():
        key = f"{product.id}/{check.id}"
        if key not in recorded:
            yield f"{key}: no observations are recorded; it stays unknown"
        elif key in held:
            yield from _of_check(key, held[key], check)
    for key in held:
        if key not in {f"{product.id}/{check.id}" for product, check in new.checks()}:
            yield f"{key}: not in the new configuration"


def _of_check(key: str, current: CheckBase, new: CheckBase) -> Iterator[str]:
    before, after = format_duration(current.interval), format_duration(new.interval)
    if new.interval < current.interval:
        yield f"{key}: probes every {after} were not made; those every {before} are used, and outages may be missed"
    elif new.interval > current.interval:
        yield f"{key}: of the probes every {before} only those {after} apart are used"
    fields = set(type(new).model_fields) - _REPLAYED if type(new) is type(current) else {"the kind of check"}
    changed = sorted(each for each in fields if getattr(current, each, None) != getattr(new, each, 0))
    if changed:
        yield f"{key}: {', '.join(changed)} changed; outcomes are those of the recorded probes"


def longer_intervals(current: Portfolio, new: Portfolio) -> dict[str, tuple[int, int]]:
    """Return the recorded and the new interval of each check that is probed less often, by its key."""
    held = {f"{product.id}/{check.id}": check.interval for product, check in current.checks()}
    made = {f"{product.id}/{check.id}": check.interval for product, check in new.checks()}
    return {key: (held[key], made[key]) for key in made if key in held and made[key] > held[key]}
