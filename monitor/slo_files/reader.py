"""Read OpenSLO files: each document by its kind, with every mistake at its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from monitor.config.errors import ConfigError, Problem, quoted
from monitor.config.validation_messages import Translator
from monitor.config.yaml_nodes import Entries, key_path, locate, plain_with_text
from monitor.config.yaml_reader import UnreadableError, read_documents
from monitor.slo_files.model import API_VERSION, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from monitor.config.errors import Loc
    from monitor.config.yaml_nodes import Node
    from monitor.slo_files.model import Document


@dataclass(frozen=True, slots=True)
class Read:
    """One document of a file, and the nodes that it was read from."""

    root: Node
    object: Document

    def problem(self, loc: Loc, message: str) -> Problem:
        """Return an error or a note at the place."""
        return Problem(locate(self.root, loc)[0], key_path(self.root, loc), message)


def read_objects(path: Path) -> list[Read]:
    """Return the objects of the file, in its order.

    Raises:
        ConfigError: it cannot be used; holds every mistake, each with its place.
    """
    try:
        roots, problems = read_documents(path, str(path))
    except UnreadableError as error:
        raise ConfigError([error.problem]) from None
    found: list[Read] = []
    for root in roots if not problems else ():
        problems += _object(root, found)
    if problems:
        raise ConfigError(problems)
    return found


def _object(root: Node, found: list[Read]) -> Iterator[Problem]:
    """Add the object of a document, or yield what is wrong with it."""
    kind = plain_with_text(root).get("kind") if isinstance(root, Entries) else None
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        yield _unknown(root, kind)
        return
    try:
        found.append(Read(root, model.model_validate(plain_with_text(root))))
    except ValidationError as error:
        yield from Translator(root, model, ()).problems(error)


def _unknown(root: Node, kind: object) -> Problem:
    mark = locate(root, ("kind",))[0]
    if not isinstance(root, Entries):
        return Problem(mark, "", f"is no OpenSLO object; write a mapping with apiVersion: {API_VERSION} and kind: SLO")
    allowed = ", ".join(sorted(KINDS))
    if kind is None:
        return Problem(mark, "kind", f"is missing; write one of {allowed}")
    return Problem(mark, "kind", f"{quoted(str(kind))} is not a kind of {API_VERSION}; write one of {allowed}")
