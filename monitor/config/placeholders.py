"""Placeholders `{{name}}` in the requests of journeys and transactions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote

from pydantic import AfterValidator, WithJsonSchema

from monitor.config.json_path import JsonPath
from monitor.config.validation_context import Located

RUN_ID: Final = "run_id"  # placeholder of the run's id
_PLACEHOLDER: Final = re.compile(r"\{\{([^{}]*)\}\}")
Value = Callable[[str], str]


def names_in(value: Any) -> set[str]:
    """Return the names of the placeholders `{{name}}` in texts, lists and mappings."""
    if isinstance(value, str):
        return {name.strip() for name in _PLACEHOLDER.findall(value)}
    if isinstance(value, Mapping):
        return {name for key, item in value.items() for name in names_in(key) | names_in(item)}
    if isinstance(value, list | tuple):
        return {name for item in value for name in names_in(item)}
    return set()


def fill(template: Any, value: Value) -> Any:
    """Return texts, lists and mappings with each placeholder `{{name}}` replaced by `value(name)`."""
    if isinstance(template, str):
        return fill_text(template, value)
    if isinstance(template, Mapping):
        return {fill(key, value): fill(item, value) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [fill(item, value) for item in template]
    return template


def fill_text(template: str, value: Value) -> str:
    """Return the text with each placeholder `{{name}}` replaced by `value(name)`."""
    if "{{" not in template:
        return template
    text = _PLACEHOLDER.sub(lambda match: value(match[1].strip()), template)
    return Located.at(text, template.directory) if isinstance(template, Located) else text


def fill_url(template: str, value: Value) -> str:
    """Return a URL with its placeholders replaced: one at the start by a URL, others by percent-encoded values."""
    start = _PLACEHOLDER.match(template)
    end = 0 if start is None else start.end()
    return fill_text(template[:end], value) + fill_text(template[end:], lambda name: quote(value(name), safe=""))


def has_literal_origin(url: str) -> bool:
    """Return whether scheme, host and port of a URL contain no placeholder."""
    match = re.match(r"https?://[^/?#]*", url)
    return match is not None and not names_in(match[0])


def _path_template(value: str) -> str:
    JsonPath(fill_text(value, lambda _: "x"))
    return value


PathTemplate = Annotated[str, AfterValidator(_path_template), WithJsonSchema({"type": "string"})]
"""A JSON path with placeholders."""
