"""Code, documents and pages use the words of the field: `words.toml` lists those to avoid."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = tomllib.loads((ROOT / "tests/words.toml").read_text(encoding="utf-8"))
WORDS: dict[str, str] = DATA["words"]
VARIABLES: dict[str, str] = DATA["variables"]
EXCEPTIONS: dict[str, list[str]] = DATA["exceptions"]
PLACES = ("monitor", "sla", "docs", "config", "README.md", "ARCHITECTURE.md", "CONFIGURATION.md")
SUFFIXES = {".py", ".md", ".html", ".j2", ".js", ".yaml"}

# A part of an identifier is a word too; words of two parts may be on two lines.
_PATTERN = re.compile(
    r"(?<![a-z])(" + "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in WORDS) + r")(?![a-z])", re.IGNORECASE
)

_CLAUSE = re.compile(r"(What|Which|Who|Whom|Where|When)\b")


def findings(text: str, allowed: Collection[str] = ()) -> list[str]:
    """Return the words to avoid in the text, each with its line and the words to use."""
    actual = (
        (text.count("\n", 0, match.start()) + 1, " ".join(match[0].lower().split()))
        for match in _PATTERN.finditer(text)
    )
    return [f"line {line}: {word!r}; use {WORDS[word]}" for line, word in actual if word not in allowed]


def files() -> Iterator[Path]:
    """Yield the files in which the words are not allowed, relative to the root."""
    for place in (ROOT / name for name in PLACES):
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in SUFFIXES:
                yield path.relative_to(ROOT)


def test_no_file_has_a_word_to_avoid() -> None:
    read = ((path, (ROOT / path).read_text(encoding="utf-8")) for path in files())
    actual = {str(path): findings(text, EXCEPTIONS.get(str(path), ())) for path, text in read}
    assert {path: arguments for path, arguments in actual.items() if arguments} == {}


def test_every_exception_is_in_use() -> None:
    for path, arguments in EXCEPTIONS.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        assert [word for word in arguments if findings(text) == findings(text, [word])] == [], path


def names_to_avoid(text: str) -> list[str]:
    """Return the variables and parameters with a name to avoid, each with its line and the name to use."""
    named = (
        (node.lineno, node.id if isinstance(node, ast.Name) else node.arg)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    )
    return [f"line {line}: {name}; use {VARIABLES[name]}" for line, name in sorted(named) if name in VARIABLES]


def unclear_docstrings(text: str) -> list[str]:
    """Return the first lines of docstrings that begin with a What clause instead of a noun or a verb."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = (ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, kinds))
    return [line for line in (text.partition("\n")[0] for text in texts) if _CLAUSE.match(line)]


def python_files() -> Iterator[tuple[str, str]]:
    """Yield name and text of each module of the product, its tests and its benchmarks."""
    for folder in ("monitor", "sla", "tests", "bench"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_no_variable_has_a_name_to_avoid() -> None:
    actual = {name: names_to_avoid(text) for name, text in python_files()}
    assert {name: names for name, names in actual.items() if names} == {}


def test_no_docstring_begins_with_a_what_clause() -> None:
    actual = {name: unclear_docstrings(text) for name, text in python_files()}
    assert {name: lines for name, lines in actual.items() if lines} == {}


def test_names_and_clauses_to_avoid_are_found() -> None:
    text = """def function(given):\n    'What it gives.'\n    return [each for each in given]\n"""
    assert names_to_avoid(text) == [
        "line 1: given; use configured, options",
        "line 3: each; use the singular of what is iterated",
    ]
    assert unclear_docstrings(text) == ["What it gives."]


@pytest.mark.parametrize(
    ("text", "actual"),
    [
        ("mend the file", ["line 1: 'mend'; use fix"]),
        ("one\nit was left\n out", ["line 2: 'left out'; use excluded"]),
        ("_told = 1", ["line 1: 'told'; use reported, shown, printed"]),
        ("Whoever asks", ["line 1: 'whoever'; use the client, the caller"]),
        ("amend, untold, besides, intelligence", []),
    ],
)
def test_complete_words_are_found_also_in_identifiers(text: str, actual: list[str]) -> None:
    assert findings(text) == actual


def test_exception_allows_one_word_only() -> None:
    assert findings("nobody told", ["told"]) == ["line 1: 'nobody'; use no one, no client, or the passive"]
