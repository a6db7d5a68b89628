"""Probe a target by a module for `/probe`, and return the metrics or, with `debug=true`, a log."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from monitor.blackbox.dns import DNS
from monitor.blackbox.grpc import GRPC
from monitor.blackbox.http import HTTP
from monitor.blackbox.http_request import check_hostname
from monitor.blackbox.http_response import BodyMemory
from monitor.blackbox.icmp import ICMP
from monitor.blackbox.metrics import OUTCOME
from monitor.blackbox.modules import Module, ModuleFile
from monitor.blackbox.prober import BlackboxProbe, ProbeLog, Prober
from monitor.blackbox.tcp import TCP
from monitor.blackbox.tls import options
from monitor.blackbox.values import CONCEALED_VALUE
from monitor.config.block_file import load_block
from monitor.config.errors import ConfigError
from monitor.config.validation_context import Context
from monitor.config.watcher import Watcher
from monitor.http import http2
from monitor.log import Concealer, conceal_secrets
from monitor.network.icmp_echo import may_open_socket
from monitor.network.tls_context import context_for
from monitor.probe_result import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.engine.runner import AttemptResult, Runner
    from monitor.health import Health
    from monitor.network.attempt import Attempt
    from monitor.network.outbound_policy import OutboundPolicy

MAX_CONCURRENT = 100  # probes for scrapers; the daemon's own checks have priority
START_INTERVAL = 0.004  # seconds between two starts; simultaneous handshakes would block the event loop
MAX_TIMEOUT = 120.0  # seconds; also the default if neither scraper nor module sets a timeout
TIMEOUT_OFFSET = 0.5  # seconds of the scraper's timeout that are reserved for the response
_MIN_TIMEOUT = 0.01
_CREDENTIALS = re.compile(r"//[^/]*@")

PROBERS: Mapping[str, Prober] = {"http": HTTP, "tcp": TCP, "dns": DNS, "icmp": ICMP, "grpc": GRPC}

log = structlog.get_logger(__name__)


class BusyError(Exception):
    """Too many probes are running."""


class UnknownModuleError(Exception):
    """The file has no module of that name."""


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """The parameters of a request. `scrape_timeout` is in seconds, 0 if unknown."""

    target: str
    module: str
    hostname: str = ""
    scrape_timeout: float = 0.0
    debug: bool = False


class _Loaded(NamedTuple):
    """The loaded modules, and per module the state that its probes share."""

    modules: Mapping[str, Module]
    shared: Mapping[str, dict[str, Any]]


class Blackbox:
    """Loads and reloads a module file, and probes targets by its modules."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Load the file.

        Raises:
            ConfigError: invalid file.
        """
        self._path, self._clock = path, clock
        self._loaded = self._load()
        self.in_flight, self._body_memory = 0, BodyMemory()
        self._start_lock, self._next_start = asyncio.Lock(), 0.0

    @property
    def modules(self) -> Mapping[str, Module]:
        """The modules of the last valid file."""
        return self._loaded.modules

    def _load(self) -> _Loaded:
        context = Context()
        context.reads(self._path)
        try:
            modules = load_block(self._path, ModuleFile, context).modules
        finally:
            self._watcher = Watcher(self._path, context.files)
        _preload(modules)
        return _Loaded(modules, {name: {} for name in modules})

    def reload_if_needed(self, health: Health, *, requested: bool) -> None:
        """Reload the file if it changed or a reload was requested. Does blocking I/O: call it in a thread."""
        if self._watcher.changed() or requested:
            self._reload(health)

    def _reload(self, health: Health) -> None:
        health.blackbox_reload_success = False
        try:
            self._loaded = self._load()  # replaced atomically, because another thread serves requests
            health.blackbox_reload_success, health.blackbox_reload_at = True, self._clock.now()
            log.info("blackbox_reloaded", modules=len(self.modules))
            return
        except ConfigError as error:
            for problem in error.problems:
                log.error("blackbox_refused", problem=str(problem))
        except Exception:  # any error; probing continues
            log.exception("blackbox_defect")
        log.error("blackbox_kept", advice="the modules are unchanged; fix the file and it is reloaded")

    async def probe(self, request: ProbeRequest, runner: Runner, outbound: OutboundPolicy | None = None) -> str:
        """Probe a target, and return the response text; `outbound` is the address policy for the client.

        Raises:
            BusyError: too many probes are running.
            UnknownModuleError: no such module.
            ValueError: the request contradicts the module.
        """
        if self.in_flight >= MAX_CONCURRENT:
            raise BusyError
        loaded = self._loaded
        module = loaded.modules.get(request.module)
        if module is None:
            raise UnknownModuleError
        check_hostname(module, request.hostname)
        seconds, shared = _timeout(module, request.scrape_timeout), loaded.shared[request.module]
        probe_log = ProbeLog(self._clock, request.debug, _redactor(module) if request.debug else conceal_secrets)
        probe = BlackboxProbe(request.target, module, request.hostname, seconds, probe_log, shared, self._body_memory)
        self.in_flight += 1
        try:
            await self._wait_for_start()
            attempt_result = await self._run_probe(probe, runner, outbound)
        finally:
            self.in_flight -= 1
        return _debug_page(probe, attempt_result) if request.debug else probe.gauges.page()

    async def _wait_for_start(self) -> None:
        """Wait until the next probe may start. A cancelled wait does not delay other probes."""
        async with self._start_lock:
            if self._next_start > self._clock.monotonic():
                await self._clock.sleep_until(self._next_start)
            self._next_start = self._clock.monotonic() + START_INTERVAL

    async def _run_probe(self, probe: BlackboxProbe, runner: Runner, outbound: OutboundPolicy | None) -> AttemptResult:
        prober = PROBERS[probe.module.prober]
        redacted_target = _CREDENTIALS.sub(f"//{CONCEALED_VALUE}@", probe.target)
        probe.probe_log.note(
            "probing", prober=probe.module.prober, target=redacted_target, timeout=f"{probe.seconds:g}s"
        )
        prober.begin(probe)

        async def run_prober(attempt: Attempt) -> ProbeResult:
            await prober.run(probe, attempt)
            attempt.close()
            return ProbeResult(Outcome.GOOD, phases=attempt.phases)

        attempt_result = await runner.attempt(run_prober, probe.seconds, outbound=outbound)
        result, gauges = attempt_result.result, probe.gauges
        prober.end(probe, result.phases)
        gauges.set("probe_success", result.outcome is Outcome.GOOD)
        gauges.set("probe_duration_seconds", attempt_result.duration)
        gauges.set(OUTCOME, 1, {"outcome": result.outcome.value, "reason": result.reason})
        return attempt_result


def _preload(modules: Mapping[str, Module]) -> None:
    """Import libraries (0.1 s) and load CA bundles (20 ms each) before the first probe needs them."""
    probers = {module.prober for module in modules.values()}
    if probers & {"http", "grpc"}:
        http2.load()
    if "icmp" in probers and not may_open_socket():
        advice = "run `sysctl net.ipv4.ping_group_range='0 2147483647'`"
        log.warning("blackbox_cannot_ping", advice=f"probes of icmp modules fail; {advice}")
    if probers != {"icmp"}:
        from cryptography import x509  # noqa: F401 - parses certificates
    for module in modules.values():
        for tls_config, alpn_protocols in (
            (module.http.tls_config, ("h2", "http/1.1") if module.http.enable_http2 else ()),
            (module.tcp.tls_config, ()),
            (module.grpc.tls_config, ("h2",)),
        ):
            context_for(options(tls_config), alpn_protocols)


def _timeout(module: Module, scrape_timeout: float) -> float:
    """Return a probe's timeout: the scraper's minus `TIMEOUT_OFFSET`, at most the module's."""
    scrape_limit = scrape_timeout if 0 < scrape_timeout < math.inf else MAX_TIMEOUT
    limit = scrape_limit - TIMEOUT_OFFSET
    if limit < 0 or 0 < module.timeout < limit:
        limit = module.timeout
    return min(max(limit, _MIN_TIMEOUT), MAX_TIMEOUT)


def _redactor(module: Module) -> Callable[[str], str]:
    """Return a function that removes secrets from a text, including values that this module sends."""
    concealer = Concealer()
    for value in module.concealed_values():
        concealer.add(value)
    return lambda text: concealer.clean(conceal_secrets(text))


def _debug_page(probe: BlackboxProbe, attempt_result: AttemptResult) -> str:
    """Return the log, the metrics and the module of a probe as text, without secrets."""
    result = attempt_result.result
    probe.probe_log.note("done", outcome=result.outcome.value, reason=result.reason, detail=result.detail)
    for phase, seconds in result.phases.items():
        probe.probe_log.note("phase", name=phase, seconds=f"{seconds:.6f}")
    sections = (
        ("Logs for the probe:", "\n".join(probe.probe_log.lines) + "\n"),
        ("Metrics that would have been returned:", probe.gauges.page()),
        ("Module configuration:", probe.module.model_dump_json(indent=2, exclude_unset=True) + "\n"),
    )
    return probe.probe_log.clean("\n\n\n".join(f"{title}\n{text}" for title, text in sections))
