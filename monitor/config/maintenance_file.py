"""Read planned maintenance from a separate file: iCalendar, or YAML in the format of the configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.maintenance import Maintenance
from monitor.errors import NinewatchError

_YAML = (".yaml", ".yml")


class _File(Model):
    maintenance: tuple[Maintenance, ...]


def load_maintenance(path: Path) -> tuple[Maintenance, ...]:
    """Return the entries under `maintenance` of a .yaml file. Any other file is read as one iCalendar entry.

    Raises:
        NinewatchError: the file is invalid. The message contains the first problem, with its position.
    """
    return _from_yaml(path) if path.suffix.lower() in _YAML else (_from_calendar(path),)


def _from_calendar(path: Path) -> Maintenance:
    try:
        return Maintenance.model_validate({"ics": str(path.absolute())})
    except ValidationError as error:
        raise NinewatchError(f"{path}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error


def _from_yaml(path: Path) -> tuple[Maintenance, ...]:
    try:
        return read_block(path, _File).maintenance
    except ValueError as error:
        raise NinewatchError(str(error)) from None
