"""PromQL selections that several rules share: over all replicas of a daemon, and held while none answers."""

from __future__ import annotations

from typing import Final

ALIVE: Final = "ninewatch_config_reload_success"  # a daemon that answers publishes this without any label of its own

REPLICAS: Final = ("instance", "pod")  # the labels in which replicas of one daemon differ
_OWN_LABELS: Final = "product, check, kind, window, state, bound"


def over_replicas(function: str, selector: str, *labels: str) -> str:
    """Return the aggregation of a selector over all replicas, and over further labels."""
    return f"{function} without ({', '.join((*REPLICAS, *labels))}) ({selector})"


def held(metric: str, reach: str, known: str = "", function: str = "max") -> str:
    """Select a metric over all replicas, and its last value while none that publishes it answers.

    So a restart resolves no alert, and what one replica reports now replaces what another reported before it stopped.
    `known` selects what a daemon still publishes of the same subject when it does not publish the metric, because it
    has not seen the subject since it started. What a reload removed is not held. `reach` bounds the hold.
    """
    last = f"last_over_time({metric}[{reach}])"
    sources = [metric, *([f"{last} and {known}"] if known else []), f"{last} unless ignoring ({_OWN_LABELS}) {ALIVE}"]
    return "(\n  " + "\n  or ".join(over_replicas(function, each) for each in sources) + "\n)"
