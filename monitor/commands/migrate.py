"""`ninewatch import gatus|uptime-kuma|...`: convert the configuration of another monitor to products."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from monitor.clock import SystemClock
from monitor.commands.plural import plural
from monitor.commands.slo_files import import_command
from monitor.errors import NinewatchError
from monitor.migration.conversion import OBJECTIVE
from monitor.migration.gatus import convert_gatus
from monitor.migration.gatus_history import gatus_histories
from monitor.migration.healthchecks import convert_healthchecks
from monitor.migration.healthchecks_history import healthchecks_histories
from monitor.migration.imported_history import HistorySource, imported_checks, refuse_existing, write_history
from monitor.migration.kubernetes import convert_manifest, convert_probes
from monitor.migration.kuma import convert_kuma
from monitor.migration.kuma_history import kuma_histories
from monitor.migration.uptimerobot import convert_uptimerobot
from monitor.migration.uptimerobot_history import uptimerobot_histories
from sla.objective import Objective
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.migration.conversion import Conversion
    from monitor.migration.imported_history import ImportedCheck, SourceHistory

__all__ = ["import_command"]


def _objective(_: click.Context, option: click.Parameter, value: str) -> str:
    try:
        return str(Objective.parse(value))
    except ValueError as error:
        raise click.BadParameter(str(error), param=option) from None


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options of all importers."""
    for add in (
        click.option("--force", is_flag=True, help="Overwrite the file of --output."),
        click.option(
            "-o",
            "--output",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Write to a new file, not to stdout.",
        ),
        click.option(
            "--objective",
            metavar="PERCENT",
            default=OBJECTIVE,
            show_default=True,
            callback=_objective,
            help="Objective of every product.",
        ),
        click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    ):
        command = add(command)
    return command


_HISTORY_OPTION = click.option(
    "--history",
    "record",
    metavar="RECORD",
    type=click.Path(path_type=Path),
    help="Also import the history, into a new record that the configuration refers to.",
)


@import_command.command("gatus")
@_options
@_HISTORY_OPTION
@click.option(
    "--database",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="SQLite database of Gatus (storage.path), for --history.",
)
def import_gatus(
    path: Path, objective: str, output: Path | None, force: bool, record: Path | None, database: Path | None
) -> None:
    """Convert the Gatus configuration in FILE: one product per endpoint.

    Everything that is not carried over, and every secret to set, is listed on standard error with its position.
    docs/migration.md has the complete list.
    """
    if (record is None) != (database is None):
        raise click.UsageError("--history and --database belong together; give both or none")
    conversion = convert_gatus(path, objective)
    history = None
    if record is not None and database is not None:
        history = _History.read(gatus_histories, conversion.tool, database, record)
    _write(conversion, output, history, force=force)


@import_command.command("uptime-kuma")
@_options
@_HISTORY_OPTION
def import_kuma(path: Path, objective: str, output: Path | None, force: bool, record: Path | None) -> None:
    """Convert the Uptime Kuma database FILE (kuma.db, SQLite): one product per group, or per monitor without a group.

    The database is only read. Everything that is not carried over, and every secret to set, is listed on standard
    error. docs/migration.md has the complete list.
    """
    conversion = convert_kuma(path, objective)
    history = None if record is None else _History.read(kuma_histories, conversion.tool, path, record)
    _write(conversion, output, history, force=force)


@import_command.command("healthchecks")
@_options
@_HISTORY_OPTION
@click.option(
    "--pings",
    "folder",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with KEY.pings.json and KEY.flips.json of each check, for --history.",
)
def import_healthchecks(
    path: Path, objective: str, output: Path | None, force: bool, record: Path | None, folder: Path | None
) -> None:
    """Convert the checks of Healthchecks to heartbeats. FILE is the response of its API to GET /api/v3/checks/.

    Everything that is not carried over, and every secret to set, is listed on standard error.
    """
    if (record is None) != (folder is None):
        raise click.UsageError("--history and --pings belong together; give both or none")
    conversion = convert_healthchecks(path, objective)
    history = None
    if record is not None and folder is not None:
        refuse_existing(record)
        histories = healthchecks_histories(folder, conversion.targets)
        history = _History(histories, HistorySource(conversion.tool, folder.name), record, SystemClock().now())
    _write(conversion, output, history, force=force)


@import_command.command("uptimerobot")
@_options
@_HISTORY_OPTION
def import_uptimerobot(path: Path, objective: str, output: Path | None, force: bool, record: Path | None) -> None:
    """Convert the monitors of UptimeRobot. FILE is the JSON response of its API to POST /v2/getMonitors.

    --history needs the logs (logs=1). Everything that is not carried over, and every secret to set, is listed on
    standard error.
    """
    conversion = convert_uptimerobot(path, objective)
    history = None if record is None else _History.read(uptimerobot_histories, conversion.tool, path, record)
    _write(conversion, output, history, force=force)


@import_command.command("probes")
@_options
def import_probes(path: Path, objective: str, output: Path | None, force: bool) -> None:
    """Convert the Probes (Prometheus Operator) in the manifest FILE: one product per Probe, one check per static
    target.

    Everything that is not carried over is listed on standard error with its position.
    """
    _write(convert_probes(path, objective), output, force=force)


@click.command("discover", short_help="Write products for the annotated Routes and Ingresses of a manifest.")
@_options
def discover_command(path: Path, objective: str, output: Path | None, force: bool) -> None:
    """Convert Routes and Ingresses with the annotation `ninewatch/monitor: "true"` in the manifest FILE to products.

    For example: `oc get routes,ingresses -o yaml > manifest.yaml`. docs/migration.md lists the annotations. Everything
    that is not carried over is listed on standard error with its position.
    """
    _write(convert_manifest(path, objective), output, force=force)


class _History(NamedTuple):
    """The histories by monitor, their source, the record to write, and the current instant."""

    histories: Mapping[str, SourceHistory]
    source: HistorySource
    record: Path
    now: int

    @classmethod
    def read(
        cls, read: Callable[[Path], Mapping[str, SourceHistory]], tool: str, database: Path, record: Path
    ) -> _History:
        """Read the histories of a database for a new record.

        Raises:
            NinewatchError: the record exists already, or the database cannot be read.
        """
        refuse_existing(record)
        return cls(read(database), HistorySource.of_file(tool, database), record, SystemClock().now())


def _write(conversion: Conversion, output: Path | None, history: _History | None = None, *, force: bool) -> None:
    """Print the notes, and print or write the configuration; then write the history.

    Raises:
        NinewatchError: nothing was converted, or a file exists or cannot be written.
    """
    imported: list[ImportedCheck] = []
    if history is not None:
        imported = imported_checks(
            conversion.checks(), conversion.by_check(history.histories), history.source, history.now
        )
        conversion.settings["store"] = str(history.record)
    text = conversion.text()
    if output is None:
        click.echo(text, nl=False)
    else:
        _create(output, text, force=force)
    if history is not None:
        write_history(imported, history.source, history.record, history.now)
    for line in (*(f"note: {note}" for note in conversion.notes), *map(extent_line, imported)):
        click.echo(line, err=True)
    products, notes = plural(len(conversion.products), "product"), plural(len(conversion.notes), "note")
    click.echo(f"{products}, {notes}", err=True)


def extent_line(item: ImportedCheck) -> str:
    """Return the line about the imported history of a check."""
    start, end = format_instant(item.start), format_instant(item.end)
    counts = f", {plural(item.counts, 'count')} of hours or days ({item.uncertain} unknown)" if item.counts else ""
    states = f", {plural(item.states, 'state')} between changes" if item.states else ""
    return f"history: {item.key}: {start} to {end}: {plural(item.results, 'result')}{counts}{states}"


def _create(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise NinewatchError(f"{path}: the file exists; specify another one, or --force to overwrite it") from None
    except OSError as error:
        raise NinewatchError(f"{path}: {error.strerror or error}; specify a file in a writable folder") from None
