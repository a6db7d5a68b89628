"""Test the `redis` check type: PING, credentials and roles, with scripted replies and a real server if installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.probing import attempt, load_check
from tests.support.processes import free_port, needs, run_program, wait_for
from tests.support.servers import send_nothing, serve_tcp

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


async def probe(handler: Handler, seconds: float = 5.0, **options: Any) -> ProbeResult:
    async with serve_tcp(handler) as port:
        return (await attempt({"redis": f"127.0.0.1:{port}", **options}, seconds)).result


@pytest.mark.parametrize(
    ("handler", "outcome", "reason"),
    [
        (send_on_connect(b"+PONG\r\n"), GOOD, ""),
        (send_on_connect(b"-NOAUTH Authentication required.\r\n"), GOOD, ""),
        (send_on_connect(b"-LOADING Redis is loading the dataset in memory\r\n"), BAD, "redis_loading"),
        (send_on_connect(b"-MASTERDOWN Link with MASTER is down\r\n"), BAD, "redis_master_down"),
        (send_on_connect(b"-ERR max number of clients reached\r\n"), BAD, "redis_error"),
        (send_on_connect(b"+OK\r\n"), BAD, "redis_malformed"),
        (send_on_connect(b"HTTP/1.1 400 Bad Request\r\n"), BAD, "redis_malformed"),
        (send_on_connect(b"$99999999\r\n" + b"x" * 200_000), BAD, "answer_too_long"),
        (send_and_close(b"+PO"), BAD, "hung_up"),
        (send_nothing, BAD, "deadline"),
    ],
)
async def test_reply_determines_outcome_and_reason(handler: Handler, outcome: Outcome, reason: str) -> None:
    result = await probe(handler, 0.5)
    assert (result.outcome, result.reason) == (outcome, reason)


async def test_wrong_password_gives_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2-canary")
    handler = send_on_connect(b"-WRONGPASS invalid username-password pair: hunter2-canary\r\n")
    result = await probe(handler, password={"env": "REDIS_PASSWORD"})
    assert (result.outcome, result.reason) == (UNKNOWN, "credentials_refused")
    assert "canary" not in result.detail


@pytest.mark.parametrize(
    "reply",
    [
        b"-ERR AUTH <password> called without any password configured for the default user.\r\n",
        b"-ERR Client sent AUTH, but no password is set\r\n",
        b"-ERR wrong number of arguments for 'auth' command\r\n",
    ],
)
async def test_unnecessary_password_gives_unknown(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2-canary")
    result = await probe(send_on_connect(reply), password={"env": "REDIS_PASSWORD"})
    assert (result.outcome, result.reason) == (UNKNOWN, "credentials_refused")


def test_user_without_a_password_is_rejected() -> None:
    with pytest.raises(ValidationError, match="without a password"):
        load_check({"redis": "127.0.0.1", "user": "ninewatch"})


@pytest.mark.slow
@needs("redis-server")
async def test_real_server_with_a_password_and_a_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGHT", "right-canary")
    monkeypatch.setenv("WRONG", "wrong-canary")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--requirepass", "right-canary", "--dir", tmp_path]
    with run_program(tmp_path / "redis.log", [*command, "--bind", "127.0.0.1"]) as program:
        wait_for("redis", lambda: program.find_in_log("(Ready to accept connections)"))
        target = {"redis": f"127.0.0.1:{port}"}
        assert (await attempt(target)).result.outcome is GOOD
        right = {**target, "password": {"env": "RIGHT"}}
        assert (await attempt({**right, "role": "master"})).result.outcome is GOOD
        assert (await attempt({**right, "role": "slave"})).result.reason == "redis_role"
        wrong = (await attempt({**target, "password": {"env": "WRONG"}})).result
        assert (wrong.outcome, wrong.reason) == (UNKNOWN, "credentials_refused")
