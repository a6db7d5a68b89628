"""Read files that contain one block: a checklist, hosting tiers, maintenance, modules of /probe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from monitor.config.base import Model
from monitor.config.errors import ConfigError
from monitor.config.validation_messages import Translator
from monitor.config.yaml_nodes import plain_with_text
from monitor.config.yaml_reader import UnreadableError, read

if TYPE_CHECKING:
    from monitor.config.validation_context import Context

M = TypeVar("M", bound=Model)


def load_block(path: Path, model: type[M], context: Context | None = None) -> M:
    """Return the block in the file. `context` collects the files that were read.

    Raises:
        ConfigError: the file is invalid. The error contains all problems, each with its position.
    """
    try:
        root, problems = read(path, str(path), aliases=model.go_yaml)
        if not problems:
            return model.model_validate(plain_with_text(root) if model.go_yaml else root.plain(), context=context)
    except UnreadableError as error:
        problems = [error.problem]
    except ValidationError as error:
        problems = list(Translator(root, model, ()).problems(error))
    raise ConfigError(problems)


def read_block(path: Path, model: type[M]) -> M:
    """Return the block in the file.

    Raises:
        ValueError: the file is invalid. The message is the first problem, with its position.
    """
    try:
        return load_block(path, model)
    except ConfigError as error:
        raise ValueError(str(error.problems[0])) from None
