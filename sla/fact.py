"""Facts: statements of a person or of the configuration, which are appended to the record and never changed.

The kind defines the content of the body, for example `sla/correction.py`, `sla/definition.py`, `sla/maintenance.py`.
Facts of unknown kinds are stored unchanged, so that no data of a newer version is lost.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

CORRECTION: Final = "correction"
REVOCATION: Final = "revocation"
DEFINITION: Final = "definition"
MAINTENANCE: Final = "maintenance"
RENAMING: Final = "renaming"
ANCHOR: Final = "anchor"  # a head was anchored; the author is the anchor's id
IMPORT: Final = "import"  # history of another monitor was imported; the body has source and time range
WITNESSED: Final = "witnessed"  # a head of another record was received; the author is the source's id


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement about a product, with its time and author.

    `made` is in microseconds since the epoch. `product` is empty for a fact without a product. `body` is canonical
    JSON. `id` is computed from the other fields, so that copies of a fact have the same id and can be merged.
    """

    id: str
    made: int
    author: str
    kind: str
    product: str
    body: str

    @classmethod
    def of(cls, made: int, author: str, kind: str, product: str, body: Any) -> Fact:
        """Return the fact with the id of its content.

        Raises:
            ValueError: the body cannot be written as JSON in UTF-8.
        """
        text = canonical(body)
        return cls(content_id(kind, product, made, author, text), made, author, kind, product, text)

    def content(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


def canonical(body: Any) -> str:
    """Return the canonical JSON of the data: sorted keys, no spaces, so that equal data has equal text.

    Raises:
        ValueError: the data contains NaN, an infinity or half a surrogate pair.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    text.encode()
    return text


def content_id(*parts: str | int) -> str:
    """Return the first twelve hexadecimal digits of the SHA-256 of the parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def merged(*sources: Iterable[Fact]) -> list[Fact]:
    """Return the facts of all sources in chronological order, each id once. Earlier sources have priority."""
    facts_by_id: dict[str, Fact] = {}
    for source in sources:
        for fact in source:
            facts_by_id.setdefault(fact.id, fact)
    return sorted(facts_by_id.values(), key=lambda fact: (fact.made, fact.id))
