"""Generate the JSON Schema of the configuration, which editors use to complete and explain keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from monitor.config.addresses import HostPort
from monitor.config.loader import portfolio_model
from monitor.config.outbound import Family
from sla.compose import Rule
from sla.objective import format_duration

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

    from monitor.config.alerting import ReceiverBase
    from monitor.config.model import CheckBase

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Shows defaults as a person would write them, and nothing of `null`, which the loader refuses."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the value's schema with its default, if that is a single value."""
        inner = self.generate_inner(schema["schema"])
        default = _written(schema.get("default"), inner)
        return inner if default is None else {**inner, "default": default}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value."""
        return self.generate_inner(schema["schema"])


def _written(default: Any, schema: JsonSchemaValue) -> Any:
    """Return a default as it would stand in YAML, None for one that is a block or a list."""
    if isinstance(default, int) and schema.get("type") == "string":
        return format_duration(default)
    if isinstance(default, HostPort | Rule | Path | Family):
        return str(default)
    return default if isinstance(default, str | int | bool) else None


def schema_file(kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> str:
    """Return the text of `config/schema.json`."""
    return json.dumps(schema(kinds, receivers), indent=2) + "\n"


def schema(kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> dict[str, Any]:
    """Return the schema of one file of a configuration whose checks are of the kinds.

    Nothing is required at the top: of a folder, each file holds a part. What a schema cannot say (ids used once, a
    timeout within its interval) is left to `ninewatch check-config`.
    """
    made = portfolio_model(tuple(kinds), tuple(receivers)).model_json_schema(schema_generator=_Generator)
    made.pop("required", None)
    made["properties"]["products"].pop("minItems", None)
    return {"$schema": _DIALECT, **_untitled(made), "title": "ninewatch configuration"}


def _untitled(node: Any) -> Any:
    """Remove the titles that pydantic derives from key names, because editors show both."""
    if isinstance(node, dict):
        return {
            key: {name: _untitled(value) for name, value in inner.items()} if key == "properties" else _untitled(inner)
            for key, inner in node.items()
            if key != "title"
        }
    return [_untitled(each) for each in node] if isinstance(node, list) else node
