"""Differences between the notifications of two replays, and the limits of a rehearsal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.alerting.conditions import BLIND, BURN, CERTIFICATE
from monitor.alerting.latency_conditions import LATENCY
from monitor.notification import Kind
from sla.interval import HOUR, SECOND
from sla.objective import format_duration
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from monitor.config.model import CheckBase, Portfolio
    from monitor.notification import Notification

_COMPARED_EVENTS: Final = (Kind.OPENED, Kind.ESCALATED, Kind.REMINDER)
_SAME_ALERT: Final = HOUR  # alerts about the same condition at most this far apart count as the same alert
# Keys of a check that a replay applies.
_REPLAYED_KEYS: Final = {
    "id",
    "was",
    "enabled",
    "interval",
    "fall",
    "rise",
    "hold",
    "slow_after",
    "objectives",
    "recheck",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A notification that only one configuration sends, or that both send at different times."""

    current: Notification | None
    new: Notification | None

    @property
    def row(self) -> Notification:
        """The notification of the current configuration, or of the new one if only the new one sends it."""
        row = self.current or self.new
        assert row is not None, "one of the two sends it"  # noqa: S101 - for the type checker
        return row

    @property
    def at(self) -> int:
        """The instant at which the earlier notification is due."""
        return min(row.due for row in (self.current, self.new) if row is not None)

    def as_json(self) -> dict[str, Any]:
        """Return the notification with both instants. An instant is null if that configuration does not send it."""
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
        """The difference as one line."""
        row = self.row
        title = f"{row.severity} about {row.product or 'the monitor'} to {row.receiver} ({row.event})"
        if self.current is None or self.new is None:
            return f"{title}: only with the {'new' if self.current is None else 'current'} configuration"
        delay = self.new.due - self.current.due
        return f"{title}: {format_duration(abs(delay))} {'later' if delay > 0 else 'earlier'}"


def differences(current: Iterable[Notification], new: Iterable[Notification]) -> list[Difference]:
    """Return the differing notifications in order of time. Differences of up to 1 second are ignored."""
    current_groups, new_groups = _by_subject(current), _by_subject(new)
    result: list[Difference] = []
    for name in current_groups | new_groups:
        result += _differences(current_groups.get(name, []), new_groups.get(name, []))
    return sorted(result, key=lambda difference: (difference.at, difference.row.receiver, difference.row.key))


def _by_subject(rows: Iterable[Notification]) -> dict[tuple[str, ...], list[Notification]]:
    groups: dict[tuple[str, ...], list[Notification]] = {}
    for row in rows:
        if row.event in _COMPARED_EVENTS:
            groups.setdefault((subject(row.key), row.receiver, row.event, row.severity), []).append(row)
    return groups


def subject(key: str) -> str:
    """Return the key of an incident, or the key of a condition without the instant of its start."""
    kind, _, rest = key.partition(":")
    return f"{kind}:{rest.rpartition(':')[0]}" if kind in (BURN, LATENCY, CERTIFICATE, BLIND) else key


def _differences(current: list[Notification], new: list[Notification]) -> Iterator[Difference]:
    """Yield the differences between notifications with the same subject, receiver, event and severity."""
    current_rows, new_rows = sorted(current, key=_due), sorted(new, key=_due)
    while current_rows and new_rows:
        first, second = current_rows[0], new_rows[0]
        if first.key == second.key or abs(first.due - second.due) <= _SAME_ALERT:
            if abs(first.due - second.due) > SECOND:
                yield Difference(first, second)
            del current_rows[0], new_rows[0]
        elif first.due < second.due:
            yield Difference(current_rows.pop(0), None)
        else:
            yield Difference(None, new_rows.pop(0))
    yield from (Difference(row, None) for row in current_rows)
    yield from (Difference(None, row) for row in new_rows)


def _due(row: Notification) -> int:
    return row.due


def limits(current: Portfolio, new: Portfolio, recorded: Collection[str]) -> Iterator[str]:
    """Yield the changes of the new configuration that the record cannot replay.

    `recorded` are the keys of recorded checks in the new configuration.
    """
    current_checks = {f"{product.id}/{check.id}": check for product, check in current.checks()}
    disabled = {
        f"{product.id}/{check.id}" for product, check in current.checks() if not (product.enabled and check.enabled)
    }
    for product, check in new.checks():
        key = f"{product.id}/{check.id}"
        if key not in recorded:
            yield f"{key}: no observations are recorded; its state is unknown"
        elif key in current_checks:
            yield from _check_limits(key, current_checks[key], check)
            if check.enabled and product.enabled and key in disabled:
                yield f"{key}: disabled in the current configuration; its state is unknown while it was not probed"
    for key in current_checks:
        if key not in {f"{product.id}/{check.id}" for product, check in new.checks()}:
            yield f"{key}: not in the new configuration"


def _check_limits(key: str, current: CheckBase, new: CheckBase) -> Iterator[str]:
    before, after = format_duration(current.interval), format_duration(new.interval)
    if new.interval < current.interval:
        yield f"{key}: recorded probes are {before} apart, not {after}; shorter outages may be missed"
    elif new.interval > current.interval:
        yield f"{key}: recorded probes are {before} apart; only probes {after} apart are used"
    if new.recheck_delay not in (None, current.recheck_delay):
        yield f"{key}: only recorded re-checks are used; incidents may open and resolve sooner than shown"
    fields = set(type(new).model_fields) - _REPLAYED_KEYS if type(new) is type(current) else {"the kind of check"}
    changed = sorted(name for name in fields if getattr(current, name, None) != getattr(new, name, 0))
    if changed:
        yield f"{key}: {', '.join(changed)} changed; the outcomes of the recorded probes are used"


def longer_intervals(current: Portfolio, new: Portfolio) -> dict[str, tuple[int, int]]:
    """Return the recorded and the new interval of each check with a longer interval, by key."""
    recorded = {f"{product.id}/{check.id}": check.interval for product, check in current.checks()}
    configured = {f"{product.id}/{check.id}": check.interval for product, check in new.checks()}
    common = recorded.keys() & configured.keys()
    return {key: (recorded[key], configured[key]) for key in sorted(common) if configured[key] > recorded[key]}
