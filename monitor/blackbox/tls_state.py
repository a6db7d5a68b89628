"""The state of a TLS connection in blackbox_exporter's format: version, expiries and server certificate."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from monitor.network.tls_context import certificate_of, chain

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name

NEVER = -62_135_596_800  # the year 1, Go's zero time: no chain was verified
_VERSIONS = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
_LEAF = ("fingerprint_sha256", "issuer", "subject", "subjectalternative")

# Go's order of the parts of a name, reversed; parts of the same type are grouped, and other parts come first.
_ORDER = (
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.3", "CN"),
    ("2.5.4.17", "POSTALCODE"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.8", "ST"),
    ("2.5.4.7", "L"),
    ("2.5.4.11", "OU"),
    ("2.5.4.10", "O"),
    ("2.5.4.6", "C"),
)


@dataclass(frozen=True, slots=True)
class TlsState:
    """The state of a TLS connection. Expiries in Unix time: the earliest that the server sent, and the chain's."""

    version: str
    earliest_expiry: int
    chain_expiry: int
    leaf: dict[str, str]
    """Labels of `probe_ssl_last_chain_info`."""


def tls_state_of(connection: ssl.SSLSocket) -> TlsState:
    """Return the state of a connection."""
    sent, verified = _chain(connection, "unverified"), _chain(connection, "verified")
    trusted = verified if connection.context.verify_mode is not ssl.CERT_NONE else []
    return TlsState(
        _VERSIONS.get(connection.version() or "", "unknown"),
        min(map(_end, sent), default=0),
        min(map(_end, trusted), default=NEVER),
        _leaf(sent[0]) if sent else dict.fromkeys(_LEAF, ""),
    )


def _leaf(certificate: Certificate) -> dict[str, str]:
    from cryptography.hazmat.primitives.hashes import SHA256

    leaf_values = (
        certificate.fingerprint(SHA256()).hex(),
        _name(certificate.issuer),
        _name(certificate.subject),
        ",".join(_alternatives(certificate)),
    )
    return dict(zip(_LEAF, leaf_values, strict=True))


def _chain(connection: ssl.SSLSocket, which: Literal["unverified", "verified"]) -> list[Certificate]:
    """Return the parsed certificates that the server sent, or of the verified chain; invalid ones are omitted."""
    read = map(certificate_of, chain(connection, which))
    return [certificate for certificate in read if certificate is not None]


def _end(certificate: Certificate) -> int:
    return int(certificate.not_valid_after_utc.timestamp())


def _alternatives(certificate: Certificate) -> list[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []
    return names.get_values_for_type(x509.DNSName)


def _name(name: Name) -> str:
    """Return a name in Go's format."""
    parts: dict[str, list[str]] = {}
    for each in name:
        parts.setdefault(each.oid.dotted_string, []).append(_escaped(str(each.value)))
    known = {oid for oid, _ in _ORDER}
    found = ["+".join(f"{short}={value}" for value in parts[oid]) for oid, short in _ORDER if oid in parts]
    others = [
        f"{each.oid.dotted_string}={_escaped(str(each.value))}" for each in name if each.oid.dotted_string not in known
    ]
    return ",".join([*found, *reversed(others)])


def _escaped(value: str) -> str:
    """Escape a value of a name (RFC 2253)."""
    valid_escapes = "".join(f"\\{c}" if c in ',+"\\<>;' else c for c in value)
    if valid_escapes[:1] in (" ", "#"):
        valid_escapes = f"\\{valid_escapes}"
    return f"{valid_escapes[:-1]}\\ " if len(valid_escapes) > 1 and valid_escapes.endswith(" ") else valid_escapes
