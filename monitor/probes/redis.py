"""The `redis` kind: PING over RESP, with a password if there is one. hiredis parses; the wire is ours."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from monitor.config.addresses import DefaultPort
from monitor.config.model import Flag, HostPort, Reached, Secret, Text, TlsOptions
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.tls_context import certificate_expiry, context_for
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

_LIMIT = 65_536  # bytes; PONG takes seven


class RedisCheck(Reached):
    """Good when the server answers PING. Without a password, being asked for one is an answer too."""

    kind: ClassVar[str] = "redis"

    redis: Annotated[HostPort, DefaultPort(6379)]
    """`host` or `host:port`; port 6379 unless written."""

    user: Text | None = None
    """The ACL user; the default one if left out."""

    password: Secret | None = None
    """Where the password is kept."""

    role: Literal["master", "slave"] | None = None
    """Bad when the server's replication role is another."""

    encrypted: Flag = False
    """`true`: TLS from the first byte on."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged."""


def prepare(check: RedisCheck) -> Probe:
    """Return the probe that says PING."""
    host, port = check.redis.host, check.redis.port
    context = context_for(check.tls) if check.encrypted else None

    async def probe(frame: Frame) -> ProbeResult:
        with await Wire.reach(frame, host, port, family=check.family) as wire:
            if context is not None:
                name = check.tls.server_name or host
                frame.certificate_expiry = certificate_expiry(await wire.encrypt(context, name))
            frame.enter("first_byte")
            await _converse(wire, check)
            frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases, certificate_expiry=frame.certificate_expiry)

    return probe


async def _converse(wire: Wire, check: RedisCheck) -> None:
    session = _Session(wire)
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
        found = role[0].decode(errors="replace") if isinstance(role, list) and role else str(role)
        if found != check.role:
            raise ProbeFailure("redis_role", f"the server is {quoted(found)}, expected {check.role}")


class _Session:
    def __init__(self, wire: Wire) -> None:
        import hiredis

        self._wire, self._hiredis, self._reader = wire, hiredis, hiredis.Reader()

    async def ask(self, *command: Any) -> Any:
        await self._wire.send(self._hiredis.pack_command(command))
        heard = 0
        while (reply := self._taken()) is False:
            data = await self._wire.receive()
            heard += len(data)
            if not data or heard > _LIMIT:
                word, what = ("answer_too_long", f"{heard} bytes") if data else ("hung_up", "the connection was closed")
                raise ProbeFailure(word, f"{what}, waiting for the reply to {command[0]}")
            self._reader.feed(data)
        if isinstance(reply, self._hiredis.ReplyError):
            raise _refusal(command[0], str(reply))
        return reply

    def _taken(self) -> Any:
        try:
            return self._reader.gets()
        except self._hiredis.ProtocolError as error:
            raise ProbeFailure("redis_malformed", f"no RESP: {quoted(str(error))}") from None


# The first word of an error -> reason and whose fault it is. What we may not is our credentials' fault, until the
# server says more: nothing is known of what others get from it.
_ERRORS = {
    "LOADING": ("redis_loading", Outcome.BAD),
    "MASTERDOWN": ("redis_master_down", Outcome.BAD),
    "NOAUTH": ("credentials_refused", Outcome.UNKNOWN),
    "WRONGPASS": ("credentials_refused", Outcome.UNKNOWN),
    "NOPERM": ("credentials_refused", Outcome.UNKNOWN),
}


def _refusal(command: str, said: str) -> ProbeFailure:
    reason, outcome = _ERRORS.get(said.partition(" ")[0], ("redis_error", Outcome.BAD))
    return ProbeFailure(reason, f"{command}: {quoted(said)}", outcome=outcome)


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
        "credentials_refused": "unknown: user or password is not taken, which says nothing of the server",
        "hung_up": "the connection was closed before the reply",
        "redis_error": "the reply is an error",
        "redis_loading": "the server still reads its data set",
        "redis_malformed": "the reply is not PONG, or no RESP",
        "redis_master_down": "a replica lost its master and does not serve stale data",
        "redis_role": "the server's replication role is another than expected",
    },
    schemes={"redis": {}, "rediss": {"encrypted": True}},
)
