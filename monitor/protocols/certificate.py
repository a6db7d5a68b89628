"""Check issuer, fingerprint and remaining validity of a server's certificate, as a `tls` check expects them."""

from __future__ import annotations

import hashlib
import re
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from monitor.config.expect import RegexField
from monitor.config.model import Duration, TlsOptions
from monitor.network.certificate_expiry import certificate_of, expiry_of, expiry_relevant_certificates
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt


def _fingerprint(value: str) -> str:
    fingerprint = value.replace(":", "").lower()
    if not re.fullmatch("[0-9a-f]{64}", fingerprint):
        raise ValueError("not a SHA-256 fingerprint; use 64 hexadecimal digits (`openssl x509 -fingerprint -sha256`)")
    return fingerprint


Fingerprint = Annotated[str, AfterValidator(_fingerprint)]


class CertificateExpectation(TlsOptions):
    """TLS options and expectations of the certificate."""

    valid_for: Duration | None = None
    """Bad if any certificate of the verified chain expires within this time, e.g. `14d`."""

    issuer: RegexField | None = None
    """A regular expression (RE2) that must match part of the issuer's name, e.g. `O=Let's Encrypt`."""

    sha256: Fingerprint | None = None
    """The certificate's SHA-256 fingerprint in hexadecimal. With `verify: false`, only this certificate is trusted."""


def check_certificate(expectation: CertificateExpectation, ssl_socket: ssl.SSLSocket, attempt: Attempt) -> None:
    """Check the certificate.

    Raises:
        ProbeFailure: `tls_other_certificate`, `tls_issuer`, `tls_expiring`.
    """
    der = ssl_socket.getpeercert(binary_form=True) or b""
    if expectation.sha256 is not None and (fingerprint := hashlib.sha256(der).hexdigest()) != expectation.sha256:
        raise ProbeFailure("tls_other_certificate", f"the fingerprint is {fingerprint}, expected {expectation.sha256}")
    if expectation.issuer is not None and not expectation.issuer.search(issuer := _name(der, "issuer")):
        raise ProbeFailure("tls_issuer", f"issued by {quoted(issuer)}, expected {quoted(expectation.issuer.text)}")
    if expectation.valid_for is not None:
        _check_expiry(expiry_relevant_certificates(ssl_socket), attempt.now(), expectation.valid_for)


def _name(der: bytes, party: Literal["issuer", "subject"]) -> str:
    """Return the issuer's or subject's name in RFC 4514 form, empty if it cannot be parsed."""
    certificate = certificate_of(der)
    try:
        return "" if certificate is None else getattr(certificate, party).rfc4514_string()
    except ValueError:
        return ""


def _check_expiry(chain: list[bytes], now: int, valid_for: int) -> None:
    expiries = [(expiry, der) for der in chain if (expiry := expiry_of(der)) is not None]
    if not expiries:
        return
    expiry, der = min(expiries)
    time_left = int(expiry * SECOND) - now
    if time_left < valid_for:
        subject = _name(der, "subject")
        date = datetime.fromtimestamp(expiry, UTC).strftime("%Y-%m-%d %H:%M UTC")
        certificate = f"{'the certificate' if der == chain[0] else 'a certificate of the chain'} {quoted(subject)}"
        raise ProbeFailure(
            "tls_expiring",
            f"{certificate} expires in {time_left / DAY:.1f} days, on {date}; expected {valid_for / DAY:g}",
        )
