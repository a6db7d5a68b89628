"""`ninewatch drill` without a daemon: statements, their mistakes, and the report in every format."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pypdf
import pytest

from monitor.bundle.archive import pack, read_archive
from monitor.bundle.manifest import with_manifest
from monitor.clock import SystemClock
from monitor.reporting.drill_report import MARGIN
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import SECOND
from sla.observation import Outcome, Run
from sla.window import parse_instant
from tests.monitor.commands.test_cli import run_in_process, write_config

if TYPE_CHECKING:
    from pathlib import Path

BY = ("--by", "Ana Ng")
START = ("drill", "start", "demo", "--kind", "failover", *BY)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a record in which the product was up until a minute ago, and is up again since 30 s."""
    now = SystemClock().now()
    store = SqliteStore(tmp_path / "n.db", now)
    runs = []
    for check in ("demo/health", "demo/other"):
        for outcome, first, last in ((Outcome.GOOD, 600, 61), (Outcome.BAD, 60, 31), (Outcome.GOOD, 30, 0)):
            reason = "http_status" if outcome is Outcome.BAD else ""
            at = now - first * SECOND, now - last * SECOND
            runs.append(Run(check, outcome, reason, *at, first - last + 1, 10 * SECOND))
    store.write(Batch(runs=runs))
    store.close()
    return write_config(tmp_path, "http://127.0.0.1:1/health")


def start_drill(config: Path, *options: str) -> str:
    result = run_in_process(*START, *options, "-c", config)
    assert result.exit_code == 0, result.exception
    return result.stdout.split()[1].rstrip(":")


def test_drill_with_all_statements_is_shown_as_of_any_instant(config: Path) -> None:
    name = start_drill(config, "--rto", "15m", "--rpo", "0s", "--scenario", "Gold is lost", "--participant", "Bo")
    before = json.loads(run_in_process("drill", "show", "demo", "--json", "-c", config).stdout)
    assert (before["id"], before["ended"], before["rto_seconds"], before["rpo_seconds"]) == (name, None, 900.0, 0.0)
    ended = run_in_process("drill", "end", name, "--rpa", "2s", "--measured-by", "ledger", *BY, "-c", config)
    assert ended.exit_code == 0
    finding = run_in_process(
        "drill", "finding", name, "step 4 is wrong", "--owner", "Cy", "--due", "2020-01-31", *BY, "-c", config
    ).stdout.split()[1]
    stdout = run_in_process("drill", "show", name, "-c", config).stdout
    assert "recovery point 2s; RPO 0s" in stdout
    assert "not met: 2 s of data were lost; the RPO is 0 s" in stdout
    assert "step 4 is wrong (Cy, due 2020-01-31, overdue)" in stdout
    assert run_in_process("drill", "close", name, finding, "--reason", "fixed", *BY, "-c", config).exit_code == 0
    assert run_in_process("drill", "sign-off", name, "--note", "accepted", *BY, "-c", config).exit_code == 0
    assert run_in_process("drill", "recovery-point", name, "3s", "--measured-by", "x", *BY, "-c", config).exit_code == 0
    after = json.loads(run_in_process("drill", "show", name, "--json", "-c", config).stdout)
    assert (after["met"], after["rpa_seconds"], after["findings"][0]["overdue"]) == (False, 3.0, False)
    assert after["sign_offs"][0]["note"] == "accepted"
    as_of = json.loads(run_in_process("drill", "show", name, "--json", "--at", before["at"], "-c", config).stdout)
    assert as_of == before
    assert run_in_process("drill", "list", "demo", "-c", config).stdout.startswith(name)
    output = run_in_process("history", "demo", "-c", config).stdout
    assert "drill" in output


def test_tabletop_exercise_measures_nothing(config: Path) -> None:
    made_ = run_in_process("drill", "start", "demo", "--kind", "tabletop", *BY, "-c", config)
    assert "probes" not in made_.stdout
    stdout = run_in_process("drill", "show", "demo", "-c", config).stdout
    assert "recovery time  n/a; RTO not stated" in stdout
    assert "proves no RTO" in stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("start", "demos", "--kind", "deploy", *BY), 'unknown product "demos"'),
        (("start", "demo", "--kind", "deploy", "--rto", "soon", *BY), '--rto: "soon" is not a duration'),
        (("start", "demo", "--kind", "deploy", "--by", " "), "--by is empty"),
        (("start", "demo", "--kind", "deploy", *BY), "is in progress; end it"),
        (("end", "nope", *BY), 'unknown drill "nope"'),
        (("end", "demo", "--rpa", "0s", *BY), "--rpa and --measured-by belong together"),
        (("show", "demo", "--at", "noon"), '--at: "noon" is not an instant'),
        (("show", "demo", "--at", "2999-01-01T00:00:00Z"), "is in the future"),
        (("list", "--at", "2999-01-01T00:00:00Z"), "is in the future"),
        (("report", "demo", "--at", "2999-01-01T00:00:00Z"), "is in the future"),
        (("list", "demos"), 'unknown product "demos"'),
        (("finding", "demo", "x", "--owner", "Cy", "--due", "soon", *BY), '--due: "soon" is not a date'),
        (("finding", "demo", "x", "--owner", "Cy", "--due", "2027-W05-1", *BY), '--due: "2027-W05-1" is not a date'),
        (("close", "demo", "nope", "--reason", "x", *BY), 'has no finding "nope"'),
        (("sign-off", "demo", "--note", "x", *BY), "is in progress; end it"),
        (("report", "demo", "-o", "x.doc"), "unknown file name extension"),
    ],
)
def test_mistake_gives_one_clear_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    start_drill(config)
    result = run_in_process("drill", *arguments, "-c", config)
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_drill_cannot_be_ended_and_finding_cannot_be_closed_twice(config: Path) -> None:
    name = start_drill(config)
    finding = run_in_process("drill", "finding", name, "x", "--owner", "Cy", "--due", "2030-01-31", *BY, "-c", config)
    close = ("drill", "close", name, finding.stdout.split()[1], "--reason", "fixed", *BY, "-c", config)
    assert run_in_process(*close).exit_code == 0
    assert "is closed already" in str(run_in_process(*close).exception)
    assert run_in_process("drill", "end", "demo", "--reason", "too late", *BY, "-c", config).exit_code == 0
    assert "has ended already, stated by Ana Ng" in str(
        run_in_process("drill", "end", name, *BY, "-c", config).exception
    )
    assert "ended by" not in run_in_process("drill", "list", "-c", config).stdout


def test_drill_is_rejected_if_the_budget_is_spent(config: Path) -> None:
    """30 s of downtime in 10 known minutes: the record is short, but the 30-day budget of 99.999 % is 25.92 s."""
    config.write_text(config.read_text().replace("objective: 99%", "objective: 99.999%"))
    result = run_in_process(*START, "-c", config)
    assert "no drill may start: 115" in str(result.exception)
    assert "drills stop at 100.000%" in str(result.exception)
    lenient = "objective: 99.999%, drills: {stop_at_spent: 200%, rto: 15m, rpo: 0s}"
    config.write_text(config.read_text().replace("objective: 99.999%", lenient))
    name = start_drill(config)
    data = json.loads(run_in_process("drill", "show", name, "--json", "-c", config).stdout)
    assert (data["rto_seconds"], data["rpo_seconds"]) == (900.0, 0.0)


def test_report_has_the_same_figures_in_every_format(config: Path, tmp_path: Path) -> None:
    name = start_drill(config, "--scenario", "Gold <b>is</b> lost")
    end = run_in_process("drill", "end", name, "--rpa", "0s", "--measured-by", "ledger", *BY, "-c", config)
    assert end.exit_code == 0
    for form in ("html", "pdf", "json", "md", "csv"):
        result = run_in_process("drill", "report", name, "-o", tmp_path / f"d.{form}", "-c", config)
        assert result.exit_code == 0, result.exception
    data = json.loads((tmp_path / "d.json").read_text())
    assert data["rpa_seconds"] == 0.0
    ends = [state["end"] for state in data["states"]]
    assert [state["start"] for state in data["states"]][1:] == ends[:-1]
    assert parse_instant(data["states"][0]["start"]) == parse_instant(data["started"]) - MARGIN
    assert {control["standard"] for control in data["controls"]} == {"ISO 22301:2019", "SOC 2", "ITSG-33"}
    page = (tmp_path / "d.html").read_text()
    assert "Gold &lt;b&gt;is&lt;/b&gt; lost" in page
    assert "Full height, red: down." in page
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO((tmp_path / "d.pdf").read_bytes())).pages)
    for expected in ("Recovery point actual", "CP-4 A", "A1.3", "Not signed off."):
        assert expected in text
        assert expected in (tmp_path / "d.md").read_text()
    printed = run_in_process("drill", "report", name, "--format", "csv", "-c", config)
    assert printed.stdout.startswith("product,section,row")


def test_bundle_of_a_drill_recomputes_its_figures_without_the_record(config: Path, tmp_path: Path) -> None:
    name = start_drill(config, "--rto", "15m", "--rpo", "0s")
    end = run_in_process("drill", "end", name, "--rpa", "2s", "--measured-by", "ledger", *BY, "-c", config)
    assert end.exit_code == 0
    report, bundle = tmp_path / "d.json", tmp_path / "d.bundle.zip"
    written = run_in_process("drill", "report", name, "-o", report, "--bundle", "-c", config)
    assert written.exit_code == 0, written.exception
    assert f"bundle: {bundle}, SHA-256 " in written.stderr
    data = json.loads(report.read_text())
    (tmp_path / "n.db").unlink()
    verified = run_in_process("verify", bundle, "--report", report, "--json")
    assert verified.exit_code == 0, verified.output
    (compared,) = [figure for figure in json.loads(verified.stdout)["figures"] if figure["part"] == "drill"]
    assert compared["product"] == "demo"
    assert compared["values_agreeing"] > 30
    with zipfile.ZipFile(bundle) as archive:
        stated = [json.loads(line) for line in archive.read("figures.jsonl").splitlines()]
    (figure,) = [line["value"] for line in stated if line["part"] == "drill"]
    assert {key: data[key] for key in figure} == figure


def test_changed_figure_of_a_drill_differs(config: Path, tmp_path: Path) -> None:
    """The archive is written again with digests that fit, as a person does who wants another promise."""
    name = start_drill(config, "--rto", "15m")
    assert run_in_process("drill", "end", name, *BY, "-c", config).exit_code == 0
    bundle = tmp_path / "d.bundle.zip"
    run_in_process("drill", "report", name, "--bundle", bundle, "-c", config)
    files = read_archive(bundle)[0]
    manifest = json.loads(files.pop("manifest.json"))
    about = {key: value for key, value in manifest.items() if key not in ("format", "version", "files")}
    del files["manifest.sha256"]
    assert files["figures.jsonl"].count(b'"rto_seconds":900.0') == 1
    files["figures.jsonl"] = files["figures.jsonl"].replace(b'"rto_seconds":900.0', b'"rto_seconds":60.0')
    bundle.write_bytes(pack(with_manifest(about, files)))
    verified = run_in_process("verify", bundle, "--json")
    assert verified.exit_code == 1
    (compared,) = [figure for figure in json.loads(verified.stdout)["figures"] if figure["differences"]]
    assert compared["part"] == "drill"
    assert compared["differences"] == [{"field": "rto_seconds", "stated": 60.0, "recomputed": 900.0}]


def test_missing_record_gives_one_clear_line(tmp_path: Path) -> None:
    path = write_config(tmp_path, "http://127.0.0.1:1/health")
    assert "no record at" in str(run_in_process("drill", "show", "x", "-c", path).exception)
