"""Checks with a missing library are rejected with the command that installs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor import package_files
from monitor.commands.check_config import check_config

ROOT = Path(__file__).parents[3]
CONFIG = """\
products:
  - id: data
    objective: 99.9%
    checks:
      - {{id: one, {check}}}
"""
LIBRARIES = [
    ("psycopg", "postgres", "postgres: 127.0.0.1"),
    ("aiomysql", "mysql", "mysql: 127.0.0.1"),
    ("playwright", "browser", "browser: script.py"),
]


def checked(folder: Path, check: str) -> str:
    """Return the output of `check-config` for a configuration of one check, which must be an error."""
    (folder / "script.py").write_text("def run(page): ...\n")
    (folder / "mine.yaml").write_text(CONFIG.format(check=check))
    done = CliRunner().invoke(check_config, [str(folder / "mine.yaml")])
    assert done.exit_code == 1, done.output
    return done.output


@pytest.fixture(params=LIBRARIES, ids=[kind for _, kind, _ in LIBRARIES])
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """Make one of the libraries unavailable, and return it."""
    monkeypatch.setitem(sys.modules, request.param[0], None)
    found: tuple[str, str, str] = request.param
    return found


def test_error_in_a_checkout_names_the_make_target(missing: tuple[str, str, str], tmp_path: Path) -> None:
    module, kind, check = missing
    output = checked(tmp_path, check)
    assert f"{kind} checks need the library {module}, which is not installed; run `make extras` in {ROOT}" in output
    assert f"{tmp_path / 'mine.yaml'}:5:" in output


def test_error_in_an_installed_wheel_names_the_make_target_too(
    missing: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image has neither a Makefile nor a usable pip."""
    module, kind, check = missing
    monkeypatch.setattr(package_files, "_PACKAGE", tmp_path / "site-packages/monitor")
    output = checked(tmp_path, check)
    assert f"{kind} checks need the library {module}, which this installation does not include; " in output
    assert "run `make extras` in a checkout of ninewatch, and run it from there" in output


def test_no_text_names_an_unpublished_package() -> None:
    """Otherwise the code of any person who registers the name would be installed."""
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("helm/**/*.*"), *(ROOT / "monitor").rglob("*.*")]
    named = [
        path
        for path in texts
        if path.suffix != ".pyc"
        and b"install" in (text := path.read_bytes())
        and (b"ninewatch[" in text or b"pip install ninewatch" in text)
    ]
    assert named == []


def test_make_target_installs_the_libraries_of_each_kind() -> None:
    locked = "".join((ROOT / f"requirements-{name}.lock").read_text() for name in ("databases", "browser"))
    assert all(f"\n{module}==" in locked or f"\n{module}[binary]==" in locked for module, _, _ in LIBRARIES)
    makefile = (ROOT / "Makefile").read_text()
    assert "\nextras: $(VENV)/.extras" in makefile
    locks = " ".join(f"-r requirements-{name}.lock" for name in ("databases", "browser", "apprise"))
    assert f"$(INSTALL) {locks}" in makefile
