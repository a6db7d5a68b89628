"""`ninewatch alert sink`: a local receiver that prints HTTP requests and e-mail, to test alerting."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import json
from collections.abc import Callable

import click
from aiohttp import web

from monitor.errors import NinewatchError

HOST = "127.0.0.1"
_MAX_MESSAGE = 1 << 20  # bytes

PrintLine = Callable[[str], None]


@click.command("sink", short_help="Print messages that are sent to a local HTTP and SMTP port.")
@click.option("--http-port", default=8001, show_default=True, help="Port for webhooks and chats; 0 for any free one.")
@click.option("--smtp-port", default=1025, show_default=True, help="Port for e-mail; 0 for any free one.")
def sink_command(http_port: int, smtp_port: int) -> None:
    """Confirm and print every HTTP request and e-mail on loopback, to test receivers. Stop with Ctrl-C.

    E-mail is received without encryption: configure `security: none`.
    """
    try:
        asyncio.run(_serve(http_port, smtp_port, click.echo))
    except OSError as error:
        raise NinewatchError(f"cannot listen on {HOST}: {error.strerror or error}; choose another port") from None
    except KeyboardInterrupt:
        click.echo("stopped")


async def _serve(http_port: int, smtp_port: int, print_line: PrintLine) -> None:
    async with listening(http_port, smtp_port, print_line) as (http, smtp):
        print_line(f"receiving at http://{HOST}:{http}/ and by SMTP at {HOST}:{smtp}")
        await asyncio.Event().wait()


class listening:  # noqa: N801 - used as a context manager
    """Listen during the `with` block; the value is (HTTP port, SMTP port)."""

    def __init__(self, http_port: int, smtp_port: int, print_line: PrintLine) -> None:
        self._ports, self._print_line = (http_port, smtp_port), print_line
        self._sessions: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> tuple[int, int]:
        app = web.Application(client_max_size=_MAX_MESSAGE)
        app.router.add_route("*", "/{path:.*}", self._http)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._ports[0])
        await site.start()
        self._server = await asyncio.start_server(self._session, HOST, self._ports[1], limit=_MAX_MESSAGE)
        return int(self._runner.addresses[0][1]), int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._sessions:
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await self._runner.cleanup()

    async def _http(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode(errors="replace")
        with contextlib.suppress(ValueError):
            body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        self._print_line(f"--- {request.method} {request.path_qs}\n{body}")
        return web.Response(text="ok")

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a handler runs as a task"  # noqa: S101 - for the type checker
        self._sessions.add(task)
        try:
            await _smtp(reader, writer, self._print_line)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._sessions.discard(task)
            writer.close()


_REPLIES = {"EHLO": "250 ninewatch", "HELO": "250 ninewatch", "DATA": "354 go on", "QUIT": "221 bye"}


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, print_line: PrintLine) -> None:
    """Serve the part of SMTP (RFC 5321) that clients need to send mail. All addresses are accepted."""
    writer.write(b"220 ninewatch\r\n")
    while line := (await reader.readline()).decode(errors="replace").strip():
        verb = line.split()[0].upper()
        writer.write(f"{_REPLIES.get(verb, '250 ok')}\r\n".encode())
        await writer.drain()
        if verb == "QUIT":
            return
        if verb == "DATA":
            print_line(_mail(await reader.readuntil(b"\r\n.\r\n")))
            writer.write(b"250 ok\r\n")


def _mail(data: bytes) -> str:
    mail = email.message_from_bytes(data[: -len(b".\r\n")].replace(b"\r\n..", b"\r\n."), policy=email.policy.default)
    body = mail.get_body()
    lines = [] if body is None else body.get_content().splitlines()
    return "\n".join([f"--- mail to {mail['To']}: {mail['Subject']}", *lines])
