"""A product at two sites behind a DNS switch: a PostgreSQL primary and its streaming standby, and a service on each."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.rows import dict_row

from tests.support.dns_switch import DnsSwitch
from tests.support.postgres import Postgres, kill_server, suspend
from tests.support.processes import Program, wait_for
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
    """The times before and after an action, microseconds."""

    start: int
    end: int

    @classmethod
    def of(cls, action: Callable[[], object]) -> ActionTime:
        """Do the action, and return the times before and after it."""
        start = now()
        action()
        return cls(start, now())


class DatabaseService(RecordService):
    """The service of one site: keeps its records in the site's database, and answers 503 without it.

    `/health` is up while the database accepts writes. `acknowledged` has the instants of the acknowledgements of new
    records, by their notes.
    """

    def __init__(self, host: str, port: int, database: Postgres) -> None:
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


class ReplicatedSites:
    """The two sites. `primary` and `standby` are the servers, `gold` and `dr` the services, `dns` the switch."""

    def __init__(self, folder: Path, template: Postgres, *, synchronous: bool) -> None:
        (folder / "gold").mkdir()
        (folder / "dr").mkdir()
        options = ("-c", "synchronous_standby_names=*") if synchronous else ()
        self.primary = Postgres(folder / "gold", *options, copy_of=template)
        self.standby = Postgres(folder / "dr", copy_of=template)
        self.standby.follow(self.primary)
        self.gold, self.dr = services(self.primary, self.standby)
        self.dns = DnsSwitch(GOLD)

    @property
    def url(self) -> str:
        """The address of the product at its active site."""
        return f"http://{NAME}:{self.gold.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[ReplicatedSites]:
        """Run all parts while the `with` block runs. Waits until the standby receives the primary's log."""
        with contextlib.ExitStack() as stack:
            self._primary: Program = stack.enter_context(self.primary.running())
            stack.enter_context(self.standby.running())
            wait_for("replication", self._walsender)
            for part in (self.gold, self.dr, self.dns):
                stack.enter_context(part.serving())
            yield self

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
        return ActionTime.of(lambda: kill_server(self._primary))

    def promote(self) -> None:
        """Make the standby the primary, and wait until its service accepts writes."""
        query(self.standby, "SELECT pg_promote()")
        wait_for("the promoted standby", lambda: self.dr.execute("GET", "/health", b"")[0] == 200)

    def switch(self) -> ActionTime:
        """Change the address of the product's name to the other site."""
        return ActionTime.of(lambda: setattr(self.dns, "address", DR))

    def end_maintenance(self) -> ActionTime:
        """Let the service at the other site answer requests instead of sending its maintenance page."""
        return ActionTime.of(lambda: setattr(self.dr, "page", ""))


def query(server: Postgres, statement: str) -> list[dict[str, Any]]:
    """Return the rows of a statement."""
    with psycopg.connect(server.conninfo, autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(statement.encode())
        return [] if cursor.description is None else cursor.fetchall()


def services(primary: Postgres, standby: Postgres) -> tuple[DatabaseService, DatabaseService]:
    """Return the services of both sites, on one port of two addresses."""
    while True:
        gold = DatabaseService(GOLD, 0, primary)
        try:
            return gold, DatabaseService(DR, gold.port, standby)
        except OSError:  # the port is in use at the other address
            gold.close()
