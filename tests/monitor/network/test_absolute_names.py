"""Absolute host names (`name.example.`): looked up unchanged, requested and verified over TLS without the dot."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from monitor.http.check import HttpCheck
from monitor.http.request import request_of
from sla.observation import Outcome
from tests.support.addresses import resolver_for
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.probing import attempt
from tests.support.servers import Handler, http_response, respond_with, serve_tcp
from tests.support.servers import read_request as head_of

if TYPE_CHECKING:
    from monitor.probe_result import ProbeResult

NAME = "status.example.test"


class ServerObservations:
    """The server names and heads that a TLS server received."""

    def __init__(self) -> None:
        self.names: list[str | None] = []
        self.heads: list[bytes] = []


@contextlib.asynccontextmanager
async def serve_tls(
    handler: Handler, authority: trustme.CA, server_observations: ServerObservations
) -> AsyncIterator[int]:
    context = server_context(authority.issue_cert(NAME))

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        server_observations.names.append(name)

    context.sni_callback = note  # type: ignore[assignment]
    async with serve_tcp(handler, context) as port:
        yield port


@pytest.mark.parametrize(
    "check_keys",
    [
        {"tls": {"target": f"{NAME}.:{{}}"}},
        {"tls": {"target": "127.0.0.1:{}", "server_name": f"{NAME}."}},
        {"http": f"https://{NAME}.:{{}}/"},
        {"tcp": f"{NAME}.:{{}}", "encrypted": True},
        {"smtp": f"{NAME}.:{{}}", "encryption": "tls"},
        {"redis": f"{NAME}.:{{}}", "encrypted": True},
        {"websocket": f"wss://{NAME}.:{{}}/"},
        {"grpc": f"{NAME}.:{{}}", "encrypted": True},
    ],
    ids=["tls", "server_name", "http", "tcp", "smtp", "redis", "websocket", "grpc"],
)
async def test_name_with_a_final_dot_is_requested_and_verified_without_it(
    check_keys: dict[str, Any], tmp_path: Path
) -> None:
    authority, server_observations = trustme.CA(), ServerObservations()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send nothing after the handshake."""

    async with serve_tls(closing, authority, server_observations) as port:
        check: dict[str, Any] = {key: _with_port(value, port) for key, value in check_keys.items()}
        trust = {"ca": write_ca_bundle(authority, tmp_path)}
        if "tls" in check:
            check["tls"] |= trust
        else:
            check["tls"] = trust
        result = (await attempt(check, 5, resolver_for(NAME, ["127.0.0.1"], tmp_path))).result
    assert server_observations.names == [NAME]
    assert not result.reason.startswith("tls_"), result.detail


def _with_port(value: Any, port: int) -> Any:
    if isinstance(value, dict):
        return {key: _with_port(item, port) for key, item in value.items()}
    return value.format(port) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", ["http", "ws"])
async def test_host_header_keeps_the_final_dot(kind: str, tmp_path: Path) -> None:
    """Browsers, curl and Go send it so (RFC 9110, 7.2: identical to the authority)."""
    heads: list[bytes] = []

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await head_of(reader))

    async with serve_tcp(listening) as port:
        check_keys = {"http": f"http://{NAME}.:{port}/"} if kind == "http" else {"websocket": f"ws://{NAME}.:{port}/"}
        await attempt(check_keys, 5, resolver_for(NAME, ["127.0.0.1"], tmp_path))
    assert f"Host: {NAME}.:{port}\r\n".encode() in heads[0]


async def test_redirect_to_an_absolute_name_is_verified(tmp_path: Path) -> None:
    authority, server_observations = trustme.CA(), ServerObservations()
    async with serve_tls(respond_with(http_response(b"ok")), authority, server_observations) as port:
        away = http_response(status="302 Found", Location=f"https://{NAME}.:{port}/")
        async with serve_tcp(respond_with(away)) as first:
            result = await _attempt_with_redirect(first, authority, tmp_path)
    assert (result.outcome, result.reason, server_observations.names) == (Outcome.GOOD, "", [NAME]), result.detail


async def _attempt_with_redirect(first: int, authority: trustme.CA, folder: Path) -> ProbeResult:
    check_keys = {
        "http": f"http://127.0.0.1:{first}/",
        "redirects": 1,
        "tls": {"ca": write_ca_bundle(authority, folder)},
    }
    return (await attempt(check_keys, 5, resolver_for(NAME, ["127.0.0.1"], folder))).result


def test_names_with_and_without_the_dot_are_two_origins() -> None:
    """As in browsers: a relative name may resolve differently by the resolver's search list."""
    check_keys = HttpCheck.model_validate(
        {"id": "a", "http": f"https://{NAME}./", "redirects": 1, "cookies": {"session": "1"}}
    )
    request = request_of(check_keys)
    assert request.redirected(302, "/x").cookies == (("session", "1"),)
    assert request.redirected(302, f"https://{NAME}/").cookies == ()


@pytest.mark.parametrize("kind", ["mysql", "postgres"])
async def test_database_drivers_verify_without_the_dot(kind: str, tmp_path: Path) -> None:
    from monitor.protocols.database import named_context
    from monitor.protocols.postgres_session import settings
    from tests.support.probing import load_check

    check = load_check({kind: f"{NAME}.:1", "encrypted": True, "user": "a", "password": {"file": str(_file(tmp_path))}})
    if kind == "mysql":
        context = named_context(check, check.mysql.host)
        assert context is not None
        assert context.name == NAME
    else:
        assert settings(check, check.postgres.host)["host"] == NAME


def _file(folder: Path) -> Path:
    path = folder / "password"
    path.write_text("secret-word-1")
    return path
