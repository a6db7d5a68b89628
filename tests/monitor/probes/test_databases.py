"""The postgres and mysql kinds: against Debian's servers where installed, and against what is no database."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from monitor.protocols import database
from sla.observation import Outcome
from tests.support.probing import attempt, check_of
from tests.support.processes import free_port, needs, running, until
from tests.support.servers import serving, silent
from tests.support.talking import hanging_up, saying_at_once

if TYPE_CHECKING:
    from tests.support.servers import Handler

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), Path("/usr/lib/postgresql/15/bin"))


def postgres_error(state: bytes, text: bytes) -> bytes:
    """Return an ErrorResponse (protocol 3.0, 55.7)."""
    body = b"SFATAL\0VFATAL\0C" + state + b"\0M" + text + b"\0\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


def mysql_error(number: int, text: bytes) -> bytes:
    """Return an error packet in place of the greeting."""
    body = b"\xff" + number.to_bytes(2, "little") + text
    return len(body).to_bytes(3, "little") + b"\0" + body


STARTING = b"the database system is starting up"
FULL = b"sorry, too many clients already"
WRONG = b'password authentication failed for user "x"'


@pytest.mark.parametrize(
    ("kind", "handler", "outcome", "reason"),
    [
        (
            "postgres",
            saying_at_once(postgres_error(b"57P03", STARTING)),
            BAD,
            "database_starting",
        ),
        (
            "postgres",
            saying_at_once(postgres_error(b"53300", FULL)),
            BAD,
            "database_full",
        ),
        ("postgres", saying_at_once(postgres_error(b"3D000", b'database "x" does not exist')), BAD, "database_missing"),
        (
            "postgres",
            saying_at_once(postgres_error(b"28P01", WRONG)),
            UNKNOWN,
            "credentials_refused",
        ),
        ("postgres", saying_at_once(postgres_error(b"XX000", b"oops")), BAD, "database_error"),
        ("mysql", saying_at_once(mysql_error(1040, b"Too many connections")), BAD, "database_full"),
        ("mysql", saying_at_once(mysql_error(1130, b"Host is not allowed")), UNKNOWN, "credentials_refused"),
        ("mysql", saying_at_once(mysql_error(1064, b"odd")), BAD, "database_error"),
        ("postgres", silent, BAD, "connect_timeout"),
        ("mysql", silent, BAD, "connect_timeout"),
    ],
)
async def test_every_refusal_has_its_word(kind: str, handler: Handler, outcome: Outcome, reason: str) -> None:
    async with serving(handler) as port:
        result = (await attempt({kind: f"127.0.0.1:{port}", "user": "ninewatch"}, 0.5)).result
    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
@pytest.mark.parametrize("handler", [hanging_up(), saying_at_once(b"SSH-2.0-x\r\n" * 10), hanging_up(b"\0" * 50)])
async def test_what_is_no_database_is_bad_and_never_a_defect_of_ours(kind: str, handler: Handler) -> None:
    async with serving(handler) as port:
        result = (await attempt({kind: f"127.0.0.1:{port}", "user": "ninewatch"}, 0.5)).result
    assert result.outcome is BAD
    assert result.detail.isprintable()


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
async def test_a_closed_port_is_refused(kind: str) -> None:
    result = (await attempt({kind: f"127.0.0.1:{free_port()}", "user": "ninewatch"})).result
    assert (result.outcome, result.reason) == (BAD, "connect_refused")


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_without_its_library_a_check_is_refused_and_the_extra_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=rf"ninewatch\[{kind}\]"):
        check_of({kind: "127.0.0.1", "user": "ninewatch"})


# The real servers


def as_owner(user: str, folder: Path) -> dict[str, Any]:
    """Let a server that refuses to be root run as its own user."""
    if os.geteuid() != 0:
        return {}
    for each in (folder, *folder.parents[:2]):  # pytest's own folders, which only the owner may enter
        each.chmod(0o755)
    shutil.chown(folder, user)
    return {"user": user}


@contextlib.contextmanager
def postgres(folder: Path, *more: str) -> Iterator[int]:
    data, port = folder / "data", free_port()
    options = as_owner("postgres", folder)
    (folder / "password").write_text("right-canary")
    if options:
        shutil.chown(folder / "password", "postgres")
    make = [POSTGRES / "initdb", "-D", data, "-U", "ninewatch", "-A", "scram-sha-256", f"--pwfile={folder}/password"]
    subprocess.run([*make, "--no-sync"], check=True, capture_output=True, **options)
    command = [POSTGRES / "postgres", "-D", data, "-p", str(port), "-k", str(folder), "-F", "-h", "127.0.0.1", *more]
    with running(folder / "postgres.log", command, **options) as program:
        until("postgres", lambda: program.said("(ready to accept connections)"))
        yield port


@contextlib.contextmanager
def mariadb(folder: Path, *more: str) -> Iterator[int]:
    data, port = folder / "data", free_port()
    options = as_owner("mysql", folder)
    make = ["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(make, check=True, capture_output=True, **options)
    setup = folder / "setup.sql"
    setup.write_text("CREATE USER ninewatch@'127.0.0.1' IDENTIFIED BY 'right-canary';\n")
    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", f"--socket={folder}/s"]
    command += ["--bind-address=127.0.0.1", f"--init-file={setup}", *more]
    with running(folder / "mariadb.log", command, **options) as program:
        until("mariadb", lambda: program.said("(ready for connections)"))
        yield port


REAL = {
    "postgres": (postgres, "SELECT pg_is_in_recovery()", "False"),
    "mysql": (mariadb, "SELECT @@read_only", "0"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("postgres", marks=needs(str(POSTGRES / "initdb"))),
        pytest.param("mysql", marks=needs("mariadbd", "mariadb-install-db")),
    ],
)
async def test_a_real_server(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGHT", "right-canary")
    monkeypatch.setenv("WRONG", "wrong-canary")
    server, query, expected = REAL[kind]
    with server(tmp_path) as port:
        target = {kind: f"127.0.0.1:{port}"}
        assert (await attempt(target)).result.outcome is GOOD  # it asks for credentials: it is there
        right = {**target, "user": "ninewatch", "password": {"env": "RIGHT"}, "query": query}
        good = (await attempt({**right, "expect": expected})).result
        assert (good.outcome, good.reason) == (GOOD, "")
        assert {"resolve", "connect", "first_byte"} <= set(good.phases)
        assert (await attempt({**right, "expect": "other"})).result.reason == "answer_mismatch"
        assert (await attempt({**right, "query": "SELECT nonsense"})).result.reason == "database_error"
        elsewhere = (await attempt({**right, "database": "nowhere"})).result
        assert elsewhere.reason in {"database_missing", "credentials_refused"}  # MariaDB does not tell strangers which
        wrong = (await attempt({**target, "user": "ninewatch", "password": {"env": "WRONG"}})).result
        assert (wrong.outcome, wrong.reason) == (UNKNOWN, "credentials_refused")
        assert "canary" not in wrong.detail
        assert (await attempt({**right, "encrypted": True})).result.outcome is BAD  # it has no certificate
