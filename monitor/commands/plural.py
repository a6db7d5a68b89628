"""Format numbers with their nouns: `1 check`, `2 checks`."""

from __future__ import annotations


def plural(count: int, word: str) -> str:
    """Return "1 check", "2 checks"."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
