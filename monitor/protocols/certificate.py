"""Check a server's certificate against the expectations of a `tls` check beyond chain and name."""

from __future__ import annotations

import hashlib
import re
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from monitor.config.expect import RegexField
from monitor.config.model import Duration, TlsOptions
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_context import certificate_of, deciding_certificates, expiry_of
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt


def _fingerprint(value: str) -> str:
    found = value.replace(":", "").lower()
    if not re.fullmatch("[0-9a-f]{64}", found):
        raise ValueError("not a SHA-256 fingerprint; use 64 hexadecimal digits (`openssl x509 -fingerprint -sha256`)")
    return found


Fingerprint = Annotated[str, AfterValidator(_fingerprint)]


class CertificateExpectation(TlsOptions):
    """TLS options and expectations of the certificate."""

    valid_for: Duration | None = None
    """Bad if any certificate of the verified chain expires within this time, e.g. `14d`."""

    issuer: RegexField | None = None
    """A regular expression (RE2) that must match part of the issuer's name, e.g. `O=Let's Encrypt`."""

    sha256: Fingerprint | None = None
    """The certificate's SHA-256 fingerprint in hexadecimal. With `verify: false`, only this certificate is trusted."""


def judge(wanted: CertificateExpectation, ssl_socket: ssl.SSLSocket, attempt: Attempt) -> None:
    """Check the certificate.

    Raises:
        ProbeFailure: `tls_other_certificate`, `tls_issuer`, `tls_expiring`.
    """
    shown = ssl_socket.getpeercert(binary_form=True) or b""
    if wanted.sha256 is not None and (found := hashlib.sha256(shown).hexdigest()) != wanted.sha256:
        raise ProbeFailure("tls_other_certificate", f"the fingerprint is {found}")
    if wanted.issuer is not None and not wanted.issuer.search(issuer := _issuer(shown)):
        raise ProbeFailure("tls_issuer", f"issued by {quoted(issuer)}, expected {quoted(wanted.issuer.text)}")
    if wanted.valid_for is not None:
        _judge_end(deciding_certificates(ssl_socket), attempt.now(), wanted.valid_for)


def _issuer(der: bytes) -> str:
    """Return the issuer's name in RFC 4514 form, empty if it cannot be parsed."""
    return _name(der, "issuer")


def _name(der: bytes, whose: Literal["issuer", "subject"]) -> str:
    certificate = certificate_of(der)
    try:
        return "" if certificate is None else getattr(certificate, whose).rfc4514_string()
    except ValueError:
        return ""


def _judge_end(chain: list[bytes], now: int, valid_for: int) -> None:
    ends = [(end, der) for der in chain if (end := expiry_of(der)) is not None]
    if not ends:
        return
    end, der = min(ends)
    left = int(end * SECOND) - now
    if left < valid_for:
        subject = _name(der, "subject")
        day = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d %H:%M UTC")
        which = f"{'the certificate' if der == chain[0] else 'a certificate of the chain'} {quoted(subject)}"
        raise ProbeFailure(
            "tls_expiring", f"{which} expires in {left / DAY:.1f} days, on {day}; expected {valid_for / DAY:g}"
        )
