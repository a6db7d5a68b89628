"""Examine the network: the running daemon, and one probe of every check."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from monitor.clock import SystemClock
from monitor.doctor.finding import Finding, error, good, warning
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.log import conceal_secrets
from monitor.network.json_client import get
from monitor.network.outbound_policy import OutboundPolicy
from monitor.probes.registry import prepare
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.config.addresses import HostPort
    from monitor.config.model import CheckBase, Portfolio

_AT_ONCE: Final = 20
_SECONDS: Final = 5.0
_REMEDIES: Final = {
    "connect_refused": "check the address, and whether the target runs",
    "connect_timeout": "check routes and firewalls from here to the target",
    "host_unreachable": "check routes and firewalls from here to the target",
    "no_route": "check the network of this machine",
    "forbidden_locally": "allow the connection in the operating system or in `outbound:`",
    "dns_nxdomain": "check the name, and the name servers of /etc/resolv.conf",
    "dns_no_address": "check the name, and the name servers of /etc/resolv.conf",
    "resolver_unreachable": "check the name servers of /etc/resolv.conf",
    "tls_untrusted": "check the certificate authorities of this machine, or set `tls: {ca: ...}`",
}


def daemon_findings(address: HostPort, digest: str) -> Iterator[Finding]:
    """Yield the findings about the daemon at the address. `digest` is that of the expected configuration."""
    try:
        ready = _fetch(f"http://{address}/readyz")
    except OSError:
        yield good("daemon", f"no daemon answers at {address}")
        return
    except ValueError:
        yield error("daemon", f"another program answers at {address}", "set another `listen` address")
        return
    for reason in ready.get("reasons", []):
        yield warning("daemon", f"the daemon at {address} reports: {reason}", "see docs/runbook.md")
    with contextlib.suppress(OSError, ValueError):
        running = _fetch(f"http://{address}/api/v1/configuration")
        if running.get("digest") not in (None, digest):
            yield warning(
                "daemon",
                f"the daemon at {address} runs another configuration: {running.get('source')}",
                "reload it (SIGHUP), or give this configuration its own `listen` address",
            )
            return
    if not ready.get("reasons"):
        yield good("daemon", f"the daemon at {address} is {ready.get('status')}")


def _fetch(url: str) -> dict[str, Any]:
    """Return the JSON object at the URL, for any HTTP status.

    Raises:
        OSError: there is no response.
        ValueError: the response is not a JSON object.
    """
    data = get(url, timeout=_SECONDS, direct=True).json()
    if not isinstance(data, dict):
        raise ValueError(url)
    return data


def probe_findings(portfolio: Portfolio) -> Iterator[Finding]:
    """Probe every check once; yield a finding for each that is not good, and one for all others.

    Checks that may write or are costly (journeys, browsers, transactions) are not probed.
    """
    checks = {f"{product.id}/{check.id}": check for product, check in portfolio.probed() if check.enabled}
    probed = {key: check for key, check in checks.items() if check.tightens}
    results = asyncio.run(_probe(probed.items(), OutboundPolicy(portfolio.outbound)))
    for key, (outcome, text, reason) in results.items():
        if outcome is not Outcome.GOOD:
            remedy = _REMEDIES.get(reason, "see the reason in docs/probes.md")
            yield warning("targets", conceal_secrets(f"{key}: {text}"), f"{remedy}; details: `ninewatch probe {key}`")
    count = sum(outcome is Outcome.GOOD for outcome, _, _ in results.values())
    omitted = len(checks) - len(probed)
    note = f"; not probed, because they may write or are costly: {omitted}" if omitted else ""
    yield good("targets", f"{count} of {len(probed)} checks are good{note}")


async def _probe(
    checks: Iterable[tuple[str, CheckBase]], outbound: OutboundPolicy
) -> dict[str, tuple[Outcome, str, str]]:
    """Return (outcome, text, reason) of one probe by check key."""
    free = asyncio.Semaphore(_AT_ONCE)
    async with probe_environment(SystemClock(), Health(), outbound=outbound) as (runner, _):

        async def one(key: str, check: CheckBase) -> tuple[str, tuple[Outcome, str, str]]:
            async with free:
                result = (await runner.run(check, prepare(check))).result
            detail = f": {result.detail}" if result.detail else ""
            return key, (result.outcome, f"{result.outcome} {result.reason}{detail}", result.reason)

        return dict(await asyncio.gather(*(one(key, check) for key, check in checks)))
