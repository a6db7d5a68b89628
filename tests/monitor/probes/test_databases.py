"""The postgres and mysql kinds: with Debian's servers where installed, and with servers that are no database."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import trustme
from pydantic import ValidationError

from monitor.config.model import Family
from monitor.network.failure import ProbeFailure
from monitor.network.resolver import Resolver
from monitor.protocols.database import check_result
from monitor.protocols.postgres_errors import failure_of
from sla.observation import Outcome
from tests.support.addresses import closed_port
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.postgres import POSTGRES, Postgres, as_owner
from tests.support.probing import attempt, load_check
from tests.support.processes import free_port, needs, run_program, wait_for
from tests.support.servers import send_nothing, serve_tcp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from monitor.network.resolver import Address
    from tests.support.servers import Handler

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


def postgres_error(state: bytes, text: bytes) -> bytes:
    """Return an ErrorResponse (protocol 3.0, 55.7)."""
    body = b"SFATAL\0VFATAL\0C" + state + b"\0M" + text + b"\0\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


def mysql_error(number: int, text: bytes) -> bytes:
    """Return an error packet that replaces the greeting."""
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
            send_on_connect(postgres_error(b"57P03", STARTING)),
            BAD,
            "database_starting",
        ),
        (
            "postgres",
            send_on_connect(postgres_error(b"53300", FULL)),
            BAD,
            "database_full",
        ),
        (
            "postgres",
            send_on_connect(postgres_error(b"3D000", b'database "x" does not exist')),
            BAD,
            "database_missing",
        ),
        (
            "postgres",
            send_on_connect(postgres_error(b"28P01", WRONG)),
            UNKNOWN,
            "credentials_refused",
        ),
        ("postgres", send_on_connect(postgres_error(b"XX000", b"oops")), BAD, "database_error"),
        ("mysql", send_on_connect(mysql_error(1040, b"Too many connections")), BAD, "database_full"),
        ("mysql", send_on_connect(mysql_error(1130, b"Host is not allowed")), UNKNOWN, "credentials_refused"),
        ("mysql", send_on_connect(mysql_error(1064, b"odd")), BAD, "database_error"),
        ("postgres", send_nothing, BAD, "connect_timeout"),
        ("mysql", send_nothing, BAD, "connect_timeout"),
    ],
)
@pytest.mark.fault(10)
async def test_every_rejection_has_its_reason(kind: str, handler: Handler, outcome: Outcome, reason: str) -> None:
    async with serve_tcp(handler) as port:
        result = (await attempt({kind: f"127.0.0.1:{port}", "user": "ninewatch"}, 0.5)).result
    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
@pytest.mark.parametrize(
    "handler", [send_and_close(), send_on_connect(b"SSH-2.0-x\r\n" * 10), send_and_close(b"\0" * 50)]
)
async def test_server_of_another_protocol_is_bad(kind: str, handler: Handler) -> None:
    async with serve_tcp(handler) as port:
        result = (await attempt({kind: f"127.0.0.1:{port}", "user": "ninewatch"}, 0.5)).result
    assert result.outcome is BAD
    assert result.detail.isprintable()


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
async def test_closed_port_is_connect_refused(kind: str) -> None:
    result = (await attempt({kind: f"127.0.0.1:{closed_port()}", "user": "ninewatch"})).result
    assert (result.outcome, result.reason) == (BAD, "connect_refused")


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
@pytest.mark.parametrize(
    ("key", "value"), [("query", "SELECT 1"), ("expect", "1"), ("database", "d"), ("password", {"env": "RIGHT"})]
)
def test_check_without_a_query_is_rejected(kind: str, key: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that requires credentials would be good without running the check's query."""
    monkeypatch.setenv("RIGHT", "right-canary")
    load_check({kind: "127.0.0.1", "user": "ninewatch", key: value})
    with pytest.raises(ValidationError, match="without a user"):
        load_check({kind: "127.0.0.1", key: value})


@pytest.mark.parametrize(
    ("message", "outcome", "reason"),
    [
        (b"connection requires a valid client certificate", UNKNOWN, "credentials_refused"),
        (b'certificate authentication failed for user "x"', UNKNOWN, "credentials_refused"),
        (b"the certificate of the standby is old", BAD, "database_error"),
    ],
)
async def test_server_text_about_certificates_is_not_a_tls_failure(
    message: bytes, outcome: Outcome, reason: str
) -> None:
    async with serve_tcp(send_on_connect(postgres_error(b"28000", message))) as port:
        result = (await attempt({"postgres": f"127.0.0.1:{port}", "user": "ninewatch"}, 0.5)).result
    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("message", "outcome", "reason"),
    [
        ("SSL error: tlsv1 alert unknown ca", UNKNOWN, "credentials_refused"),
        ("SSL error: tlsv13 alert certificate required", UNKNOWN, "credentials_refused"),
        ("SSL error: certificate verify failed", BAD, "tls_untrusted"),
        ('server certificate for "a" does not match host name "b"', BAD, "tls_hostname"),
        ("No route to host", BAD, "host_unreachable"),
        ("Network is unreachable", UNKNOWN, "no_route"),
        ("could not receive data from server: Connection reset by peer", BAD, "connection_reset"),
    ],
)
@pytest.mark.fault(12)
def test_libpq_connection_errors_have_their_reasons(message: str, outcome: Outcome, reason: str) -> None:
    check = load_check({"postgres": "127.0.0.1", "user": "ninewatch"})
    error = psycopg.OperationalError(
        f'connection failed: connection to server at "127.0.0.1", port 1 failed: {message}'
    )
    failure = failure_of(check, error)
    assert failure is not None
    assert (failure.outcome, failure.reason) == (outcome, reason)


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
async def test_next_address_is_tried_if_the_first_refuses(kind: str) -> None:
    class Both(Resolver):
        async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
            return [(socket.AF_INET, (f"127.0.0.{last}", port)) for last in (2, 1)]

    error = {"postgres": postgres_error(b"53300", FULL), "mysql": mysql_error(1040, b"Too many connections")}[kind]
    async with serve_tcp(send_on_connect(error)) as port:  # on 127.0.0.1 only
        check_keys = {kind: f"db.example.org:{port}", "user": "ninewatch"}
        result = (await attempt(check_keys, resolver=Both())).result
    assert result.reason == "database_full"


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "NULL"), (b"None", "good"), ("None", "good"), (b"\xc3\xa9", '"é"')]
)
def test_null_is_read_as_empty_and_bytes_as_text(value: object, expected: str) -> None:
    check = load_check({"mysql": "127.0.0.1", "user": "ninewatch", "expect": "None"})
    if expected == "good":
        check_result(check, [(value,)])
    else:
        with pytest.raises(ProbeFailure, match=f"returned {expected},"):
            check_result(check, [(value,)])


# Real servers


@contextlib.contextmanager
def postgres(folder: Path, *options: str) -> Iterator[int]:
    server = Postgres(folder, *options)
    with server.running():
        yield server.port


@contextlib.contextmanager
def mariadb(folder: Path, *extra: str) -> Iterator[int]:
    data, port = folder / "data", free_port()
    options = as_owner("mysql", folder)
    make = ["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(make, check=True, capture_output=True, **options)
    setup = folder / "setup.sql"
    setup.write_text("CREATE USER ninewatch@'127.0.0.1' IDENTIFIED BY 'right-canary';\n")
    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", f"--socket={folder}/s"]
    command += ["--bind-address=127.0.0.1", f"--init-file={setup}", *extra]
    with run_program(folder / "mariadb.log", command, **options) as program:
        wait_for("mariadb", lambda: program.find_in_log("(ready for connections)"))
        yield port


@pytest.mark.slow
@needs(str(POSTGRES / "initdb"))
async def test_postgres_ignores_environment_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This applies to variables with and without an overriding option."""
    names = {option.envvar.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.envvar}
    assert {"PGOPTIONS", "PGREQUIREAUTH", "PGSSLMAXPROTOCOLVERSION"} <= names
    monkeypatch.setenv("RIGHT", "right-canary")
    with postgres(tmp_path) as port:
        for name in names | {"PGTZ", "PGDATESTYLE", "PGGEQO", "PGSERVICEFILE", "PGSYSCONFDIR", "PGREALM"}:
            monkeypatch.setenv(name, "nonsense")
        right = {"postgres": f"127.0.0.1:{port}", "user": "ninewatch", "password": {"env": "RIGHT"}}
        result = (await attempt(right)).result
    assert (result.outcome, result.reason) == (GOOD, ""), result.detail


@pytest.mark.slow
@needs(str(POSTGRES / "initdb"))
async def test_postgres_reads_one_row_and_prints_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The query has more rows than the limit; the first one is used."""
    monkeypatch.setenv("RIGHT", "right-canary")
    with postgres(tmp_path) as port:
        right = {"postgres": f"127.0.0.1:{port}", "user": "ninewatch", "password": {"env": "RIGHT"}}
        expected = {
            "SELECT repeat('x', 1000) FROM generate_series(1, 20000)": (GOOD, ""),
            "SELECT 1; SELECT 2": (GOOD, ""),
            "SELECT 1 WHERE false": (GOOD, ""),
            "SELECT 1 / (10 - n) FROM generate_series(10, 20) n": (BAD, "database_error"),
            "DO $$ BEGIN RAISE WARNING 'printed'; END $$": (BAD, "database_error"),
            "COPY (SELECT 1) TO STDOUT": (BAD, "database_error"),
        }
        for query, (outcome, reason) in expected.items():
            result = (await attempt({**right, "query": query})).result
            assert (result.outcome, result.reason) == (outcome, reason), query
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@needs(str(POSTGRES / "initdb"))
async def test_postgres_reports_its_certificate_and_uses_the_tls_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server, client_certificate = (
        authority.issue_cert("127.0.0.1"),
        authority.issue_cert("ours@example.org", common_name="ninewatch"),
    )
    server.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    client_certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "ours.pem")
    (tmp_path / "hba.conf").write_text("hostssl all all 127.0.0.1/32 cert\n")
    for path in tmp_path.iterdir():
        path.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres")
    options = {
        "ssl": "on",
        "ssl_cert_file": tmp_path / "server.pem",
        "ssl_key_file": tmp_path / "server.pem",
        "ssl_ca_file": tmp_path / "ca.pem",
        "ssl_max_protocol_version": "TLSv1.2",
        "hba_file": tmp_path / "hba.conf",
    }
    tls = {"ca": str(tmp_path / "ca.pem")}
    client_tls = {**tls, "certificate": str(tmp_path / "ours.pem")}
    with postgres(tmp_path, *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))) as port:
        check_keys = {"postgres": f"127.0.0.1:{port}", "user": "ninewatch", "encrypted": True}
        good = (await attempt({**check_keys, "tls": client_tls})).result
        assert (good.outcome, good.reason) == (GOOD, ""), good.detail
        without = (await attempt({**check_keys, "tls": tls})).result
        assert (without.outcome, without.reason) == (UNKNOWN, "credentials_refused"), without.detail
        later = (await attempt({**check_keys, "tls": {**client_tls, "version": "TLSv1.3"}})).result
        assert (later.outcome, later.reason) == (BAD, "tls_handshake"), later.detail
        stranger = (await attempt({**check_keys, "tls": {"certificate": str(tmp_path / "ours.pem")}})).result
        assert (stranger.outcome, stranger.reason) == (BAD, "tls_untrusted"), stranger.detail


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
async def test_real_server(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGHT", "right-canary")
    monkeypatch.setenv("WRONG", "wrong-canary")
    server, query, expected = REAL[kind]
    with server(tmp_path) as port:
        target = {kind: f"127.0.0.1:{port}"}
        assert (await attempt(target)).result.outcome is GOOD  # it requires credentials, so it is up
        right = {**target, "user": "ninewatch", "password": {"env": "RIGHT"}, "query": query}
        good = (await attempt({**right, "expect": expected})).result
        assert (good.outcome, good.reason) == (GOOD, "")
        assert {"resolve", "connect", "first_byte"} <= set(good.phases)
        assert (await attempt({**right, "expect": "other"})).result.reason == "answer_mismatch"
        assert (await attempt({**right, "query": "SELECT nonsense"})).result.reason == "database_error"
        elsewhere = (await attempt({**right, "database": "nowhere"})).result
        assert elsewhere.reason in {
            "database_missing",
            "credentials_refused",
        }  # MariaDB does not report which one to unauthenticated clients
        wrong = (await attempt({**target, "user": "ninewatch", "password": {"env": "WRONG"}})).result
        assert (wrong.outcome, wrong.reason) == (UNKNOWN, "credentials_refused")
        assert "canary" not in wrong.detail
        assert (await attempt({**right, "encrypted": True})).result.outcome is BAD  # it has no certificate
        null = (await attempt({**right, "query": "SELECT NULL", "expect": "None"})).result
        assert (null.reason, "NULL" in null.detail) == ("answer_mismatch", True)
        huge = (await attempt({**right, "query": "SELECT repeat('x', 12000000)"}, 20)).result
        assert (huge.outcome, huge.reason) == (BAD, "answer_too_long")
