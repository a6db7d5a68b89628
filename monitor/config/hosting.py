"""Hosting tiers: the file that lists them, and the portfolio's key `hosting_tiers`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, InstanceOf, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.errors import quoted
from monitor.config.readiness import places
from monitor.config.validation_context import Context, Located
from monitor.config.values import Duration, Id, ObjectiveField, Text, is_id
from monitor.package_files import shipped_path
from sla.hosting import HostingPolicy, Tier

FOLDER = "policies"
_SHIPPED = "hosting"


class _Tier(Model):
    id: Id
    title: Text
    highest: ObjectiveField
    longest_outage: Duration | None = None
    source: Text

    def plain(self) -> Tier:
        return Tier(self.id, self.title, self.highest, self.longest_outage, self.source)


class _Hosting(Model):
    id: Id
    title: Text
    tiers: Annotated[tuple[_Tier, ...], Field(min_length=1)]

    def plain(self) -> HostingPolicy:
        return HostingPolicy(self.id, self.title, tuple(each.plain() for each in self.tiers))


def load_tiers(path: Path) -> HostingPolicy:
    """Return the hosting tiers of a file.

    Raises:
        ValueError: it cannot be used; the message names the first mistake in it, with its place.
    """
    try:
        block = read_block(path, _Hosting)
    except ValueError as error:
        raise ValueError(f"the hosting tiers cannot be used; {error}") from None
    try:
        return block.plain()
    except ValueError as error:
        raise ValueError(f"the hosting tiers cannot be used; {path}: {error}") from None


@lru_cache(maxsize=1)
def shipped_tiers() -> HostingPolicy:
    """Return the tiers that ship, used where a configuration names no others.

    Raises:
        NinewatchError: the file is missing.
    """
    return load_tiers(shipped_path("config", FOLDER, f"{_SHIPPED}.yaml"))


def tiers_named(value: Any) -> tuple[Path | None, HostingPolicy]:
    """Return the tiers that `hosting_tiers:` names, and the file they come from (None for tiers already loaded).

    Raises:
        ValueError: there is no such file, or it cannot be used.
    """
    if isinstance(value, HostingPolicy):
        return None, value
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the name of a file in policies/; write hosting, or the name of your own file")
    for path in places(value, value.directory if isinstance(value, Located) else Path(), FOLDER):
        if path.is_file():
            return path, load_tiers(path)
    raise ValueError(f"there are no hosting tiers {quoted(value)}; write hosting, or put {value}.yaml into policies/")


def _validated(value: Any, info: ValidationInfo) -> HostingPolicy:
    path, found = tiers_named(value)
    if path is not None and isinstance(info.context, Context):
        info.context.reads(path)
    return found


_BY_NAME = PlainSerializer(lambda policy: policy.id, return_type=str, when_used="json")
HostingTiersField = Annotated[
    InstanceOf[HostingPolicy], PlainValidator(_validated), _BY_NAME, WithJsonSchema({"type": "string"})
]
