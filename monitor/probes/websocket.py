"""The `websocket` kind: the handshake (RFC 6455) and, if wanted, one message there and one back.

`websockets` does the protocol without I/O; the wire is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from monitor.config.addresses import WebSocketUrl
from monitor.config.expect import RegexField
from monitor.config.model import Headers, Reached, Secret, Text, TlsOptions
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.tls_context import certificate_expiry, context_for
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

_LIMIT = 1 << 20  # bytes of a message, and of all that comes before the one expected


class WebsocketCheck(Reached):
    """Good when the server agrees to speak WebSocket and answers as expected."""

    kind: ClassVar[str] = "websocket"

    websocket: WebSocketUrl
    """The URL: `ws://host/path` or `wss://host/path`."""

    headers: Headers = Field(default_factory=dict)
    """Sent with the handshake."""

    subprotocol: Text | None = None
    """The subprotocol to ask for; the server must agree to it."""

    send: Annotated[str, Field(max_length=65_536)] | None = None
    """A text message to send."""

    expect: RegexField | None = None
    """A regular expression (RE2) that a message must match; others before it are passed over."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged."""

    @property
    def target(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.websocket.partition("?")[0]


def prepare(check: WebsocketCheck) -> Probe:
    """Return the probe that shakes hands, talks, and says good-bye."""
    _protocol(check)  # loads the library, which takes 0.1 s that no attempt should

    url = urlsplit(check.websocket)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "wss" else 80)
    context = context_for(check.tls) if url.scheme == "wss" else None

    async def probe(frame: Frame) -> ProbeResult:
        with await Wire.reach(frame, host, port, family=check.family) as wire:
            if context is not None:
                name = check.tls.server_name or host
                frame.certificate_expiry = certificate_expiry(await wire.encrypt(context, name))
            frame.enter("first_byte")
            session = _Session(wire, check)
            await session.shake_hands()
            frame.enter("transfer")
            await session.talk()
            frame.close()
        return ProbeResult(Outcome.GOOD, "", 101, frame.phases, "", frame.certificate_expiry)

    return probe


def _protocol(check: WebsocketCheck) -> ClientProtocol:
    from websockets.client import ClientProtocol
    from websockets.typing import Subprotocol
    from websockets.uri import parse_uri

    wanted = None if check.subprotocol is None else [Subprotocol(check.subprotocol)]
    return ClientProtocol(parse_uri(check.websocket), subprotocols=wanted, max_size=_LIMIT)


class _Session:
    def __init__(self, wire: Wire, check: WebsocketCheck) -> None:
        self._wire, self._check, self._protocol = wire, check, _protocol(check)
        self._heard = 0

    async def shake_hands(self) -> None:
        from websockets.exceptions import InvalidStatus

        request = self._protocol.connect()
        request.headers["User-Agent"] = "ninewatch"
        for name, value in self._check.headers.items():
            request.headers[name] = value.reveal() if isinstance(value, Secret) else value
        self._protocol.send_request(request)
        while self._protocol.state.name == "CONNECTING" and self._protocol.handshake_exc is None:
            await self._turn()
        error = self._protocol.handshake_exc
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            raise ProbeFailure("http_status", f"status {status}, expected 101", status=status)
        if error is not None:
            raise ProbeFailure("websocket_handshake", quoted(str(error.__cause__ or error), 160))
        if self._check.subprotocol is not None and self._protocol.subprotocol is None:
            raise ProbeFailure("websocket_handshake", "the server does not speak the subprotocol")

    async def talk(self) -> None:
        if self._check.send is not None:
            self._protocol.send_text(self._check.send.encode())
        if self._check.expect is not None:
            await self._expect()
        self._protocol.send_close(1000)
        await self._flush()

    async def _expect(self) -> None:
        from websockets.frames import Frame as Piece

        last, pieces = "", b""
        while True:
            for event in self._protocol.events_received():
                if isinstance(event, Piece) and event.opcode.name in ("TEXT", "BINARY", "CONT"):
                    pieces += bytes(event.data)
                    if event.fin:
                        last, pieces = pieces.decode(errors="replace"), b""
                        if self._check.expect is not None and self._check.expect.search(last):
                            return
            if self._protocol.state.name != "OPEN":
                raise self._ended(last)
            await self._turn()

    def _ended(self, last: str) -> ProbeFailure:
        if last and self._check.expect is not None:
            wanted = quoted(self._check.expect.text)
            return ProbeFailure("answer_mismatch", f"the last message is {quoted(last)}, expected {wanted}")
        if self._protocol.parser_exc is not None:
            return ProbeFailure("websocket_malformed", quoted(str(self._protocol.parser_exc), 160))
        return ProbeFailure("hung_up", "the server closed the session before a message came")

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # an empty one asks to close our half, which hanging up does soon enough
                await self._wire.send(data)

    async def _turn(self) -> None:
        await self._flush()
        data = await self._wire.receive()
        self._heard += len(data)
        if self._heard > _LIMIT:
            raise ProbeFailure("answer_too_long", f"{self._heard} bytes without what is expected")
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()


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
    reasons={
        "answer_mismatch": "the session ended, and the last message is not what is expected",
        "answer_too_long": "a MiB came without what is expected",
        "http_status": "the handshake is answered by another status than 101",
        "hung_up": "the session was closed before a message came",
        "websocket_handshake": "the handshake is not as RFC 6455 has it, or another subprotocol is spoken",
        "websocket_malformed": "what came is no frame",
    },
    schemes={"ws": {}, "wss": {}},
    whole_url=True,
)
