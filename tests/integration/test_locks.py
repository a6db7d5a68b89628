"""The requirement lock files: every requirement is pinned, and the commands install only pinned requirements."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.requirement_lock_files import Pin, marker_environment, read_lock, unsatisfied_requirements

if TYPE_CHECKING:
    from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
DATABASES = [*EXTRAS["mysql"], *EXTRAS["postgres"]]
DEVELOPMENT = [requirement for requirement in PROJECT["dependency-groups"]["dev"] if isinstance(requirement, str)]
BUILD = [*PROJECT["dependency-groups"]["build"], *PROJECT["build-system"]["requires"]]
RUNTIME: list[str] = PROJECT["project"]["dependencies"]
LOCKS = {path.name: path.read_text() for path in ROOT.glob("requirements*.lock")}
PINS = {name: read_lock(lock) for name, lock in LOCKS.items()}

# Name of an installation -> its lock files, and the project's requirements for it.
SETS = {
    "build": (["requirements-build.lock"], BUILD),
    "make run": (["requirements.lock"], RUNTIME),
    "image": (["requirements.lock", "requirements-databases.lock"], [*RUNTIME, *DATABASES]),
    "databases": (["requirements-databases.lock"], DATABASES),
    "browser": (["requirements-browser.lock"], EXTRAS["browser"]),
    "apprise": (["requirements.lock", "requirements-apprise.lock"], EXTRAS["apprise"]),
    "make test": (
        ["requirements-dev.lock"],
        [*RUNTIME, *DATABASES, *EXTRAS["browser"], *EXTRAS["apprise"], *DEVELOPMENT, *BUILD],
    ),
}


def pins_of(names: list[str]) -> list[Pin]:
    return [pin for name in names for pin in PINS[name]]


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("installation", SETS)
def test_every_requirement_is_pinned_with_its_extras(installation: str, python: str, platform: str) -> None:
    """pip resolves a requirement without a pin by itself, and rejects the result because it has no hash."""
    names, roots = SETS[installation]
    assert unsatisfied_requirements(roots, pins_of(names), marker_environment(python, platform)) == []


@pytest.mark.parametrize(
    ("original", "replacement", "problem"),
    [
        ("coverage[toml]==", "coverage==", r"pytest-cov requires coverage\[toml\].*lacks the extras \[toml\]"),
        ("psycopg[binary]==", "psycopg==", r"the project requires psycopg\[binary\].*lacks the extras \[binary\]"),
        ("yarl==", "another==", r"aiohttp requires yarl.*: no pin"),
        ("pluggy==1", "pluggy==0", r"pytest requires pluggy.*: 0\.\S+ is pinned"),
    ],
)
def test_damaged_lock_file_is_detected(original: str, replacement: str, problem: str) -> None:
    names, roots = SETS["make test"]
    lock = LOCKS[names[0]]
    assert original in lock
    problems = unsatisfied_requirements(
        roots, read_lock(lock.replace(original, replacement)), marker_environment("3.11")
    )
    assert any(re.match(problem, message) for message in problems), problems


def test_pin_without_a_hash_is_detected() -> None:
    lock = read_lock("a==1 \\\n    --hash=sha256:00\n    # via b\nb==2\n")
    metadata = {"a": ["b>=1"], "b": []}
    problems = unsatisfied_requirements(["a"], lock, marker_environment("3.11"), lambda name, _: metadata[name])
    assert problems == ["a requires b>=1: the pin has no hash"]


def test_requirements_of_an_extra_apply_if_the_extra_is_pinned() -> None:
    metadata = {"a": ["b; extra == 'more'"]}
    for pin, problems in (("a==1", []), ("a[more]==1", ['a requires b; extra == "more": no pin'])):
        lock = read_lock(f"{pin} --hash=sha256:00\n")
        assert (
            unsatisfied_requirements([], lock, marker_environment("3.11"), lambda name, _: metadata[name]) == problems
        )


def test_lock_files_have_hashes_and_equal_versions() -> None:
    versions: dict[tuple[str, str], set[Version]] = {}
    for pin in pins_of(list(LOCKS)):
        assert pin.hash_count > 0, pin
        versions.setdefault((pin.name, str(pin.requirement.marker)), set()).add(pin.version)
    assert {
        key: different_versions for key, different_versions in versions.items() if len(different_versions) > 1
    } == {}
    assert len(versions) > 90


@pytest.mark.parametrize("name", LOCKS)
def test_all_packages_but_oncalendar_are_installed_as_wheels(name: str) -> None:
    """The lock file lists the packages for `--only-binary`; pip 23.0 warns about `--no-binary`."""
    options = [line for line in LOCKS[name].splitlines() if line.startswith("--")]
    assert [line.split(" ")[0] for line in options] == ["--only-binary"]
    wheels = options[0].split(" ")[1].split(",")
    assert wheels == sorted({pin.name for pin in PINS[name]} - {"oncalendar"})
    assert "setuptools" in {pin.name for pin in PINS["requirements-build.lock"]}


def test_lock_file_header_is_replaced(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    pins = "a[x]==1 \\\n    --hash=sha256:00\nb==2\nC.d==3 ; python_version < '4'\n"
    for head in ("--only-binary :all:\n--no-binary b\n\n", "", "--only-binary a,b\n\n"):
        lock.write_text(head + pins)
        subprocess.run([sys.executable, ROOT / ".ci/wheels_only.py", "b", lock], check=True, timeout=60)
        assert lock.read_text() == f"--only-binary C.d,a\n\n{pins}"


def test_every_pip_call_of_make_uses_a_lock_file_or_no_index() -> None:
    command = ["make", "-n", "-B", "--no-print-directory", "-f", ROOT / "Makefile", "run", "extras", "test"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    calls = re.findall(r"^\S*python -m pip .*$", output, flags=re.MULTILINE)
    assert len(calls) >= 6
    for call in calls:
        assert " --no-build-isolation " in call, call
        assert re.search(r" --require-hashes (-r \S+\.lock ?)+$", call) or " --no-index --no-deps " in call, call


def make_run(folder: Path, python: Path | str, modules: Path | str = "") -> subprocess.CompletedProcess[str]:
    """Run `make run` without a package index; Python imports `modules` before its standard library."""
    for path in [ROOT / "Makefile", ROOT / "pyproject.toml", *(ROOT / name for name in LOCKS)]:
        (folder / path.name).write_bytes(path.read_bytes())
    env = {**os.environ, "PYTHONPATH": str(modules), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    command = ["make", f"PYTHON={python}", "run"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize(
    ("module", "content", "problem"),
    [
        (
            "ensurepip",
            "raise ImportError",
            "cannot create a virtual environment; on Debian: apt-get install python3-venv",
        ),
        (
            "sitecustomize",
            "import sys; sys.version_info = (3, 9, 2)",
            "is older than Python 3.11; name a newer one: make PYTHON=/path/to/python3.11 run",
        ),
    ],
)
def test_make_run_reports_a_missing_system_package(module: str, content: str, problem: str, tmp_path: Path) -> None:
    """Without python3-venv, Debian's `python3 -m venv` would create an environment without pip; `make` creates none."""
    modules, folder = tmp_path / "modules", tmp_path / "checkout"
    modules.mkdir()
    folder.mkdir()
    (modules / f"{module}.py").write_text(content)
    result = make_run(folder, sys.executable, modules)
    assert result.returncode == 2
    assert f"make: {sys.executable} {problem}\n" in result.stderr
    assert not (folder / ".venv").exists()


def test_make_run_reports_a_missing_python(tmp_path: Path) -> None:
    result = make_run(tmp_path, "python3-missing")
    assert result.returncode == 2
    assert "make: python3-missing is not installed; on Debian: apt-get install python3-venv\n" in result.stderr


@pytest.mark.slow
def test_environment_without_pip_is_completed(tmp_path: Path) -> None:
    """This is the state on Debian when python3-venv is installed after a first `make run`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True, timeout=60)
    result = make_run(tmp_path, sys.executable)
    assert "No matching distribution found" in result.stderr, "pip ran, and had no index"
    assert (tmp_path / ".venv/bin/pip").exists()
