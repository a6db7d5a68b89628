"""Find mistakes in escalations: unknown ids, people without a receiver, escalations without a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.errors import Loc, quoted
from monitor.config.escalation import people_of
from sla.interval import DAY, Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio

LocatedMessage = tuple[Loc, str]

_CALENDAR_AHEAD = 28 * DAY  # part of a calendar that is checked for people without a receiver


def receiver_references(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    """Yield the receiver ids of steps and people, each with its location."""
    for number, escalation in enumerate(portfolio.escalations):
        for index, step in enumerate(escalation.steps):
            yield from ((("escalations", number, "steps", index, "to"), name) for name in step.to)
    for number, person in enumerate(portfolio.people):
        yield from ((("people", number, "to"), name) for name in person.to)


def escalation_mistakes(portfolio: Portfolio) -> Iterator[LocatedMessage]:
    """Yield the problems of escalations and people, except unknown receivers."""
    yield from _duplicates(portfolio)
    yield from _unknown_ids(portfolio)
    yield from _without_route(portfolio)
    yield from _without_receivers(portfolio)


def _duplicates(portfolio: Portfolio) -> Iterator[LocatedMessage]:
    names: set[str] = set()
    for number, escalation in enumerate(portfolio.escalations):
        if escalation.id in names:
            yield (
                ("escalations", number, "id"),
                f"{quoted(escalation.id)} is already the id of an escalation; choose another id",
            )
        names.add(escalation.id)
    people: set[str] = set()
    for number, person in enumerate(portfolio.people):
        if person.name in people:
            yield ("people", number, "name"), f"{quoted(person.name)} is already listed; use one entry per person"
        people.add(person.name)


def _unknown_ids(portfolio: Portfolio) -> Iterator[LocatedMessage]:
    escalations = [escalation.id for escalation in portfolio.escalations]
    for number, route in enumerate(portfolio.routes):
        if route.escalation is not None and route.escalation not in escalations:
            yield ("routes", number, "escalation"), _missing_message("escalation", route.escalation, escalations)
    rotas = [rota.id for rota in portfolio.standby]
    for number, escalation in enumerate(portfolio.escalations):
        for index, step in enumerate(escalation.steps):
            if step.standby is not None and step.standby not in rotas:
                loc = ("escalations", number, "steps", index, "standby")
                yield loc, _missing_message("rota", step.standby, rotas, "standby")


def _missing_message(description: str, name: str, known: list[str], block: str = "escalations") -> str:
    hint = f"known {description}s: {', '.join(sorted(known))}" if known else f"add one under {block}:"
    return f"unknown {description} {quoted(name)}; {hint}"


def _without_route(portfolio: Portfolio) -> Iterator[LocatedMessage]:
    """Yield escalations without a route: they would never notify a receiver."""
    used = {route.escalation for route in portfolio.routes}
    for number, escalation in enumerate(portfolio.escalations):
        if escalation.id not in used:
            message = f"no route uses this escalation; add one under routes: {{escalation: {escalation.id}}}"
            yield ("escalations", number, "id"), message


def _without_receivers(portfolio: Portfolio) -> Iterator[LocatedMessage]:
    """Yield people without a receiver in the shifts of an escalation's rota."""
    known = {person.name for person in portfolio.people}
    used = {step.standby for escalation in portfolio.escalations for step in escalation.steps}
    for number, rota in enumerate(portfolio.standby):
        for name in people_of(rota) if rota.id in used else ():
            if name not in known:
                message = f"{quoted(name)} has no receiver; add under people: {{name: {name}, to: RECEIVER}}"
                yield ("standby", number, "shifts"), message


def escalation_warnings(portfolio: Portfolio, now: int) -> Iterator[LocatedMessage]:
    """Yield escalations whose steps may all have no receiver at some time, and calendars with unknown people."""
    known = {person.name for person in portfolio.people}
    used = {step.standby for escalation in portfolio.escalations for step in escalation.steps}
    for number, rota in enumerate(portfolio.standby):
        window = Interval(now, now + _CALENDAR_AHEAD)
        shifts = rota.shifts_in(window, portfolio.time_zone) if rota.id in used and rota.ics else ()
        for name in dict.fromkeys(shift.person for shift in shifts if shift.person not in known):
            message = f"{quoted(name)} is on call soon and has no receiver; add the person under people:"
            yield ("standby", number, "ics"), message
    for number, escalation in enumerate(portfolio.escalations):
        if not any(step.to for step in escalation.steps):
            message = (
                "every step has a rota: a page outside of all shifts is delayed until the next one; add a to: step"
            )
            yield ("escalations", number, "steps"), message
