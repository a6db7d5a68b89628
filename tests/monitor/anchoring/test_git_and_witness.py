"""Heads are pushed to a real repository, and kept by a second ninewatch as a witness."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING

import aiohttp
import pytest

from monitor.anchoring.git import GitError, host_of
from monitor.anchoring.receipt import receipts, seen_heads
from monitor.bundle.anchored import read_trust
from monitor.errors import NinewatchError
from monitor.web.server import build, listen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.monitor.anchoring.conftest import AnchoredRecord


def git(*arguments: object, cwd: Path | None = None) -> str:
    completed = subprocess.run(["git", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=True)
    return completed.stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    path = tmp_path / "heads.git"
    git("init", "-q", "--bare", "-b", "main", path)
    return path


async def test_heads_are_pushed_and_found_in_a_clone(record: AnchoredRecord, remote: Path, tmp_path: Path) -> None:
    record.configure(anchors=[{"id": "repo", "git": str(remote)}])
    await record.advance()
    record.close_day()
    await record.advance(70)
    lines = [json.loads(line) for line in git("show", "main:heads.jsonl", cwd=remote).splitlines()]
    heads = record.checked().heads
    assert [(line["number"], line["day"], line["head"]) for line in lines] == [
        (head.number, head.date, head.digest) for head in heads
    ]
    assert git("log", "--format=%s", "main", cwd=remote).splitlines() == [
        "Add heads until 2026-11-01",
        "Add heads until 2026-10-31",
    ]
    unchecked = record.checked()
    assert unchecked.is_intact
    assert unchecked.anchors.uncovered == [(None, "2026-11-01")]
    assert "--git" in "\n".join(unchecked.lines())
    git("clone", "-q", remote, tmp_path / "clone")
    checked = record.checked(git=tmp_path / "clone")
    assert checked.is_intact
    assert checked.anchors.uncovered == []


async def test_repository_with_foreign_content_is_rejected(
    record: AnchoredRecord, remote: Path, tmp_path: Path
) -> None:
    record.configure(anchors=[{"id": "repo", "git": str(remote)}])
    clone = tmp_path / "clone"
    git("clone", "-q", remote, clone)
    who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    for text in ('{"number": 1, "day": "2026-10-30", "head": "else"}\n', "no heads\n"):
        (clone / "heads.jsonl").write_text(text)
        git("add", "heads.jsonl", cwd=clone)
        git(*who, "commit", "-q", "-m", "x", cwd=clone)
        git("push", "-q", "origin", "HEAD:main", cwd=clone)
        await record.advance(7200)
    assert record.health.anchor_failures == {"repo": 2}
    assert list(receipts(record.store.load_facts())) == []


async def test_commit_without_the_head_is_reported(record: AnchoredRecord, remote: Path, tmp_path: Path) -> None:
    record.configure(anchors=[{"id": "repo", "git": str(remote)}])
    await record.advance()
    clone = tmp_path / "clone"
    git("clone", "-q", remote, clone)
    text = (clone / "heads.jsonl").read_text()
    (clone / "heads.jsonl").write_text(text.splitlines()[0] + "\n")
    git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-qam", "x", cwd=clone)
    (receipt,) = receipts(record.store.load_facts())
    with pytest.raises(NinewatchError, match=r"does not have heads\.jsonl of the commit"):
        record.checked(git=remote.parent)
    assert record.checked(git=clone).is_intact, receipt


async def test_missing_or_hanging_repository_fails_in_time(record: AnchoredRecord, tmp_path: Path) -> None:
    """A remote helper that does not end is killed together with git."""
    record.configure(anchors=[{"id": "repo", "git": str(tmp_path / "none.git")}])
    await record.advance()
    assert record.health.anchor_failures == {"repo": 1}
    server = await listen_silently()
    port = server.sockets[0].getsockname()[1]
    record.configure(anchors=[{"id": "repo", "git": f"git://127.0.0.1:{port}/x.git", "timeout": "1s"}])
    await record.advance()
    assert record.health.anchor_failures == {"repo": 2}
    server.close()


async def listen_silently() -> asyncio.Server:

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    return await asyncio.start_server(silent, "127.0.0.1", 0)


async def test_outbound_policy_applies_to_the_repositorys_host(record: AnchoredRecord) -> None:
    record.configure(anchors=[{"id": "repo", "git": "ssh://127.0.0.1/x.git"}], outbound={"deny": ["127.0.0.0/8"]})
    await record.advance()
    assert record.health.anchor_failures == {"repo": 1}


@pytest.mark.parametrize(
    ("remote_", "host"),
    [
        ("git@git.example.org:heads.git", "git.example.org"),
        ("ssh://git@git.example.org:22/heads.git", "git.example.org"),
        ("https://git.example.org/heads.git", "git.example.org"),
        ("/srv/heads.git", ""),
        ("./heads.git", ""),
        ("file:///srv/heads.git", ""),
    ],
)
def test_host_of_a_remote(remote_: str, host: str) -> None:
    assert host_of(remote_) == host
    assert issubclass(GitError, Exception)


async def test_witness_keeps_and_confirms_heads(record: AnchoredRecord, tmp_path: Path) -> None:
    """Both daemons publish their API, and each requests the other's heads."""
    import shutil

    from monitor.storage.sqlite import SqliteStore
    from tests.monitor.anchoring.conftest import AnchoredRecord as Other

    path = tmp_path / "witness.db"
    shutil.copy(record.path, path)
    witness = Other(path, SqliteStore(path, record.end), record.end)
    server = await listen(build(record.ledger, record.health, record.clock, record=record.path), "127.0.0.1", 0)
    witness.configure(witness_for=[{"id": "ours", "url": f"http://{server.addresses[0]}"}])
    site = build(witness.ledger, witness.health, witness.clock, record=witness.path)
    other_server = await listen(site, "127.0.0.1", 0)
    record.configure(anchors=[{"id": "partner", "witness": f"http://{other_server.addresses[0]}", "name": "ours"}])
    await record.advance()
    assert list(receipts(record.store.load_facts())) == [], "not seen yet"
    assert record.health.anchor_failures == {"partner": 0}
    await witness.advance()
    assert sorted(seen_heads(witness.store.load_facts(), "ours")) == [1, 2]
    await record.advance(400)
    unchecked = record.checked()
    assert unchecked.anchors.uncovered == [(None, "2026-10-31")]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{other_server.addresses[0]}/api/v1/witnessed/ours") as answer,
    ):
        saved = tmp_path / "witness.json"
        saved.write_text(await answer.text())
    trust = read_trust(None, None, saved)
    checked = record.checked(witness=trust.witness)
    assert checked.is_intact
    assert checked.anchors.uncovered == []
    assert not record.checked(witness={2: ("f" * 64, "2026-11-01T00:00:00Z")}).is_intact
    record.close_day()
    await witness.advance(1000)
    assert sorted(seen_heads(witness.store.load_facts(), "ours")) == [1, 2, 3]
    witness.store.close()
    await server.close()
    await other_server.close()


async def test_witness_detects_a_changed_head(record: AnchoredRecord) -> None:
    from monitor.anchoring.http import ResponseError
    from monitor.anchoring.receipt import WitnessedHead
    from monitor.anchoring.service import _new_heads

    known_heads = {1: WitnessedHead("ours", 1, "2026-10-30", "a" * 64, 0)}
    row = {"number": 1, "day": "2026-10-30", "head": "b" * 64}
    with pytest.raises(ResponseError, match="the record was edited"):
        _new_heads("ours", [row], known_heads, 0)
    assert _new_heads("ours", [row | {"head": "a" * 64}, row | {"number": 2}], known_heads, 5)[0].number == 2
    with pytest.raises(ResponseError, match="not a list of heads"):
        _new_heads("ours", [{"number": "1"}], known_heads, 0)
    assert record.health.anchor_failures == {}
