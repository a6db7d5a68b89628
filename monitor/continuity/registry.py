"""Choose the driver for a kind of transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.continuity.http_kinds import chefs_draft, http_pair, keycloak_session
from monitor.continuity.postgres_driver import postgres_driver
from monitor.continuity.redis_driver import redis_driver

if TYPE_CHECKING:
    from monitor.config.continuity import ContinuityTransaction
    from monitor.continuity.driver import Driver


def driver_of(transaction: ContinuityTransaction) -> Driver:
    """Return the driver of a transaction.

    Raises:
        ValueError: a library that the kind needs is not installed.
    """
    if transaction.postgres is not None:
        return postgres_driver(transaction, transaction.postgres)
    if transaction.redis is not None:
        return redis_driver(transaction, transaction.redis)
    if transaction.keycloak is not None:
        return keycloak_session(transaction, transaction.keycloak)
    if transaction.chefs is not None:
        return chefs_draft(transaction, transaction.chefs)
    assert transaction.http is not None, "validated"  # noqa: S101 - for the type checker
    return http_pair(transaction, transaction.http)
