"""`ninewatch rules`: print the Prometheus rules of a portfolio, with links to its pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.commands.config_option import load_config
from monitor.config.addresses import public_url as parse_public_url
from monitor.exporters.rule_formats import FORMATS, Destination
from monitor.exporters.rules import BASE, DRILL_EVERY, FORECAST, Options
from sla.interval import DAY, HOUR, SECOND
from sla.objective import format_duration
from sla.window import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.config.model import Portfolio

_HEADER = """\
# Printed by `ninewatch rules`. The links to /runbook show docs/runbook.md.
"""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9][\w.-]{0,62}=[\w.-]{0,63}")


@click.command("rules", short_help="Print the Prometheus recording and alerting rules.")
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), help="Print the rules of this configuration.")
@click.option(
    "--format", "format_", type=click.Choice(list(FORMATS)), default="file", show_default=True, help="Output format."
)
@click.option("--public-url", metavar="URL", help=f"Address of the status pages.  [default: {BASE}]")
@click.option("--interval", default="30s", show_default=True, help="Evaluation interval of the rules.")
@click.option(
    "--forecast",
    default=format_duration(FORECAST),
    show_default=True,
    help="Alert if the budget is forecast to be exhausted within this time.",
)
@click.option(
    "--drill-every",
    default=format_duration(DRILL_EVERY),
    show_default=True,
    help="Alert if the last drill of a kind is older than this.",
)
@click.option(
    "--name",
    default="ninewatch",
    show_default=True,
    help="Name of the PrometheusRule, of the namespace in Mimir, or of the folder in Grafana.",
)
@click.option("--namespace", help="Namespace of the PrometheusRule.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of the PrometheusRule; repeatable.")
@click.option("--datasource", default="prometheus", show_default=True, help="UID of Prometheus in Grafana.")
def rules_command(
    path: Path | None,
    format_: str,
    public_url: str | None,
    interval: str,
    forecast: str,
    drill_every: str,
    name: str,
    namespace: str | None,
    labels: tuple[str, ...],
    datasource: str,
) -> None:
    """Print the recording and alerting rules for Prometheus.

    Without -c these are the rules of dashboards/ninewatch.rules.yaml, which fit every portfolio. With -c there is an
    additional alert for configured products without metrics.

    The links of each alert (`runbook_url`, `page_url`) start with --public-url, the configuration's `public_url`, or
    the address that the daemon listens on.

    \b
    Formats:
      file            a rules file for `rule_files` of Prometheus
      prometheusrule  a manifest for the Prometheus Operator
      mimir           a file for `mimirtool rules sync`
      grafana         a file for `provisioning/alerting` of Grafana, which evaluates the rules itself
    """
    portfolio = None if path is None else load_config(path)[1]
    options = Options(
        base=_link_base(portfolio, public_url),
        interval=_interval(interval, format_),
        products=() if portfolio is None else [product.id for product in portfolio.products],
        forecast=_duration(forecast, "--forecast", HOUR),
        drill_every=_duration(drill_every, "--drill-every", DAY),
    )
    name, namespace = _valid_name(name, "--name"), namespace and _valid_name(namespace, "--namespace")
    destination = Destination(name, namespace, _pairs(labels), datasource)
    click.echo(FORMATS[format_](options, destination, _HEADER), nl=False)


def _link_base(portfolio: Portfolio | None, public_url: str | None) -> str:
    """Return the URL that all links start with."""
    if public_url is not None:
        try:
            return parse_public_url(public_url)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="'--public-url'") from None
    if portfolio is None:
        return BASE
    if portfolio.public_url is None:
        base = f"http://{portfolio.listen}"
        click.echo(
            f"warning: public_url is not configured: links start with {base}; add it, or specify --public-url", err=True
        )
        return base
    return portfolio.public_url


def _interval(text: str, format_: str) -> str:
    length = _duration(text, "--interval", SECOND)
    if format_ == "grafana" and length % (10 * SECOND):
        raise click.BadParameter(f'"{text}" is not a multiple of 10s, as Grafana requires', param_hint="'--interval'")
    return text


def _duration(text: str, option: str, unit: int) -> int:
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"'{option}'") from None
    if not unit <= length <= 3650 * DAY:
        raise click.BadParameter(
            f'"{text}" is out of range; use {format_duration(unit)} or more', param_hint=f"'{option}'"
        )
    return length


def _valid_name(text: str, option: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise click.BadParameter(
            f'"{text}" is not a name; use a-z, 0-9, - and ., starting and ending with a letter or digit',
            param_hint=f"'{option}'",
        )
    return text


def _pairs(labels: Iterable[str]) -> dict[str, str]:
    for label in labels:
        if _LABEL.fullmatch(label) is None:
            raise click.BadParameter(f'"{label}" is not a label; use release=prometheus', param_hint="'--label'")
    return {key: value for key, _, value in (label.partition("=") for label in labels)}
