"""TLS options: verification of the target's certificate, and our client certificate."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.addresses import HostName
from monitor.config.base import Model
from monitor.config.file_access import content
from monitor.config.secret import SECRET_SCHEMA, Secret, read_secret
from monitor.config.values import AS_TEXT, Flag, local_path, problem_at

_MAX_BYTES = 4 << 20  # the system's CA bundle has 250 kB


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificate authorities as read on loading. A reload compares the text to detect changes."""

    path: Path
    pem: str


def _authorities(value: Any, info: ValidationInfo) -> Authorities:
    """Return the authorities in the file. Reject a file without a certificate: every probe would fail."""
    if isinstance(value, Authorities):
        return value
    path = local_path(value, info)
    pem = _read_file(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ValueError(f"{path} has no certificate in PEM form; specify the path of a PEM file") from None
    return Authorities(path, pem)


def _read_file(path: Path) -> str:
    return content(path, _MAX_BYTES).decode(
        "ascii", errors="ignore"
    )  # comments next to the certificates may contain names


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate with its chain, as read on loading, and its key if the file contains it."""

    path: Path
    pem: str = field(repr=False)
    key: Secret | None = None

    def __str__(self) -> str:
        return str(self.path)


_BLOCK = r"-----BEGIN {0}-----.*?-----END {0}-----\n?"
_CERTIFICATES = re.compile(_BLOCK.format("CERTIFICATE"), re.DOTALL)
_KEY = re.compile(_BLOCK.format("(?:[A-Z]+ )*PRIVATE KEY"), re.DOTALL)


def _certificate(value: Any, info: ValidationInfo) -> Certificate:
    if isinstance(value, Certificate):
        return value
    path = local_path(value, info)
    text = _read_file(path)
    certificates, key = _CERTIFICATES.findall(text), _KEY.search(text)
    if not certificates:
        raise ValueError(f"{path} has no certificate in PEM form; specify the path of a PEM file")
    return Certificate(path, "".join(certificates), None if key is None else Secret(key[0], f"file {path}"))


def _key(value: Any, info: ValidationInfo) -> Secret:
    key = read_secret({"file": value} if isinstance(value, str) else value, info)
    if _KEY.search(key.reveal()) is None:
        raise ValueError(f"{key.source} has no private key in PEM form")
    return key


def load_client_certificate(context: ssl.SSLContext, pem: str, key: Secret) -> None:
    """Load the client certificate and its key into the context.

    Raises:
        ValueError: the key has a passphrase, or does not belong to the certificate.
    """
    try:
        with in_memory(pem, key) as path:
            context.load_cert_chain(path, password=_reject_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"{key.source} is not the key of the certificate") from None
        raise ValueError(f"{key.source} and the certificate cannot be used: {error.reason or 'unreadable'}") from None


@contextlib.contextmanager
def in_memory(pem: str, key: Secret) -> Iterator[str]:
    """Yield the path of an in-memory file with both: OpenSSL reads files only, and the key must not be on disk."""
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, f"{pem}\n{key.reveal()}\n".encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _reject_passphrase() -> NoReturn:
    """Raise an error instead of letting OpenSSL prompt at the terminal."""
    raise ValueError("the key has a passphrase; use a key without passphrase, in a file that only the daemon can read")


AuthoritiesField = Annotated[Authorities, PlainValidator(_authorities), WithJsonSchema({"type": "string"})]


CertificateField = Annotated[Certificate, PlainValidator(_certificate), AS_TEXT, WithJsonSchema({"type": "string"})]
KeyField = Annotated[Secret, PlainValidator(_key), WithJsonSchema({"anyOf": [{"type": "string"}, SECRET_SCHEMA]})]


def identity_of(certificate: Certificate | None, key: Secret | None) -> tuple[str, Secret] | None:
    """Return the certificate with its chain as PEM, and its key, which may be in the certificate's file."""
    if certificate is None or (own := key or certificate.key) is None:
        return None
    return certificate.pem, own


def check_identity(certificate: Certificate | None, key: Secret | None) -> None:
    """Check that a certificate and its key are configured together and belong together.

    Raises:
        PydanticCustomError: one of them is missing, or the key cannot be used.
    """
    if certificate is None:
        if key is not None:
            raise problem_at("key", "has no effect without a certificate; add certificate: PATH")
        return
    if (identity := identity_of(certificate, key)) is None:
        raise problem_at("certificate", f"{certificate} has no private key; add key: PATH")
    try:
        load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), *identity)
    except ValueError as error:
        raise problem_at("key" if key else "certificate", str(error)) from None


class TlsOptions(Model):
    """TLS options. By default the certificate must be valid for the host, with the system's authorities."""

    ca: AuthoritiesField | None = None
    """PEM file of authorities to trust instead of the system's. A relative path is relative to the configuration file
    that contains the key.
    """

    verify: Flag = True
    """`false`: any certificate is accepted, even that of an attacker."""

    server_name: HostName | None = None
    """The name for SNI and for verification. Default: the host."""

    certificate: CertificateField | None = None
    """PEM file of the client certificate (mutual TLS), followed by its chain. A relative path is relative to
    the configuration file that contains the key.
    """

    key: KeyField | None = None
    """Private key of `certificate`, without passphrase: a PEM file, or a reference to a secret. Default: the key in
    `certificate`."""

    version: Literal["TLSv1.2", "TLSv1.3"] | None = None
    """The only TLS version to use. Default: 1.2 or 1.3, as negotiated with the target."""

    @property
    def identity(self) -> tuple[str, Secret] | None:
        """The client certificate with its chain as PEM, and its key."""
        return identity_of(self.certificate, self.key)

    @model_validator(mode="after")
    def _certificate_has_key(self) -> TlsOptions:
        check_identity(self.certificate, self.key)
        return self

    @model_validator(mode="after")
    def _ca_is_used(self) -> TlsOptions:
        if self.ca is not None and not self.verify:
            raise problem_at("ca", "has no effect with verify: false; remove one of the two")
        return self
