"""/calculator: what an objective takes, with the figures of `ninewatch nines`. The URL has all values of the form."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.planning.calculator import USUAL_INTERVALS, objective_of, requirements
from monitor.web.access import Role, role
from monitor.web.errors import check_query
from monitor.web.visitor import page_response
from sla.calculator import YEARS
from sla.duration import format_full_duration
from sla.interval import DAY, SECOND
from sla.objective import Objective, format_nines
from sla.window import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.planning.calculator import Requirements

routes = web.RouteTableDef()

FIELDS: Final = ("objective", "downtime", "over", "interval", "year")
EXAMPLES: Final = ("99%", "99.5%", "99.9%", "99.95%", "99.99%", "99.999%")
_DEFAULT: Final = "99.9%"
_MAX_LENGTH: Final = 64
_MIN_INTERVAL, _MAX_INTERVAL = SECOND // 10, 30 * DAY


@routes.get("/calculator")
@role(Role.READ)
async def calculator(request: web.Request) -> web.Response:
    """Show the form and its result. Without values, for 99.9 %."""
    check_query(request, *FIELDS)
    entered = {name: text for name in FIELDS if (text := request.query.get(name, "").strip())}
    view = SimpleNamespace(entered=entered, years=YEARS, examples=EXAMPLES, error="", result=None)
    try:
        view.result = _result(await asyncio.to_thread(_requirements, entered))
    except (ValueError, OverflowError) as error:
        view.error = str(error)
    return page_response(request, "calculator.html.j2", view, status=400 if view.error else 200)


def _requirements(entered: Mapping[str, str]) -> Requirements:
    """Return what the entered objective takes.

    Raises:
        ValueError: a value is not valid.
    """
    if any(len(text) > _MAX_LENGTH for text in entered.values()):
        raise ValueError(f"a value is longer than {_MAX_LENGTH} characters; use for example 99.95%")
    downtime, over = entered.get("downtime"), entered.get("over")
    text = entered.get("objective")
    if text is not None and (downtime or over):
        raise ValueError("both an objective and a downtime are specified; empty one of them")
    if text is None and (downtime is None) != (over is None):
        raise ValueError("a downtime needs a window, and a window a downtime; use for example 43m12s in 30d")
    if text is None and downtime is None:
        text = _DEFAULT
    year = entered.get("year", next(iter(YEARS)))
    if year not in YEARS:
        raise ValueError(f"unknown length of a year; use {' or '.join(YEARS)}")
    intervals = USUAL_INTERVALS if "interval" not in entered else (_interval(entered["interval"]),)
    return requirements(objective_of(text, downtime, over), year, intervals)


def _interval(text: str) -> int:
    interval = parse_duration(text)
    if not _MIN_INTERVAL <= interval <= _MAX_INTERVAL:
        raise ValueError("a probe interval is between 100ms and 30d; use for example 30s")
    return interval


def _result(needed: Requirements) -> SimpleNamespace:
    """Return the result as text."""
    return SimpleNamespace(
        objective=str(needed.objective),
        nines=format_nines(needed.objective.ratio),
        allowed=[(name, format_full_duration(allowed)) for name, allowed in needed.allowed()],
        longest=format_full_duration(needed.longest_interval),
        budget=format_full_duration(needed.monthly_budget),
        intervals=[
            SimpleNamespace(
                interval=format_full_duration(need.interval),
                is_longest=need.interval == needed.longest_interval,
                measures=need.measures,
                proven=need.proven_text,
            )
            for need in needed.intervals
        ],
        checklist=needed.checklist.title,
        count=len(needed.checklist.items),
        items=[(item.title, str(Objective(item.cap))) for item in needed.items],
    )
