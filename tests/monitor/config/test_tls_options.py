"""What may be written of TLS: a certificate of our own with its key, and which version is spoken."""

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


def options(**written: Any) -> TlsOptions:
    return TlsOptions.model_validate(written)


def test_a_certificate_has_its_key_in_a_file_a_secret_or_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = write_client_certificate(trustme.CA(), tmp_path)
    monkeypatch.setenv("CLIENT_KEY", key.read_text())
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    forms = [
        options(certificate=str(certificate), key=str(key)),
        options(certificate=str(certificate), key={"env": "CLIENT_KEY"}),
        options(certificate=str(certificate), key={"file": str(key)}),
        options(certificate=str(both)),
    ]
    assert all(each.identity is not None for each in forms)
    assert len({(each.identity or ("",))[0] for each in forms}) == 1
    private = key.read_text().splitlines()[1]
    assert not any(private in shown for each in forms for shown in (repr(each), each.model_dump_json()))


def test_without_a_certificate_none_is_shown() -> None:
    assert options().identity is None


def locked(key: Path) -> Path:
    plain = serialization.load_pem_private_key(key.read_bytes(), None)
    path = key.with_suffix(".locked")
    path.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    return path


def test_a_mistake_names_the_file(tmp_path: Path) -> None:
    """And a locked key does not make OpenSSL ask at the terminal."""
    authority = trustme.CA()
    certificate, key = write_client_certificate(authority, tmp_path)
    _, another = write_client_certificate(authority, tmp_path, "other.example.test")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"certificate": "absent.pem"}, r"cannot read absent\.pem: no such file"),
        ({"certificate": str(empty)}, r"empty\.pem has no certificate in PEM form"),
        ({"certificate": str(certificate)}, r"client\.example\.test\.pem has no private key; add key: PATH"),
        ({"certificate": str(certificate), "key": "absent.key"}, r"cannot read absent\.key"),
        ({"certificate": str(certificate), "key": str(empty)}, r"empty\.pem has no private key in PEM form"),
        ({"certificate": str(certificate), "key": str(another)}, r"other.*\.key is not the key of the certificate"),
        ({"certificate": str(certificate), "key": str(locked(key))}, "has a passphrase"),
        ({"key": str(key)}, "no effect without a certificate"),
        ({"version": "TLSv1.0"}, "TLSv1.2"),
    ]
    for written, said in mistakes:
        with pytest.raises(ValidationError, match=said):
            options(**written)


def test_a_changed_certificate_is_another_configuration(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key = write_client_certificate(authority, tmp_path)
    before = options(certificate=str(certificate), key=str(key))
    write_client_certificate(authority, tmp_path)
    assert options(certificate=str(certificate), key=str(key)) != before
