"""The cases that `bench.windows` measures, by name. Each commit measures its own code with its own version of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bench.query_cases import after_observation_work, contractual_work, wide, window_work, windows
from bench.scrape_cases import scrape_work, scrapes
from bench.start_cases import start, start_work

if TYPE_CHECKING:
    from bench.generated_ledger import Figures


def repeat(case: str, times: int) -> None:
    """Repeat a case. The preparation is the same for any number of repetitions."""
    work = CASES[case]()
    for number in range(times):
        work(number)


CASES: dict[str, Callable[[], Callable[[int], object]]] = {
    "window": window_work,
    "contractual": contractual_work,
    "fresh": after_observation_work,
    "wide": lambda: after_observation_work(370, 30),
    "start": start_work,
    "quiet-scrape": lambda: scrape_work(probed=False),
    "scrape": lambda: scrape_work(probed=True),
}
GROUPS: dict[str, Callable[[], Figures]] = {"windows": windows, "wide": wide, "start": start, "scrape": scrapes}


def main(arguments: Sequence[str]) -> None:
    if arguments[0] == "time":
        print(json.dumps(GROUPS[arguments[1]]()))
    else:
        repeat(arguments[1], int(arguments[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
