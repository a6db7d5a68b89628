"""The demo's script: a table of mode changes, played in a loop."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.demo import modes
from monitor.errors import NinewatchError
from monitor.views.text_table import aligned_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.clock import Clock


@dataclass(frozen=True, slots=True)
class Step:
    """Set the product's mode at `at` seconds into each round."""

    at: float
    product: str
    mode: str

    @property
    def description(self) -> str:
        """The description of the mode."""
        return modes.find(self.product, self.mode).description


@dataclass(frozen=True, slots=True)
class Script:
    """Steps in chronological order, played in rounds of `length` seconds. Without steps nothing changes.

    Raises:
        NinewatchError: a step with an unknown product or mode, out of order, or outside the round.
    """

    length: float
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        for step in self.steps:
            modes.find(step.product, step.mode)
            if not 0 <= step.at < self.length:
                raise NinewatchError(f"step at {step.at:g} s is outside the schedule of {self.length:g} s")
        if any(a.at > b.at for a, b in itertools.pairwise(self.steps)):
            raise NinewatchError("the steps of a script must be in order of time; sort them by `at`")

    def table(self) -> str:
        """Return the script as text, with times as minutes:seconds since the start of a round."""
        if not self.steps:
            return "The demo has no schedule: products keep their state until it is changed."
        rows = [(format_time(step.at), step.product, step.mode, step.description) for step in self.steps]
        head = f"Schedule of the demo, repeated every {format_time(self.length)}:"
        return "\n".join([head, *(f"  {line}" for line in aligned_lines(rows))])


def format_time(seconds: float) -> str:
    """Return minutes:seconds, rounded down.

    >>> format_time(75.9)
    '01:15'
    """
    return "{:02d}:{:02d}".format(*divmod(int(seconds), 60))


# The first failure starts after 12 seconds. Failures are long enough for an incident at an interval of 1 s, and far
# enough apart to be distinguishable. Keycloak fails over: outage, maintenance page, GoldDR, then failback when Gold is
# up again. Finally the monitor's own connection is cut, long enough for its alert (30 s).
DEFAULT = Script(
    length=300,
    steps=(
        Step(12, "drop", "outage"),
        Step(32, "drop", "up"),
        Step(45, "chefs", "not_ready"),
        Step(70, "chefs", "up"),
        Step(80, "notify", "slow"),
        Step(100, "notify", "up"),
        Step(115, "keycloak", "outage"),
        Step(118, "css", "recovery"),
        Step(130, "keycloak", "maintenance"),
        Step(150, "keycloak", "failover"),
        Step(175, "keycloak", "up"),
        Step(177, "css", "up"),
        Step(190, "secondment", "one_instance_down"),
        Step(210, "secondment", "error"),
        Step(220, "secondment", "up"),
        Step(230, "notify", "degraded"),
        Step(250, "notify", "up"),
        Step(255, "uplink", "outage"),
        Step(291, "uplink", "returning"),
        Step(294, "uplink", "up"),
    ),
)
NONE = Script(length=1, steps=())


def load(name: str) -> Script:
    """Return the script `default` or `none`, or load a JSON file.

    Format: `{"length": 60, "steps": [{"at": 5, "product": "drop", "mode": "outage"}]}`, times in seconds.

    Raises:
        NinewatchError: the file cannot be read or has another format, or its steps are invalid.
    """
    shipped = {"default": DEFAULT, "none": NONE}
    return shipped[name] if name in shipped else _read(Path(name))


def _read(path: Path) -> Script:
    try:
        document: Any = json.loads(path.read_text("utf-8"))
        steps = tuple(Step(float(s["at"]), str(s["product"]), str(s["mode"])) for s in document["steps"])
        return Script(float(document["length"]), steps)
    except OSError as error:
        raise NinewatchError(f"{path}: {error.strerror}; use `default`, `none` or a JSON file") from error
    except NinewatchError as error:
        raise NinewatchError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        expected_format = '{"length": 60, "steps": [{"at": 5, "product": "drop", "mode": "outage"}]}'
        raise NinewatchError(f"{path}: not a script ({error}); expected {expected_format}") from error


async def play(script: Script, clock: Clock, apply: Callable[[Step], Awaitable[None]]) -> None:
    """Apply the steps at their times in endless rounds. A script without steps returns immediately.

    Times are on the monotonic clock, relative to the call, so that rounds do not drift.
    """
    start = clock.monotonic()
    for round_number in itertools.count(0) if script.steps else ():
        for step in script.steps:
            await clock.sleep_until(start + round_number * script.length + step.at)
            await apply(step)
