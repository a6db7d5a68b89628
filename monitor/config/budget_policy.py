"""The error budget policy, as a block of the configuration or as a file in `policies/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import GetJsonSchemaHandler, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.errors import quoted
from monitor.config.readiness import candidate_paths
from monitor.config.validation_context import Context, Located
from monitor.config.values import AS_TEXT, Text, is_id, problem_at
from monitor.package_files import shipped_path
from sla.budget_policy import MIN_COVERAGE, BudgetPolicy, FallbackAnswer, Step

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_FOLDER = "policies"
_SHIPPED_POLICY = "budget"
_SHARE = re.compile(r"\s*(\d{1,4}(?:\.\d{1,6})?)\s*%\s*")


def _share(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a share; use a percentage such as 80%")
    return Fraction(match[1]) / 100


Share = Annotated[
    Fraction,
    PlainValidator(_share),
    AS_TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,4}(\.\d{1,6})?\s*%$", "examples": ["80%"]}),
]


class BudgetStep(Model):
    """A step of a budget policy: a threshold, either `spent` or `left`, and its consequence."""

    spent: Share | None = None
    """Share of the budget that is spent: `80%`. It can be more than 100%."""

    left: Share | None = None
    """Share of the budget that is left: `20%` is the same threshold as `spent: 80%`."""

    gate: Literal["go", "hold"] = "hold"
    """Whether `ninewatch gate` holds releases when the threshold is reached."""

    consequence: Text
    """Consequence of the step: `no releases other than security fixes`."""

    owner: Text
    """The person or team that is responsible for the consequence."""

    @property
    def threshold(self) -> Fraction:
        """The threshold as a spent share."""
        return self.spent if self.spent is not None else 1 - (self.left or Fraction(0))

    @model_validator(mode="after")
    def _has_one_threshold(self) -> BudgetStep:
        if (self.spent is None) == (self.left is None):
            raise problem_at("spent", "specify the threshold once: spent: 80%, or left: 20%")
        if self.spent == 0 or (self.left is not None and self.left >= 1):
            raise problem_at(
                "left" if self.spent is None else "spent", "applies before any budget is spent; use spent: 1% or more"
            )
        return self

    def plain(self) -> Step:
        """Return the step for the gate."""
        return Step(self.threshold, self.gate == "hold", self.consequence, self.owner)


class BudgetPolicyBlock(Model):
    """Consequences of a spent share of a product's downtime budget, and the rules of `ninewatch gate`.

    The value may also be the list of steps, or the name of a file in `policies/`.
    """

    id: Text = "own"
    """Identifies the policy in the output. Default in a configuration: `own`."""

    title: Text = "Error budget policy"
    """Title of the policy."""

    source: Text = "the configuration"
    """Source of the policy."""

    steps: tuple[BudgetStep, ...]
    """The steps, each with a threshold, a consequence and an owner."""

    coverage: Share = MIN_COVERAGE
    """Least known share of the window for the answer `go`. Default: `90%`."""

    unknown: Literal["unknown", "hold", "go", "estimate"] = "unknown"
    """The answer if the record is not sufficient: `unknown`, `hold`, `go`, or `estimate` (by the point estimate, if
    enough of the window and the present state are known)."""

    figure: Literal["raw", "contractual"] = "raw"
    """The figure whose budget is used: `raw`, or `contractual`, after exclusions."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, cls | Mapping):
            return value
        if isinstance(value, list | tuple):
            return {"steps": value}
        return dict(_find_policy(value, info))

    @model_validator(mode="after")
    def _has_known_coverage(self) -> BudgetPolicyBlock:
        if self.coverage > 1:
            raise problem_at("coverage", "is more than 100%; use a share of the window such as 90%")
        return self

    @model_validator(mode="after")
    def _has_different_thresholds(self) -> BudgetPolicyBlock:
        if not self.steps:
            raise problem_at("steps", "is empty; add at least one step")
        thresholds = [step.threshold for step in self.steps]
        if len(set(thresholds)) < len(thresholds):
            raise problem_at("steps", "two steps have the same threshold; combine them, or change one")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the block, its list of steps, and the name of a file."""
        block = handler.resolve_ref_schema(handler(schema))
        steps = block["properties"]["steps"]
        name = {"type": "string", "description": "Name of a file in `policies/`"}
        return {"description": block.pop("description", ""), "anyOf": [block, steps, name]}

    def plain(self) -> BudgetPolicy:
        """Return the policy for the gate."""
        steps = tuple(step.plain() for step in self.steps)
        contractual = self.figure == "contractual"
        undecided = FallbackAnswer(self.unknown)
        return BudgetPolicy(self.id, self.title, self.source, steps, self.coverage, undecided, contractual)


def _find_policy(value: Any, info: ValidationInfo) -> BudgetPolicyBlock:
    """Return the policy of the file with this name."""
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not a budget policy; specify its steps, or the name of a file in policies/")
    for path in candidate_paths(value, value.directory if isinstance(value, Located) else Path(), _FOLDER):
        if path.is_file():
            if isinstance(info.context, Context):
                info.context.reads(path)
            return load_budget_policy(path)
    raise ValueError(f"there is no policy {quoted(value)}; use budget, or put {value}.yaml into policies/")


def load_budget_policy(path: Path) -> BudgetPolicyBlock:
    """Return the policy of a file.

    Raises:
        ValueError: the file is invalid. The message contains the first problem, with its position.
    """
    try:
        return read_block(path, BudgetPolicyBlock)
    except ValueError as error:
        raise ValueError(f"invalid budget policy: {error}") from None


@lru_cache(maxsize=1)
def shipped_budget_policy() -> BudgetPolicyBlock:
    """Return the default policy, which is part of the package.

    Raises:
        NinewatchError: the file is missing.
    """
    return load_budget_policy(shipped_path("config", _FOLDER, f"{_SHIPPED_POLICY}.yaml"))
