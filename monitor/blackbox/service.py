"""Answers what `/probe` asks: one attempt by a module of the file, as a page of metrics or told in full."""

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
from monitor.blackbox.http_request import conflict
from monitor.blackbox.http_response import Room
from monitor.blackbox.icmp import ICMP
from monitor.blackbox.metrics import OUTCOME
from monitor.blackbox.modules import Module, ModuleFile
from monitor.blackbox.prober import Diary, Prober, Trial
from monitor.blackbox.tcp import TCP
from monitor.blackbox.tls import options
from monitor.blackbox.values import HIDDEN
from monitor.config.block_file import load_block
from monitor.config.errors import ConfigError
from monitor.config.validation_context import Context
from monitor.config.watcher import Watcher
from monitor.http import http2
from monitor.log import Concealer, concealed
from monitor.network.icmp_echo import allowed
from monitor.network.tls_context import context_for
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.engine.runner import Attempt, Runner
    from monitor.health import Health
    from monitor.network.attempt import Frame
    from monitor.network.outbound_policy import Outbound

AT_ONCE = 100  # probes for scrapers under way; the daemon's own checks come first
SPACING = 0.004  # seconds from one start to the next: handshakes that come all at once would hold the loop
LONGEST = 120.0  # seconds for a probe that neither the scraper nor the module bounds
OFFSET = 0.5  # seconds of a scraper's time-out that are left for the way back
_SHORTEST = 0.01
_CREDENTIALS = re.compile(r"//[^/]*@")

PROBERS: Mapping[str, Prober] = {"http": HTTP, "tcp": TCP, "dns": DNS, "icmp": ICMP, "grpc": GRPC}

log = structlog.get_logger(__name__)


class BusyError(Exception):
    """There are as many probes under way as may be."""


class UnknownModuleError(Exception):
    """The file has no module of that name."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks for. `patience` is how long the scraper waits, in seconds; 0 when it does not say."""

    target: str
    module: str
    hostname: str = ""
    patience: float = 0.0
    debug: bool = False


class _Loaded(NamedTuple):
    """What one reading of the file gave: the modules, and what the probes by each hand on to each other."""

    modules: Mapping[str, Module]
    kept: Mapping[str, dict[str, Any]]


class Blackbox:
    """The modules of one file, and the probes that are made by them."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be used.
        """
        self._path, self._clock = path, clock
        self._loaded = self._read()
        self.in_flight, self._room = 0, Room()
        self._starting, self._next = asyncio.Lock(), 0.0

    @property
    def modules(self) -> Mapping[str, Module]:
        """The modules of the file as it was last sound."""
        return self._loaded.modules

    def _read(self) -> _Loaded:
        context = Context()
        context.reads(self._path)
        try:
            modules = load_block(self._path, ModuleFile, context).modules
        finally:
            self._watcher = Watcher(self._path, context.files)
        _warm(modules)
        return _Loaded(modules, {name: {} for name in modules})

    def look(self, health: Health, *, asked: bool) -> None:
        """Read the file again if it changed or somebody asked. Reads files: call it in a thread."""
        if self._watcher.changed() or asked:
            self._reload(health)

    def _reload(self, health: Health) -> None:
        health.blackbox_reload_success = False
        try:
            self._loaded = self._read()  # as a whole, for this is a thread beside the one that answers
            health.blackbox_reload_success, health.blackbox_reload_at = True, self._clock.now()
            log.info("blackbox_reloaded", modules=len(self.modules))
            return
        except ConfigError as error:
            for problem in error.problems:
                log.error("blackbox_refused", problem=str(problem))
        except Exception:  # whatever reading trips over, probing goes on
            log.exception("blackbox_defect")
        log.error("blackbox_kept", advice="the modules are unchanged; fix the file and it is reloaded")

    async def answer(self, question: Question, runner: Runner, outbound: Outbound | None = None) -> str:
        """Return the page for a question about one of the modules; `outbound` says where the caller may have probed.

        Raises:
            BusyError: too many are under way.
            UnknownModuleError: there is no such module.
            ValueError: the caller asks for what the module contradicts.
        """
        if self.in_flight >= AT_ONCE:
            raise BusyError
        loaded = self._loaded
        module = loaded.modules.get(question.module)
        if module is None:
            raise UnknownModuleError
        conflict(module, question.hostname)
        seconds, kept = _seconds(module, question.patience), loaded.kept[question.module]
        diary = Diary(self._clock, question.debug, _cleaning(module) if question.debug else concealed)
        trial = Trial(question.target, module, question.hostname, seconds, diary, kept, self._room)
        self.in_flight += 1
        try:
            await self._turn()
            attempt = await self._tried(trial, runner, outbound)
        finally:
            self.in_flight -= 1
        return _told(trial, attempt) if question.debug else trial.gauges.page()

    async def _turn(self) -> None:
        """Return when the next probe may start. Who gives up waiting delays nobody."""
        async with self._starting:
            if self._next > self._clock.monotonic():
                await self._clock.sleep_until(self._next)
            self._next = self._clock.monotonic() + SPACING

    async def _tried(self, trial: Trial, runner: Runner, outbound: Outbound | None) -> Attempt:
        prober = PROBERS[trial.module.prober]
        shown = _CREDENTIALS.sub(f"//{HIDDEN}@", trial.target)
        trial.diary.note("probing", prober=trial.module.prober, target=shown, timeout=f"{trial.seconds:g}s")
        prober.begin(trial)

        async def probe(frame: Frame) -> ProbeResult:
            await prober.run(trial, frame)
            frame.close()
            return ProbeResult(Outcome.GOOD, phases=frame.phases)

        attempt = await runner.attempt(probe, trial.seconds, outbound=outbound)
        result, gauges = attempt.result, trial.gauges
        prober.end(trial, result.phases)
        gauges.set("probe_success", result.outcome is Outcome.GOOD)
        gauges.set("probe_duration_seconds", attempt.duration)
        gauges.set(OUTCOME, 1, {"outcome": result.outcome.value, "reason": result.reason})
        return attempt


def _warm(modules: Mapping[str, Module]) -> None:
    """Load what takes long, so that no probe does it: 0.1 s of libraries, 20 ms for each bundle of authorities."""
    probers = {module.prober for module in modules.values()}
    if probers & {"http", "grpc"}:
        http2.load()
    if "icmp" in probers and not allowed():
        advice = "allow its group to with `sysctl net.ipv4.ping_group_range='0 2147483647'`"
        log.warning("blackbox_cannot_ping", advice=f"probes of icmp modules fail; {advice}")
    if probers != {"icmp"}:
        from cryptography import x509  # noqa: F401 - what reads certificates
    for module in modules.values():
        for config, offered in (
            (module.http.tls_config, ("h2", "http/1.1") if module.http.enable_http2 else ()),
            (module.tcp.tls_config, ()),
            (module.grpc.tls_config, ("h2",)),
        ):
            context_for(options(config), offered)


def _seconds(module: Module, patience: float) -> float:
    """Return how long a probe may take: what the scraper waits, less what the way back takes, at most the module's."""
    bounded = patience if 0 < patience < math.inf else LONGEST
    longest = bounded - OFFSET
    if longest < 0 or 0 < module.timeout < longest:
        longest = module.timeout
    return min(max(longest, _SHORTEST), LONGEST)


def _cleaning(module: Module) -> Callable[[str], str]:
    """Return what takes secrets out of a text, among them what this module sends."""
    own = Concealer()
    for each in module.unshown():
        own.add(each)
    return lambda text: own.clean(concealed(text))


def _told(trial: Trial, attempt: Attempt) -> str:
    """Return everything about a probe, as people read it when they look for a fault. Holds no secret."""
    result = attempt.result
    trial.diary.note("done", outcome=result.outcome.value, reason=result.reason, detail=result.detail)
    for phase, seconds in result.phases.items():
        trial.diary.note("phase", name=phase, seconds=f"{seconds:.6f}")
    parts = (
        ("Logs for the probe:", "\n".join(trial.diary.lines) + "\n"),
        ("Metrics that would have been returned:", trial.gauges.page()),
        ("Module configuration:", trial.module.model_dump_json(indent=2, exclude_unset=True) + "\n"),
    )
    return trial.diary.clean("\n\n\n".join(f"{title}\n{text}" for title, text in parts))
