"""Try a seeded sample of mutants; fail if one survives without an explanation in `survivors.toml`.

A mutant is in the sample by a hash of the seed and its key, so a change of one function does not change the sample of
the others. After `--minutes` no further mutant starts, and the last line reports the number of tried mutants.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.targets import ROOT, Target, chosen
from tests.mutation.trial import Outcome, begin, outcome

EXPLAINED = Path(__file__).with_name("survivors.toml")
# Modules that are imported once before any trial. They are neither the code under test nor its tests.
_PRELOADED = (
    "hypothesis.strategies",
    "numpy",
    "pydantic",
    "structlog",
    "yaml",
    "aiohttp",
    "dateutil.rrule",
    "holidays",
)


def main() -> int:
    """Run with the options of the command line."""
    options = _arguments()
    os.chdir(ROOT)
    os.environ["CI"] = "1"  # Hypothesis then uses the same examples each time
    for name in _PRELOADED:
        importlib.import_module(name)
    trials = [(mutant, target) for target, mutant in _sample(options.seed, options.share, options.only)]
    results = _results(trials, options.jobs, time.monotonic() + 60 * options.minutes)
    return report(results, len(trials), explained_survivors(), options.seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=9, help="another seed tries other mutants")
    parser.add_argument("--share", type=float, help="of the mutants of each module, 0 to 1, instead of the configured")
    parser.add_argument("--only", default="", help="modules whose path begins so, such as sla/state_history.py")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--minutes", type=float, default=60, help="after which no further trial is begun")
    return parser.parse_args()


def explained_survivors() -> dict[str, str]:
    """Return the reason why no test can detect each known survivor, by key."""
    entries = tomllib.loads(EXPLAINED.read_text())
    return {
        f"{path} {survivor['in']}: {survivor['change']}": survivor["because"]
        for path, survivors in entries.items()
        for survivor in survivors
    }


def _sample(seed: int, share: float | None, only: str) -> Iterator[tuple[Target, Mutant]]:
    """Yield the mutants of the sample in the order of their hashes, so that an aborted run has tried some of all
    modules.
    """
    actual = []
    for target, module in chosen(only):
        for mutant in mutants(module, (ROOT / module).read_text()):
            draw = int.from_bytes(hashlib.sha256(f"{seed} {mutant.key}".encode()).digest()[:8], "big") / 2**64
            limit = target.share if share is None else share
            if draw < limit:
                actual.append((draw / limit, mutant.key, target, mutant))
    yield from ((target, mutant) for _, _, target, mutant in sorted(actual, key=lambda row: row[:2]))


def _results(trials: list[tuple[Mutant, Target]], jobs: int, until: float) -> dict[str, Outcome]:
    """Try the mutants, `jobs` at a time; print each survivor when it is found."""
    running: dict[int, Mutant] = {}
    results: dict[str, Outcome] = {}
    waiting = iter(trials)
    while True:
        while len(running) < jobs and time.monotonic() < until and (trial := next(waiting, None)) is not None:
            mutant, target = trial
            running[begin(mutant, target.stages(mutant.path))] = mutant
        if not running:
            return results
        child, status = os.wait()
        mutant = running.pop(child)
        results[mutant.key] = outcome(status)
        if results[mutant.key] is not Outcome.KILLED:
            sys.stdout.write(f"{results[mutant.key]}: {mutant.key}\n")
            sys.stdout.flush()


def report(results: Mapping[str, Outcome], sampled: int, reasons: Mapping[str, str], seed: int) -> int:
    """Print unexplained survivors and the counts; return the exit status."""
    counts = Counter(results.values())
    unexplained = [key for key, actual in results.items() if actual is not Outcome.KILLED and key not in reasons]
    for key in sorted(key for key in reasons if results.get(key) is Outcome.KILLED):
        sys.stdout.write(f"noticed now, take it out of {EXPLAINED.name}: {key}\n")
    for key in sorted(unexplained):
        sys.stdout.write(f"UNEXPLAINED: {key}\n")
    if unexplained:
        sys.stdout.write(f"write the test that notices each, or explain it in {EXPLAINED.relative_to(ROOT)}\n")
    sys.stdout.write(
        f"{len(results)} of {sampled} sampled mutants tried (seed {seed}): {counts[Outcome.KILLED]} killed, "
        f"{counts[Outcome.SURVIVED]} survived, {len(unexplained)} unexplained\n"
    )
    return int(bool(unexplained) or not results)


if __name__ == "__main__":
    raise SystemExit(main())
