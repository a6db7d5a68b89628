"""`ninewatch report`: the figures of `measure` in every format, parsed from each."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from monitor import zones
from monitor.errors import NinewatchError
from sla.window import format_instant
from tests.monitor.reporting import month
from tests.monitor.reporting.report_command import Page, pdf, report_output, run

Cells = dict[tuple[str, str, str, str], Any]  # (product, section, row, column)


@pytest.fixture(scope="module")
def cells(config: Path) -> Cells:
    """Return the cells of the CSV by product, section, row and column."""
    return {key(row): row for row in read_csv(report_output(config, "csv", product="all"))}


def key(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["product"], row["section"], row["name"], row["column"]


def read_csv(data: bytes) -> list[dict[str, str]]:
    """Return the rows of cells, without row 0, which has the notes of a section."""
    return [row for row in csv.DictReader(io.StringIO(data.decode())) if row["row"] != "0"]


def figures_of_measure(config: Path, product: str, at: str, *options: str) -> dict[str, Any]:
    folder = config.parent
    path = month.as_csv(folder, product)
    objective = {"login": "99.9", "forms": "99.5"}[product]
    result = run(
        "measure", path, "--window", "month", "--at", at, "--by", "none", "--objective", objective,
        "--interval", "5m", "--timeout", "10s", "--format", "json", *options,
    )  # fmt: skip
    assert result.exit_code in (0, 1), result.output
    figures: dict[str, Any] = json.loads(result.stdout)["results"][0]
    del figures["check"]
    return figures


def exclude_options(product: str) -> list[str]:
    """Return the options that exclude the agreement's time. The midpoints are the changes of login's state."""
    half = month.INTERVAL // 2
    login = (month.LOGIN_DOWN.start - half, month.LOGIN_DOWN.end - half)
    locked = (month.CORRECTED.start, month.CORRECTED.end)
    spans = [login, locked] if product == "forms" else []
    return [word for s, e in spans for word in ("--exclude", f"{format_instant(s)}/{format_instant(e)}")]


def test_every_format_contains_the_time_zone_database_version(config: Path) -> None:
    database = zones.IN_USE
    assert database is not None
    version_text = f"time zone database {database}"
    assert version_text in " ".join("".join(page.extract_text() for page in pdf(config).pages).split())
    for format_name in ("html", "csv", "md"):
        assert version_text in html.unescape(report_output(config, format_name).decode()).replace("\\", "")
    time_zone_database = json.loads(report_output(config, "json"))["time_zone_database"]
    assert time_zone_database == {"source": database.source, "version": database.version}
    workbook = openpyxl.load_workbook(io.BytesIO(report_output(config, "xlsx")))
    assert any(
        version_text in str(cell) for sheet in workbook for row in sheet.iter_rows(values_only=True) for cell in row
    )


@pytest.mark.parametrize("product", ["login", "forms"])
@pytest.mark.parametrize("at", [month.MIDDLE, "2025-12-01T07:59:00Z"])
def test_json_has_the_figures_of_measure(config: Path, product: str, at: str) -> None:
    """The raw and the contractual figures are compared, for a month with a clock change, in progress and complete."""
    [actual] = json.loads(report_output(config, "json", product=product, at=at))["products"]
    assert actual["product"] == product
    for figures in (actual["raw"], actual["contractual"]):
        del figures["product"]
    planned = ("--maintenance", str(config.parent / "maintenance.yaml"))
    assert actual["raw"] == figures_of_measure(config, product, at)
    assert actual["contractual"] == figures_of_measure(config, product, at, *planned, *exclude_options(product))
    assert actual["contractual"]["excluded_seconds"] > 0


def test_maintenance_follows_the_local_time(config: Path) -> None:
    """It is from 00:30 to 03:30 on the day with the repeated hour, which is four hours."""
    [actual] = json.loads(report_output(config, "json"))["products"]
    first = next(piece for piece in actual["exclusions"] if piece["causes"][0]["cause"] == "maintenance")
    assert (first["start"], first["seconds"]) == ("2025-11-02T07:30:00Z", 4 * 3600)
    days = [
        step["raw"]["up_seconds"] + step["raw"]["down_seconds"] + step["raw"]["doubt_seconds"]
        for step in actual["steps"]
    ]
    assert days[0] == 24 * 3600
    assert days[1] == 25 * 3600


_PLACES = {
    "Availability, estimate": ("availability", "point"),
    "Availability, minimum": ("availability", "low"),
    "Availability, maximum": ("availability", "high"),
    "Coverage": ("coverage",),
    "Objective": ("objective",),
    "Downtime, estimate": ("downtime_seconds", "point"),
    "Downtime, minimum": ("downtime_seconds", "low"),
    "Downtime, maximum": ("downtime_seconds", "high"),
    "Budget allowed": ("budget", "allowed_seconds"),
    "Budget remaining": ("budget", "remaining_seconds"),
    "Time up": ("up_seconds",),
    "Time down": ("down_seconds",),
    "Time in doubt": ("doubt_seconds",),
    "Time unknown": ("unknown_seconds",),
    "Time excluded": ("excluded_seconds",),
}


def test_csv_has_the_figures_of_json(config: Path, cells: Cells) -> None:
    for product in json.loads(report_output(config, "json", product="all"))["products"]:
        for name, path in _PLACES.items():
            for column, figures in (("Contractual", product["contractual"]), ("Raw", product["raw"])):
                value: Any = figures
                for step in path:
                    value = value[step]
                row = cells[product["product"], "figures", name, column]
                assert float(row["value"]) == value, (name, column)


def test_csv_has_the_incidents_exclusions_downtime_split_and_cost_of_json(config: Path, cells: Cells) -> None:
    [actual] = [
        p for p in json.loads(report_output(config, "json", product="all"))["products"] if p["product"] == "forms"
    ]
    assert len(actual["incidents"]) == 1
    incident_rows = [row for k, row in cells.items() if k[:2] == ("forms", "incidents")]
    assert {row["value"] for row in incident_rows if row["column"] == "Start"} == {
        incident["opened"] for incident in actual["incidents"]
    }
    excluded_rows = [row for k, row in cells.items() if k[:2] == ("forms", "exclusions") and k[3] == "Duration"]
    assert [float(row["value"]) for row in excluded_rows] == [piece["seconds"] for piece in actual["exclusions"]]
    assert float(cells["forms", "blame", "Total", "Downtime"]["value"]) == actual["blame"]["downtime_seconds"]
    cost = actual["value"]["downtime_cost"]
    assert float(cells["forms", "value", "Cost of downtime", "Estimate"]["value"]) == cost["point"]


def tables(rows: list[dict[str, str]]) -> list[list[list[str | float]]]:
    """Return the CSV's tables without headers: numbers where possible, otherwise the shown text."""
    actual: dict[tuple[str, str], dict[str, list[str | float]]] = {}
    for row in rows:
        number = bool(row["unit"]) and row["unit"] != "instant" and row["value"] != ""
        cell = float(row["value"]) if number else re.sub("^'", "", row["shown"])
        actual.setdefault((row["product"], row["section"]), {}).setdefault(row["row"], []).append(cell)
    return [list(table.values()) for table in actual.values()]


@pytest.mark.parametrize("product", ["forms", "all"])
def test_html_has_the_cells_of_csv(config: Path, product: str) -> None:
    page = Page(report_output(config, "html", product=product).decode())
    assert [table[1:] for table in page.tables] == tables(read_csv(report_output(config, "csv", product=product)))


@pytest.mark.parametrize("product", ["forms", "all"])
def test_xlsx_has_the_cells_of_csv(config: Path, product: str) -> None:
    """There is one sheet per section with the products below each other: the same rows, sorted by section."""
    workbook = openpyxl.load_workbook(io.BytesIO(report_output(config, "xlsx", product=product)))
    actual = []
    for sheet in workbook.worksheets[1:-1]:
        skip = 1 if sheet["A1"].value == "Product" and sheet["B1"].value != "Contractual" else 0
        end = int(re.sub(".*[A-Z]", "", sheet.auto_filter.ref))
        actual += [list(row[skip:]) for row in sheet.iter_rows(min_row=2, max_row=end, values_only=True)]
    rows = [row for table in tables(read_csv(report_output(config, "csv", product=product))) for row in table]
    assert sorted(map(repr, _numbers(actual))) == sorted(map(repr, _numbers(rows)))


def _numbers(rows: list[list[Any]]) -> list[list[Any]]:
    """Return the rows with numbers rounded to 13 digits, because the workbook stores 16 of 17."""
    return [[f"{cell:.13g}" if isinstance(cell, int | float) else cell or "" for cell in row] for row in rows]


def test_markdown_and_pdf_contain_the_cells_of_csv(config: Path) -> None:
    """Rows are compared as printed; in the PDF only rows on one line."""
    rows: dict[tuple[str, str], list[str]] = {}
    for row in read_csv(report_output(config, "csv")):
        rows.setdefault((row["section"], row["row"]), []).append(re.sub("^'", "", row["shown"]))
    text = re.sub(r"\\(.)", r"\1", report_output(config, "md").decode())
    pdf_text = " ".join(" ".join(page.extract_text() for page in pdf(config).pages).split())
    for (section, _), texts in rows.items():
        assert f"| {' | '.join(texts)} |" in text
        if section in ("figures", "budget", "trend", "proof", "steps", "value"):
            assert " ".join(texts) in pdf_text


@pytest.mark.fault(45)
def test_no_cell_is_a_formula(config: Path) -> None:
    for row in csv.reader(io.StringIO(report_output(config, "csv", product="all").decode())):
        *texts, value, unit, displayed = row
        assert not any(text.startswith(("=", "+", "-", "@")) for text in texts)
        if unit in ("", "instant"):
            assert not value.startswith(("=", "+", "-", "@"))
            assert not displayed.startswith(("=", "+", "-", "@"))
    workbook = openpyxl.load_workbook(io.BytesIO(report_output(config, "xlsx", product="all")))
    kinds = {cell.data_type for sheet in workbook for row in sheet.iter_rows() for cell in row}
    assert kinds <= {"s", "n"}
    quoted = [
        c for sheet in workbook for row in sheet.iter_rows() for c in row if str(c.value).startswith(("=", "+", "@"))
    ]
    assert quoted
    assert all(cell.quotePrefix for cell in quoted)


def test_amounts_are_shown_with_their_assumptions(config: Path) -> None:
    assumption = "Assumes 1,200.00 CAD per hour of downtime (forty people who wait)"
    for format_name in ("html", "md", "csv"):
        assert assumption in re.sub(r"\\(.)", r"\1", report_output(config, format_name).decode())
    sheet = openpyxl.load_workbook(io.BytesIO(report_output(config, "xlsx")))["Cost of downtime"]
    assert any(str(cell.value).startswith(assumption) for row in sheet.iter_rows() for cell in row)


def test_mistake_gives_one_line_with_a_remedy(config: Path, tmp_path: Path) -> None:
    with pytest.raises(NinewatchError, match=r'unknown product "mail"; known products: login, forms, or all'):
        run("report", "-c", config, "--product", "mail")
    with pytest.raises(NinewatchError, match="unknown file name extension"):
        run("report", "-c", config, "--product", "all", "-o", tmp_path / "report.doc")
    assert "is not a window" in run("report", "-c", config, "--product", "all", "--window", "fortnight").output
    assert (
        'use --window "last month"'
        in run("report", "-c", config, "--product", "all", "--at", "2025-11-01T07:00:00Z").output
    )
    shutil.copy(config, tmp_path / "portfolio.yaml")
    elsewhere = tmp_path / "portfolio.yaml"
    elsewhere.write_text(elsewhere.read_text("utf-8").replace("record.db", "nothing.db"), "utf-8")
    with pytest.raises(NinewatchError, match="no record at"):
        run("report", "-c", elsewhere, "--product", "all", "--at", month.MIDDLE)


def test_start_does_not_import_report_libraries() -> None:
    libraries = "'typst', 'xlsxwriter', 'monitor.reporting.report', 'sla.report'"
    code = f"import sys, monitor.cli; sys.exit(any(name in sys.modules for name in ({libraries})))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_outage_limit_is_in_every_format(config: Path, cells: Cells) -> None:
    """Forms promises no outage over 30 minutes, and was down longer after the exclusions of its agreement."""
    (verdict,) = [
        row["value"]
        for cell_key, row in cells.items()
        if cell_key[1:2] == ("outage-limits",) and cell_key[3] == "Verdict"
    ]
    limits = json.loads(report_output(config, "json", product="forms"))["products"][0]["outage_limits"]
    assert [(limit["promise"], limit["limit_seconds"], limit["verdict"]) for limit in limits] == [
        ("longest_outage", 1_800.0, verdict)
    ]
    assert "No outage over 30m".lower() in report_output(config, "md", product="forms").decode().lower()
