"""Merging of files: a folder in the order of its file names, includes, and a value that two files set."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.loader import examine
from tests.monitor.config.kinds import KINDS

ENGINE = "engine: {max_in_flight: 10}\n"


def product(name: str) -> str:
    return f"products:\n  - id: {name}\n    objective: 99%\n    checks: [{{id: c, tcp: 'h:1'}}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "20-b.yaml").write_text(product("b"))
    (tmp_path / "10-a.yml").write_text(product("a") + ENGINE)
    (tmp_path / "notes.txt").write_text("{{{")
    (tmp_path / ".hidden.yaml").write_text("{{{")
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "x.yaml").write_text("{{{")
    return tmp_path


def ids(path: Path) -> list[str]:
    result = examine(path, KINDS)
    assert result.portfolio is not None, result.problems
    return [product.id for product in result.portfolio.products]


def problems_of(path: Path) -> list[str]:
    return [str(problem) for problem in examine(path, KINDS).problems]


def test_folder_is_merged_in_the_order_of_its_file_names(folder: Path) -> None:
    assert ids(folder) == ["a", "b"]


def test_blocks_are_merged_key_by_key(folder: Path) -> None:
    (folder / "20-b.yaml").write_text(product("b") + "retention: {observations: 7d}\n")
    result = examine(folder, KINDS).portfolio
    assert result is not None
    assert result.engine.max_in_flight == 10
    assert result.retention.observations == 7 * 86_400_000_000


def test_value_set_in_two_files_is_reported_with_both_positions(folder: Path) -> None:
    (folder / "20-b.yaml").write_text(ENGINE + product("b"))
    assert problems_of(folder) == [
        f"{folder}/20-b.yaml:1:10: engine.max_in_flight: is set twice; first at {folder}/10-a.yml:5:10; "
        "remove one of them"
    ]


def test_mistake_is_reported_with_its_own_file(folder: Path) -> None:
    (folder / "20-b.yaml").write_text(product("b").replace("99%", "100%"))
    assert problems_of(folder)[0].startswith(f"{folder}/20-b.yaml:3:16: products.b.objective: 100%")


def test_unreadable_file_does_not_hide_mistakes_in_another(folder: Path) -> None:
    """It causes no false errors either: product `b` may refer to a product in the unreadable file."""
    (folder / "10-a.yml").write_text("a: [")
    text = product("b").replace("99%", "nothing").replace("    checks", "    depends_on: [a]\n    checks")
    (folder / "20-b.yaml").write_text(text)
    first, second = problems_of(folder)
    assert first.startswith(f"{folder}/10-a.yml:2:1: is not YAML")
    assert second.startswith(f"{folder}/20-b.yaml:3:16: products.b.objective: ")


def test_folder_without_yaml_files_is_reported(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == [
        f"{tmp_path}:1:1: {tmp_path} has no .yaml file; use a file, or a folder with .yaml files"
    ]


def test_include_is_merged_once_at_its_position(folder: Path) -> None:
    """Paths are relative to the including file. A file that is included twice is merged once."""
    (folder / "more").mkdir()
    (folder / "more" / "c.yaml").write_text("include: [../20-b.yaml]\n" + product("c"))
    (folder / "10-a.yml").write_text("include: [more, 20-b.yaml]\n" + product("a"))
    assert ids(folder / "10-a.yml") == ["a", "c", "b"]
    assert ids(folder) == ["a", "c", "b"]


def test_include_cycle_ends(folder: Path) -> None:
    (folder / "10-a.yml").write_text("include: [20-b.yaml]\n" + product("a"))
    (folder / "20-b.yaml").write_text("include: [10-a.yml]\n" + product("b"))
    assert ids(folder / "20-b.yaml") == ["b", "a"]


def test_missing_include_is_reported_with_its_position(folder: Path) -> None:
    (folder / "10-a.yml").write_text("include: [gone.yaml]\n" + product("a"))
    expected_problem = f"{folder}/10-a.yml:1:11: include[0]: {folder}/gone.yaml does not exist; use a file"
    assert problems_of(folder / "10-a.yml")[0].startswith(expected_problem)


@pytest.mark.parametrize("include", ["x", "[1]", "{a: b}", "[[a]]"])
def test_include_must_be_a_list_of_paths(include: str, folder: Path) -> None:
    (folder / "10-a.yml").write_text(f"include: {include}\n" + product("a"))
    assert "must be a list of files and folders" in problems_of(folder / "10-a.yml")[0]


def test_standalone_file_is_excluded_from_its_folder_and_loads_alone(folder: Path) -> None:
    (folder / "15-demo.yaml").write_text("standalone: true\n" + product("a"))
    assert ids(folder) == ["a", "b"]
    assert ids(folder / "15-demo.yaml") == ["a"]


def test_unused_subfolder_gets_a_warning(folder: Path) -> None:
    (folder / "products").mkdir()
    (folder / "products" / "c.yaml").write_text(product("c"))
    (warning,) = examine(folder, KINDS).warnings
    assert str(warning) == f"{folder}/products:1:1: is not read; to merge it, use include: [products]"


def test_file_without_a_mapping_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("- a\n")
    assert problems_of(tmp_path)[0] == f"{tmp_path}/c.yaml:1:1: must be a mapping; start with products: or listen:"
