"""Readiness blocks: the checklist, the attestations, and their expiry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.config.readiness import load_checklist
from monitor.package_files import shipped_path
from sla.interval import DAY
from tests.monitor.config.kinds import load_text, problems_of, with_check

if TYPE_CHECKING:
    from monitor.config.model import Product

FIRST_OF_MARCH = 20_513 * DAY  # 2026-03-01T00:00Z


def load_product(folder: Path, block: str) -> Product:
    return load_text(folder, with_check('tcp: "h:1"') + f"    readiness: {block}\n").products[0]


def problems_with(folder: Path, block: str) -> list[str]:
    return problems_of(folder, with_check('tcp: "h:1"') + f"    readiness: {block}\n")


def test_product_without_readiness_block_has_no_ceiling(tmp_path: Path) -> None:
    assert load_text(tmp_path, with_check('tcp: "h:1"')).products[0].readiness_at(0) is None


def test_item_without_attestation_is_unmet(tmp_path: Path) -> None:
    checklist = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
    readiness = load_product(tmp_path, "{checklist: five-nines}").readiness_at(0)
    assert readiness is not None
    assert readiness.unmet == checklist.items
    assert readiness.ceiling == min(item.cap for item in checklist.items)


@pytest.mark.parametrize("until", ["2026-03-01", '"2026-03-01"'])
def test_attestation_is_valid_until_its_day(until: str, tmp_path: Path) -> None:
    block = f"{{checklist: five-nines, attested: [{{item: ha-database, by: Ana, until: {until}}}]}}"
    product_with_attestation = load_product(tmp_path, block)

    def unmet(at: int) -> set[str]:
        readiness = product_with_attestation.readiness_at(at)
        assert readiness is not None
        return {item.id for item in readiness.unmet}

    assert "ha-database" not in unmet(FIRST_OF_MARCH - 1)
    assert "ha-database" in unmet(FIRST_OF_MARCH)


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ("{checklist: nine-fives}", '6:28: products.p.readiness.checklist: there is no checklist "nine-fives"; use'),
        ("{checklist: ../x}", "6:28: products.p.readiness.checklist: not the name of a checklist; use five-nines"),
        ("{attested: []}", "6:16: products.p.readiness.checklist: is missing; add it"),
        (
            "{checklist: five-nines, attested: [{item: ha-databse, by: A, until: 2026-03-01}]}",
            "6:58: products.p.readiness.attested[0].item: is not an item of the checklist; its items are decoupled,",
        ),
        (
            "{checklist: five-nines, attested: [{item: ha-database, by: A, until: soon}]}",
            "6:85: products.p.readiness.attested[0].until: not a date; use the format 2027-03-01",
        ),
        (
            "{checklist: five-nines, attested: [{item: ha-database, by: A, until: 2026-03-01T00:00:00Z}]}",
            "6:85: products.p.readiness.attested[0].until: ",
        ),
        ("{checklist: []}", "6:28: products.p.readiness.checklist: is empty; use five-nines, or several names"),
        (
            "{checklist: five-nines, evidence: [{item: decoupled, checks: [p/c]}]}",
            "6:58: products.p.readiness.evidence[0].item: accepts no evidence of the kind checks; it",
        ),
        (
            "{checklist: five-nines, evidence: [{item: ha-database, checks: [p/none]}]}",
            '6:80: products.p.readiness.evidence[0].checks[0]: there is no check "p/none"; use product/check',
        ),
    ],
)
def test_mistake_is_reported_with_its_position(block: str, line: str, tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, block)
    assert problem.startswith(f"c.yaml:{line}")


def test_own_checklist_is_next_to_the_config_file(tmp_path: Path) -> None:
    (tmp_path / "checklists").mkdir()
    text = "id: ours\ntitle: Ours\nsource: us\nitems:\n  - {id: a, title: A, text: a, source: us, cap: 99.9%}\n"
    (tmp_path / "checklists" / "ours.yaml").write_text(text)
    readiness = load_product(tmp_path, "{checklist: ours}").readiness_at(0)
    assert readiness is not None
    assert [item.id for item in readiness.unmet] == ["a"]
    (tmp_path / "checklists" / "ours.yaml").write_text(text.replace("99.9%", "100%"))
    (line,) = problems_with(tmp_path, "{checklist: ours}")
    assert f"invalid checklist: {tmp_path}/checklists/ours.yaml:5:49: items.a.cap: 100%" in line


def test_several_checklists_are_one_list(tmp_path: Path) -> None:
    block = load_product(tmp_path, "{checklist: [five-nines, openshift-gold]}").readiness
    assert block is not None
    assert block.checklist.find("decoupled") is not None
    assert block.checklist.find("replicas") is not None
    assert block.model_dump(mode="json")["checklist"] == ["five-nines", "openshift-gold"]


@pytest.mark.parametrize("name", ["five-nines", "dr-tiers", "openshift-gold", "ninewatch"])
def test_shipped_checklist_explains_each_item(name: str) -> None:
    """Each item has a question, a reason, a source, and the cause that a limit names; measured kinds expire."""
    checklist = load_checklist(shipped_path("config", "checklists", f"{name}.yaml"))
    for item in checklist.items:
        assert all((item.question.endswith("?"), item.text, item.source, item.because)), item.id
        assert item.validity, item.id


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dr-tiers", {"restore-tested", "second-site", "failover-measured", "transactions-preserved"}),
        ("openshift-gold", {"replicas", "pod-disruption-budget", "anti-affinity", "probes", "quotas", "gold-dr"}),
    ],
)
def test_shipped_checklist_has_its_tiers_and_guidelines(name: str, expected: set[str]) -> None:
    checklist = load_checklist(shipped_path("config", "checklists", f"{name}.yaml"))
    assert expected <= {item.id for item in checklist.items}
    caps = [item.cap for item in checklist.items]
    assert name != "dr-tiers" or caps == sorted(caps), "each tier permits a higher claim than the one before"


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("{id: a, title: A, source: us, cap: 99%}", "items.a.reason: is missing; specify it once"),
        ("{id: a, title: A, source: us, reason: r, text: t, cap: 99%}", "items.a.reason: is given twice, also as text"),
        ("{id: a, title: A, source: us, reason: r}", "items.a.caps: is missing; specify it once"),
        ("{id: a, title: A, source: us, reason: r, caps: 99%, evidence: [hope]}", "items.a.evidence[0]: "),
        ("{id: a, title: A, source: us, reason: r, caps: 99%, validity: soon}", "items.a.validity: "),
    ],
)
def test_mistake_in_a_checklist_is_reported(item: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(f"id: ours\ntitle: Ours\nsource: us\nitems:\n  - {item}\n")
    with pytest.raises(ValueError, match="invalid checklist: ") as error:
        load_checklist(path)
    assert problem in str(error.value)
