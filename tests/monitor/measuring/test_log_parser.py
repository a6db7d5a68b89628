"""Parsing files into columns: the fast parser, the slow parser, and unreadable input."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.measuring.log_file import BadDataError, Block
from monitor.measuring.log_parser import Columns, Csv, JsonLines, read


def columns(text: str) -> list[tuple[str | None, ...]]:
    """Return all rows of a file's text, cell by cell, with their line numbers."""
    return [row for actual in read("f", iter([Block(text, 1)])) for row in as_rows(actual)]


def as_rows(actual: Columns) -> list[tuple[Any, ...]]:
    checks, vantages = actual.check or [""] * len(actual.at), actual.vantage or [""] * len(actual.at)
    numbered = [actual.line(row) for row in range(len(actual.at))]
    return list(zip(actual.at, actual.outcome, checks, vantages, numbered, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "at,outcome,check,vantage\n1,good,c,v\n2,bad,c,v\n",
        "at;outcome;check;vantage\n1;good;c;v\n2;bad;c;v\n",
        "at\toutcome\tcheck\tvantage\n1\tgood\tc\tv\n2\tbad\tc\tv\n",
        "vantage,latency_seconds,check,outcome,at\r\nv,0.1,c,good,1\r\nv,,c,bad,2\r\n",
        ' Time ,"Status",monitor,region\n"1","good",c,"v"\n2,bad,c,v\n',
        '{"at":"1","outcome":"good","check":"c","vantage":"v"}\n{ "at":2,"outcome":"bad","check":"c","vantage":"v"}\n',
    ],
)
def test_columns_are_found_by_name(text: str) -> None:
    """Their order, the separator, quotes and additional columns do not matter."""
    assert columns(text) == [
        ("1", "good", "c", "v", 1 + (text[0] != "{")),
        ("2", "bad", "c", "v", 2 + (text[0] != "{")),
    ]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ('at;"a,b,c,d,e,f";outcome', ";"),
        ('"at";"reason, as ""text"", of it";"outcome"', ";"),
        ('"at"\t"x;y;z;w"\t"outcome"', "\t"),
        ('at,"x;y;z;w",outcome', ","),
        ("sep=|\nat|x,y|outcome", "|"),
        ('"sep=;"\r\nat;"x,y,z,w";outcome', ";"),
    ],
)
def test_delimiter_is_found_outside_of_quotes_or_in_excels_first_line(header: str, delimiter: str) -> None:
    """The names of other columns do not matter."""
    row = delimiter.join(("1", '"c; d, e"', "good"))
    assert [column[:2] for column in columns(f"{header}\n{row}\n")] == [("1", "good")]


def test_check_and_vantage_are_optional() -> None:
    assert columns("at,outcome\n1,good\n") == [("1", "good", "", "", 2)]
    assert columns('{"at": 1, "outcome": true}\n') == [("1", "true", "", "", 1)]


def test_each_json_line_is_read_with_its_own_keys() -> None:
    """A key that only some lines have, or a key with another name, is read too."""
    text = (
        '{"at":1,"outcome":"good"}\n{"time":2.5,"status":0,"check":7,"x":[1]}\n\n{"at":3,"outcome":1.0,"check":null}\n'
    )
    assert columns(text) == [("1", "good", "", "", 1), ("2.5", "0", "7", "", 2), ("3", "1.0", "", "", 4)]


def test_empty_file_has_no_rows() -> None:
    assert columns("") == columns("\n \n") == columns("at,outcome\n") == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a,b\n1,2\n", 1, 'no column "at" (or timestamp, time'),
        ("at,b\n1,2\n", 1, 'no column "outcome" (or status'),
        ("\nat\n", 2, 'no column "outcome"'),
        ("at,outcome\r,x\n1,good,1\n", 1, "not CSV"),
        ("at,outcome\n1,good\n1\n", 3, "1 cells, but the header has 2"),
        ("at,outcome\n1,good\n\n1,good,x\n", 4, "3 cells, but the header has 2"),
        ('at,outcome\n"1\n2",good\n"3"x,good\n', 4, "not CSV"),
        ("[\n{}\n]\n", 1, "a JSON array; use one object per line"),
        ('{"at":1,"outcome":"good"}\n{"at":1\n', 2, "not JSON"),
        ('{"at":1,"outcome":"good"}\n[1]\n', 2, "not an object"),
        ('{"at":1,"outcome":"good"}\n{"at":1}\n', 2, 'no column "outcome"'),
        ('{"at":1,"outcome":null}\n', 1, '"outcome" is null; use text or a number'),
        ('{"at":true,"outcome":1}\n', 1, '"at" is true'),
        ('{"at":1,"outcome":1,"check":["a"]}\n', 1, '"check" is ["a"]'),
        ('{"at":1,"outcome":' + "[" * 100_000 + "\n", 1, ""),
    ],
)
def test_unreadable_line_is_reported(text: str, line: int, message: str) -> None:
    """The message has the form `file:line: error`, with a remedy."""
    with pytest.raises(BadDataError) as rejected:
        columns(text)
    assert str(rejected.value).startswith(f"f:{line}: ")
    assert message in str(rejected.value)


cells = st.text(st.sampled_from("ab1, ;\"\n\t\u2028'\\"), max_size=4)


@given(
    st.lists(st.tuples(cells, cells, cells), max_size=8),
    st.booleans(),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_csv_is_read_as_by_the_standard_library(rows: list[tuple[str, str, str]], spaced: bool, quoting: int) -> None:
    """The cells contain quotes, separators and line breaks; both parsers give the same result."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n" if spaced else "\n", quoting=quoting).writerows(
        [("at", "check", "outcome"), *rows]
    )
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline="")))[1:]
    header, _, body = text.getvalue().partition("\n")
    actual = Csv("f", header.rstrip("\r"), 1).read(Block(body, 2))
    assert [(at, check, outcome) for at, outcome, check, *_ in as_rows(actual)] == [tuple(row) for row in expected]


values = st.one_of(
    st.text(max_size=3), st.integers(-(10**20), 10**20), st.floats(allow_nan=False), st.booleans(), st.none()
)
keys = st.sampled_from(["at", "outcome", "check", "vantage", "time", "status", "Check", "extra", 'é"\\'])
objects = st.dictionaries(keys, values, max_size=6)


@given(st.lists(objects, min_size=1, max_size=4), st.booleans())
def test_fast_and_slow_json_parsers_agree(lines: list[dict[str, Any]], repeats_first: bool) -> None:
    """Lines that the fast parser reads give the same cells in the slow parser."""
    input_lines = lines[:1] * 3 if repeats_first else lines
    block = Block("".join(json.dumps(line) + "\n" for line in input_lines), 1)
    reader = JsonLines("f")
    for _ in range(2):  # the second time, all keys are known
        fast_block = reader._fast(block)
        try:
            slow_block = reader._slow(block)
        except BadDataError:
            assert fast_block is None
        else:
            assert fast_block is None or as_rows(fast_block) == as_rows(slow_block)


def test_number_of_quotes_alone_does_not_mean_quoted_cells() -> None:
    """One cell has six quotes, as many as three quoted cells."""
    assert columns('at,outcome,check\n1,good,""""""\n') == [("1", "good", '""', "", 2)]


def test_typical_files_are_read_by_the_fast_parser() -> None:
    """Plain CSV, fully quoted CSV, and JSON lines of which some have one more key; from the second block on."""
    unquoted, quoted = "1,good,c,0.5\r\n2,bad,c,\r\n", '"1","good","c","a, b"\n"2","bad","c",""\n'
    for body in (unquoted, quoted):
        assert Csv("f", "at,outcome,check,x", 1)._fast(Block(body, 2)) is not None
    reader = JsonLines("f")
    lines = Block('{"at":1,"outcome":"good"}\n{"at":2,"outcome":"bad","reason":"timeout"}\n', 1)
    assert reader._fast(lines) is None
    reader.read(lines)
    assert reader._fast(lines) is not None
