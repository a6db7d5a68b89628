"""`ninewatch deploy`: mark deployments of a product, so that downtime after them is measured."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import by_option, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import require_record
from monitor.errors import NinewatchError
from sla.evidence import deployment_fact, deployments, known_at
from sla.window import format_instant, parse_instant


@click.group(short_help="Mark deployments of a product.")
def deploy() -> None:
    """Mark deployments of a product.

    The daemon measures the downtime after each deployment. The last deployments without downtime are evidence for a
    readiness item that accepts the kind `deployments`.
    """


@deploy.command("mark", short_help="Mark a deployment.")
@click.argument("product")
@click.option("--version", required=True, help="The deployed version.")
@click.option(
    "--at", "instant", metavar="TIME", help="Start of the deployment (RFC 3339, or local time).  [default: now]"
)
@click.option("--link", default="", metavar="URL", help="Link to the pipeline run.")
@by_option(required=False, text="Your name.  [default: the name of the user who runs the command]")
@CONFIG
def mark(product: str, version: str, instant: str | None, link: str, author: str | None, path: Path) -> None:
    """Record that a version of PRODUCT was deployed. Mark the deployment when it begins."""
    location, portfolio = require_record(path), load_config(path)[1]
    known = [product.id for product in portfolio.products]
    if product not in known:
        raise NinewatchError(f'unknown product "{product}"; known products: {", ".join(known)}')
    now = at = SystemClock().now()
    if instant is not None:
        try:
            at = parse_instant(instant, portfolio.zone)
        except (ValueError, OverflowError) as error:
            raise NinewatchError(f"--at: {error}") from None
        if not 0 <= at <= now:
            raise NinewatchError(f"--at {instant} is in the future or before 1970; mark a deployment when it begins")
    by = one_line("--by", getpass.getuser() if author is None else author)
    fact = deployment_fact(
        now, by, product, at, one_line("--version", version), one_line("--link", link) if link else ""
    )
    state_fact(location.record, fact)
    click.echo(f"deployment {fact.id}: {product} {version} at {format_instant(at)}")


@deploy.command("list", short_help="List the deployments of a product.")
@click.argument("product")
@CONFIG
def list_deployments(product: str, path: Path) -> None:
    """List the deployments of PRODUCT, oldest first, without revoked ones."""
    location = require_record(path)
    facts = location.facts()
    product_facts = [fact for fact in facts.all if facts.is_about(fact, location.former_ids.product(product))]
    listed_deployments = deployments(known_at(product_facts, SystemClock().now()))
    for deployment in listed_deployments:
        click.echo(
            f"{deployment.id}  {format_instant(deployment.at)}  {deployment.version} ({deployment.by})"
            + (deployment.link and f" {deployment.link}")
        )
    if not listed_deployments:
        click.echo(f"no deployments of {product}")
