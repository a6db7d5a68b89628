"""A receiver of HTTP notifications in a thread, which records requests and sends configurable responses."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.processes import wait_for


@dataclass(frozen=True)
class Received:
    """A received request. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A response. `status` 0 closes the connection without one."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"


class Sink:
    """An HTTP server. `replies` are sent one after the other, then always `reply`. `received` has all requests."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.reply = Reply()
        self.replies: list[Reply] = []
        self.decide: Callable[[Received], Reply | None] = lambda _received: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/hook") -> str:
        """Return a URL of this sink."""
        return f"http://127.0.0.1:{self.port}{path}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Sink]:
        """Run the server while the `with` block runs."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def bodies(self, event: str | None = None) -> list[Any]:
        """Return the received JSON bodies in order, of one event or of all."""
        bodies = [request.json() for request in list(self.received)]
        return [body for body in bodies if event in (None, body.get("event"))]

    def wait_for_event(self, event: str, count: int = 1) -> list[Any]:
        """Wait for `count` bodies of an event and return them."""
        return wait_for(f"{count} {event}", lambda: bodies if len(bodies := self.bodies(event)) >= count else None)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length", "0"))
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.command, request.path, headers, request.rfile.read(length))
        with self._lock:
            self.received.append(received)
            reply = self.decide(received) or (self.replies.pop(0) if self.replies else self.reply)
        if not reply.status:
            request.close_connection = True
            return
        with contextlib.suppress(OSError):
            request.send_response(reply.status)
            for name, value in reply.headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(reply.body)))
            request.end_headers()
            request.wfile.write(reply.body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                sink._answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = _any  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Do not log requests."""

        return Handler
