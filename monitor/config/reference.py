"""The tables of CONFIGURATION.md, made from the types, so that they cannot lag behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from monitor.config.schema import schema

if TYPE_CHECKING:
    from monitor.config.model import CheckBase

_BEGIN = "<!-- begin: made by `make generate` from the types; edit their docstrings -->"
_END = "<!-- end -->"
_SHARED = ("id", "interval", "timeout", "hold", "fall", "rise")  # of every kind of check: told once


def referenced(text: str, kinds: Sequence[type[CheckBase]]) -> str:
    """Return the text of CONFIGURATION.md with its generated part made anew.

    Raises:
        ValueError: the marks around that part are gone.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"CONFIGURATION.md needs the lines {_BEGIN} and {_END}")
    return f"{before}{_BEGIN}\n\n{''.join(_tables(kinds))}{_END}{after}"


def _tables(kinds: Sequence[type[CheckBase]]) -> Iterator[str]:
    made = schema(kinds)
    blocks = made["$defs"]
    yield _table("Top level", made)
    yield _table("`products`, each", blocks["Product"])
    first = blocks[kinds[0].__name__]
    yield _table("`checks`, each", {**first, "properties": {key: first["properties"][key] for key in _SHARED}})
    names = [kind.__name__ for kind in kinds]
    for kind in kinds:
        block = blocks[kind.__name__]
        own = {key: value for key, value in block["properties"].items() if key not in _SHARED}
        yield _table(f"`{kind.kind}` checks", {**block, "properties": own})
    for name in sorted(set(blocks) - {*names, "Product"}):
        yield _table(f"Block `{_where(name, made)}`", blocks[name])


def _where(name: str, made: Any) -> str:
    """Return the keys under which a block stands, e.g. `expect`."""
    keys = {
        key
        for block in (made, *made["$defs"].values())
        for key, value in block.get("properties", {}).items()
        if f"#/$defs/{name}" in str(value)
    }
    return ", ".join(sorted(keys))


def _table(title: str, block: Any) -> str:
    text = f"### {title}\n\n"
    if "description" in block:
        text += f"{block['description']}\n\n"
    text += "| key | default | meaning |\n|---|---|---|\n"
    required = block.get("required", [])
    return text + "".join(_row(key, value, key in required) for key, value in block["properties"].items()) + "\n"


def _row(key: str, value: Any, required: bool) -> str:
    default = "*required*" if required else f"`{_yaml(value['default'])}`" if "default" in value else ""
    meaning = value.get("description", "").replace("|", "\\|").replace("\n", " ")
    return f"| `{key}` | {default} | {meaning} |\n"


def _yaml(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)
