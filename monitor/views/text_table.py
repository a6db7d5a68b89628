"""Tables in plain text, for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def aligned_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield one line per row, with each column as wide as its longest text and two spaces between columns.

    >>> list(aligned_lines([("drop", "up"), ("keycloak", "failover")]))
    ['drop      up', 'keycloak  failover']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()
