"""`ninewatch pause` and `ninewatch resume`: stop the probes of a check or a product for a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import BY_OPTION, end_of, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import require_record
from monitor.config.former_ids import FormerIdMap
from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from sla.pause import Pause, pause_end
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.config.model import Portfolio


REASON = click.option("--reason", required=True, help="The reason.")


@click.command(short_help="Send no probes of a check or a product for a time.")
@click.argument("subject", metavar="PRODUCT[/CHECK]")
@click.option("--for", "length", metavar="DURATION", help="Duration from now: 2h.")
@click.option("--until", metavar="TIME", help="End of the pause (RFC 3339, or local time).")
@BY_OPTION
@REASON
@CONFIG
def pause(subject: str, length: str | None, until: str | None, author: str, reason: str, path: Path) -> None:
    """Stop probing CHECK, or all checks of PRODUCT, until the end of the pause.

    A paused check stays a member of its product. The time is unknown, never downtime; an open incident stays open
    without reminders. A running daemon applies the pause within about a second. For a pause without an end, set
    `enabled: false` in the configuration.
    """
    location, portfolio = require_record(path), load_config(path)[1]
    now = SystemClock().now()
    end = end_of("pause", length, until, portfolio.zone, now)
    selected = Pause(*_subject(portfolio, subject), now, end, one_line("--by", author), one_line("--reason", reason))
    state_fact(location.record, selected.fact())
    click.echo(f"pause {selected.fact().id}: {subject} is paused until {format_instant(end)}")


@click.command(short_help="End a pause now.")
@click.argument("subject", metavar="PRODUCT[/CHECK]")
@BY_OPTION
@REASON
@CONFIG
def resume(subject: str, author: str, reason: str, path: Path) -> None:
    """End the pauses of CHECK, or those of PRODUCT, now. The pause of a product covers its checks."""
    location, portfolio = require_record(path), load_config(path)[1]
    now, (product, check) = SystemClock().now(), _subject(portfolio, subject)
    all_facts = location.facts()
    facts = Facts(all_facts.all, former_ids=FormerIdMap.of(portfolio, all_facts.renamings))
    active = [pause for pause in facts.pauses(product) if pause.interval.start <= now < pause.interval.end]
    selected = [pause for pause in active if pause.check == check]
    if any(pause.configured for pause in selected):
        raise NinewatchError(f"{subject} is paused by the configuration; remove `enabled: false` there")
    if not selected:
        others = ", ".join(pause.check or pause.product for pause in active)
        raise NinewatchError(f"{subject} is not paused" + (f"; paused: {others}" if others else "; nothing to resume"))
    by, text = one_line("--by", author), one_line("--reason", reason)
    for pause in selected:
        state_fact(location.record, pause_end(pause, now, by, text))
        click.echo(f"pause {pause.id} ended: {subject}")


def _subject(portfolio: Portfolio, subject: str) -> tuple[str, str]:
    """Return the product and the key of the check; the key is empty for all checks of the product."""
    product, slash, _ = subject.partition("/")
    products = [known.id for known in portfolio.products]
    if product not in products:
        raise NinewatchError(f'unknown product "{product}"; known products: {", ".join(products)}')
    keys = [f"{owner.id}/{check.id}" for owner, check in portfolio.probed() if owner.id == product]
    if slash and subject not in keys:
        raise NinewatchError(f'unknown check "{subject}"; known checks: {", ".join(keys)}')
    return product, subject if slash else ""
