"""`ninewatch import healthchecks` and `uptimerobot`: what the responses of their APIs become."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import NinewatchError
from monitor.migration.conversion import Conversion
from monitor.migration.healthchecks import convert_healthchecks
from monitor.migration.uptimerobot import convert_uptimerobot
from tests.monitor.migration.test_gatus import checks, load_written

EXAMPLES = Path(__file__).parents[3] / "examples"
Convert = Callable[[Path, str], Conversion]


def converted(folder: Path, convert: Convert, key: str, *items: dict[str, Any]) -> Conversion:
    path = folder / "export.json"
    path.write_text(json.dumps({key: items}))
    return convert(path, "99.9%")


def test_healthchecks_become_heartbeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = convert_healthchecks(EXAMPLES / "healthchecks.json", "99.9%")
    load_written(tmp_path, conversion, monkeypatch)
    assert checks(conversion) == {
        "nightly-load/heartbeat": {
            "id": "heartbeat",
            "heartbeat": "0 3 * * *",
            "zone": "America/Vancouver",
            "grace": "30m",
            "token": {"env": "HEALTHCHECKS_NIGHTLY_LOAD_TOKEN"},
        },
        "queue-worker/heartbeat": {
            "id": "heartbeat",
            "heartbeat": "every 3600s",
            "grace": "5m",
            "token": {"env": "HEALTHCHECKS_QUEUE_WORKER_TOKEN"},
        },
    }
    notes = "\n".join(conversion.notes)
    assert "checks[2] (Old job): not carried over: the check is paused" in notes
    assert "checks[1] (Queue worker): not carried over: the tags prod" in notes
    assert "not-a-real" not in notes + conversion.text()


def test_keywords_of_healthchecks_and_invalid_schedules_are_listed(tmp_path: Path) -> None:
    valid = {"name": "a", "timeout": 60, "failure_kw": "ERROR"}
    conversion = converted(tmp_path, convert_healthchecks, "checks", valid, {"name": "b", "schedule": "never"})
    assert list(checks(conversion)) == ["a/heartbeat"]
    assert "checks[0] (a): not carried over: failure_kw" in conversion.notes[0]
    assert "checks[1] (b): not carried over: the check heartbeat is not valid: heartbeat: " in conversion.notes[-1]


def test_uptimerobot_monitors_become_products(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = convert_uptimerobot(EXAMPLES / "uptimerobot.json", "99.9%")
    load_written(tmp_path, conversion, monkeypatch)
    assert checks(conversion) == {
        "forms/http": {
            "id": "http",
            "http": "https://forms.example.org/",
            "redirects": 10,
            "expect": {"status": "200-399"},
            "interval": "5m",
            "timeout": "30s",
        },
        "forms-health/http": {
            "id": "http",
            "http": "https://forms.example.org/health",
            "redirects": 10,
            "expect": {"status": "200-399", "contains": "ok"},
            "basic": {"user": "monitor", "password": {"env": "UPTIMEROBOT_FORMS_HEALTH_PASSWORD"}},
            "interval": "1m",
            "timeout": "30s",
        },
        "mail-relay/port": {"id": "port", "tcp": "mail.example.org:25", "interval": "5m", "timeout": "30s"},
    }
    assert conversion.targets == {"1": "forms/http", "2": "forms-health/http", "3": "mail-relay/port"}
    assert "not-a-real" not in conversion.text() + "\n".join(conversion.notes)


@pytest.mark.parametrize(
    ("monitor", "expected"),
    [
        ({"type": 3, "url": "192.0.2.1"}, {"id": "ping", "icmp": "192.0.2.1"}),
        ({"type": 4, "sub_type": "99", "port": "8443", "url": "a.example.org"}, {"tcp": "a.example.org:8443"}),
        ({"type": 5, "interval": 3600}, {"heartbeat": "every 3600s", "token": {"env": "UPTIMEROBOT_M_TOKEN"}}),
        ({"type": 1, "url": "https://a.example.org/?token=pw", "http_method": 3}, {"http": "https://a.example.org/"}),
        (
            {"type": 2, "url": "https://a.example.org", "keyword_type": 1, "keyword_value": "x", "http_method": 1},
            {"expect": {"status": "200-399", "not_contains": "x"}},
        ),
    ],
)
def test_kinds_of_uptimerobot(tmp_path: Path, monitor: dict[str, Any], expected: dict[str, Any]) -> None:
    conversion = converted(tmp_path, convert_uptimerobot, "monitors", {"friendly_name": "m", **monitor})
    (check,) = checks(conversion).values()
    assert {key: check[key] for key in expected} == expected


def test_uptimerobot_monitors_without_an_equivalent_are_listed(tmp_path: Path) -> None:
    port = {"friendly_name": "m", "type": 4, "sub_type": 2, "url": "a.example.org"}
    lost = {"friendly_name": "n", "type": 7}, {"friendly_name": "o", "type": 1, "status": 0}
    conversion = converted(tmp_path, convert_uptimerobot, "monitors", port, *lost)
    assert list(checks(conversion)) == ["m/port"]
    assert "monitors[1] (n): not carried over: monitors of the type 7" in conversion.notes[0]
    assert "monitors[2] (o): not carried over: the monitor is paused" in conversion.notes[1]


@pytest.mark.parametrize("convert", [convert_healthchecks, convert_uptimerobot])
@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[]", "has no list"), ('{"checks": [1], "monitors": 1}', "has no list")],
)
def test_other_files_are_rejected(tmp_path: Path, convert: Convert, text: str, message: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    with pytest.raises(NinewatchError, match=message):
        convert(path, "99.9%")
