"""Time-stamping services (RFC 3161): request a token for a head, and verify one without a network."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sla.localtime import instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509 import Certificate

QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"


class TokenError(Exception):
    """A token that does not prove what it should; the text says why."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A verified token: the instant that the service states (microseconds), and the roots it was verified against."""

    at: int
    root: str


def query(head: str) -> tuple[bytes, int]:
    """Return the request for a token of a head, and its nonce. The head is stamped as text, by its SHA-256."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder().data(head.encode()).hash_algorithm(HashAlgorithm.SHA256)
    made = request.nonce(nonce=True).cert_request(cert_request=True).build()
    assert made.nonce is not None, "it was asked for"  # noqa: S101 - for the type checker
    return made.as_bytes(), made.nonce


def proof_of(answer: bytes, nonce: int, ca: str) -> dict[str, Any]:
    """Return what is kept of an answer: the token with its certificates, the nonce, and the CA (PEM) of that time."""
    return {"token": base64.b64encode(answer).decode(), "nonce": str(nonce), "ca": ca}


def verify_token(proof: Mapping[str, Any], head: str, ca: str | None = None) -> Stamped:
    """Return when the head was stamped, if the token proves it: signature, chain to a CA, imprint and nonce.

    `ca` is PEM text; by default the one that was kept with the token.

    Raises:
        TokenError: it does not.
    """
    from rfc3161_client import VerifierBuilder, decode_timestamp_response

    try:
        answer = decode_timestamp_response(in_order(base64.b64decode(str(proof["token"]), validate=True)))
        authorities = _certificates(str(proof["ca"]) if ca is None else ca)
        builder = VerifierBuilder().nonce(int(str(proof["nonce"])))
        for each in authorities:
            builder = builder.add_root_certificate(each)
        builder.build().verify_message(answer, head.encode())
        at = instant(answer.tst_info.gen_time.astimezone(dt.UTC))
    except Exception as error:  # noqa: BLE001 - the library raises whatever it fails on, and the token is the fault
        raise TokenError(" ".join(str(error).split())[:200] or type(error).__name__) from None
    return Stamped(at, ", ".join(_fingerprint(each) for each in authorities))


def in_order(answer: bytes) -> bytes:
    """Return an answer with the certificates of its token in the order of DER.

    OpenSSL writes them as they are configured, which the library does not read. The signature does not cover them.
    """
    try:
        start, end = _found(answer, 0)  # TimeStampResp (RFC 3161, 2.4.2)
        start, end = _found(answer, _found(answer, start)[1])  # past the status: ContentInfo (RFC 5652)
        start, end = _found(answer, _found(answer, start)[1])  # past the type: [0]
        at, end = _found(answer, start)  # SignedData
        while at < end and answer[at] != _CERTIFICATES:
            at = _found(answer, at)[1]
        begin, stop = _found(answer, at)
        parts, at = [], begin
        while at < stop:
            after = _found(answer, at)[1]
            parts.append(answer[at:after])
            at = after
    except IndexError:
        return answer  # the library says what is wrong with it
    return answer[:begin] + b"".join(sorted(parts)) + answer[stop:]


_CERTIFICATES: Final = 0xA0  # [0], the tag of the certificates in SignedData


def _found(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the DER element at an offset begins and ends."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > len(data):
        raise IndexError
    return start, start + length


def _certificates(pem: str) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    return list(dict.fromkeys(load_pem_x509_certificates(pem.encode())))


def _fingerprint(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()
