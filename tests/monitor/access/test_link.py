"""Tokens of links: valid and rejected tokens, and a key that survives restarts."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from monitor.access.link import Claim, LinkError, LinkSigner, key_path, load_signer
from monitor.errors import NinewatchError
from sla.interval import HOUR, SECOND
from tests.support.clocks import EPOCH as NOW

CLAIM = Claim("4f0c1d2e3a4b", "ops", "forms", NOW + HOUR)
SIGNER = LinkSigner(b"k" * 32)


@pytest.mark.parametrize("claim", [CLAIM, Claim("cert:forms/page:1790000000", "on-call", "", NOW + SECOND)])
def test_token_returns_its_claim_until_it_expires(claim: Claim) -> None:
    token = SIGNER.token(claim)
    assert SIGNER.claim(token, claim.expires - 1) == claim
    with pytest.raises(LinkError, match="expired"):
        SIGNER.claim(token, claim.expires)


def test_token_contains_only_characters_of_a_path_segment() -> None:
    token = SIGNER.token(Claim("burn:forms:NinewatchBudgetBurnsFast:1790000000", "ops", "forms", NOW))
    assert token.replace("-", "").replace("_", "").replace(".", "").isalnum()


@pytest.mark.parametrize("other", [b"k" * 31 + b"x", b"", b"k" * 33])
def test_token_signed_with_another_key_is_rejected(other: bytes) -> None:
    with pytest.raises(LinkError, match="invalid"):
        LinkSigner(other).claim(SIGNER.token(CLAIM), NOW)


def test_token_with_a_changed_character_is_rejected() -> None:
    token = SIGNER.token(CLAIM)
    for at, old in enumerate(token):
        for new in ("A", "B", "_", ".", "=", "\u00e9"):
            if new != old:
                with pytest.raises(LinkError, match="invalid"):
                    SIGNER.claim(token[:at] + new + token[at + 1 :], NOW)


@pytest.mark.parametrize("change", [{"key": "other"}, {"receiver": "x"}, {"product": "sso"}, {"expires": NOW * 2}])
def test_signature_of_another_claim_is_rejected(change: dict[str, object]) -> None:
    fields = {"key": CLAIM.key, "receiver": CLAIM.receiver, "product": CLAIM.product, "expires": CLAIM.expires}
    mac = SIGNER.token(CLAIM).partition(".")[2]
    forged = SIGNER.token(Claim(**{**fields, **change})).partition(".")[0]  # type: ignore[arg-type]
    with pytest.raises(LinkError, match="invalid"):
        SIGNER.claim(f"{forged}.{mac}", NOW)


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "..", "e30.e30", "%00.%00", "x" * 5_000 + ".y", "e30.", ".e30"])
def test_malformed_token_is_rejected(token: str) -> None:
    with pytest.raises(LinkError, match="invalid"):
        SIGNER.claim(token, NOW)


def test_each_token_has_only_one_spelling() -> None:
    """Base64 lets the last bits vary: only one form is accepted."""
    token = SIGNER.token(CLAIM)
    mac = token.partition(".")[2]
    same = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            if base64.urlsafe_b64decode(mac[:-1] + c + "=") == base64.urlsafe_b64decode(mac + "=")]  # fmt: skip
    assert len(same) > 1
    for last in set(same) - {mac[-1]}:
        with pytest.raises(LinkError, match="invalid"):
            SIGNER.claim(token[:-1] + last, NOW)
    with pytest.raises(LinkError, match="invalid"):
        SIGNER.claim(token + "=", NOW)


def test_token_contains_the_claim_and_not_the_key() -> None:
    content = SIGNER.token(CLAIM).partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(content + "==")) == [
        "4f0c1d2e3a4b",
        "ops",
        "forms",
        CLAIM.expires // SECOND,
    ]


def test_key_is_created_once_and_read_after_a_restart(tmp_path: Path) -> None:
    record = tmp_path / "new" / "ninewatch.db"
    token = load_signer(record).token(CLAIM)
    assert load_signer(record).claim(token, NOW) == CLAIM
    assert stat.S_IMODE(key_path(record).stat().st_mode) == 0o600
    assert [path.name for path in record.parent.iterdir()] == ["ninewatch.db.link-key"]


def test_each_record_has_another_key(tmp_path: Path) -> None:
    first, second = (load_signer(tmp_path / name) for name in ("a.db", "b.db"))
    with pytest.raises(LinkError, match="invalid"):
        second.claim(first.token(CLAIM), NOW)


@pytest.mark.parametrize("content", [b"", b"short"])
def test_too_short_key_is_reported_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    key_path(tmp_path / "a.db").write_bytes(content)
    with pytest.raises(NinewatchError, match="too short"):
        load_signer(tmp_path / "a.db")
    assert key_path(tmp_path / "a.db").read_bytes() == content


def test_unreadable_key_file_is_reported_with_its_path(tmp_path: Path) -> None:
    key_path(tmp_path / "a.db").mkdir()
    with pytest.raises(NinewatchError, match=r"cannot use .*a\.db\.link-key"):
        load_signer(tmp_path / "a.db")
