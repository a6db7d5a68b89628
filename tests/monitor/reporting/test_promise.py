"""The section "What can we promise?" of a report: figures, claim ceiling, items with evidence; in every format."""

from __future__ import annotations

import html
import io
import json
from pathlib import Path

import openpyxl
import pytest

from tests.monitor.reporting.report_command import pdf, report_output
from tests.monitor.reporting.test_formats import read_csv

READINESS = """\
    plan: {expected: 99.4%, chance: 40%}
    readiness:
      checklist: five-nines
      attested:
        - {item: ha-database, by: Ana Ng, until: 2025-12-31, note: three Patroni replicas}
        - {item: stateless, by: Bo Li, until: 2025-11-01, note: sessions in Redis}
"""
LIMIT = "Objective 99.5%; this design can claim 99.95% at most, because there is no disaster recovery."
REMEDY = "the ceiling would be 99.995%."


@pytest.fixture
def capped(config: Path, tmp_path: Path) -> Path:
    """Return the month's configuration with a checklist and a plan for forms."""
    text = config.read_text("utf-8")
    assert text.count("    stage: pilot\n") == 1
    path = tmp_path / "portfolio.yaml"
    path.write_text(text.replace("    stage: pilot\n", READINESS), "utf-8")
    return path


def test_section_has_the_figures_of_json(capped: Path) -> None:
    (product,) = json.loads(report_output(capped, "json"))["products"]
    ready, promise = product["readiness"], product["promise"]
    assert (ready["ceiling"], promise["ceiling"], promise["objective"]) == (0.9995, 0.9995, 0.995)
    assert promise["plan"] == {"expected": 0.994, "chance": 0.4}
    figures = {name: promise[name] for name in ("objective", "proven", "ceiling")}
    figures |= {"measured": promise["measured"]["point"], "plan": promise["plan"]["expected"]}
    assert promise["measured"]["point"] == product["raw"]["availability"]["point"]
    assert promise["supported"] == min(figures.values())
    assert promise["limited_by"] == [name for name, figure in figures.items() if figure == min(figures.values())]
    rows = {row["name"]: row for row in promise_rows(capped) if row["column"] == "Availability or cap"}
    named = {"Objective": "objective", "Measured (raw)": "measured", "Proven at 95 %": "proven"}
    named |= {"Claim ceiling": "ceiling", "Plan, expected": "plan"}
    assert {figure: float(rows[row]["value"]) for row, figure in named.items()} == figures
    assert float(rows["Supported by all"]["value"]) == promise["supported"]


def promise_rows(config: Path) -> list[dict[str, str]]:
    """Return the cells of the section from the CSV."""
    return [row for row in read_csv(report_output(config, "csv")) if row["section"] == "promise"]


def test_items_have_their_states_of_the_reports_instant_with_evidence(capped: Path) -> None:
    notes = {row["name"]: row["value"] for row in promise_rows(capped) if row["column"] == "Notes and evidence"}
    assert notes["Highly available database: met"] == (
        "attestation by Ana Ng until 2025-12-31T00:00:00Z: three Patroni replicas"
    )
    assert "Stateless components: expired" in notes
    decoupled = notes["Decoupled from all outside dependencies: unmet"]
    assert decoupled.startswith("decoupling by ninewatch, contradicts the item, until 2026-11-10")
    assert "login was down for 40m from 2025-11-10T18:00:00Z, the product was down for 40m" in decoupled
    assert notes["Zero-downtime deployments: unmet"] == "no evidence"


def test_every_format_has_the_limit_and_what_would_raise_it(capped: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(report_output(capped, "xlsx")))
    texts = {
        "pdf": " ".join("".join(page.extract_text() for page in pdf(capped).pages).split()),
        "html": html.unescape(report_output(capped, "html").decode()),
        "md": report_output(capped, "md").decode().replace("\\", ""),
        "csv": report_output(capped, "csv").decode().replace('""', '"'),
        "xlsx": "\n".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row),
    }
    for name, text in texts.items():
        assert "What can we promise?" in text or name in ("csv", "xlsx"), name
        assert LIMIT in text, name
        assert REMEDY in text, name
