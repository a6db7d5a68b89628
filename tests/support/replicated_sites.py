"""A product at two sites behind a DNS switch: a PostgreSQL primary and its streaming standby, and a service on each."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple, Protocol

import psycopg
from psycopg.rows import dict_row

from tests.support.dns_switch import DnsSwitch
from tests.support.patroni import PatroniCluster
from tests.support.postgres import Postgres, kill_server, suspend
from tests.support.processes import wait_for
from tests.support.record_service import RecordService

NAME = "records.sites.test"
GOLD, DR = "127.0.1.1", "127.0.1.2"
TABLE = "CREATE TABLE records (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text, draft bool)"
CREATE: Final = "INSERT INTO records (note, draft) VALUES (%s, true) RETURNING id::text AS id, note, draft"
READ_ALL: Final = "SELECT id::text AS id, note, draft FROM records"
READ: Final = "SELECT id::text AS id, note, draft FROM records WHERE id = %s"
FINISH: Final = "UPDATE records SET draft = false WHERE id = %s RETURNING id::text AS id, note, draft"
REMOVE: Final = "DELETE FROM records WHERE id = %s RETURNING id::text AS id, note, draft"


def now() -> int:
    """Return the time in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


class ActionTime(NamedTuple):
    """The time in which something was done, microseconds: it happened at an instant between the two."""

    start: int
    end: int

    @classmethod
    def of(cls, act: Callable[[], object]) -> ActionTime:
        """Do it, and return when."""
        start = now()
        act()
        return cls(start, now())


class Server(Protocol):
    """A database server of one site."""

    @property
    def conninfo(self) -> str:
        """The connection string of the superuser."""
        ...


class DatabaseService(RecordService):
    """The service of one site: keeps its records in the site's database, and answers 503 without it.

    `/health` is up while the database accepts writes. `acknowledged` has the instants of the acknowledgements of new
    records, by their notes.
    """

    def __init__(self, host: str, port: int, database: Server) -> None:
        super().__init__(host, port)
        self._database = database
        self.acknowledged: dict[str, int] = {}

    def execute(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and response of a request, each in a transaction of its own."""
        self.hits[method] += 1
        try:
            with psycopg.connect(self._database.conninfo, autocommit=True, row_factory=dict_row) as connection:
                status, answer = self._query(connection, method, path, body)
        except psycopg.OperationalError:
            return 503, {"error": "no database"}
        if method == "POST":
            self.acknowledged[answer["note"]] = now()
        return status, answer

    def _query(
        self, connection: psycopg.Connection[dict[str, Any]], method: str, path: str, body: bytes
    ) -> tuple[int, Any]:
        if path == "/health":
            (row,) = connection.execute("SELECT pg_is_in_recovery() AS standby").fetchall()
            return (503, row) if row["standby"] else (200, {"status": "up"})
        rows = connection.execute(*_statement(method, path, body)).fetchall()
        if path == "/records":
            return (201, rows[0]) if method == "POST" else (200, rows)
        return (200, rows[0]) if rows else (404, {"error": "unknown"})


def _statement(method: str, path: str, body: bytes) -> tuple[LiteralString, tuple[str, ...]]:
    """Return the statement of a request, with its values."""
    if path == "/records":
        return (CREATE, (json.loads(body)["note"],)) if method == "POST" else (READ_ALL, ())
    return {"PUT": FINISH, "DELETE": REMOVE}.get(method, READ), (path.removeprefix("/records/"),)


class Sites:
    """The two sites. `primary` and `standby` are the servers, `gold` and `dr` the services, `dns` the switch."""

    def __init__(self, primary: Server, standby: Server) -> None:
        self.primary, self.standby = primary, standby
        self.gold, self.dr = services(primary, standby)
        self.dns = DnsSwitch(GOLD)

    @property
    def url(self) -> str:
        """The address of the product at its active site."""
        return f"http://{NAME}:{self.gold.port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Run both services and the switch while the `with` block runs. Waits until the standby receives the log."""
        wait_for("replication", self._walsender)
        with self.gold.serving(), self.dr.serving(), self.dns.serving():
            yield

    def _walsender(self) -> int | None:
        rows = query(self.primary, "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'")
        return int(rows[0]["pid"]) if rows else None

    def stop_sending(self) -> None:
        """Stop replication without the servers noticing: the primary sends no more of its log."""
        sender = self._walsender()
        assert sender is not None
        suspend(sender)

    def waits_for_standby(self) -> bool:
        """Return whether a commit of the primary waits for the standby."""
        return bool(query(self.primary, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))

    def lose_primary(self) -> ActionTime:
        """Kill the primary database."""
        raise NotImplementedError

    def promote(self) -> None:
        """Wait until the standby is the primary, and its service accepts writes."""
        wait_for("the promoted standby", lambda: self.dr.execute("GET", "/health", b"")[0] == 200)

    def switch(self) -> ActionTime:
        """Let the name refer to the other site."""
        return ActionTime.of(lambda: setattr(self.dns, "address", DR))

    def end_maintenance(self) -> ActionTime:
        """Let the service at the other site answer requests instead of sending its maintenance page."""
        return ActionTime.of(lambda: setattr(self.dr, "page", ""))


class ReplicatedSites(Sites):
    """Sites whose standby the test promotes."""

    def __init__(self, folder: Path, template: Postgres, *, synchronous: bool) -> None:
        (folder / "gold").mkdir()
        (folder / "dr").mkdir()
        options = ("-c", "synchronous_standby_names=*") if synchronous else ()
        self._servers = (
            Postgres(folder / "gold", *options, copy_of=template),
            Postgres(folder / "dr", copy_of=template),
        )
        self._servers[1].follow(self._servers[0])
        super().__init__(*self._servers)

    @contextlib.contextmanager
    def running(self) -> Iterator[Sites]:
        """Run all parts while the `with` block runs."""
        primary, standby = self._servers
        with primary.running() as self._primary, standby.running(), self.serving():
            yield self

    def lose_primary(self) -> ActionTime:
        """Kill the primary database."""
        return ActionTime.of(lambda: kill_server(self._primary.process.pid))

    def promote(self) -> None:
        """Make the standby the primary, and wait until its service accepts writes."""
        query(self.standby, "SELECT pg_promote()")
        super().promote()


class PatroniSites(Sites):
    """Sites whose standby Patroni promotes after the lock of the primary has expired."""

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self._cluster = PatroniCluster(folder, synchronous=synchronous)
        super().__init__(self._cluster.gold, self._cluster.dr)

    @contextlib.contextmanager
    def running(self) -> Iterator[Sites]:
        """Run all parts while the `with` block runs, and create the table."""
        with contextlib.closing(self.gold), contextlib.closing(self.dr), self._cluster.running():
            query(self.primary, TABLE)
            with self.serving():
                yield self

    def lose_primary(self) -> ActionTime:
        """Kill the primary database and the Patroni that manages it."""
        return ActionTime.of(self._cluster.gold.kill)

    def promote(self) -> None:
        """Wait until Patroni has promoted the standby, and its service accepts writes."""
        wait_for("the promotion by Patroni", self._cluster.dr.is_primary)
        super().promote()


def query(server: Server, statement: str) -> list[dict[str, Any]]:
    """Return the rows of a statement."""
    with psycopg.connect(server.conninfo, autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(statement.encode())
        return [] if cursor.description is None else cursor.fetchall()


def services(primary: Server, standby: Server) -> tuple[DatabaseService, DatabaseService]:
    """Return the services of both sites, on one port of two addresses."""
    while True:
        gold = DatabaseService(GOLD, 0, primary)
        try:
            return gold, DatabaseService(DR, gold.port, standby)
        except OSError:  # the port is in use at the other address
            gold.close()
