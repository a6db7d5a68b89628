"""Time-stamping services (RFC 3161): request a token for a head, and verify tokens offline."""

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
    """The verification of a token failed. The text is the reason."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A verified token: its instant (microseconds), and the root certificates that verified it."""

    at: int
    root: str


def query(head: str) -> tuple[bytes, int]:
    """Return the request for a token, and its nonce. The token covers the SHA-256 digest of the text `head`."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder().data(head.encode()).hash_algorithm(HashAlgorithm.SHA256)
    request_query = request.nonce(nonce=True).cert_request(cert_request=True).build()
    assert request_query.nonce is not None, "requested above"  # noqa: S101 - for the type checker
    return request_query.as_bytes(), request_query.nonce


def proof_of(answer: bytes, nonce: int, ca: str) -> dict[str, Any]:
    """Return the proof to record: the token with its certificates, the nonce, and the current CA (PEM)."""
    return {"token": base64.b64encode(answer).decode(), "nonce": str(nonce), "ca": ca}


def verify_token(proof: Mapping[str, Any], head: str, ca: str | None = None) -> VerifiedToken:
    """Verify a token (signature, chain to a CA, imprint and nonce), and return its instant.

    `ca` is PEM text. Default: the CA that was recorded with the token.

    Raises:
        TokenError: the verification failed.
    """
    from rfc3161_client import VerifierBuilder, decode_timestamp_response

    try:
        answer = decode_timestamp_response(
            with_sorted_certificates(base64.b64decode(str(proof["token"]), validate=True))
        )
        authorities = _certificates(str(proof["ca"]) if ca is None else ca)
        builder = VerifierBuilder().nonce(int(str(proof["nonce"])))
        for authority in authorities:
            builder = builder.add_root_certificate(authority)
        builder.build().verify_message(answer, head.encode())
        at = instant(answer.tst_info.gen_time.astimezone(dt.UTC))
    except Exception as error:  # noqa: BLE001 - the library raises various errors for an invalid token
        raise TokenError(" ".join(str(error).split())[:200] or type(error).__name__) from None
    return VerifiedToken(at, ", ".join(_fingerprint(authority) for authority in authorities))


def with_sorted_certificates(answer: bytes) -> bytes:
    """Return a response with the certificates of its token sorted, as DER requires.

    OpenSSL writes them in configuration order, which the library rejects. The signature does not cover them.
    """
    try:
        start, end = _content_span(answer, 0)  # TimeStampResp (RFC 3161, 2.4.2)
        start, end = _content_span(answer, _content_span(answer, start)[1])  # past the status: ContentInfo (RFC 5652)
        start, end = _content_span(answer, _content_span(answer, start)[1])  # past the type: [0]
        at, end = _content_span(answer, start)  # SignedData
        while at < end and answer[at] != _CERTIFICATES:
            at = _content_span(answer, at)[1]
        begin, stop = _content_span(answer, at)
        parts, at = [], begin
        while at < stop:
            after = _content_span(answer, at)[1]
            parts.append(answer[at:after])
            at = after
    except IndexError:
        return answer  # the library reports the error
    return answer[:begin] + b"".join(sorted(parts)) + answer[stop:]


_CERTIFICATES: Final = 0xA0  # [0], the tag of the certificates in SignedData


def _content_span(data: bytes, at: int) -> tuple[int, int]:
    """Return the offsets [start, end) of the content of the DER element at `at`."""
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
