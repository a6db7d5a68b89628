"""`ninewatch rules`: print the Prometheus rules with links to the daemon's pages."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.commands.common import loaded
from monitor.config.addresses import public_url as parse_public_url
from monitor.errors import NinewatchError
from monitor.exporters.rules import BASE, rules_file
from sla.window import parse_duration

_HEADER = """\
# Printed by `ninewatch rules`. The links to /runbook show docs/runbook.md.
"""


@click.command("rules", short_help="Print the Prometheus alerting rules.")
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="Read `public_url` from this configuration."
)
@click.option("--public-url", metavar="URL", help=f"Address of the status pages.  [default: {BASE}]")
@click.option("--interval", default="30s", show_default=True, help="Evaluation interval of the rules.")
def rules_command(path: Path | None, public_url: str | None, interval: str) -> None:
    """Print the alerting rules for Prometheus (dashboards/ninewatch.rules.yaml) with links to your pages.

    The links of each alert (`runbook_url`, `page_url`) start with --public-url, else with the configuration's
    `public_url`. Exit status 2 if the configuration has no `public_url`.
    """
    base = BASE if path is None else loaded(path)[1].public_url
    try:
        base = base if public_url is None else parse_public_url(public_url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--public-url'") from None
    if base is None:
        raise NinewatchError(f"{path}: no public_url; add it, or specify --public-url https://status.example.org")
    try:
        parse_duration(interval)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--interval'") from None
    click.echo(rules_file(interval, base, _HEADER), nl=False)
