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


def check_config_output(folder: Path, check: str) -> str:
    """Return the output of `check-config` for a configuration of one check, which must be an error."""
    (folder / "script.py").write_text("def run(page): ...\n")
    (folder / "mine.yaml").write_text(CONFIG.format(check=check))
    result = CliRunner().invoke(check_config, [str(folder / "mine.yaml")])
    assert result.exit_code == 1, result.output
    return result.output


@pytest.fixture(params=LIBRARIES, ids=[kind for _, kind, _ in LIBRARIES])
def missing_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """Make one of the libraries unavailable, and return it."""
    monkeypatch.setitem(sys.modules, request.param[0], None)
    library: tuple[str, str, str] = request.param
    return library


def test_error_in_checkout_shows_make_command(missing_library: tuple[str, str, str], tmp_path: Path) -> None:
    module, kind, check = missing_library
    output = check_config_output(tmp_path, check)
    assert f"{kind} checks need the library {module}, which is not installed; run `make extras` in {ROOT}" in output
    assert f"{tmp_path / 'mine.yaml'}:5:" in output


def test_error_in_installed_wheel_shows_make_command(
    missing_library: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container image has neither a Makefile nor a usable pip."""
    module, kind, check = missing_library
    monkeypatch.setattr(package_files, "_PACKAGE", tmp_path / "site-packages/monitor")
    output = check_config_output(tmp_path, check)
    assert f"{kind} checks need the library {module}, which this installation does not include; " in output
    assert "run `make extras` in a checkout of ninewatch, and run it from there" in output


def test_texts_do_not_mention_an_unpublished_package() -> None:
    """Otherwise any person could register the name, and users would install that person's code."""
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("helm/**/*.*"), *(ROOT / "monitor").rglob("*.*")]
    mentions = [
        path
        for path in texts
        if path.suffix != ".pyc"
        and b"install" in (text := path.read_bytes())
        and (b"ninewatch[" in text or b"pip install ninewatch" in text)
    ]
    assert mentions == []


def test_make_target_installs_the_libraries_of_each_kind() -> None:
    requirements = "".join((ROOT / f"requirements-{name}.lock").read_text() for name in ("databases", "browser"))
    assert all(f"\n{module}==" in requirements or f"\n{module}[binary]==" in requirements for module, _, _ in LIBRARIES)
    makefile = (ROOT / "Makefile").read_text()
    assert "\nextras: $(VENV)/.extras" in makefile
    locks = " ".join(f"-r requirements-{name}.lock" for name in ("databases", "browser", "apprise"))
    assert f"$(INSTALL) {locks}" in makefile
