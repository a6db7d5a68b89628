"""Invalid certificates, and the contexts of servers with them."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

if TYPE_CHECKING:
    import trustme

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Extension = tuple[x509.ExtensionType, bool]
HOST = "127.0.0.1"
DAY = timedelta(days=1)
NO_EXPIRY = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
UNKNOWN_EXTENSION: Extension = (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True)


def names(*texts: str) -> Extension:
    """Return the extension with the names (or addresses) of a certificate."""
    return x509.SubjectAlternativeName([_name(text) for text in texts]), False


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def key_of(bits: int = 0) -> Key:
    """Return a new key: RSA with this number of bits, or P-256."""
    return rsa.generate_private_key(65_537, bits) if bits else ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate with its key and the rest of its chain."""

    certificate: x509.Certificate
    key: Key
    issuers: tuple[x509.Certificate, ...] = ()

    @classmethod
    def of(cls, authority: trustme.CA) -> Self:
        """Return the certificate of the authority."""
        key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        return cls(x509.load_pem_x509_certificate(authority.cert_pem.bytes()), key)

    def issues(
        self,
        *extensions: Extension,
        starts: datetime | None = None,
        ends: datetime | None = None,
        common_name: str = "zoo",
        key: Key | None = None,
    ) -> IssuedCertificate:
        """Return a certificate issued by this one, with these extensions."""
        key = key or key_of()
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(starts or now - DAY)
            .not_valid_after(ends or now + 90 * DAY)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        issued = IssuedCertificate(builder.sign(self.key, hashes.SHA256()), key)
        issued_by_root = (
            self.certificate.issuer == self.certificate.subject
        )  # the root, which the client has or never accepts
        return issued if issued_by_root else replace(issued, issuers=(self.certificate, *self.issuers))

    def issues_authority(
        self, *extensions: Extension, depth: int | None = None, **options: datetime
    ) -> IssuedCertificate:
        """Return an intermediate authority issued by this one."""
        may_issue: Extension = (x509.BasicConstraints(ca=True, path_length=depth), True)
        return self.issues(may_issue, *extensions, common_name=f"authority {uuid4()}", **options)  # type: ignore[arg-type]

    def context(self, folder: Path, *, chain: bool = True) -> ssl.SSLContext:
        """Return the context of a server with this certificate and, by default, its chain."""
        path = folder / f"{uuid4()}.pem"
        path.write_bytes(self.pem(chain=chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(
            "DEFAULT@SECLEVEL=0"
        )  # otherwise OpenSSL does not send certificates that clients must reject
        context.load_cert_chain(path)
        return context

    def pem(self, *, chain: bool = True) -> bytes:
        """Return key, certificate and chain as PEM."""
        return self.key_pem() + self.certificate_pem(chain=chain)

    def key_pem(self) -> bytes:
        """Return the key as PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def certificate_pem(self, *, chain: bool = True) -> bytes:
        """Return the certificate and its chain as PEM."""
        certificates = (self.certificate, *(self.issuers if chain else ()))
        return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def self_signed(*extensions: Extension) -> IssuedCertificate:
    """Return a self-signed certificate."""
    key = key_of()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"self-signed {uuid4()}")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - DAY)
    builder = builder.not_valid_after(now + 90 * DAY)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return IssuedCertificate(builder.sign(key, hashes.SHA256()), key)
