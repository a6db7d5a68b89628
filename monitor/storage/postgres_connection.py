"""Connect to a record in PostgreSQL, and translate statements and errors. Requires psycopg (`make extras`)."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from monitor.storage import statements as sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from monitor.storage.connection import Parameters, Rows

_WITH_INTEGERS_ONLY: Final = (sql.INSERT_OBSERVATION, sql.RUN)
_PLACEHOLDER: Final = re.compile(r"\?|(?<!:):(\w+)")
_FIRST_WITH_SYSTEM_CERTIFICATES: Final = 160_000  # the version of libpq with `sslrootcert=system`
_DEFAULTS: Final = {
    "application_name": "ninewatch",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
# For each transaction instead of the session: a session behind pgbouncer may have another server for each transaction.
# The limit of an idle transaction also ends the transaction of a process that is suspended, so that its locks do not
# stop others.
_BEGIN_WRITE: Final = """
    BEGIN; SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '2s';
    SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL synchronous_commit = {}"""
_BEGIN_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_UNREACHABLE: Final = "check that the server runs and is reachable"
_REMEDIES: Final = {
    "08": _UNREACHABLE,
    "57P01": _UNREACHABLE,
    "57P02": _UNREACHABLE,
    "57P03": _UNREACHABLE,
    "28": "check the user and the password (PGPASSWORD or ~/.pgpass)",
    "3D": "create the database, or name another one",
    "42501": "grant the user CREATE and USAGE on the schema",
    "53100": "free space on the server's disk",
    "53300": "raise max_connections of the server",
    "25006": "connect to the primary server",
    "55P03": "end the transaction of the other program that has locked the tables",
}


class PostgresConnection:
    """A connection for the statements of `statements.py`, with explicit transactions."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Parameters = (), /) -> Rows:
        """Execute a statement with SQLite's placeholders, or several statements without placeholders."""
        parameters = _as_integers(values) if isinstance(values, tuple) else values
        return self._connection.execute(_translate(statement), parameters or None)

    def executemany(self, statement: str, rows: Iterable[tuple[Any, ...]], /) -> None:
        """Execute a statement once for each row. Observations and runs are inserted by one statement for all rows."""
        rows = [_as_integers(row) for row in rows]
        if statement in _WITH_INTEGERS_ONLY and rows:
            columns = [list(column) for column in zip(*_without_repeated_keys(statement, rows), strict=True)]
            self._connection.execute(_for_arrays(statement), columns)
        elif rows:
            self._connection.cursor().executemany(_translate(statement), rows)

    def copy_in(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows into a table with COPY."""
        statement = f"COPY {table} ({', '.join(map(quoted, columns))}) FROM STDIN"
        with self._connection.cursor().copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def has_table(self, name: str) -> bool:
        """Return whether the schema has a table with this name."""
        return self.execute("SELECT to_regclass(?)", (name,)).fetchone()[0] is not None

    def begin(self, *, durable: bool = True) -> None:
        """Begin a transaction. If it is not `durable`, a crash of the server may lose it after its commit."""
        self._connection.execute(_BEGIN_WRITE.format("on" if durable else "off").encode())

    def begin_reading(self) -> None:
        """Begin a transaction in which all statements read the data of one commit."""
        self._connection.execute(_BEGIN_READ.encode())

    def commit(self) -> None:
        """Commit the transaction."""
        self._connection.execute(b"COMMIT")

    def roll_back(self) -> bool:
        """End the transaction, and return whether the connection can still be used."""
        import psycopg

        try:
            self._connection.execute(b"ROLLBACK")
        except psycopg.Error:
            return False
        return not self._connection.closed

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def server_version(self) -> str:
        """The server's version, such as `15.14`."""
        return self._connection.info.parameter_status("server_version") or str(self._connection.info.server_version)


def open_postgres(conninfo: str) -> PostgresConnection:
    """Connect to the server that accepts writes. For other hosts than this machine, TLS with verification is required.

    `conninfo`: a URI or a connection string of libpq, which takes missing values from its environment variables and
    from ~/.pgpass. An explicit `sslmode` is used as it is.

    Raises:
        NinewatchError: psycopg is not installed, or the connection string is invalid.
        psycopg.Error: no connection.
    """
    import psycopg

    parameters = {**_DEFAULTS, "target_session_attrs": "read-write", **tls_options(conninfo)}
    options = {key: value for key, value in parameters.items() if key not in _parameters_of(conninfo)}
    connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None, **options)
    return PostgresConnection(connection)


def location_name(conninfo: str) -> str:
    """Return host, port and database for messages, without a password.

    Raises:
        NinewatchError: psycopg is not installed, or the connection string is invalid.
    """
    parameters = _parameters_of(conninfo)
    database = parameters.get("dbname") or parameters.get("user") or "the default database"
    host, port = parameters.get("host") or parameters.get("hostaddr"), parameters.get("port")
    server = "the local server" if host is None else f"{host}:{port}" if port else str(host)
    return f"the database {database} of {server}"


def remedy_of(error: Exception) -> str:
    """Return the remedy for the error as the end of a message. Empty if unknown."""
    import psycopg

    code = getattr(error, "sqlstate", None) or ("08" if isinstance(error, psycopg.OperationalError) else "")
    text = _REMEDIES.get(code) or _REMEDIES.get(code[:2])
    return f"; {text}" if text else ""


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def quoted(name: str) -> str:
    """Return a name of a table or column for a statement. `end` is a reserved word of PostgreSQL."""
    return f'"{name}"'


def _parameters_of(conninfo: str) -> dict[str, Any]:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ModuleNotFoundError:
        raise NinewatchError("a record in PostgreSQL needs psycopg; install the extra `postgres`") from None
    try:
        return {key: value for key, value in conninfo_to_dict(conninfo).items() if value is not None}
    except psycopg.ProgrammingError as error:
        raise NinewatchError(f"the connection string is invalid: {first_line(error)}") from None


def tls_options(conninfo: str) -> dict[str, Any]:
    """Return the options that verify the certificate of a server on another machine, unless `sslmode` is specified."""
    import os

    from psycopg import pq

    parameters = _parameters_of(conninfo)
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or os.environ.get("PGHOST", "")).split(",")
    if all(_is_local(host) for host in hosts) or "PGSSLMODE" in os.environ or "sslmode" in parameters:
        return {}
    roots = {"sslrootcert": "system"} if pq.version() >= _FIRST_WITH_SYSTEM_CERTIFICATES else {}
    return {"sslmode": "verify-full", **({} if "PGSSLROOTCERT" in os.environ else roots)}


def _is_local(host: str) -> bool:
    return not host or host.startswith(("/", "@", "127.")) or host in ("localhost", "::1")


def _without_repeated_keys(statement: str, rows: list[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Return one row for each key, the first two columns, because one statement cannot change a row twice.

    Of observations, the worst one is kept; of runs, the last one.
    """
    if statement == sql.INSERT_OBSERVATION:
        rows = sorted(rows, key=itemgetter(2))
    return {row[:2]: row for row in rows}.values()


@lru_cache(maxsize=2)
def _for_arrays(statement: str) -> bytes:
    """Return the statement that inserts rows from one array for each column."""
    values = statement[statement.index("VALUES") : statement.index("ON CONFLICT")]
    arrays = ", ".join(["%s::bigint[]"] * values.count("?"))
    return statement.replace(values, f"SELECT * FROM unnest({arrays}) ").encode()  # noqa: S608 - our own texts


@lru_cache(maxsize=256)
def _translate(statement: str) -> bytes:
    """Return the statement with the placeholders of psycopg."""
    return _PLACEHOLDER.sub(lambda match: f"%({match[1]})s" if match[1] else "%s", statement).encode()


def _as_integers(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the row with flags as numbers, as SQLite stores them."""
    return tuple(int(value) if isinstance(value, bool) else value for value in row)
