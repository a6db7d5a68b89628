"""TLS contexts, one per distinct set of options. Contexts are shared, because loading a CA bundle takes 20 ms."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.config.tls import load_client_certificate

if TYPE_CHECKING:
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
