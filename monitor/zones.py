"""Time zones: the newer of the system's database and the one in the package `tzdata`, for the whole process.

Governments change the rules of their zones: since November 2026 British Columbia no longer sets its clocks back, and a
database from 2025 is an hour off from then on. Python reads the system's database first, however old it is. Importing
this module (`monitor/__init__.py` does) compares the two by version and points `zoneinfo` at the newer one, so that
libraries that make a `ZoneInfo` of their own read the same rules.
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

_VERSION = re.compile(r"# version (\d{4}[a-z]+)\b")  # the first line of tzdata.zi; none where it is "unknown"
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
_ANY_ZONE = "Etc/UTC"  # in every compiled database
_ADVICE = "install the package tzdata (pip install tzdata), or the system's time zone database"


class NoZoneError(NinewatchError, ValueError):
    """No zone has this name, or there is no time zone database."""


@dataclass(frozen=True, slots=True)
class Database:
    """A compiled time zone database: a folder of the system, or the package `tzdata` where `folder` is None.

    `version` is the release of the IANA database, such as 2026f; None where the system does not state it.
    """

    folder: Path | None
    version: str | None

    @property
    def source(self) -> str:
        """Where it comes from: `system` or `package`."""
        return "package" if self.folder is None else "system"

    def __str__(self) -> str:
        name = "the package tzdata" if self.folder is None else str(self.folder)
        return f"{self.version or 'version unknown'} ({name})"


def packaged() -> Database | None:
    """Return the database of the package `tzdata`; None if it is not installed."""
    try:
        import tzdata
    except ImportError:
        return None
    return Database(None, tzdata.IANA_VERSION)


def system(folders: Iterable[str]) -> list[Database]:
    """Return the databases that are in the folders, in this order. A folder without compiled zones holds none."""
    paths = [Path(folder) for folder in folders]
    return [Database(path, _version(path)) for path in paths if (path / _ANY_ZONE).is_file()]


def _version(folder: Path) -> str | None:
    try:
        with (folder / "tzdata.zi").open(encoding="utf-8", errors="replace") as file:
            found = _VERSION.match(file.readline(100))
    except OSError:
        return None
    return found[1] if found else None


def newest(candidates: Iterable[Database]) -> Database | None:
    """Return the database with the highest version, the first of several with it; None if there are no candidates.

    Any stated version is higher than an unknown one: a database that cannot be shown to be newer is not preferred.
    """
    return max(candidates, key=lambda each: each.version or "", default=None)


def _choose() -> tuple[Database | None, tuple[Database, ...]]:
    """Point `zoneinfo` at the newest database; return it, and all that were found, the system's first."""
    package = packaged()
    found = (*system(zoneinfo.TZPATH), *([package] if package else []))
    chosen = newest(found)
    if chosen is not None:
        zoneinfo.reset_tzpath(to=() if chosen.folder is None else (chosen.folder,))
        zoneinfo.ZoneInfo.clear_cache()
    return chosen, found


IN_USE, FOUND = _choose()


def described() -> str:
    """Return which database is in use, and which were passed over, for a person."""
    others = ", ".join(str(each) for each in FOUND if each != IN_USE)
    passed_over = f"; not newer: {others}" if others else ""
    return f"time zone database {IN_USE}{passed_over}" if IN_USE else f"no time zone database: {_ADVICE}"


def as_json() -> dict[str, str | None] | None:
    """Return the source and the version of the database in use; None without one."""
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
    """Return the zone of this name.

    Raises:
        NoZoneError: none has it, or there is no time zone database.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        names()
        raise NoZoneError(f'"{name}" is not a time zone; write one such as America/Vancouver or UTC') from None


@contextlib.contextmanager
def stated(rules: Mapping[str, bytes]) -> Iterator[None]:
    """Let zones have the rules of these TZif files (RFC 9636), by name, for as long as the block lasts.

    They apply to the whole process, as libraries make zones of their own. A zone that is not among them is looked for
    in the package `tzdata`.

    Raises:
        ValueError: a name or a file is not one of a zone.
    """
    before = zoneinfo.TZPATH
    with tempfile.TemporaryDirectory(prefix="ninewatch-zones-") as folder:
        for name, data in rules.items():
            _write(Path(folder), name, data)
        try:
            zoneinfo.reset_tzpath(to=(folder,))
            zoneinfo.ZoneInfo.clear_cache()
            yield
        finally:
            zoneinfo.reset_tzpath(to=before)
            zoneinfo.ZoneInfo.clear_cache()


def _write(folder: Path, name: str, data: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is not the name of a time zone")
    try:
        zoneinfo.ZoneInfo.from_file(io.BytesIO(data), name)
    except Exception as error:  # noqa: BLE001 - the reader raises whatever it fails on
        raise ValueError(f"the rules of the zone {name} are not a TZif file: {error}") from None
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def compiled(name: str) -> bytes:
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
