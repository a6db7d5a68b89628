"""Base class of every block of the configuration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A block of the configuration: frozen, unknown keys refused, inputs (maybe secret) kept out of errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    go_yaml: ClassVar[bool] = False
    """Whether a file of it is read as Go's YAML parser reads it: with aliases, and with text that needs no quotes."""
