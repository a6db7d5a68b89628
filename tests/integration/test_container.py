"""The image's conditions without an engine: arbitrary user of group 0, no capabilities, read-only root, own wheel."""

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
from tests.support.processes import Program, fetch, running, wait_for

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

# A program that tells, as JSON, who it is, what it may do and where it can write.
CONFESSION = """
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


def namespaces() -> bool:
    """Whether this machine lets us have a mount namespace of our own."""
    command = ["unshare", "--mount", "--propagation", "private", "setpriv", "--reuid", str(UID), "true"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


slow = pytest.mark.slow
unshared = pytest.mark.skipif(not namespaces(), reason="needs root and mount namespaces (unshare, setpriv)")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as the Containerfile builds it: no isolation, no dependencies, nothing from an index."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-index", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "-w", folder, ROOT], check=True, timeout=100)
    (built,) = folder.glob("ninewatch-*.whl")
    return built


@contextmanager
def contained(wheel: Path, config: Path, log: Path, *program: str) -> Iterator[Program]:
    """The program as OpenShift would run it."""
    packages = sysconfig.get_path("purelib")
    with running(log, [SCRIPT, wheel, sys.executable, packages, config, *program]) as process:
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
def test_the_conditions_are_those_that_they_claim_to_be(wheel: Path, config: Path, tmp_path: Path) -> None:
    """Else the tests below would prove nothing."""
    with contained(wheel, config, tmp_path / "log", "python", "-c", CONFESSION) as program:
        assert program.process.wait(timeout=60) == 0, program.log.read_text()
    who, rights, home, where, writable = json.loads(program.log.read_text())
    assert who == [UID, 0, []]
    assert rights == [0, 0, "1"]
    assert not home
    assert where.startswith("/opt/ninewatch/lib/")
    assert writable == ["/opt/data"]


@slow
@unshared
def test_the_configuration_is_checked_there(wheel: Path, config: Path, tmp_path: Path) -> None:
    with contained(wheel, config, tmp_path / "log", "ninewatch", "check-config", "/opt/etc") as program:
        assert program.process.wait(timeout=60) == 0, program.log.read_text()
    assert "no errors" in program.log.read_text()


@slow
@unshared
def test_the_daemon_lives_probes_records_and_ends_there(wheel: Path, config: Path, tmp_path: Path) -> None:
    with contained(wheel, config, tmp_path / "log", "ninewatch", "run", "-c", "/opt/etc") as program:
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
def test_what_ships_beside_the_code_is_found_in_an_installed_wheel(wheel: Path, config: Path, tmp_path: Path) -> None:
    names = "'dashboards/ninewatch.rules.yaml', 'config'"
    find = f"from monitor.package_files import shipped_path; print(*map(shipped_path, ({names})))"
    with contained(wheel, config, tmp_path / "log", "python", "-c", find) as program:
        assert program.process.wait(timeout=60) == 0, program.log.read_text()
    assert "/opt/ninewatch/lib" in program.log.read_text()


def test_the_image_starts_without_a_shell_as_a_user_by_number() -> None:
    """A shell would keep signals from the daemon; `runAsNonRoot` cannot judge a user by name."""
    entry = re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", CONTAINERFILE, flags=re.MULTILINE)
    assert [json.loads(each) for each in entry] == [["/opt/ninewatch/bin/ninewatch"], ["run", "-c", "/etc/ninewatch"]]
    final = CONTAINERFILE.split("\nFROM ")[-1]
    assert re.findall(r"^USER (.+)$", final, flags=re.MULTILINE) == ["1001"]


def test_both_stages_share_a_base_that_is_an_argument() -> None:
    """The environment's interpreter is a link to the base's, so that the stages must not differ."""
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, flags=re.MULTILINE) == ["${BASE_IMAGE}", "${BASE_IMAGE}"]
    assert re.search(r"^ARG BASE_IMAGE=\S+$", CONTAINERFILE, flags=re.MULTILINE)


def test_everything_that_is_installed_in_the_image_has_its_hash_checked() -> None:
    commands = re.sub(r"\\\n", " ", CONTAINERFILE)
    installs = re.findall(r"pip\b[^&\n]*?\b(?:install|wheel)\b[^&\n]*", commands)
    assert len(installs) == 4
    assert all("--require-hashes" in each or "--no-deps" in each for each in installs)
    assert all("--no-build-isolation" in each for each in installs if " wheel " in each)


def test_the_image_has_the_drivers_of_the_database_checks() -> None:
    (locked,) = re.findall(r"wheel --require-hashes.*?\n\n", CONTAINERFILE, flags=re.DOTALL)
    assert re.findall(r"-r (\S+)", locked) == ["requirements.lock", "requirements-databases.lock"]


def test_the_context_holds_all_that_is_copied() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, flags=re.MULTILINE))
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".containerignore").read_text(), flags=re.MULTILINE))
    assert {name for each in copied for name in each.split()} == allowed
    assert all((ROOT / name).exists() for name in allowed)
