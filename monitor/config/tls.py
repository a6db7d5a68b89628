"""TLS options: verification of the target's certificate, and the client certificate."""

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

_LARGEST = 4 << 20  # bytes; the system's own bundle takes a quarter of one MiB


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificate authorities as the file held them at the load: a reload sees by the text that they were changed."""

    path: Path
    pem: str


def _authorities(value: Any, info: ValidationInfo) -> Authorities:
    """Return what the file holds, and refuse one without a certificate, which would fail every probe."""
    if isinstance(value, Authorities):
        return value
    path = local_path(value, info)
    pem = _read(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    return Authorities(path, pem)


def _read(path: Path) -> str:
    return content(path, _LARGEST).decode("ascii", errors="ignore")  # comments next to the certificates may hold names


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of ours with its chain, as the file held them at the load, and the key if that is there too."""

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
    text = _read(path)
    found, key = _CERTIFICATES.findall(text), _KEY.search(text)
    if not found:
        raise ValueError(f"{path} holds no certificate in PEM form")
    return Certificate(path, "".join(found), None if key is None else Secret(key[0], f"file {path}"))


def _key(value: Any, info: ValidationInfo) -> Secret:
    key = read_secret({"file": value} if isinstance(value, str) else value, info)
    if _KEY.search(key.reveal()) is None:
        raise ValueError(f"{key.source} holds no private key in PEM form")
    return key


def show(context: ssl.SSLContext, pem: str, key: Secret) -> None:
    """Let connections of the context show the certificate.

    Raises:
        ValueError: the key is locked, or not the certificate's.
    """
    try:
        with in_memory(pem, key) as path:
            context.load_cert_chain(path, password=_locked)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"{key.source} is not the key of the certificate") from None
        raise ValueError(f"{key.source} and the certificate cannot be used: {error.reason or 'unreadable'}") from None


@contextlib.contextmanager
def in_memory(pem: str, key: Secret) -> Iterator[str]:
    """Give a path at which only we may read both: OpenSSL reads files only, and a key is not for the disk."""
    held = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.fchmod(held, 0o600)
        os.write(held, f"{pem}\n{key.reveal()}\n".encode())
        yield f"/proc/self/fd/{held}"
    finally:
        os.close(held)


def _locked() -> NoReturn:
    """Answer OpenSSL, which would otherwise ask at the terminal."""
    raise ValueError("the key is locked by a passphrase; keep it unlocked, in a file that only we may read")


AuthoritiesField = Annotated[Authorities, PlainValidator(_authorities), WithJsonSchema({"type": "string"})]


CertificateField = Annotated[Certificate, PlainValidator(_certificate), AS_TEXT, WithJsonSchema({"type": "string"})]
KeyField = Annotated[Secret, PlainValidator(_key), WithJsonSchema({"anyOf": [{"type": "string"}, SECRET_SCHEMA]})]


class TlsOptions(Model):
    """TLS options. By default the certificate must be valid for the host, by the system's authorities."""

    ca: AuthoritiesField | None = None
    """PEM file of authorities to trust instead of the system's. A relative path is relative to this file."""

    verify: Flag = True
    """`false` accepts any certificate, so any server can answer."""

    server_name: HostName | None = None
    """The name for SNI and for verification. Default: the host."""

    certificate: CertificateField | None = None
    """PEM file of the client certificate (mutual TLS), followed by its chain. A relative path is relative to this file.
    """

    key: KeyField | None = None
    """Its private key, without a passphrase: a PEM file, or a reference to a secret. Default: in `certificate`."""

    version: Literal["TLSv1.2", "TLSv1.3"] | None = None
    """The only TLS version to use. Default: 1.2 and 1.3, as the target prefers."""

    @property
    def identity(self) -> tuple[str, Secret] | None:
        """The certificate that we show, in PEM form with its chain, and its key."""
        if self.certificate is None or (key := self.key or self.certificate.key) is None:
            return None
        return self.certificate.pem, key

    @model_validator(mode="after")
    def _shows_a_certificate_with_its_key(self) -> TlsOptions:
        if self.certificate is None:
            if self.key is not None:
                raise problem_at("key", "has no effect without a certificate; add certificate: PATH")
            return self
        if self.identity is None:
            raise problem_at("certificate", f"{self.certificate} holds no private key; add key: PATH")
        try:
            show(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), *self.identity)
        except ValueError as error:
            raise problem_at("key" if self.key else "certificate", str(error)) from None
        return self

    @model_validator(mode="after")
    def _means_something(self) -> TlsOptions:
        if self.ca is not None and not self.verify:
            raise problem_at("ca", "has no effect with verify: false; leave one of the two out")
        return self
