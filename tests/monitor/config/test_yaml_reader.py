"""Reading YAML: what is refused, where, and that no file can make it slow, large or anything but plain data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import yaml_reader
from monitor.config.loader import examine
from monitor.config.yaml_reader import UnreadableError, read
from tests.monitor.config.kinds import KINDS, SMALLEST

if TYPE_CHECKING:
    from monitor.config.yaml_nodes import Node


def nodes(folder: Path, content: str | bytes) -> tuple[Node, list[str]]:
    path = folder / "c.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    root, problems = read(path, "c.yaml")
    return root, [str(problem) for problem in problems]


def plain(folder: Path, content: str) -> object:
    root, problems = nodes(folder, content)
    assert not problems
    return root.plain()


def test_plain_data_is_read_as_written(tmp_path: Path) -> None:
    text = "a: 1\nb: [-2.5, true, ~, 'no', \"010\", x y]\nc: {d: |\n  two\n  lines\n}\n".replace(
        "|\n  two\n  lines\n", "e"
    )
    assert plain(tmp_path, text) == {"a": 1, "b": [-2.5, True, None, "no", "010", "x y"], "c": {"d": "e"}}


LAUGHS = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

# A file that is refused as a whole -> where and why.
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "laughs": (LAUGHS, "c.yaml:2:8: *a is an alias, which is not allowed"),
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
def test_a_file_that_is_no_configuration_is_refused_as_a_whole(name: str, tmp_path: Path) -> None:
    content, told = REFUSED[name]
    with pytest.raises(UnreadableError) as caught:
        nodes(tmp_path, content)
    assert str(caught.value.problem).startswith(told)


@pytest.mark.parametrize("content", [LAUGHS, "[" * 100_000, "{" * 100_000, "- " * 100_000])
def test_a_bomb_is_refused_before_it_is_built(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a stopwatch: the parser is asked for a few events only, however much more is written."""
    asked = 0
    real = yaml_reader._Loader.get_event

    def counted(self: object) -> object:
        nonlocal asked
        asked += 1
        return real(self)

    monkeypatch.setattr(yaml_reader._Loader, "get_event", counted)
    with pytest.raises(UnreadableError):
        nodes(tmp_path, content)
    assert asked < 60


def test_more_values_than_a_configuration_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="has more than 50000 values"):
        nodes(tmp_path, "- a\n" * 50_001)


# What YAML reads differently than people -> how it is told.
TRAPS = {
    "a: 010": 'a: YAML reads 010 as the number 8; write 8, or "010" in quotes for the text',
    "a: 1:30": 'a: YAML reads 1:30 as the number 90; write 90, or "1:30" in quotes for the text',
    "a: 0x1f": "a: YAML reads 0x1f as the number 31;",
    "a: 0b11": "a: YAML reads 0b11 as the number 3;",
    "a: 1_000": "a: YAML reads 1_000 as the number 1000;",
    "a: .inf": "a: YAML reads .inf as the number inf;",
    "a: .NaN": "a: YAML reads .NaN as the number nan;",
    "a: 12345678901234567890123": 'a: "12345678901234567890123" has too many digits for a number',
    f"a: {'9' * 5000}": 'a: "999999',
    "a: 2027-13-45": 'a: "2027-13-45" is neither a number nor a date',
    "no: 1": 'a key must be text, and YAML reads no as the boolean false; write "no" in quotes',
    "1: 1": 'a key must be text, and YAML reads 1 as the number 1; write "1" in quotes',
    "a: !!python/object/apply:os.system [x]": 'a: "!!python/object/apply:os.system" is a tag, which is not allowed',
    "a: !!binary aGk=": 'a: "!!binary" is a tag, which is not allowed',
    "a: !mine x": 'a: "!mine" is a tag, which is not allowed',
}


@pytest.mark.parametrize("text", TRAPS, ids=[text[:30] for text in TRAPS])
def test_a_trap_of_yaml_is_named(text: str, tmp_path: Path) -> None:
    _, (told,) = nodes(tmp_path, text)
    assert told.split(": ", 1)[1].startswith(TRAPS[text])


def test_a_key_set_twice_names_the_first_place(tmp_path: Path) -> None:
    _, problems = nodes(tmp_path, "a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert problems == ["c.yaml:4:3: a.b: is set twice; first in line 2"]


@given(at=st.integers(0, len(SMALLEST)), put=st.text(max_size=4), cut=st.integers(0, 12))
def test_no_edit_of_a_file_makes_loading_fail_otherwise_than_by_problems(
    at: int, put: str, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Half-written, mistyped or hostile: the result is a portfolio or problems of one line each with a place."""
    path = tmp_path_factory.getbasetemp() / "edited.yaml"
    path.write_bytes((SMALLEST[:at] + put + SMALLEST[at + cut :]).encode("utf-8", "surrogatepass"))
    found = examine(path, KINDS)
    assert (found.portfolio is None) == bool(found.problems)
    for problem in found.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\n" not in str(problem)


@given(content=st.binary(max_size=200))
def test_no_bytes_make_loading_fail_otherwise_than_by_problems(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    assert examine(path, KINDS).problems
