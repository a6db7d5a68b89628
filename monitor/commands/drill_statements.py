"""`ninewatch drill finding|close|sign-off|recovery-point`: add findings, signatures and recovery points to a drill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.drill_options import duration_option, one_drill
from monitor.commands.fact_options import BY_OPTION, one_line
from monitor.commands.fact_writing import state_fact
from monitor.errors import NinewatchError
from sla.drill_facts import drill_finding, drill_finding_closed, drill_recovery_point, drill_sign_off

if TYPE_CHECKING:
    from sla.drill import DrillRecord


def _find_drill(name: str, path: Path) -> tuple[DrillRecord, Path, int]:
    portfolio, now = load_config(path)[1], SystemClock().now()
    return one_drill(name, portfolio, now), portfolio.store, now


@click.command("finding", short_help="Add a finding with owner and due date.")
@click.argument("name", metavar="DRILL")
@click.argument("text")
@click.option("--owner", required=True, help="The person who fixes it.")
@click.option("--due", required=True, metavar="DATE", help="Due date: 2027-01-31 (UTC).")
@BY_OPTION
@CONFIG
def finding_command(name: str, text: str, owner: str, due: str, author: str, path: Path) -> None:
    """Add the finding TEXT to DRILL. It is overdue from the day after its due day until it is closed."""
    record, store, now = _find_drill(name, path)
    author_name, owner_name, finding_text = one_line("--by", author), one_line("--owner", owner), one_line("TEXT", text)
    try:
        fact = drill_finding(record.id, record.drill.product, now, author_name, finding_text, owner_name, due)
    except (ValueError, OverflowError):
        raise NinewatchError(f'--due: "{due}" is not a date; use the format 2027-01-31') from None
    state_fact(store, fact)
    click.echo(f"finding {fact.id} of drill {record.id}: {owner_name}, due {due}")


@click.command("close", short_help="Close a finding.")
@click.argument("name", metavar="DRILL")
@click.argument("finding")
@click.option("--reason", required=True, help="How it was fixed, or why it needs no fix.")
@BY_OPTION
@CONFIG
def close_command(name: str, finding: str, reason: str, author: str, path: Path) -> None:
    """Close the finding with the id FINDING of DRILL."""
    record, store, now = _find_drill(name, path)
    open_finding = next((candidate for candidate in record.findings if candidate.id == finding), None)
    if open_finding is None:
        raise NinewatchError(f'drill {record.id} has no finding "{finding}"; `ninewatch drill show` lists them')
    if open_finding.closed is not None:
        raise NinewatchError(f"the finding {finding} is closed already")
    author_name, reason_text = one_line("--by", author), one_line("--reason", reason)
    state_fact(store, drill_finding_closed(record.id, record.drill.product, now, author_name, finding, reason_text))
    click.echo(f"finding {finding} of drill {record.id} closed")


@click.command("sign-off", short_help="Accept the result of a drill.")
@click.argument("name", metavar="DRILL")
@click.option("--note", required=True, help="The accepted result.")
@BY_OPTION
@CONFIG
def sign_off_command(name: str, note: str, author: str, path: Path) -> None:
    """Sign the result of DRILL, which must have ended."""
    record, store, now = _find_drill(name, path)
    if record.end is None:
        raise NinewatchError(f"drill {record.id} is in progress; end it with `ninewatch drill end {record.id}`")
    author_name, note_text = one_line("--by", author), one_line("--note", note)
    state_fact(store, drill_sign_off(record.id, record.drill.product, now, author_name, note_text))
    click.echo(f"drill {record.id} signed off by {author_name}")


@click.command("recovery-point", short_help="State a measured recovery point.")
@click.argument("name", metavar="DRILL")
@click.argument("lost", metavar="DURATION")
@click.option("--measured-by", "source", required=True, help="How it was measured: a comparison, a tool, a person.")
@BY_OPTION
@CONFIG
def recovery_point_command(name: str, lost: str, source: str, author: str, path: Path) -> None:
    """State that DRILL lost the data of DURATION (0s: none). If there are several statements, the largest one
    applies."""
    record, store, now = _find_drill(name, path)
    length, author_name = duration_option("DURATION", lost), one_line("--by", author)
    state_fact(
        store,
        drill_recovery_point(
            record.id, record.drill.product, now, author_name, length, one_line("--measured-by", source)
        ),
    )
    click.echo(f"drill {record.id}: recovery point {lost}, by {author_name}")
