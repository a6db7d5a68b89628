"""A file that is one block: a checklist, a policy of stages, a list of maintenance."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from monitor.config.base import Model
from monitor.config.messages import Translator
from monitor.config.source import UnreadableError, read

M = TypeVar("M", bound=Model)


def read_block(path: Path, model: type[M]) -> M:
    """Return the block that the file holds.

    Raises:
        ValueError: it cannot be used; the message is the first mistake in it, with its place.
    """
    try:
        root, problems = read(path, str(path))
        if not problems:
            return model.model_validate(root.plain())
    except UnreadableError as error:
        problems = [error.problem]
    except ValidationError as error:
        problems = list(Translator(root, model, ()).problems(error))
    raise ValueError(str(problems[0]))
