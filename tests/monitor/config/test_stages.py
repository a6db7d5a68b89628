"""Stages, clients and parts in a configuration: errors and warnings with their position."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.dependent_clients import all_dependencies, dependent_clients
from monitor.config.stage import shipped_stage_policy
from sla.localtime import midnight
from sla.objective import Objective
from sla.stage import Risk, Stage
from tests.monitor.config.kinds import examine_text, load_text, problems_of, with_check

POLICY = (Path(__file__).resolve().parents[3] / "config" / "policies" / "stages.yaml").read_text("utf-8")
GRANTS = """\
products:
  - id: grants
    objective: 99%
    component: bundle
    parts: [forms, mail]
    clients: [{name: Grant officers, risk: high, since: 2026-03-01}]
    checks: [{id: c, tcp: "h:1"}]
  - id: forms
    objective: 99%
    component: complex
    depends_on: [login]
    clients: [{name: Form owners, count: 3, risk: low}]
    checks: [{id: c, tcp: "h:1"}]
  - id: mail
    objective: 99%
    component: simple
    clients: [{name: Senders, count: 14, risk: low}]
    checks: [{id: c, tcp: "h:1"}]
  - id: login
    objective: 99%
    checks: [{id: c, tcp: "h:1"}]
"""


def with_keys(*lines: str) -> str:
    return with_check('tcp: "h:1"') + "".join(f"    {line}\n" for line in lines)


def warnings(folder: Path, text: str) -> list[str]:
    result = examine_text(folder, text)
    assert not result.problems
    return [str(warning).removeprefix(f"{folder}/") for warning in result.warnings]


def test_shipped_policy_matches_the_published_stages() -> None:
    """Production is for clients of low risk, enterprise for clients of high risk. An idea promises nothing."""
    policy = shipped_stage_policy()
    risks = [policy.terms_for(stage).max_client_risk for stage in Stage]
    assert risks == [Risk.NONE, Risk.NONE, Risk.LOW, Risk.LOW, Risk.HIGH]
    assert policy.terms_for(Stage.IDEA).max_objective is None
    assert policy.terms_for(Stage.PRODUCTION).max_objective == Objective.parse("99.95%")


def test_five_nines_for_a_pilot_get_a_warning_at_the_objective(tmp_path: Path) -> None:
    text = with_keys("stage: pilot").replace("99.9%", "five nines").replace('"h:1"}', '"h:1", interval: 1s}')
    (warning,) = warnings(tmp_path, text)
    assert warning.startswith("c.yaml:3:16: products.p.objective: 99.999% for a pilot: at most 99.5% may be promised (")


def test_objective_above_the_readiness_ceiling_gets_a_warning(tmp_path: Path) -> None:
    text = (
        with_keys("readiness: {checklist: five-nines}").replace("99.9%", "99.99%").replace('1"}', '1", interval: 9s}')
    )
    (warning,) = warnings(tmp_path, text)
    assert warning.startswith("c.yaml:3:16: products.p.objective: 99.99% is above the claim ceiling of 99.95%: meet")


def test_high_risk_indirect_clients_get_a_warning_at_the_stage(tmp_path: Path) -> None:
    text = GRANTS.replace("  - id: login\n", "  - id: login\n    stage: production\n")
    (warning,) = warnings(tmp_path, text)
    assert warning.startswith("c.yaml:20:12: products.login.stage: high-risk clients depend on a product in production")


def test_product_without_a_stage_gets_no_warning(tmp_path: Path) -> None:
    assert not warnings(tmp_path, GRANTS)


def test_clients_are_found_through_parts_and_dependencies_nearest_first(tmp_path: Path) -> None:
    portfolio = load_text(tmp_path, GRANTS)
    assert [(client.client.name, client.path) for client in dependent_clients(portfolio, "login")] == [
        ("Form owners", ("login", "forms")),
        ("Grant officers", ("login", "forms", "grants")),
    ]
    assert list(all_dependencies(portfolio, "grants")) == ["forms", "mail", "login"]
    assert next(dependent_clients(portfolio, "mail")).product == "mail"


def test_client_counts_from_midnight_of_its_start_day(tmp_path: Path) -> None:
    portfolio = load_text(tmp_path, GRANTS)
    officers, zone = portfolio.products[0].clients[0], portfolio.zone
    assert officers.since is not None
    first = midnight(officers.since, zone)
    assert not officers.used_before(first, zone)
    assert officers.used_before(first + 1, zone)
    assert portfolio.products[1].clients[0].used_before(0, zone)


def test_contact_is_a_reference_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK", "desk@forms.example")
    client = "clients: [{name: Desk, risk: low, contact: {env: DESK}}]"
    portfolio = load_text(tmp_path, with_keys(client))
    contact = portfolio.products[0].clients[0].contact
    assert contact is not None
    assert contact.reveal() == "desk@forms.example"
    assert "forms.example" not in portfolio.model_dump_json() + repr(portfolio)
    (line,) = problems_of(tmp_path, with_keys(client.replace("{env: DESK}", "desk@forms.example")))
    assert line.startswith("c.yaml:6:48: products.p.clients[0].contact: a secret must not be written")
    assert "desk@" not in line


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("stage: beta", "6:12: products.p.stage: not a stage; use idea, proof-of-concept, pilot, production, enterp"),
        ("stage: 1", "6:12: products.p.stage: not a stage"),
        ("component: tiny", "6:16: products.p.component: must be simple, complex or bundle"),
        ("parts: [q]", "6:12: products.p.parts: are allowed for a complex component or a bundle only"),
        ("clients: [{name: A, risk: medium}]", "6:31: products.p.clients[0].risk: must be low or high"),
        ("clients: [{name: A, risk: low, count: 0}]", "6:43: products.p.clients[0].count: must be at least 1"),
        (
            "clients: [{name: A, risk: low, since: May}]",
            "6:43: products.p.clients[0].since: not a date; use the format",
        ),
        ("value_per_hour: 5", "6:21: products.p.value_per_hour: must be a block"),
        ("value_per_hour: {amount: 0, basis: b}", "6:30: products.p.value_per_hour.amount: not an amount; use"),
        ("value_per_hour: {amount: true, basis: b}", "6:30: products.p.value_per_hour.amount: not an amount; use"),
        ("value_per_hour: {amount: .inf, basis: b}", "6:30: "),
        ("value_per_hour: {amount: 5}", "6:21: products.p.value_per_hour.basis: is missing; add it"),
        ("value_per_hour: {amount: 5, basis: b, currency: $}", "6:53: products.p.value_per_hour.currency: "),
    ],
)
def test_mistake_is_reported_with_its_position(key: str, line: str, tmp_path: Path) -> None:
    problems = problems_of(tmp_path, with_keys(key))
    assert problems[0].startswith(f"c.yaml:{line}"), problems


def test_parts_of_a_simple_component_are_rejected(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, GRANTS.replace("component: bundle", "component: simple"))
    assert line.startswith("c.yaml:5:12: products.grants.parts: are allowed for a complex component or a bundle only")


def test_cycle_through_parts_is_rejected(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, GRANTS.replace("  - id: login\n", "  - id: login\n    depends_on: [grants]\n"))
    assert "closes a cycle" in line


def test_product_that_is_part_and_dependency_is_listed_once(tmp_path: Path) -> None:
    portfolio = load_text(tmp_path, GRANTS.replace("    parts:", "    depends_on: [mail, login]\n    parts:"))
    assert portfolio.products[0].needs == ("forms", "mail", "login")


def test_amount_is_read_exactly(tmp_path: Path) -> None:
    value = load_text(tmp_path, with_keys("value_per_hour: {amount: 87.1, basis: b}")).products[0].value_per_hour
    assert value is not None
    assert (value.rate.amount * 10, value.rate.currency) == (871, "CAD")


def test_own_policy_is_next_to_the_config_file(tmp_path: Path) -> None:
    """Its mistakes are reported with their position."""
    (tmp_path / "policies").mkdir()
    policy_file = tmp_path / "policies" / "ours.yaml"
    policy_file.write_text(POLICY.replace("id: stages", "id: ours").replace("highest: 99.5%", "highest: 99.9%"))
    text = "stages: ours\n" + with_keys("stage: pilot")
    assert not warnings(tmp_path, text)
    assert load_text(tmp_path, text).stages.id == "ours"
    for original, replacement, expected_error in (
        ("highest: 99.5%", "highest: 100%", "stages.yaml:"),
        ("stage: pilot", "stage: production", "has 0 sets of limits for pilot"),
        ("title:", "titel:", "title: is missing; add it"),
        ("id: stages", "id: [", "is not YAML"),
    ):
        policy_file.write_text(POLICY.replace(original, replacement))
        (line,) = problems_of(tmp_path, text)
        assert line.startswith("c.yaml:1:9: stages: invalid policy: ")
        assert expected_error.replace("stages.yaml", "ours.yaml") in line


@pytest.mark.parametrize(
    ("name", "expected_error"),
    [
        ("../x", "not the name of a policy; use stages"),
        ("5", "not the name"),
        ("loose", 'there is no policy "loose"'),
    ],
)
def test_missing_policy_is_reported(name: str, expected_error: str, tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, f"stages: {name}\n" + with_keys("stage: pilot"))
    assert line.startswith(f"c.yaml:1:9: stages: {expected_error}")
