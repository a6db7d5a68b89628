"""`ninewatch alert`: test receivers, list and retry notifications, acknowledge and silence alerts."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.alerting.receiver_check import send_test
from monitor.clock import SystemClock
from monitor.commands.alert_acknowledge import acknowledge_command
from monitor.commands.alert_list import notification_fields, notification_line, response_line
from monitor.commands.alert_note import note_command
from monitor.commands.alert_report import mark_command, report_command
from monitor.commands.alert_sink import sink_command
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import BY_OPTION, end_of, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import location_of, require_record
from monitor.engine.probe_environment import probe_environment
from monitor.errors import NinewatchError
from monitor.health import Health
from monitor.log import conceal_secrets
from monitor.network.outbound_policy import OutboundPolicy
from monitor.storage.reader import reading
from sla.fact import Fact
from sla.interval import SECOND
from sla.silence import RETRY, Silence, silence_end, silences
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.alerting.delivery import Outcome
    from monitor.commands.record_location import RecordLocation
    from monitor.config.alerting import ReceiverBase
    from monitor.config.model import Portfolio


@click.group(short_help="Test a receiver; list and retry notifications; acknowledge and silence alerts.")
def alert() -> None:
    """Test a receiver, list notifications, retry them, acknowledge and silence alerts."""


alert.add_command(sink_command)
alert.add_command(acknowledge_command)
alert.add_command(report_command)
alert.add_command(mark_command)
alert.add_command(note_command)


@alert.command("test", short_help="Send a test message to a receiver.")
@click.argument("receiver")
@CONFIG
def test_command(receiver: str, path: Path) -> None:
    """Send a test message to RECEIVER and print whether it was confirmed. Exit status: 0 if it was, 1 if not.

    This command sends the message from this machine; no daemon is needed.
    """
    portfolio = load_config(path)[1]
    receivers = {configured.id: configured for configured in portfolio.receivers}
    if receiver not in receivers:
        hint = f"configured receivers: {', '.join(receivers)}" if receivers else "add one under receivers:"
        raise NinewatchError(f'{path}: unknown receiver "{receiver}"; {hint}')
    outcome = asyncio.run(_send(portfolio, receivers[receiver]))
    if outcome.error:
        click.echo(conceal_secrets(f"{receiver}: not delivered: {outcome.error}"))
        sys.exit(1)
    click.echo(f"{receiver}: delivered to {conceal_secrets(receivers[receiver].destination)}")


async def _send(portfolio: Portfolio, receiver: ReceiverBase) -> Outcome:
    clock = SystemClock()
    async with probe_environment(clock, Health(), outbound=OutboundPolicy(portfolio.outbound)) as (runner, _):
        return await send_test(portfolio, receiver, runner.new_attempt(), clock.now())


@alert.command("list", short_help="List notifications, undelivered ones first.")
@click.option("--all", "show_all", is_flag=True, help="List the last 1,000 delivered notifications instead of 20.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, with instants in RFC 3339.")
@CONFIG
def list_command(show_all: bool, as_json: bool, path: Path) -> None:
    """List silences in force, open alerts, undelivered notifications, and the latest delivered notifications.

    For an open alert, print its escalation step, the time until the next step, and who acknowledged it.
    """
    location, now = location_of(path), SystemClock().now()
    with reading(location.record) as record:
        latest = record.latest_notifications(1_000)
        waiting = [row for row in record.unfinished() if row.done is None]
        responses = {response.key: response for response in record.load_responses()}
    delivered = [row for row in latest if row.done is not None][: 1_000 if show_all else 20]
    silences_in_force = [silence for silence in silences(location.facts().all) if now < silence.until]
    if as_json:
        for row in (*waiting, *delivered):
            click.echo(json.dumps(notification_fields(row, responses.get(row.key)), ensure_ascii=False))
        return
    for silence in silences_in_force:
        click.echo(f"silence   {_description(silence)}")
    for response in responses.values():
        click.echo(conceal_secrets(response_line(response, now)))
    for row in (*waiting, *delivered):
        click.echo(conceal_secrets(notification_line(row, now)))
    if not (silences_in_force or responses or waiting or delivered):
        click.echo("no notifications")


@alert.command("retry", short_help="Retry failed notifications now.")
@click.argument("receiver", required=False)
@BY_OPTION
@CONFIG
def retry_command(receiver: str | None, author: str, path: Path) -> None:
    """Ask the daemon to retry all failed notifications now, or only those for RECEIVER.

    The daemon reads the request within about a second.
    """
    location = require_record(path)
    fact = Fact.of(SystemClock().now(), one_line("--by", author), RETRY, "", {"receiver": receiver or ""})
    state_fact(location.record, fact)
    click.echo(f"requested a retry for {receiver or 'all receivers'}")


@alert.command("silence", short_help="Mute alerts for a while, or end a silence.")
@click.argument("product", required=False)
@click.option("--for", "length", metavar="DURATION", help="Duration from now: 2h.")
@click.option("--until", metavar="TIME", help="End (RFC 3339, or local time in the configuration's zone).")
@click.option("--key", default="", help="Only the alert with this key.")
@click.option("--all", "for_all", is_flag=True, help="All alerts of all products.")
@click.option("--end", "ended", metavar="ID", help="End the silence with this id now.")
@click.option("--reason", default="", help="The reason; required for a new silence.")
@BY_OPTION
@CONFIG
def silence_command(
    product: str | None,
    length: str | None,
    until: str | None,
    key: str,
    for_all: bool,
    ended: str | None,
    reason: str,
    author: str,
    path: Path,
) -> None:
    """Mute the alerts about PRODUCT, the alert of --key, or --all, until an instant.

    Probing, figures and incidents continue. `resolved` messages of announced alerts are still sent. Alerts that are
    open when the silence ends are announced then. A silence is a fact of the record, with author and reason.
    """
    location, person = require_record(path), one_line("--by", author)
    if ended is not None:
        _end_silence(location, ended, person)
        return
    if sum((product is not None, bool(key), for_all)) != 1:
        raise NinewatchError("specify exactly one of PRODUCT, --key KEY and --all")
    if product is not None and location.products is not None and product not in location.products:
        raise NinewatchError(f'unknown product "{product}"; known products: {", ".join(location.products)}')
    now = SystemClock().now()
    end = end_of("silence", length, until, location.zone, now)
    silence = Silence(now, person, one_line("--reason", reason), end, product or "", key)
    state_fact(location.record, silence.fact())
    click.echo(f"silence {_description(silence)}")


def _end_silence(location: RecordLocation, name: str, person: str) -> None:
    silence_ids = {silence.id for silence in silences(location.facts().all)}
    if name not in silence_ids:
        hint = f"silences in force: {', '.join(sorted(silence_ids))}" if silence_ids else "no silence is in force"
        raise NinewatchError(f'unknown silence "{name}"; {hint}')
    state_fact(location.record, silence_end(name, SystemClock().now(), person))
    click.echo(f"ended silence {name}")


def _description(silence: Silence) -> str:
    subject = silence.product or (f"the alert {silence.key}" if silence.key else "all alerts")
    until = format_instant(silence.until // SECOND * SECOND)
    return f"{silence.id}: {subject} until {until}: {silence.reason} ({silence.author})"
