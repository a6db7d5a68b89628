"""A renamed check on the command line and in a daemon: reported without `was:`, continued with it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

from monitor.storage.sqlite import SqliteStore
from tests.monitor.commands.test_cli import run_in_process, target, write_config  # noqa: F401 - a fixture
from tests.support.daemon_process import DaemonProcess, running_daemon
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.http_target import HttpTarget


def observation_count(daemon: DaemonProcess) -> int:
    data: dict[str, Any] = daemon.api("/products/demo/availability", window="1h")
    return int(data["observations"]["good"])


def with_renamed_check(text: str, was: str = "") -> str:
    return text.replace("{id: health,", f"{{id: page,{was}")


def test_recorded_check_without_configuration_is_reported_until_it_is_continued(
    target: HttpTarget,  # noqa: F811
    tmp_path: Path,
) -> None:
    config = write_config(tmp_path, target.url("/health"))
    text = config.read_text().replace("id: other,", "id: other, interval: 1h,")
    text = text.replace("other', interval: 200ms", "other'")
    config.write_text(text)
    with running_daemon(config) as daemon:
        wait_for("some observations", lambda: daemon.probes("health") >= 5)
    assert run_in_process("check-config", config).exit_code == 0
    assert "not configured" not in run_in_process("check-config", config).output
    config.write_text(with_renamed_check(text))
    checked = run_in_process("check-config", config)
    assert checked.exit_code == 0
    assert "the check demo/health is recorded until 20" in checked.output
    assert "1 warning" in checked.output
    with running_daemon(config) as daemon:
        assert "check_not_configured" in daemon.output()
        assert "demo/health" in daemon.output()
        config.write_text(with_renamed_check(text, " was: health,"))
        daemon.signal(signal.SIGHUP)
        wait_for("the reload", lambda: "config_reloaded" in daemon.output())
        wait_for("both histories", lambda: observation_count(daemon) > 5)
        before = observation_count(daemon)
        (first, *_) = daemon.api("/products/demo/history")
        assert first["body"]["members"][0]["check"] == "demo/health"
    assert "not configured" not in run_in_process("check-config", config).output
    assert run_in_process("history", "demo", "-c", config).output.startswith("20")
    with running_daemon(config) as daemon:
        assert observation_count(daemon) >= before
        assert "check_not_configured" not in daemon.output()


def test_renamed_product_keeps_its_facts(tmp_path: Path) -> None:
    """Its history is listed by either id. A correction of the former id excludes time of the present product."""
    SqliteStore(tmp_path / "n.db", 0).close()
    config = write_config(tmp_path, "http://127.0.0.1:1/health")
    arguments = ("--by", "Ana", "--reason", "locked", "-c", config)
    assert run_in_process("correct", "demo", "2025-11-03T09:10/2025-11-03T09:25", *arguments).exit_code == 0
    config.write_text(config.read_text().replace("{id: demo,", "{id: portal, was: demo,"))
    output = run_in_process("history", "portal", "-c", config).output
    assert "excluded: locked (Ana)" in output
    assert run_in_process("history", "demo", "-c", config).output == output
    report = ("report", "--product", "portal", "--window", "2025-11-03T00:00/2025-11-04T00:00", "--format", "json")
    (product,) = json.loads(run_in_process(*report, "-c", config).stdout)["products"]
    assert product["contractual"]["excluded_seconds"] == 900
