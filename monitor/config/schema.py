"""Generate the JSON Schema of the configuration, for completion and help in editors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from monitor.config.addresses import HostPort
from monitor.config.loader import portfolio_model
from monitor.config.outbound import Family
from sla.budget_window import BudgetWindow
from sla.objective import format_duration
from sla.rule import Rule

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

    from monitor.config.alerting import ReceiverBase
    from monitor.config.model import CheckBase

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """A generator that writes defaults in YAML syntax and omits `null`, which the loader rejects."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the value's schema, with its default if the default is a single value."""
        inner = self.generate_inner(schema["schema"])
        default = _default_in_yaml(schema.get("default"), inner)
        return inner if default is None else {**inner, "default": default}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value."""
        return self.generate_inner(schema["schema"])


def _default_in_yaml(default: Any, schema: JsonSchemaValue) -> Any:
    """Return a default in the syntax of YAML. None if the default is a block or a list."""
    if isinstance(default, int) and schema.get("type") == "string":
        return format_duration(default)
    if isinstance(default, BudgetWindow | HostPort | Rule | Path | Family):
        return str(default)
    return default if isinstance(default, str | int | bool) else None


def schema_file(kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> str:
    """Return the text of `config/schema.json`."""
    return json.dumps(schema(kinds, receivers), indent=2) + "\n"


def schema(kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> dict[str, Any]:
    """Return the schema of one file of a configuration with checks and receivers of the kinds.

    No key is required at the top level, because each file of a folder has a part of the configuration. Only `ninewatch
    check-config` checks rules that a schema cannot express (unique ids, a timeout within its interval).
    """
    root = portfolio_model(tuple(kinds), tuple(receivers)).model_json_schema(schema_generator=_Generator)
    root.pop("required", None)
    root["properties"]["products"].pop("minItems", None)
    return {"$schema": _DIALECT, **_without_titles(root), "title": "ninewatch configuration"}


def _without_titles(node: Any) -> Any:
    """Remove the titles that pydantic derives from key names: editors would show title and key."""
    if isinstance(node, dict):
        return {
            key: {name: _without_titles(value) for name, value in inner.items()}
            if key == "properties"
            else _without_titles(inner)
            for key, inner in node.items()
            if key != "title"
        }
    return [_without_titles(item) for item in node] if isinstance(node, list) else node
