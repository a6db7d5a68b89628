"""The `redis` kind: PING, after AUTH if a password is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import model_validator

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostPort, Secret, Token, problem_at
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import ImplicitTlsCheck, connector
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.redis_session import Session
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe
    from monitor.network.connection import Connection


class RedisCheck(ImplicitTlsCheck):
    """Good if the server replies to PING. Without a configured password, a request for a password is good too."""

    kind: ClassVar[str] = "redis"

    redis: Annotated[HostPort, DefaultPort(6379)]
    """`host` or `host:port`; default port 6379."""

    user: Token | None = None
    """The ACL user, which requires `password`; default: Redis' default user."""

    password: Secret | None = None
    """Reference to the password: `{env: NAME}` or `{file: PATH}`."""

    role: Literal["master", "slave"] | None = None
    """The expected replication role."""

    @model_validator(mode="after")
    def _user_has_a_password(self) -> Self:
        if self.user is not None and self.password is None:
            raise problem_at("user", "has no effect without a password; add password: {env: NAME}")
        return self


def prepare(check: RedisCheck) -> Probe:
    """Return the probe that sends PING."""
    connect = connector(check, check.redis, encrypted=check.encrypted)

    async def probe(attempt: Attempt) -> ProbeResult:
        with await connect(attempt) as connection:
            attempt.enter("first_byte")
            await _exchange_commands(connection, check)
            attempt.close()
        return ProbeResult(Outcome.GOOD, phases=attempt.phases, certificate_expiry=attempt.certificate_expiry)

    return probe


async def _exchange_commands(connection: Connection, check: RedisCheck) -> None:
    session = Session(connection)
    if check.password is not None:
        await session.command("AUTH", *([check.user] if check.user else []), check.password.reveal())
    try:
        pong = await session.command("PING")
        role = await session.command("ROLE") if check.role is not None else None
    except ProbeFailure as failure:
        if failure.reason == "credentials_refused" and check.password is None and check.role is None:
            return
        raise
    if pong != b"PONG":
        raise ProbeFailure("redis_malformed", f"the reply to PING is {quoted(str(pong))}")
    if check.role is not None:
        value = role[0] if isinstance(role, list) and role else role
        role_name = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        if role_name != check.role:
            raise ProbeFailure("redis_role", f"the role is {quoted(role_name)}, expected {check.role}")


KIND = Kind(
    "redis",
    RedisCheck,
    prepare,
    example="""\
id: session-cache
redis: cache.example.org:6379
role: master
""",
    reasons={
        "answer_too_long": "no complete reply within 64 KiB",
        "credentials_refused": "unknown: the server rejected user or password, or expects none",
        "hung_up": "the connection was closed before the reply",
        "redis_error": "an error reply",
        "redis_loading": "the server is loading its data set",
        "redis_malformed": "the reply is not PONG, or not RESP",
        "redis_master_down": "the replica has lost its master and does not serve stale data",
        "redis_role": "unexpected replication role",
    },
    schemes={"redis": {}, "rediss": {"encrypted": True}},
)
