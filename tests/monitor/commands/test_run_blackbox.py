"""`ninewatch run --blackbox-config`: mistakes are reported before the daemon starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.daemon_process import run_to_exit

CONFIG = """
listen: 127.0.0.1:0
products: [{id: one, objective: 99%, checks: [{id: it, tcp: "127.0.0.1:9"}]}]
"""


@pytest.mark.parametrize(
    ("modules", "options", "expected_text"),
    [
        ("modules: {it: {prober: htp}}", [], "blackbox.yml:1:24: modules.it.prober: must be http, tcp, dns"),
        (None, [], "blackbox.yml:1:1: cannot be read: no such file"),
        ("modules: {}", ["--blackbox-allow", "10.0.0.1/8"], "use e.g. 10.0.0.0/8"),
        ("modules: {}", ["--blackbox-allow", "10.0.0.0/8,here"], "'here' does not appear to be"),
    ],
)
def test_mistake_is_reported_and_the_daemon_does_not_start(
    tmp_path: Path, modules: str | None, options: list[str], expected_text: str
) -> None:
    config, path = tmp_path / "ninewatch.yaml", tmp_path / "blackbox.yml"
    config.write_text(f"store: {tmp_path}/nw.db{CONFIG}")
    if modules is not None:
        path.write_text(modules)
    status, _, errors = run_to_exit("run", "-c", config, "--blackbox-config", path, *options)
    assert status == 2
    assert expected_text in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "nw.db").exists()


def test_allow_option_without_modules_is_rejected(tmp_path: Path) -> None:
    config = tmp_path / "ninewatch.yaml"
    config.write_text(f"store: {tmp_path}/nw.db{CONFIG}")
    status, _, errors = run_to_exit("run", "-c", config, "--blackbox-allow", "10.0.0.0/8")
    assert (status, "needs --blackbox-config FILE" in errors) == (2, True)


def test_module_file_is_checked_by_check_config(tmp_path: Path) -> None:
    """It is checked alone and with the configuration.

    A mistake in one of them does not prevent the check of the other.
    """
    config, path = tmp_path / "ninewatch.yaml", tmp_path / "blackbox.yml"
    config.write_text(f"store: {tmp_path}/nw.db{CONFIG}")
    path.write_text("modules: {it: {prober: tcp}}")
    status, output, _ = run_to_exit("check-config", "--blackbox-config", path)
    assert (status, output) == (0, f"{path}: 1 module, no errors\n")
    path.write_text("modules: {it: {prober: htp}}")
    status, output, errors = run_to_exit("check-config", config, "--blackbox-config", path)
    assert (status, "1 check, no errors" in output) == (1, True)
    assert "blackbox.yml:1:24: modules.it.prober" in errors
    assert run_to_exit("check-config")[0] == 2
