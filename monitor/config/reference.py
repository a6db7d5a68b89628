"""Generate the tables of CONFIGURATION.md from the types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from monitor.config.references import REFERENCE_KINDS
from monitor.config.schema import schema

if TYPE_CHECKING:
    from monitor.config.alerting import ReceiverBase
    from monitor.config.model import CheckBase

_BEGIN = "<!-- begin: made by `make generate` from the types; edit their docstrings -->"
_END = "<!-- end -->"
_SHARED = (
    "id",
    "was",
    "enabled",
    "interval",
    "timeout",
    "hold",
    "slow_after",
    "objectives",
    "fall",
    "rise",
)  # keys of all kinds, documented once
_SHARED_OF_REFERENCES = ("id", "interval", "timeout", "near", "via")
_SHARED_OF_RECEIVERS = ("id", "depends_on", "timeout")
_REFERENCE = "Reference"  # suffix of the classes of references
_KEYS_LISTED_LAST = ("family", "encrypted", "tls")  # keys of many kinds, listed after the kind's own keys
_MAX_KINDS = 3  # kinds of checks or receivers in a title


def with_reference(text: str, kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]] = ()) -> str:
    """Return the text of CONFIGURATION.md with a new generated part.

    Raises:
        ValueError: the lines around the generated part are missing.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"CONFIGURATION.md needs the lines {_BEGIN} and {_END}")
    return f"{before}{_BEGIN}\n\n{''.join(_tables(kinds, receivers))}{_END}{after}"


def _tables(kinds: Sequence[type[CheckBase]], receivers: Sequence[type[ReceiverBase]]) -> Iterator[str]:
    root = schema(kinds, receivers)
    blocks = {
        name: block
        for name, definition in root["$defs"].items()
        if (block := _with_properties(definition))["properties"]
    }
    names = [kind.__name__ for kind in kinds]
    of_all = {key: value for key, value in blocks[names[0]]["properties"].items() if key in _SHARED}
    tables = {
        "Top level": root,
        "`products`, each": blocks["Product"],
        "`checks`, each": {**blocks[names[0]], "properties": of_all, "description": "Keys of all kinds of checks."},
    }
    references = [name for name in blocks if name.endswith(_REFERENCE)]
    if references:
        tables["`references`, each"] = _of_references(blocks[references[0]])
    if receivers:
        block = blocks[receivers[0].__name__]
        of_all = {key: value for key, value in block["properties"].items() if key in _SHARED_OF_RECEIVERS}
        tables["`receivers`, each"] = {
            "properties": of_all,
            "required": ["id"],
            "description": "Keys of all kinds of receivers.",
        }
    for receiver in receivers:
        block = blocks[receiver.__name__]
        own_keys = {key: value for key, value in block["properties"].items() if key not in _SHARED_OF_RECEIVERS}
        tables[f"`{receiver.kind}` receivers"] = {**block, "properties": own_keys}
    names += [receiver.__name__ for receiver in receivers]
    for kind in kinds:
        block = blocks[kind.__name__]
        keys = sorted(block["properties"].keys() - {*_SHARED}, key=partial(_sort_key, kind, list(block["properties"])))
        own_keys = {key: block["properties"][key] for key in keys}
        tables[f"`{kind.kind}` checks"] = {**block, "properties": own_keys}
    others = set(blocks) - {*names, *references, "Product"}
    tables |= {title: blocks[name] for title, name in sorted(_titles(others, root).items())}
    for title, block in tables.items():
        yield _table(title, block, blocks)


def _of_references(block: Any) -> Any:
    """Return a block with the keys that all references have in addition to those of checks of their kind."""
    return {
        "properties": {key: block["properties"][key] for key in _SHARED_OF_REFERENCES},
        "required": ["id"],
        "description": f"A check of the kinds {', '.join(REFERENCE_KINDS)}, with its keys, and with these.",
    }


def _sort_key(kind: type[CheckBase], keys: list[str], key: str) -> tuple[bool, bool, int]:
    """Return the sort key of a key: the kind's own keys first, then the others in the order of the types."""
    return key != kind.kind, key in _KEYS_LISTED_LAST, keys.index(key)


def _with_properties(block: Any) -> Any:
    """Return the variant of a block that has keys (`tls` may also be a text); an enumeration has none."""
    return next(
        (candidate for candidate in (block, *block.get("anyOf", ())) if "properties" in candidate), {"properties": {}}
    )


def _titles(names: Collection[str], root: Any) -> dict[str, str]:
    """Return the names of blocks by the titles of their tables.

    If several blocks have the same parent key, the title also contains the key of the grandparent.
    """
    titles = {name: _parent_keys(name, root) for name in names}
    counts = Counter(titles.values())
    return {
        title if counts[title] == 1 else f"{title} of {_grandparent_keys(name, root)}": name
        for name, title in titles.items()
    }


def _grandparent_keys(name: str, root: Any) -> str:
    return _parent_keys(_owners(name, root)[0][1], root) or "the configuration"


def _parent_keys(name: str, root: Any) -> str:
    """Return the keys that contain a block, each with the kind of check or receiver if it depends on the kind.

    For a key of many kinds, the kinds are not listed: `tls` of checks.
    """
    kinds_by_key: dict[str, dict[str, None]] = {}
    for key, owner in _owners(name, root):
        kinds_by_key.setdefault(key, {})[_owner_text(owner)] = None
    return ", ".join(f"`{key}`{kind}" for key, kinds in kinds_by_key.items() for kind in _shortened(kinds))


def _shortened(kinds: Collection[str]) -> Iterable[str]:
    """Return the kinds; for many kinds, only `checks` or `receivers`."""
    if len(kinds) <= _MAX_KINDS:
        return kinds
    return dict.fromkeys(f" of {kind.rpartition(' ')[2]}" if kind else "" for kind in sorted(kinds))


def _owners(name: str, root: Any) -> list[tuple[str, str]]:
    """Return each key that contains a block, and the name of the block with this key."""
    return [
        (key, owner)
        for owner, block in {"": root, **root["$defs"]}.items()
        if not owner.endswith(_REFERENCE)  # its blocks are those of the check of the same kind
        for key, value in _with_properties(block)["properties"].items()
        if f"#/$defs/{name}'" in str(value)
    ]


def _owner_text(owner: str) -> str:
    for suffix, plural in (("Check", "checks"), ("Receiver", "receivers")):
        if owner.endswith(suffix):
            return f" of `{owner.removesuffix(suffix).lower()}` {plural}"
    return ""


def _table(title: str, block: Any, blocks: Any) -> str:
    rows = [_row(key, value, key in block.get("required", []), blocks) for key, value in block["properties"].items()]
    about = f"{block['description']}\n\n" if "description" in block else ""
    return f"### {title}\n\n{about}| key | default | meaning |\n|---|---|---|\n{''.join(rows)}\n"


def _row(key: str, value: Any, required: bool, blocks: Any) -> str:
    default = "*required*" if required else f"`{_yaml(value['default'])}`" if value.get("default", "") != "" else ""
    referred = blocks.get(value.get("$ref", "").rpartition("/")[2], {})
    meaning = value.get("description") or referred.get("description", "")
    return f"| `{key}` | {default} | {' '.join(meaning.split()).replace('|', '&#124;')} |\n"


def _yaml(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)
