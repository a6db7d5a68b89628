"""An HTTP server whose responses are functions of the request, and which records its requests."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.servers import http_response, serve_tcp

if TYPE_CHECKING:
    import asyncio
    import ssl


@dataclass(frozen=True, slots=True)
class Received:
    """One received request; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


Answer = Callable[[Received], bytes]


@dataclass(slots=True)
class ScriptedHttp:
    """The responses by `METHOD /path` (without query), and the requests so far. An unknown route is answered 404."""

    routes: dict[str, Answer | bytes]
    requests: list[Received] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The URL of the server, without a path."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def seen(self) -> list[str]:
        """The method and the path of each request."""
        return [f"{request.method} {request.path}" for request in self.requests]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
        method, path, _ = first.split(" ")
        request = Received(method, path, headers, body)
        self.requests.append(request)
        route = self.routes.get(f"{method} {path.partition('?')[0]}", http_response(b"{}", "404 Not Found"))
        writer.write(route if isinstance(route, bytes) else route(request))
        await writer.drain()


@contextlib.asynccontextmanager
async def scripted_http(
    routes: dict[str, Answer | bytes], context: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedHttp]:
    """Serve the routes while the `with` block runs."""
    server = ScriptedHttp(routes, scheme="http" if context is None else "https")
    async with serve_tcp(server.answer, context) as port:
        server.port = port
        yield server


def as_json(content: Any, status: str = "200 OK", **headers: str) -> bytes:
    """Return a JSON response."""
    return http_response(json.dumps(content).encode(), status, Content_Type="application/json", **headers)
