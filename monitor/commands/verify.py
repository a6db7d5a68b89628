"""`ninewatch verify`: recompute the figures of a report from its bundle and compare them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.bundle.anchored import Trust
    from monitor.bundle.verification import ComparedFigure, Verification

_NUMBERED = ("step", "month", "trend", "outage_limit", "exclusion", "incident")
_MAX_VALUE_LENGTH = 120  # printed characters of a value


@click.command("verify", short_help="Recompute the figures of a report from its bundle, and compare.")
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--record", "from_record", is_flag=True, help="Verify the record itself instead of a bundle.")
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), help="With --record: the configuration.")
@click.option("--report", "report", type=click.Path(path_type=Path), help="Also compare this file with the report.")
@click.option("--ca", type=click.Path(path_type=Path), help="CA certificates (PEM) to verify time stamps against.")
@click.option("--git", type=click.Path(path_type=Path), help="A clone of the repository that heads were pushed to.")
@click.option("--witness", type=click.Path(path_type=Path), help="A saved response of a witness: /api/v1/witnessed/ID.")
@click.option("-q", "--quiet", is_flag=True, help="Print only differences and the result.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify_command(
    bundle: Path | None,
    from_record: bool,
    path: Path | None,
    report: Path | None,
    ca: Path | None,
    git: Path | None,
    witness: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Recompute every figure of the report in BUNDLE from the data in BUNDLE, and compare them.

    Needs no daemon, record, configuration or network. Prints each figure with the number of matching values, and each
    differing value as stated and as recomputed. A changed file is reported with the line, and a change of the record
    after the end of a day with the day.

    With --record -c FILE, compares the record of a configuration with its chain of heads; the daemon may be running.

    Exit status: 0 if all values agree, 1 if there are differences, 2 if the bundle cannot be verified.
    """
    from monitor.bundle.anchored import read_trust

    trust = read_trust(ca, git, witness)
    if from_record:
        if bundle is not None or report is not None or path is None:
            raise click.UsageError("--record needs -c FILE, and excludes BUNDLE and --report")
        sys.exit(_verify_record(path, trust, as_json=as_json))
    if bundle is None or path is not None:
        raise click.UsageError("specify BUNDLE, or --record -c FILE")
    sys.exit(_verify_bundle(bundle, report, trust, quiet=quiet, as_json=as_json))


def _verify_bundle(bundle: Path, report: Path | None, trust: Trust, *, quiet: bool, as_json: bool) -> int:
    from monitor.bundle.manifest import Damage
    from monitor.bundle.verification import report_difference, verify_bundle

    verified = verify_bundle(bundle, trust)
    if report is not None and (difference := report_difference(verified.manifest, _read_report(report))):
        verified.damages.append(Damage(str(report), None, difference))
    if as_json:
        click.echo(json.dumps(verified.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in _lines(verified, bundle, quiet=quiet):
            click.echo(line)
    return 0 if verified.is_valid else 1


def _verify_record(path: Path, trust: Trust, *, as_json: bool) -> int:
    from monitor.bundle.checked_chain import check_record
    from monitor.commands.config_option import load_config

    chain = check_record(load_config(path)[1].store, trust)
    if as_json:
        click.echo(json.dumps(chain.as_json() | {"agrees": chain.is_intact}, ensure_ascii=False, indent=2))
    else:
        for line in (*chain.lines(), *(f"BROKEN  {difference}" for difference in chain.broken())):
            click.echo(_printable(line))
    return 0 if chain.is_intact else 1


def _read_report(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NinewatchError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None


def _lines(verified: Verification, path: Path, *, quiet: bool) -> Iterator[str]:
    if not quiet:
        yield from _description(verified, path)
    for damage in verified.damages:
        yield f"CHANGED  {_printable(str(damage))}"
    if not verified.damages and not quiet:
        yield f"digests: all {len(verified.manifest['files'])} files match the manifest"
    for compared in verified.figures:
        if compared.differences or not quiet:
            yield from _comparison_lines(compared)
    yield from (f"BROKEN  {_printable(difference)}" for difference in verified.chain.broken())
    if not quiet:
        yield from map(_printable, verified.chain.lines())
    for note in verified.notes:
        yield f"note: {_printable(note)}"
    if verified.not_recomputed:
        yield f"NOT RECOMPUTED  {_printable(verified.not_recomputed)}"
    yield _result_line(verified)


def _description(verified: Verification, path: Path) -> Iterator[str]:
    manifest = verified.manifest
    window = manifest.get("window", {})
    products = ", ".join(map(str, manifest.get("products", ())))
    yield _printable(f"bundle {path}: report of {products}, as known at {manifest.get('at')}")
    yield _printable(
        f"window {window.get('start')}/{window.get('end')} ({window.get('name')}), {manifest.get('time_zone')}"
    )
    yield _printable(f"format {manifest['version']}, written by ninewatch {manifest.get('ninewatch')}")


def _comparison_lines(compared: ComparedFigure) -> Iterator[str]:
    name = _printable("  ".join(filter(None, (compared.product, _part(compared), compared.window, compared.figure))))
    differing = len(compared.differences)
    yield f"{name}: {compared.equal_values} agree{f', {differing} differ' if differing else ''}"
    for difference in compared.differences:
        field = f"{difference.field}: " if difference.field else ""
        bundle_value, recomputed = _value(difference.stated), _value(difference.recomputed)
        yield f"  DIFFERS  {_printable(field)}stated {bundle_value}, recomputed {recomputed}"


def _part(compared: ComparedFigure) -> str:
    return f"{compared.part} {compared.number + 1}" if compared.part in _NUMBERED else compared.part


def _value(value: Any) -> str:
    return _printable(json.dumps(value, ensure_ascii=False, default=str))[:_MAX_VALUE_LENGTH]


def _printable(text: str) -> str:
    """Return the text without control characters; the content of a bundle is not trusted."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _result_line(verified: Verification) -> str:
    values = f"{verified.equal_values} values agree, {verified.different_values} differ"
    if verified.is_valid:
        return f"result: {values}; the figures follow from the content of the bundle"
    changed = f"{len(verified.damages)} changes to the files, " if verified.damages else ""
    broken = f"{len(list(verified.chain.broken()))} breaks of the chain, " if not verified.chain.is_intact else ""
    return f"result: DIFFERS: {changed}{broken}{values}"
