"""The `websocket` kind: the handshake (RFC 6455), and optionally a message to send and one to expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from monitor.config.addresses import WebSocketUrl
from monitor.config.expect import RegexField
from monitor.config.expect_values import Statuses
from monitor.config.model import Headers, HostPort, Token, problem_at
from monitor.config.secret import reveal_all
from monitor.http import rate_limit
from monitor.http.rate_limit import RateLimit
from monitor.network.failure import ProbeFailure
from monitor.network.tls_connection import TlsCapableCheck, connector
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.websocket_session import Session, protocol_for
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe


_HANDSHAKE_HEADERS = {"connection", "upgrade", "content-length", "transfer-encoding"}


class WebsocketCheck(TlsCapableCheck):
    """Good if the handshake succeeds and an expected message arrives."""

    kind: ClassVar[str] = "websocket"

    websocket: WebSocketUrl
    """The URL: `ws://host/path` or `wss://host/path`."""

    headers: Headers = Field(default_factory=dict)
    """Headers of the handshake."""

    subprotocol: Token | None = None
    """The subprotocol, which the server must accept."""

    send: str | None = None
    """A text message to send."""

    expect: RegexField | None = None
    """A regular expression (RE2) that one of the messages must match."""

    unknown: Statuses = ()
    """Statuses of the handshake with outcome unknown, such as 401; one or a list."""

    @field_validator("headers")
    @classmethod
    def _has_no_handshake_headers(cls, headers: Headers) -> Headers:
        for name in headers:
            if name.lower() in _HANDSHAKE_HEADERS or name.lower().startswith("sec-websocket-"):
                raise problem_at(name, "is reserved for the handshake; remove it (subprotocol selects a subprotocol)")
        return headers

    @property
    def target(self) -> str:
        """The URL without its query, which may contain a key."""
        return self.websocket.partition("?")[0]

    @property
    def tls_hint(self) -> str:
        """The configuration change that enables TLS. Empty if TLS is enabled."""
        return "" if self.websocket.startswith("wss:") else "use wss://"


def prepare(check: WebsocketCheck) -> Probe:
    """Return the probe that opens a session, exchanges messages, and closes it."""
    protocol_for(check.websocket, check.subprotocol)  # imports the library before the first attempt
    url = urlsplit(check.websocket)
    encrypted = url.scheme == "wss"
    address = HostPort(url.hostname or "", url.port or (443 if encrypted else 80))
    connect = connector(check, address, encrypted=encrypted)
    headers, limit = reveal_all(check.headers), RateLimit()

    async def probe(attempt: Attempt) -> ProbeResult:
        limit.check_wait(attempt.now())
        with await connect(attempt) as connection:
            attempt.enter("first_byte")
            session = Session(connection, protocol_for(check.websocket, check.subprotocol))
            await session.open(
                headers, lambda status, body: _raise_if_inconclusive(check, limit, status, body, attempt.now())
            )
            attempt.enter("transfer")
            if check.send is not None:
                session.send_text(check.send)
            if check.expect is not None:
                await session.expect(check.expect)
            await session.close()
            attempt.close()
        return ProbeResult(Outcome.GOOD, "", 101, attempt.phases, "", attempt.certificate_expiry)

    return probe


def _raise_if_inconclusive(
    check: WebsocketCheck, limit: RateLimit, status: int, headers: dict[str, str], now: int
) -> None:
    """Raise a failure with outcome unknown for a status in `unknown`, or a rate limit."""
    if any(status in statuses for statuses in check.unknown):
        raise ProbeFailure("inconclusive", f"status {status}: configured as unknown", outcome=Outcome.UNKNOWN)
    limit.check_response(status, headers, now)


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
        "answer_mismatch": "the session ended without the expected message",
        "answer_too_long": "no expected message within 1 MiB",
        "http_status": "the status of the handshake is not 101",
        "inconclusive": "unknown: the status of the handshake is listed in `unknown`",
        "hung_up": "the session was closed before a message",
        "websocket_handshake": "the handshake violates RFC 6455, or the subprotocol was not accepted",
        "websocket_malformed": "not a valid frame",
    },
    schemes={"ws": {}, "wss": {}},
    full_url=True,
)
