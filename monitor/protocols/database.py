"""Shared parts of the database kinds: credentials, query, check of the result, and a TLS context for drivers.

Drivers receive a resolved address, so that they do not resolve names in threads. The TLS context contains the expected
name of the certificate.
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
from monitor.network.tls_connection import ImplicitTlsCheck
from monitor.network.tls_context import adapt
from monitor.probe_result import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import Family, HostPort
    from monitor.network.attempt import Attempt, Probe
    from monitor.network.resolver import Address

T = TypeVar("T")

MAX_BYTES = 1 << 20  # bytes received before the first row is complete


class DatabaseCheck(ImplicitTlsCheck):
    """A query and its expected result."""

    user: Token | None = None
    """The user name, required by `password`, `database`, `query` and `expect`. Without a user, a server that requests
    credentials is good."""

    password: Secret | None = None
    """Reference to the password, or the password's source."""

    database: Token | None = None
    """The database."""

    query: Annotated[str, Field(min_length=1)] = "SELECT 1"
    """The query. Grant the user only the privileges that it needs."""

    expect: str | None = None
    """Expected text of the first column of the first row; by default any result is good. Bytes are decoded as UTF-8.
    NULL equals no text: query `... IS NULL` instead."""

    @model_validator(mode="after")
    def _has_query(self) -> Self:
        for key in ("password", "database", "query", "expect"):
            if self.user is None and key in self.model_fields_set:
                raise problem_at(key, "has no effect without a user; add user: NAME")
        return self

    @property
    def user_name(self) -> str:
        """The user name sent to the server; `ninewatch` if none is configured."""
        return self.user or "ninewatch"

    @property
    def password_text(self) -> str:
        """The password, empty if none is configured."""
        return self.password.reveal() if self.password is not None else ""


class NamedContext(ssl.SSLContext):
    """A client context that uses the server name `name`, regardless of the name that the driver passes."""

    name = ""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: Any, **__: Any) -> ssl.SSLObject:
        """Return a client TLS object between two buffers."""
        return super().wrap_bio(incoming, outgoing, server_hostname=self.name)


def named_context(check: DatabaseCheck, host: str) -> NamedContext | None:
    """Return the TLS context of a check, None if the check does not use TLS."""
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
"""Connects to an address and port, and logs in. Its last argument is called when TCP is connected."""


async def connect_driver(attempt: Attempt, target: HostPort, family: Family, driver: Driver[T]) -> T:
    """Return a driver's connection to one of the host's addresses. Raises the errors of `Connection.connect`."""
    addresses = await attempt.addresses(target.host, target.port, family)
    attempt.enter("connect")

    async def connect(address: Address) -> T:
        attempt.outbound.check(address)
        attempt.peer = address
        try:
            return await driver.connect(address[1][0], target.port, partial(race.claim, address))
        except OSError as error:
            raise failure_of(error) from None

    race = Race(attempt, addresses, connect, driver.close)
    return await race.run()


@dataclass(frozen=True, slots=True)
class Driver(Generic[T]):
    """Functions of a database library: connect and log in, fetch rows, and close without waiting.

    `failure` converts an exception of the types `errors` to a failure; None means good.
    """

    connect: Connect[T]
    rows: Callable[[T], Awaitable[list[Any]]]
    close: Callable[[T], object]
    errors: tuple[type[Exception], ...]
    failure: Callable[[Exception], ProbeFailure | None]


def query_probe(check: DatabaseCheck, target: HostPort, driver: Driver[T]) -> Probe:
    """Return the probe that connects, runs the query, checks the result and disconnects."""

    async def probe(attempt: Attempt) -> ProbeResult:
        try:
            connection = await connect_driver(attempt, target, check.family, driver)
            try:
                attempt.enter("first_byte")
                check_result(check, await driver.rows(connection))
            finally:
                driver.close(connection)
        except driver.errors as error:
            if (failure := driver.failure(error)) is not None:
                raise failure from None
        attempt.close()
        return ProbeResult(Outcome.GOOD, phases=attempt.phases)

    return probe


def check_result(check: DatabaseCheck, rows: list[Any]) -> None:
    """Check the first column of the first row."""
    if check.expect is None:
        return
    if not rows or not len(rows[0]):
        raise ProbeFailure("answer_mismatch", f"the query returned no row, expected {quoted(check.expect)}")
    value = rows[0][0]
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    if value is None or text != check.expect:
        quoted_value = "NULL" if value is None else quoted(text)
        raise ProbeFailure("answer_mismatch", f"the query returned {quoted_value}, expected {quoted(check.expect)}")


def credentials_refused(check: DatabaseCheck, message: str) -> ProbeFailure | None:
    """Return the failure for rejected credentials, None (good) if no credentials are configured."""
    if check.user is None:
        return None
    return ProbeFailure("credentials_refused", quoted(message, 160), outcome=Outcome.UNKNOWN)


REASONS = {
    "answer_mismatch": "unexpected value in the first column of the first row",
    "answer_too_long": "no complete row within 1 MiB or the packet limit",
    "credentials_refused": "unknown: the server rejected the configured user, password or certificate",
    "database_error": "the server returned an error",
    "database_full": "too many connections to the server",
    "database_malformed": "the response does not follow the protocol",
    "database_missing": "the database does not exist",
    "database_starting": "the server is starting up or shutting down",
    "hung_up": "the connection was closed early",
}
