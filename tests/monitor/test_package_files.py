"""Lookup of shipped files."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import package_files
from monitor.errors import NinewatchError


def test_shipped_file_is_found_in_a_checkout() -> None:
    assert package_files.shipped_path("config", "ninewatch.yaml").is_file()
    assert package_files.shipped_path("dashboards").is_dir()


def test_installed_wheel_takes_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_files, "_ROOTS", (tmp_path / "a", tmp_path / "b"))
    for root in ("a", "b"):
        (tmp_path / root / "config").mkdir(parents=True)
    (tmp_path / "b" / "config" / "x").touch()
    assert package_files.shipped_path("config") == tmp_path / "a" / "config"
    assert package_files.shipped_path("config", "x") == tmp_path / "b" / "config" / "x"


def test_error_for_a_missing_file_lists_the_searched_paths() -> None:
    with pytest.raises(NinewatchError, match=r"_share/config/nothing and .*/config/nothing; install ninewatch again"):
        package_files.shipped_path("config", "nothing")
