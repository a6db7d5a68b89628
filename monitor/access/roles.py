"""Roles of people, and the scopes that a role includes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from monitor.access.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

EVERYONE: Final = "*"


class UserRole(StrEnum):
    """The role of a person who signed in."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_VIEWER: Final = frozenset({Scope.READ, Scope.CALENDAR_READ})
_OPERATOR: Final = _VIEWER | {Scope.ALERTS_READ, Scope.ALERTS_WRITE, Scope.FACTS_WRITE, Scope.DRILLS_WRITE}
SCOPES: Final[Mapping[UserRole, frozenset[Scope]]] = {
    UserRole.VIEWER: _VIEWER,
    UserRole.OPERATOR: _OPERATOR,
    UserRole.ADMIN: frozenset(Scope),
}


def lowest_role(required: Scope) -> UserRole:
    """Return the role with the fewest permissions that includes the scope."""
    return next(role for role, scopes in SCOPES.items() if required in scopes)


def role_of(names_by_role: Mapping[str, Collection[str]], names: Collection[str]) -> UserRole | None:
    """Return the highest role assigned to any of the names, or None.

    >>> role_of({"viewer": ["*"], "admin": ["sre"]}, ["sre"])
    <UserRole.ADMIN: 'admin'>
    """
    for role in reversed(UserRole):
        accepted = names_by_role.get(role, ())
        if EVERYONE in accepted or any(name in accepted for name in names):
            return role
    return None


def relevant_names(names_by_role: Mapping[str, Collection[str]], names: Collection[str]) -> tuple[str, ...]:
    """Return the names to which a role is assigned; a token may have hundreds of others."""
    accepted = {name for configured in names_by_role.values() for name in configured}
    return tuple(sorted(accepted.intersection(names)))
