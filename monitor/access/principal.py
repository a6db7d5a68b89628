"""The authenticated client of a request: an API token, or a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import TYPE_CHECKING

from monitor.access.roles import SCOPES

if TYPE_CHECKING:
    from monitor.access.roles import UserRole
    from monitor.access.scopes import Scope
    from monitor.access.tokens import Token


class AuthMethod(StrEnum):
    """How a client was authenticated."""

    TOKEN = auto()
    SESSION = auto()
    PROXY = auto()


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated client. `name` is the author of the facts that it writes.

    `id` is the token's id or the person's subject. `products` limits changes to these products; empty means no limit.
    `role` is None for a token.
    """

    method: AuthMethod
    id: str
    name: str
    scopes: frozenset[Scope]
    products: tuple[str, ...] = ()
    role: UserRole | None = None

    @classmethod
    def of_token(cls, token: Token) -> Principal:
        """Return the principal of a token."""
        return cls(AuthMethod.TOKEN, token.id, token.name, token.scopes, token.products)

    @classmethod
    def of_person(cls, method: AuthMethod, subject: str, name: str, role: UserRole) -> Principal:
        """Return the principal of a person with a role."""
        return cls(method, subject, name, SCOPES[role], role=role)

    @property
    def key(self) -> str:
        """The key of the client for rate limits."""
        return f"{self.method} {self.id}"
