"""Agreements as plain data, in definitions: the same for two agreements that mean the same, and readable again."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from monitor.config.agreement import Agreement, Dependency, TotalOutage
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval, union
from sla.service_hours import ALWAYS, ServiceHours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sla.service_hours import Hours

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def agreement_meaning(agreement: Agreement, zone: str) -> dict[str, Any]:
    """Return what an agreement excludes and promises as plain data, the same for two that mean the same.

    Service hours are a list of times for each day, where 26:00 is 02:00 of the day after; none where service is
    promised always. The zone is there only where it decides anything.
    """
    found: dict[str, Any] = {"excludes": _excludes(agreement)}
    if (hours := _hours(agreement.service_hours, by_day=agreement.holidays is not None)) != _ALWAYS:
        found["service_hours"] = hours
    if agreement.holidays is not None:
        found["holidays"] = agreement.holidays
    if len(found) > 1:
        found["zone"] = agreement.zone or zone
    if agreement.longest_outage is not None:
        found["longest_outage_seconds"] = agreement.longest_outage / SECOND
    if agreement.total_outage is not None:
        limit, per = agreement.total_outage.limit / SECOND, agreement.total_outage.per / SECOND
        found["total_outage"] = {"limit_seconds": limit, "per_seconds": per}
    return found


def _excludes(agreement: Agreement) -> list[Any]:
    named = {each for each in agreement.excludes if not isinstance(each, Dependency)}
    products = {each.product for each in agreement.excludes if isinstance(each, Dependency)}
    return [*sorted(named), *({"dependency": product} for product in sorted(products))]


def _hours(hours: ServiceHours, *, by_day: bool) -> dict[str, list[str]]:
    """Return the times of each day that has any.

    With `by_day` a shift past midnight stays with its first day: on a holiday, what begins on it is not served.
    """
    days = hours.days if by_day else _wrapped(hours.days)
    return {name: [_times(each) for each in times] for name, times in zip(_DAYS, days, strict=True) if times}


def _wrapped(days: Sequence[Hours]) -> list[Hours]:
    """Return the hours with what passes midnight moved to the day after."""
    wrapped: list[Hours] = []
    for number, times in enumerate(days):
        late = [Interval(0, each.end - DAY) for each in days[number - 1] if each.end > DAY]
        wrapped.append(
            tuple(union([*late, *(Interval(each.start, min(each.end, DAY)) for each in times if each.start < DAY)]))
        )
    return wrapped


def _times(span: Interval) -> str:
    return "-".join(f"{at // HOUR:02}:{at % HOUR // MINUTE:02}" for at in (span.start, span.end))


_ALWAYS: Final = _hours(ALWAYS, by_day=True)


def agreement_of(meaning: Mapping[str, Any]) -> Agreement:
    """Return the agreement that plain data of `agreement_meaning` means; keys of newer versions are ignored.

    Raises:
        ValueError: it is not such data.
    """
    try:
        found: dict[str, Any] = {"excludes": tuple(_excluded(each) for each in meaning.get("excludes", ()))}
        if "service_hours" in meaning:
            found["service_hours"] = _service_hours(meaning["service_hours"])
        found |= {name: str(meaning[name]) for name in ("holidays", "zone") if name in meaning}
        if "longest_outage_seconds" in meaning:
            found["longest_outage"] = round(meaning["longest_outage_seconds"] * SECOND)
        if "total_outage" in meaning:
            limit, per = (round(meaning["total_outage"][name] * SECOND) for name in ("limit_seconds", "per_seconds"))
            found["total_outage"] = TotalOutage.model_construct(limit=limit, per=per)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the meaning of an agreement: {error!r}") from None
    return Agreement.model_construct(**found)


def _excluded(cut: Any) -> Any:
    return Dependency(str(cut["dependency"])) if isinstance(cut, dict) else str(cut)


def _service_hours(times: Mapping[str, Sequence[str]]) -> ServiceHours:
    days = tuple(tuple(_span(each) for each in times.get(name, ())) for name in _DAYS)
    return ServiceHours(days, _text([(name, ", ".join(times.get(name, ()))) for name in _DAYS]))


def _span(text: str) -> Interval:
    start, end = (int(hours) * HOUR + int(minutes) * MINUTE for hours, _, minutes in _clocks(text))
    return Interval(start, end)


def _clocks(text: str) -> list[tuple[str, str, str]]:
    return [clock.partition(":") for clock in text.split("-")]


def _text(days: Sequence[tuple[str, str]]) -> str:
    """Return the hours as a person writes them: neighbouring days of the same hours together."""
    parts = []
    for hours, group in groupby(days, key=lambda day: day[1]):
        names = [name for name, _ in group]
        if hours:
            parts.append(f"{names[0]}{f'-{names[-1]}' if len(names) > 1 else ''} {hours}")
    return "; ".join(parts)
