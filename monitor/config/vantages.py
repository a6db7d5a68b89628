"""Keys of `vantages`: other ninewatch daemons that probe the same checks, and how many of them decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from monitor.config.base import Model
from monitor.config.values import AS_TEXT, Id, problem_at
from sla.votes import Quorum

if TYPE_CHECKING:
    from collections.abc import Sequence


def _quorum(value: Any) -> Quorum:
    if isinstance(value, Quorum):
        return value
    if not isinstance(value, str):
        raise ValueError("not a quorum; specify the votes and the number of vantages, such as 2 of 3")
    return Quorum.parse(value)


def _file(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("not a path; specify the file of the vantage's observations, such as var/east.jsonl")
    return Path(value)


QuorumField = Annotated[
    Quorum,
    PlainValidator(_quorum),
    AS_TEXT,
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]* of [1-9][0-9]*$", "examples": ["2 of 3"]}),
]
ObservationFile = Annotated[Path, PlainValidator(_file), WithJsonSchema({"type": "string"})]


class Vantage(Model):
    """Another ninewatch that probes the same checks, for example in another network."""

    id: Id
    """Identifies the vantage in the record, on pages and in the API. `local` is this daemon."""

    observations: ObservationFile | None = None
    """File with the vantage's observations, as `ninewatch export observations --format jsonl` writes them. This daemon
    reads the lines that are appended. A relative path is relative to the daemon's working directory. Default: the
    vantage sends them to the `intake` of this centre."""


def quorum_of(vantages: Sequence[Vantage], quorum: Quorum | None) -> Quorum:
    """Return the configured quorum of this vantage and the others. Default: more than half of them.

    Raises:
        PydanticCustomError: the quorum does not fit the number of vantages.
    """
    number = len(vantages) + 1
    if quorum is None:
        return Quorum.majority(number)
    if not vantages:
        raise problem_at("quorum", "needs other `vantages`; add them, or remove it")
    if quorum.vantages != number:
        raise problem_at(
            "quorum", f"is {quorum}, but there are {number} vantages with this daemon; use {quorum.votes} of {number}"
        )
    return quorum
