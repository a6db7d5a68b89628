"""The `postgres` kind: a connection, a query, an answer. Needs the extra `postgres` (psycopg, over libpq)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import model_validator

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostPort
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.database import REASONS, DatabaseCheck, installed, judge, reached, refused
from monitor.probes.failure import ProbeFailure, quoted
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    import psycopg

# SQLSTATE (its class, or all of it) -> reason. Appendix A of PostgreSQL's manual.
_STATES = {"3D": "database_missing", "53": "database_full", "57P01": "database_starting", "57P03": "database_starting"}
_NOT_TAKEN = ("28", "42501")  # authorisation refused, privilege missing
# libpq hands on no SQLSTATE of a connection that was not made, so that the words of the server must do (in English).
_WORDS = {
    "starting up": "57P03",
    "shutting down": "57P03",
    "recovery": "57P03",
    "too many clients": "53300",
    "too many connections": "53300",
    "connection slots": "53300",
    "authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "permission denied for database": "28000",
    'role "': "28000",
    'database "': "3D000",
}
_SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


class PostgresCheck(DatabaseCheck):
    """Good when the query is answered as expected, e.g. `SELECT pg_is_in_recovery()` with `False`."""

    kind: ClassVar[str] = "postgres"

    postgres: Annotated[HostPort, DefaultPort(5432)]
    """`host` or `host:port`; port 5432 unless written."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        installed("psycopg", "postgres")
        return self


def prepare(check: PostgresCheck) -> Probe:
    """Return the probe that connects, asks and hangs up."""
    import psycopg  # takes 0.2 s, which no attempt should

    host, port = check.postgres.host, check.postgres.port
    options = _options(check)

    async def connect(address: str, port: int) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(hostaddr=address, port=port, autocommit=True, **options)

    async def probe(frame: Frame) -> ProbeResult:
        try:
            connection = await reached(frame, host, port, check.family, connect)
            try:
                frame.enter("first_byte")
                judge(check, await (await connection.execute(check.query)).fetchmany(1))
            finally:
                connection.pgconn.finish()  # at once: a good-bye could be waited for
        except psycopg.Error as error:
            if (failure := _failure(check, error)) is not None:
                raise failure from None
        frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


def _options(check: PostgresCheck) -> dict[str, Any]:
    """Return libpq's options. Each that an environment variable could set is set: a probe is what its check says."""
    authorities = str(check.tls.ca.path) if check.tls.ca is not None else _SYSTEM_AUTHORITIES
    verified = {"sslmode": "verify-full", "sslrootcert": authorities} if check.tls.verify else {"sslmode": "require"}
    return {
        "host": check.tls.server_name or check.postgres.host,
        "user": check.user or "ninewatch",
        "password": check.password.reveal() if check.password is not None else "",
        "passfile": "/nonexistent/pgpass",
        "dbname": check.database or "postgres",
        "application_name": "ninewatch",
        "gssencmode": "disable",
        "target_session_attrs": "any",
        **(verified if check.encrypted else {"sslmode": "disable"}),
    }


def _failure(check: PostgresCheck, error: psycopg.Error) -> ProbeFailure | None:
    said = " ".join(str(error).split()).rpartition("failed: ")[2]
    state = error.sqlstate or next((code for words, code in _WORDS.items() if words in said), "")
    if state.startswith(_NOT_TAKEN):
        return refused(check, said)
    if not error.sqlstate and (word := next((word for text, word in _NETWORK.items() if text in said), "")):
        ours = word == "no_route"
        return ProbeFailure(word, quoted(said, 160), outcome=Outcome.UNKNOWN if ours else Outcome.BAD)
    reason = _STATES.get(state) or _STATES.get(state[:2]) or "database_error"
    return ProbeFailure(reason, f"{state} {quoted(said, 160)}".strip())


# What libpq says of the connection itself, in the machine's words.
_NETWORK = {
    "Connection refused": "connect_refused",
    "No route to host": "host_unreachable",
    "certificate": "tls_untrusted",
    "does not support SSL": "tls_handshake",
    "SSL error": "tls_handshake",
    "received invalid response": "database_malformed",
    "expected authentication request": "database_malformed",
    "closed the connection": "hung_up",
    "connection reset": "connection_reset",
    "Network is unreachable": "no_route",
}


KIND = Kind(
    "postgres",
    PostgresCheck,
    prepare,
    example="""\
id: primary
postgres: db.example.org
user: ninewatch
password: {env: POSTGRES_PASSWORD}
query: SELECT pg_is_in_recovery()
expect: "False"
""",
    reasons=REASONS,
    schemes={"postgres": {}, "postgresql": {}},
)
