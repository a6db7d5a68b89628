"""Time zones: use the newer of the system's database and that of the package `tzdata`, for the entire process.

Zone rules change: since November 2026 British Columbia no longer sets its clocks back, so a database from 2025 is wrong
by an hour. Python reads the system's database first, even if it is older. On import (by `monitor/__init__.py`), this
module compares the versions and configures `zoneinfo` to use the newer one, even for libraries.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import zoneinfo
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_VERSION = re.compile(r"# version (\d{4}[a-z]+)\b")  # the first line of tzdata.zi; no match for "unknown"
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
_ANY_ZONE = "Etc/UTC"  # exists in every compiled database
_ADVICE = "install the package tzdata (pip install tzdata), or the system's time zone database"


class NoZoneError(NinewatchError, ValueError):
    """The zone does not exist, or there is no time zone database."""


@dataclass(frozen=True, slots=True)
class Database:
    """A compiled time zone database: a folder of the system, or the package `tzdata` if `folder` is None.

    `version` is the release of the IANA database, such as 2026f. None if it is unknown.
    """

    folder: Path | None
    version: str | None

    @property
    def source(self) -> str:
        """The source of the database: `system` or `package`."""
        return "package" if self.folder is None else "system"

    def __str__(self) -> str:
        name = "the package tzdata" if self.folder is None else str(self.folder)
        return f"{self.version or 'version unknown'} ({name})"


def package_database() -> Database | None:
    """Return the database of the package `tzdata`; None if it is not installed."""
    try:
        import tzdata
    except ImportError:
        return None
    return Database(None, tzdata.IANA_VERSION)


def system(folders: Iterable[str]) -> list[Database]:
    """Return the databases in the folders, in this order. Folders without compiled zones are ignored."""
    paths = [Path(folder) for folder in folders]
    return [Database(path, _version(path)) for path in paths if (path / _ANY_ZONE).is_file()]


def _version(folder: Path) -> str | None:
    try:
        with (folder / "tzdata.zi").open(encoding="utf-8", errors="replace") as file:
            match = _VERSION.match(file.readline(100))
    except OSError:
        return None
    return match[1] if match else None


def newest(candidates: Iterable[Database]) -> Database | None:
    """Return the first database with the highest version, or None if there are no candidates.

    A known version is higher than an unknown version.
    """
    return max(candidates, key=lambda database: database.version or "", default=None)


def _choose() -> tuple[Database | None, tuple[Database, ...]]:
    """Configure `zoneinfo` to use the newest database. Return it, and all databases, the system's first."""
    package = package_database()
    databases = (*system(zoneinfo.TZPATH), *([package] if package else []))
    database = newest(databases)
    if database is not None:
        zoneinfo.reset_tzpath(to=() if database.folder is None else (database.folder,))
        zoneinfo.ZoneInfo.clear_cache()
    return database, databases


IN_USE, FOUND = _choose()


def describe_databases() -> str:
    """Return a text with the database in use and the other ones."""
    unused = ", ".join(str(database) for database in FOUND if database != IN_USE)
    not_newer = f"; not newer: {unused}" if unused else ""
    return f"time zone database {IN_USE}{not_newer}" if IN_USE else f"no time zone database: {_ADVICE}"


def as_json() -> dict[str, str | None] | None:
    """Return the source and the version of the database in use. None without a database."""
    return None if IN_USE is None else {"source": IN_USE.source, "version": IN_USE.version}


def names() -> set[str]:
    """Return the names of all zones.

    Raises:
        NoZoneError: there is no time zone database.
    """
    if IN_USE is None:
        raise NoZoneError(f"there is no time zone database; {_ADVICE}")
    return zoneinfo.available_timezones()


def zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the zone with this name.

    Raises:
        NoZoneError: there is no such zone, or no time zone database.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        names()
        raise NoZoneError(f'"{name}" is not a time zone; use one such as America/Vancouver or UTC') from None


@contextlib.contextmanager
def use_rules(rules: Mapping[str, bytes]) -> Iterator[None]:
    """Use the rules of these TZif files (RFC 9636), by zone name, in the `with` block.

    They apply to the entire process, because libraries create zones too. Other zones are read from the package
    `tzdata`.

    Raises:
        ValueError: a name is not a zone name, or a file is not a TZif file.
    """
    previous_path = zoneinfo.TZPATH
    with tempfile.TemporaryDirectory(prefix="ninewatch-zones-") as folder:
        for name, data in rules.items():
            _write(Path(folder), name, data)
        try:
            zoneinfo.reset_tzpath(to=(folder,))
            zoneinfo.ZoneInfo.clear_cache()
            yield
        finally:
            zoneinfo.reset_tzpath(to=previous_path)
            zoneinfo.ZoneInfo.clear_cache()


def _write(folder: Path, name: str, data: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is not a time zone name")
    try:
        zoneinfo.ZoneInfo.from_file(io.BytesIO(data), name)
    except Exception as error:  # noqa: BLE001 - the reader raises various errors
        raise ValueError(f"the rules of the zone {name} are not a TZif file: {error}") from None
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def zone_file(name: str) -> bytes:
    """Return the TZif file of the zone from the database in use.

    Raises:
        NoZoneError: there is no such zone, or no time zone database.
    """
    zone(name)
    folder = None if IN_USE is None else IN_USE.folder
    if folder is not None:
        return (folder / name).read_bytes()
    package, _, key = f"tzdata.zoneinfo.{name.replace('/', '.')}".rpartition(".")
    return resources.files(package).joinpath(key).read_bytes()
