"""Escalations, people and priorities in a configuration: rejected values, receivers of a step, shipped priorities."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.commands.config_option import examine_config
from monitor.config.escalation import find_recipients
from monitor.config.routing import all_receiver_ids_for, escalations_for, receiver_ids_for
from sla.escalation import Plan, Step, StepReceivers
from sla.interval import MINUTE
from sla.product_incident import Severity
from sla.stage import Stage
from sla.window import parse_instant

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.model import Portfolio

MONDAY = parse_instant("2026-09-21T12:00:00Z")
SHIFT = {"person": "Ada", "start": "2026-09-21T08:00", "end": "2026-09-21T20:00"}
STEPS = [{"to": "pager"}, {"to": ["manager", "mail"], "after": "15m"}, {"standby": "rota"}]
VALID: dict[str, Any] = {
    "products": [
        {"id": "forms", "objective": "99.9%", "checks": [{"id": "health", "http": "https://example.org/"}]},
        {"id": "sso", "objective": "99.9%", "checks": [{"id": "health", "http": "https://example.org/"}]},
    ],
    "receivers": [{"id": n, "webhook": f"https://ops.example.org/{n}"} for n in ("pager", "manager", "mail", "ada")],
    "routes": [{"escalation": "first"}],
    "escalations": [{"id": "first", "steps": STEPS, "repeat_every": "30m"}],
    "people": [{"name": "Ada", "to": "ada"}],
    "standby": [{"id": "rota", "zone": "UTC", "shifts": [SHIFT]}],
}


def examine(folder: Path, **changes: Any) -> Any:
    path = folder / "ninewatch.yaml"
    path.write_text(json.dumps({**VALID, **changes}, indent=1))
    return examine_config(path)


def problems(folder: Path, **changes: Any) -> list[str]:
    return [str(problem).partition("ninewatch.yaml:")[2] for problem in examine(folder, **changes).problems]


def load(folder: Path, **changes: Any) -> Portfolio:
    data = examine(folder, **changes)
    assert data.problems == ()
    portfolio: Portfolio = data.portfolio
    return portfolio


def test_steps_have_default_values(tmp_path: Path) -> None:
    (escalation,) = load(tmp_path).escalations
    steps = (Step(0, ("pager",)), Step(15 * MINUTE, ("manager", "mail")), Step(15 * MINUTE, rota="rota"))
    assert escalation.plan() == Plan("first", steps, 30 * MINUTE)
    assert escalation.unreachable_after == MINUTE


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"routes": [{"products": ["forms"]}]}, "routes[0].to: is missing; specify a receiver, or escalation:"),
        (
            {"routes": [{"escalation": "frist"}]},
            'routes[0].escalation: unknown escalation "frist"; known escalations: first',
        ),
        (
            {"routes": [{"to": "pager"}]},
            "escalations.first.id: no route uses this escalation; add one under routes: {escalation: first}",
        ),
        ({"escalations": [{"id": "first", "steps": []}]}, "escalations.first.steps"),
        (
            {"escalations": [{"id": "first", "steps": [{"after": "5m"}]}]},
            "steps[0].to: is missing; specify a receiver, or standby",
        ),
        (
            {"escalations": [{"id": "first", "steps": [{"to": "pager", "standby": "rota"}]}]},
            "steps[0].to: excludes standby; remove one of them",
        ),
        (
            {"escalations": [{"id": "first", "steps": [{"to": "pagr"}]}]},
            'steps[0].to: unknown receiver "pagr"; known receivers:',
        ),
        (
            {"escalations": [{"id": "first", "steps": [{"standby": "nights"}]}]},
            'steps[0].standby: unknown rota "nights"; known rotas: rota',
        ),
        (
            {"escalations": [{"id": "first", "steps": [{"standby": "nights"}]}], "standby": []},
            'unknown rota "nights"; add one under standby:',
        ),
        ({"escalations": [{"id": "first", "steps": [{"to": "pager", "after": "8d"}]}]}, "after: "),
        ({"escalations": [*VALID["escalations"], *VALID["escalations"]]}, '"first" is already the id of an escalation'),
        ({"people": []}, 'standby.rota.shifts: "Ada" has no receiver; add under people: {name: Ada, to: RECEIVER}'),
        ({"people": [{"name": "Ada", "to": "nowhere"}]}, 'unknown receiver "nowhere"'),
        ({"people": [*VALID["people"], *VALID["people"]]}, '"Ada" is already listed'),
        ({"priorities": "none-such"}, 'priorities: there are no priorities "none-such"'),
    ],
)
def test_mistake_is_reported_with_its_position(changes: dict[str, Any], line: str, tmp_path: Path) -> None:
    lines = problems(tmp_path, **changes)
    assert any(line in message for message in lines), lines


def test_heartbeat_receiver_is_rejected_as_step(tmp_path: Path) -> None:
    snitch = {"id": "snitch", "healthchecks": "https://hc.example.org/ping/1"}
    keys = {"receivers": [*VALID["receivers"], snitch], "alerting": {"heartbeat": {"to": "snitch"}}}
    escalations = [{"id": "first", "steps": [{"to": "snitch"}]}]
    (line,) = problems(tmp_path, **keys, escalations=escalations)
    assert '"snitch" accepts the heartbeat only' in line


def test_escalation_that_depends_on_its_own_product_is_rejected(tmp_path: Path) -> None:
    receivers = [{**configured, "depends_on": ["forms"]} for configured in VALID["receivers"]]
    assert any(
        'pages about "forms" depend on "forms"' in problem for problem in problems(tmp_path, receivers=receivers)
    )
    assert problems(tmp_path, receivers=[receivers[0], *VALID["receivers"][1:]]) == []


def test_steps_with_only_rotas_and_calendars_with_unknown_people_get_warnings(tmp_path: Path) -> None:
    (tmp_path / "rota.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260101T080000Z\nDURATION:PT8H\nRRULE:FREQ=DAILY\n"
        "SUMMARY:Bob\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    escalations = [{"id": "first", "steps": [{"standby": "rota"}]}]
    data = examine(tmp_path, escalations=escalations, standby=[{"id": "rota", "ics": "rota.ics"}])
    warnings = [str(warning) for warning in data.warnings]
    assert any("escalations.first.steps: every step has a rota" in message for message in warnings), warnings
    assert any('standby.rota.ics: "Bob" is on call soon and has no receiver' in message for message in warnings), (
        warnings
    )


def test_all_receivers_of_a_product_include_those_of_escalations(tmp_path: Path) -> None:
    portfolio = load(tmp_path, routes=[{"to": "mail", "escalation": "first", "products": ["forms"]}])
    forms, sso = portfolio.products
    assert receiver_ids_for(portfolio, forms, Severity.PAGE) == ["mail"]
    assert all_receiver_ids_for(portfolio, forms, Severity.PAGE) == ["mail", "pager", "manager", "ada"]
    assert [escalation.id for escalation in escalations_for(portfolio, forms, Severity.PAGE)] == ["first"]
    assert escalations_for(portfolio, sso, Severity.PAGE) == []
    assert escalations_for(portfolio, forms, Severity.NOTE) == []


def test_step_calls_everyone_on_call_at_the_instant(tmp_path: Path) -> None:
    second = {"person": "Bob B.", "start": "2026-09-21T11:00", "end": "2026-09-21T13:00"}
    people = [{"name": "Ada", "to": ["ada", "mail"]}, {"name": "Bob B.", "to": "mail"}]
    portfolio = load(tmp_path, people=people, standby=[{"id": "rota", "zone": "UTC", "shifts": [SHIFT, second]}])
    step = Step(0, rota="rota")
    assert find_recipients(portfolio, step, MONDAY) == StepReceivers(("ada", "mail"), "Ada, Bob B.")
    assert find_recipients(portfolio, step, MONDAY + 60 * MINUTE) == StepReceivers(("ada", "mail"), "Ada"), (
        "13:00 is after Bob's shift"
    )
    assert find_recipients(portfolio, step, MONDAY + 8 * 60 * MINUTE) == StepReceivers()
    assert find_recipients(portfolio, Step(0, ("pager",)), MONDAY) == StepReceivers(("pager",))


@pytest.mark.parametrize(
    ("instant", "severity", "stage", "actual"),
    [
        ("2026-09-21T09:00:00-07:00", Severity.PAGE, Stage.PRODUCTION, ("P1", 15)),
        ("2026-09-21T17:00:00-07:00", Severity.PAGE, Stage.PRODUCTION, ("P1", 30)),
        ("2026-09-20T12:00:00-07:00", Severity.PAGE, Stage.PILOT, ("P2", 60)),
        ("2026-09-07T12:00:00-07:00", Severity.PAGE, None, ("P2", 60)),  # Labour Day
        ("2026-09-21T12:00:00-07:00", Severity.TICKET, Stage.ENTERPRISE, ("P3", 30)),
        ("2026-09-21T20:00:00-07:00", Severity.TICKET, Stage.ENTERPRISE, ("P3", None)),
        ("2026-09-21T12:00:00-07:00", Severity.TICKET, Stage.PILOT, ("P4", 45)),
    ],
)
def test_shipped_priorities_equal_the_published_ones(
    instant: str, severity: Severity, stage: Stage | None, actual: tuple[str, int | None], tmp_path: Path
) -> None:
    policy = load(tmp_path, priorities="pathfinder-sso").priorities
    assert policy is not None
    priority, target = policy.of(severity, stage, parse_instant(instant), "UTC")
    assert (priority, target) == (actual[0], None if actual[1] is None else actual[1] * MINUTE)


def test_own_priorities_are_read_from_a_file_next_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    own = tmp_path / "policies" / "own.yaml"
    text = (
        "id: own\ntitle: Own\nsource: us\n"
        "targets: [{priority: P1, business_hours: 5m, after_hours: 10m}]\nrules: [{priority: P1}]\n"
    )
    own.write_text(text)
    policy = load(tmp_path, priorities="own").priorities
    assert policy is not None
    assert policy.of(Severity.TICKET, None, MONDAY, "UTC") == ("P1", 5 * MINUTE), "without hours all are business hours"
    own.write_text(text.replace("rules: [{priority: P1}]", "rules: [{priority: P9}]"))
    (line,) = problems(tmp_path, priorities="own")
    assert "invalid priorities" in line
    assert "own.yaml:5" in line
