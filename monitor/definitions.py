"""Definitions of the configuration's products, and which of them a load of the configuration adds to the record.

A definition is added when the meaning of a product's figures changes, not when the configuration is written in another
way (`sla/definition.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from monitor.config.agreement import Dependency
from monitor.vocabulary import VANTAGE
from sla.definition import Definition, Member
from sla.fact import canonical
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval, union
from sla.service_hours import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from monitor.config.agreement import Agreement
    from monitor.config.model import Portfolio, Product
    from sla.service_hours import Hours, ServiceHours

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def definition_of(product: Product, zone: str, made: int) -> Definition:
    """Return the meaning of a product's figures from `made` on; `zone` applies where its agreement names none."""
    members = (
        Member(f"{product.id}/{check.id}", VANTAGE, check.effective_hold, check.interval) for check in product.checks
    )
    meaning = canonical(agreement_meaning(product.agreement, zone))
    return Definition(
        product.id, made, product.rule, tuple(sorted(members)), product.objective, product.window, meaning
    )


def agreement_meaning(agreement: Agreement, zone: str) -> dict[str, Any]:
    """Return what an agreement excludes and promises as plain data, the same for two that mean the same.

    Service hours are a list of times for each day, where 26:00 is 02:00 of the day after; none where service is
    promised always. The zone is there only where it decides anything.
    """
    found: dict[str, Any] = {"excludes": _excludes(agreement)}
    if agreement.service_hours != ALWAYS:
        found["service_hours"] = _hours(agreement.service_hours, by_day=agreement.holidays is not None)
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


def additions(
    portfolio: Portfolio,
    recorded: Callable[[str], Sequence[Definition]],
    began: Callable[[str], int | None],
    products: Sequence[str],
    now: int,
) -> Iterator[Definition]:
    """Yield the definitions that a load of the portfolio at `now` adds: one for each product whose meaning changed.

    `recorded` returns the definitions of a product, `began` the first instant of its record: its first definition
    begins there. `products` are those that have definitions; one that the portfolio does not have gets a definition
    without members. What a wrong clock stamped later than `now` is superseded.
    """
    configured = {product.id: product for product in portfolio.products}
    for name in dict.fromkeys((*configured, *products)):
        held = recorded(name)
        ahead = tuple(each.id for each in held if each.made > now)
        current = next((each for each in reversed(held) if each.made <= now), None)
        found = _loaded(configured.get(name), portfolio.time_zone, held[-1:], now)
        if found is None:
            continue
        if not held:
            found = replace(found, made=min(now, first) if (first := began(name)) is not None else now)
        if ahead or current is None or current.digest != found.digest:
            yield replace(found, supersedes=ahead)


def _loaded(product: Product | None, zone: str, held: Sequence[Definition], now: int) -> Definition | None:
    if product is not None:
        return definition_of(product, zone, now)
    return replace(held[0], made=now, members=(), supersedes=(), id="") if held else None
