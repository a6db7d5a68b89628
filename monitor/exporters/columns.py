"""The samples of many checks or products as blocks of a page, family by family.

The formats require all samples of a family together. Samples are joined in chunks of rows. Chunks without a changed row
are reused as blocks of the next page, because joining them would take most of the time of a scrape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from monitor.exporters.exposition import Dialect, without_exemplars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from monitor.exporters.exposition import Family

CHUNK: Final = 32  # rows per chunk, which is joined again if one of them changed


class Texts(list[str]):
    """The samples of one row, one text per family. `version` increases with every assignment."""

    __slots__ = ("version",)

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__(texts)
        self.version = 0

    def __setitem__(self, index: Any, text: Any) -> None:
        self.version += 1
        list.__setitem__(self, index, text)  # faster than `super()`


class Row(Protocol):
    """A check or a product. `version` changes whenever `texts` change."""

    @property
    def texts(self) -> Sequence[str]:
        """The samples, one text per family; empty without a sample."""

    @property
    def version(self) -> int:
        """A number that changes whenever `texts` change."""


R = TypeVar("R", bound=Row)


class Chunk(Generic[R]):
    """The joined samples of some rows by family."""

    __slots__ = ("_versions", "columns", "rows")

    def __init__(self, rows: Sequence[R]) -> None:
        self.rows = rows
        self._versions: list[int] | None = None
        self.columns: tuple[bytes, ...] = ()

    def update(self) -> None:
        """Join the samples again if a row changed."""
        versions = [row.version for row in self.rows]
        if versions != self._versions:
            self.columns = self._joined()
            self._versions = versions

    def _joined(self) -> tuple[bytes, ...]:
        return tuple(["".join(column).encode() for column in zip(*[row.texts for row in self.rows], strict=True)])


class Columns(Generic[R]):
    """The samples of rows, in the order of the families.

    A caller that updates the rows of one of the `chunks` can join them immediately, while they are in the CPU cache.
    """

    def __init__(
        self, families: Sequence[Family], rows: Sequence[R], chunk_type: Callable[[Sequence[R]], Chunk[R]] = Chunk
    ) -> None:
        self._families = families
        self.chunks = [chunk_type(rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK)]

    def update(self) -> Iterator[None]:
        """Join the chunks with a changed row again. Yields after each chunk, so that the caller can pause."""
        for chunk in self.chunks:
            chunk.update()
            yield

    def render(self, dialect: Dialect) -> Iterator[bytes]:
        """Yield each family with all samples, after `update`. Families without samples are omitted."""
        for index, family in enumerate(self._families):
            if blocks := [block for chunk in self.chunks if (block := chunk.columns[index])]:
                yield family.head(dialect).encode()
                remove_exemplars = family.exemplars and dialect is Dialect.TEXT
                yield from map(_without_exemplars, blocks) if remove_exemplars else blocks


def _without_exemplars(block: bytes) -> bytes:
    return without_exemplars(block.decode()).encode()
