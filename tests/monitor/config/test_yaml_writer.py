"""Written YAML is read back unchanged, also by readers that interpret more text as numbers than PyYAML does."""

from __future__ import annotations

import pytest
import yaml

from monitor.config.yaml_writer import Plain, yaml_text

NESTED: dict[str, Plain] = {
    "text": "a: b # c\té",
    "block": "one\n  two\n\nthree",
    "list": [1, 2.5, True, None, "30d", {"x": ["y"]}, []],
    "empty": {},
    "no": "on",
}


def test_written_document_is_read_back_unchanged() -> None:
    assert yaml.safe_load(yaml_text(NESTED)) == NESTED
    assert list(yaml.safe_load_all(yaml_text(NESTED, {"second": 1}))) == [NESTED, {"second": 1}]


def test_keys_keep_their_order_and_multiline_text_is_a_block() -> None:
    assert yaml_text({"b": "x\ny", "a": ["1"]}) == "b: |-\n  x\n  y\na:\n  - '1'\n"


@pytest.mark.parametrize("text", ["1e3", "0o17", "1_000", "0x1F", ".5", "-3", "1.0", "0b1"])
def test_text_that_looks_like_a_number_is_quoted(text: str) -> None:
    assert yaml_text({"id": text}) == f"id: '{text}'\n"


def test_repeated_value_is_written_without_an_alias() -> None:
    shared: dict[str, Plain] = {"a": 1}
    assert "&" not in yaml_text({"x": shared, "y": shared})
