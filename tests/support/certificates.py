"""Certificates as a test needs them: good ones by trustme, the odd ones made by hand."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    import trustme


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def bundle(authority: trustme.CA, folder: Path, name: str = "ca.pem") -> str:
    """Write the authority where a configuration can name it, and return the path."""
    path = folder / name
    authority.cert_pem.write_to_path(path)
    return str(path)


def self_signed(folder: Path, host: str = "127.0.0.1", *, ends: datetime | None = None) -> ssl.SSLContext:
    """Return the context of a server whose certificate nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(ends or now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "self-signed.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def identity(authority: trustme.CA, folder: Path, name: str = "client.example.test") -> tuple[Path, Path]:
    """Write a client's certificate and its key, and return where."""
    leaf = authority.issue_cert(name)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    return certificate, key


def demanding_context(certificate: trustme.LeafCert, clients: trustme.CA) -> ssl.SSLContext:
    """Return the context of a server that shows this certificate and wants to see one of these clients'."""
    context = server_context(certificate)
    clients.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
