"""Response bodies: content codings and charsets are decoded before checks, and undecodable bodies are reported."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from monitor.http.body import decode_text, text_of
from monitor.http.charset import charsets_of
from monitor.http.json_body import document
from monitor.http.response import Response
from monitor.network.failure import ProbeFailure
from sla.observation import Outcome
from tests.support.probing import attempt
from tests.support.servers import http_response, respond_with, serve_tcp

if TYPE_CHECKING:
    from monitor.probe_result import ProbeResult

GOOD, BAD = Outcome.GOOD, Outcome.BAD
PAGE = "Tout va bien, Québec"
RAW = zlib.compressobj(wbits=-15)
SIZE = f"{len(PAGE.encode())}-{len(PAGE.encode())}"
BARE = RAW.compress(PAGE.encode()) + RAW.flush()


async def check_body(body: bytes, expect: dict[str, Any], headers: dict[str, str], **options: Any) -> ProbeResult:
    async with serve_tcp(respond_with(http_response(body, **headers))) as port:
        return (await attempt({"http": f"http://127.0.0.1:{port}/", "expect": expect, **options})).result


def compressed_forms(*layers: str) -> bytes:
    data = PAGE.encode()
    for layer in layers:
        data = gzip.compress(data, mtime=0) if layer == "gzip" else zlib.compress(data)
    return data


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (compressed_forms("gzip"), "gzip"),
        (compressed_forms("gzip"), "X-Gzip"),
        (compressed_forms("deflate"), "deflate"),
        (BARE, "deflate"),
        (compressed_forms("deflate", "gzip"), "deflate, gzip"),
        (compressed_forms("gzip", "gzip", "deflate"), "gzip, identity, gzip ,deflate"),
        (PAGE.encode(), "identity"),
        (PAGE.encode(), ""),
    ],
)
async def test_unrequested_coding_is_decoded(body: bytes, coding: str) -> None:
    """Expected and forbidden texts are never searched in compressed bytes."""
    headers = {"Content_Encoding": coding} if coding else {}
    assert (await check_body(body, {"contains": "Québec", "body_size": SIZE}, headers)).reason == ""
    assert (await check_body(body, {"not_contains": "va bien"}, headers)).reason == "body_mismatch"
    assert (await check_body(body, {"not_matches": "va.bien"}, headers)).reason == "body_mismatch"


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, br", "gzip," * 9])
async def test_unknown_coding_has_its_own_reason(coding: str) -> None:
    for expect in ({"not_contains": "x"}, {"contains": "x"}, {"json": {"$.a": 1}}, {"body_size": "> 0"}):
        result = await check_body(compressed_forms("gzip"), expect, {"Content_Encoding": coding})
        assert (result.outcome, result.reason) == (BAD, "body_encoding"), result.detail
    assert (await check_body(compressed_forms("gzip"), {}, {"Content_Encoding": coding})).outcome is GOOD, (
        "nothing looks into it"
    )


@pytest.mark.parametrize("body", [b"no gzip", compressed_forms("gzip")[:-9], compressed_forms("gzip") + b"x"])
async def test_wrong_coding_is_malformed(body: bytes) -> None:
    result = await check_body(body, {"not_contains": "x"}, {"Content_Encoding": "gzip"})
    assert (result.outcome, result.reason) == (BAD, "compression_malformed")


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.fault(34)
async def test_decompression_bomb_ends_at_the_limit_without_a_verdict(layers: int) -> None:
    bomb = b"\0" * 50_000_000
    for _ in range(layers):
        bomb = gzip.compress(bomb, mtime=0)
    result = await check_body(bomb, {"not_contains": "x"}, {"Content_Encoding": ", ".join(["gzip"] * layers)})
    assert (result.outcome, result.reason) == (BAD, "body_too_large")


async def test_text_beyond_the_body_limit_does_not_count_as_absent() -> None:
    body = b"x" * 2_000 + b"Traceback"
    for sent_body, headers in ((body, {}), (gzip.compress(body, mtime=0), {"Content_Encoding": "gzip"})):
        result = await check_body(sent_body, {"not_contains": "Traceback"}, headers, body_limit=1_000)
        assert (result.outcome, result.reason) == (BAD, "body_too_large")


META = '<html><head><meta charset="%s"></head>'
OLD_META = '<html><!-- <meta charset=utf-8> --><meta http-equiv=Content-Type content="text/html; charset=%s">'
XML = '<?xml version="1.0" encoding="%s"?><a/>'
TEXTS = [
    ("utf-8", "text/html", ""),
    ("utf-8", "text/html; charset=UTF-8", ""),
    ("utf-8-sig", "text/html; charset=iso-8859-1", ""),
    ("latin-1", "text/html; charset=ISO-8859-1", ""),
    ("latin-1", "text/html; charset='latin1'", ""),
    ("cp1252", 'text/plain; format=flowed; charset="us-ascii"', ""),
    ("cp1252", "text/html", ""),
    ("cp1252", "", ""),
    ("cp1252", "text/html", META % "windows-1252"),
    ("latin-1", "text/html", OLD_META % "iso-8859-1"),
    ("iso8859-15", "application/xml", XML % "ISO-8859-15"),
    ("iso8859-15", "image/svg+xml", XML % "iso-8859-15"),
    ("utf-16", "text/plain", ""),
    ("utf-16-le", "text/html; charset=utf-16", ""),
    ("utf-16-be", "text/html; charset=UTF-16BE", ""),
    ("utf-16-le", "text/html", ""),
    ("utf-16-be", "", ""),
    ("utf-16", "application/xml", XML % "UTF-16"),
    ("utf-32", "text/plain", ""),
    ("utf-32-be", "text/plain", ""),
]


@pytest.mark.parametrize(("codec", "content_type", "opening"), TEXTS)
async def test_text_is_decoded_as_in_browsers(codec: str, content_type: str, opening: str) -> None:
    body = (f"{opening}Tout va bien, Québec " * 5_000).encode(codec)
    headers = {"Content_Type": content_type} if content_type else {}
    assert (await check_body(body, {"contains": "Québec", "matches": "Qu.bec$|Qu.bec "}, headers)).reason == ""
    assert (await check_body(body, {"not_contains": "Québec"}, headers)).reason == "body_mismatch"
    assert (await check_body(body, {"not_matches": "va bien"}, headers)).reason == "body_mismatch"


@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        ("日本語のページ", "shift_jis", "Shift_JIS"),
        ("日本語のページ", "cp932", "x-sjis"),
        ("日本語のページ", "euc_jp", "EUC-JP"),
        ("日本語のページ", "iso2022_jp", "ISO-2022-JP"),
        ("中文页面", "gb18030", "gb2312"),
        ("中文頁面", "big5", "Big5"),
        ("한국어", "euc_kr", "euc-kr"),
        ("Всё работает", "koi8_r", "KOI8-R"),
        ("Всё работает", "cp1251", "windows-1251"),
        ("“quotes” – €", "cp1252", "ISO-8859-1"),
        ("Zażółć", "iso8859_2", "latin2"),
    ],
)
def test_charset_labels_are_those_of_browsers(text: str, codec: str, label: str) -> None:
    assert text_of(response(text.encode(codec), f"text/html; charset={label}")) == text.encode()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PAGE.encode("latin-1"), "text/html; charset=utf-8"),
        (PAGE.encode("latin-1"), "application/xml"),
        (PAGE.encode(), "text/html; charset=klingon"),
        (PAGE.encode(), "text/html; charset=idna"),
        (PAGE.encode(), "text/html; charset="),
        (PAGE.encode("utf-16")[:-1], "text/html"),
        (b"\xff" + PAGE.encode(), "text/html; charset=euc-jp"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
    ],
)
async def test_undecodable_body_has_its_own_reason_and_does_not_count_as_absent(body: bytes, content_type: str) -> None:
    headers = {"Content_Type": content_type}
    for expect in ({"not_contains": "Traceback"}, {"not_matches": "Trace"}, {"contains": "never"}):
        result = await check_body(body, expect, headers)
        assert (result.outcome, result.reason) == (BAD, "body_charset"), result.detail
    assert (await check_body(body, {}, headers)).outcome is GOOD, "nothing looks into it"


async def test_match_in_an_undecodable_body_is_certain() -> None:
    body, headers = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {"Content_Type": "image/png"}
    assert (await check_body(body, {"contains": "IHDR"}, headers)).outcome is GOOD
    assert (await check_body(body, {"not_contains": "IHDR"}, headers)).reason == "body_mismatch"


def response(body: bytes, content_type: str = "", **headers: str) -> Response:
    response = Response(limit=1 << 20)
    response.feed(http_response(body, **({"Content_Type": content_type} if content_type else {}), **headers))
    return response


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
async def test_json_in_every_unicode_encoding_is_read(codec: str) -> None:
    body = json.dumps({"name": "Québec"}, ensure_ascii=False).encode(codec)
    for kind in ("application/json", "application/problem+json", "text/plain"):
        assert (await check_body(body, {"json": {"$.name": "Québec"}}, {"Content_Type": kind})).reason == ""


async def test_json_in_a_declared_charset_is_read_and_in_an_undeclared_one_is_not() -> None:
    body = json.dumps({"name": "Québec"}, ensure_ascii=False).encode("latin-1")
    expect = {"json": {"$.name": "Québec"}}
    assert (await check_body(body, expect, {"Content_Type": "application/json; charset=iso-8859-1"})).outcome is GOOD
    assert (await check_body(body, expect, {"Content_Type": "application/json"})).reason == "body_charset"
    compressed = gzip.compress(json.dumps({"name": "Québec"}).encode(), mtime=0)
    assert (await check_body(compressed, expect, {"Content_Encoding": "gzip"})).outcome is GOOD


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": NaN, "a": 1}', "NaN is not a JSON number"),
        (b'{"b": [-Infinity], "a": 1}', "-Infinity is not a JSON number"),
        (b'{"a": 2, "a": 1}', 'the name "a" occurs twice'),
        (b'{"c": {"b": true, "b": 1}, "a": 1}', 'the name "b" occurs twice'),
    ],
)
@pytest.mark.fault(38)
async def test_ambiguous_json_is_rejected_with_its_reason(body: bytes, message: str) -> None:
    result = await check_body(body, {"json": {"$.a": 1}}, {})
    assert (result.outcome, result.reason) == (BAD, "body_mismatch")
    assert message in result.detail


def test_duplicate_json_key_with_equal_values_is_read() -> None:
    assert document(response(b'{"a": [1], "a": [1]}')) == {"a": [1]}


@pytest.mark.parametrize(
    ("expected", "is_reported"),
    [({"<": 300}, True), ({">=": 100}, True), (217.2, True), ({"matches": "^3"}, False), ("217", False)],
)
async def test_quoted_number_is_reported_as_text(expected: Any, is_reported: bool) -> None:
    result = await check_body(b'{"load": "217.2"}', {"json": {"$.load": expected}}, {})
    assert (result.outcome, result.reason) == (BAD, "body_mismatch")
    assert ("the value is a string" in result.detail) is is_reported


async def test_stamp_is_searched_in_the_decoded_text() -> None:
    body = gzip.compress("updated: 2999-01-01T00:00:00Z".encode("utf-16"), mtime=0)
    async with serve_tcp(respond_with(http_response(body, Content_Encoding="gzip"))) as port:
        check = {"freshness": f"http://127.0.0.1:{port}/", "max_age": "1d", "stamp": {"matches": "updated: (.*)"}}
        assert (await attempt(check)).result.reason == "stamp_in_future"
    async with serve_tcp(
        respond_with(http_response(PAGE.encode("latin-1"), Content_Type="text/html; charset=utf-8"))
    ) as port:
        check["freshness"] = f"http://127.0.0.1:{port}/"
        assert (await attempt(check)).result.reason == "body_charset"


def test_character_split_by_the_limit_is_no_error() -> None:
    response = Response(limit=3)
    response.feed(http_response("aéé".encode(), Content_Type="text/html; charset=utf-8"))
    assert response.truncated
    assert decode_text(response).problem == ""


def test_unknown_charset_labels_are_not_cached() -> None:
    """Python caches every codec name that is looked up, so a target could fill the memory with names."""
    cached_count = len(vars(codecs.lookup.__self__)) if hasattr(codecs.lookup, "__self__") else 0
    for number in range(100):
        assert charsets_of(f"text/html; charset=unheard-of-{number}", b"")[0].codec == ""
    import encodings

    assert not [name for name in encodings._cache if "unheard" in str(name)]  # type: ignore[attr-defined]
    assert cached_count == (len(vars(codecs.lookup.__self__)) if hasattr(codecs.lookup, "__self__") else 0)


def test_error_for_an_undecodable_body_has_no_control_characters() -> None:
    with pytest.raises(ProbeFailure) as caught:
        text_of(response(b"x", "text/html; charset=\x1b[31m"))
    assert caught.value.detail.isprintable()
