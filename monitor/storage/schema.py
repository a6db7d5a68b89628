"""The tables of the SQLite record and their migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import StoreError
from monitor.storage.backup import back_up, newest_backup
from monitor.storage.rows import fact_of_correction_row
from monitor.storage.validation import refuse_damage

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

APPLICATION = 0x396E6E73  # "9nns" in the file's header: this database is ours

# One list of statements per schema version. Lists are only appended. `user_version` is the number of applied versions.
#
# The key of `observations` starts with the instant, so that a batch is written to the last one or two pages, and old
# rows are deleted from the first pages. If it started with the check, the 25 rows of a commit at 100 probes/s would
# change 25 pages: eleven times the bytes written and six times the CPU time (measured with 500,000 rows of 1,000
# checks). The disadvantage is that reading one check's raw observations scans the rows of all checks in that time, at
# 0.1 to 0.3 us per row. Figures do not need these reads, because they are computed from runs.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE series (id INTEGER PRIMARY KEY, check_key TEXT NOT NULL, vantage TEXT NOT NULL,"
        " UNIQUE (check_key, vantage))",
        "CREATE TABLE reasons (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE)",
        "CREATE TABLE observations (at INTEGER NOT NULL, series INTEGER NOT NULL REFERENCES series,"
        " outcome INTEGER NOT NULL, reason INTEGER NOT NULL REFERENCES reasons, latency INTEGER,"
        " PRIMARY KEY (at, series)) WITHOUT ROWID",
        "CREATE TABLE runs (series INTEGER NOT NULL REFERENCES series, first INTEGER NOT NULL, last INTEGER NOT NULL,"
        " outcome INTEGER NOT NULL, reason INTEGER NOT NULL REFERENCES reasons, count INTEGER NOT NULL,"
        " hold INTEGER NOT NULL, latency_count INTEGER NOT NULL, latency_sum INTEGER NOT NULL,"
        " latency_max INTEGER NOT NULL, seeded INTEGER NOT NULL, PRIMARY KEY (series, first)) WITHOUT ROWID",
        "CREATE TABLE incidents (id TEXT PRIMARY KEY, product TEXT NOT NULL, check_key TEXT NOT NULL,"
        " opened INTEGER NOT NULL, resolved INTEGER, reason TEXT NOT NULL, downtime INTEGER) WITHOUT ROWID",
        "CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
        f"PRAGMA application_id = {APPLICATION}",
    ),
    (
        # Corrections. A row is a correction, or revokes one (`revokes`); rows never change.
        "CREATE TABLE corrections (id TEXT PRIMARY KEY, made INTEGER NOT NULL, author TEXT NOT NULL,"
        " reason TEXT NOT NULL, product TEXT, start INTEGER, end INTEGER, revokes TEXT,"
        " CHECK ((revokes IS NULL) = (product IS NOT NULL AND start IS NOT NULL AND end IS NOT NULL))) WITHOUT ROWID",
        "CREATE TRIGGER corrections_are_not_changed BEFORE UPDATE ON corrections"
        " BEGIN SELECT RAISE(ABORT, 'corrections are only ever added'); END",
        "CREATE TRIGGER corrections_are_not_removed BEFORE DELETE ON corrections"
        " BEGIN SELECT RAISE(ABORT, 'corrections are only ever added'); END",
    ),
    (
        # The first and the last failing probe of each incident, as JSON: instant, reason, status, detail, phases.
        "CREATE TABLE incident_failures (incident TEXT NOT NULL, which TEXT NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (incident, which)) WITHOUT ROWID",
    ),
    (
        # Steps of the wall clock, and rows that were set aside because they have timestamps of a wrong clock. Rows are
        # moved and never deleted, so that a mark can be reverted (`clock_marks.py`).
        "CREATE TABLE clock_steps (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, size INTEGER NOT NULL)",
        "CREATE TABLE clock_marks (id INTEGER PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL,"
        " made INTEGER NOT NULL, step INTEGER NOT NULL, reverted INTEGER NOT NULL DEFAULT 0)",
        "CREATE TABLE aside_observations (mark INTEGER NOT NULL REFERENCES clock_marks, at INTEGER NOT NULL,"
        " series INTEGER NOT NULL, outcome INTEGER NOT NULL, reason INTEGER NOT NULL, latency INTEGER)",
        "CREATE TABLE aside_runs (mark INTEGER NOT NULL REFERENCES clock_marks, series INTEGER NOT NULL,"
        " first INTEGER NOT NULL, last INTEGER NOT NULL, outcome INTEGER NOT NULL, reason INTEGER NOT NULL,"
        " count INTEGER NOT NULL, hold INTEGER NOT NULL, latency_count INTEGER NOT NULL, latency_sum INTEGER NOT NULL,"
        " latency_max INTEGER NOT NULL, seeded INTEGER NOT NULL)",
        "CREATE TABLE aside_incidents (mark INTEGER NOT NULL REFERENCES clock_marks, id TEXT NOT NULL,"
        " product TEXT NOT NULL, check_key TEXT NOT NULL, opened INTEGER NOT NULL, resolved INTEGER,"
        " reason TEXT NOT NULL, downtime INTEGER)",
        # Earlier versions moved the mark past observations of removed checks, which are not in a run.
        "UPDATE progress SET value = min(value, coalesce((SELECT min(last) FROM"
        " (SELECT max(last) AS last FROM runs GROUP BY series)), value)) WHERE name = 'folded_until'",
    ),
    (
        # Facts of any kind from people and the configuration (`sla/fact.py`); `body` is JSON. The corrections are moved
        # to this table. `migrate` registers the function `correction_body` for the connection.
        "CREATE TABLE facts (id TEXT PRIMARY KEY, made INTEGER NOT NULL, author TEXT NOT NULL, kind TEXT NOT NULL,"
        " product TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID",
        "INSERT INTO facts (id, made, author, kind, product, body) SELECT id, made, author,"
        " iif(revokes IS NULL, 'correction', 'revocation'), coalesce(product, ''),"
        " correction_body(made, author, reason, product, start, end, revokes) FROM corrections",
        "DROP TABLE corrections",
        "CREATE TRIGGER facts_are_not_changed BEFORE UPDATE ON facts"
        " BEGIN SELECT RAISE(ABORT, 'facts are only ever added'); END",
        "CREATE TRIGGER facts_are_not_removed BEFORE DELETE ON facts"
        " BEGIN SELECT RAISE(ABORT, 'facts are only ever added'); END",
    ),
    (
        # Outages of products, and the outbox (`monitor/notification.py`). `members` is a JSON list of incidents.
        "CREATE TABLE product_incidents (id TEXT PRIMARY KEY, product TEXT NOT NULL, opened INTEGER NOT NULL,"
        " resolved INTEGER, severity TEXT NOT NULL, members TEXT NOT NULL, unannounced TEXT) WITHOUT ROWID",
        "CREATE TABLE notifications (key TEXT NOT NULL, receiver TEXT NOT NULL, turn INTEGER NOT NULL,"
        " event TEXT NOT NULL, repeat INTEGER NOT NULL, made INTEGER NOT NULL, due INTEGER NOT NULL,"
        " severity TEXT NOT NULL, product TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL,"
        " claimed_epoch INTEGER NOT NULL, claimed_holder TEXT NOT NULL, done INTEGER, error TEXT NOT NULL,"
        " PRIMARY KEY (key, receiver, turn)) WITHOUT ROWID",
        "CREATE INDEX notifications_waiting ON notifications (due) WHERE done IS NULL",
    ),
    (
        # The heads of closed days (`sla/chain.py`), with the position of every series, and the ids of facts
        # and resolved incidents that each head covers.
        "CREATE TABLE heads (number INTEGER PRIMARY KEY, day INTEGER NOT NULL, since INTEGER, made INTEGER NOT NULL,"
        " whole INTEGER NOT NULL, content TEXT NOT NULL, previous TEXT NOT NULL, head TEXT NOT NULL)",
        "CREATE TABLE head_series (series INTEGER NOT NULL REFERENCES series, head INTEGER NOT NULL, first INTEGER"
        " NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, latency_count INTEGER NOT NULL, latency_sum INTEGER"
        " NOT NULL, latency_max INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (series, head)) WITHOUT ROWID",
        "CREATE TABLE head_items (kind TEXT NOT NULL, id TEXT NOT NULL, head INTEGER NOT NULL, digest TEXT NOT NULL,"
        " PRIMARY KEY (kind, id, head)) WITHOUT ROWID",
        *(
            f"CREATE TRIGGER {table}_are_not_{what} BEFORE {event} ON {table}"
            " BEGIN SELECT RAISE(ABORT, 'heads are only ever added'); END"
            for table in ("heads", "head_series", "head_items")
            for what, event in (("changed", "UPDATE"), ("removed", "DELETE"))
        ),
    ),
    (
        # The times at which alerts were announced and acknowledged, and their escalations (`sla/page_response.py`);
        # `escalations` is a JSON list.
        "CREATE TABLE responses (key TEXT NOT NULL, started INTEGER NOT NULL, product TEXT NOT NULL,"
        " severity TEXT NOT NULL, priority TEXT NOT NULL, target INTEGER, acknowledged INTEGER, author TEXT NOT NULL,"
        " via TEXT NOT NULL, ended INTEGER, escalations TEXT NOT NULL, PRIMARY KEY (key, started)) WITHOUT ROWID",
        "CREATE INDEX responses_open ON responses (started) WHERE ended IS NULL",
    ),
    (
        # Whether a row contains re-checks (`Observation.recheck`), which are not counted.
        *(
            f"ALTER TABLE {table} ADD COLUMN recheck INTEGER NOT NULL DEFAULT 0"
            for table in ("observations", "runs", "aside_observations", "aside_runs")
        ),
    ),
    (
        # The latencies of each check and day (`sla/latency_histogram.py`). `phases` is JSON: the sum of each phase,
        # microseconds. Rows of days that contain observations of a wrong clock are set aside.
        "CREATE TABLE latency_days (series INTEGER NOT NULL REFERENCES series, start INTEGER NOT NULL,"
        " last INTEGER NOT NULL, histogram BLOB NOT NULL, phase_count INTEGER NOT NULL, phases TEXT NOT NULL,"
        " PRIMARY KEY (series, start)) WITHOUT ROWID",
        "CREATE TABLE aside_latency_days (mark INTEGER NOT NULL REFERENCES clock_marks, series INTEGER NOT NULL,"
        " start INTEGER NOT NULL, last INTEGER NOT NULL, histogram BLOB NOT NULL, phase_count INTEGER NOT NULL,"
        " phases TEXT NOT NULL)",
    ),
    (
        # Frames of a vantage that wait for its centre, and the positions up to which a centre has stored the frames of
        # each vantage (`frames.py`).
        "CREATE TABLE frames_out (incarnation INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,"
        " body BLOB NOT NULL, PRIMARY KEY (incarnation, seq))",
        "CREATE TABLE cursors (vantage TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL)"
        " WITHOUT ROWID",
    ),
)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Migrate the database to the newest schema.

    Each version is one transaction, so the record has a complete version even if the process is killed. A record with
    tables is copied first, and the copy is verified.

    Raises:
        StoreError: the record is damaged, or could not be copied.
        sqlite3.Error: the record cannot be read or written.
    """
    if 0 < (version := pragma(connection, "user_version")) < len(MIGRATIONS):
        refuse_damage(connection, path)
        back_up(connection, path, version)
    connection.create_function("correction_body", 7, lambda *row: fact_of_correction_row(*row).body, deterministic=True)
    for version in range(pragma(connection, "user_version"), len(MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if pragma(connection, "user_version") == version:
                for statement in (*MIGRATIONS[version], f"PRAGMA user_version = {version + 1}"):
                    connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def check_owner_and_version(connection: sqlite3.Connection, path: Path) -> None:
    """Check that the database is empty, or a record of this or an earlier version. Writes nothing.

    Raises:
        StoreError: the record is from a newer version, or the database belongs to another program.
        sqlite3.Error: the file is not a database, or cannot be read.
    """
    version, owner = pragma(connection, "user_version"), pragma(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and owner != APPLICATION:
        raise StoreError(f"{path} is the database of another program and was not changed; set another `store:`")
    if version > len(MIGRATIONS):
        copy = newest_backup(path, len(MIGRATIONS))
        alternative = (
            "set another `store:`"
            if copy is None
            else f"go back to the state before its upgrade with `ninewatch restore {copy} --replace -c CONFIGURATION`"
            " (observations since then will be unknown)"
        )
        raise StoreError(
            f"{path} has schema {version}, this ninewatch supports up to {len(MIGRATIONS)} and did not change it;"
            f" run the newer ninewatch that wrote it, or {alternative}"
        )


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """Return the value of a numeric pragma."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
