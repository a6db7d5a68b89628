"""`ninewatch attest`, `readiness` and `deploy mark`: the state of a checklist from the record, at any instant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.clock import SystemClock
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from sla.evidence import attestation_fact
from sla.interval import DAY, HOUR
from sla.window import format_instant
from tests.monitor.commands.test_cli import run_in_process, write_config

if TYPE_CHECKING:
    from pathlib import Path

CHECKLIST = """\
id: ours
title: Ours
source: us
items:
  - {id: dr, title: Disaster recovery, question: Is there a second site?, reason: sites fail, source: us, caps: 98%,
     because: there is no disaster recovery, evidence: [attestation, drill], validity: 30d}
  - {id: deploys, title: Deployments without downtime, reason: r, source: us, caps: 99.5%, evidence: [deployments]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A product with a checklist of two items, and an empty record."""
    SqliteStore(tmp_path / "n.db", 0).close()
    (tmp_path / "checklists").mkdir()
    (tmp_path / "checklists" / "ours.yaml").write_text(CHECKLIST)
    path = write_config(tmp_path, "http://127.0.0.1:1/")
    path.write_text(path.read_text().replace("{id: demo,", "{id: demo, readiness: {checklist: ours},"))
    return path


def readiness_json(config: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the object of `readiness demo --json`."""
    result = run_in_process("readiness", "demo", "--json", *options, "-c", config)
    return result.exit_code, json.loads(result.stdout)


def states(actual: dict[str, Any]) -> list[str]:
    return [item["state"] for item in actual["items"]]


def test_attestation_raises_the_ceiling_and_its_revocation_lowers_it(config: Path) -> None:
    status, before = readiness_json(config)
    assert (status, before["product"], before["objective"], before["ceiling"]) == (1, "demo", 0.99, 0.98)
    assert before["items"][0] == {"id": "dr", "state": "unmet", "cap": 0.98, "evidence": []}
    result = run_in_process("attest", "demo", "dr", "--by", "Ana", "--note", "drill of May", "-c", config)
    assert (result.exit_code, result.stdout.split()[0]) == (0, "attestation")
    status, after = readiness_json(config)
    assert (status, after["ceiling"], states(after)) == (0, 0.995, ["met", "unmet"])
    (evidence,) = after["items"][0]["evidence"]
    assert sorted(evidence) == ["by", "detail", "kind", "on", "until"]
    assert (evidence["kind"], evidence["by"], evidence["detail"]) == ("attestation", "Ana", "drill of May")
    name = result.stdout.split()[1].rstrip(":")
    revoked = run_in_process("attest", "--revoke", name, "--by", "Bo", "--reason", "another product's", "-c", config)
    assert revoked.stdout == f"revoked {name}\n"
    assert states(readiness_json(config)[1]) == ["unmet", "unmet"]
    stdout = run_in_process("history", "demo", "-c", config).stdout
    assert "dr attested until " in stdout
    assert f"evidence {name} revoked: another product's (Bo)" in stdout


def test_reason_without_a_revocation_is_rejected(config: Path) -> None:
    """The reason would be lost: an attestation has a note instead."""
    result = run_in_process("attest", "demo", "dr", "--by", "Ana", "--reason", "drill of May", "-c", config)
    assert "--reason is the reason of a revocation; use --note" in str(result.exception)
    assert states(readiness_json(config)[1])[0] == "unmet"


def test_state_of_a_past_instant_uses_the_evidence_of_that_time(config: Path) -> None:
    """An attestation of 40 days ago is valid for the 30 days that the item allows, whatever its own end."""
    now = SystemClock().now()
    fact = attestation_fact(now - 40 * DAY, "Ana", "demo", "dr", now + 400 * DAY, "drill")
    Journal.of(config.parent / "n.db").add(fact)

    def at(instant: int) -> list[str]:
        return states(readiness_json(config, "--at", format_instant(instant))[1])

    assert at(now - 40 * DAY - HOUR)[0] == "unmet"
    assert at(now - 40 * DAY + HOUR)[0] == "met"
    assert at(now - 10 * DAY - HOUR)[0] == "met"
    assert at(now - 10 * DAY + HOUR)[0] == "expired"
    assert states(readiness_json(config)[1])[0] == "expired"


def test_text_shows_the_limit_its_cause_and_the_remedy(config: Path) -> None:
    result = run_in_process("readiness", "-c", config)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == ("demo: objective 99%; this design can claim 98% at most, because there is no disaster recovery")
    assert lines[1] == "  unmet    dr: Disaster recovery (cap 98%)"
    assert lines[-1] == '  With evidence for "Disaster recovery", the ceiling would be 99.5%'


def test_marked_deployments_are_listed_and_undecided_without_observations(config: Path) -> None:
    assert run_in_process("deploy", "list", "demo", "-c", config).stdout == "no deployments of demo\n"
    early = format_instant(SystemClock().now() - DAY)
    result = run_in_process("deploy", "mark", "demo", "--version", "1.2", "--at", early, "--by", "ci", "-c", config)
    assert result.stdout.startswith("deployment ")
    assert run_in_process("deploy", "list", "demo", "-c", config).stdout.endswith(" 1.2 (ci)\n")
    item = readiness_json(config)[1]["items"][1]
    assert (item["state"], item["evidence"][0]["kind"]) == ("unmet", "deployments")
    assert item["evidence"][0]["detail"].startswith("0 of the last 5 deployments without downtime; 1.2 on ")
    name = result.stdout.split()[1].rstrip(":")
    run_in_process("attest", "--revoke", name, "--by", "Bo", "--reason", "rolled back", "-c", config)
    assert readiness_json(config)[1]["items"][1]["evidence"] == []
    assert "1.2 deployed at " in run_in_process("history", "demo", "-c", config).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("attest", "demo", "--by", "A"), "PRODUCT or ITEM is missing; use PRODUCT ITEM, or --revoke ID"),
        (("attest", "demos", "dr", "--by", "A"), 'unknown product "demos"; known products: demo'),
        (("attest", "demo", "drs", "--by", "A"), 'the checklist ours has no item "drs"; its items are dr, deploys'),
        (("attest", "demo", "deploys", "--by", "A"), "deploys accepts no attestation; it accepts deployments"),
        (("attest", "demo", "dr", "--by", " "), "--by is empty"),
        (
            ("attest", "demo", "dr", "--by", "A", "--until", "2020-01-01T00:00"),
            "the end of the attestation is in the past",
        ),
        (
            ("attest", "demo", "dr", "--by", "A", "--for", "1h", "--until", "2020-01-01"),
            "specify the duration: --for 2h, or --until TIME",
        ),
        (("attest", "--revoke", "x", "--by", "A", "--reason", "r"), 'no evidence has the id "x"'),
        (("attest", "--revoke", "x", "--by", "A"), "--reason is empty"),
        (("attest", "demo", "--revoke", "x", "--by", "A"), "--revoke ID can only be used with --by"),
        (("readiness", "demos"), 'unknown product "demos"'),
        (("readiness", "demo", "--at", "soon"), '--at: "soon" is not an instant'),
        (("readiness", "demo", "--at", "2990-01-01T00:00Z"), "is in the future or before 1970"),
        (("deploy", "mark", "demos", "--version", "1"), 'unknown product "demos"'),
        (("deploy", "mark", "demo", "--version", " "), "--version is empty"),
        (("deploy", "mark", "demo", "--version", "1", "--at", "soon"), '--at: "soon" is not an instant'),
        (("deploy", "mark", "demo", "--version", "1", "--at", "2990-01-01T00:00Z"), "mark a deployment when it begins"),
    ],
)
def test_mistake_gives_one_clear_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run_in_process(*arguments, "-c", config)
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_evidence_is_revoked_once(config: Path) -> None:
    name = run_in_process("attest", "demo", "dr", "--by", "A", "-c", config).stdout.split()[1].rstrip(":")
    revoke = ("attest", "--revoke", name, "--by", "B", "--reason", "wrong", "-c", config)
    assert run_in_process(*revoke).exit_code == 0
    assert f"{name} is already revoked: wrong" in str(run_in_process(*revoke).exception)


def test_product_without_a_checklist_and_a_missing_record_are_reported(config: Path) -> None:
    text = config.read_text()
    config.write_text(text.replace("readiness: {checklist: ours},", ""))
    message = "demo has no checklist; add `readiness: {checklist: five-nines}` to it"
    assert str(run_in_process("readiness", "demo", "-c", config).exception) == message
    config.write_text(text.replace("n.db", "none.db"))
    assert "no record at " in str(run_in_process("attest", "demo", "dr", "--by", "A", "-c", config).exception)
