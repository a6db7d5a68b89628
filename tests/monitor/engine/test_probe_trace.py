"""`ninewatch probe --trace`: the events of one probe, against real listeners, without secrets."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import trustme
from click.testing import CliRunner

from monitor.cli import cli
from tests.support.addresses import closed_port
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.http_target import HttpTarget
from tests.support.monitoring import Target

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def trace(*arguments: str) -> str:
    return CliRunner().invoke(cli, ["probe", "--trace", *arguments]).output


def events(output: str) -> list[str]:
    """Return the events of a trace without their times."""
    return [match[1] for match in re.finditer(r"^ +[\d.]+ ms  (.*)$", output, re.MULTILINE)]


def test_events_are_in_the_order_of_time_before_the_result() -> None:
    target = HttpTarget()
    with target.serving():
        output = trace(target.url("/health"))
        by_name = events(trace(target.url("/health").replace("127.0.0.1", "localhost")))
    address = f"127.0.0.1:{target.port}"
    assert by_name[0] == "resolve localhost"
    assert address in by_name[1].removeprefix("addresses of localhost: ").split(", ")
    assert events(output) == [
        "connect",
        f"connected to {address}",
        "wait for the first byte",
        "request sent; response: HTTP/1.0 200",
        "receive",
    ]
    assert "body, 2 bytes: ok\n" in output
    times = [float(time) for time in re.findall(r"^ +([\d.]+) ms  ", output, re.MULTILINE)]
    assert times == sorted(times)
    assert output.splitlines()[-1].startswith("total")


def test_secrets_and_cookies_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a-very-secret-token")
    target = HttpTarget()
    target.echo = True  # the response repeats the credentials in its headers and body
    with target.serving():
        (tmp_path / "n.yaml").write_text(
            "products:\n- id: demo\n  objective: 99%\n  checks:\n"
            f"  - {{id: api, http: '{target.url('/')}', headers: {{X-Key: {{env: TOKEN}}}}}}\n"
        )
        output = trace("demo/api", "-c", str(tmp_path / "n.yaml"))
    assert "x-echo: [secret]" in output.lower()
    assert "a-very-secret-token" not in output


def test_control_characters_of_a_target_cannot_forge_lines() -> None:
    target = HttpTarget()
    target.body = "one\r\n     0.00 ms  forged\x1b[2J"
    with target.serving():
        output = trace(target.url("/"))
    assert "forged" not in " ".join(events(output)[:-1])
    assert r"one\u000d\u000a     0.00 ms  forged\u001b[2J" in output


def test_handshake_has_version_cipher_and_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    ca = write_ca_bundle(authority, tmp_path)
    with Target().serving(server_context(authority.issue_cert("localhost"))) as port:
        (tmp_path / "n.yaml").write_text(
            "products:\n- id: demo\n  objective: 99%\n  checks:\n"
            f"  - {{id: api, http: 'https://localhost:{port}/', tls: {{ca: '{ca}'}}}}\n"
        )
        lines = events(trace("demo/api", "-c", str(tmp_path / "n.yaml")))
    assert [line for line in lines if re.fullmatch(r"TLSv1\.3, cipher TLS_\w+, ALPN \S+", line)]
    assert [line for line in lines if line.startswith("certificate for localhost")]


def test_steps_of_a_journey_are_traced(tmp_path: Path) -> None:
    target = HttpTarget()
    with target.serving():
        (tmp_path / "n.yaml").write_text(
            "products:\n- id: demo\n  objective: 99%\n  checks:\n  - id: visit\n    steps:\n"
            f"    - {{id: first, http: '{target.url('/one')}'}}\n    - {{id: second, http: '{target.url('/two')}'}}\n"
        )
        lines = events(trace("demo/visit", "-c", str(tmp_path / "n.yaml")))
    assert lines.count(f"connected to 127.0.0.1:{target.port}") == 2


def test_failed_connection_ends_the_trace() -> None:
    port = closed_port()
    output = trace(f"tcp://127.0.0.1:{port}")
    assert events(output)[-2:] == ["connect", f"no connection to 127.0.0.1:{port}"]
    assert "connect_refused" in output


def test_interrupted_response_is_shown_as_far_as_it_was_received() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        output = trace(f"http://127.0.0.1:{port}/", "--timeout", "200ms")
    assert "request sent; no complete header was received" in output


def test_json_output_stays_one_object() -> None:
    target = HttpTarget()
    with target.serving():
        result = CliRunner().invoke(cli, ["probe", "--trace", "--json", target.url("/")])
    assert json.loads(result.stdout)["outcome"] == "good"
    assert "wait for the first byte" in result.stderr
