"""The interface of a probe kind, which makes one attempt at a time. The runner handles deadline and outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from monitor.config.model import CheckBase

if TYPE_CHECKING:
    from monitor.network.attempt import Probe

C = TypeVar("C", bound=CheckBase)


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """A probe kind: its name, its configuration, and the function that turns a check into a probe.

    - `prepare` does everything possible before the first attempt (request bytes, TLS context, compiled patterns).
    - `example` is a check in YAML, and `reasons` maps the kind's reason codes to their meanings; both are in
      docs/probes.md and tested.
    - `schemes` are the URL schemes of `ninewatch probe` for the kind, with the keys that they add. The kind's key gets
      the rest of the URL, or the whole URL if `full_url`.
    """

    name: str
    check: type[C]
    prepare: Callable[[C], Probe]
    example: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    schemes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    full_url: bool = False
