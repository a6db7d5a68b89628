"""Calendar windows of OpenSLO: import, export, and durations that are no calendar period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.errors import ConfigError
from monitor.config.yaml_writer import yaml_text
from monitor.slo_files.openslo_export import export_objects
from monitor.slo_files.openslo_import import import_objects
from monitor.slo_files.prometheus_tools import calendar_notes, products_with_other_period, pyrra_objects
from monitor.slo_files.reader import read_objects
from tests.monitor.slo_files.test_openslo import PORTFOLIO, SERVER, changed_slo, load_portfolio

if TYPE_CHECKING:
    from pathlib import Path


def calendar_window(duration: str, start: str, zone: str = "America/Toronto") -> list[dict[str, Any]]:
    return [{"duration": duration, "calendar": {"startTime": start, "timeZone": zone}}]


@pytest.mark.parametrize(
    ("duration", "start", "window"),
    [
        ("1d", "2026-02-03 00:00:00", "day"),
        ("1w", "2026-02-02 00:00:00", "week"),
        ("1M", "2026-02-01 00:00:00", "month"),
        ("3M", "2026-07-01 00:00:00", "quarter"),
        ("1Q", "2026-10-01 00:00:00", "quarter"),
        ("1Y", "2026-01-01 00:00:00", "year"),
        ("12M", "2025-04-01 00:00:00", "fiscal-year"),
    ],
)
def test_calendar_window_becomes_a_calendar_period(tmp_path: Path, duration: str, start: str, window: str) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(changed_slo("spec.timeWindow", calendar_window(duration, start)))
    result = import_objects(read_objects(file), SERVER)
    assert not result.notes
    assert result.configuration()["time_zone"] == "America/Toronto"
    portfolio = load_portfolio(tmp_path, yaml_text(result.configuration()))
    assert str(portfolio.products[0].window) == window
    exported_file = tmp_path / "again.yaml"
    exported_file.write_text(yaml_text(*export_objects(portfolio, SERVER)))
    assert import_objects(read_objects(exported_file)).configuration() == result.configuration()


@pytest.mark.parametrize(
    ("duration", "start", "length"),
    [
        ("2M", "2026-02-01 00:00:00", "60d"),
        ("1M", "2026-02-15 00:00:00", "30d"),
        ("1w", "2026-02-01 00:00:00", "7d"),
        ("1Q", "2026-02-01 00:00:00", "90d"),
        ("1Y", "2026-07-01 00:00:00", "365d"),
        ("1d", "2026-02-01 08:00:00", "1d"),
        ("1d", "2026-02-01T00:00:00Z", "1d"),
        ("1d", "tomorrow", "1d"),
    ],
)
def test_window_that_is_no_calendar_period_becomes_a_rolling_window(
    tmp_path: Path, duration: str, start: str, length: str
) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(changed_slo("spec.timeWindow", calendar_window(duration, start)))
    result = import_objects(read_objects(file), SERVER)
    (note,) = map(str, result.notes)
    assert note.startswith(f"{file}:")
    assert "spec.timeWindow[0].calendar: " in note
    assert f"{duration} from {start} is not a calendar period: it is converted to a rolling window of {length}" in note
    assert "time_zone" not in result.configuration()
    assert result.products[0]["window"] == length


def test_calendar_windows_in_several_time_zones_are_rejected(tmp_path: Path) -> None:
    """A configuration has one time zone, so that one of the windows would begin hours too early or too late."""
    file = tmp_path / "slo.yaml"
    zones = {"forms": "America/Toronto", "css": "UTC", "chefs": "UTC"}
    windows = {name: calendar_window("1M", "2026-01-01 00:00:00", zone) for name, zone in zones.items()}
    slos = [changed_slo("spec.timeWindow", windows[name]).replace("name: forms", f"name: {name}") for name in zones]
    file.write_text("---\n".join(slos))
    with pytest.raises(ConfigError) as caught:
        import_objects(read_objects(file), SERVER)
    (line,) = [line for line in str(caught.value).splitlines() if "time zone" in line]
    assert line.startswith(f"{file}:")
    assert "spec.timeWindow[0].calendar.timeZone: another calendar window has another time zone" in line
    assert "import the SLOs from separate files" in line


def test_sloth_and_pyrra_get_a_rolling_window_with_a_note(tmp_path: Path) -> None:
    portfolio = load_portfolio(tmp_path, PORTFOLIO.replace("window: 7d", "window: quarter"))
    (objective,) = pyrra_objects(portfolio, None)
    assert "'window': '90d'" in str(objective)
    assert [(product.id, window) for product, window in products_with_other_period(portfolio)] == [("my_forms", "90d")]
    assert list(calendar_notes(portfolio)) == ["my_forms has a window of a calendar quarter: its rules use 90d"]
    assert not list(calendar_notes(load_portfolio(tmp_path, PORTFOLIO)))
