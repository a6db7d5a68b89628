"""Expectations of a DNS response: response code, flags, and the records of the 3 sections."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from monitor.config.domain_names import to_ascii
from monitor.config.expect import RegexField
from monitor.config.model import Flag, Model
from monitor.config.values import printable
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from dns.rdataclass import RdataClass
    from dns.rdatatype import RdataType
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

# Unexpected response code -> reason; any other code is `dns_failure`.
_REASONS = {
    dns.rcode.NOERROR: "dns_rcode",
    dns.rcode.NXDOMAIN: "dns_nxdomain",
    dns.rcode.SERVFAIL: "dns_servfail",
    dns.rcode.REFUSED: "dns_refused",
}
_TEXT_TYPES = (dns.rdatatype.TXT, dns.rdatatype.SPF)
_SECTIONS = ("answer", "authority", "additional")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _rcode(value: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(value))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"unknown code {quoted(value)}; use NOERROR, NXDOMAIN, SERVFAIL, REFUSED, ...") from None


class _Names(dns.name.IDNACodec):
    """Encode names like the rest of the configuration, instead of dnspython's default IDNA 2003."""

    def encode(self, label: str) -> bytes:
        return to_ascii(label).encode()


_NAMES: dns.name.IDNACodec = _Names()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1024)  # the texts come from the configuration, and every record is compared with all of them
def _parse_data(text: str, rdclass: RdataClass, rdtype: RdataType) -> dns.rdata.Rdata:
    """Parse record data in zone file syntax; names without a trailing dot are absolute.

    Raises:
        ValueError: the text is not the data of a record of this type.
    """
    try:
        return dns.rdata.from_text(rdclass, rdtype, text, origin=dns.name.root, relativize=False, idna_codec=_NAMES)
    except (dns.exception.DNSException, ValueError):
        type_name = dns.rdatatype.to_text(rdtype)
        raise ValueError(f"{quoted(text)} is not the data of a {type_name} record; use zone file syntax") from None


def _equals(text: str, record: Any) -> bool:
    """Return whether a record's data equals a text; the notation of names and addresses does not matter.

    Text without quotes is compared with the joined strings of the record.
    """
    if _is_plain_text(text, record.rdtype):
        return bool(b"".join(record.strings) == text.encode())
    try:
        return bool(_parse_data(text, record.rdclass, record.rdtype) == record)
    except ValueError:
        return False


def _is_plain_text(text: str, rdtype: RdataType) -> bool:
    """Return whether a text is the plain text of a TXT record, not zone file syntax."""
    return rdtype in _TEXT_TYPES and not text.startswith('"')


_MAX_DATA_BYTES = 65_535  # RFC 1035, 3.2.1: the length of a record's data has 16 bits
_MAX_TEXT_LENGTH = 4 * _MAX_DATA_BYTES  # a byte may be escaped as \DDD
RecordText = Annotated[str, StringConstraints(min_length=1, max_length=_MAX_TEXT_LENGTH), AfterValidator(printable)]
"""A record's data in zone file syntax, or the plain text of a TXT record."""

Rcode = Annotated[str, AfterValidator(_rcode)]
Rcodes = Annotated[
    tuple[Rcode, ...],
    Field(min_length=1),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class Records(Model):
    """Expected records of a section. A text or a list of texts is the short form of `holds`.

    Expressions (RE2) are searched in each record in zone file form, with single spaces:
    `status.example.org. 300 IN A 192.0.2.7`. The strings of a TXT record are joined.
    """

    holds: tuple[RecordText, ...] = ()
    """Records of the queried type that must be present, by their data: `192.0.2.7`, `10 mail.example.org`. The case of
    names, the notation of addresses and quotes around TXT do not matter."""

    matches: RegexField | None = None
    """At least one record must match."""

    not_matches: RegexField | None = None
    """No record may match."""

    all_match: RegexField | None = None
    """Every record must match, and at least one must exist."""

    not_all_match: RegexField | None = None
    """At least one record must not match, if there are any."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, handler(schema)]}

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        texts = _as_list(value)
        return {"holds": texts} if isinstance(texts, list | tuple) else value

    def unmet(self, section: Iterable[Any], rdtype: dns.rdatatype.RdataType) -> str:
        """Return a description of the first unmet expectation of a section, empty if all expectations are met."""
        groups = list(section)
        records = [record for group in groups if rdtype in (group.rdtype, dns.rdatatype.ANY) for record in group]
        lines = [line for group in groups for line in _lines(group)]
        if missing := [text for text in self.holds if not any(_equals(text, record) for record in records)]:
            return f"is {_quoted_list(record.to_text() for record in records)}, expected {', '.join(missing)}"
        if self.matches is not None and not any(map(self.matches.search, lines)):
            return f"is {_quoted_list(lines)}, expected one that matches {quoted(self.matches.text)}"
        if self.not_matches is not None and (line := next(filter(self.not_matches.search, lines), None)) is not None:
            return f"has {quoted(line, 120)}, expected none that matches {quoted(self.not_matches.text)}"
        if self.all_match is not None and not (lines and all(map(self.all_match.search, lines))):
            return f"is {_quoted_list(lines)}, expected all to match {quoted(self.all_match.text)}"
        if self.not_all_match is not None and lines and all(map(self.not_all_match.search, lines)):
            return f"is {_quoted_list(lines)}, expected one that does not match {quoted(self.not_all_match.text)}"
        return ""


def _lines(group: Any) -> list[str]:
    """Return the records of a group in zone file form. The strings of a text record are joined.

    The division into strings has no meaning (RFC 7208, 3.3; RFC 6376, 3.6.2.2).
    """
    if group.rdtype not in _TEXT_TYPES:
        return list(group.to_text().splitlines())
    start = f"{group.name} {group.ttl} {dns.rdataclass.to_text(group.rdclass)} {dns.rdatatype.to_text(group.rdtype)}"
    return [f'{start} "{_escape(b"".join(record.strings))}"' for record in group]


def _escape(text: bytes) -> str:
    """Escape a text for quotes in a zone file (RFC 1035, 5.1)."""
    return "".join(f"\\{chr(c)}" if c in b'"\\' else chr(c) if 0x20 <= c < 0x7F else f"\\{c:03}" for c in text)


def _quoted_list(texts: Iterable[str]) -> str:
    return quoted(", ".join(sorted(texts)), 120)


class DnsExpect(Model):
    """Expectations of the response."""

    rcode: Rcodes = ("NOERROR",)
    """Accepted response codes, one or a list: `NXDOMAIN` for a name that must not exist. Default `NOERROR`."""

    answer: Records | None = None
    """Expected records: a list of their data (`[192.0.2.7]`), or expressions."""

    authority: Records | None = None
    """The same for the authority section. With this or `additional`, the answer section may be empty (a referral)."""

    additional: Records | None = None
    """The same for the additional section."""

    authoritative: Flag | None = None
    """`true`: the response must be authoritative (AA bit); `false`: it must not."""

    def check_response(self, answer: dns.message.Message, rdtype: dns.rdatatype.RdataType, question: str) -> None:
        """Check a response to the query `question` for records of the type `rdtype`.

        Raises:
            ProbeFailure: `dns_nxdomain`, ..., `dns_authoritative`, `dns_no_records`, `dns_answer`, ...
        """
        code = answer.rcode()
        if dns.rcode.to_text(code) not in self.rcode:
            raise ProbeFailure(_REASONS.get(code, "dns_failure"), f"{question}: {dns.rcode.to_text(code)}")
        if self.authoritative not in (None, bool(answer.flags & dns.flags.AA)):
            raise ProbeFailure("dns_authoritative", f"{question}: unexpected AA bit")
        referral = self.authority is not None or self.additional is not None
        has_records = any(rdtype in (group.rdtype, dns.rdatatype.ANY) for group in answer.answer)
        if code == dns.rcode.NOERROR and not has_records and not referral:
            raise ProbeFailure("dns_no_records", f"{question}: no record of the queried type")
        for name in _SECTIONS:
            records: Records | None = getattr(self, name)
            if records is not None and (description := records.unmet(getattr(answer, name), rdtype)):
                raise ProbeFailure(f"dns_{name}", f"{question} {description}")


def _has_data_of_queried_type(expect: DnsExpect, info: ValidationInfo) -> DnsExpect:
    """Reject data that is invalid for the queried type, because no response could be good."""
    if "record" in info.data and (rdtype := dns.rdatatype.from_text(info.data["record"])) != dns.rdatatype.ANY:
        sections = (expect.answer, expect.authority, expect.additional)
        for text in (text for records in sections if records is not None for text in records.holds):
            if not _is_plain_text(text, rdtype):
                _parse_data(text, dns.rdataclass.from_text(info.data.get("record_class", "IN")), rdtype)
    return expect


Expected = Annotated[DnsExpect, AfterValidator(_has_data_of_queried_type)]
"""Expectations of a check. They are validated after the keys for type and class of the records."""
