"""Audit published claims: downtimes stated for an availability, and arithmetic over availabilities.

Readers (`text_reader`, `html_reader`) and finders (`durations`, `availabilities`, `periods`, `prose_statements`,
`table_statements`) extract statements; `verdicts` and `arithmetic` check them with exact fractions. A claim is `wrong`
only if no convention and no rounding explains it. The other modules of `sla` do not import this package; it follows
the same rules (no I/O, no clock, every branch tested).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sla.claims import arithmetic, prose_statements, restatements, table_statements, weighted_tables
from sla.claims.column_check import CheckedStatement, check_columns
from sla.claims.html_reader import looks_like_html, read_html
from sla.claims.model import Claim, ClaimVerdict, LinkStrength, SkippedFigure, Statement
from sla.claims.number_format import has_decimal_commas, mark_groups, restore_groups
from sla.claims.page import Part, Passage
from sla.claims.row_groups import infer_periods
from sla.claims.text_reader import looks_like_csv, read_csv, read_text
from sla.claims.verdicts import check_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Audit", "Claim", "ClaimVerdict", "PageFormat", "SkippedFigure", "audit"]

PageFormat = Literal["text", "html", "csv"]


@dataclass(frozen=True, slots=True)
class Audit:
    """All claims of a page in order, and the figures that were skipped because their meaning is uncertain."""

    claims: tuple[Claim, ...]
    skipped: tuple[SkippedFigure, ...] = ()

    @property
    def wrong(self) -> int:
        """The number of claims that are certainly wrong."""
        return sum(claim.verdict is ClaimVerdict.WRONG for claim in self.claims)

    def as_json(self, *, strict: bool = False) -> dict[str, object]:
        """Return `{"claims": [...], "wrong": N}` as in `audit --json`. `strict` adds skipped figures as `passed`."""
        result: dict[str, object] = {"claims": [claim.as_json() for claim in self.claims], "wrong": self.wrong}
        return result | {"passed": [figure.as_json() for figure in self.skipped]} if strict else result


def audit(text: str, page_format: PageFormat | None = None) -> Audit:
    """Return a page's claims about availability with their verdicts. Without `page_format` the format is detected.

    The format `text` includes Markdown and wiki markup.

    >>> [claim.diagnosis for claim in audit("99.95% uptime, which is less than 4.38 minutes a year").claims]
    ['hours labelled minutes']
    """
    commas = has_decimal_commas(text)
    parts = [
        part.map_text(lambda cell_text: mark_groups(cell_text, commas=commas)) for part in _parts(text, page_format)
    ]
    figures = list(_statements(parts))
    statements = infer_periods(figure for figure in figures if isinstance(figure, Statement))
    checked = check_columns(CheckedStatement(statement, check_statement(statement)) for statement in statements)
    stated_claims = [claim for statement, claim in checked if _is_claim(statement, claim)]
    claims = [*(_with_restatement(claim, parts) for claim in stated_claims), *_arithmetic(parts)]
    skipped = [
        replace(figure, text=restore_groups(figure.text)) for figure in figures if isinstance(figure, SkippedFigure)
    ]
    return Audit(
        tuple(
            replace(claim, text=restore_groups(claim.text)) for claim in sorted(claims, key=lambda claim: claim.line)
        ),
        tuple(sorted(dict.fromkeys(skipped), key=lambda figure: figure.line)),
    )


def _parts(text: str, page_format: PageFormat | None) -> list[Part]:
    if page_format == "html" or (page_format is None and looks_like_html(text)):
        return read_html(text)
    if page_format == "csv" or (page_format is None and looks_like_csv(text)):
        return read_csv(text)
    return read_text(text)


def _statements(parts: Sequence[Part]) -> Iterable[Statement | SkippedFigure]:
    passages: list[Passage] = []
    for number, part in enumerate(parts, 1):
        if isinstance(part, Passage):
            passages.append(part)
            continue
        yield from prose_statements.statements(passages, number)
        yield from table_statements.statements(part, _text_above(passages), number)
        for cell in (cell for row in part.rows for cell in row):
            yield from prose_statements.statements([Passage.from_lines([(cell.line, cell.text)])], number)
        passages = []
    yield from prose_statements.statements(passages, len(parts) + 1)


def _is_claim(statement: Statement, claim: Claim) -> bool:
    """Return whether to report a statement as a claim: adjacent figures only if their verdict is clear."""
    return statement.strength is not LinkStrength.ADJACENT or claim.verdict is not ClaimVerdict.UNCLEAR


def _text_above(passages: Sequence[Passage]) -> str:
    """Return the text above a table: the last heading and the last passage."""
    headings = [passage.text for passage in passages if passage.heading][-1:]
    return " ".join([*headings, *(passage.text for passage in passages[-1:])])


def _arithmetic(parts: Sequence[Part]) -> Iterator[Claim]:
    text_above = ""
    for part in parts:
        if isinstance(part, Passage):
            yield from restatements.check(part)
            yield from arithmetic.check(part, text_above)
            text_above = part.text if part.heading or len(part.text) < 200 else text_above
        else:
            yield from weighted_tables.check(part, text_above)
            for row in part.rows:
                for cell in row:
                    passage = Passage.from_lines([(cell.line, cell.text)])
                    yield from restatements.check(passage)
                    yield from arithmetic.check(passage, text_above)


def _with_restatement(claim: Claim, parts: Sequence[Part]) -> Claim:
    """Add to a wrong claim's diagnosis that the page states the same duration twice, so it is not a typing error."""
    if claim.verdict is not ClaimVerdict.WRONG:
        return claim
    passages = [
        part
        for part in parts
        if isinstance(part, Passage) and part.line_starts[0][1] <= claim.line <= part.line_starts[-1][1]
    ]
    for equality in (equality for passage in passages for equality in restatements.equalities(passage)):
        if equality.agrees and equality.line == claim.line and equality.first.seconds == claim.claimed:
            return replace(claim, diagnosis=f"{claim.diagnosis}; internally consistent ({equality.text})")
    return claim
