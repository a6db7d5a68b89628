"""TLS options: a client certificate with its key, and the TLS version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from monitor.config.tls import TlsOptions
from tests.support.certificates import write_client_certificate

if TYPE_CHECKING:
    from pathlib import Path


def options(**fields: Any) -> TlsOptions:
    return TlsOptions.model_validate(fields)


def test_client_key_may_be_in_a_file_a_secret_or_the_certificate_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = write_client_certificate(trustme.CA(), tmp_path)
    monkeypatch.setenv("CLIENT_KEY", key.read_text())
    combined_file = tmp_path / "both.pem"
    combined_file.write_text(certificate.read_text() + key.read_text())
    all_options = [
        options(certificate=str(certificate), key=str(key)),
        options(certificate=str(certificate), key={"env": "CLIENT_KEY"}),
        options(certificate=str(certificate), key={"file": str(key)}),
        options(certificate=str(combined_file)),
    ]
    assert all(option.identity is not None for option in all_options)
    assert len({(option.identity or ("",))[0] for option in all_options}) == 1
    key_line = key.read_text().splitlines()[1]
    assert not any(
        key_line in representation
        for option in all_options
        for representation in (repr(option), option.model_dump_json())
    )


def test_default_is_no_client_certificate() -> None:
    assert options().identity is None


def encrypt_key(key: Path) -> Path:
    private_key = serialization.load_pem_private_key(key.read_bytes(), None)
    path = key.with_suffix(".locked")
    path.write_bytes(
        private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    return path


def test_mistake_is_reported_with_the_file(tmp_path: Path) -> None:
    """OpenSSL does not prompt for the passphrase of an encrypted key."""
    authority = trustme.CA()
    certificate, key = write_client_certificate(authority, tmp_path)
    _, other_key = write_client_certificate(authority, tmp_path, "other.example.test")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"certificate": "absent.pem"}, r"cannot read absent\.pem: no such file"),
        ({"certificate": str(empty)}, r"empty\.pem has no certificate in PEM form"),
        ({"certificate": str(certificate)}, r"client\.example\.test\.pem has no private key; add key: PATH"),
        ({"certificate": str(certificate), "key": "absent.key"}, r"cannot read absent\.key"),
        ({"certificate": str(certificate), "key": str(empty)}, r"empty\.pem has no private key in PEM form"),
        ({"certificate": str(certificate), "key": str(other_key)}, r"other.*\.key is not the key of the certificate"),
        ({"certificate": str(certificate), "key": str(encrypt_key(key))}, "has a passphrase"),
        ({"key": str(key)}, "no effect without a certificate"),
        ({"version": "TLSv1.0"}, "TLSv1.2"),
    ]
    for fields, expected_error in mistakes:
        with pytest.raises(ValidationError, match=expected_error):
            options(**fields)


@pytest.mark.fault(58)
def test_changed_certificate_changes_the_options(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key = write_client_certificate(authority, tmp_path)
    before = options(certificate=str(certificate), key=str(key))
    write_client_certificate(authority, tmp_path)
    assert options(certificate=str(certificate), key=str(key)) != before
