"""Transactions of two messages with a real Redis, whose data is lost with the process or kept by a replica."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from typing import TYPE_CHECKING

from sla.continuity import TransactionState, transaction_state
from tests.support.continuity import continuity_probe
from tests.support.processes import free_port, needs, wait_for
from tests.support.redis import redis_server

if TYPE_CHECKING:
    from pathlib import Path

PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState


def replies(port: int, *commands: str) -> bytes:
    """Return the server's response to inline commands."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("".join(f"{command}\r\n" for command in commands).encode() + b"QUIT\r\n")
        return b"".join(iter(lambda: connection.recv(4096), b""))


@needs("redis-server")
async def test_messages_are_read_back_and_removed(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "hunter2") as server:
        (tmp_path / "password").write_text("hunter2")
        target = {"address": f"127.0.0.1:{server.port}", "password": {"file": str(tmp_path / "password")}}
        async with continuity_probe(tmp_path, redis=target) as probe:
            await probe.advance(35)
            assert probe.states == {PRESERVED: 1, OPEN: 3}
            assert b":3\r\n" in replies(server.port, "AUTH hunter2", "DBSIZE")
            assert "hunter2" not in probe.log.path.read_text()


@needs("redis-server")
async def test_restart_without_persistence_loses_the_messages(tmp_path: Path) -> None:
    port = free_port()
    async with continuity_probe(tmp_path, redis={"address": f"127.0.0.1:{port}"}) as probe:
        with redis_server(tmp_path, port=port):
            await probe.advance(15)
        await probe.advance(20)
        assert probe.states[OPEN] == 2
        with redis_server(tmp_path, port=port):
            await probe.advance(30)
            assert probe.states[LOST] == 2
            names = replies(port, "KEYS *")
            assert all(run.id.encode() not in names for run in probe.runs if run.closing is not None)


@needs("redis-server")
async def test_read_only_replica_refuses_and_its_promotion_preserves_replicated_messages(tmp_path: Path) -> None:
    with contextlib.ExitStack() as servers:
        primary = servers.enter_context(redis_server(tmp_path))
        follow = ("--replicaof", "127.0.0.1", str(primary.port))
        replica = servers.enter_context(redis_server(tmp_path, *follow))
        wait_for("replication", lambda: b"master_link_status:up" in replies(replica.port, "INFO replication"))
        async with continuity_probe(tmp_path, redis={"address": f"127.0.0.1:{primary.port}"}) as before:
            await before.advance(15)
        count = len(before.runs)
        wait_for("the messages", lambda: f":{count}\r\n".encode() in replies(replica.port, "DBSIZE"))
        address = f"127.0.0.1:{replica.port}"
        log = before.log.path  # both servers have one address in production: leave the target of the intents open
        log.write_text(re.sub('"target": "[0-9a-f]+"', '"target": ""', log.read_text()))
        async with continuity_probe(tmp_path, before.clock, redis={"address": address}) as after:
            await after.advance(20)
            assert after.states[OPEN] == count
            answers = [json.loads(line) for line in after.log.path.read_text().splitlines()]
            assert any("READONLY" in answer.get("detail", "") for answer in answers)
            replies(replica.port, "REPLICAOF NO ONE")
            await after.advance(40)
            assert {transaction_state(run) for run in after.runs[:count]} == {PRESERVED}
            assert LOST not in after.states
