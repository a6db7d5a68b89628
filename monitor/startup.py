"""Startup of the daemon: link key, unconfigured checks, rows of a wrong clock, and limits."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import structlog

from monitor.access.link import LinkSigner, load_signer
from monitor.access.subscriptions import Subscriptions
from monitor.descriptors import descriptor_limit
from monitor.errors import NinewatchError
from monitor.ledger.renamed_checks import unconfigured_checks
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from monitor.config.model import Portfolio
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.storage.sqlite import SqliteStore

log = structlog.get_logger()

SPARE_DESCRIPTORS = 300  # reserved for pages, store, logs and name lookups; probes do not use them


def usable_signer(record: Path) -> LinkSigner | None:
    """Return the signer of the links in messages. If its key cannot be used, log an error and return None."""
    try:
        return load_signer(record)
    except NinewatchError as error:
        log.error("link_key_unusable", error=str(error), advice="messages have no link to acknowledge")
        return None


def usable_subscriptions(record: Path) -> Subscriptions | None:
    """Return the subscriptions to status pages. If their file cannot be used, log an error and return None."""
    try:
        return Subscriptions.load(record)
    except NinewatchError as error:
        log.error("subscriptions_unusable", error=str(error), advice="fix it, then restart")
        return None


def report_unconfigured(ledger: Ledger) -> None:
    """Log the recorded checks that are not configured, because they may have been renamed."""
    instants = ((history.key, history.timeline.last_at) for history in ledger.all_histories())
    last = {key: at for key, at in instants if at is not None}
    for key, message in unconfigured_checks(last, ledger.portfolio, ledger.facts.renamings).items():
        log.warning("check_not_configured", check=key, reason=message)


def set_aside_future_rows(store: SqliteStore, now: int, health: Health) -> None:
    """Set aside rows that a wrong clock dated after `now`: they would block new rows until that time."""
    if (aside := store.reconcile(now)) is not None:
        health.set_aside = max(1, aside.observations)
        start, end = format_instant(aside.start), format_instant(aside.end)
        log.error("set_aside", observations=aside.observations, start=start, end=end, advice="check the clock")


def unwritten_error(health: Health) -> NinewatchError:
    """Return the error of a daemon that was stopped with unwritten observations."""
    return NinewatchError(
        f"stopped before everything was written ({health.queue_depth} observations are lost):"
        f" {health.store_error or 'the disk does not answer'}; their time will be unknown"
    )


def in_flight_limit(portfolio: Portfolio) -> int:
    """Return the maximum number of concurrent probes: the configured limit or the limit of open files."""
    configured, possible = portfolio.engine.max_in_flight, max(1, descriptor_limit() - SPARE_DESCRIPTORS)
    if possible < configured:
        log.warning(
            "few_descriptors", max_in_flight=possible, configured=configured, advice="raise the limit of open files"
        )
    return min(configured, possible)


@contextlib.contextmanager
def handled_signals(stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on SIGTERM and SIGINT, and `reload` on SIGHUP, in the `with` block."""
    loop = asyncio.get_running_loop()
    actions = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    for number, action in actions.items():
        loop.add_signal_handler(number, action)
    try:
        yield
    finally:
        for number in actions:
            loop.remove_signal_handler(number)
