"""Audit published claims: downtimes stated for an availability, and arithmetic over availabilities.

Readers (`text_reader`, `html_reader`) and finders (`durations`, `availabilities`, `periods`, `prose_statements`,
`table_statements`) extract statements; `verdicts` and `arithmetic` check them with exact fractions. A claim is `wrong`
only if no convention and no rounding explains it. This package is an application on top of `sla`, whose core does not
import it; it is here because it follows the same rules (no I/O, no clock, every branch tested).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sla.claims import arithmetic, prose_statements, restatements, table_statements, weighted_tables
from sla.claims.column_check import Judged, reconsider
from sla.claims.html_reader import looks_like_html, read_html
from sla.claims.model import Claim, Passed, Statement, Strength, Verdict
from sla.claims.number_format import has_decimal_commas, mark_groups, restored
from sla.claims.page import Part, Passage
from sla.claims.row_groups import settle
from sla.claims.text_reader import looks_like_csv, read_csv, read_text
from sla.claims.verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Audit", "Claim", "Kind", "Passed", "Verdict", "audit"]

Kind = Literal["text", "html", "csv"]


@dataclass(frozen=True, slots=True)
class Audit:
    """All claims of a page in order, and figures that were skipped because their meaning is uncertain."""

    claims: tuple[Claim, ...]
    passed: tuple[Passed, ...] = ()

    @property
    def wrong(self) -> int:
        """The number of claims that are certainly wrong."""
        return sum(claim.verdict is Verdict.WRONG for claim in self.claims)

    def as_json(self, *, strict: bool = False) -> dict[str, object]:
        """Return `{"claims": [...], "wrong": N}` as in `audit --json`; with `strict` also `passed`."""
        found: dict[str, object] = {"claims": [claim.as_json() for claim in self.claims], "wrong": self.wrong}
        return found | {"passed": [each.as_json() for each in self.passed]} if strict else found


def audit(text: str, kind: Kind | None = None) -> Audit:
    """Return the claims of a page about availability with their verdicts. Without `kind` it is detected.

    `text` includes plain text, Markdown and wiki markup.

    >>> [claim.diagnosis for claim in audit("99.95% uptime, which is less than 4.38 minutes a year").claims]
    ['hours labelled minutes']
    """
    commas = has_decimal_commas(text)
    parts = [part.mapped(lambda each: mark_groups(each, commas=commas)) for part in _parts(text, kind)]
    read = list(_statements(parts))
    statements = settle(each for each in read if isinstance(each, Statement))
    judged = reconsider(Judged(statement, judge(statement)) for statement in statements)
    stated = [claim for statement, claim in judged if _is_claim(statement, claim)]
    claims = [*(_with_restatement(claim, parts) for claim in stated), *_arithmetic(parts)]
    passed = [replace(each, text=restored(each.text)) for each in read if isinstance(each, Passed)]
    return Audit(
        tuple(replace(claim, text=restored(claim.text)) for claim in sorted(claims, key=lambda claim: claim.line)),
        tuple(sorted(dict.fromkeys(passed), key=lambda each: each.line)),
    )


def _parts(text: str, kind: Kind | None) -> list[Part]:
    if kind == "html" or (kind is None and looks_like_html(text)):
        return read_html(text)
    if kind == "csv" or (kind is None and looks_like_csv(text)):
        return read_csv(text)
    return read_text(text)


def _statements(parts: Sequence[Part]) -> Iterable[Statement | Passed]:
    run: list[Passage] = []
    for number, part in enumerate(parts, 1):
        if isinstance(part, Passage):
            run.append(part)
            continue
        yield from prose_statements.statements(run, number)
        yield from table_statements.statements(part, _lead(run), number)
        for cell in (cell for row in part.rows for cell in row):
            yield from prose_statements.statements([Passage.of([(cell.line, cell.text)])], number)
        run = []
    yield from prose_statements.statements(run, len(parts) + 1)


def _is_claim(statement: Statement, claim: Claim) -> bool:
    """Return whether it is a claim: unrelated adjacent figures are one only if they agree or disagree significantly."""
    return statement.strength is not Strength.BARE or claim.verdict is not Verdict.UNCLEAR


def _lead(run: Sequence[Passage]) -> str:
    """Return the text above a table: the last heading and the last passage."""
    headings = [passage.text for passage in run if passage.heading][-1:]
    return " ".join([*headings, *(passage.text for passage in run[-1:])])


def _arithmetic(parts: Sequence[Part]) -> Iterator[Claim]:
    lead = ""
    for part in parts:
        if isinstance(part, Passage):
            yield from restatements.check(part)
            yield from arithmetic.check(part, lead)
            lead = part.text if part.heading or len(part.text) < 200 else lead
        else:
            yield from weighted_tables.check(part, lead)
            for row in part.rows:
                for cell in row:
                    passage = Passage.of([(cell.line, cell.text)])
                    yield from restatements.check(passage)
                    yield from arithmetic.check(passage, lead)


def _with_restatement(claim: Claim, parts: Sequence[Part]) -> Claim:
    """Add to a wrong claim with a consistent conversion that the mistake is in the figure, not in the conversion."""
    if claim.verdict is not Verdict.WRONG:
        return claim
    passages = [
        part for part in parts if isinstance(part, Passage) and part.starts[0][1] <= claim.line <= part.starts[-1][1]
    ]
    for equality in (e for passage in passages for e in restatements.equalities(passage)):
        if equality.agrees and equality.line == claim.line and equality.first.seconds == claim.claimed:
            return replace(claim, diagnosis=f"{claim.diagnosis}; internally consistent ({equality.text})")
    return claim
