"""/plan: figures of `ninewatch plan`, other values of a part, and the drawing of the structure."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from monitor.config.plan_file import load_plan
from monitor.config.readiness import load_checklist
from monitor.package_files import shipped_path
from monitor.planning.plan_text import duration_text, percent
from monitor.planning.variation import PartValues, varied_design
from monitor.views.plan_drawing import WIDTH, draw
from sla.feasibility import YEAR, AtLeast, Part, Planned, Repairable, predict
from sla.interval import DAY, MINUTE
from tests.support.html_validity import html_errors

if TYPE_CHECKING:
    from monitor.config.plan_file import Plan
    from tests.monitor.web.conftest import RunningServer

NAMES = ("chefs-silver", "five-nines-bundle", "keycloak-gold")


def shipped(name: str) -> Plan:
    checklist = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
    return load_plan(shipped_path("config", "plans", f"{name}.yaml"), checklist)


def varied_part(plan: Plan, part: str) -> Part:
    return next(candidate for candidate in plan.design.parts if candidate.id == part)


@pytest.mark.parametrize("name", NAMES)
async def test_page_has_the_figures_of_the_command(server: RunningServer, name: str) -> None:
    page = await server.get(f"/plan?plan={name}")
    plan = shipped(name)
    prediction = predict(plan.design)
    assert page.status == 200
    assert page.text.count(f'<td class="num">{percent(prediction.exact_availability)}</td>') == 2
    assert f">{duration_text(prediction.unavailability * YEAR)}</td>" in page.text
    assert "The values are those of the plan." in page.text
    for part in plan.design.parts:
        assert page.text.count(f"part={part.id}") >= 1


async def test_values_in_the_address_change_the_figures(server: RunningServer) -> None:
    page = (await server.get("/plan?plan=chefs-silver&part=app&mttr=120&deployments=30&replicas=1")).text
    plan = shipped("chefs-silver")
    app = varied_part(plan, "app")
    assert app.deployments is not None
    changed = replace(
        app,
        failures=Repairable(app.failures.mtbf, 120 * MINUTE, 1),
        deployments=Planned(DAY, app.deployments.duration),
    )
    design = replace(plan.design, parts=tuple(changed if part is app else part for part in plan.design.parts))
    expected = percent(predict(design).exact_availability)
    assert expected != percent(predict(plan.design).exact_availability)
    assert f">{expected}</td>" in page
    assert re.search(r"[0-9].* more downtime per year", page)
    assert 'name="replicas" value="1"' in page


async def test_without_deployments_there_is_less_downtime(server: RunningServer) -> None:
    page = (await server.get("/plan?plan=chefs-silver&part=app&deployments=0")).text
    assert re.search(r"[0-9].* less downtime per year", page)


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("plan=none", 404, "unknown plan"),
        ("plan=../../etc/passwd", 404, "unknown plan"),
        ("part=none", 404, "unknown part"),
        ("speed=1", 400, "speed"),
        ("plan=chefs-silver&part=app&mttr=soon", 400, "mttr is not a number"),
        ("plan=chefs-silver&part=app&mttr=0", 400, "between 1 second and 10080 minutes"),
        ("plan=chefs-silver&part=app&mttr=99999999", 400, "mttr is not a number"),
        ("plan=chefs-silver&part=app&replicas=0", 400, "between 1 (needed) and 20"),
        ("plan=chefs-silver&part=app&replicas=21", 400, "between 1 (needed) and 20"),
        ("plan=chefs-silver&part=app&replicas=1.5", 400, "not a whole number"),
        ("plan=chefs-silver&part=app&deployments=101", 400, "between 0 and 100"),
        ("plan=chefs-silver&part=app&mttr=%3Cscript%3E", 400, "mttr is not a number"),
    ],
)
async def test_wrong_values_are_explained(server: RunningServer, query: str, status: int, text: str) -> None:
    answer = await server.get(f"/plan?{query}", headers={"Accept": "text/html"})
    assert (answer.status, text.lower() in answer.text.lower()) == (status, True)
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", NAMES)
async def test_page_is_valid_and_has_no_external_request(server: RunningServer, name: str) -> None:
    text = (await server.get(f"/plan?plan={name}")).text
    assert html_errors(text) == []
    assert not re.search(r"(src|href)=.https?:", text)


def test_deployments_that_do_not_fit_are_refused() -> None:
    part = Part("a", "a", Repairable(DAY, MINUTE), deployments=Planned(DAY, 23 * 60 * MINUTE))
    design = replace(shipped("chefs-silver").design, parts=(part,), structure=None, sites=())
    with pytest.raises(ValueError, match="at most 31 deployments"):
        varied_design(design, "a", replace(PartValues.of(part), deployments=PartValues.of(part).mttr + 40))


@pytest.mark.parametrize("name", NAMES)
def test_drawing_has_each_part_once_inside_of_its_frame(name: str) -> None:
    design = shipped(name).design
    drawing = draw(design, predict(design))
    assert {part.id for part in design.parts} <= {box.id for box in drawing.boxes}
    assert len({box.id for box in drawing.boxes}) == len(drawing.boxes)
    tops = sorted(box.y for box in drawing.boxes)
    assert all(later - earlier >= 46 for earlier, later in pairwise(tops))
    assert all(box.x > 0 and box.x + box.width < WIDTH and box.y + 46 < drawing.height for box in drawing.boxes)


def test_parts_of_which_some_suffice_are_in_a_frame() -> None:
    parts = tuple(Part(name, name, Repairable(DAY, MINUTE)) for name in "abc")
    plan = shipped("chefs-silver")
    design = replace(plan.design, parts=parts, structure=AtLeast(2, ("a", "b", "c")), sites=(), failover=None)
    drawing = draw(design, predict(design))
    (frame,) = drawing.groups
    assert frame.text == "2 of 3 needed"
    assert drawing.links == []
    assert all(frame.y < box.y and box.y + 46 < frame.y + frame.height for box in drawing.boxes)
