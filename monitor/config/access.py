"""Access to pages, API and metrics over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import GetJsonSchemaHandler, model_validator

from monitor.config.base import Model

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_PUBLIC: Final = "public"


class AccessBlock(Model):
    """Access over HTTP: `access: public`, or the clients that may read. Changes always need an API token or a role."""

    read: Literal["anyone", "token"] | None = None
    """Clients that may read pages, figures and metrics: `anyone`, as with `access: public`, or those with a `token` of
    the scope `read`. Default: with `login`, people with a role and tokens of the scope `read`; without it, everyone, if
    `listen` is a loopback address.
    """

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if value == _PUBLIC:
            return {"read": "anyone"}
        if isinstance(value, str):
            raise ValueError('not a kind of access; use "public", or {read: token}')
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        block = handler.resolve_ref_schema(handler(schema))
        return {"description": block.pop("description", ""), "anyOf": [block, {"const": _PUBLIC}]}


CLOSED: Final = (
    "is not a loopback address, and nothing specifies who may read the pages; add `login:` for a sign-in, "
    "`access: {read: token}` for API tokens only, or `access: public` for everyone who can connect"
)
