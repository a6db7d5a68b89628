"""The continuity probe of a product: synthetic transactions, some of which are open during a failover."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from monitor.config.base import Model
from monitor.config.check import ProbeTimeout
from monitor.config.continuity_kinds import ChefsDraft, DatabaseRowPair, HttpPair, KeycloakSession, QueuePair
from monitor.config.values import Count, Duration, Id, Within, problem_at
from sla.interval import HOUR, MINUTE, SECOND

KINDS: Final = ("http", "postgres", "redis", "keycloak", "chefs")
_MIN_SHARED_INTERVAL: Final = 10 * SECOND  # between transactions on a service with a rate limit

Pace = Annotated[Duration, AfterValidator(Within(SECOND, HOUR, "between 1s and 1h"))]


class ContinuityTransaction(Model):
    """A synthetic transaction: it starts every `every`, stays open for `open_for`, and is then finished,
    read back and removed."""

    id: Id
    """Identifies the transaction within its product."""

    every: Pace = 30 * SECOND
    """Time between the starts of two transactions. A shorter time narrows the bounds of the recovery point."""

    drill_every: Pace | None = None
    """Time between two starts during a drill of the product. Default: `every`."""

    open_for: Pace = 2 * MINUTE
    """How long a transaction stays open."""

    at_most: Annotated[Count, Field(le=100)] = 10
    """Maximum number of open transactions, including those that wait because the target is down."""

    timeout: ProbeTimeout = 10 * SECOND
    """Time for one request."""

    http: HttpPair | None = None
    """A pair of HTTP requests."""

    postgres: DatabaseRowPair | None = None
    """Two rows of a PostgreSQL table. Requires `make extras`."""

    redis: QueuePair | None = None
    """Two messages in a list of Redis or Valkey."""

    keycloak: KeycloakSession | None = None
    """A Keycloak session with a refresh token."""

    chefs: ChefsDraft | None = None
    """A draft and a submission of a CHEFS form."""

    @property
    def kind(self) -> str:
        """The kind of the transaction: one of `KINDS`."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def shortest(self) -> int:
        """The shortest time between two starts, in microseconds."""
        return self.every if self.drill_every is None else min(self.every, self.drill_every)

    @model_validator(mode="after")
    def _one_kind_within_limits(self) -> ContinuityTransaction:
        configured_kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if not configured_kinds:
            raise problem_at("id", f"has no kind; add one of {', '.join(KINDS)}")
        if len(configured_kinds) > 1:
            raise problem_at(
                configured_kinds[1], f"excludes {configured_kinds[0]} in the same transaction; use two transactions"
            )
        if configured_kinds[0] in ("keycloak", "chefs") and self.shortest < _MIN_SHARED_INTERVAL:
            raise problem_at("every", f"must be 10s or longer for {configured_kinds[0]}, which limits requests")
        needed = -(-self.open_for // self.shortest)
        if needed > self.at_most:
            raise problem_at("at_most", f"must be {needed} or more: one per `every` of `open_for`; or lengthen `every`")
        return self


def _with_unique_ids(blocks: tuple[ContinuityTransaction, ...]) -> tuple[ContinuityTransaction, ...]:
    for number, block in enumerate(blocks):
        if block.id in {earlier.id for earlier in blocks[:number]}:
            raise ValueError(f'two transactions have the id "{block.id}"; change one of the ids')
    return blocks


ContinuityField = Annotated[tuple[ContinuityTransaction, ...], AfterValidator(_with_unique_ids)]
