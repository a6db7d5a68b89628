"""Plan files: the accepted keys, and every mistake with its position and the allowed values."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from monitor.config.errors import ConfigError
from monitor.config.plan_file import Plan, load_plan
from monitor.config.readiness import load_checklist
from monitor.package_files import shipped_path
from sla.feasibility import (
    AtLeast,
    Coupling,
    Design,
    Planned,
    Repairable,
    Standby,
    Structure,
    expected_unavailability,
    parallel,
    series,
)
from sla.interval import DAY, HOUR, MINUTE
from tests.sla.feasibility.enumeration import designs, enumerated_unavailability, part_and_site_ids

if TYPE_CHECKING:
    from pathlib import Path

CHECKLIST = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
APP = "title: t\nparts:\n  - {id: app, availability: 99.9%, mttr: 1h}\n"  # lines 1 to 3


def load_text(folder: Path, text: str) -> Plan:
    path = folder / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path, CHECKLIST)


def problems_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text)
    return [str(problem).removeprefix(f"{folder}/plan.yaml:") for problem in caught.value.problems]


def test_former_key_is_read_with_a_warning_that_names_the_new_key(tmp_path: Path) -> None:
    sites = f"{APP}sites: [{{id: a, availability: 99%}}, {{id: b, availability: 99%}}]\n"
    former = load_text(tmp_path, f"{sites}fail_over: {{kind: hot, success: 90%}}\n")
    current = load_text(tmp_path, f"{sites}failover: {{kind: hot, success: 90%}}\n")
    assert former.design == current.design
    assert [str(warning).removeprefix(f"{tmp_path}/plan.yaml:") for warning in former.warnings] == [
        "5:1: fail_over: was renamed to failover; rename the key"
    ]
    assert current.warnings == ()


def test_part_has_an_availability_or_mtbf_and_mttr(tmp_path: Path) -> None:
    plan = load_text(
        tmp_path,
        "title: t\nparts:\n"
        "  - {id: a, availability: 99%, mttr: 1h}\n"
        "  - {id: b, name: The B, mtbf: 2y, mttr: 30m, replicas: 3, needed: 2, needs: [a]}\n"
        "  - {id: c, availability: 99.9%, deployments: {every: 7d, downtime: 5m}}\n",
    )
    a, b, c = plan.design.parts
    assert a.failures == Repairable(99 * HOUR, HOUR)
    assert (b.name, b.failures, b.needs) == ("The B", Repairable(730 * DAY, 30 * MINUTE, 3, 2), ("a",))
    assert (a.replicable, b.replicable) == (False, True)
    assert (c.failures.mttr, c.deployments) == (HOUR, Planned(7 * DAY, 5 * MINUTE))
    assert plan.default_mttr == ("c",)


def test_all_other_keys_of_a_plan(tmp_path: Path) -> None:
    plan = load_text(
        tmp_path,
        APP + "dependencies:\n"
        "  - {id: mail, availability: 99%, coupling: retried, retry: 5m}\n"
        "  - {id: chat, availability: 99%, coupling: decoupled}\n"
        "sites: [{id: a, mtbf: 5y, mttr: 8h}, {id: b, mtbf: 5y, mttr: 8h}]\n"
        "failover: {kind: cold, rto: 4h, success: 80%, covers: [app]}\n"
        "maintenance: {every: 30d, downtime: 1h, counted: false}\n"
        "structure: {any: [app, {all: [mail, chat]}, {at_least: 1, of: [app, mail]}]}\n"
        "objective: three nines\nmeets: [stateless]\n"
        "ceilings: [{at_most: 99%, because: so it is, source: there}]\n"
        "costs: {decouple/mail: 12.5}\nassumptions: [all is well]\n",
    )
    mail, chat = plan.design.parts[1:]
    assert (mail.coupling, mail.retry_period, mail.external) == (Coupling.RETRIED, 5 * MINUTE, True)
    assert chat.coupling is Coupling.DECOUPLED
    failover = plan.design.failover
    assert failover is not None
    assert (failover.kind, failover.rto, failover.success) == (Standby.COLD, 4 * HOUR, Fraction(4, 5))
    assert plan.design.maintenance is not None
    assert not plan.design.maintenance.counted
    assert plan.design.structure == parallel("app", series("mail", "chat"), AtLeast(1, ("app", "mail")))
    assert (plan.met, plan.costs) == (("stateless",), {"decouple/mail": Fraction(25, 2)})
    assert plan.limits[0].maximum == Fraction(99, 100)


@pytest.mark.parametrize(
    ("extra_yaml", "expected_problem"),
    [
        ("  - {id: x}\n", "4:5: parts.x.availability: is missing; use availability: 99.9%, or mtbf: 90d and mttr"),
        ("  - {id: x, mtbf: 9d}\n", "4:5: parts.x.mttr: is missing; specify how long an outage lasts"),
        ("  - {id: x, mtbf: 9d, mttr: 1h, availability: 9%}\n", "4:19: parts.x.mtbf: excludes availability"),
        ("  - {id: x, mtbf: 5, mttr: 1h}\n", "4:19: parts.x.mtbf: 5 has no unit; use 5ms, 5s for seconds, 5m"),
        ("  - {id: x, mtbf: 5m, mttr: 1h}\n", "4:19: parts.x.mtbf: must be between 1h and 100y"),
        ("  - {id: x, mtbf: 500y, mttr: 1h}\n", "4:19: parts.x.mtbf: must be between 1h and 100y"),
        (
            "  - {id: x, availability: 50%, mttr: 1m}\n",
            "4:27: parts.x.availability: means more than 1 failure per hour",
        ),
        ("  - {id: x, availability: 99.9, replicas: 2, needed: 3}\n", "4:54: parts.x.needed: must be at most 2"),
        ("  - {id: x, availability: 99%, deployments: {every: 1d, downtime: 1d}}\n", "4:67: parts.x.deployments.down"),
        ("  - {id: x, availability: 99%, nedds: [app]}\n", "4:32: parts.x.nedds: unknown key; did you mean needs?"),
        ("  - {id: app, availability: 99%}\n", '4:10: parts.app.id: "app" is already the id at '),
        (
            "  - {id: maintenance, availability: 99%}\n",
            '4:10: parts.maintenance.id: "maintenance" is reserved for planned',
        ),
        ("  - {id: x, availability: 99%, needs: [ap]}\n", "4:40: parts.x.needs[0]: unknown part, dependency or si"),
        ("  - {id: x, availability: 99%, needs: [x]}\n", "4:40: parts.x.needs[0]: closes a cycle, x -> x; remove one"),
        ("dependencies: [{id: d, availability: 99%, coupling: soft}]\n", "4:53: dependencies.d.coupling: must be hard"),
        ("dependencies: [{id: d, availability: 99%, coupling: retried}]\n", "4:16: dependencies.d.retry: is missing"),
        (
            "dependencies: [{id: d, availability: 99%, coupling: hard, retry: 1m}]\n",
            "4:66: dependencies.d.retry: has no effect for coupling: hard; use coupling: retried",
        ),
        (
            "sites: [{id: s, availability: 99%}]\nfailover: {kind: hot, success: 90%}\n",
            "5:18: failover.kind: requires a second site, but the plan has 1; add one under sites",
        ),
        (
            "sites: [{id: s, availability: 99%}, {id: z, availability: 99%}]\n",
            "4:37: sites.z: has no effect without failover",
        ),
        (
            "failover: {kind: warm, success: 90%}\n",
            "4:11: failover.rto: is missing; specify how long a failover",
        ),
        ("failover: {kind: warm, rto: 1m}\n", "4:11: failover.success: is missing; specify the share"),
        ("failover: {kind: none, rto: 1m}\n", "4:29: failover.rto: has no effect for kind: none; remove it"),
        ("failover: {kind: hot, success: 120%}\n", '4:32: failover.success: "120%" is not a share; use a percentage'),
        ("failover: {kind: hot, success: 0.9}\n", "4:32: failover.success: 0.9 is not a share; use a percentage"),
        ("maintenance: {every: 400d, downtime: 1d}\n", "4:22: maintenance.every: must be at most 365d"),
        ("maintenance: {every: 10d, downtime: 2d}\n", "4:37: maintenance.downtime: must be at most a tenth of every"),
        ("structure: {all: [app, web]}\n", '4:24: structure.all[1]: unknown part or dependency "web"; known:'),
        ("structure: {most: [app]}\n", "4:12: structure: is not a structure; use an id, {all: [..]}, {any: [..]}"),
        ("structure: {any: []}\n", "4:18: structure.any: must be a list of ids or structures; use [a, b]"),
        ("structure: {at_least: 3, of: [app]}\n", "4:23: structure.at_least: must be a whole number from 1 to 1"),
        ("meets: [statless]\n", '4:9: meets[0]: unknown item of the checklist five-nines "statless"; did'),
        ("meets: [disaster-recovery]\n", "4:9: meets[0]: is not met by this design: no standby in another"),
        ("costs: {replica/app: 5}\n", '4:22: costs.replica/app: unknown change "replica/app"'),
        ("costs: {replica/app: -5}\n", "4:22: costs.replica/app: must be at least 0"),
        ("maintenance:\n", "4:13: maintenance: has no value; add one, or remove the key"),
        ("objective: 100%\n", "4:12: objective: 100% leaves no downtime at all"),
    ],
)
def test_mistake_is_reported_with_position_and_remedy(extra_yaml: str, expected_problem: str, tmp_path: Path) -> None:
    problems = problems_of(tmp_path, APP + extra_yaml)
    assert any(problem.startswith(expected_problem) for problem in problems), problems


def test_all_mistakes_are_reported_together(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path,
        "parts:\n  - {id: a, mtbf: 1d, needs: [b]}\n  - {id: A, availability: 0.999, mttr: soon}\n"
        "structure: {all: [c]}\nmeets: [nothing]\n",
    )
    assert len(problems) == 8
    for message in ("title: is missing", "mttr: is missing", '"b"', "not an id", "99.9%", "soon", '"c"', '"nothing"'):
        assert sum(message in problem for problem in problems) == 1, (message, problems)


@pytest.mark.parametrize(
    ("text", "expected_text"),
    [
        ("", "the file is empty"),
        ("- a\n", "must be a mapping"),
        ("a: [\n", "1:"),
        ("title: &x t\nparts: *x\n", "alias"),
    ],
)
def test_invalid_plan_file_gives_one_line(text: str, expected_text: str, tmp_path: Path) -> None:
    (problems,) = problems_of(tmp_path, text)
    assert expected_text in problems


def test_missing_plan_file_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: no such file"):
        load_plan(tmp_path / "none.yaml", CHECKLIST)


def _structure_yaml(structure: Structure) -> str:
    if isinstance(structure, str):
        return structure
    return f"{{at_least: {structure.k}, of: [{', '.join(map(_structure_yaml, structure.members))}]}}"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(designs(max_parts=7))
def test_availability_of_a_plan_equals_an_enumeration_of_its_parts(tmp_path: Path, design: Design) -> None:
    """Each part is down for 1 of 100 hours."""
    failure_keys = "availability: 99%, mttr: 1h"
    lines = ["title: t", f"parts: [{{id: always, {failure_keys}}}]", "dependencies:"]
    lines += [
        f"  - {{id: {p.id}, {failure_keys}, coupling: {p.coupling}, needs: [{', '.join(p.needs)}]}}"
        for p in design.parts
    ]
    if design.sites:
        lines += ["sites:", *(f"  - {{id: {s.id}, mtbf: 99h, mttr: 1h}}" for s in design.sites)]
    lines += ["failover: {kind: none}"] if len(design.sites) > 1 else []
    lines += [] if design.structure is None else [f"structure: {_structure_yaml(design.structure)}"]
    expected = enumerated_unavailability(design, dict.fromkeys(part_and_site_ids(design), Fraction(1, 100)))
    down = expected_unavailability(load_text(tmp_path, "\n".join(lines)).design)
    assert 1 - down == pytest.approx(float((1 - expected) * Fraction(99, 100)))


def test_dependency_of_one_any_branch_does_not_affect_the_other_branch(tmp_path: Path) -> None:
    """Each part is down for 1 of 100 hours.

    The branches are `a` with its database, `b`, and mail with its name service.
    """
    text = (
        "title: t\nparts:\n"
        "  - {id: a, availability: 99%, mttr: 1h, needs: [db]}\n"
        "  - {id: b, availability: 99%, mttr: 1h}\n"
        "  - {id: db, availability: 99%, mttr: 1h}\n"
        "dependencies:\n"
        "  - {id: mail, availability: 99%, mttr: 1h, coupling: hard, needs: [names]}\n"
        "  - {id: names, availability: 99%, mttr: 1h, coupling: hard}\n"
    )
    two_branches = load_text(tmp_path, text + "structure: {any: [a, b]}\n").design
    assert expected_unavailability(two_branches) == pytest.approx(1 - (1 - (1 - 0.99**2) * 0.01) * 0.99**2)
    three_branches = load_text(tmp_path, text + "structure: {any: [a, {all: [b, mail]}]}\n").design
    assert expected_unavailability(three_branches) == pytest.approx((1 - 0.99**2) * (1 - 0.99**3))
