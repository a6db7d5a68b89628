"""Hosting tiers: the file with their definitions, and the portfolio's key `hosting_tiers`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, InstanceOf, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.errors import quoted
from monitor.config.readiness import candidate_paths
from monitor.config.validation_context import Context, Located
from monitor.config.values import Duration, Id, ObjectiveField, Text, is_id
from monitor.package_files import shipped_path
from sla.hosting import HostingPolicy, Tier

FOLDER = "policies"
_SHIPPED_POLICY = "hosting"


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
        return HostingPolicy(self.id, self.title, tuple(tier.plain() for tier in self.tiers))


def load_tiers(path: Path) -> HostingPolicy:
    """Return the hosting tiers of a file.

    Raises:
        ValueError: the file is invalid. The message contains the first problem, with its position.
    """
    try:
        block = read_block(path, _Hosting)
    except ValueError as error:
        raise ValueError(f"invalid file of hosting tiers: {error}") from None
    try:
        return block.plain()
    except ValueError as error:
        raise ValueError(f"invalid file of hosting tiers: {path}: {error}") from None


@lru_cache(maxsize=1)
def shipped_tiers() -> HostingPolicy:
    """Return the default tiers, which are part of the package.

    Raises:
        NinewatchError: the file is missing.
    """
    return load_tiers(shipped_path("config", FOLDER, f"{_SHIPPED_POLICY}.yaml"))


def read_tiers(value: Any) -> tuple[Path | None, HostingPolicy]:
    """Return the file named in `hosting_tiers:` (None for tiers that are already loaded) and its tiers.

    Raises:
        ValueError: the file does not exist, or is invalid.
    """
    if isinstance(value, HostingPolicy):
        return None, value
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the name of a file in policies/; use hosting, or the name of your own file")
    for path in candidate_paths(value, value.directory if isinstance(value, Located) else Path(), FOLDER):
        if path.is_file():
            return path, load_tiers(path)
    raise ValueError(f"there are no hosting tiers {quoted(value)}; use hosting, or put {value}.yaml into policies/")


def _validate(value: Any, info: ValidationInfo) -> HostingPolicy:
    path, policy = read_tiers(value)
    if path is not None and isinstance(info.context, Context):
        info.context.reads(path)
    return policy


_BY_NAME = PlainSerializer(lambda policy: policy.id, return_type=str, when_used="json")
HostingTiersField = Annotated[
    InstanceOf[HostingPolicy], PlainValidator(_validate), _BY_NAME, WithJsonSchema({"type": "string"})
]
