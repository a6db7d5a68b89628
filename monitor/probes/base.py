"""What a probe kind is: it makes one attempt, and the runner owns everything around it."""

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
    """One way to probe: its name, the configuration it takes, and how a check becomes a probe.

    `prepare` does once whatever can be done before the first attempt (request bytes, TLS context, compiled patterns).
    `example` is a check in YAML, `reasons` are the words of its own that a failure may bear (docs/probes.md shows both,
    and a test runs the one and looks for the other). `schemes` are the URLs that `ninewatch probe` takes for the kind,
    each with the keys that it adds; the rest of the URL, or with `whole_url` all of it, is the value of the kind's key.
    """

    name: str
    check: type[C]
    prepare: Callable[[C], Probe]
    example: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    schemes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    whole_url: bool = False
