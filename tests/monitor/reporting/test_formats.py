"""`ninewatch report`: the figures of `measure`, in every format, read back from each."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result
from pypdf import PdfReader

from monitor.cli import cli
from monitor.commands.report import FORMATS
from monitor.errors import NinewatchError
from monitor.storage.base import Batch
from monitor.storage.sqlite import SqliteStore
from sla.interval import HOUR, MINUTE, SECOND
from sla.observation import Observation, Run
from sla.window import format_instant, parse_instant
from tests.monitor.reporting import month

Cells = dict[tuple[str, str, str, str], Any]  # product, section, row, column


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=False)


def ask(config: Path, form: str, *more: str | Path, product: str = "forms", at: str = month.MIDDLE) -> bytes:
    done = run("report", "-c", config, "--product", product, "--at", at, "--format", form, *more)
    assert done.exit_code == 0, done.output
    return done.stdout_bytes


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return month.record(tmp_path_factory.mktemp("record"))[0]


@pytest.fixture(scope="module")
def cells(config: Path) -> Cells:
    """Return what the CSV says, by product, section, row and column."""
    return {key(row): row for row in read_csv(ask(config, "csv", product="all"))}


def key(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["product"], row["section"], row["name"], row["column"]


def read_csv(data: bytes) -> list[dict[str, str]]:
    """Return the rows that are cells; row 0 is what is said of a section."""
    return [row for row in csv.DictReader(io.StringIO(data.decode())) if row["row"] != "0"]


def measured(config: Path, product: str, at: str, *more: str) -> dict[str, Any]:
    folder = config.parent
    path = month.as_csv(folder, product)
    objective = {"login": "99.9", "forms": "99.5"}[product]
    done = run(
        "measure", path, "--window", "month", "--at", at, "--by", "none", "--objective", objective,
        "--interval", "5m", "--timeout", "10s", "--format", "json", *more,
    )  # fmt: skip
    assert done.exit_code in (0, 1), done.output
    found: dict[str, Any] = json.loads(done.stdout)["results"][0]
    del found["check"]
    return found


def excluded(product: str) -> list[str]:
    """Return the options that leave out what the agreement does. The midpoints are where login's state changed."""
    half = month.PACE // 2
    login = (month.LOGIN_DOWN.start - half, month.LOGIN_DOWN.end - half)
    locked = (month.CORRECTED.start, month.CORRECTED.end)
    spans = [login, locked] if product == "forms" else []
    return [word for s, e in spans for word in ("--exclude", f"{format_instant(s)}/{format_instant(e)}")]


@pytest.mark.parametrize("product", ["login", "forms"])
@pytest.mark.parametrize("at", [month.MIDDLE, "2025-12-01T07:59:00Z"])
def test_json_has_the_figures_of_measure(config: Path, product: str, at: str) -> None:
    """Raw, and contractual with the same time excluded, of a month with a change of the clock, in progress and over."""
    [found] = json.loads(ask(config, "json", product=product, at=at))["products"]
    assert found["product"] == product
    for each in (found["raw"], found["contractual"]):
        del each["product"]
    planned = ("--maintenance", str(config.parent / "maintenance.yaml"))
    assert found["raw"] == measured(config, product, at)
    assert found["contractual"] == measured(config, product, at, *planned, *excluded(product))
    assert found["contractual"]["excluded_seconds"] > 0


def test_the_months_patching_lasts_by_the_wall_clock(config: Path) -> None:
    """Half past midnight to half past three, on the day on which the hour from one to two comes twice: four hours."""
    [found] = json.loads(ask(config, "json"))["products"]
    first = next(piece for piece in found["exclusions"] if piece["causes"][0]["cause"] == "maintenance")
    assert (first["start"], first["seconds"]) == ("2025-11-02T07:30:00Z", 4 * 3600)
    days = [
        each["raw"]["up_seconds"] + each["raw"]["down_seconds"] + each["raw"]["doubt_seconds"]
        for each in found["steps"]
    ]
    assert days[0] == 24 * 3600
    assert days[1] == 25 * 3600


_PLACES = {
    "Availability, estimate": ("availability", "point"),
    "Availability, lowest": ("availability", "low"),
    "Availability, highest": ("availability", "high"),
    "Coverage": ("coverage",),
    "Objective": ("objective",),
    "Downtime, estimate": ("downtime_seconds", "point"),
    "Downtime, lowest": ("downtime_seconds", "low"),
    "Downtime, highest": ("downtime_seconds", "high"),
    "Budget allowed": ("budget", "allowed_seconds"),
    "Budget remaining": ("budget", "remaining_seconds"),
    "Time up": ("up_seconds",),
    "Time down": ("down_seconds",),
    "Time in doubt": ("doubt_seconds",),
    "Time unknown": ("unknown_seconds",),
    "Time left out": ("excluded_seconds",),
}


def test_csv_has_the_figures_of_json(config: Path, cells: Cells) -> None:
    for product in json.loads(ask(config, "json", product="all"))["products"]:
        for name, path in _PLACES.items():
            for column, figures in (("By agreement", product["contractual"]), ("Raw", product["raw"])):
                value: Any = figures
                for step in path:
                    value = value[step]
                row = cells[product["product"], "figures", name, column]
                assert float(row["value"]) == value, (name, column)


def test_csv_has_the_incidents_exclusions_blame_and_cost_of_json(config: Path, cells: Cells) -> None:
    [found] = [p for p in json.loads(ask(config, "json", product="all"))["products"] if p["product"] == "forms"]
    assert len(found["incidents"]) == 1
    told = [row for k, row in cells.items() if k[:2] == ("forms", "incidents")]
    assert {row["value"] for row in told if row["column"] == "Began"} == {each["opened"] for each in found["incidents"]}
    left_out = [row for k, row in cells.items() if k[:2] == ("forms", "exclusions") and k[3] == "Lasts"]
    assert [float(row["value"]) for row in left_out] == [piece["seconds"] for piece in found["exclusions"]]
    assert float(cells["forms", "blame", "All downtime", "Downtime"]["value"]) == found["blame"]["downtime_seconds"]
    cost = found["value"]["downtime_cost"]
    assert float(cells["forms", "value", "Cost of downtime", "Estimate"]["value"]) == cost["point"]


class Page(HTMLParser):
    """Reads tables, and what a reader who does not see needs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str | float]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._cell: str | float | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self._cell = ""
        elif tag == "data" and self._cell is not None:
            self._cell = float(dict(attrs)["value"] or "nan")

    def handle_data(self, data: str) -> None:
        if isinstance(self._cell, str):
            self._cell += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            self.tables[-1][-1].append(self._cell)
            self._cell = None


def tables(rows: list[dict[str, str]]) -> list[list[list[str | float]]]:
    """Return the CSV's tables: numbers where there is one, else what is shown; without headers."""
    found: dict[tuple[str, str], dict[str, list[str | float]]] = {}
    for row in rows:
        number = bool(row["unit"]) and row["unit"] != "instant" and row["value"] != ""
        cell = float(row["value"]) if number else re.sub("^'", "", row["shown"])
        found.setdefault((row["product"], row["section"]), {}).setdefault(row["row"], []).append(cell)
    return [list(each.values()) for each in found.values()]


@pytest.mark.parametrize("product", ["forms", "all"])
def test_html_has_the_cells_of_csv(config: Path, product: str) -> None:
    page = Page(ask(config, "html", product=product).decode())
    assert [table[1:] for table in page.tables] == tables(read_csv(ask(config, "csv", product=product)))


@pytest.mark.parametrize("product", ["forms", "all"])
def test_xlsx_has_the_cells_of_csv(config: Path, product: str) -> None:
    """One sheet a section, the products below each other: the same rows, sorted by section."""
    book = openpyxl.load_workbook(io.BytesIO(ask(config, "xlsx", product=product)))
    found = []
    for sheet in book.worksheets[1:-1]:
        skip = 1 if sheet["A1"].value == "Product" and sheet["B1"].value != "By agreement" else 0
        end = int(re.sub(".*[A-Z]", "", sheet.auto_filter.ref))
        found += [list(row[skip:]) for row in sheet.iter_rows(min_row=2, max_row=end, values_only=True)]
    rows = [row for table in tables(read_csv(ask(config, "csv", product=product))) for row in table]
    assert sorted(map(repr, _numbers(found))) == sorted(map(repr, _numbers(rows)))


def _numbers(rows: list[list[Any]]) -> list[list[Any]]:
    """Return the rows with numbers to 13 digits: the workbook keeps 16 of 17."""
    return [[f"{cell:.13g}" if isinstance(cell, int | float) else cell or "" for cell in row] for row in rows]


def test_markdown_and_pdf_print_the_cells_of_csv(config: Path) -> None:
    """Row by row, as printed; in the PDF those rows that need no second line."""
    rows: dict[tuple[str, str], list[str]] = {}
    for row in read_csv(ask(config, "csv")):
        rows.setdefault((row["section"], row["row"]), []).append(re.sub("^'", "", row["shown"]))
    text = re.sub(r"\\(.)", r"\1", ask(config, "md").decode())
    paper = " ".join(" ".join(page.extract_text() for page in pdf(config).pages).split())
    for (section, _), texts in rows.items():
        assert f"| {' | '.join(texts)} |" in text
        if section in ("figures", "budget", "trend", "proof", "steps", "value"):
            assert " ".join(texts) in paper


def pdf(config: Path, *more: str) -> PdfReader:
    return PdfReader(io.BytesIO(ask(config, "pdf", *more)))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_record_and_instant_give_the_same_bytes(config: Path, form: str, tmp_path: Path) -> None:
    """In another process, with another hash seed."""
    path = tmp_path / f"again.{form}"
    command = [sys.executable, "-m", "monitor", "report", "-c", config, "--product", "all", "--at", month.MIDDLE]
    subprocess.run([*command, "-o", path], env=os.environ | {"PYTHONHASHSEED": "7"}, check=True)
    assert path.read_bytes() == ask(config, form, product="all")


@pytest.mark.parametrize(("paper", "width"), [("letter", 612), ("a4", 595)])
def test_the_pdf_is_tagged_and_tells_what_the_chart_shows(config: Path, paper: str, width: int) -> None:
    read = pdf(config, "--paper", paper)
    root: Any = read.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    kinds, told = [], []
    waiting = [root["/StructTreeRoot"]]
    while waiting:
        node = waiting.pop().get_object()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict) and ("/S" in node or "/K" in node):
            kinds.append(node.get("/S"))
            told.append(node.get("/Alt", ""))
            waiting += [node["/K"]] if "/K" in node else []
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure"} <= set(kinds)
    assert any("days" in each and "below the objective" in each for each in told)
    assert int(read.pages[0].mediabox.width) == width
    assert read.metadata is not None
    assert read.metadata.creation_date is not None
    assert read.metadata.creation_date.isoformat() == "2025-11-20T12:00:00+00:00"


def test_the_page_is_headed_and_its_tables_and_charts_are_named(config: Path) -> None:
    page = Page(ask(config, "html", product="all").decode())
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert all("aria-labelledby" in attributes for tag, attributes in page.tags if tag == "table")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    named = {a["id"] for _, a in page.tags if a.get("id")}
    drawn = [a for tag, a in page.tags if tag == "svg"]
    assert len(drawn) == 2
    assert all(set((a["aria-labelledby"] or "").split()) <= named for a in drawn)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "b", "i")]


def test_no_cell_can_become_a_formula(config: Path) -> None:
    for row in csv.reader(io.StringIO(ask(config, "csv", product="all").decode())):
        *texts, value, unit, shown = row
        assert not any(each.startswith(("=", "+", "-", "@")) for each in texts)
        if unit in ("", "instant"):
            assert not value.startswith(("=", "+", "-", "@"))
            assert not shown.startswith(("=", "+", "-", "@"))
    book = openpyxl.load_workbook(io.BytesIO(ask(config, "xlsx", product="all")))
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert kinds <= {"s", "n"}
    quoted = [c for sheet in book for row in sheet.iter_rows() for c in row if str(c.value).startswith(("=", "+", "@"))]
    assert quoted
    assert all(cell.quotePrefix for cell in quoted)


def test_it_reads_beside_a_daemon_and_writes_nothing(tmp_path: Path) -> None:
    """The record is open and locked, its newest part is still in the write-ahead log; nothing of it changes."""
    config, store = month.record(tmp_path, close=False)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("record.db*") if not path.name.endswith("-shm")}
    assert len(before["record.db-wal"]) > 0
    found = json.loads(ask(config, "json"))["products"][0]["raw"]
    after = {path.name: path.read_bytes() for path in tmp_path.glob("record.db*") if not path.name.endswith("-shm")}
    store.close()
    assert found["observations"]["bad"] > 0
    assert after == before


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_record_is_reported_as_one(tmp_path: Path, form: str) -> None:
    config = tmp_path / "portfolio.yaml"
    config.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")
    SqliteStore(tmp_path / "record.db", 0).close()
    said = ask(config, form, product="all")
    if form in ("html", "md", "csv"):
        assert "The record is empty" in said.decode()
        assert "0.000%" in said.decode()
    assert said


def folded(seen: list[Observation], hold: int) -> list[Run]:
    runs = [Run.of(seen[0], hold)]
    for each in seen[1:]:
        if runs[-1].takes(each, hold):
            runs[-1] = runs[-1].folded(each)
        else:
            runs.append(Run.of(each, hold))
    return runs


def test_a_run_that_went_on_is_cut_where_it_was_then(config: Path, tmp_path: Path) -> None:
    """A record of folded runs that reach past --at gives the same report as one of single observations."""
    other = tmp_path / "portfolio.yaml"
    other.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")
    runs = [run for key in month.DOWN for run in folded(month.observations(key), 10 * MINUTE + 10 * SECOND)]
    at = parse_instant(month.MIDDLE)
    assert sum(run.first < at < run.last for run in runs) == 3
    store = SqliteStore(tmp_path / "record.db", month.END)
    store.write(Batch(runs=runs))
    store.close()
    for product in ("login", "forms"):
        one, two = (json.loads(ask(each, "json", product=product))["products"][0] for each in (config, other))
        assert one["raw"] == two["raw"]
        assert [each["raw"] for each in one["steps"]] == [each["raw"] for each in two["steps"]]


def test_what_was_observed_after_the_instant_changes_no_byte(tmp_path: Path) -> None:
    """Though probes come a little early or late, and the runs that hold them go on."""
    portfolio, hold, at = tmp_path / "portfolio.yaml", 10 * MINUTE + 10 * SECOND, parse_instant(month.MIDDLE)
    portfolio.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")

    def written_until(end: int) -> bytes:
        store = SqliteStore(tmp_path / "record.db", month.END)
        for check in month.DOWN:
            uneven = [replace(o, at=o.at + (n * 7_919) % 400_000) for n, o in enumerate(month.observations(check))]
            seen = [each for each in uneven if each.at < end]
            store.write(Batch(observations=seen, runs=folded(seen, hold)))
        store.close()
        return ask(portfolio, "json", product="all")

    assert written_until(at + HOUR) == written_until(at + 5 * HOUR)


def test_assumptions_travel_with_the_amounts(config: Path) -> None:
    assumption = "An hour of downtime is taken to cost 1,200.00 CAD (forty people who wait)"
    for form in ("html", "md", "csv"):
        assert assumption in re.sub(r"\\(.)", r"\1", ask(config, form).decode())
    sheet = openpyxl.load_workbook(io.BytesIO(ask(config, "xlsx")))["Justification"]
    assert any(str(cell.value).startswith(assumption) for row in sheet.iter_rows() for cell in row)


def test_as_known_then_an_incident_that_ended_later_is_open(config: Path) -> None:
    at = format_instant(month.LATE.start + 20 * MINUTE)
    [found] = json.loads(ask(config, "json", at=at))["products"]
    assert [each["resolved"] for each in found["incidents"]] == [format_instant(month.FORMS_DOWN.end), None]


def test_the_last_complete_month_is_asked_for_by_name(config: Path) -> None:
    found = json.loads(ask(config, "json", "--window", "last month", at=month.AFTER))["window"]
    assert (found["start"], found["end"]) == ("2025-11-01T07:00:00Z", "2025-12-01T08:00:00Z")
    assert not found["in_progress"]


def test_mistakes_are_told_in_one_line_with_the_remedy(config: Path, tmp_path: Path) -> None:
    with pytest.raises(NinewatchError, match=r'no product "mail"; there are login, forms, or all'):
        run("report", "-c", config, "--product", "mail")
    with pytest.raises(NinewatchError, match="does not say which format"):
        run("report", "-c", config, "--product", "all", "-o", tmp_path / "report.doc")
    assert "is not a window" in run("report", "-c", config, "--product", "all", "--window", "fortnight").output
    assert (
        'write --window "last month"'
        in run("report", "-c", config, "--product", "all", "--at", "2025-11-01T07:00:00Z").output
    )
    shutil.copy(config, tmp_path / "portfolio.yaml")
    elsewhere = tmp_path / "portfolio.yaml"
    elsewhere.write_text(elsewhere.read_text("utf-8").replace("record.db", "nothing.db"), "utf-8")
    with pytest.raises(NinewatchError, match="there is no record"):
        run("report", "-c", elsewhere, "--product", "all", "--at", month.MIDDLE)


def test_start_up_does_not_pay_for_reports() -> None:
    heavy = "'typst', 'xlsxwriter', 'monitor.reporting.whole', 'sla.report'"
    code = f"import sys, monitor.cli; sys.exit(any(name in sys.modules for name in ({heavy})))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
