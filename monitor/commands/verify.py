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
    from monitor.bundle.verification import Compared, Verified

_NUMBERED = ("step", "month", "trend", "outage_limit", "exclusion", "incident")
_LONGEST = 120  # characters of a value that are printed


@click.command("verify", short_help="Recompute the figures of a report from its bundle, and compare.")
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--record", "live", is_flag=True, help="Verify the record itself instead of a bundle.")
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), help="With --record: the configuration.")
@click.option("--report", "report", type=click.Path(path_type=Path), help="Also compare this file with the report's.")
@click.option("--ca", type=click.Path(path_type=Path), help="CA certificates (PEM) to verify time stamps against.")
@click.option("--git", type=click.Path(path_type=Path), help="A clone of the repository that heads were pushed to.")
@click.option("--witness", type=click.Path(path_type=Path), help="A saved answer of a witness: /api/v1/witnessed/ID.")
@click.option("-q", "--quiet", is_flag=True, help="Print what differs and the result only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify_command(
    bundle: Path | None,
    live: bool,
    path: Path | None,
    report: Path | None,
    ca: Path | None,
    git: Path | None,
    witness: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Recompute every figure of the report that BUNDLE was made with, from BUNDLE alone, and compare.

    Needs no daemon, record, configuration or network. Each figure is printed with how many of its values agree, and
    each value that differs as it is stated and as it was recomputed. A changed file is named with the line, a change of
    the record after its days were closed with the day.

    With --record -c FILE the record of a configuration is compared with its own chain of heads; a daemon may run.

    Exit status: 0 if all agrees, 1 if something differs, 2 if the bundle cannot be verified.
    """
    from monitor.bundle.anchored import trust_of

    trust = trust_of(ca, git, witness)
    if live:
        if bundle is not None or report is not None or path is None:
            raise click.UsageError("--record takes -c FILE, and neither BUNDLE nor --report")
        sys.exit(_verify_record(path, trust, as_json=as_json))
    if bundle is None or path is not None:
        raise click.UsageError("name a bundle, or write --record -c FILE")
    sys.exit(_verify_bundle(bundle, report, trust, quiet=quiet, as_json=as_json))


def _verify_bundle(bundle: Path, report: Path | None, trust: Trust, *, quiet: bool, as_json: bool) -> int:
    from monitor.bundle.manifest import Damage
    from monitor.bundle.verification import report_difference, verify_bundle

    found = verify_bundle(bundle, trust)
    if report is not None and (difference := report_difference(found.manifest, _read(report))):
        found.damages.append(Damage(str(report), None, difference))
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in _lines(found, bundle, quiet=quiet):
            click.echo(line)
    return 0 if found.agrees else 1


def _verify_record(path: Path, trust: Trust, *, as_json: bool) -> int:
    from monitor.bundle.checked_chain import check_record
    from monitor.commands.common import loaded

    found = check_record(loaded(path)[1].store, trust)
    if as_json:
        click.echo(json.dumps(found.as_json() | {"agrees": found.holds}, ensure_ascii=False, indent=2))
    else:
        for line in (*found.lines(), *(f"BROKEN  {each}" for each in found.broken())):
            click.echo(_plain(line))
    return 0 if found.holds else 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NinewatchError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None


def _lines(found: Verified, path: Path, *, quiet: bool) -> Iterator[str]:
    if not quiet:
        yield from _about(found, path)
    for each in found.damages:
        yield f"CHANGED  {_plain(str(each))}"
    if not found.damages and not quiet:
        yield f"digests: all {len(found.manifest['files'])} files are as the manifest has them"
    for compared in found.figures:
        if compared.differences or not quiet:
            yield from _compared(compared)
    yield from (f"BROKEN  {_plain(each)}" for each in found.chain.broken())
    if not quiet:
        yield from map(_plain, found.chain.lines())
    for note in found.notes:
        yield f"note: {_plain(note)}"
    if found.not_recomputed:
        yield f"NOT RECOMPUTED  {_plain(found.not_recomputed)}"
    yield _result(found)


def _about(found: Verified, path: Path) -> Iterator[str]:
    manifest = found.manifest
    window = manifest.get("window", {})
    products = ", ".join(map(str, manifest.get("products", ())))
    yield _plain(f"bundle {path}: report of {products}, as known at {manifest.get('at')}")
    yield _plain(
        f"window {window.get('start')}/{window.get('end')} ({window.get('name')}), {manifest.get('time_zone')}"
    )
    yield _plain(f"format {manifest['version']}, written by ninewatch {manifest.get('ninewatch')}")


def _compared(each: Compared) -> Iterator[str]:
    name = _plain("  ".join(filter(None, (each.product, _part(each), each.window, each.figure))))
    differing = len(each.differences)
    yield f"{name}: {each.agreeing} agree{f', {differing} differ' if differing else ''}"
    for one in each.differences:
        place = f"{one.field}: " if one.field else ""
        yield f"  DIFFERS  {_plain(place)}stated {_value(one.stated)}, recomputed {_value(one.recomputed)}"


def _part(each: Compared) -> str:
    return f"{each.part} {each.number + 1}" if each.part in _NUMBERED else each.part


def _value(value: Any) -> str:
    return _plain(json.dumps(value, ensure_ascii=False, default=str))[:_LONGEST]


def _plain(text: str) -> str:
    """Return the text without control characters; the content of a bundle is not trusted."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _result(found: Verified) -> str:
    values = f"{found.agreeing} values agree, {found.differing} differ"
    if found.agrees:
        return f"result: {values}; the figures follow from the content of the bundle"
    changed = f"{len(found.damages)} changes to the files, " if found.damages else ""
    broken = f"{len(list(found.chain.broken()))} breaks of the chain, " if not found.chain.holds else ""
    return f"result: DIFFERS: {changed}{broken}{values}"
