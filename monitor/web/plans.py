"""/plan: the structure of a shipped plan, and the effect of other values of a part. The URL has all values of the form.

The figures are the exact ones of `ninewatch plan`. The simulation of single years takes too long for a page.
"""

from __future__ import annotations

import asyncio
import re
from fractions import Fraction
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from monitor.config.plan_file import load_plan
from monitor.config.readiness import load_checklist
from monitor.package_files import shipped_path
from monitor.planning.plan_text import duration_text, percent
from monitor.planning.variation import MAX_DEPLOYMENTS, MAX_REPLICAS, MONTH, PartValues, varied_design
from monitor.views.plan_drawing import draw
from monitor.web.access import Role, role
from monitor.web.errors import Refusal, check_query
from monitor.web.visitor import page_response
from sla.feasibility import YEAR, find_ceiling, predict
from sla.objective import Objective, format_nines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from monitor.config.plan_file import Plan
    from sla.feasibility import Design, Part, Prediction

routes = web.RouteTableDef()

VALUES: Final = ("mttr", "deployments", "replicas")
_NUMBER: Final = re.compile(r"\d{1,6}(\.\d{1,6})?")


@routes.get("/plan")
@role(Role.READ)
async def plan_page(request: web.Request) -> web.Response:
    """Show a plan and one of its parts with other values. Without values, as the plan is."""
    check_query(request, "plan", "part", *VALUES)
    names = _plan_names()
    name = request.query.get("plan", names[0])
    if name not in names:
        raise Refusal(404, "unknown plan", f"use plan= and one of {', '.join(names)}")
    view = await asyncio.to_thread(_view, name, dict(request.query))
    view.plans = [(other, f"/plan?{urlencode({'plan': other})}") for other in names]
    return page_response(request, "plan.html.j2", view, status=400 if view.error else 200)


def _plan_names() -> list[str]:
    return sorted(path.stem for path in shipped_path("config", "plans").glob("*.yaml"))


@lru_cache(maxsize=32)
def _load(path: Path) -> tuple[Plan, Prediction]:
    """Return a shipped plan, which does not change while the process runs, with its prediction."""
    plan = load_plan(path, load_checklist(shipped_path("config", "checklists", "five-nines.yaml")))
    return plan, predict(plan.design)


def _view(name: str, query: Mapping[str, str]) -> SimpleNamespace:
    """Return the values of the page.

    Raises:
        Refusal: the part is unknown.
    """
    plan, prediction = _load(shipped_path("config", "plans", f"{name}.yaml"))
    parts = {part.id: part for part in plan.design.parts}
    part = parts.get(query.get("part") or _largest(parts, prediction))
    if part is None:
        raise Refusal(404, "unknown part", f"use part= and one of {', '.join(parts)}")
    view = SimpleNamespace(plan=name, title=plan.design.title, objective=plan.objective, part=part, error="")
    view.fields = _fields(part, PartValues.of(part), query)
    design, changed = plan.design, prediction
    try:
        if any(query.get(field) for field in VALUES):
            design = varied_design(design, part.id, _values(part, query))
            changed = predict(design)
    except ValueError as error:
        view.error = str(error)
    view.columns = [("As planned", _figures(plan, plan.design, prediction))]
    view.columns.append(("With these values", _figures(plan, design, changed)))
    view.saved = _saved(prediction, changed)
    view.drawing = draw(design, changed)
    view.links = {other: f"/plan?{urlencode({'plan': name, 'part': other})}" for other in parts}
    return view


def _largest(parts: Mapping[str, Part], prediction: Prediction) -> str:
    """Return the part with the most downtime."""
    return next((leaf.id for leaf in prediction.contributors if leaf.id in parts), next(iter(parts)))


def _values(part: Part, query: Mapping[str, str]) -> PartValues:
    """Return the values of the query; those that it does not have are those of the part.

    Raises:
        ValueError: a value is not a number.
    """
    for field in VALUES:
        if (text := query.get(field)) and not _NUMBER.fullmatch(text):
            raise ValueError(f"{field} is not a number; use for example {field}=5")
    present = PartValues.of(part)
    mttr, deployments, replicas = (query.get(field) for field in VALUES)
    if replicas and "." in replicas:
        raise ValueError("replicas is not a whole number; use for example replicas=3")
    return PartValues(
        Fraction(mttr) if mttr else present.mttr,
        Fraction(deployments) if deployments and present.deployments is not None else present.deployments,
        int(replicas) if replicas and present.replicas is not None else present.replicas,
    )


def _fields(part: Part, present: PartValues, query: Mapping[str, str]) -> list[SimpleNamespace]:
    """Return the number inputs, with the largest value of their sliders."""
    mttr, failures = float(present.mttr), part.failures
    fields = [("mttr", "Time to repair, minutes", mttr, 0.01, max(240.0, 2 * mttr), "any")]
    if part.deployments is not None and present.deployments is not None:
        most = min(MAX_DEPLOYMENTS, MONTH // (part.deployments.duration + 1))
        fields.append(("deployments", "Deployments per 30 days", float(present.deployments), 0, most, "any"))
    if present.replicas is not None:
        fields.append(("replicas", "Replicas", present.replicas, failures.needed, min(10, MAX_REPLICAS), "1"))
    return [
        SimpleNamespace(
            name=name, label=label, value=query.get(name) or f"{value:g}", least=least, most=most, step=step
        )
        for name, label, value, least, most, step in fields
    ]


def _figures(plan: Plan, design: Design, prediction: Prediction) -> SimpleNamespace:
    checklist = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
    ceiling, exact = find_ceiling(design, checklist, plan.met, plan.limits).maximum, prediction.exact_availability
    is_met = plan.objective is None or prediction.unavailability <= float(1 - plan.objective.ratio)
    return SimpleNamespace(
        availability=percent(exact),
        nines="no downtime" if exact == 1 else format_nines(exact, 1),
        year=duration_text(prediction.unavailability * YEAR),
        month=duration_text(prediction.unavailability * MONTH),
        ceiling="none" if ceiling is None else str(Objective(ceiling)),
        objective="" if plan.objective is None else "met on average" if is_met else "missed",
        is_met=is_met,
    )


def _saved(before: Prediction, after: Prediction) -> str:
    difference = (before.unavailability - after.unavailability) * YEAR
    if not difference:
        return ""
    return f"{duration_text(abs(difference))} {'less' if difference > 0 else 'more'} downtime per year"
