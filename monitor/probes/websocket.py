"""The `websocket` kind: the handshake (RFC 6455) and, if wanted, one message there and one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from monitor.config.addresses import WebSocketUrl
from monitor.config.expect import RegexField
from monitor.config.expect_values import Statuses
from monitor.config.model import Headers, HostPort, Token, problem_at
from monitor.config.secret import revealed
from monitor.http import rate_limit
from monitor.http.rate_limit import RateLimit
from monitor.network.failure import ProbeFailure
from monitor.network.tls_connection import Securable, reaching
from monitor.probes.base import Kind
from monitor.protocols.websocket_session import Session, protocol_for
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe


_OURS = {"connection", "upgrade", "content-length", "transfer-encoding"}


class WebsocketCheck(Securable):
    """Good when the server agrees to speak WebSocket and answers as expected."""

    kind: ClassVar[str] = "websocket"

    websocket: WebSocketUrl
    """The URL: `ws://host/path` or `wss://host/path`."""

    headers: Headers = Field(default_factory=dict)
    """Sent with the handshake."""

    subprotocol: Token | None = None
    """The subprotocol to ask for; the server must agree to it."""

    send: str | None = None
    """A text message to send."""

    expect: RegexField | None = None
    """A regular expression (RE2) that a message must match; others before it are passed over."""

    unknown: Statuses = ()
    """Statuses in answer to the handshake that say nothing about the target, such as 401; one or a list."""

    @field_validator("headers")
    @classmethod
    def _leaves_the_handshake_alone(cls, headers: Headers) -> Headers:
        for name in headers:
            if name.lower() in _OURS or name.lower().startswith("sec-websocket-"):
                raise problem_at(name, "belongs to the handshake; leave it out (a subprotocol is named by subprotocol)")
        return headers

    @property
    def target(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.websocket.partition("?")[0]

    @property
    def unsecured(self) -> str:
        """What to write so that TLS is spoken, nothing when it is."""
        return "" if self.websocket.startswith("wss:") else "write wss://"


def prepare(check: WebsocketCheck) -> Probe:
    """Return the probe that shakes hands, talks, and says good-bye."""
    protocol_for(check.websocket, check.subprotocol)  # loads the library, which no attempt should
    url = urlsplit(check.websocket)
    encrypted = url.scheme == "wss"
    where = HostPort(url.hostname or "", url.port or (443 if encrypted else 80))
    reach = reaching(check, where, encrypted=encrypted)
    headers, limit = revealed(check.headers), RateLimit()

    async def probe(frame: Frame) -> ProbeResult:
        limit.respect(frame.now())
        with await reach(frame) as wire:
            frame.enter("first_byte")
            session = Session(wire, protocol_for(check.websocket, check.subprotocol))
            await session.shake_hands(headers, lambda status, said: _refused(check, limit, status, said, frame.now()))
            frame.enter("transfer")
            if check.send is not None:
                session.say(check.send)
            if check.expect is not None:
                await session.expect(check.expect)
            await session.take_leave()
            frame.close()
        return ProbeResult(Outcome.GOOD, "", 101, frame.phases, "", frame.certificate_expiry)

    return probe


def _refused(check: WebsocketCheck, limit: RateLimit, status: int, headers: dict[str, str], now: int) -> None:
    """Judge an answer that is no handshake, where it says nothing about the target."""
    if any(status in each for each in check.unknown):
        raise ProbeFailure("inconclusive", f"status {status}: unknown, as configured", outcome=Outcome.UNKNOWN)
    limit.judge(status, headers, now)


KIND = Kind(
    "websocket",
    WebsocketCheck,
    prepare,
    example="""\
id: events
websocket: wss://forms.example.org/ws
send: '{"type": "ping"}'
expect: '"pong"'
""",
    reasons=rate_limit.REASONS
    | {
        "answer_mismatch": "the session ended, and the last message is not what is expected",
        "answer_too_long": "a MiB came without what is expected",
        "http_status": "the handshake is answered by another status than 101",
        "inconclusive": "unknown: the handshake is answered by a status that `unknown` names",
        "hung_up": "the session was closed before a message came",
        "websocket_handshake": "the handshake is not as RFC 6455 has it, or another subprotocol is spoken",
        "websocket_malformed": "what came is no frame",
    },
    schemes={"ws": {}, "wss": {}},
    whole_url=True,
)
