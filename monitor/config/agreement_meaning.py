"""Convert agreements to and from plain data for definitions. Equivalent agreements have equal data."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from monitor.config.agreement import Agreement, MaintenanceTermsBlock, TotalOutage, excluded_product, exclusion_data
from monitor.config.credits import credits_meaning
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval, union
from sla.service_hours import ALWAYS, ServiceHours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sla.service_hours import Hours

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def agreement_meaning(agreement: Agreement, zone: str) -> dict[str, Any]:
    """Return an agreement's exclusions and limits as plain data.

    Service hours are a list of times per day, where 26:00 is 02:00 of the next day. They are omitted if the
    agreement applies at all hours. The zone is omitted if it has no effect.
    """
    meaning: dict[str, Any] = {"excludes": _excludes(agreement)}
    if (hours := _hours(agreement.service_hours, by_day=agreement.holidays is not None)) != _ALWAYS:
        meaning["service_hours"] = hours
    if agreement.holidays is not None:
        meaning["holidays"] = agreement.holidays
    monthly = agreement.maintenance is not None and agreement.maintenance.at_most is not None
    if len(meaning) > 1 or monthly:
        meaning["zone"] = agreement.zone or zone
    if agreement.maintenance is not None:
        meaning["maintenance"] = _terms(agreement.maintenance)
    if agreement.longest_outage is not None:
        meaning["longest_outage_seconds"] = agreement.longest_outage / SECOND
    if agreement.total_outage is not None:
        limit, per = agreement.total_outage.limit / SECOND, agreement.total_outage.per / SECOND
        meaning["total_outage"] = {"limit_seconds": limit, "per_seconds": per}
    if agreement.degraded is not None:
        meaning["degraded"] = agreement.degraded
    if agreement.credits is not None:
        meaning["credits"] = credits_meaning(agreement.credits.terms)
    return meaning


@lru_cache(maxsize=1_024)
def counts_degraded(text: str) -> bool:
    """Return whether an agreement, as recorded in a definition, counts degraded time as downtime."""
    return bool(json.loads(text).get("degraded") == "counts")


def _terms(block: MaintenanceTermsBlock) -> dict[str, Any]:
    durations = {"notice_seconds": block.notice, "at_most_seconds_per_month": block.at_most}
    terms: dict[str, Any] = {name: us / SECOND for name, us in durations.items() if us is not None}
    return terms | ({} if block.approval is None else {"approval": block.approval})


def _excludes(agreement: Agreement) -> list[Any]:
    causes = {cause for cause in agreement.excludes if isinstance(cause, str)}
    products = [exclusion_data(cause) for cause in set(agreement.excludes) - causes]
    return [*sorted(causes), *sorted(products, key=lambda data: sorted(data.items()))]


def _hours(hours: ServiceHours, *, by_day: bool) -> dict[str, list[str]]:
    """Return the times of each day with service hours.

    With `by_day`, hours past midnight belong to the day on which they start, because a holiday excludes the hours that
    start on it.
    """
    days = hours.days if by_day else _split_at_midnight(hours.days)
    return {name: [_times(interval) for interval in times] for name, times in zip(_DAYS, days, strict=True) if times}


def _split_at_midnight(days: Sequence[Hours]) -> list[Hours]:
    """Return the hours of each day, with the part after midnight moved to the next day."""
    split: list[Hours] = []
    for number, times in enumerate(days):
        after_midnight = [Interval(0, interval.end - DAY) for interval in days[number - 1] if interval.end > DAY]
        split.append(
            tuple(
                union(
                    [
                        *after_midnight,
                        *(
                            Interval(interval.start, min(interval.end, DAY))
                            for interval in times
                            if interval.start < DAY
                        ),
                    ]
                )
            )
        )
    return split


def _times(span: Interval) -> str:
    return "-".join(f"{at // HOUR:02}:{at % HOUR // MINUTE:02}" for at in (span.start, span.end))


_ALWAYS: Final = _hours(ALWAYS, by_day=True)


def agreement_of(meaning: Mapping[str, Any]) -> Agreement:
    """Return the agreement of plain data from `agreement_meaning`. Unknown keys, from newer versions, are ignored.

    Raises:
        ValueError: the data is not from `agreement_meaning`.
    """
    try:
        fields: dict[str, Any] = {"excludes": tuple(_exclusion(excluded) for excluded in meaning.get("excludes", ()))}
        if "service_hours" in meaning:
            fields["service_hours"] = _service_hours(meaning["service_hours"])
        fields |= {name: str(meaning[name]) for name in ("holidays", "zone") if name in meaning}
        if "maintenance" in meaning:
            fields["maintenance"] = _maintenance_terms(meaning["maintenance"])
        if "longest_outage_seconds" in meaning:
            fields["longest_outage"] = round(meaning["longest_outage_seconds"] * SECOND)
        if "total_outage" in meaning:
            limit, per = (round(meaning["total_outage"][name] * SECOND) for name in ("limit_seconds", "per_seconds"))
            fields["total_outage"] = TotalOutage.model_construct(limit=limit, per=per)
        if meaning.get("degraded") == "counts":
            fields["degraded"] = "counts"
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an agreement: {error!r}") from None
    return Agreement.model_construct(**fields)


def _maintenance_terms(meaning: Mapping[str, Any]) -> MaintenanceTermsBlock:
    notice, at_most = (
        round(meaning[name] * SECOND) if name in meaning else None
        for name in ("notice_seconds", "at_most_seconds_per_month")
    )
    return MaintenanceTermsBlock.model_construct(notice=notice, at_most=at_most, approval=meaning.get("approval"))


def _exclusion(value: Any) -> Any:
    return excluded_product(value) if isinstance(value, dict) else str(value)


def _service_hours(times: Mapping[str, Sequence[str]]) -> ServiceHours:
    days = tuple(tuple(_span(interval) for interval in times.get(name, ())) for name in _DAYS)
    return ServiceHours(days, _text([(name, ", ".join(times.get(name, ()))) for name in _DAYS]))


def _span(text: str) -> Interval:
    start, end = (int(hours) * HOUR + int(minutes) * MINUTE for hours, _, minutes in _clocks(text))
    return Interval(start, end)


def _clocks(text: str) -> list[tuple[str, str, str]]:
    return [clock.partition(":") for clock in text.split("-")]


def _text(days: Sequence[tuple[str, str]]) -> str:
    """Return the hours in the syntax of the configuration. Adjacent days with equal hours are combined."""
    parts = []
    for hours, group in groupby(days, key=lambda day: day[1]):
        names = [name for name, _ in group]
        if hours:
            parts.append(f"{names[0]}{f'-{names[-1]}' if len(names) > 1 else ''} {hours}")
    return "; ".join(parts)
