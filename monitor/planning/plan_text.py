"""The answer in sentences that a manager can read aloud: figures with their units, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from textwrap import wrap
from typing import TYPE_CHECKING

from sla.duration import counted
from sla.feasibility import YEAR
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.objective import Objective, format_nines, format_percent, nines

if TYPE_CHECKING:
    from monitor.planning.plan_result import Answer
    from sla.feasibility import Ceiling, Step

MOST_LISTED = 5
WIDTH = 100
_WORDS = {DAY: "day", HOUR: "hour", MINUTE: "minute", SECOND: "second"}
_MONTH = 30 * DAY


def sentences(answer: Answer) -> Iterator[str]:
    """Yield the lines of the answer."""
    yield answer.plan.design.title
    yield ""
    yield from _expected(answer)
    yield ""
    yield from _promise(answer)
    yield ""
    yield from _single_years(answer)
    yield ""
    yield from _costly(answer)
    yield ""
    yield from _next(answer)
    yield ""
    yield from _rests_on(answer)


def _expected(answer: Answer) -> Iterator[str]:
    exact, down = answer.prediction.exact, answer.prediction.down
    yield f"Expected availability: {percent(exact)}, or {_nines(exact)}."
    yield f"Expected downtime: {spoken(down * YEAR)} per year, or {spoken(down * _MONTH)} per 30 days."


def _promise(answer: Answer) -> Iterator[str]:
    ceiling = answer.ceiling
    if ceiling.at_most is None:
        yield "No rule limits what may be promised."
    else:
        beyond = (
            "The expected availability is higher, but the rules"
            if ceiling.caps(answer.prediction.exact)
            else "The rules"
        )
        yield f"{beyond} limit the promise to {Objective(ceiling.at_most)}:"
        for limit in ceiling.limits:
            reason = limit.reason[:1].upper() + limit.reason[1:]
            yield from _item(f"{Objective(limit.at_most)} at most. {reason}. Source: {limit.source}.")
    if answer.plan.objective is not None:
        yield _objective(answer, answer.plan.objective)


def _objective(answer: Answer, objective: Objective) -> str:
    beyond = answer.prediction.down - float(1 - objective.ratio)
    expected = f"misses it by {spoken(beyond * YEAR)} per year" if beyond > 0 else "meets it on average"
    allowed = answer.ceiling.at_most is None or objective.ratio <= answer.ceiling.at_most
    return f"The objective is {objective}. The design {expected}{'' if allowed else ', and the rules do not allow it'}."


def _single_years(answer: Answer) -> Iterator[str]:
    yield f"Single years differ from the average. Of {answer.years:,} simulated years:"
    yield f"  - half had less than {_lost(answer.median)} of downtime ({percent(answer.median)} or better);"
    yield f"  - the best 5 % had {_lost(answer.p95)} or less ({percent(answer.p95)} or better);"
    yield f"  - the worst 5 % had {_lost(answer.p05)} or more ({percent(answer.p05)} or worse)."
    yield "Chance that a year reaches"
    for level, chance in answer.chances.items():
        allowed = f"{spoken(float(1 - level) * YEAR)} per year"
        yield f"  {Objective(level)!s:<9}{allowed:<34}{_odds(chance)}"


def _lost(availability: float) -> str:
    return spoken(float(1 - Fraction(availability)) * YEAR)


def _odds(chance: float) -> str:
    """Return a chance out of 100, floored, so that nothing short of certain is called that."""
    if chance <= 0:
        return "none seen"
    if chance >= 1:
        return "every year"
    whole = int(chance * 100)
    return f"{whole} in 100" if whole else "fewer than 1 in 100"


def _costly(answer: Answer) -> Iterator[str]:
    yield "Downtime by cause, in an average year"
    listed = [each for each in answer.prediction.contributors if each.downtime >= SECOND / 100]
    for each in listed[:MOST_LISTED]:
        yield _cost(each.downtime, each.share, each.name)
    if rest := listed[MOST_LISTED:]:
        others = "one other" if len(rest) == 1 else f"{len(rest)} others"
        yield _cost(sum(each.downtime for each in rest), sum(each.share for each in rest), others)
    if not listed:
        yield "  Nothing longer than 0.01 seconds."


def _cost(downtime: float, share: float, name: str) -> str:
    part = f"{100 * share:.0f} in 100" if share >= 0.005 else "<1 in 100"
    return f"  {spoken(downtime):<26}{part:<12}{name}"


def _next(answer: Answer) -> Iterator[str]:
    steps = list(zip(answer.steps, answer.ceilings, strict=True))[:MOST_LISTED]
    if not steps:
        yield "No single change improves the design noticeably."
        return
    priced = any(step.cost is not None for step in answer.steps)
    order = "lowest cost per hour saved first" if priced else "largest gain first (the plan has no costs)"
    yield f"Possible changes, each on its own, {order}"
    for number, (step, after) in enumerate(steps, 1):
        yield from _item(f"{step.change.text}.", f"  {number}. ")
        yield from _item(f"{_gained(step)}{_raised(answer.ceiling, after)}", "     ")
    largest = max(answer.steps, key=lambda step: step.gain)
    if largest is not answer.steps[0]:
        yield from _item(f"Largest gain: {largest.change.text}. Saves {spoken(largest.gain)} per year.", "  ")


def _gained(step: Step) -> str:
    text = f"Saves {spoken(step.gain)} per year. Availability is then {percent(1 - Fraction(step.down))}."
    if step.cost is None or step.cost_per_hour is None:
        return text
    return f"{text} Costs {float(step.cost):,.0f} per year, {step.cost_per_hour:,.0f} per hour saved."


def _raised(before: Ceiling, after: Ceiling) -> str:
    if before.at_most == after.at_most:
        return ""
    if after.at_most is None:
        return " No rule then limits the promise."
    return f" The rules then limit the promise to {Objective(after.at_most)}."


def _rests_on(answer: Answer) -> Iterator[str]:
    yield "Assumptions"
    for assumption in (*answer.plan.assumptions, *_general(answer)):
        yield from _item(assumption)


def _general(answer: Answer) -> Iterator[str]:
    """Yield what every plan rests on, and what this one leaves out."""
    design = answer.plan.design
    if answer.plan.supposed:
        names = ", ".join(answer.plan.supposed)
        yield f"No mttr in the plan, so 1 hour is assumed: {names}."
    if not design.sites:
        yield "The plan lists no data centre, so their outages are not included."
    if design.maintenance is not None and not design.maintenance.counted:
        yield "Planned maintenance is not counted (`counted: false`)."
    yield "Parts fail at random and independently of each other, except for shared parts in the plan."
    yield "A year has 365 days. The average is exact for the plan; single years are simulated at random."


def _item(text: str, mark: str = "  - ") -> list[str]:
    return wrap(" ".join(text.split()), WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))


def _nines(ratio: Fraction) -> str:
    return "no downtime" if ratio == 1 else f"{format_nines(ratio, 1)} nines"


def percent(ratio: Fraction | float) -> str:
    """Return the ratio floored, with enough digits that two of them are not nines."""
    exact = Fraction(ratio)
    held = nines(exact)
    return format_percent(exact, 9 if held is None else min(9, max(2, int(held))))


def spoken(microseconds: float) -> str:
    """Return a duration in whole words and the two largest units that a person would say, rounded.

    >>> [spoken(us) for us in (315_360_000_000.0, 262_800_000_000.0, 864_000.0, 0.0)]
    ['3 days 16 hours', '3 days 1 hour', '0.86 seconds', 'no time']
    """
    if microseconds < SECOND / 200:
        return "no time" if microseconds <= 0 else "less than 0.01 seconds"
    if microseconds < 10 * SECOND:
        number = f"{microseconds / SECOND:.2f}".rstrip("0").rstrip(".")
        return f"{number} second{'' if number == '1' else 's'}"
    units = list(_WORDS)
    first = next(i for i, unit in enumerate(units) if microseconds >= unit)
    smallest = units[min(first + 1, len(units) - 1)]
    rounded = round(microseconds / smallest) * smallest
    return " ".join(f"{count} {_WORDS[unit]}{'' if count == 1 else 's'}" for count, unit in counted(rounded))
