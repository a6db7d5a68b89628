"""API tokens: an append-only file of JSON lines next to the record, with hashes of the tokens.

Tokens are in a separate file, because the record has one writer, but tokens are created and revoked with or without a
running daemon. They are not facts, so that reports, bundles and pages do not include them. A token has 256 random bits,
so SHA-256 is sufficient and a slow hash is not needed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitor.access.scopes import Scope
from monitor.append_only_file import OWNER_ONLY, append_json, unreadable
from monitor.clock import secret_bytes
from monitor.errors import NinewatchError
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_TOKEN_PATTERN: Final = re.compile(r"nw_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NO_DIGEST: Final = "0" * 64  # compared if no token has the id, for constant time


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; instants are microseconds since the epoch.

    `name` is the author of the facts written with the token. `products` limits it to alerts about these products; empty
    means no limit. `expires` is exclusive: the token is refused from that instant on.
    """

    id: str
    name: str
    made: int
    author: str
    scopes: frozenset[Scope]
    digest: str
    expires: int | None = None
    products: tuple[str, ...] = ()
    revoked: int | None = None

    def refusal(self, now: int) -> str:
        """Return why the token is refused at the instant; empty if it is valid."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else ""


def new_token(
    name: str,
    author: str,
    scopes: Collection[Scope],
    now: int,
    *,
    expires: int | None = None,
    products: Collection[str] = (),
) -> tuple[Token, str]:
    """Return a new token and its text, which is not stored."""
    identity = secret_bytes(6).hex()
    text = f"nw_{identity}_{base64.urlsafe_b64encode(secret_bytes(32)).decode().rstrip('=')}"
    digest = _digest(text)
    return Token(identity, name, now, author, frozenset(scopes), digest, expires, tuple(products)), text


class TokenFile:
    """The file with the tokens of a record, created with mode 0600 and read again after each change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: Mapping[str, Token] = {}

    @classmethod
    def of(cls, record: Path) -> TokenFile:
        """Return the token file next to a record."""
        return cls(record.with_name(record.name + ".tokens.jsonl"))

    def add(self, token: Token) -> None:
        """Append a token.

        Raises:
            NinewatchError: it could not be written.
        """
        self._append(_as_line(token))

    def revoke(self, token: Token, author: str, now: int) -> None:
        """Append a revocation of the token.

        Raises:
            NinewatchError: it could not be written.
        """
        self._append({"revokes": token.id, "made": format_instant(now), "author": author})

    def _append(self, line: Mapping[str, Any]) -> None:
        append_json(self.path, line, mode=OWNER_ONLY)

    def tokens(self) -> Mapping[str, Token]:
        """Return all tokens by id, oldest first.

        Raises:
            NinewatchError: the file cannot be read, or a line is damaged (it might be a revocation).
        """
        try:
            stat = self.path.stat()
            stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
            if stamp != self._stamp:
                self._tokens = _read(self.path)
                self._stamp = stamp
        except FileNotFoundError:
            self._tokens, self._stamp = {}, None
        except OSError as error:
            self._stamp = None
            raise unreadable(self.path, error) from None
        return self._tokens

    def find(self, text: str) -> Token | None:
        """Return the token with this text, valid or not, or None, in constant time.

        Raises:
            NinewatchError: the file cannot be used.
        """
        match = _TOKEN_PATTERN.fullmatch(text)
        token = self.tokens().get(match[1] if match else "")
        matches = hmac.compare_digest(_digest(text), _NO_DIGEST if token is None else token.digest)
        return token if matches else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _as_line(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "made": format_instant(token.made),
        "author": token.author,
        "scopes": sorted(token.scopes),
        "products": list(token.products),
        "expires": None if token.expires is None else format_instant(token.expires),
        "sha256": token.digest,
    }


def _read(path: Path) -> dict[str, Token]:
    tokens: dict[str, Token] = {}
    for number, line in enumerate(path.read_text("utf-8", errors="replace").split("\n"), 1):
        if not line.endswith("}"):
            continue  # incomplete after a crash or while being written, so it was not confirmed
        try:
            _apply(json.loads(line), tokens)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            remedy = "no token is accepted; restore or remove the line"
            raise NinewatchError(f"{path}:{number}: the line is damaged: {remedy}") from None
    return tokens


def _apply(line: dict[str, Any], tokens: dict[str, Token]) -> None:
    if "revokes" in line:
        token, made = tokens[str(line["revokes"])], parse_instant(str(line["made"]))
        if token.revoked is None:
            tokens[token.id] = replace(token, revoked=made)
    else:
        token = _token(line)
        tokens.setdefault(token.id, token)


def _token(line: dict[str, Any]) -> Token:
    expires, products, digest = line["expires"], line["products"], str(line["sha256"])
    if not (isinstance(products, list) and isinstance(line["scopes"], list) and _DIGEST.fullmatch(digest)):
        raise ValueError("a field has another type or format")
    return Token(
        str(line["id"]),
        str(line["name"]),
        parse_instant(str(line["made"])),
        str(line["author"]),
        frozenset(_known_scopes(line["scopes"])),
        digest,
        None if expires is None else parse_instant(str(expires)),
        tuple(map(str, products)),
    )


def _known_scopes(names: list[Any]) -> Iterator[Scope]:
    """Yield the scopes that this version knows; scopes of newer versions are ignored."""
    yield from (Scope(name) for name in names if name in set(Scope))
