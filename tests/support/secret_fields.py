"""Find the configuration keys that may contain secrets, from the models, so that tests cover all of them."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from monitor.config.secret import Secret


def secret_fields(model: type[BaseModel]) -> set[str]:
    """Return the keys of a model and its nested models that may contain a secret: `basic.password`."""
    return {".".join(path) for path in _within(model, (), frozenset())}


def _within(kind: Any, path: tuple[str, ...], above: frozenset[Any]) -> Iterator[tuple[str, ...]]:
    if kind is Secret:
        yield path
    elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in above:
        for name, field in kind.model_fields.items():
            yield from _within(field.annotation, (*path, field.alias or name), above | {kind})
    else:
        for part in typing.get_args(kind):
            yield from _within(part, path, above)
