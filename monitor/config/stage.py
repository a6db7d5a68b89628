"""The stage of a product in the configuration, and the policy file with the highest objective of each stage."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    InstanceOf,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.errors import quoted
from monitor.config.readiness import candidate_paths
from monitor.config.validation_context import Context, Located
from monitor.config.values import Id, ObjectiveField, Text, is_id
from monitor.package_files import shipped_path
from sla.stage import Risk, Stage, StagePolicy, StageTerms

_FOLDER = "policies"
_SHIPPED_POLICY = "stages"


def _stage(value: Any) -> Stage:
    try:
        return Stage(value)
    except ValueError:
        raise ValueError(f"not a stage; use {', '.join(Stage)}") from None


StageField = Annotated[Stage, PlainValidator(_stage), WithJsonSchema({"enum": [str(stage) for stage in Stage]})]


class _Terms(Model):
    stage: StageField
    highest: Literal["none"] | ObjectiveField
    clients: Literal["none", "low", "high"]
    reason: Text

    def plain(self) -> StageTerms:
        highest = None if isinstance(self.highest, str) else self.highest
        return StageTerms(self.stage, highest, Risk[self.clients.upper()], self.reason)


class _Policy(Model):
    id: Id
    title: Text
    source: Text
    stages: tuple[_Terms, ...]

    def plain(self) -> StagePolicy:
        return StagePolicy(self.id, self.title, self.source, tuple(rule.plain() for rule in self.stages))


def load_stage_policy(path: Path) -> StagePolicy:
    """Return the policy of a file.

    Raises:
        ValueError: the file is invalid. The message contains the first problem, with its position.
    """
    try:
        block = read_block(path, _Policy)
    except ValueError as error:
        raise ValueError(f"invalid policy: {error}") from None
    try:
        return block.plain()
    except ValueError as error:
        raise ValueError(f"invalid policy: {path}: {error}") from None


@lru_cache(maxsize=1)
def shipped_stage_policy() -> StagePolicy:
    """Return the default policy, which is part of the package.

    Raises:
        NinewatchError: the file is missing.
    """
    return load_stage_policy(shipped_path("config", _FOLDER, f"{_SHIPPED_POLICY}.yaml"))


def _read_policy(value: Any, info: ValidationInfo) -> StagePolicy:
    if isinstance(value, StagePolicy):
        return value
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the name of a policy; use stages, or the name of a file in policies/")
    for path in candidate_paths(value, value.directory if isinstance(value, Located) else Path(), _FOLDER):
        if path.is_file():
            if isinstance(info.context, Context):
                info.context.reads(path)
            return load_stage_policy(path)
    raise ValueError(f"there is no policy {quoted(value)}; use stages, or put {value}.yaml into policies/")


_BY_NAME = PlainSerializer(lambda policy: policy.id, return_type=str, when_used="json")
StagePolicyField = Annotated[
    InstanceOf[StagePolicy], PlainValidator(_read_policy), _BY_NAME, WithJsonSchema({"type": "string"})
]
