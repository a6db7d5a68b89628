"""A test HTTP server in a thread. A test may change its responses between two requests."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HttpTarget:
    """An HTTP server. `status` has the status codes by path (default 200).

    The response body is `body`, or with `echo` the body and the credentials of the request.
    """

    def __init__(self) -> None:
        self.status: dict[str, int] = {}
        self.hits: Counter[str] = Counter()
        self.hanging: set[str] = set()
        self.echo = False
        self.body = "ok"
        self._release_hanging = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self._server.server_address[1])

    def url(self, path: str) -> str:
        """Return a URL of this target."""
        return f"http://127.0.0.1:{self.port}{path}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[HttpTarget]:
        """Run the server while the `with` block runs."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._release_hanging.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target._answer(self)

            def do_POST(self) -> None:
                target._answer(self)

            def log_message(self, *_: object) -> None:
                """Do not log requests."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.hits[path] += 1
        if path in self.hanging:
            self._release_hanging.wait()
        request_body = request.rfile.read(int(request.headers.get("Content-Length", "0"))).decode()
        credentials = [request.headers.get(name, "") for name in ("Authorization", "X-Key")]
        response_body = " ".join([request_body, *credentials]).strip() if self.echo else self.body
        with contextlib.suppress(OSError):
            request.send_response(self.status.get(path, 200))
            if self.echo:
                request.send_header("X-Echo", response_body)
                request.send_header("Location", f"/?{response_body}")
            request.send_header("Content-Length", str(len(response_body)))
            request.end_headers()
            request.wfile.write(response_body.encode())
