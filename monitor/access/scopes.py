"""Scopes: the permissions of API tokens."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Scope(StrEnum):
    """A permission of a token."""

    READ = "read"
    CALENDAR_READ = "calendar:read"
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    FACTS_WRITE = "facts:write"
    DRILLS_WRITE = "drills:write"
    GATE_WRITE = "gate:write"
    AUDIT_READ = "audit:read"
    VANTAGE_WRITE = "vantage:write"


MEANINGS: Final[Mapping[Scope, str]] = {
    Scope.READ: "read pages, figures and metrics where `access.read` is `token`",
    Scope.CALENDAR_READ: "read the maintenance calendar, also with the token in the address",
    Scope.ALERTS_READ: "list notifications with their errors",
    Scope.ALERTS_WRITE: "acknowledge alerts, add and end silences, add notes to incidents, retry notifications, "
    "send test messages",
    Scope.FACTS_WRITE: "add and revoke corrections and attestations, plan maintenance, pause checks, mark deployments, "
    "publish incidents on status pages, record reviews of objectives",
    Scope.DRILLS_WRITE: "start and end drills, state their recovery points and findings, sign them off",
    Scope.GATE_WRITE: "override the release gate",
    Scope.AUDIT_READ: "read the audit log, with the addresses of clients",
    Scope.VANTAGE_WRITE: "send observations as the vantage with the token's name",
}
# scope -> scope that includes it
INCLUDED: Final[Mapping[Scope, Scope]] = {Scope.ALERTS_READ: Scope.ALERTS_WRITE, Scope.CALENDAR_READ: Scope.READ}


def allows(scopes: Collection[Scope], required: Scope) -> bool:
    """Return whether the scopes contain or include the required scope."""
    return required in scopes or INCLUDED.get(required) in scopes
