"""TLS contexts, one for each distinct set of options: loading a CA bundle costs 20 ms, a shared context nothing."""

from __future__ import annotations

import _ssl
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from monitor.config.tls import show

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from monitor.config.model import Secret, TlsOptions

# Python's own list without DHE, whose group the server alone chooses: one of 8192 bits holds the loop for 0.3 s.
_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def context_for(options: TlsOptions, speaking: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return the client context for these options; verification of chain and name is on unless `verify: false`.

    `speaking` are the protocols that are offered in the handshake (ALPN), none by default.
    """
    authorities = options.ca.pem if options.ca is not None else None
    return _context(authorities, options.verify, speaking, options.version, options.identity)


@lru_cache(maxsize=256)
def _context(
    authorities: str | None,
    verify: bool,
    speaking: tuple[str, ...],
    version: str | None,
    identity: tuple[str, Secret] | None,
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authorities)
    _adapt(context, version, identity)
    if speaking:
        context.set_alpn_protocols(list(speaking))
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def adapt(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Let a context that is made elsewhere speak the version, and show the certificate, that the options ask for."""
    _adapt(context, options.version, options.identity)


def _adapt(context: ssl.SSLContext, version: str | None, identity: tuple[str, Secret] | None) -> None:
    context.hostname_checks_common_name = False  # RFC 9525, 6.3; browsers and Go look at subjectAltName only, too
    context.set_ciphers(_CIPHERS)
    if version is not None:
        context.minimum_version = context.maximum_version = _VERSIONS[version]
    if identity is not None:
        show(context, *identity)


def certificate_expiry(connection: ssl.SSLSocket) -> float | None:
    """Return when the first certificate of the verified chain expires, seconds since the Unix epoch; None without one.

    A connection is refused as soon as one of them has. Other certificates that the server sent do not count. Where
    nothing is verified, it is the server's own certificate.
    """
    return min((end for end in map(expiry_of, deciding(connection)) if end is not None), default=None)


def deciding(connection: ssl.SSLSocket) -> list[bytes]:
    """Return in DER form the certificates whose expiry ends a target's validity, the server's own first."""
    if connection.context.verify_mode is not ssl.CERT_NONE and (verified := chain(connection, "verified")):
        return verified
    own = connection.getpeercert(binary_form=True)
    return [] if own is None else [own]


def refused_expiry(connection: ssl.SSLSocket) -> float | None:
    """Return when the certificate ends that failed the handshake, of which `getpeercert` tells nothing."""
    shown = chain(connection, "unverified")
    return expiry_of(shown[0]) if shown else None


def chain(connection: ssl.SSLSocket, which: Literal["unverified", "verified"]) -> list[bytes]:
    """Return in DER form the certificates that the server sent, or those of the chain that was verified."""
    # Public from Python 3.13 on; before, the same under a name of the module's own.
    public = hasattr(connection, f"get_{which}_chain")
    source: Any = connection if public else getattr(connection, "_sslobj", None)
    found = getattr(source, f"get_{which}_chain")() if source is not None else None
    return [each if isinstance(each, bytes) else each.public_bytes(_ssl.ENCODING_DER) for each in found or ()]


@lru_cache(maxsize=4096)
def expiry_of(der: bytes) -> float | None:
    """Return a certificate's notAfter, seconds since the Unix epoch; None when it is too odd to be read."""
    certificate = certificate_of(der)
    try:
        return None if certificate is None else certificate.not_valid_after_utc.timestamp()
    except ValueError:
        return None


def certificate_of(der: bytes) -> Certificate | None:
    """Return the certificate; None when it is too odd to be read. Its fields are read when they are asked for."""
    # Imported here: 30 ms that a portfolio without TLS need not pay.
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):  # OpenSSL takes any version where nothing is verified
        return None
