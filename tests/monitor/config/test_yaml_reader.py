"""Reading YAML: rejected files with their position, and that no file makes the reader slow or exhausts memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import yaml_reader
from monitor.config.loader import examine
from monitor.config.yaml_reader import UnreadableError, read
from tests.monitor.config.kinds import KINDS, MINIMAL

if TYPE_CHECKING:
    from monitor.config.yaml_nodes import Node


def read_nodes(folder: Path, content: str | bytes) -> tuple[Node, list[str]]:
    path = folder / "c.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    root, problems = read(path, "c.yaml")
    return root, [str(problem) for problem in problems]


def read_data(folder: Path, content: str) -> object:
    root, problems = read_nodes(folder, content)
    assert not problems
    return root.plain()


def test_plain_data_is_read(tmp_path: Path) -> None:
    text = "a: 1\nb: [-2.5, true, ~, 'no', \"010\", x y]\nc: {d: |\n  two\n  lines\n}\n".replace(
        "|\n  two\n  lines\n", "e"
    )
    assert read_data(tmp_path, text) == {"a": 1, "b": [-2.5, True, None, "no", "010", "x y"], "c": {"d": "e"}}


BILLION_LAUGHS = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

# Name -> (content, expected error) of a file that is rejected as a whole.
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "laughs": (BILLION_LAUGHS, "c.yaml:2:8: *a is an alias, which is not allowed"),
    "recursive alias": ("a: &a [*a]", "c.yaml:1:8: *a is an alias"),
    "merge key": ("<<: {a: 1}", "c.yaml:1:1: << is a merge key, which is not allowed"),
    "deep list": ("[" * 5_000, "c.yaml:1:26: is nested deeper than 24 levels"),
    "deep blocks": ("- " * 5_000, "c.yaml:1:51: is nested deeper than 24 levels"),
    "deep keys": ("{" * 5_000, "c.yaml:1:2: a key must be text, not a list or a mapping"),
    "too much": (b"#" * (1 << 20) + b"\na: b", "c.yaml:1:1: is larger than 1 MiB; split it"),
    "empty": ("", "c.yaml:1:1: the file is empty"),
    "only comments": ("# a\n\n", "c.yaml:1:1: the file is empty"),
    "two documents": ("a: 1\n---\nb: 2\n", "c.yaml:2:1: a second document starts here"),
    "a tab": ("a:\n\t- b\n", "c.yaml:2:1: is not YAML: there is a tab; indent with spaces"),
    "a colon": ("a: b: c\n", "c.yaml:1:5: is not YAML: mapping values are not allowed in this context; put a text"),
    "an open quote": ("a: 'x\n", "c.yaml:2:1: is not YAML: found unexpected end of stream; check quotes"),
    "a control character": ("a: b\nc: \x07", "c.yaml:2:4: contains a control character; delete it"),
    "not UTF-8": (b"a: b\nc: \xff", "c.yaml:2:4: is not UTF-8 text; save it as UTF-8"),
    "UTF-16": ("a: b".encode("utf-16"), "c.yaml:1:1: is not UTF-8 text; save it as UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unreadable_file_is_rejected(name: str, tmp_path: Path) -> None:
    content, expected_error = REFUSED[name]
    with pytest.raises(UnreadableError) as caught:
        read_nodes(tmp_path, content)
    assert str(caught.value.problem).startswith(expected_error)


@pytest.mark.parametrize("content", [BILLION_LAUGHS, "[" * 100_000, "{" * 100_000, "- " * 100_000])
@pytest.mark.fault(44)
def test_yaml_bomb_is_rejected_early(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test counts parser events instead of time: only a few events are read, however long the file is."""
    event_count = 0
    original_get_event = yaml_reader._Loader.get_event

    def counting_get_event(self: object) -> object:
        nonlocal event_count
        event_count += 1
        return original_get_event(self)

    monkeypatch.setattr(yaml_reader._Loader, "get_event", counting_get_event)
    with pytest.raises(UnreadableError):
        read_nodes(tmp_path, content)
    assert event_count < 60


@pytest.mark.fault(44)
def test_file_with_too_many_values_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="has more than 50000 values"):
        read_nodes(tmp_path, "- a\n" * 50_001)


# YAML text that is easily misread -> its error.
TRAPS = {
    "a: 010": 'a: YAML reads 010 as the number 8; use 8, or "010" in quotes for the text',
    "a: 1:30": 'a: YAML reads 1:30 as the number 90; use 90, or "1:30" in quotes for the text',
    "a: 0x1f": "a: YAML reads 0x1f as the number 31;",
    "a: 0b11": "a: YAML reads 0b11 as the number 3;",
    "a: 1_000": "a: YAML reads 1_000 as the number 1000;",
    "a: .inf": "a: YAML reads .inf as the number inf;",
    "a: .NaN": "a: YAML reads .NaN as the number nan;",
    "a: 12345678901234567890123": 'a: "12345678901234567890123" has too many digits for a number',
    f"a: {'9' * 5000}": 'a: "999999',
    "a: 2027-13-45": 'a: "2027-13-45" is neither a number nor a date',
    "no: 1": 'a key must be text, and YAML reads no as the boolean false; use "no" in quotes',
    "1: 1": 'a key must be text, and YAML reads 1 as the number 1; use "1" in quotes',
    "a: !!python/object/apply:os.system [x]": 'a: "!!python/object/apply:os.system" is a tag, which is not allowed',
    "a: !!binary aGk=": 'a: "!!binary" is a tag, which is not allowed',
    "a: !mine x": 'a: "!mine" is a tag, which is not allowed',
}


@pytest.mark.parametrize("text", TRAPS, ids=[text[:30] for text in TRAPS])
@pytest.mark.fault(44)
def test_misleading_yaml_value_is_reported(text: str, tmp_path: Path) -> None:
    _, (problem,) = read_nodes(tmp_path, text)
    assert problem.split(": ", 1)[1].startswith(TRAPS[text])


def test_duplicate_key_is_reported_with_its_first_position(tmp_path: Path) -> None:
    _, problems = read_nodes(tmp_path, "a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert problems == ["c.yaml:4:3: a.b: is set twice; first in line 2"]


@given(at=st.integers(0, len(MINIMAL)), inserted=st.text(max_size=4), deleted_count=st.integers(0, 12))
def test_any_edit_gives_a_portfolio_or_problems(
    at: int, inserted: str, deleted_count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each problem is one line with a position."""
    path = tmp_path_factory.getbasetemp() / "edited.yaml"
    path.write_bytes((MINIMAL[:at] + inserted + MINIMAL[at + deleted_count :]).encode("utf-8", "surrogatepass"))
    result = examine(path, KINDS)
    assert (result.portfolio is None) == bool(result.problems)
    for problem in result.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\n" not in str(problem)


@given(content=st.binary(max_size=200))
@pytest.mark.fault(44)
def test_any_bytes_give_problems(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    assert examine(path, KINDS).problems
