"""`ninewatch plan`: its output for the shipped plans and for the example in docs/plans.md."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli import COMMANDS
from monitor.commands.plan import plan_command
from monitor.config.plan_file import load_plan
from monitor.config.readiness import load_checklist
from monitor.errors import NinewatchError
from monitor.package_files import shipped_path
from monitor.planning.plan_text import duration_text, percent
from sla.feasibility import expected_unavailability, find_ceiling
from sla.interval import DAY, HOUR, MINUTE, SECOND

PLANS = shipped_path("config", "plans")
SHIPPED = sorted(path.stem for path in PLANS.glob("*.yaml"))
CHECKLIST = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
FEW = ("--years", "500")


def text(*arguments: str | Path) -> str:
    result = CliRunner().invoke(plan_command, [*map(str, arguments)])
    assert result.exception is None, result.exception
    return result.output


def plan_output(name: str, *options: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(text(PLANS / f"{name}.yaml", "--json", *options))
    return answer


def test_three_plans_are_shipped() -> None:
    assert SHIPPED == ["chefs-silver", "five-nines-bundle", "keycloak-gold"]
    assert "plan" in COMMANDS


@pytest.mark.parametrize("name", SHIPPED)
def test_json_has_the_documented_fields(name: str) -> None:
    answer = plan_output(name, *FEW)
    assert list(answer) == ["predicted", "years", "chance", "contributors", "next_steps"]
    assert list(answer["predicted"]) == ["availability", "nines", "ceiling", "ceiling_reasons"]
    assert list(answer["years"]) == ["median", "p05", "p95"]
    assert list(answer["chance"]) == ["99", "99.5", "99.9", "99.95", "99.99", "99.995", "99.999"]
    assert answer["contributors"]
    for contributor in answer["contributors"]:
        assert list(contributor) == ["id", "downtime_seconds_per_year", "share"]
    assert sum(contributor["share"] for contributor in answer["contributors"]) == pytest.approx(1)
    lost = sum(contributor["downtime_seconds_per_year"] for contributor in answer["contributors"])
    assert lost == pytest.approx((1 - answer["predicted"]["availability"]) * 365 * 86_400)
    assert answer["years"]["p05"] <= answer["years"]["median"] <= answer["years"]["p95"]
    chances = list(answer["chance"].values())
    assert chances == sorted(chances, reverse=True)


@pytest.mark.parametrize("name", SHIPPED)
def test_output_depends_on_the_seed(name: str) -> None:
    first = plan_output(name, *FEW, "--seed", "3")
    assert plan_output(name, *FEW, "--seed", "3") == first
    other = plan_output(name, *FEW, "--seed", "4")
    assert other["years"] != first["years"]
    assert {key: other[key] for key in ("predicted", "contributors", "next_steps")} == {
        key: first[key] for key in ("predicted", "contributors", "next_steps")
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_text_is_short_sentences_without_internal_terms(name: str) -> None:
    output = text(PLANS / f"{name}.yaml", *FEW)
    for heading in (
        "Expected availability",
        "Single years differ from the average",
        "Downtime by cause",
        "Assumptions",
    ):
        assert heading in output
    for technical_term in ("MTTF", "Monte Carlo", "quantile", "p05", "Bernoulli", "None", "  ->", "e-0"):
        assert technical_term not in output
    assert max(map(len, output.splitlines())) <= 110


def test_chefs_on_silver_misses_its_target() -> None:
    answer = plan_output("chefs-silver", *FEW)
    assert answer["predicted"]["ceiling"] == 0.995
    reasons = " ".join(answer["predicted"]["ceiling_reasons"])
    assert "at most 99.5%: the Silver tier" in reasons
    assert "Without disaster recovery you might still get 99.95% uptime" in reasons
    assert answer["predicted"]["availability"] < 0.995
    assert answer["chance"]["99.95"] == 0
    assert answer["next_steps"][0]["cost_per_hour_saved"] <= answer["next_steps"][1]["cost_per_hour_saved"]


def test_keycloak_on_gold_reaches_the_realistic_target_only() -> None:
    """ "the realistic SLA target is 99.5%" (sso-docs, docs/uptime.md), with 99.95 % as the target."""
    answer = plan_output("keycloak-gold", *FEW)
    assert 0.995 < answer["predicted"]["availability"] < 0.9995
    assert answer["predicted"]["ceiling"] == 0.9995


def test_bundle_reaches_five_nines_without_a_limit() -> None:
    answer = plan_output("five-nines-bundle", *FEW)
    assert answer["predicted"]["availability"] > 0.99999
    assert (answer["predicted"]["ceiling"], answer["predicted"]["ceiling_reasons"]) == (None, [])


def test_bundle_on_the_published_data_centres_misses_five_nines(tmp_path: Path) -> None:
    text = (PLANS / "five-nines-bundle.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "plan.yaml"
    changed.write_text(re.sub(r"(data centre, availability: )99\.9%", r"\g<1>99.5%", text), encoding="utf-8")
    plan = load_plan(changed, CHECKLIST)
    assert {round(site.failures.down, 6) for site in plan.design.sites} == {0.005}
    assert expected_unavailability(plan.design) > 1e-5


def test_met_prerequisite_removes_its_limit() -> None:
    """If the full checklist were met, only the tier's limit would remain for CHEFS."""
    plan = load_plan(PLANS / "five-nines-bundle.yaml", CHECKLIST)
    assert find_ceiling(plan.design, CHECKLIST, plan.met[:-1]).maximum == Fraction("0.99995")


def test_example_in_the_document_prints_the_shown_output(tmp_path: Path) -> None:
    document = (Path(__file__).parents[3] / "docs" / "plans.md").read_text(encoding="utf-8")
    plan, printed = (re.search(rf"```{kind}\n(.*?)```", document, re.DOTALL) for kind in ("yaml", "text"))
    assert plan is not None
    assert printed is not None
    (tmp_path / "plan.yaml").write_text(plan[1], encoding="utf-8")
    assert text(tmp_path / "plan.yaml") == printed[1]


def test_mistake_gives_one_line_with_its_position(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("title: t\nparts: [{id: a, availability: 0.999}]\n", encoding="utf-8")
    with pytest.raises(NinewatchError, match=r'plan.yaml:2:31: parts.a.availability: .* use "99.9%"'):
        CliRunner().invoke(plan_command, [str(tmp_path / "plan.yaml")], catch_exceptions=False)


@pytest.mark.parametrize(
    ("microseconds", "expected"),
    [
        (315_360 * SECOND, "3 days 16 hours"),
        (4 * HOUR + 22 * MINUTE + 48 * SECOND, "4 hours 23 minutes"),
        (59 * MINUTE + 59.9 * SECOND, "1 hour"),
        (23 * HOUR + 59.8 * MINUTE, "1 day"),
        (DAY, "1 day"),
        (61 * SECOND, "1 minute 1 second"),
        (59.7 * SECOND, "1 minute"),
        (9.999 * SECOND, "10 seconds"),
        (1.5 * SECOND, "1.5 seconds"),
        (1 * SECOND, "1 second"),
        (1, "less than 0.01 seconds"),
        (0, "no time"),
    ],
)
def test_durations_are_printed_in_words(microseconds: float, expected: str) -> None:
    assert duration_text(microseconds) == expected


@pytest.mark.parametrize(
    ("ratio", "expected_text"),
    [("0.98904", "98.90%"), ("0.999937", "99.9937%"), ("0.9999999", "99.9999900%"), ("0.5", "50.00%")],
)
def test_percentages_are_rounded_down_with_two_digits_after_the_nines(ratio: str, expected_text: str) -> None:
    assert percent(Fraction(ratio)) == expected_text


def test_minimal_plan_shows_its_omissions_and_assumptions(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("title: t\nparts: [{id: a, name: the box, availability: 99.99%}]\n", "utf-8")
    output = text(tmp_path / "plan.yaml", *FEW)
    assert "No single change improves the design noticeably." in output
    assert "No mttr in the plan, so 1 hour is assumed: the box." in output
    assert "The plan lists no data centre, so their outages are not included." in output


def test_change_that_raises_the_ceiling_is_reported(tmp_path: Path) -> None:
    meets = "[decoupled, ha-database, zero-downtime-deployment, small-changes, stateless, preserves-transactions]"
    (tmp_path / "plan.yaml").write_text(
        "title: t\nparts: [{id: a, availability: 99.99%, mttr: 1h}]\n"
        "sites: [{id: x, availability: 99.5%, mttr: 4h}, {id: y, availability: 99.5%, mttr: 4h}]\n"
        f"failover: {{kind: warm, rto: 15m, success: 90%}}\nmeets: {meets}\n",
        "utf-8",
    )
    assert "99.95% at most" in text(tmp_path / "plan.yaml", *FEW)
    content = (tmp_path / "plan.yaml").read_text("utf-8").replace(meets, meets.replace("]", ", disaster-recovery]"))
    (tmp_path / "plan.yaml").write_text(content, "utf-8")
    assert "No rule limits what may be promised" in text(tmp_path / "plan.yaml", *FEW)
    alone = content.replace("{kind: warm, rto: 15m, success: 90%}", "{kind: none}")
    alone = alone.replace(", preserves-transactions, disaster-recovery", "")
    (tmp_path / "plan.yaml").write_text(alone, "utf-8")
    assert "The rules then limit the promise to 99.995%." in " ".join(text(tmp_path / "plan.yaml", *FEW).split())
