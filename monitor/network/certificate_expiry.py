"""Read certificates of TLS connections, and determine when they expire."""

from __future__ import annotations

import _ssl
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def certificate_expiry(connection: ssl.SSLSocket) -> float | None:
    """Return the earliest expiry in the verified chain, seconds since the Unix epoch. None without a certificate.

    Verification fails once a certificate of this chain has expired. Other certificates that the server sent are
    ignored. Without verification, return the expiry of the server's certificate.
    """
    return min(
        (end for end in map(expiry_of, expiry_relevant_certificates(connection)) if end is not None), default=None
    )


def expiry_relevant_certificates(connection: ssl.SSLSocket) -> list[bytes]:
    """Return the certificates whose expiry makes verification fail (DER), the server's certificate first."""
    if connection.context.verify_mode is not ssl.CERT_NONE and (verified := chain(connection, "verified")):
        return verified
    certificate = connection.getpeercert(binary_form=True)
    return [] if certificate is None else [certificate]


def rejected_certificate_expiry(connection: ssl.SSLSocket) -> float | None:
    """Return the expiry of a certificate that failed verification, which `getpeercert` does not return."""
    certificates = chain(connection, "unverified")
    return expiry_of(certificates[0]) if certificates else None


def chain(connection: ssl.SSLSocket, kind: Literal["unverified", "verified"]) -> list[bytes]:
    """Return the certificates that the server sent, or the verified chain (DER)."""
    # Public since Python 3.13; private before.
    public = hasattr(connection, f"get_{kind}_chain")
    source: Any = connection if public else getattr(connection, "_sslobj", None)
    certificates = getattr(source, f"get_{kind}_chain")() if source is not None else None
    return [
        certificate if isinstance(certificate, bytes) else certificate.public_bytes(_ssl.ENCODING_DER)
        for certificate in certificates or ()
    ]


@lru_cache(maxsize=4096)
def expiry_of(der: bytes) -> float | None:
    """Return a certificate's notAfter, seconds since the Unix epoch; None if it cannot be parsed."""
    certificate = certificate_of(der)
    try:
        return None if certificate is None else certificate.not_valid_after_utc.timestamp()
    except ValueError:
        return None


def certificate_of(der: bytes) -> Certificate | None:
    """Return the certificate, None if it cannot be parsed. Its fields are parsed on access."""
    # Imported here: the import takes 30 ms, and a portfolio without TLS does not need it.
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):  # OpenSSL accepts any version without verification
        return None
