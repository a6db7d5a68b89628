"""Secrets: references in the configuration. Values are read on loading, and only `reveal()` returns them."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic_core import core_schema

from monitor.config.file_access import open_regular
from monitor.config.validation_context import Context, resolve
from monitor.log import conceal

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
    from pydantic.json_schema import JsonSchemaValue

_MAX_BYTES = 64 * 1024
_ALLOWED_FORMS = "{env: NAME} or {file: PATH}"
SECRET_SCHEMA: JsonSchemaValue = {
    "title": "Secret",
    "description": "a reference to the environment variable or the file with the secret; never the secret itself",
    "oneOf": [
        {"type": "object", "properties": {form: {"type": "string"}}, "required": [form], "additionalProperties": False}
        for form in ("env", "file")
    ],
}


class Secret:
    """A value that is hidden in repr, str, format, JSON, model dumps, locals of tracebacks, and cannot be pickled.

    The value is also concealed in every log line (`monitor.log.conceal`). Secrets with the same value are equal, so
    that a reload detects a rotated secret.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str = "given") -> None:
        """Store the value. `source` is its origin for display ("env NAME")."""
        self._value = value
        self.source = source
        conceal(value)

    def reveal(self) -> str:
        """Return the value. Call this only where the value is sent; keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.source})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            read_secret,
            serialization=core_schema.plain_serializer_function_ser_schema(Secret.placeholder),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return SECRET_SCHEMA

    def placeholder(self) -> str:
        """Return the text that replaces the value in a dump of a model."""
        return repr(self)


def read_secret(value: Any, info: ValidationInfo) -> Secret:
    """Return the secret of a reference `{env: NAME}` or `{file: PATH}`. Error messages never quote the input."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        form, name = next(iter(value.items()))
        if form == "env" and isinstance(name, str) and name:
            return Secret(_from_environment(name), f"env {name}")
        if form == "file" and isinstance(name, str) and name:
            return Secret(_from_file(resolve(name), info), f"file {name}")
    raise ValueError(f"a secret must not be written into the configuration; use a reference to it: {_ALLOWED_FORMS}")


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        raise ValueError(f"the environment variable {name} is {state}; set it, or use {{file: PATH}}")
    return value


def _from_file(path: Path, info: ValidationInfo) -> str:
    """Return the file's text without its final line break."""
    if isinstance(info.context, Context):
        info.context.reads(path)
    try:
        with open_regular(path) as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {_reason(error)}; check the path and the file's permissions") from None
    return _decode(raw, path)


def _decode(raw: bytes, path: Path) -> str:
    if len(raw) > _MAX_BYTES:
        raise ValueError(f"{path} is larger than 64 KiB; use a file with the secret only")
    try:
        value = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    if not value:
        raise ValueError(f"{path} is empty; put the secret into it")
    return value


def _reason(error: OSError) -> str:
    return (error.strerror or "unreadable").lower()


def plain(value: str | Secret) -> str:
    """Return a text, or the value of a secret."""
    return value if isinstance(value, str) else value.reveal()


def reveal_all(values: Mapping[str, str | Secret]) -> dict[str, str]:
    """Return the mapping with secrets replaced by their values."""
    return {name: plain(value) for name, value in values.items()}
