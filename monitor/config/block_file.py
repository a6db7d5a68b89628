"""Files with one block: a checklist, hosting tiers, maintenance, modules of /probe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from monitor.config.base import Model
from monitor.config.errors import ConfigError
from monitor.config.validation_messages import Translator
from monitor.config.yaml_nodes import as_written
from monitor.config.yaml_reader import UnreadableError, read

if TYPE_CHECKING:
    from monitor.config.validation_context import Context

M = TypeVar("M", bound=Model)


def load_block(path: Path, model: type[M], context: Context | None = None) -> M:
    """Return the block that the file holds; `context` notes which files were read for it.

    Raises:
        ConfigError: it cannot be used; holds every mistake, each with its place.
    """
    try:
        root, problems = read(path, str(path), aliases=model.go_yaml)
        if not problems:
            return model.model_validate(as_written(root) if model.go_yaml else root.plain(), context=context)
    except UnreadableError as error:
        problems = [error.problem]
    except ValidationError as error:
        problems = list(Translator(root, model, ()).problems(error))
    raise ConfigError(problems)


def read_block(path: Path, model: type[M]) -> M:
    """Return the block that the file holds.

    Raises:
        ValueError: it cannot be used; the message is the first mistake in it, with its place.
    """
    try:
        return load_block(path, model)
    except ConfigError as error:
        raise ValueError(str(error.problems[0])) from None
