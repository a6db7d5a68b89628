"""Base class of all blocks of the configuration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A block of the configuration: frozen, without unknown keys, and without (possibly secret) inputs in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    go_yaml: ClassVar[bool] = False
    """Whether a file with this block is parsed as by Go's YAML parser: with aliases, and with unquoted text."""
