"""compose.yaml and the systemd unit: consistent with the image, and accepted by the tools that read them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from monitor.cli import cli
from tests.monitor.commands.test_cli import write_config
from tests.support.daemon_process import DaemonProcess, environment
from tests.support.http_target import HttpTarget
from tests.support.processes import run_program, wait_for

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNIT = ROOT / "examples/systemd/ninewatch.service"
# Runs a program without memory that is writable and executable, as MemoryDenyWriteExecute= of systemd does (prctl(2)).
_DENY_WRITE_EXECUTE = """
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit("not supported")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def mounts(service: str) -> dict[str, str]:
    """Return the mounted files and folders of a service, by their path in the container."""
    volumes = (volume.split(":") for volume in COMPOSE["services"][service]["volumes"])
    return {target: source for source, target, *_ in volumes if source.startswith(".")}


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def test_mounted_files_exist_and_named_volumes_are_declared() -> None:
    for service in COMPOSE["services"].values():
        for source, *_ in (volume.split(":") for volume in service["volumes"]):
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], source


def test_ports_are_published_to_loopback_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service["ports"]]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_ninewatch_runs_as_the_image_expects() -> None:
    service, containerfile = COMPOSE["services"]["ninewatch"], (ROOT / "Containerfile").read_text()
    (user,) = re.findall(r"^USER (\d+)$", containerfile.partition("AS build")[2].partition("FROM")[2], re.MULTILINE)
    assert service["user"] == f"{user}:0"
    assert service["read_only"]
    assert service["healthcheck"]["test"][1].startswith("/opt/ninewatch/bin/")
    assert f'CMD ["{service["command"][0]}", "-c", "{service["command"][2]}"]' in containerfile


def test_configuration_of_compose_is_valid() -> None:
    result = CliRunner().invoke(cli, ["check-config", str(ROOT / mounts("ninewatch")["/etc/ninewatch/ninewatch.yaml"])])
    assert result.exit_code == 0, result.output


def test_prometheus_and_alertmanager_accept_their_files(tmp_path: Path) -> None:
    mounted = mounts("prometheus")
    text = (ROOT / mounted["/etc/prometheus/prometheus.yml"]).read_text()
    for target, source in mounted.items():
        text = text.replace(target, str(ROOT / source))
    (tmp_path / "prometheus.yml").write_text(text)
    subprocess.run([tool("promtool"), "check", "config", tmp_path / "prometheus.yml"], check=True)
    alertmanager = ROOT / mounts("alertmanager")["/etc/alertmanager/alertmanager.yml"]
    subprocess.run([tool("amtool"), "check-config", alertmanager], check=True)


def test_grafana_reads_the_dashboards_from_the_mounted_folder() -> None:
    mounted = mounts("grafana")
    (provider,) = yaml.safe_load((ROOT / mounted["/etc/grafana/provisioning/dashboards/ninewatch.yaml"]).read_text())[
        "providers"
    ]
    folder = ROOT / mounted[provider["options"]["path"]]
    assert list(folder.glob("*.json"))


def test_systemd_accepts_the_unit_and_rates_its_exposure_as_low(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/ninewatch/bin/ninewatch", "/bin/true"))
    verified = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    # The exposure is between 0 and 10, and the threshold is in tenths.
    subprocess.run([analyze, "security", "--offline=true", "--threshold=20", unit], check=True, capture_output=True)


def test_daemon_runs_without_writable_and_executable_memory(tmp_path: Path) -> None:
    with HttpTarget().serving() as target:
        config = write_config(tmp_path, target.url("/health").replace("127.0.0.1", "localhost"))
        arguments = [sys.executable, "-c", _DENY_WRITE_EXECUTE, "-m", "monitor", "run", "-c", str(config)]
        with run_program(tmp_path / "daemon.log", arguments, env=environment()) as program:
            address = wait_for(
                "the daemon's address, or its end",
                lambda: program.find_in_log(r"answers at (http://\S+)|(not supported)"),
            )
            if "not supported" in program.log.read_text():
                pytest.skip("the kernel has no PR_SET_MDWE")
            daemon = DaemonProcess(program, address, config)
            wait_for("a good probe", lambda: daemon.metric("ninewatch_probes_total", check="health", outcome="good"))
