"""`ninewatch alert`: test receivers, list and retry notifications, acknowledge and silence alerts."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.alerting.test_message import send_test
from monitor.clock import SystemClock
from monitor.commands.alert_acknowledge import acknowledge_command
from monitor.commands.alert_list import notification_fields, notification_line, response_line
from monitor.commands.alert_report import mark_command, report_command
from monitor.commands.alert_sink import sink_command
from monitor.commands.common import CONFIG, loaded
from monitor.commands.correct import location_of
from monitor.commands.statement import end_of, words
from monitor.engine.probe_environment import probe_environment
from monitor.errors import NinewatchError
from monitor.health import Health
from monitor.log import concealed
from monitor.network.outbound_policy import OutboundPolicy
from monitor.storage.reader import reading
from sla.fact import Fact
from sla.interval import SECOND
from sla.silence import RETRY, Silence, silence_end, silences
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.alerting.delivery import Outcome
    from monitor.commands.correct import RecordLocation
    from monitor.config.alerting import ReceiverBase
    from monitor.config.model import Portfolio

_WHO = click.option("--author", required=True, help="Name of the person who says so.")


@click.group(short_help="Test a receiver; list and retry notifications; acknowledge and silence alerts.")
def alert() -> None:
    """Test a receiver, list notifications, retry them, acknowledge and silence alerts."""


alert.add_command(sink_command)
alert.add_command(acknowledge_command)
alert.add_command(report_command)
alert.add_command(mark_command)


@alert.command("test", short_help="Send a test message to a receiver.")
@click.argument("receiver")
@CONFIG
def test_command(receiver: str, path: Path) -> None:
    """Send a test message to RECEIVER and print whether it was confirmed. Exit status: 0 confirmed, 1 not.

    It is sent by this command, from this machine; no daemon is needed.
    """
    portfolio = loaded(path)[1]
    held = {each.id: each for each in portfolio.receivers}
    if receiver not in held:
        known = f"there are {', '.join(held)}" if held else "add one under receivers:"
        raise NinewatchError(f'{path}: there is no receiver "{receiver}"; {known}')
    outcome = asyncio.run(_sent(portfolio, held[receiver]))
    if outcome.error:
        click.echo(concealed(f"{receiver}: not delivered: {outcome.error}"))
        sys.exit(1)
    click.echo(f"{receiver}: delivered to {concealed(held[receiver].destination)}")


async def _sent(portfolio: Portfolio, receiver: ReceiverBase) -> Outcome:
    clock = SystemClock()
    async with probe_environment(clock, Health(), outbound=OutboundPolicy(portfolio.outbound)) as (runner, _):
        return await send_test(portfolio, receiver, runner.new_attempt(), clock.now())


@alert.command("list", short_help="List notifications, those that wait first.")
@click.option("--all", "every", is_flag=True, help="List the last 1,000, not 20, of those that were delivered.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, with instants in RFC 3339.")
@CONFIG
def list_command(every: bool, as_json: bool, path: Path) -> None:
    """List silences in force, open alerts, notifications that wait to be delivered, and the latest that were.

    Of an open alert it prints the step of its escalation, when the next one is due, and who acknowledged it.
    """
    location, now = location_of(path), SystemClock().now()
    with reading(location.record) as record:
        latest = record.latest_notifications(1_000)
        waiting = [row for row in record.unfinished() if row.done is None]
        responses = {each.key: each for each in record.load_responses()}
    done = [row for row in latest if row.done is not None][: 1_000 if every else 20]
    muted = [each for each in silences(location.facts().all) if now < each.until]
    if as_json:
        for row in (*waiting, *done):
            click.echo(json.dumps(notification_fields(row, responses.get(row.key)), ensure_ascii=False))
        return
    for silence in muted:
        click.echo(f"silence   {_described(silence)}")
    for held in responses.values():
        click.echo(concealed(response_line(held, now)))
    for row in (*waiting, *done):
        click.echo(concealed(notification_line(row, now)))
    if not (muted or responses or waiting or done):
        click.echo("no notifications")


@alert.command("retry", short_help="Send again now what could not be delivered.")
@click.argument("receiver", required=False)
@_WHO
@CONFIG
def retry_command(receiver: str | None, author: str, path: Path) -> None:
    """Have the daemon try everything that failed again at once, or only what waits for RECEIVER.

    The daemon takes it up within about a second.
    """
    location = _location(path)
    fact = Fact.of(SystemClock().now(), words("--author", author), RETRY, "", {"receiver": receiver or ""})
    location.journal.add(fact)
    click.echo(f"asked to retry {receiver or 'all receivers'}")


@alert.command("silence", short_help="Mute alerts for a while, or end a silence.")
@click.argument("product", required=False)
@click.option("--for", "length", metavar="DURATION", help="How long from now: 2h.")
@click.option("--until", metavar="TIME", help="Until when (RFC 3339, or local time of the configuration's zone).")
@click.option("--key", default="", help="Only the alert with this key.")
@click.option("--all", "every", is_flag=True, help="All alerts of all products.")
@click.option("--end", "ended", metavar="ID", help="End the silence with this id now.")
@click.option("--reason", default="", help="Why; required for a new silence.")
@_WHO
@CONFIG
def silence_command(
    product: str | None,
    length: str | None,
    until: str | None,
    key: str,
    every: bool,
    ended: str | None,
    reason: str,
    author: str,
    path: Path,
) -> None:
    """Mute the alerts about PRODUCT, the alert of --key, or --all, until an instant.

    Probing, figures and incidents go on. What was announced is still resolved; what is down when the silence ends is
    announced then. A silence is a fact of the record, with author and reason.
    """
    location, who = _location(path), words("--author", author)
    if ended is not None:
        _end(location, ended, who)
        return
    if sum((product is not None, bool(key), every)) != 1:
        raise NinewatchError("name what to mute: PRODUCT, --key KEY or --all")
    if product is not None and location.products is not None and product not in location.products:
        raise NinewatchError(f'there is no product "{product}"; there are {", ".join(location.products)}')
    now = SystemClock().now()
    made = Silence(
        now, who, words("--reason", reason), end_of("silence", length, until, location.zone, now), product or "", key
    )
    location.journal.add(made.fact())
    click.echo(f"silence {_described(made)}")


def _end(location: RecordLocation, name: str, who: str) -> None:
    known = {each.id for each in silences(location.facts().all)}
    if name not in known:
        listed = f"there are {', '.join(sorted(known))}" if known else "there is none"
        raise NinewatchError(f'no silence "{name}" is in force; {listed}')
    location.journal.add(silence_end(name, SystemClock().now(), who))
    click.echo(f"ended silence {name}")


def _location(path: Path) -> RecordLocation:
    location = location_of(path)
    if not location.record.exists():
        raise NinewatchError(
            f"there is no record {location.record}; start the daemon once with `ninewatch run -c {path}`"
        )
    return location


def _described(silence: Silence) -> str:
    what = silence.product or (f"the alert {silence.key}" if silence.key else "all alerts")
    until = format_instant(silence.until // SECOND * SECOND)
    return f"{silence.id}: {what} until {until}: {silence.reason} ({silence.author})"
