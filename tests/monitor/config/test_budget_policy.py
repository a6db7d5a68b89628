"""The budget policy in a configuration: inline, as a list, by name; and rejected values with their position."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from monitor.config.budget_policy import shipped_budget_policy
from sla.budget_policy import FallbackAnswer
from tests.monitor.config.kinds import load_text, problems_of, with_check

STEP = "{spent: 80%, consequence: fixes only, owner: Ana}"


def with_keys(*lines: str) -> str:
    return with_check('tcp: "h:1", interval: 9s') + "".join(f"    {line}\n" for line in lines)


def test_shipped_policy_holds_releases_if_the_budget_is_exhausted() -> None:
    policy = shipped_budget_policy().plain()
    assert [(step.threshold, step.holds) for step in policy.steps] == [(Fraction(1, 2), False), (Fraction(1), True)]
    assert (policy.fallback, policy.min_coverage) == (FallbackAnswer.UNKNOWN, Fraction(9, 10))


@pytest.mark.parametrize(
    "text",
    [
        f"budget_policy: [{STEP}]",
        f"budget_policy: {{steps: [{STEP}]}}",
        f"budget_policy: [{STEP.replace('spent: 80%', 'left: 20 %')}]",
    ],
)
def test_policy_is_a_list_of_steps_or_a_block(tmp_path: Path, text: str) -> None:
    portfolio = load_text(tmp_path, with_keys(text))
    (step,) = portfolio.policy_of(portfolio.products[0]).steps
    assert (step.threshold, step.holds, step.owner) == (Fraction(4, 5), True, "Ana")


def test_product_without_a_policy_uses_the_portfolios_policy(tmp_path: Path) -> None:
    portfolio = load_text(tmp_path, f"budget_policy: [{STEP}]\n" + with_keys("stage: pilot"))
    assert portfolio.policy_of(portfolio.products[0]).steps[0].threshold == Fraction(4, 5)
    pilot = load_text(tmp_path, with_keys("stage: pilot"))
    assert pilot.policy_of(pilot.products[0]).id == "budget"


def test_policy_may_be_a_file_in_the_policies_folder(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "ours.yaml").write_text(f"id: ours\ntitle: Ours\nsource: us\nsteps: [{STEP}]\nunknown: estimate\n")
    portfolio = load_text(tmp_path, with_keys("budget_policy: ours"))
    policy = portfolio.policy_of(portfolio.products[0])
    assert (policy.id, policy.fallback) == ("ours", FallbackAnswer.ESTIMATE)
    (folder / "ours.yaml").write_text(f"id: ours\nsteps: [{STEP.replace('80%', '80')}]\n")
    (only,) = problems_of(tmp_path, with_keys("budget_policy: ours"))
    assert only.startswith("c.yaml:6:20: products.p.budget_policy: invalid budget policy: ")
    assert "policies/ours.yaml:2:17: steps[0].spent: not a share; use a percentage such as 80%" in only


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget_policy: nowhere", 'there is no policy "nowhere"; use budget, or put nowhere.yaml into policies/'),
        ("budget_policy: 3", "not a budget policy; specify its steps, or the name of a file in policies/"),
        ("budget_policy: []", "is empty; add at least one step"),
        ("budget_policy: [{consequence: c, owner: o}]", "specify the threshold once: spent: 80%, or left: 20%"),
        ("budget_policy: [{spent: 1%, left: 9%, consequence: c, owner: o}]", "specify the threshold once"),
        ("budget_policy: [{spent: 0%, consequence: c, owner: o}]", "applies before any budget is spent"),
        ("budget_policy: [{left: 100%, consequence: c, owner: o}]", "applies before any budget is spent"),
        ("budget_policy: [{spent: 0.8, consequence: c, owner: o}]", "not a share; use a percentage such as 80%"),
        ("budget_policy: [{spent: 80%, owner: o}]", "consequence"),
        ("budget_policy: [{spent: 80%, consequence: c}]", "owner"),
        (f"budget_policy: [{STEP}, {STEP.replace('spent: 80%', 'left: 20%')}]", "two steps have the same threshold"),
        (f"budget_policy: {{steps: [{STEP}], coverage: 120%}}", "is more than 100%"),
        (f"budget_policy: {{steps: [{STEP}], unknown: maybe}}", "unknown"),
    ],
)
def test_mistake_is_reported_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    lines = problems_of(tmp_path, with_keys(text))
    assert len(lines) == 1, lines
    assert lines[0].startswith("c.yaml:6:")
    assert message in lines[0]
