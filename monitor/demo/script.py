"""The demo's script: which product misbehaves when. A literal table, played in a loop."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.demo import modes
from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.clock import Clock


@dataclass(frozen=True, slots=True)
class Step:
    """At `at` seconds into each round the product takes up the mode."""

    at: float
    product: str
    mode: str

    @property
    def says(self) -> str:
        """What will be seen, in words."""
        return modes.find(self.product, self.mode).says


@dataclass(frozen=True, slots=True)
class Script:
    """Steps in the order of their times, played in rounds of `length` seconds. No steps: nothing happens by itself.

    Raises:
        NinewatchError: a step names no product or mode of the demo, lies before the one above it, or outside a round.
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
        """Return the script as a person reads it, times as minutes:seconds into a round."""
        head = f"Schedule of the demo, repeated every {clock_face(self.length)}:"
        rows = [f"  {clock_face(s.at)}  {s.product:<11}{s.mode:<13}{s.says}" for s in self.steps]
        return "\n".join(
            [head, *rows] if rows else ["The demo has no schedule: products keep their state until it is changed."]
        )


def clock_face(seconds: float) -> str:
    """Return minutes:seconds, floored.

    >>> clock_face(75.9)
    '01:15'
    """
    return "{:02d}:{:02d}".format(*divmod(int(seconds), 60))


# The first fault comes while a newcomer is still looking at the page for the first time. Spells are long enough for
# an incident at an interval of 1 s to be seen, and far enough apart for each to be told from the next. Keycloak's
# story is the fail-over as it runs: outage, maintenance page, GoldDR, and fail-back as soon as Gold is well again.
DEFAULT = Script(
    length=270,
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
        Step(150, "keycloak", "fail-over"),
        Step(175, "keycloak", "up"),
        Step(177, "css", "up"),
        Step(190, "secondment", "half"),
        Step(210, "secondment", "error"),
        Step(220, "secondment", "up"),
        Step(230, "notify", "degraded"),
        Step(250, "notify", "up"),
    ),
)
NONE = Script(length=1, steps=())


def load(name: str) -> Script:
    """Return the script called `default` or `none`, or the one in the JSON file of that path.

    The file reads `{"length": 60, "steps": [{"at": 5, "product": "drop", "mode": "outage"}]}`, times in seconds.

    Raises:
        NinewatchError: the file cannot be read, is not such an object, or `Script` refuses its steps.
    """
    shipped = {"default": DEFAULT, "none": NONE}
    return shipped[name] if name in shipped else _read(Path(name))


def _read(path: Path) -> Script:
    try:
        told: Any = json.loads(path.read_text("utf-8"))
        steps = tuple(Step(float(s["at"]), str(s["product"]), str(s["mode"])) for s in told["steps"])
        return Script(float(told["length"]), steps)
    except OSError as error:
        raise NinewatchError(f"{path}: {error.strerror}; a script is `default`, `none` or a JSON file") from error
    except NinewatchError as error:
        raise NinewatchError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        form = '{"length": 60, "steps": [{"at": 5, "product": "drop", "mode": "outage"}]}'
        raise NinewatchError(f"{path}: not a script ({error}); it reads {form}") from error


async def play(script: Script, clock: Clock, apply: Callable[[Step], Awaitable[None]]) -> None:
    """Apply the steps at their times, round after round, for ever. A script without steps ends at once.

    Times count from the call on the monotonic clock, so no round drifts however long a step takes.
    """
    start = clock.monotonic()
    for began in itertools.count(0) if script.steps else ():
        for step in script.steps:
            await clock.sleep_until(start + began * script.length + step.at)
            await apply(step)
