"""TLS contexts, one per distinct set of options. Contexts are shared, because loading a CA bundle takes 20 ms."""

from __future__ import annotations

import _ssl
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from monitor.config.tls import load_client_certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from monitor.config.model import Secret, TlsOptions

# Python's list without DHE: the server chooses the group, and a group of 8192 bits blocks the event loop for 0.3 s.
_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def context_for(options: TlsOptions, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return the client context for these options; chain and name are verified unless `verify: false`.

    `alpn` lists the protocols to offer in the handshake, none by default.
    """
    authorities = options.ca.pem if options.ca is not None else None
    return _context(authorities, options.verify, alpn, options.version, options.identity)


@lru_cache(maxsize=256)
def _context(
    authorities: str | None,
    verify: bool,
    alpn: tuple[str, ...],
    version: str | None,
    identity: tuple[str, Secret] | None,
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authorities)
    _adapt(context, version, identity)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def adapt(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Apply version and client certificate of the options to a context that was created elsewhere."""
    _adapt(context, options.version, options.identity)


def _adapt(context: ssl.SSLContext, version: str | None, identity: tuple[str, Secret] | None) -> None:
    context.hostname_checks_common_name = False  # RFC 9525, 6.3; like browsers and Go, use subjectAltName only
    context.set_ciphers(_CIPHERS)
    if version is not None:
        context.minimum_version = context.maximum_version = _VERSIONS[version]
    if identity is not None:
        load_client_certificate(context, *identity)


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
