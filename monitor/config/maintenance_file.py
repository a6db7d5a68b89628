"""Planned maintenance in a file of its own: an iCalendar file, or YAML as a portfolio has it."""

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
    """Return what a .yaml file lists under `maintenance`, or what any other file, a calendar, has events of.

    Raises:
        NinewatchError: it cannot be used; the message names the first mistake in it, with its place.
    """
    return _of_yaml(path) if path.suffix.lower() in _YAML else (_of_calendar(path),)


def _of_calendar(path: Path) -> Maintenance:
    try:
        return Maintenance.model_validate({"ics": str(path.absolute())})
    except ValidationError as error:
        raise NinewatchError(f"{path}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error


def _of_yaml(path: Path) -> tuple[Maintenance, ...]:
    try:
        return read_block(path, _File).maintenance
    except ValueError as error:
        raise NinewatchError(str(error)) from None
