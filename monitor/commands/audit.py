"""`ninewatch audit`: check the availability claims of a published page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.commands.plural import plural
from monitor.errors import NinewatchError
from sla.claims import Audit, Claim, ClaimVerdict, PageFormat, audit
from sla.claims.figure_text import duration_text, factor_text, per_period_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

_FORMATS: dict[str, PageFormat] = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".csv": "csv",
    ".tsv": "csv",
    ".md": "text",
    ".markdown": "text",
}
_MAX_BYTES = 20_000_000


@click.command("audit", short_help="Check the arithmetic of availability claims in a text.")
@click.argument("file", metavar="FILE|-")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--all", "show_all", is_flag=True, help="Print correct claims too.")
@click.option("--strict", is_flag=True, help="List unclear claims and figures that were not checked, with reasons.")
def audit_command(file: str, output_format: str, as_json: bool, show_all: bool, strict: bool) -> None:
    """Check the availability claims in FILE: text, Markdown, HTML or CSV; `-` reads standard input.

    A claim is wrong only if it is wrong under every usual interpretation. `--strict` also lists the
    figures that were not checked, with reasons; it does not change the exit status.

    Exit status: 0 if no claim is wrong, 1 if any is, 2 if the file cannot be read.
    """
    result = audit(_read_text(file), _FORMATS.get(Path(file).suffix.lower()))
    if as_json or output_format == "json":
        click.echo(json.dumps(result.as_json(strict=strict), ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(result, file, _shown_verdicts(show_all=show_all, strict=strict), strict=strict)))
    sys.exit(1 if result.wrong else 0)


def _read_text(file: str) -> str:
    """Return the text of the page without a byte-order mark. Text that is not UTF-8 is read as Windows-1252.

    Raises:
        NinewatchError: the page cannot be read, is not text, or is larger than `_MAX_BYTES`.
    """
    try:
        raw = sys.stdin.buffer.read(_MAX_BYTES + 1) if file == "-" else _read_bytes(Path(file))
    except OSError as error:
        raise NinewatchError(
            f"{file}: {error.strerror or error}; specify a text, Markdown, HTML or CSV file, or -"
        ) from error
    if len(raw) > _MAX_BYTES:
        raise NinewatchError(f"{file}: larger than {_MAX_BYTES // 1_000_000} MB; check one page at a time")
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return raw.decode("utf-16", errors="replace")
    if b"\0" in raw[:4096]:
        raise NinewatchError(f"{file}: not a text file; save the page as text, Markdown, HTML or CSV")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _read_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES + 1)


def _shown_verdicts(*, show_all: bool, strict: bool) -> frozenset[ClaimVerdict]:
    if show_all:
        return frozenset(ClaimVerdict)
    return frozenset({ClaimVerdict.WRONG, ClaimVerdict.UNCLEAR} if strict else {ClaimVerdict.WRONG})


def _lines(result: Audit, file: str, verdicts: frozenset[ClaimVerdict], *, strict: bool) -> Iterator[str]:
    for claim in result.claims:
        if claim.verdict in verdicts:
            yield from _claim_lines(claim)
            yield ""
    for figure in result.skipped if strict else ():
        yield f'line {figure.line}: not checked: "{figure.text}"'
        yield f"    {figure.reason}"
        yield ""
    yield _summary(result, "standard input" if file == "-" else file)
    if strict and result.skipped:
        yield f"not checked: {plural(len(result.skipped), 'figure')}"


def _claim_lines(claim: Claim) -> Iterator[str]:
    yield f'line {claim.line}: {claim.verdict}: "{claim.text}"'
    if claim.verdict is ClaimVerdict.WRONG and claim.expected and claim.period and claim.factor:
        yield f"    correct: {duration_text(claim.expected)} {per_period_text(claim.period)}{_ratio_text(claim.factor)}"
    yield f"    {claim.diagnosis}"


def _ratio_text(factor: Fraction) -> str:
    return f", {factor_text(factor)} the claim" if factor > 1 else f"; the claim is {factor_text(1 / factor)} as much"


def _summary(result: Audit, name: str) -> str:
    if not result.claims:
        return f"{name}: no claim that relates an availability to a downtime"
    counts = {verdict: sum(c.verdict is verdict for c in result.claims) for verdict in ClaimVerdict}
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"{name}: {plural(len(result.claims), 'claim')}: {summary}"
