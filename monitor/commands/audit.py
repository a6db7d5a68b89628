"""`ninewatch audit`: check the availability claims of a published page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.commands.plural import plural
from monitor.errors import NinewatchError
from sla.claims import Audit, Claim, Kind, Verdict, audit
from sla.claims.figure_text import of_year, say, times

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

_KINDS: dict[str, Kind] = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".csv": "csv",
    ".tsv": "csv",
    ".md": "text",
    ".markdown": "text",
}
_LARGEST = 20_000_000


@click.command("audit", short_help="Check the arithmetic of availability claims in a text.")
@click.argument("file", metavar="FILE|-")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--all", "show_all", is_flag=True, help="Print correct claims too.")
@click.option("--strict", is_flag=True, help="List unclear claims and figures that were not judged, with reasons.")
def audit_command(file: str, form: str, as_json: bool, show_all: bool, strict: bool) -> None:
    """Check the availability claims in FILE: text, Markdown, HTML or CSV; `-` reads standard input.

    A claim is wrong only if no common reading makes it right. `--strict` lists what was not judged, with reasons; it
    does not change the exit status.

    Exit status: 0 if no claim is wrong, 1 if any is, 2 if the file cannot be read.
    """
    found = audit(_text(file), _KINDS.get(Path(file).suffix.lower()))
    if as_json or form == "json":
        click.echo(json.dumps(found.as_json(strict=strict), ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(found, file, _shown(show_all=show_all, strict=strict), strict=strict)))
    sys.exit(1 if found.wrong else 0)


def _text(file: str) -> str:
    """Return the page; a byte-order mark is dropped, and text that is not UTF-8 is read as Windows-1252.

    Raises:
        NinewatchError: it cannot be read, is no text, or is larger than any page.
    """
    try:
        raw = sys.stdin.buffer.read(_LARGEST + 1) if file == "-" else _bytes(Path(file))
    except OSError as error:
        raise NinewatchError(
            f"{file}: {error.strerror or error}; specify a text, Markdown, HTML or CSV file, or -"
        ) from error
    if len(raw) > _LARGEST:
        raise NinewatchError(f"{file}: larger than {_LARGEST // 1_000_000} MB; check one page at a time")
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return raw.decode("utf-16", errors="replace")
    if b"\0" in raw[:4096]:
        raise NinewatchError(f"{file}: not a text file; save the page as text, Markdown, HTML or CSV")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST + 1)


def _shown(*, show_all: bool, strict: bool) -> frozenset[Verdict]:
    if show_all:
        return frozenset(Verdict)
    return frozenset({Verdict.WRONG, Verdict.UNCLEAR} if strict else {Verdict.WRONG})


def _lines(found: Audit, file: str, shown: frozenset[Verdict], *, strict: bool) -> Iterator[str]:
    for claim in found.claims:
        if claim.verdict in shown:
            yield from _of_claim(claim)
            yield ""
    for each in found.passed if strict else ():
        yield f'line {each.line}: not judged: "{each.text}"'
        yield f"    {each.reason}"
        yield ""
    yield _summary(found, "standard input" if file == "-" else file)
    if strict and found.passed:
        yield f"not judged: {plural(len(found.passed), 'figure')}"


def _of_claim(claim: Claim) -> Iterator[str]:
    yield f'line {claim.line}: {claim.verdict}: "{claim.text}"'
    if claim.verdict is Verdict.WRONG and claim.expected and claim.period and claim.factor:
        yield f"    correct: {say(claim.expected)} {of_year(claim.period)}{_size(claim.factor)}"
    yield f"    {claim.diagnosis}"


def _size(factor: Fraction) -> str:
    return f", {times(factor)} the claim" if factor > 1 else f"; the claim is {times(1 / factor)} as much"


def _summary(found: Audit, name: str) -> str:
    if not found.claims:
        return f"{name}: no claim that relates an availability to a downtime"
    counts = {verdict: sum(c.verdict is verdict for c in found.claims) for verdict in Verdict}
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"{name}: {plural(len(found.claims), 'claim')}: {summary}"
