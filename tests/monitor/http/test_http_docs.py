"""docs/http.md: its examples load, and are good with a server that responds accordingly."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from monitor.config.loader import examine
from monitor.http import auxiliary, compression, expectation, http2, json_body, oauth2, proxy, rate_limit
from monitor.http import body as http_body
from monitor.http import exchange as http_exchange
from monitor.http import request as http_request
from monitor.http import response as http_response
from monitor.http.check import HttpCheck
from monitor.probes import http
from monitor.probes.documentation import SHARED
from monitor.probes.registry import CHECK_TYPES
from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle, write_client_certificate
from tests.support.probing import attempt
from tests.support.servers import read_request, serve_tcp

TEXT = (Path(__file__).parents[3] / "docs/http.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
PARTS = (
    http_body,
    json_body,
    compression,
    expectation,
    http,
    http2,
    http_exchange,
    http_request,
    http_response,
    auxiliary,
    oauth2,
    proxy,
    rate_limit,
)


@pytest.mark.parametrize("block", BLOCKS)
def test_example_is_a_valid_configuration(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SESSION", "CLIENT_SECRET", "PROXY_PASSWORD", "TOKEN_REQUEST", "API_TOKEN"):
        monkeypatch.setenv(name, "canary")
    authority = trustme.CA()
    write_ca_bundle(authority, tmp_path)
    write_client_certificate(authority, tmp_path, "client")
    checks = "".join(f"      {line}\n" for line in block.splitlines())
    path = tmp_path / "c.yaml"
    path.write_text(f"products:\n  - id: p\n    objective: 99%\n    checks:\n{checks}")
    assert examine(path, CHECK_TYPES).problems == ()


GOOD = b"""\
HTTP/1.1 200 OK\r
Content-Type: Application/JSON; charset=utf-8\r
Strict-Transport-Security: max-age=1\r
Server: nginx/1.29\r
Set-Cookie: session=abc; Secure\r
Content-Length: %d\r
\r
%s"""
BODY = b"""{"ready": true, "orders": 3, "queue": 12, "load": 0.5, "state": "degraded", "version": "2.4", "items": [1],
"nodes": [{"role": "primary"}, {"role": "standby"}], "total": 7}"""


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b"", b"", ""),
        (b"200 OK", b"404 No", "http_status"),
        (b"HTTP/1.1", b"HTTP/1.0", "http_version"),
        (b"Application/JSON", b"text/html", "header_mismatch"),
        (b"Strict-", b"Lenient-", "header_mismatch"),
        (b"Server: nginx", b"Server: IIS", "header_mismatch"),
        (b"Server:", b"X-Powered-By: php\r\nServer:", "header_mismatch"),
        (b"Server:", b"Via: Squid\r\nServer:", "header_mismatch"),
        (b"Server:", b"Age: old\r\nServer:", "header_mismatch"),
        (b"session=", b"nothing=", "cookie_mismatch"),
        (b"orders", b"orderz", "body_mismatch"),
        (b'"total": 7', b'"total": 0, "at": "Traceback"', "body_mismatch"),
        (b'"total": 7', b'"total": 0, "at": "Out of disk"', "body_mismatch"),
        (b'"total": 7', b'"total": null', "body_mismatch"),
        (b'"total": 7', b'"total": 7, "at": "%s"' % (b"x" * 100_000), "body_size"),
        (b"true", b"1", "body_mismatch"),
        (b"12", b"100", "body_mismatch"),
        (b"0.5", b"0.9", "body_mismatch"),
        (b"degraded", b"down", "body_mismatch"),
        (b'"2.4"', b'"3.0"', "body_mismatch"),
        (b"[1]", b"[]", "body_mismatch"),
        (b'"total": 7', b'"total": 7, "error": null', "body_mismatch"),
        (b'"total": 7', b'"total": 7, "lag": 31', "body_mismatch"),
        (b"standby", b"unknown", "body_mismatch"),
    ],
)
async def test_each_shown_expectation_is_checked(before: bytes, after: bytes, reason: str, tmp_path: Path) -> None:
    """The good response is good, and each change to it is bad with one reason."""
    checks: list[dict[str, Any]] = [check for block in BLOCKS for check in yaml.safe_load(block)]
    (check,) = (check for check in checks if check["id"] == "answer")
    body = BODY.replace(before, after) if before else BODY
    response = (GOOD.replace(before, after) if before else GOOD) % (len(body), body)

    async def target(reader: Any, writer: Any) -> None:
        await read_request(reader)
        writer.write(response)
        await writer.drain()

    authority = trustme.CA()
    async with serve_tcp(target, server_context(authority.issue_cert("127.0.0.1"))) as port:
        there = {"http": f"https://127.0.0.1:{port}/", "tls": {"ca": write_ca_bundle(authority, tmp_path)}}
        result = (await attempt({**check, **there})).result
    assert result.reason == reason, result.detail
    assert (result.outcome is Outcome.GOOD) is (reason == "")


def test_every_option_and_expectation_has_an_example() -> None:
    """Options that every example has or that need no example are exceptions."""
    documented = set(re.findall(r"[{ ]([a-z_0-9]+):", TEXT)) | set(re.findall(r"`([a-z_0-9]+)`", TEXT))
    every = set(HttpCheck.model_fields) - {"interval", "fall", "rise", "hold", "was", "enabled", "objectives"}
    every |= {field.alias or name for name, field in HttpCheck.model_fields["expect"].annotation.model_fields.items()}
    assert every - documented == set()


# function -> index of the argument that is the reason code
RAISERS = {"ProbeFailure": 0, "_failure": 0, "_limited": 0, "from_auxiliary": 1}


def test_every_reason_code_is_explained() -> None:
    used = {
        node.value
        for part in PARTS
        for call in ast.walk(ast.parse(inspect.getsource(part)))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in RAISERS
        for node in call.args[RAISERS[call.func.id] :][:1]
        if isinstance(node, ast.Constant)
    }
    assert {"proxy_unreachable", "redirect_limit", "http2_reset", "token_unavailable"} <= used
    assert used <= set(http.KIND.reasons) | set(SHARED)
