"""Readiness of a product: its checklist, and attestations with person and expiry."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.errors import quoted
from monitor.config.validation_context import Context, Located
from monitor.config.values import Id, ObjectiveField, Text, is_id
from monitor.errors import NinewatchError
from monitor.package_files import shipped_path
from sla.interval import DAY
from sla.readiness import Attestation, Checklist, ChecklistItem, Readiness, readiness

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_FOLDER = "checklists"

Prose = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]


class _Item(Model):
    id: Id
    title: Text
    text: Prose
    source: Prose
    cap: ObjectiveField


class _Checklist(Model):
    id: Id
    title: Text
    source: Prose
    items: Annotated[tuple[_Item, ...], Field(min_length=1)]

    def plain(self) -> Checklist:
        return Checklist(
            self.id,
            self.title,
            self.source,
            tuple(ChecklistItem(each.id, each.title, each.text, each.source, each.cap.ratio) for each in self.items),
        )


def candidate_paths(name: str, directory: Path, kind: str = _FOLDER) -> Iterator[Path]:
    """Yield the possible paths of a checklist: in `checklists/` next to the configuration file, one folder up, or ours.

    `kind` is the name of the folder; policies are in another folder.
    """
    for folder in (directory, directory.parent):
        yield folder / kind / f"{name}.yaml"
    try:
        yield shipped_path("config", kind) / f"{name}.yaml"
    except NinewatchError:
        return


def load_checklist(path: Path) -> Checklist:
    """Return the checklist of a file.

    Raises:
        ValueError: the file is invalid. The message contains the first problem, with its position.
    """
    try:
        block = read_block(path, _Checklist)
    except ValueError as error:
        raise ValueError(f"invalid checklist: {error}") from None
    return block.plain()


def _read_checklist(value: Any, info: ValidationInfo) -> Checklist:
    if isinstance(value, Checklist):
        return value
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the name of a checklist; write five-nines, or the name of a file in checklists/")
    for path in candidate_paths(value, value.directory if isinstance(value, Located) else Path()):
        if path.is_file():
            if isinstance(info.context, Context):
                info.context.reads(path)
            return load_checklist(path)
    raise ValueError(f"there is no checklist {quoted(value)}; write five-nines, or put {value}.yaml into checklists/")


def _midnight(value: Any) -> int:
    """Return the instant at which the day starts (UTC)."""
    if isinstance(value, str):
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise ValueError("not a date; write it as 2027-03-01")
    return (value.toordinal() - _EPOCH) * DAY


_BY_NAME = PlainSerializer(lambda checklist: checklist.id, return_type=str, when_used="json")


class Attested(Model):
    """An attestation of an item of the checklist."""

    item: Id
    """The item's id in the checklist."""

    by: Text
    """The person or team who attests the item."""

    until: Annotated[int, PlainValidator(_midnight), WithJsonSchema({"type": "string", "format": "date"})]
    """The first day (UTC) on which the attestation is no longer valid: `2027-03-01`."""

    note: Annotated[str, StringConstraints(max_length=2_000)] = ""
    """Evidence: a link, or the date of a test."""


class ReadinessBlock(Model):
    """Readiness of the product: an unmet item limits the availability that may be claimed."""

    checklist: Annotated[
        InstanceOf[Checklist], BeforeValidator(_read_checklist), _BY_NAME, WithJsonSchema({"type": "string"})
    ]
    """Name of the checklist: `five-nines`, or a file in `checklists/` next to the configuration."""

    attested: tuple[Attested, ...] = ()
    """Attested items. All others are unmet."""

    def at(self, instant: int) -> Readiness:
        """Return the state of the checklist at the instant (microseconds since the epoch)."""
        attestations = (Attestation(each.item, each.by, each.until, each.note) for each in self.attested)
        return readiness(self.checklist, attestations, instant)
