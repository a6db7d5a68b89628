"""The conditions of the container image without a container engine: arbitrary user of group 0, no capabilities, read-
only root, installed wheel.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.monitoring import Target
from tests.support.processes import Program, fetch, run_program, wait_for

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/support/arbitrary_uid.sh"
CONTAINERFILE = (ROOT / "Containerfile").read_text()
UID = 1000680000
CONFIG = """
listen: 127.0.0.1:0
store: /opt/data/ninewatch.db
products:
  - id: poc
    objective: 99.9%
    checks: [{{id: front, http: "http://127.0.0.1:{port}/", interval: 200ms, timeout: 150ms}}]
"""

# A program that prints its user, its capabilities and the writable folders as JSON.
PRINT_CONDITIONS = """
import json, os, pathlib, monitor

def writable(folder):
    try:
        pathlib.Path(folder, "x").write_text("x")
    except OSError:
        return False
    return True

places = ["/", "/tmp", "/opt", "/opt/etc", "/dev/shm", "/opt/ninewatch", "/opt/data"]
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
rights = [int(status["CapBnd"], 16), int(status["CapEff"], 16), status["NoNewPrivs"]]
who = [os.getuid(), os.getgid(), os.getgroups()]
print(json.dumps([who, rights, "HOME" in os.environ, monitor.__file__, [each for each in places if writable(each)]]))
"""


def has_namespaces() -> bool:
    """Return whether this machine permits a private mount namespace."""
    command = ["unshare", "--mount", "--propagation", "private", "setpriv", "--reuid", str(UID), "true"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


slow = pytest.mark.slow
unshared = pytest.mark.skipif(not has_namespaces(), reason="needs root and mount namespaces (unshare, setpriv)")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as the Containerfile does: without isolation, dependencies and package index."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-index", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "-w", folder, ROOT], check=True, timeout=100)
    (built,) = folder.glob("ninewatch-*.whl")
    return built


@contextmanager
def run_contained(wheel: Path, config: Path, log: Path, *program: str) -> Iterator[Program]:
    """Run the program under the conditions of OpenShift."""
    packages = sysconfig.get_path("purelib")
    with run_program(log, [SCRIPT, wheel, sys.executable, packages, config, *program]) as process:
        yield process


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "etc"
    folder.mkdir()
    with Target().serving() as port:
        (folder / "ninewatch.yaml").write_text(CONFIG.format(port=port))
        yield folder


@slow
@unshared
@pytest.mark.fault(57)
def test_simulated_conditions_match_openshift(wheel: Path, config: Path, tmp_path: Path) -> None:
    """Without this check, the tests below would prove nothing."""
    with run_contained(wheel, config, tmp_path / "log", "python", "-c", PRINT_CONDITIONS) as program:
        assert program.process.wait(timeout=60) == 0, program.log.read_text()
    identity, rights, has_home, module_path, writable_folders = json.loads(program.log.read_text())
    assert identity == [UID, 0, []]
    assert rights == [0, 0, "1"]
    assert not has_home
    assert module_path.startswith("/opt/ninewatch/lib/")
    assert writable_folders == ["/opt/data"]


@slow
@unshared
def test_check_config_runs_in_the_container(wheel: Path, config: Path, tmp_path: Path) -> None:
    with run_contained(wheel, config, tmp_path / "log", "ninewatch", "check-config", "/opt/etc") as program:
        assert program.process.wait(timeout=60) == 0, program.log.read_text()
    assert "no errors" in program.log.read_text()


@slow
@unshared
@pytest.mark.fault(57)
def test_daemon_probes_records_and_stops_in_the_container(wheel: Path, config: Path, tmp_path: Path) -> None:
    with run_contained(wheel, config, tmp_path / "log", "ninewatch", "run", "-c", "/opt/etc") as program:
        address = wait_for("the address", lambda: program.find_in_log(r"answers at (http://\S+)"))
        wait_for("/livez", lambda: fetch(f"{address}/livez")[0] == 200)
        wait_for("/readyz", lambda: fetch(f"{address}/readyz")[0] == 200)
        wait_for("a good probe", lambda: re.search(rb"probe_success{.*} 1", fetch(f"{address}/metrics")[1]))
        record = Path(f"/proc/{program.process.pid}/root/opt/data/ninewatch.db").stat()
        assert (record.st_uid, record.st_gid) == (UID, 0)
        assert program.stop() == 0, program.log.read_text()
    assert "Traceback" not in program.log.read_text()


@slow
@unshared
def test_shipped_files_are_found_in_an_installed_wheel(wheel: Path, config: Path, tmp_path: Path) -> None:
    names = "'dashboards/ninewatch.rules.yaml', 'config'"
    find = f"from monitor.package_files import shipped_path; print(*map(shipped_path, ({names})))"
    with run_contained(wheel, config, tmp_path / "log", "python", "-c", find) as program:
        assert program.process.wait(timeout=60) == 0, program.log.read_text()
    assert "/opt/ninewatch/lib" in program.log.read_text()


def test_image_starts_without_a_shell_and_with_a_numeric_user() -> None:
    """A shell would not forward signals to the daemon, and `runAsNonRoot` cannot check a user name."""
    entry = re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", CONTAINERFILE, flags=re.MULTILINE)
    assert [json.loads(command) for command in entry] == [
        ["/opt/ninewatch/bin/ninewatch"],
        ["run", "-c", "/etc/ninewatch"],
    ]
    final = CONTAINERFILE.split("\nFROM ")[-1]
    assert re.findall(r"^USER (.+)$", final, flags=re.MULTILINE) == ["1001"]


def test_image_has_only_the_root_file_system_of_the_build_stage() -> None:
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, flags=re.MULTILINE) == ["${BASE_IMAGE}", "scratch"]
    assert re.search(r"^ARG BASE_IMAGE=\S+$", CONTAINERFILE, flags=re.MULTILINE)
    final = CONTAINERFILE.split("\nFROM ")[-1]
    assert re.findall(r"^COPY (.+)$", final, flags=re.MULTILINE) == ["--from=build /rootfs /"]


def test_every_installation_in_the_image_checks_hashes() -> None:
    commands = re.sub(r"\\\n", " ", CONTAINERFILE)
    installs = re.findall(r"pip\b[^&\n]*?\b(?:install|wheel)\b[^&\n]*", commands)
    assert len(installs) == 4, installs
    assert all("--require-hashes" in install or "--no-deps" in install for install in installs)
    assert all("--no-build-isolation" in install for install in installs if " wheel " in install)


def test_byte_code_does_not_depend_on_the_times_of_its_sources() -> None:
    """The release workflow builds with `--timestamp`, which sets the times of all files."""
    (options,) = re.findall(r"-m compileall (.*?) -s ", CONTAINERFILE)
    assert "--invalidation-mode unchecked-hash" in options


def test_image_contains_the_database_drivers() -> None:
    (locked,) = re.findall(r"wheel --require-hashes.*?\n\n", CONTAINERFILE, flags=re.DOTALL)
    assert re.findall(r"-r (\S+)", locked) == ["requirements.lock", "requirements-databases.lock"]


def test_build_context_contains_every_copied_file() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, flags=re.MULTILINE))
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".containerignore").read_text(), flags=re.MULTILINE))
    assert {name for names in copied for name in names.split()} == allowed
    assert all((ROOT / name).exists() for name in allowed)
