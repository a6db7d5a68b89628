"""Evidence of checks, from real probes: a backup, a certificate, a page and a file; with a manual clock."""

from __future__ import annotations

import contextlib
from email.utils import formatdate
from typing import TYPE_CHECKING

from sla.interval import DAY, HOUR, MINUTE, SECOND
from tests.support.certificates import context_with_chain, issue_certificate
from tests.support.http_target import HttpTarget
from tests.support.probed_portfolio import ProbedPortfolio, clock_from_now, probed_portfolio
from tests.support.servers import http_response, read_request, send_nothing, serve_tcp

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.clocks import ManualClock

ITEMS = ("backup", "certificate", "page", "dump")
CONFIG = """\
listen: 127.0.0.1:0
products:
  - id: forms
    objective: 99.9%
    readiness:
      checklist: ours
      evidence:
        - {{item: backup, checks: [platform/backup]}}
        - {{item: certificate, checks: [platform/certificate]}}
        - {{item: page, checks: [platform/page]}}
        - {{item: dump, checks: [platform/dump]}}
    checks: [{{id: health, http: "{page}"}}]
  - id: platform
    objective: 99%
    checks:
      - {{id: backup, freshness: "http://127.0.0.1:{backup}/latest", max_age: 25h, interval: 15m}}
      - {{id: certificate, tls: {{target: "127.0.0.1:{tls}", ca: {authority}, valid_for: 14d}}, interval: 15m}}
      - {{id: page, http: "{page}", expect: {{contains: ["Recovery plan"]}}, interval: 15m}}
      - {{id: dump, exec: [/usr/bin/test, -s, {dump}], interval: 15m}}
"""


def write_config(folder: Path, **values: object) -> Path:
    """Write the configuration, and a checklist with an item per check."""
    (folder / "checklists").mkdir()
    item = "  - {{id: {0}, title: {0}, reason: r, source: us, caps: 99%, evidence: [checks]}}\n"
    lines = "".join(item.format(name) for name in ITEMS)
    (folder / "checklists" / "ours.yaml").write_text(f"id: ours\ntitle: Ours\nsource: us\nitems:\n{lines}")
    config = folder / "ninewatch.yaml"
    config.write_text(CONFIG.format(**values))
    return config


class Targets:
    """The backup, page and file that the checks probe. `written` is when the backup was written."""

    def __init__(self, folder: Path) -> None:
        self.written, self.page, self.dump = 0, HttpTarget(), folder / "dump"
        self.page.body = "<h1>Recovery plan</h1>"
        self.dump.write_text("rows")

    async def backup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond with the time of the backup."""
        await read_request(reader)
        writer.write(http_response(Last_Modified=formatdate(self.written / SECOND, usegmt=True)))
        await writer.drain()


@contextlib.asynccontextmanager
async def probed(folder: Path) -> AsyncIterator[tuple[ProbedPortfolio[ManualClock], Targets]]:
    """Yield the portfolio and its targets. The certificate expires in 20 days."""
    targets = Targets(folder)
    authority = issue_certificate("authority", 60)
    (folder / "ca.pem").write_bytes(authority.pem)
    context = context_with_chain(folder, issue_certificate("server", 20, authority, host="127.0.0.1"))
    with targets.page.serving():
        async with serve_tcp(targets.backup) as backup, serve_tcp(send_nothing, context) as tls:
            values = {"backup": backup, "tls": tls, "authority": folder / "ca.pem", "dump": targets.dump}
            config = write_config(folder, page=targets.page.url("/plan"), **values)
            async with probed_portfolio(config, clock_from_now()) as portfolio:
                targets.written = portfolio.clock.now() - HOUR
                yield portfolio, targets


async def test_items_are_met_while_backup_certificate_page_and_file_are(tmp_path: Path) -> None:
    """Only the clock and the targets change: the backup gets too old, later the certificate expires soon."""
    async with probed(tmp_path) as (portfolio, targets):
        assert portfolio.item_states("forms") == ["unmet"] * 4
        assert await portfolio.probe() == {}
        assert portfolio.item_states("forms") == ["met"] * 4
        portfolio.clock.jump(HOUR / SECOND)
        assert portfolio.item_states("forms") == ["expired"] * 4, "an observation is valid for its hold"
        portfolio.clock.jump((DAY + MINUTE) / SECOND)
        assert await portfolio.probe() == {"platform/backup": "stale"}
        assert portfolio.item_states("forms") == ["unmet", "met", "met", "met"]
        portfolio.clock.jump(6 * DAY / SECOND)
        targets.written = portfolio.clock.now()
        targets.page.body = "<h1>Page not found</h1>"
        targets.dump.write_text("")
        assert await portfolio.probe() == {
            "platform/certificate": "tls_expiring",
            "platform/page": "body_mismatch",
            "platform/dump": "exec_failed",
        }
        assert portfolio.item_states("forms") == ["met", "unmet", "unmet", "unmet"]
