"""`ninewatch import uptime-kuma`: what the monitors of a database become, and what is listed as not carried over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.errors import NinewatchError
from monitor.migration.kuma import convert_kuma
from monitor.migration.kuma_maintenance import planned_maintenance
from tests.monitor.migration.kuma_databases import EXAMPLE_ROWS, kuma_database
from tests.monitor.migration.test_gatus import checks, load_written

EXAMPLE = Path(__file__).parents[3] / "examples/kuma.db"
URL = "https://forms.example.org/"


def monitor_rows(*rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {"monitor": [{"name": f"m{number}", "interval": 60, **row} for number, row in enumerate(rows)]}


@pytest.mark.parametrize("version", [1, 2])
def test_groups_and_monitors_become_products(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    conversion = convert_kuma(kuma_database(tmp_path / "kuma.db", version, EXAMPLE_ROWS), "99.9%")
    portfolio = load_written(tmp_path, conversion, monkeypatch)
    assert [(p.id, p.team, [c.id for c in p.checks]) for p in portfolio.products] == [
        ("forms", "Digital forms", ["start-page", "health"]),
        ("mail-relay", None, ["mail-relay"]),
        ("nightly-load", None, ["nightly-load"]),
    ]
    assert checks(conversion)["forms/health"] == {
        "id": "health",
        "http": "https://forms.example.org/health",
        "basic": {"user": "monitor", "password": {"env": "UPTIME_KUMA_HEALTH_PASSWORD"}},
        "redirects": 10,
        "expect": {"status": ["200-299"], "contains": "ok"},
        "interval": "20s",
        "timeout": "16s",
        "fall": 1,
        "rise": 1,
    }
    assert conversion.targets == {
        "2": "forms/start-page",
        "3": "forms/health",
        "4": "mail-relay/mail-relay",
        "5": "nightly-load/nightly-load",
    }
    planned = portfolio.products[0].maintenance[0]
    assert (planned.rrule, str(planned.start), str(planned.end)) == (
        "FREQ=WEEKLY;BYDAY=SU,WE",
        "2020-01-01 23:00:00",
        "2020-01-02 01:00:00",
    )
    notes = "\n".join(conversion.notes)
    assert "monitor 6 (Queue): not carried over: monitors of the type rabbitmq have no equivalent" in notes
    assert "notification 1 (Slack): not carried over" in notes
    assert "not-a-real" not in notes + conversion.text()


def test_example_has_the_rows_of_this_file(tmp_path: Path) -> None:
    conversion = convert_kuma(kuma_database(tmp_path / "kuma.db", 1, EXAMPLE_ROWS), "99.9%")
    assert convert_kuma(EXAMPLE, "99.9%").text() == conversion.text()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"type": "dns", "hostname": "a.example.org", "dns_resolve_type": "MX", "dns_resolve_server": "1.1.1.1"},
         {"dns": "a.example.org", "record": "MX", "resolver": "1.1.1.1:53"}),
        ({"type": "redis", "database_connection_string": "rediss://u:pw@cache.example.org:6380"},
         {"redis": "cache.example.org:6380", "user": "u", "password": {"env": "UPTIME_KUMA_M0_PASSWORD"},
          "encrypted": True}),
        ({"type": "http", "url": URL, "headers": '{"X-Api-Key": "pw", "Accept": "text/html"}', "ignore_tls": 1},
         {"headers": {"X-Api-Key": {"env": "UPTIME_KUMA_M0_X_API_KEY"}, "Accept": "text/html"},
          "tls": {"verify": False}}),
        ({"type": "http", "url": URL, "method": "post", "body": '{"password": "pw"}', "maxredirects": 0},
         {"method": "POST", "body": {"env": "UPTIME_KUMA_M0_BODY"}}),
        ({"type": "http", "url": URL, "auth_method": "oauth2-cc", "oauth_token_url": "https://sso.example.org/t",
          "oauth_client_id": "c", "oauth_client_secret": "pw", "oauth_scopes": "a b"},
         {"oauth2": {"token_url": "https://sso.example.org/t", "client_id": "c",
                     "client_secret": {"env": "UPTIME_KUMA_M0_CLIENT_SECRET"}, "scopes": ["a", "b"]}}),
        ({"type": "json-query", "url": URL, "json_path": "data[0].state", "expected_value": "UP", "timeout": 12.5},
         {"expect": {"status": ["200-299"], "json": {"$.data[0].state": {"==": "UP"}}}, "timeout": "12500ms"}),
        ({"type": "keyword", "url": URL, "keyword": "error", "invert_keyword": 1},
         {"expect": {"status": ["200-299"], "not_contains": "error"}}),
        ({"type": "ping", "hostname": "192.0.2.1"}, {"icmp": "192.0.2.1"}),
    ],
)  # fmt: skip
def test_kinds_of_monitors(tmp_path: Path, row: dict[str, Any], expected: dict[str, Any]) -> None:
    conversion = convert_kuma(kuma_database(tmp_path / "kuma.db", 1, monitor_rows(row)), "99.9%")
    (check,) = checks(conversion).values()
    assert {key: check.get(key) for key in expected} == expected
    assert "pw" not in conversion.text()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"type": "json-query", "url": URL, "json_path": "$.n", "json_path_operator": ">=", "expected_value": "5"},
         {"expect": {"status": ["200-299"], "json": {"$.n": {">=": 5}}}}),
        ({"type": "json-query", "url": URL, "json_path": "$.s", "json_path_operator": "contains",
          "expected_value": "a.b"},
         {"expect": {"status": ["200-299"], "json": {"$.s": {"matches": r"a\.b"}}}}),
        ({"type": "smtp", "hostname": "mail.example.org", "port": 587, "smtp_security": "starttls"},
         {"smtp": "mail.example.org:587", "encryption": "starttls"}),
    ],
)  # fmt: skip
def test_kinds_of_monitors_of_version_2(tmp_path: Path, row: dict[str, Any], expected: dict[str, Any]) -> None:
    conversion = convert_kuma(kuma_database(tmp_path / "kuma.db", 2, monitor_rows(row)), "99.9%")
    (check,) = checks(conversion).values()
    assert {key: check.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"type": "http", "url": URL, "active": 0}, "the monitor is paused"),
        ({"type": "http", "url": URL, "upside_down": 1}, "the monitor is upside down"),
        ({"type": "docker", "docker_container": "web"}, "monitors of the type docker have no equivalent"),
        ({"type": "json-query", "url": URL, "json_path": "$sum(a)"}, "is not a plain path"),
        ({"type": "mysql", "database_connection_string": "localhost"}, "the connection string is not a URL"),
        ({"type": "http", "url": "ftp://x"}, "the check m1 is not valid"),
    ],
)
def test_monitors_without_an_equivalent_are_listed(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    rows = monitor_rows({"type": "port", "hostname": "a.example.org", "port": 22}, row)
    conversion = convert_kuma(kuma_database(tmp_path / "kuma.db", 1, rows), "99.9%")
    assert list(checks(conversion)) == ["m0/m0"]
    (note,) = conversion.notes
    assert f"{tmp_path / 'kuma.db'}: monitor 2 (m1): not carried over: " in note
    assert message in note


@pytest.mark.parametrize("protocol", ["http", "socks5"])
def test_proxies(tmp_path: Path, protocol: str) -> None:
    rows = monitor_rows({"type": "http", "url": URL, "proxy_id": 1})
    rows["proxy"] = [{"id": 1, "protocol": protocol, "host": "proxy", "port": 3128, "auth": 1, "username": "u"}]
    conversion = convert_kuma(kuma_database(tmp_path / "kuma.db", 1, rows), "99.9%")
    (check,) = checks(conversion).values()
    assert check.get("proxy") == ("http://proxy:3128" if protocol == "http" else None)
    assert ("the proxy with the protocol socks5" in conversion.notes[0]) is (protocol == "socks5")


TIMES = {"title": "t", "start_time": "02:00:00", "end_time": "04:00:00", "timezone": "SAME_AS_SERVER"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"strategy": "single", "title": "t", "start_date": "2026-12-06 02:00:00", "end_date": "2026-12-06 03:00:00"},
         {"start": "2026-12-06T02:00", "end": "2026-12-06T03:00", "zone": "UTC", "reason": "t"}),
        ({"strategy": "recurring-interval", "interval_day": 3, "start_date": "2026-01-05 00:00:00", **TIMES},
         {"start": "2026-01-05T02:00", "end": "2026-01-05T04:00", "rrule": "FREQ=DAILY;INTERVAL=3", "zone": "UTC",
          "reason": "t"}),
        ({"strategy": "recurring-day-of-month", "days_of_month": '[1, "lastDay1"]', **TIMES},
         {"start": "2020-01-01T02:00", "end": "2020-01-01T04:00", "rrule": "FREQ=MONTHLY;BYMONTHDAY=1,-1",
          "zone": "UTC", "reason": "t"}),
        ({"strategy": "cron", "cron": "0 2 * * *", **TIMES}, None),
        ({"strategy": "manual"}, None),
    ],
)  # fmt: skip
def test_maintenance(row: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert planned_maintenance(row) == expected


def test_other_files_are_rejected(tmp_path: Path) -> None:
    text = tmp_path / "kuma.db"
    text.write_text("not a database, but longer than the header of one" * 20)
    with pytest.raises(NinewatchError, match="cannot be read as an SQLite database"):
        convert_kuma(text, "99.9%")
    with pytest.raises(NinewatchError, match="has no monitors of Uptime Kuma"):
        convert_kuma(kuma_database(tmp_path / "empty.db", 2, {}), "99.9%")


def test_text_is_a_configuration(tmp_path: Path) -> None:
    conversion = convert_kuma(EXAMPLE, "99%")
    assert {product["objective"] for product in yaml.safe_load(conversion.text())["products"]} == {"99%"}
