"""docs/probes.md: every example loads and is good with a real server, and every reason code is explained."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import inspect
import json
import pkgutil
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import trustme
import yaml
from click.testing import CliRunner

from monitor import probes
from monitor.commands.probe import _check_of_url, probe
from monitor.config.loader import examine
from monitor.http import expectation as expectation_module
from monitor.http import fetching_check
from monitor.http import response as response_module
from monitor.network import buffered_stream, connection
from monitor.probes import icmp
from monitor.probes.documentation import SHARED
from monitor.probes.registry import CHECK_TYPES, KINDS
from tests.monitor.probes.test_databases import POSTGRES, mariadb, postgres
from tests.monitor.probes.test_websocket import serve_echo
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.line_servers import reply_to_lines, send_on_connect, serve_datagrams
from tests.support.nameserver import dns_records, nameserver
from tests.support.processes import needs
from tests.support.record_service import RecordService
from tests.support.servers import http_response, respond_with, serve_tcp
from tests.support.starttls import TURNS, serve_starttls

if TYPE_CHECKING:
    from tests.support.servers import Handler

Stage = Callable[[Path], AbstractAsyncContextManager[dict[str, Any]]]


def example(kind: str) -> dict[str, Any]:
    """Return the check in the documentation."""
    check_keys = yaml.safe_load(KINDS[kind].example)
    assert isinstance(check_keys, dict)
    return check_keys


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NIGHTLY_LOAD_TOKEN", "POSTGRES_PASSWORD", "MYSQL_PASSWORD", "ACCESS_TOKEN"):
        monkeypatch.setenv(name, "right-canary-right-canary")


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_example_is_a_valid_configuration(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "may_open_socket", lambda: True)
    check = "\n".join(f"        {line}" for line in KINDS[kind].example.splitlines())
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys/log_in.py").touch()
    path = tmp_path / "c.yaml"
    path.write_text(f"products:\n  - id: p\n    objective: 99%\n    checks:\n      -\n{check}\n")
    actual = examine(path, CHECK_TYPES)
    assert actual.problems == ()
    assert actual.portfolio is not None
    assert actual.portfolio.products[0].checks[0].kind == kind


# Every example is probed, with its address replaced by that of a server that fits the example.


def serve_at(handler: Handler, key: str, form: str = "127.0.0.1:{}") -> Stage:
    @asynccontextmanager
    async def stage(folder: Path) -> AsyncIterator[dict[str, Any]]:
        async with serve_tcp(handler) as port:
            yield {key: form.format(port)}

    return stage


def serve_encrypted(
    key: str, form: str, listener: Callable[[Any], AbstractAsyncContextManager[int]], **options: Any
) -> Stage:
    @asynccontextmanager
    async def stage(folder: Path) -> AsyncIterator[dict[str, Any]]:
        authority = trustme.CA()
        async with listener(server_context(authority.issue_cert("127.0.0.1"))) as port:
            yield {key: form.format(port), "tls": {"ca": write_ca_bundle(authority, folder)}, **options}

    return stage


@asynccontextmanager
async def serve_with_certificate(folder: Path) -> AsyncIterator[dict[str, Any]]:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with serve_tcp(serve_starttls(TURNS["smtp"], context)) as port:
        target = {**example("tls")["tls"], "target": f"127.0.0.1:{port}", "ca": write_ca_bundle(authority, folder)}
        yield {"tls": target}


@asynccontextmanager
async def serve_resolver(folder: Path) -> AsyncIterator[dict[str, Any]]:
    async with nameserver(dns_records("A 192.0.2.7")) as port:
        yield {"resolver": f"127.0.0.1:{port}"}


def over_udp(key: str, answering: Callable[[bytes], list[bytes]]) -> Stage:
    @asynccontextmanager
    async def stage(folder: Path) -> AsyncIterator[dict[str, Any]]:
        async with serve_datagrams(answering) as port:
            yield {key: f"127.0.0.1:{port}"}

    return stage


def time_of_day(request: bytes) -> list[bytes]:
    packet = struct.Struct("!BBbb3I4Q")
    stamp = int((time.time() + 2_208_988_800) * 2**32)
    return [packet.pack(4 << 3 | 4, 2, 6, -20, 0, 0, 0, stamp, packet.unpack(request)[10], stamp, stamp)]


def of_health(kind: str) -> Stage:
    from tests.monitor.probes.test_grpc import healthy

    @asynccontextmanager
    async def stage(folder: Path) -> AsyncIterator[dict[str, Any]]:
        authority = trustme.CA()
        with healthy(authority) as port:
            yield {"grpc": f"127.0.0.1:{port}", "service": "up", "tls": {"ca": write_ca_bundle(authority, folder)}}

    return stage


def of_numbers(good: str, total: str) -> Stage:
    from tests.monitor.probes.test_prometheus import numbers

    @asynccontextmanager
    async def stage(folder: Path) -> AsyncIterator[dict[str, Any]]:
        data = example("prometheus")
        async with serve_tcp(numbers(**{data["good"]: [good], data["total"]: [total]})) as port:
            yield {"prometheus": f"http://127.0.0.1:{port}"}

    return stage


def mail_stage() -> Stage:
    from tests.monitor.probes.test_smtp import encrypting_server

    @asynccontextmanager
    async def stage(folder: Path) -> AsyncIterator[dict[str, Any]]:
        authority = trustme.CA()
        context = server_context(authority.issue_cert("127.0.0.1"))
        async with serve_tcp(encrypting_server(context)) as port:
            yield {"smtp": f"127.0.0.1:{port}", "tls": {"ca": write_ca_bundle(authority, folder)}}

    return stage


@asynccontextmanager
async def serve_chat(folder: Path) -> AsyncIterator[dict[str, Any]]:
    authority = trustme.CA()
    async with serve_echo(server_context(authority.issue_cert("127.0.0.1"))) as port:
        check = {"websocket": f"wss://127.0.0.1:{port}/ws", "tls": {"ca": write_ca_bundle(authority, folder)}}
        yield {**check, "send": '"pong"'}


@asynccontextmanager
async def program(folder: Path) -> AsyncIterator[dict[str, Any]]:
    yield {"exec": ["/bin/true", *example("exec")["exec"][1:]]}


def database(kind: str, server: Callable[[Path], contextlib.AbstractContextManager[int]]) -> Stage:
    @asynccontextmanager
    async def stage(folder: Path) -> AsyncIterator[dict[str, Any]]:
        (folder / "secret").write_text("right-canary")
        with server(folder) as port:
            yield {kind: f"127.0.0.1:{port}", "password": {"file": str(folder / "secret")}}

    return stage


@asynccontextmanager
async def journey(folder: Path) -> AsyncIterator[dict[str, Any]]:
    with (service := RecordService()).serving():
        text = json.dumps(example("steps")["steps"])
        yield {"steps": json.loads(text.replace("https://forms.example.org/submissions", f"{service.url}/records"))}
        assert (service.created, service.records) == (1, {})


@asynccontextmanager
async def token(folder: Path) -> AsyncIterator[dict[str, Any]]:
    from tests.monitor.protocols.test_jwt import CLAIMS, KEYS, signed

    check = example("jwt")
    claims = {**CLAIMS, "iss": check["issuer"], "aud": check["audience"], "exp": time.time() + 60, "nbf": 0}
    (folder / "token").write_text(signed(claims))
    async with serve_tcp(respond_with(http_response(json.dumps({"keys": KEYS}).encode()))) as port:
        yield {"jwks": f"http://127.0.0.1:{port}/", "jwt": {"file": str(folder / "token")}}


REGISTERED = {
    "events": [{"eventAction": "expiration", "eventDate": f"{datetime.now(UTC) + timedelta(days=99):%Y-%m-%dT00:00Z}"}]
}
REDIS = send_on_connect(b"+PONG\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
LISTING = http_response(f"<a href=TDI17_{datetime.now(ZoneInfo('America/Vancouver')):%Y%m%d}.dat>".encode())
STAGES: dict[str, Stage] = {
    "http": serve_at(respond_with(http_response(b'{"ready": true}')), "http", "http://127.0.0.1:{}/"),
    "tcp": serve_at(reply_to_lines({b"QUIT": b"221 bye\r\n"}, b"220 here\r\n"), "tcp"),
    "tls": serve_with_certificate,
    "dns": serve_resolver,
    "udp": over_udp("udp", lambda _datagram: [b"pong\n"]),
    "smtp": mail_stage(),
    "ssh": serve_at(send_on_connect(b"SSH-2.0-x\r\n"), "ssh"),
    "ntp": over_udp("ntp", time_of_day),
    "redis": serve_at(REDIS, "redis"),
    "websocket": serve_chat,
    "grpc": of_health("grpc"),
    "freshness": serve_at(respond_with(LISTING), "freshness", "http://127.0.0.1:{}/"),
    "prometheus": of_numbers("99.5", "100"),
    "domain": serve_at(respond_with(http_response(json.dumps(REGISTERED).encode())), "rdap", "http://127.0.0.1:{}/"),
    "exec": program,
    "steps": journey,
    "jwt": token,
    "postgres": database("postgres", postgres),
    "mysql": database("mysql", mariadb),
}
NOT_PROBED_HERE = {
    "heartbeat",
    "icmp",
    "browser",
}  # heartbeat: tests of the pings; icmp: in a namespace, below; browser: test_browser
SLOW = {
    "postgres": [pytest.mark.slow, needs(str(POSTGRES / "initdb"))],
    "mysql": [pytest.mark.slow, needs("mariadbd", "mariadb-install-db")],
}


@pytest.mark.parametrize("scheme", [scheme for kind in KINDS.values() for scheme in kind.schemes])
def test_every_url_gives_a_check_of_its_kind(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "may_open_socket", lambda: True)
    kind = next(kind for kind in KINDS.values() if scheme in kind.schemes)
    port = ":1" if kind.name in ("tcp", "grpc") else ""
    base = _check_of_url(f"{scheme}://host.example.test{port}", "2s")
    assert (base.kind, base.timeout) == (kind.name, 2_000_000)


def test_every_kind_has_a_stage() -> None:
    assert set(STAGES) == set(KINDS) - NOT_PROBED_HERE


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=SLOW.get(kind, [])) for kind in STAGES])
async def test_every_example_is_good_with_its_server(kind: str, tmp_path: Path) -> None:
    """The examples run as with `ninewatch probe`, which shows the phases."""
    async with STAGES[kind](tmp_path) as changed:
        check = {**example(kind), **changed}
        path = tmp_path / "c.yaml"
        path.write_text(yaml.safe_dump({"products": [{"id": "p", "objective": "99%", "checks": [check]}]}))
        arguments = [f"p/{check['id']}", "-c", str(path), "--allow-exec", "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, probe, arguments)
    data = json.loads(result.stdout)
    assert (result.exit_code, data["outcome"], data["reason"]) == (0, "good", ""), data["detail"]
    assert data["phases"]
    assert sum(data["phases"].values()) <= data["duration_seconds"]


# Reason codes in the detail of `sli_unavailable` and `rdap_unavailable`.
IN_DETAIL = {"query_ambiguous", "query_malformed", "query_refused", "rdap_none"}


def test_every_reason_of_a_kind_is_explained() -> None:
    common = {
        word
        for module in (connection, buffered_stream, fetching_check, response_module, expectation_module)
        for word in reason_codes(module)
    }
    for kind in KINDS.values():
        module = inspect.getmodule(kind.prepare)
        assert module is not None
        explained = set(kind.reasons) | set(SHARED) | common | IN_DETAIL
        assert set(reason_codes(module)) <= explained, kind.name


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(probes.__path__)])
def test_every_reason_of_every_module_is_explained(name: str) -> None:
    """This includes the modules that a kind uses, such as a protocol's."""
    explained = set(SHARED) | IN_DETAIL | {word for kind in KINDS.values() for word in kind.reasons}
    assert set(reason_codes(importlib.import_module(f"monitor.probes.{name}"))) <= explained


def reason_codes(module: Any) -> list[str]:
    """Return the reason codes in the module's source."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    return [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "ProbeFailure"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]
