"""What the database kinds share: credentials, a query and its answer, and a TLS context for drivers that connect alone.

The drivers get an address that we looked up, so that they do not look names up in threads; the name that the
certificate must bear is kept in the context.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, TypeAlias, TypeVar

from pydantic import Field, model_validator

from monitor.config.model import Secret, Token, problem_at
from monitor.network.failure import ProbeFailure, failure_of, quoted
from monitor.network.happy_eyeballs import Race
from monitor.network.tls_connection import Encryptable
from monitor.network.tls_context import adapt
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import Family, HostPort
    from monitor.network.attempt import Frame, Probe
    from monitor.network.resolver import Address

T = TypeVar("T")

MOST = 1 << 20  # bytes that may come before the first row is whole


class DatabaseCheck(Encryptable):
    """A query and what it must answer."""

    user: Token | None = None
    """Who asks: `password`, `database`, `query` and `expect` need one. Without, a server that asks for credentials has
    answered, and is good."""

    password: Secret | None = None
    """Where the password is kept."""

    database: Token | None = None
    """The database to ask."""

    query: Annotated[str, Field(min_length=1)] = "SELECT 1"
    """What is asked. Give the user no more rights than it takes."""

    expect: str | None = None
    """What the first column of the first row must read; any answer will do if left out. Bytes are read as UTF-8, and
    NULL reads like nothing: ask for `... IS NULL` instead."""

    @model_validator(mode="after")
    def _somebody_asks(self) -> Self:
        for key in ("password", "database", "query", "expect"):
            if self.user is None and key in self.model_fields_set:
                raise problem_at(key, "is not used without a user, whom the server knows; add user: NAME")
        return self

    @property
    def asker(self) -> str:
        """Who asks: without a user, somebody whom no server knows."""
        return self.user or "ninewatch"

    @property
    def revealed(self) -> str:
        """The password, empty if there is none."""
        return self.password.reveal() if self.password is not None else ""


class NamedContext(ssl.SSLContext):
    """A client context that asks for, and verifies, the name that it was given, whatever the driver says."""

    name = ""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: Any, **__: Any) -> ssl.SSLObject:
        """Return the client's side of TLS between two buffers."""
        return super().wrap_bio(incoming, outgoing, server_hostname=self.name)


def named_context(check: DatabaseCheck, host: str) -> NamedContext | None:
    """Return the context of a check, None if it is not encrypted."""
    if not check.encrypted:
        return None
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.name = (check.tls.server_name or host).removesuffix(".")
    if not check.tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif check.tls.ca is not None:
        context.load_verify_locations(cadata=check.tls.ca.pem)
    else:
        context.load_default_certs()
    adapt(context, check.tls)
    return context


Connect: TypeAlias = "Callable[[str, int, Callable[[], object]], Awaitable[T]]"
"""Connects to an address and a port and logs in; calls what it is given once the connection is made."""


async def reached(frame: Frame, where: HostPort, family: Family, driver: Driver[T]) -> T:
    """Return a driver's connection to one of the host's addresses; fails as `Wire.reach` does."""
    addresses = await frame.addresses(where.host, where.port, family)
    frame.enter("connect")

    async def attempt(address: Address) -> T:
        frame.outbound.check(address)
        frame.peer = address
        try:
            return await driver.connect(address[1][0], where.port, partial(race.claim, address))
        except OSError as error:
            raise failure_of(error) from None

    race = Race(frame, addresses, attempt, driver.close)
    return await race.run()


@dataclass(frozen=True, slots=True)
class Driver(Generic[T]):
    """How a library is used: it connects (to an address and a port), asks, and hangs up without waiting for anything.

    `failure` says what one of its `errors` means: None, all is well.
    """

    connect: Connect[T]
    rows: Callable[[T], Awaitable[list[Any]]]
    close: Callable[[T], object]
    errors: tuple[type[Exception], ...]
    failure: Callable[[Exception], ProbeFailure | None]


def querying(check: DatabaseCheck, where: HostPort, driver: Driver[T]) -> Probe:
    """Return the probe that connects, asks, judges the answer and hangs up."""

    async def probe(frame: Frame) -> ProbeResult:
        try:
            connection = await reached(frame, where, check.family, driver)
            try:
                frame.enter("first_byte")
                judge(check, await driver.rows(connection))
            finally:
                driver.close(connection)
        except driver.errors as error:
            if (failure := driver.failure(error)) is not None:
                raise failure from None
        frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


def judge(check: DatabaseCheck, rows: list[Any]) -> None:
    """Compare the first column of the first row with what is expected."""
    if check.expect is None:
        return
    if not rows or not len(rows[0]):
        raise ProbeFailure("answer_mismatch", f"the query gives no row, expected {quoted(check.expect)}")
    value = rows[0][0]
    found = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    if value is None or found != check.expect:
        said = "NULL" if value is None else quoted(found)
        raise ProbeFailure("answer_mismatch", f"the query gives {said}, expected {quoted(check.expect)}")


def refused(check: DatabaseCheck, said: str) -> ProbeFailure | None:
    """Return what it means that credentials are not taken: None, all is well, when there are none."""
    if check.user is None:
        return None
    return ProbeFailure("credentials_refused", quoted(said, 160), outcome=Outcome.UNKNOWN)


REASONS = {
    "answer_mismatch": "the first column of the first row is not what is expected",
    "answer_too_long": "1 MiB, or packets without end, came without a whole row",
    "credentials_refused": "unknown: our user, password or certificate is not taken, which says nothing of the server",
    "database_error": "the server answers with an error",
    "database_full": "the server takes no more connections",
    "database_malformed": "what was said is not this server's protocol",
    "database_missing": "there is no such database",
    "database_starting": "the server starts or stops",
    "hung_up": "the connection was closed in the middle",
}
