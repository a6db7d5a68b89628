"""The `redis` kind: PING, with a password if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import model_validator

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostPort, Secret, Token, problem_at
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import Encryptable, reaching
from monitor.probes.base import Kind
from monitor.protocols.redis_session import Session
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe
    from monitor.network.connection import Wire


class RedisCheck(Encryptable):
    """Good when the server answers PING. Without a password, being asked for one is an answer too."""

    kind: ClassVar[str] = "redis"

    redis: Annotated[HostPort, DefaultPort(6379)]
    """`host` or `host:port`; port 6379 unless written."""

    user: Token | None = None
    """The ACL user, who needs a `password`; the default one if left out."""

    password: Secret | None = None
    """Where the password is kept."""

    role: Literal["master", "slave"] | None = None
    """Bad when the server's replication role is another."""

    @model_validator(mode="after")
    def _user_has_a_password(self) -> Self:
        if self.user is not None and self.password is None:
            raise problem_at("user", "is not used without a password; add password: {env: NAME}")
        return self


def prepare(check: RedisCheck) -> Probe:
    """Return the probe that says PING."""
    reach = reaching(check, check.redis, encrypted=check.encrypted)

    async def probe(frame: Frame) -> ProbeResult:
        with await reach(frame) as wire:
            frame.enter("first_byte")
            await _converse(wire, check)
            frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases, certificate_expiry=frame.certificate_expiry)

    return probe


async def _converse(wire: Wire, check: RedisCheck) -> None:
    session = Session(wire)
    if check.password is not None:
        await session.ask("AUTH", *([check.user] if check.user else []), check.password.reveal())
    try:
        pong = await session.ask("PING")
        role = await session.ask("ROLE") if check.role is not None else None
    except ProbeFailure as failure:
        if failure.reason == "credentials_refused" and check.password is None and check.role is None:
            return
        raise
    if pong != b"PONG":
        raise ProbeFailure("redis_malformed", f"PING is answered by {quoted(str(pong))}")
    if check.role is not None:
        named = role[0] if isinstance(role, list) and role else role
        found = named.decode(errors="replace") if isinstance(named, bytes) else str(named)
        if found != check.role:
            raise ProbeFailure("redis_role", f"the server is {quoted(found)}, expected {check.role}")


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
        "answer_too_long": "64 KiB came without a whole reply",
        "credentials_refused": "unknown: user or password is not taken or not wanted, which says nothing of the server",
        "hung_up": "the connection was closed before the reply",
        "redis_error": "the reply is an error",
        "redis_loading": "the server still reads its data set",
        "redis_malformed": "the reply is not PONG, or no RESP",
        "redis_master_down": "a replica lost its master and does not serve stale data",
        "redis_role": "the server's replication role is another than expected",
    },
    schemes={"redis": {}, "rediss": {"encrypted": True}},
)
