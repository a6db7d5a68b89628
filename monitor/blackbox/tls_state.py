"""The state of a TLS connection in blackbox_exporter's format: version, expiries and server certificate."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from monitor.network.certificate_expiry import certificate_of, chain

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name

NO_CHAIN = -62_135_596_800  # Go's zero time, the year 1
_VERSIONS = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
_LEAF_LABELS = ("fingerprint_sha256", "issuer", "subject", "subjectalternative")

# Attribute types of a name in reverse Go order, grouped by type; other types come first.
_ATTRIBUTES = (
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
    """The state of a TLS connection.

    `earliest_expiry` covers all certificates that the server sent, `chain_expiry` the verified chain; in Unix time.
    """

    version: str
    earliest_expiry: int
    chain_expiry: int
    leaf: dict[str, str]
    """The labels of `probe_ssl_last_chain_info`."""


def tls_state_of(connection: ssl.SSLSocket) -> TlsState:
    """Return the state of a connection."""
    sent_certificates, verified = _chain(connection, "unverified"), _chain(connection, "verified")
    trusted = verified if connection.context.verify_mode is not ssl.CERT_NONE else []
    return TlsState(
        _VERSIONS.get(connection.version() or "", "unknown"),
        min(map(_expiry, sent_certificates), default=0),
        min(map(_expiry, trusted), default=NO_CHAIN),
        _leaf(sent_certificates[0]) if sent_certificates else dict.fromkeys(_LEAF_LABELS, ""),
    )


def _leaf(certificate: Certificate) -> dict[str, str]:
    from cryptography.hazmat.primitives.hashes import SHA256

    leaf_values = (
        certificate.fingerprint(SHA256()).hex(),
        _name(certificate.issuer),
        _name(certificate.subject),
        ",".join(_alternatives(certificate)),
    )
    return dict(zip(_LEAF_LABELS, leaf_values, strict=True))


def _chain(connection: ssl.SSLSocket, kind: Literal["unverified", "verified"]) -> list[Certificate]:
    """Return the certificates that the server sent (`unverified`) or of the verified chain, without unparsable ones."""
    certificates = map(certificate_of, chain(connection, kind))
    return [certificate for certificate in certificates if certificate is not None]


def _expiry(certificate: Certificate) -> int:
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
    values: dict[str, list[str]] = {}
    for attribute in name:
        values.setdefault(attribute.oid.dotted_string, []).append(_escape(str(attribute.value)))
    known = {oid for oid, _ in _ATTRIBUTES}
    names = ["+".join(f"{short}={value}" for value in values[oid]) for oid, short in _ATTRIBUTES if oid in values]
    others = [
        f"{attribute.oid.dotted_string}={_escape(str(attribute.value))}"
        for attribute in name
        if attribute.oid.dotted_string not in known
    ]
    return ",".join([*names, *reversed(others)])


def _escape(value: str) -> str:
    """Escape a value of a name (RFC 2253)."""
    escaped = "".join(f"\\{c}" if c in ',+"\\<>;' else c for c in value)
    if escaped[:1] in (" ", "#"):
        escaped = f"\\{escaped}"
    return f"{escaped[:-1]}\\ " if len(escaped) > 1 and escaped.endswith(" ") else escaped
