"""The token file: it contains only hashes, changes apply immediately, and a damaged file rejects all tokens."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from monitor.access.scopes import Scope, allows
from monitor.access.tokens import TokenFile, new_token
from monitor.errors import NinewatchError
from sla.interval import DAY
from tests.support.clocks import EPOCH as NOW


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    return TokenFile.of(tmp_path / "ninewatch.db")


def create_token(tokens: TokenFile, name: str = "ci", *scopes: Scope, expires: int | None = None) -> str:
    token, text = new_token(name, "Ada", scopes or (Scope.ALERTS_WRITE,), NOW, expires=expires, products=("forms",))
    tokens.add(token)
    return text


def test_token_is_found_with_all_its_fields(tokens: TokenFile) -> None:
    text = create_token(tokens, "ci", Scope.ALERTS_WRITE, Scope.READ, expires=NOW + DAY)
    token = tokens.find(text)
    assert token is not None
    assert (token.name, token.author, token.products, token.expires) == ("ci", "Ada", ("forms",), NOW + DAY)
    assert token.scopes == {Scope.ALERTS_WRITE, Scope.READ}
    assert (token.refusal(NOW + DAY - 1), token.refusal(NOW + DAY)) == ("", "expired")


def test_file_contains_only_hashes_and_is_private_to_its_owner(tokens: TokenFile) -> None:
    texts = [create_token(tokens), create_token(tokens, "other")]
    content = tokens.path.read_text()
    assert not any(text in content or text.rpartition("_")[2] in content for text in texts)
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600


def test_new_tokens_are_different(tokens: TokenFile) -> None:
    assert len({create_token(tokens, str(number)) for number in range(20)}) == 20


@pytest.mark.parametrize("change", ["", "x", "nw_", "nw_0123456789ab_" + "A" * 43, "ü" * 40, "\ud800", "é\x00"])
def test_unknown_token_is_rejected(tokens: TokenFile, change: str) -> None:
    create_token(tokens)
    assert tokens.find(change) is None


def test_token_with_one_changed_character_is_rejected(tokens: TokenFile) -> None:
    text = create_token(tokens)
    assert all(tokens.find(text[:at] + "~" + text[at + 1 :]) is None for at in range(len(text)))
    assert tokens.find(text + "A") is None
    other = "A" if text[-1] != "A" else "Q"
    assert tokens.find(text[:-1] + other) is None


def test_id_and_secret_of_two_tokens_cannot_be_combined(tokens: TokenFile) -> None:
    first, second = create_token(tokens, "a"), create_token(tokens, "b")
    assert tokens.find(first[:16] + second[16:]) is None


def test_changes_by_another_process_apply_immediately(tokens: TokenFile) -> None:
    assert tokens.find("x") is None  # there is no file yet
    other = TokenFile(tokens.path)
    text = create_token(other)
    token = tokens.find(text)
    assert token is not None
    other.revoke(token, "Bob", NOW + 1)
    revoked_token = tokens.find(text)
    assert revoked_token is not None
    assert (revoked_token.revoked, revoked_token.refusal(NOW + 2)) == (NOW + 1, "revoked")


def test_line_truncated_by_a_crash_is_skipped(tokens: TokenFile) -> None:
    first = create_token(tokens)
    with tokens.path.open("a") as file:
        file.write('{"revokes": "')
    assert tokens.find(first) is not None
    second = create_token(tokens, "after")
    assert tokens.find(first) is not None
    assert tokens.find(second) is not None


@pytest.mark.parametrize(
    "line",
    ["{x}", '{"id": 7}', '{"revokes": "a"}', '{"revokes": "a", "made": "soon"}', '{"sha256": "\u00e9"}', "[{}]}"],
)
def test_damaged_line_makes_all_tokens_invalid(tokens: TokenFile, line: str) -> None:
    """The damaged line may be a revocation."""
    text = create_token(tokens)
    with tokens.path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(NinewatchError, match=r"tokens\.jsonl:2: the line is damaged"):
        tokens.find(text)


def test_unknown_scope_of_a_newer_version_permits_nothing(tokens: TokenFile) -> None:
    text = create_token(tokens)
    tokens.path.write_text(tokens.path.read_text().replace("alerts:write", "everything:write"))
    token = tokens.find(text)
    assert token is not None
    assert token.scopes == frozenset()


def test_unreadable_token_file_is_reported_with_its_path(tokens: TokenFile) -> None:
    tokens.path.mkdir()
    with pytest.raises(NinewatchError, match=r"cannot read .*tokens\.jsonl"):
        tokens.find("x")


@pytest.mark.parametrize(
    ("granted", "needed", "allowed"),
    [
        (Scope.ALERTS_WRITE, Scope.ALERTS_READ, True),
        (Scope.ALERTS_READ, Scope.ALERTS_WRITE, False),
        (Scope.READ, Scope.ALERTS_READ, False),
        (Scope.ALERTS_WRITE, Scope.FACTS_WRITE, False),
        (Scope.FACTS_WRITE, Scope.READ, False),
        (Scope.READ, Scope.READ, True),
    ],
)
def test_scope_permits_itself_and_the_scopes_it_includes(granted: Scope, needed: Scope, *, allowed: bool) -> None:
    assert allows({granted}, needed) is allowed
