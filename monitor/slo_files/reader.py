"""Parse OpenSLO files by the kinds of their documents, and report errors with their positions."""

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
class ParsedObject:
    """The object of one document, and its YAML nodes."""

    root: Node
    object: Document

    def problem(self, loc: Loc, message: str) -> Problem:
        """Return an error or a note about the value at `loc`, with its position in the file."""
        return Problem(locate(self.root, loc)[0], key_path(self.root, loc), message)


def read_objects(path: Path) -> list[ParsedObject]:
    """Parse a file, and return its objects in their order.

    Raises:
        ConfigError: the file is invalid; the exception contains all errors with their positions.
    """
    try:
        roots, problems = read_documents(path, str(path))
    except UnreadableError as error:
        raise ConfigError([error.problem]) from None
    objects: list[ParsedObject] = []
    for root in roots if not problems else ():
        problems += _parse_document(root, objects)
    if problems:
        raise ConfigError(problems)
    return objects


def _parse_document(root: Node, objects: list[ParsedObject]) -> Iterator[Problem]:
    """Parse a document and append its object to `objects`, or yield the errors."""
    kind = plain_with_text(root).get("kind") if isinstance(root, Entries) else None
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        yield _invalid_kind(root, kind)
        return
    try:
        objects.append(ParsedObject(root, model.model_validate(plain_with_text(root))))
    except ValidationError as error:
        yield from Translator(root, model, ()).problems(error)


def _invalid_kind(root: Node, kind: object) -> Problem:
    mark = locate(root, ("kind",))[0]
    if not isinstance(root, Entries):
        return Problem(
            mark, "", f"is not an OpenSLO object; use a mapping with apiVersion: {API_VERSION} and kind: SLO"
        )
    allowed = ", ".join(sorted(KINDS))
    if kind is None:
        return Problem(mark, "kind", f"is missing; use one of {allowed}")
    return Problem(mark, "kind", f"{quoted(str(kind))} is not a kind of {API_VERSION}; use one of {allowed}")
