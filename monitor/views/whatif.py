"""The what-if analysis of a product as text, for its page and the command. The page computes it in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.ledger.product_whatif import ProductReplay
from monitor.views.formatting import Moment, moment
from monitor.views.time_slice import day_parts
from sla.availability import availability, downtime
from sla.downtime_cost import format_money
from sla.duration import format_bounds, format_duration
from sla.objective import Objective, format_percent
from sla.whatif import GENERAL_ASSUMPTIONS

if TYPE_CHECKING:
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.availability import Bounds
    from sla.downtime_cost import Rate
    from sla.interval import Interval
    from sla.promise import PlanForecast
    from sla.whatif import Effect, WhatIf
    from sla.whatif_changes import ChangeName


async def whatif_in_parts(
    ledger: Ledger, product: Product, window: Interval, at: int, slices: TimeSlices, name: ChangeName | None = None
) -> WhatIf:
    """Return the ranked effects of the product's changes over a window, computed in parts between probes.

    Raises:
        ValueError: the product does not have the dependency of `name`.
    """
    replay = ProductReplay(ledger, product, window, at, name)
    for part in day_parts(replay.replayed):
        replay.extend(part)
        await slices.yield_if_spent()
    return replay.result()


@dataclass(frozen=True, slots=True)
class EffectLine:
    """The effect of one change as text."""

    id: str
    text: str
    saved: str
    saved_bounds: str
    availability: str
    availability_bounds: str
    cost: str
    saved_cost: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhatIfView:
    """The ranked effects as lines, with the recorded availability and the expectation of the plan."""

    since: Moment
    recorded: str
    plan: str
    lines: tuple[EffectLine, ...]
    assumptions: tuple[str, ...]


def whatif_view(replay: WhatIf, zone: ZoneInfo) -> WhatIfView:
    """Return the effects as text."""
    return WhatIfView(
        moment(replay.replayed.start, zone),
        _recorded_text(replay),
        "" if replay.plan is None else _plan_text(replay.plan),
        tuple(effect_line(effect, replay) for effect in replay.effects),
        GENERAL_ASSUMPTIONS,
    )


def effect_line(effect: Effect, replay: WhatIf) -> EffectLine:
    """Return the effect as text."""
    bounds = effect.availability
    return EffectLine(
        effect.name,
        effect.change.text,
        "no estimate" if effect.saved.point is None else format_duration(effect.saved.point),
        _saved_bounds(effect),
        "no estimate" if bounds.point is None else format_percent(bounds.point),
        f"between {format_percent(bounds.low)} and {format_percent(bounds.high)}",
        _cost_text(effect, replay.currency),
        "" if replay.rate is None else _saved_cost_text(effect, replay.rate),
        effect.change.assumptions,
    )


def _saved_bounds(effect: Effect) -> str:
    low, _, high = effect.saved
    unknown = f", of which {format_duration(effect.unknown)} is unknown time" if effect.unknown else ""
    return f"between {format_duration(low or 0)} and {format_duration(high or 0, up=True)}{unknown}"


def _cost_text(effect: Effect, currency: str) -> str:
    if effect.cost is None:
        return ""
    hour = effect.cost_per_hour
    per_hour = "" if hour is None else f", {format_money(hour, currency)} per hour saved"
    return f"{format_money(effect.cost, currency)} per year{per_hour}"


def _saved_cost_text(effect: Effect, rate: Rate) -> str:
    low, point, high = (None if saved is None else format_money(saved, rate.currency) for saved in effect.value(rate))
    return f"between {low} and {high}" if point is None else f"{point}, between {low} and {high}"


def _recorded_text(replay: WhatIf) -> str:
    share: Bounds[Fraction | None] = availability(replay.before)
    low, point, high = format_bounds(*downtime(replay.before))
    between = f"between {format_percent(share.low)} and {format_percent(share.high)}"
    unknown = f"; {format_duration(replay.before.unknown)} is unknown" if replay.before.unknown else ""
    return f"{format_percent(share.point)} ({between}), {point} of downtime (between {low} and {high}{unknown})"


def _plan_text(plan: PlanForecast) -> str:
    return f"{Objective(plan.expected)} expected, {Objective(plan.probability)} chance of the objective"
