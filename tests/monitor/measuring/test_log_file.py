"""Reading files as blocks of complete lines."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import NinewatchError
from monitor.measuring import log_file
from monitor.measuring.log_file import BadDataError, Block, Source, open_sources


def blocks(data: bytes, size: int = log_file.BLOCK) -> list[Block]:
    """Return the file in blocks of about this many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_file, "BLOCK", size)
        return list(Source("f", io.BytesIO(data), lambda _: None).blocks())


@given(st.text(st.sampled_from('ab,"\n\r'), max_size=60), st.integers(1, 9), st.booleans())
def test_blocks_end_between_lines(text: str, size: int, packed: bool) -> None:
    """For any block size, the blocks add up to the file, have the right line number, and end outside of quotes (except
    the last one).
    """
    data = gzip.compress(text.encode()) if packed else text.encode()
    actual = blocks(data, size)
    joined = "".join(block.text for block in actual)
    assert joined in (text, text + "\n")
    assert all(block.text.endswith("\n") for block in actual)
    for number, block in enumerate(actual):
        before = "".join(b.text for b in actual[:number])
        assert block.line == 1 + before.count("\n")
        assert before.count('"') % 2 == 0


def test_quotes_do_not_join_lines_of_json() -> None:
    """An escaped quote is no quote, and a line of JSON contains no line break."""
    text = '{"a": "\\""}\n' * 20
    assert len(blocks(text.encode(), 12)) > 5


def test_byte_order_mark_is_removed() -> None:
    assert blocks(b"\xef\xbb\xbfat\n") == [Block("at\n", 1)]


@pytest.mark.parametrize(
    ("data", "expected_start", "message"),
    [
        (b"at,outcome\n1,\xff\n", "f:2: ", "not UTF-8"),
        (b"at,outcome\n\n1,\0\n", "f:3: ", "not a text"),
        ("at,outcome\n".encode("utf-16"), "f:1: ", "not"),
        (gzip.compress(b"at,outcome\n" * 99, mtime=0)[:-12], "f:1: ", "truncated or damaged"),
        (b"\x1f\x8bnothing", "f:1: ", "truncated or damaged"),
    ],
)
def test_undecodable_text_is_reported_with_its_line(data: bytes, expected_start: str, message: str) -> None:
    with pytest.raises(BadDataError) as rejected:
        blocks(data)
    assert str(rejected.value).startswith(expected_start)
    assert message in str(rejected.value)


def test_unclosed_quote_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "_MAX_LINE_BYTES", 50)
    with pytest.raises(BadDataError, match="f:2: a line of more than 64 MB; check for a missing closing quote"):
        blocks(b'at,outcome\n"1,good\n' + b"2,good\n" * 50, 10)


def test_all_files_are_opened_before_the_first_is_read(tmp_path: object) -> None:
    with pytest.raises(NinewatchError, match=r"nowhere.csv: No such file"), open_sources([__file__, "nowhere.csv"]):
        pytest.fail("opened")
    with pytest.raises(NinewatchError, match="Is a directory"), open_sources([str(tmp_path)]):
        pytest.fail("opened")
