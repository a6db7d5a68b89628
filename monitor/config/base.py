"""Base class of all blocks of the configuration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A block of the configuration: frozen, no unknown keys, and no input values, which may be secret, in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    go_yaml: ClassVar[bool] = False
    """Whether files with this block allow aliases and unquoted text, like Go's YAML parser."""
