"""Determine the charset of a body: byte order mark, header, declaration, then UTF-8.

HTML and plain text follow browsers (WHATWG Encoding; HTML 13.2.3.2), XML its declaration, and JSON RFC 8259, 8.1 with
byte order marks and the zero bytes of RFC 4627, 3.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases
from typing import NamedTuple

from monitor.network.failure import quoted

UTF_8, LATIN_1 = "utf_8", "cp1252"
_PRESCAN = 1_024  # bytes in which browsers look for <meta charset>
_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf_32_le"),  # before UTF-16's mark, which is a prefix of it
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)
_ZERO_BYTES = ((b"...x", "utf_32_be"), (b"x...", "utf_32_le"), (b".x", "utf_16_be"), (b"x.", "utf_16_le"))
_META = re.compile(rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([A-Za-z0-9_:.+-]{1,40})""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_XML_ENCODING = re.compile(rb"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9_:.+-]{1,40})["']""")
_PARAMETER = re.compile(r""";\s*charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;,]*))""", re.IGNORECASE)

# Charsets of texts, by Python's names. Other codecs (`idna`, `unicode_escape`) are not charsets, or are slow.
_CODECS = {
    *(UTF_8, "utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be", "cp866", "cp874", "koi8_r", "koi8_u", "mac_roman"),
    *("mac_cyrillic", "gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "cp932", "cp949", "cp1250", "cp1251", "cp1252"),
    *("cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *(f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
}
# Charsets that browsers decode as another one (WHATWG Encoding, 4.2), and UTF-16 and UTF-32 without a mark.
_DECODED_AS = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf_16": "utf_16_le",
    "utf_32": "utf_32_le",
}
_OTHER_LABELS = {
    "x_sjis": "cp932",
    "x_gbk": "gb18030",
    "x_cp1250": "cp1250",
    "x_cp1251": "cp1251",
    "x_cp1252": "cp1252",
    "macintosh": "mac_roman",
    "x_mac_roman": "mac_roman",
    "x_mac_cyrillic": "mac_cyrillic",
    "dos_874": "cp874",
    "x_euc_jp": "euc_jp",
    "iso_8859_8_i": "iso8859_8",
    "unicode_1_1_utf_8": UTF_8,
    "ks_c_5601_1987": "cp949",
    "x_x_big5": "big5hkscs",
    "windows_874": "cp874",
    "iso_8859_1": "cp1252",
    "iso8859_1": "cp1252",
}


_WINDOWS_1252_FALLBACK = (
    "",
    "text/html",
    "text/plain",
)  # types that browsers read as windows-1252 if they are not UTF-8


def _labels() -> dict[str, str]:
    codecs_by_label = {alias: _DECODED_AS.get(codec, codec) for alias, codec in aliases.items()}
    codecs_by_label |= {codec: _DECODED_AS.get(codec, codec) for codec in (*_CODECS, *_DECODED_AS)}
    return {label: codec for label, codec in codecs_by_label.items() if codec in _CODECS} | _OTHER_LABELS


_LABELS = _labels()


class Charset(NamedTuple):
    """A charset. `codec`: Python's name, empty if unknown. `source`: the declaration of the charset, empty without."""

    codec: str
    source: str = ""
    mark: int = 0
    """Length of the byte order mark in bytes."""


_AS_BROWSERS = (Charset(LATIN_1, "nothing"),)


def charsets_of(content_type: str, body: bytes | bytearray, *, json: bool = False) -> tuple[Charset, ...]:
    """Return the charsets that a body may be in, in the order in which to try them."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return (Charset(codec, "the byte order mark", len(mark)),)
    kind = content_type.partition(";")[0].strip().lower()
    match = _PARAMETER.search(content_type)
    declared = _charset_of_label(match[1] or match[2] or match[3] or "", "Content-Type") if match else None
    charset_without_declaration = Charset(_charset_from_zero_bytes(body) or UTF_8)
    if json or kind == "application/json" or kind.endswith("+json"):
        return (charset_without_declaration,) if declared is None else (charset_without_declaration, declared)
    if declared is not None:
        return (declared,)
    if declaration := _declaration(kind, body):
        return (_charset_of_label(declaration[1].decode("ascii"), "the document", ascii_based=True),)
    return (
        (charset_without_declaration, *_AS_BROWSERS)
        if kind in _WINDOWS_1252_FALLBACK and b"\0" not in body
        else (charset_without_declaration,)
    )


def _declaration(kind: str, body: bytes | bytearray) -> re.Match[bytes] | None:
    head = bytes(body[:_PRESCAN])
    if kind.endswith(("/xml", "+xml")) or head.lstrip().startswith(b"<?xml"):
        return _XML_ENCODING.match(head)
    return _META.search(_COMMENT.sub(b"", head)) if kind in ("", "text/html") else None


def _charset_of_label(label: str, source: str, *, ascii_based: bool = False) -> Charset:
    """Return the charset of a label. `ascii_based`: the declaration is ASCII text, so the charset cannot be UTF-16."""
    codec = _LABELS.get(re.sub("[^a-z0-9]+", "_", label.strip().lower()), "")
    if ascii_based and codec.startswith(("utf_16", "utf_32")):
        codec = UTF_8
    return Charset(codec, f"{source} ({quoted(label, 40)})")


def _charset_from_zero_bytes(body: bytes | bytearray) -> str:
    """Return the charset that zero bytes among the first 4 bytes indicate, empty without them."""
    shape = bytes(b"x"[0] if byte else b"."[0] for byte in body[:4])
    return next((codec for zero_bytes, codec in _ZERO_BYTES if shape and shape.startswith(zero_bytes)), "")
