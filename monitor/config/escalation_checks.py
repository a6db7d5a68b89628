"""Mistakes in escalations: unknown names, people without a receiver, escalations that no route names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.errors import Loc, quoted
from monitor.config.escalation import people_of
from sla.interval import DAY, Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio

Found = tuple[Loc, str]

_AHEAD = 28 * DAY  # of a calendar, that is checked for people without a receiver


def named_receivers(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    """Yield the receivers that steps and people name, each with its place."""
    for number, escalation in enumerate(portfolio.escalations):
        for index, step in enumerate(escalation.steps):
            yield from ((("escalations", number, "steps", index, "to"), name) for name in step.to)
    for number, person in enumerate(portfolio.people):
        yield from ((("people", number, "to"), name) for name in person.to)


def escalation_mistakes(portfolio: Portfolio) -> Iterator[Found]:
    """Yield what is wrong with escalations and people, but for their receivers."""
    yield from _twice(portfolio)
    yield from _unknown(portfolio)
    yield from _unused(portfolio)
    yield from _without_receivers(portfolio)


def _twice(portfolio: Portfolio) -> Iterator[Found]:
    seen: set[str] = set()
    for number, escalation in enumerate(portfolio.escalations):
        if escalation.id in seen:
            yield (
                ("escalations", number, "id"),
                f"{quoted(escalation.id)} already names an escalation; choose another id",
            )
        seen.add(escalation.id)
    people: set[str] = set()
    for number, person in enumerate(portfolio.people):
        if person.name in people:
            yield ("people", number, "name"), f"{quoted(person.name)} is listed already; write one entry per person"
        people.add(person.name)


def _unknown(portfolio: Portfolio) -> Iterator[Found]:
    escalations = [each.id for each in portfolio.escalations]
    for number, route in enumerate(portfolio.routes):
        if route.escalation is not None and route.escalation not in escalations:
            yield ("routes", number, "escalation"), _missing("escalation", route.escalation, escalations)
    rotas = [rota.id for rota in portfolio.standby]
    for number, escalation in enumerate(portfolio.escalations):
        for index, step in enumerate(escalation.steps):
            if step.standby is not None and step.standby not in rotas:
                place = ("escalations", number, "steps", index, "standby")
                yield place, _missing("rota", step.standby, rotas, "standby")


def _missing(what: str, name: str, known: list[str], block: str = "escalations") -> str:
    there = f"there are {', '.join(sorted(known))}" if known else f"there is none at all; add one under {block}:"
    return f"there is no {what} {quoted(name)}; {there}"


def _unused(portfolio: Portfolio) -> Iterator[Found]:
    """Yield escalations that no route names: their pages would never leave."""
    used = {route.escalation for route in portfolio.routes}
    for number, escalation in enumerate(portfolio.escalations):
        if escalation.id not in used:
            message = f"no route names it; add one under routes: {{escalation: {escalation.id}}}"
            yield ("escalations", number, "id"), message


def _without_receivers(portfolio: Portfolio) -> Iterator[Found]:
    """Yield people in the shifts of an escalation's rota whom no receiver reaches."""
    known = {person.name for person in portfolio.people}
    used = {step.standby for escalation in portfolio.escalations for step in escalation.steps}
    for number, rota in enumerate(portfolio.standby):
        for name in people_of(rota) if rota.id in used else ():
            if name not in known:
                message = f"no receiver reaches {quoted(name)}; add under people: {{name: {name}, to: RECEIVER}}"
                yield ("standby", number, "shifts"), message


def escalation_warnings(portfolio: Portfolio, now: int) -> Iterator[Found]:
    """Yield escalations whose steps may all reach none at some hour, and calendars with unknown people from now on."""
    known = {person.name for person in portfolio.people}
    used = {step.standby for escalation in portfolio.escalations for step in escalation.steps}
    for number, rota in enumerate(portfolio.standby):
        shifts = rota.shifts_in(Interval(now, now + _AHEAD), portfolio.time_zone) if rota.id in used and rota.ics else ()
        for name in dict.fromkeys(each.person for each in shifts if each.person not in known):
            message = f"no receiver reaches {quoted(name)}, who is on stand-by soon; add the person under people:"
            yield ("standby", number, "ics"), message
    for number, escalation in enumerate(portfolio.escalations):
        if not any(step.to for step in escalation.steps):
            message = (
                "every step names a rota: at hours that none covers a page waits for the next shift; add a to: step"
            )
            yield ("escalations", number, "steps"), message
