"""`ninewatch standby`: hours per person, from YAML or a calendar, while a daemon uses the record."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.incident import Incident
from sla.interval import HOUR, MINUTE
from sla.page_response import Response
from sla.product_incident import Severity
from sla.window import parse_instant

HEAD = """\
store: {store}
time_zone: America/Vancouver
products:
  - id: login
    objective: 99%
    checks: [{{id: c, http: "http://h/"}}]
  - id: mail
    objective: 99%
    checks: [{{id: c, http: "http://h/"}}]
"""
WEEKS = """\
standby:
  - id: sign-on
    products: [login]
    shifts:
      - {person: Ana, start: 2026-01-05T08:00, end: 2026-01-12T08:00, rrule: FREQ=WEEKLY;INTERVAL=2}
      - {person: Bo, start: 2026-01-12T08:00, end: 2026-01-19T08:00, rrule: FREQ=WEEKLY;INTERVAL=2}
"""
SPRING = parse_instant("2026-03-02T16:00:00Z")  # a hand-over from Bo to Ana, at 08:00


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "c.yaml").write_text(HEAD.format(store=tmp_path / "record.db") + WEEKS)
    return tmp_path


@pytest.fixture
def record(folder: Path) -> Iterator[SqliteStore]:
    """Return the record, which is open as by a daemon."""
    store = SqliteStore(folder / "record.db", SPRING)
    incidents = [
        _incident("login", SPRING - MINUTE, SPRING, "deadline"),
        _incident("login", SPRING + HOUR, SPRING + 2 * HOUR, "http_status"),
        _incident("mail", SPRING + HOUR, None, "connect"),
    ]
    store.write(Batch(incidents=incidents))
    yield store
    store.close()


def _incident(product: str, opened: int, resolved: int | None, reason: str) -> Incident:
    return replace(Incident.open(product, f"{product}/c", opened, reason), resolved=resolved)


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["standby", "-c", str(folder / "c.yaml"), *options])


def rows(folder: Path, *options: str) -> list[dict[str, str]]:
    result = run(folder, "--format", "csv", *options)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(result.stdout.splitlines()))


def sheet(folder: Path, *options: str) -> dict[str, Any]:
    result = run(folder, "--format", "json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.mark.usefixtures("record")
def test_hours_are_exact_across_a_clock_change(folder: Path) -> None:
    """The fortnight in which the clocks go forward is one hour shorter."""
    lines = rows(folder, "--at", "2026-03-16")
    assert [(line["person"], line["hours"]) for line in lines] == [("Ana", "167"), ("Bo", "168")]
    assert (lines[0]["period_start"], lines[0]["period_end"]) == (
        "2026-03-02T00:00:00-08:00",
        "2026-03-16T00:00:00-07:00",
    )


@pytest.mark.usefixtures("record")
def test_day_with_clocks_going_back_has_25_hours(folder: Path) -> None:
    text = (folder / "c.yaml").read_text().replace("2026-01", "2025-01").replace("2025-01-05", "2025-01-06")
    (folder / "c.yaml").write_text(text.replace("2025-01-12", "2025-01-13").replace("2025-01-19", "2025-01-20"))
    (line,) = rows(folder, "--at", "2025-11-03", "--period", "1d")
    assert line["hours"] == "25"


@pytest.mark.usefixtures("record")
def test_days_add_up_to_the_period(folder: Path) -> None:
    for person in ("Ana", "Bo"):
        days = [line for line in rows(folder, "--at", "2026-03-16", "--by", "day") if line["person"] == person]
        (total,) = [line for line in rows(folder, "--at", "2026-03-16") if line["person"] == person]
        assert sum(float(line["hours"]) for line in days) == float(total["hours"])
        assert len({line["day"] for line in days}) == len(days)


@pytest.mark.usefixtures("record")
def test_incident_counts_for_the_person_on_call_while_it_was_open(folder: Path) -> None:
    """An incident before the hand-over counts for Bo, after it for Ana. No person on this rota covers mail."""
    people = {entry["person"]: entry for entry in sheet(folder, "--at", "2026-03-16")["people"]}
    assert [incident["reason"] for incident in people["Ana"]["incidents"]] == ["http_status"]
    assert [incident["reason"] for incident in people["Bo"]["incidents"]] == ["deadline"]
    (line,) = [line for line in rows(folder, "--at", "2026-03-16") if line["person"] == "Ana"]
    assert (line["incidents"], line["incident_ids"]) == ("1", people["Ana"]["incidents"][0]["id"])


@pytest.mark.usefixtures("record")
def test_gaps_and_overlaps_are_reported_and_not_in_the_csv(folder: Path) -> None:
    """A gap is reported only where cover is required."""
    (folder / "c.yaml").write_text(
        (folder / "c.yaml").read_text().replace("end: 2026-01-12T08:00", "end: 2026-01-12T09:00")
        + "  - id: post\n    cover: Mon-Fri 09:00-17:00\n"
        + "    shifts: [{person: Cy, start: 2026-03-09T08:00, end: 2026-03-13T16:00}]\n"
    )
    result = run(folder, "--format", "csv", "--at", "2026-03-16", "--period", "1w")
    assert result.stderr.splitlines() == [
        "note: sign-on: Ana and Bo both on call from 2026-03-09 08:00 PDT to 2026-03-09 09:00 PDT (1h)",
        "note: post: no one on call from 2026-03-13 16:00 PDT to 2026-03-13 17:00 PDT (1h)",
    ]
    assert all(line.count(",") == 7 for line in result.stdout.splitlines())
    assert "note: post: no one" in run(folder, "--at", "2026-03-16", "--period", "1w").stdout


@pytest.mark.usefixtures("record")
def test_person_is_the_summary_of_a_calendar_event(folder: Path) -> None:
    """The calendar has its own zone, a cancelled shift is ignored, and a name cannot be a spreadsheet formula."""
    event = "BEGIN:VEVENT\nUID:{0}\nDTSTART:2026030{0}T160000Z\nDTEND:2026030{0}T200000Z\n{1}END:VEVENT\n"
    events = (
        event.format(2, "SUMMARY:=Ana\n"),
        event.format(3, "SUMMARY:Bo\nSTATUS:CANCELLED\n"),
        event.format(4, ""),
    )
    (folder / "rota.ics").write_text(f"BEGIN:VCALENDAR\n{''.join(events)}END:VCALENDAR\n")
    text = HEAD.format(store=folder / "record.db") + "standby: [{id: all, ics: rota.ics}]\n"
    (folder / "c.yaml").write_text(text)
    lines = rows(folder, "--at", "2026-03-16")
    assert [(line["person"], line["hours"]) for line in lines] == [("(no summary)", "4"), ("'=Ana", "4")]
    assert [entry["person"] for entry in sheet(folder, "--at", "2026-03-16")["people"]] == ["(no summary)", "=Ana"]


@pytest.mark.usefixtures("record")
def test_text_shows_person_time_and_incidents(folder: Path) -> None:
    text = run(folder, "--at", "2026-03-16").stdout
    assert text.startswith("On call from 2026-03-02 00:00 PST to 2026-03-16 00:00 PDT (13d 23h)\n")
    assert "login/c from 2026-03-02 09:00 PST to 2026-03-02 10:00 PST: http_status [" in text


def test_hours_are_shown_and_incidents_unknown_without_a_record(folder: Path) -> None:
    data = sheet(folder, "--at", "2026-03-16")
    assert [entry["incidents"] for entry in data["people"]] == [None, None]
    assert "incidents unknown: no record at" in data["notes"][0]
    assert rows(folder, "--at", "2026-03-16")[0]["incidents"] == ""


@pytest.mark.usefixtures("record")
def test_period_may_be_explicit_or_in_the_future(folder: Path) -> None:
    data = sheet(folder, "--period", "2999-03-02T08:00Z/2999-03-02T20:20Z")
    assert data["period"] == {"start": "2999-03-02T08:00:00Z", "end": "2999-03-02T20:20:00Z"}
    assert any("is planned" in note for note in data["notes"])
    people = sheet(folder, "--period", "90m", "--at", "2026-03-16T10:00")["people"]
    assert sum(entry["seconds"] for entry in people) == 5400


@pytest.mark.parametrize(
    ("options", "expected_error"),
    [
        (("--period", "fortnight"), "or use 2w or START/END"),
        (("--period", "0d"), "use 2w"),
        (("--period", "9999w"), "longer than 400 days"),
        (("--period", "2026-03-16/2026-03-02"), "ends before"),
        (("--period", "400000w", "--at", "0001-01-02"), "'--"),
        (("--at", "yesterday"), "use 2026-11-22"),
    ],
)
def test_invalid_option_is_rejected_with_a_remedy(folder: Path, options: tuple[str, ...], expected_error: str) -> None:
    result = run(folder, *options)
    assert result.exit_code == 2
    assert expected_error in " ".join(result.output.replace("│", " ").split())


def test_missing_rota_is_reported_with_a_remedy(folder: Path) -> None:
    (folder / "c.yaml").write_text(HEAD.format(store=folder / "record.db"))
    result = run(folder)
    assert "add `standby:`" in str(result.exception)


def _page(product: str, started: int, minutes: float | None, **fields: Any) -> Response:
    page = Response(f"{product}-{started}", started, product, Severity.PAGE, "P1", 15 * MINUTE)
    response = page if minutes is None else page.acknowledge(started + round(minutes * MINUTE), "Ana", "command")
    return replace(response, **{"ended": started + HOUR, **fields})


def test_time_to_acknowledge_counts_for_the_person_on_call_at_the_announcement(
    folder: Path, record: SqliteStore
) -> None:
    pages = [
        _page("login", SPRING - 1, 3),  # the last instant of Bo's shift
        _page("login", SPRING, 5),  # the first instant of Ana's shift
        _page("login", SPRING + HOUR, 20),
        _page("login", SPRING + 2 * HOUR, None),
        _page("login", SPRING + 3 * HOUR, None, ended=SPRING + 3 * HOUR + MINUTE),
        _page("login", SPRING + 4 * HOUR, 1, severity=Severity.TICKET),
        _page("mail", SPRING + HOUR, 1),  # no rota covers this product
    ]
    record.write(Batch(responses=pages))
    options = ("--at", "2026-03-03", "--period", "2d")
    people = {entry["person"]: entry["pages"] for entry in sheet(folder, *options)["people"]}
    assert people["Ana"] == {
        "count": 4,
        "acknowledged": 2,
        "median_seconds_to_acknowledge": 750.0,
        "targets_met": 1,
        "targets_missed": 2,
    }
    assert people["Bo"] == {
        **people["Ana"],
        "count": 1,
        "acknowledged": 1,
        "median_seconds_to_acknowledge": 180.0,
        "targets_missed": 0,
    }
    printed = run(folder, *options).stdout
    assert "4 pages, 2 acknowledged, median time to acknowledge 12m 30s, target met 1, missed 2" in printed
    assert "1 page, 1 acknowledged, median time to acknowledge 3m, target met 1, missed 0" in printed


def test_pages_are_unknown_without_a_readable_record(folder: Path) -> None:
    people = sheet(folder, "--at", "2026-03-03")["people"]
    assert people
    assert {entry["pages"] for entry in people} == {None}
