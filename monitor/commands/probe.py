"""`ninewatch probe`: make one attempt and print its result."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.engine.probe_environment import probe_environment
from monitor.engine.probe_trace import ProbeTrace
from monitor.errors import NinewatchError
from monitor.health import Health
from monitor.log import conceal_secrets, escape_invisible
from monitor.network.failure import quoted
from monitor.network.outbound_policy import OutboundPolicy
from monitor.probe_result import PHASES, JourneyResult
from monitor.probes.registry import KINDS, prepare
from monitor.views.waterfall import steps_as_json
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import CheckBase, Portfolio
    from monitor.engine.runner import AttemptResult
    from monitor.probe_result import StepResult

EXIT_STATUS = {Outcome.GOOD: 0, Outcome.BAD: 1, Outcome.UNKNOWN: 3}
_SCHEMES = {scheme: kind for kind in KINDS.values() for scheme in kind.schemes}


@click.command(short_help="Probe one URL or check once.")
@click.argument("target", metavar="URL|CHECK")
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="Configuration that defines CHECK (product/check)."
)
@click.option("--timeout", default="10s", show_default=True, help="For a URL: deadline for all phases together.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--allow-exec", is_flag=True, help="Allow the program of an exec check, or a browser script.")
@click.option(
    "--trace", "is_traced", is_flag=True, help="Also print each event: addresses, connections, TLS, response."
)
def probe(target: str, path: Path | None, timeout: str, as_json: bool, allow_exec: bool, is_traced: bool) -> None:
    """Probe once and print outcome, reason, HTTP status and the phases.

    URL is https://host/path, tcp://host:port, smtp://host or another of docs/probes.md. CHECK is product/check of the
    configuration that -c specifies, or the check's id if it is unique. --trace shows headers and the beginning of the
    body of each response, without secrets and cookies. Exit status: 0 good, 1 bad, 3 unknown, 2 usage error.
    """
    outbound = None
    if path is None:
        check = _check_of_url(target, timeout)
    else:
        _, portfolio = load_config(path, allow_exec=allow_exec)
        check, outbound = _configured_check(target, path, portfolio), OutboundPolicy(portfolio.outbound)
    trace = ProbeTrace(SystemClock()) if is_traced else None
    attempt = asyncio.run(_run_once(check, outbound, trace))
    for line in trace.lines() if trace is not None else ():
        click.echo(escape_invisible(conceal_secrets(line)), err=as_json)
    click.echo(conceal_secrets(_as_json(attempt) if as_json else _as_text(check, attempt)))
    sys.exit(EXIT_STATUS[attempt.result.outcome])


async def _run_once(check: CheckBase, outbound: OutboundPolicy | None, trace: ProbeTrace | None) -> AttemptResult:
    async with probe_environment(SystemClock(), Health(), outbound=outbound) as (runner, _):
        if trace is not None:
            trace.follow(runner)
        return await runner.run(check, prepare(check))


def _check_of_url(target: str, timeout: str) -> CheckBase:
    scheme, separator, rest = target.partition("://")
    kind = _SCHEMES.get(scheme) if separator else None
    if kind is None:
        known = ", ".join(f"{scheme}://" for scheme in sorted(_SCHEMES))
        raise click.UsageError(
            f"{quoted(target)} is not a URL to probe; use one of {known}, or a check and its file with -c"
        )
    address = target if kind.full_url else rest.removesuffix("/")
    keys = {"id": "probe", kind.name: address, **kind.schemes[scheme], "interval": "1d", "timeout": timeout}
    try:
        return kind.check.model_validate(keys)  # type: ignore[no-any-return]
    except ValidationError as error:
        first = error.errors()[0]
        url = re.sub(r"//.*@", "//…@", target)  # user info can contain a password
        argument = f"--timeout {timeout}" if "timeout" in first["loc"] else url
        raise click.UsageError(f"{argument}: {first['msg'].removeprefix('Value error, ')}") from None


def _configured_check(name: str, path: Path, portfolio: Portfolio) -> CheckBase:
    checks = {f"{product.id}/{check.id}": check for product, check in portfolio.probed()}
    matches = [check for key, check in checks.items() if name in (key, key.partition("/")[2])]
    if len(matches) == 1:
        return matches[0]
    known = ", ".join(checks) if len(checks) <= 20 else f"{len(checks)} checks"
    problem = "several checks match" if matches else "unknown check"
    raise NinewatchError(f"{path}: {problem} {name}; use product/check, one of: {known}")


def _as_json(attempt: AttemptResult) -> str:
    result = attempt.result
    fields: dict[str, Any] = {
        "outcome": str(result.outcome),
        "reason": result.reason,
        "status": result.status,
        "duration_seconds": attempt.duration,
        "phases": {phase: result.phases[phase] for phase in PHASES if phase in result.phases},
        "detail": result.detail,
    }
    if isinstance(result, JourneyResult):
        fields["steps"] = steps_as_json(result)
    return json.dumps(fields)


def _as_text(check: CheckBase, attempt: AttemptResult) -> str:
    result = attempt.result
    lines = [f"{result.outcome!s:<12}{check.kind} {check.target}"]
    if result.reason:
        lines.append(f"{'reason':<12}{result.reason}{': ' + result.detail if result.detail else ''}")
    elif result.detail:
        lines.append(f"{'detail':<12}{result.detail}")
    if result.status is not None:
        lines.append(f"{'status':<12}{result.status}")
    if result.certificate_expiry is not None:
        days = (result.certificate_expiry - attempt.at / SECOND) / 86_400
        lines.append(f"{'certificate':<12}expires in {days:.1f} days")
    lines += [_step_line(step) for step in result.steps] if isinstance(result, JourneyResult) else []
    lines += [f"{phase:<12}{1000 * result.phases[phase]:9.2f} ms" for phase in PHASES if phase in result.phases]
    return "\n".join([*lines, f"{'total':<12}{1000 * attempt.duration:9.2f} ms"])


def _step_line(step: StepResult) -> str:
    """Return the line of a step: outcome and reason, start and duration."""
    result = " ".join(filter(None, ("skipped" if step.outcome is None else step.outcome.value, step.reason)))
    times = f"{1000 * step.at:9.2f} ms +{1000 * step.duration:9.2f} ms" if step.duration else ""
    return f"{'step':<12}{step.id:<16} {result:<24}{times}".rstrip()
