"""The result of a plan as plain text for managers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from textwrap import wrap
from typing import TYPE_CHECKING

from sla.duration import split_units
from sla.feasibility import YEAR
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.objective import Objective, format_nines, format_percent, nines

if TYPE_CHECKING:
    from monitor.planning.plan_result import PlanResult
    from sla.feasibility import Ceiling, Step

MAX_LISTED = 5
WIDTH = 100
_UNIT_NAMES = {DAY: "day", HOUR: "hour", MINUTE: "minute", SECOND: "second"}
_MONTH = 30 * DAY


def text_lines(result: PlanResult) -> Iterator[str]:
    """Yield the lines of the text."""
    yield result.plan.design.title
    yield ""
    yield from _expected_lines(result)
    yield ""
    yield from _promise(result)
    yield ""
    yield from _single_years(result)
    yield ""
    yield from _downtime_by_cause(result)
    yield ""
    yield from _possible_changes(result)
    yield ""
    yield from _assumptions(result)


def _expected_lines(result: PlanResult) -> Iterator[str]:
    exact, down = result.prediction.exact_availability, result.prediction.unavailability
    yield f"Expected availability: {percent(exact)}, or {_nines(exact)}."
    yield f"Expected downtime: {duration_text(down * YEAR)} per year, or {duration_text(down * _MONTH)} per 30 days."


def _promise(result: PlanResult) -> Iterator[str]:
    ceiling = result.ceiling
    if ceiling.maximum is None:
        yield "No rule limits what may be promised."
    else:
        subject = (
            "The expected availability is higher, but the rules"
            if ceiling.is_below(result.prediction.exact_availability)
            else "The rules"
        )
        yield f"{subject} limit the promise to {Objective(ceiling.maximum)}:"
        for limit in ceiling.limits:
            reason = limit.reason[:1].upper() + limit.reason[1:]
            yield from _list_item(f"{Objective(limit.maximum)} at most. {reason}. Source: {limit.source}.")
    if result.plan.objective is not None:
        yield _objective(result, result.plan.objective)


def _objective(result: PlanResult, objective: Objective) -> str:
    excess = result.prediction.unavailability - float(1 - objective.ratio)
    expected = f"misses it by {duration_text(excess * YEAR)} per year" if excess > 0 else "meets it on average"
    allowed = result.ceiling.maximum is None or objective.ratio <= result.ceiling.maximum
    return f"The objective is {objective}. The design {expected}{'' if allowed else ', and the rules do not allow it'}."


def _single_years(result: PlanResult) -> Iterator[str]:
    yield f"Single years differ from the average. Of {result.years:,} simulated years:"
    yield f"  - half had less than {_downtime_text(result.median)} of downtime ({percent(result.median)} or better);"
    yield f"  - the best 5 % had {_downtime_text(result.p95)} or less ({percent(result.p95)} or better);"
    yield f"  - the worst 5 % had {_downtime_text(result.p05)} or more ({percent(result.p05)} or worse)."
    yield "Probability that a year reaches"
    for level, probability in result.probabilities.items():
        allowed = f"{duration_text(float(1 - level) * YEAR)} per year"
        yield f"  {Objective(level)!s:<9}{allowed:<34}{_probability_text(probability)}"


def _downtime_text(availability: float) -> str:
    return duration_text(float(1 - Fraction(availability)) * YEAR)


def _probability_text(probability: float) -> str:
    """Return a probability out of 100, rounded down, so that only a probability of 1 gives `every year`."""
    if probability <= 0:
        return "in no simulated year"
    if probability >= 1:
        return "every year"
    percent = int(probability * 100)
    return f"{percent} in 100" if percent else "fewer than 1 in 100"


def _downtime_by_cause(result: PlanResult) -> Iterator[str]:
    yield "Downtime by cause, in an average year"
    contributors = [
        contributor for contributor in result.prediction.contributors if contributor.downtime >= SECOND / 100
    ]
    for contributor in contributors[:MAX_LISTED]:
        yield _cause_line(contributor.downtime, contributor.share, contributor.name)
    if others := contributors[MAX_LISTED:]:
        other_text = "one other" if len(others) == 1 else f"{len(others)} others"
        yield _cause_line(
            sum(contributor.downtime for contributor in others),
            sum(contributor.share for contributor in others),
            other_text,
        )
    if not contributors:
        yield "  Nothing longer than 0.01 seconds."


def _cause_line(downtime: float, share: float, name: str) -> str:
    part = f"{100 * share:.0f} in 100" if share >= 0.005 else "<1 in 100"
    return f"  {duration_text(downtime):<26}{part:<12}{name}"


def _possible_changes(result: PlanResult) -> Iterator[str]:
    steps = list(zip(result.steps, result.ceilings, strict=True))[:MAX_LISTED]
    if not steps:
        yield "No single change improves the design noticeably."
        return
    priced = any(step.cost is not None for step in result.steps)
    order = "lowest cost per hour saved first" if priced else "largest gain first (the plan has no costs)"
    yield f"Possible changes, each on its own, {order}"
    for number, (step, after) in enumerate(steps, 1):
        yield from _list_item(f"{step.change.text}.", f"  {number}. ")
        yield from _list_item(f"{_step_effect(step)}{_ceiling_change(result.ceiling, after)}", "     ")
    largest = max(result.steps, key=lambda step: step.downtime_saved)
    if largest is not result.steps[0]:
        yield from _list_item(
            f"Largest gain: {largest.change.text}. Saves {duration_text(largest.downtime_saved)} per year.", "  "
        )


def _step_effect(step: Step) -> str:
    availability = percent(1 - Fraction(step.unavailability))
    text = f"Saves {duration_text(step.downtime_saved)} per year. Availability is then {availability}."
    if step.cost is None or step.cost_per_hour is None:
        return text
    return f"{text} Costs {float(step.cost):,.0f} per year, {step.cost_per_hour:,.0f} per hour saved."


def _ceiling_change(before: Ceiling, after: Ceiling) -> str:
    if before.maximum == after.maximum:
        return ""
    if after.maximum is None:
        return " No rule then limits the promise."
    return f" The rules then limit the promise to {Objective(after.maximum)}."


def _assumptions(result: PlanResult) -> Iterator[str]:
    yield "Assumptions"
    for assumption in (*result.plan.assumptions, *_general_assumptions(result)):
        yield from _list_item(assumption)


def _general_assumptions(result: PlanResult) -> Iterator[str]:
    """Yield the assumptions that hold for every plan, and those caused by missing parts of this plan."""
    design = result.plan.design
    if result.plan.default_mttr:
        names = ", ".join(result.plan.default_mttr)
        yield f"No mttr in the plan, so 1 hour is assumed: {names}."
    if not design.sites:
        yield "The plan lists no data centre, so their outages are not included."
    if design.maintenance is not None and not design.maintenance.counted:
        yield "Planned maintenance is not counted (`counted: false`)."
    yield "Parts fail at random and independently of each other, except for shared parts in the plan."
    yield "A year has 365 days. The average is exact for the plan; single years are simulated at random."


def _list_item(text: str, mark: str = "  - ") -> list[str]:
    return wrap(" ".join(text.split()), WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))


def _nines(ratio: Fraction) -> str:
    return "no downtime" if ratio == 1 else f"{format_nines(ratio, 1)} nines"


def percent(ratio: Fraction | float) -> str:
    """Return the ratio rounded down, with 2 digits after its nines."""
    exact = Fraction(ratio)
    nines_of_ratio = nines(exact)
    return format_percent(exact, 9 if nines_of_ratio is None else min(9, max(2, int(nines_of_ratio))))


def duration_text(microseconds: float) -> str:
    """Return a duration rounded to its 2 largest units, with unit names in full.

    >>> [duration_text(us) for us in (315_360_000_000.0, 262_800_000_000.0, 864_000.0, 0.0)]
    ['3 days 16 hours', '3 days 1 hour', '0.86 seconds', 'no time']
    """
    if microseconds < SECOND / 200:
        return "no time" if microseconds <= 0 else "less than 0.01 seconds"
    if microseconds < 10 * SECOND:
        number = f"{microseconds / SECOND:.2f}".rstrip("0").rstrip(".")
        return f"{number} second{'' if number == '1' else 's'}"
    units = list(_UNIT_NAMES)
    first = next(i for i, unit in enumerate(units) if microseconds >= unit)
    smallest = units[min(first + 1, len(units) - 1)]
    rounded = round(microseconds / smallest) * smallest
    return " ".join(f"{count} {_UNIT_NAMES[unit]}{'' if count == 1 else 's'}" for count, unit in split_units(rounded))
