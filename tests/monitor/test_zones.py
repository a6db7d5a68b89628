"""Time zones come from the newer one of the system's and the packaged database, in every part of the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import generate_latest

from monitor import zones
from monitor.clock import SystemClock
from monitor.config.maintenance import Calendar, Maintenance
from monitor.config.schedule import Schedule
from monitor.exporters.daemon import Daemon
from monitor.health import Health
from monitor.zones import Database, newest, system
from sla.interval import DAY, HOUR, Interval
from sla.service_hours import ServiceHours
from sla.window import format_instant, parse_instant, parse_window

PACKAGE = Path(str(resources.files("tzdata"))) / "zoneinfo"
VANCOUVER = "America/Vancouver"


def install_database(folder: Path, version: str | None, vancouver: str = VANCOUVER) -> Path:
    """Write a small system database into the folder, with the rules of another zone for Vancouver."""
    for name, source in ((VANCOUVER, vancouver), ("Etc/UTC", "Etc/UTC"), ("UTC", "Etc/UTC")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((PACKAGE / source).read_bytes())
    if version is not None:
        (folder / "tzdata.zi").write_text(f"# version {version}\n# This zic input file is in the public domain.\n")
    return folder


def test_newest_version_is_used_and_the_first_of_two_equal_ones() -> None:
    old, new, package = Database(Path("/a"), "2025b"), Database(Path("/b"), "2027a"), Database(None, "2026f")
    assert newest([old, package]) == package
    assert newest([old, new, package]) == new
    assert newest([Database(Path("/c"), "2026f"), package]) == Database(Path("/c"), "2026f")
    assert newest([Database(Path("/d"), "2026g"), package]) == Database(Path("/d"), "2026g")
    assert newest([]) is None


def test_database_without_a_version_is_never_the_newer_one() -> None:
    unknown, package = Database(Path("/a"), None), Database(None, "2020a")
    assert newest([unknown, package]) == package
    assert newest([unknown]) == unknown
    assert str(unknown) == "version unknown (/a)"


@pytest.mark.parametrize("line", ["# version unknown", "", "# something else", "# version 26b"])
def test_invalid_version_is_unknown(tmp_path: Path, line: str) -> None:
    folder = install_database(tmp_path, None)
    (folder / "tzdata.zi").write_text(f"{line}\n")
    assert system([str(tmp_path)]) == [Database(tmp_path, None)]


def test_folder_without_compiled_zones_is_no_database(tmp_path: Path) -> None:
    """A slim image removes the compiled files and may leave the list of versions."""
    (tmp_path / "tzdata.zi").write_text("# version 2099a\n")
    assert system([str(tmp_path), str(tmp_path / "nowhere")]) == []
    assert system([str(install_database(tmp_path / "b", "2026b-dirty"))]) == [Database(tmp_path / "b", "2026b")]


SCRIPT = """
from monitor import zones
from sla.window import parse_window, parse_instant, format_instant
print(zones.describe_databases())
window = parse_window("month", parse_instant("2026-12-10T00:00:00Z"), zones.zone("America/Vancouver"))
print(format_instant(window.full.start))
"""


def run_python(tzpath: Path | str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with another folder as the system's database; return its output."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONTZPATH": str(tzpath), "COLUMNS": "120", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_older_system_database_is_not_used(tmp_path: Path) -> None:
    """Los Angeles still sets its clocks back, as every database before 2026b contains for Vancouver."""
    old = install_database(tmp_path, "2025b", "America/Los_Angeles")
    output = run_python(old, "-c", SCRIPT)
    assert output.stdout.splitlines()[1] == "2026-12-01T07:00:00Z", output.stderr
    assert f"not newer: 2025b ({old})" in output.stdout
    assert "the package tzdata" in output.stdout


def test_newer_system_database_is_used(tmp_path: Path) -> None:
    """It may contain a law that no package contains: here, Vancouver has the rules of Tokyo."""
    new = install_database(tmp_path, "2099a", "Asia/Tokyo")
    output = run_python(new, "-c", SCRIPT)
    assert output.stdout.splitlines()[1] == "2026-11-30T15:00:00Z", output.stderr
    assert output.stdout.startswith(f"time zone database 2099a ({new})")


def test_zones_missing_in_a_newer_system_database_come_from_the_package(tmp_path: Path) -> None:
    output = run_python(
        install_database(tmp_path, "2099a"), "-c", "from monitor import zones; print(zones.zone('Asia/Tokyo'))"
    )
    assert output.stdout == "Asia/Tokyo\n"


def test_package_is_used_without_a_system_database() -> None:
    output = run_python("", "-c", SCRIPT)
    assert output.stdout.splitlines()[1] == "2026-12-01T07:00:00Z", output.stderr
    assert "not newer" not in output.stdout


def test_missing_database_gives_a_one_line_remedy(tmp_path: Path) -> None:
    (tmp_path / "tzdata.py").write_text("raise ImportError('not installed')\n")
    log = tmp_path / "log.csv"
    log.write_text("at,outcome\n2026-11-20T18:00:00Z,good\n")
    output = run_python("", "-m", "monitor", "measure", str(log), PYTHONPATH=str(tmp_path))
    assert output.returncode == 2
    assert "there is no time zone database; install the package tzdata" in output.stderr
    assert "Traceback" not in output.stderr
    assert (
        run_python("", "-c", "from monitor import zones; print(zones.IN_USE)", PYTHONPATH=str(tmp_path)).stdout
        == "None\n"
    )


def test_measure_reads_the_newer_database(tmp_path: Path) -> None:
    """With the old rules, 1 December begins at 08:00 UTC."""
    old = install_database(tmp_path, "2025b", "America/Los_Angeles")
    log = tmp_path / "log.csv"
    log.write_text("at,outcome\n2026-12-01T06:59:00Z,good\n2026-12-01T07:00:30Z,good\n")
    arguments = ("-m", "monitor", "measure", str(log), "--window", "day", "--format", "json")
    output = run_python(old, *arguments, "--at", "2026-12-01T07:00:30Z")
    assert json.loads(output.stdout)["results"][0]["window"]["start"] == "2026-12-01T07:00:00Z", output.stderr


# From November 2026 on, in British Columbia, with this process's database.

NOVEMBER = Interval(parse_instant("2026-11-01T00:00:00Z"), parse_instant("2026-12-20T00:00:00Z"))


@pytest.mark.parametrize(
    ("name", "ahead"),
    [(VANCOUVER, -7), ("Canada/Pacific", -7), ("America/Edmonton", -6), ("America/Winnipeg", -5), ("Asia/Tokyo", 9)],
)
@pytest.mark.fault(16)
def test_provinces_without_clock_changes_are_supported(name: str, ahead: int) -> None:
    december = parse_instant("2026-12-10T12:00:00Z")
    start = parse_window("month", december, zones.zone(name)).full.start
    assert start == parse_instant("2026-12-01T00:00:00Z") - ahead * HOUR


def test_service_hours_in_december() -> None:
    [closed, *_] = ServiceHours.parse("Mon-Fri 08:00-17:00").outside(
        Interval(parse_instant("2026-12-07T12:00:00Z"), parse_instant("2026-12-08T00:00:00Z")), zones.zone(VANCOUVER)
    )
    assert format_instant(closed.end) == "2026-12-07T15:00:00Z"


OLD_RULES = """BEGIN:VTIMEZONE
TZID:America/Vancouver
BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0700
TZOFFSETTO:-0800
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0800
TZOFFSETTO:-0700
END:DAYLIGHT
END:VTIMEZONE
"""
EVENT = """BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART;TZID=America/Vancouver:20261206T020000
DTEND;TZID=America/Vancouver:20261206T040000
SUMMARY:Patches
END:VEVENT
"""


@pytest.mark.parametrize("rules", ["", OLD_RULES], ids=["the calendar names the zone", "it brings the old rules along"])
def test_calendar_maintenance_in_december(rules: str) -> None:
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n{rules}{EVENT}END:VCALENDAR\n".replace("\n", "\r\n")
    planned = Maintenance.model_construct(
        ics=Calendar("a.ics", text), start=None, end=None, rrule=None, zone=None, reason=None
    )
    [exclusions] = planned.exclusions(NOVEMBER, VANCOUVER)
    assert format_instant(exclusions.interval.start) == "2026-12-06T09:00:00Z"


def test_recurring_maintenance_in_december() -> None:
    planned = Maintenance.model_validate(
        {
            "start": "2026-10-04T02:00",
            "end": "2026-10-04T04:00",
            "rrule": "FREQ=WEEKLY;BYDAY=SU",
            "reason": "patches",
            "zone": VANCOUVER,
        }
    )
    starts = {(exclusions.interval.start - 9 * HOUR) % DAY for exclusions in planned.exclusions(NOVEMBER, "UTC")}
    assert starts == {0}


@pytest.mark.parametrize("text", ["0 3 * * *", "*-*-* 03:00"])
def test_heartbeat_is_due_by_the_new_rules(text: str) -> None:
    due = Schedule(text).after(parse_instant("2026-12-06T05:00:00Z"), VANCOUVER)
    assert format_instant(due) == "2026-12-06T10:00:00Z"


def test_metrics_contain_the_database_version() -> None:
    page = generate_latest(Daemon(Health(), SystemClock()).registry).decode()
    in_use = zones.IN_USE
    assert in_use is not None
    line = f'ninewatch_time_zone_database_info{{source="{in_use.source}",version="{in_use.version}"}} 1.0'
    assert line in page.splitlines()


def test_no_module_reads_a_zone_directly() -> None:
    root = Path(__file__).parents[2]
    calls = re.compile(r"\bZoneInfo\(|available_timezones\(|dateutil\.tz|tz\.gettz|import pytz|astimezone\(\)")
    actual = [
        f"{path.relative_to(root)}: {match[0]}"
        for folder in ("monitor", "sla")
        for path in (root / folder).rglob("*.py")
        for match in calls.finditer(path.read_text())
        if path.name != "zones.py"
    ]
    assert not actual


def test_stated_zone_rules_replace_those_of_the_database() -> None:
    """They also apply in libraries that create zones themselves. Afterwards the database's rules apply again."""
    at = datetime(2026, 6, 1, tzinfo=UTC)
    usual = at.astimezone(zones.zone("America/Vancouver")).utcoffset()
    with zones.use_rules({"America/Vancouver": zones.zone_file("Asia/Kathmandu")}):
        utc_offset = at.astimezone(zones.zone("America/Vancouver")).utcoffset()
        assert utc_offset == at.astimezone(ZoneInfo("America/Vancouver")).utcoffset() == timedelta(hours=5, minutes=45)
    assert at.astimezone(zones.zone("America/Vancouver")).utcoffset() == usual != utc_offset


@pytest.mark.parametrize(("name", "data"), [("../x", b""), ("/etc/x", b""), ("A/B", b"no TZif"), ("A/B", b"")])
def test_invalid_zone_rules_are_rejected(name: str, data: bytes) -> None:
    with pytest.raises(ValueError, match="zone"), zones.use_rules({name: data}):
        pass
