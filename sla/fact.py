"""A fact: something stated about the record by a person or by the configuration, appended once and never changed.

The kind says what the body holds: `sla/correction.py`, `sla/definition.py` and `sla/maintenance.py` read theirs. A kind
that this version does not know is kept as it is, so that a record or a journal of a newer version loses nothing.
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
ANCHOR: Final = "anchor"  # a head of the chain was anchored; the author is the id of the anchor
WITNESSED: Final = "witnessed"  # a head of another record was seen; the author is the id of its source


@dataclass(frozen=True, slots=True)
class Fact:
    """Who stated what about which product, and when.

    `made` is microseconds since the epoch, `product` is empty for a fact that names no product, `body` is canonical
    JSON. `id` follows from the rest, so that the same fact has the same id everywhere and copies can be merged.
    """

    id: str
    made: int
    author: str
    kind: str
    product: str
    body: str

    @classmethod
    def of(cls, made: int, author: str, kind: str, product: str, body: Any) -> Fact:
        """Return the fact with the id that follows from its content.

        Raises:
            ValueError: the body cannot be written as JSON in UTF-8.
        """
        text = canonical(body)
        return cls(content_id(kind, product, made, author, text), made, author, kind, product, text)

    def content(self) -> Any:
        """Return the body as plain data."""
        return json.loads(self.body)


def canonical(body: Any) -> str:
    """Return the JSON text of the data: keys sorted, no spaces, the same for the same data everywhere.

    Raises:
        ValueError: it holds NaN, an infinity or half a surrogate pair.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    text.encode()
    return text


def content_id(*parts: str | int) -> str:
    """Return twelve hexadecimal digits of the SHA-256 of the parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def merged(*sources: Iterable[Fact]) -> list[Fact]:
    """Return the facts of all sources by when they were made, each id once; an earlier source takes precedence."""
    found: dict[str, Fact] = {}
    for source in sources:
        for fact in source:
            found.setdefault(fact.id, fact)
    return sorted(found.values(), key=lambda fact: (fact.made, fact.id))
