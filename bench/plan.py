"""How long `ninewatch plan` takes: 10,000 simulated years of a 20-part design, all of the answer, on one core.

python -m bench.plan [--years 10000]
"""

from __future__ import annotations

import argparse
import statistics
import time
from fractions import Fraction

from monitor.config.plan_file import Plan
from monitor.config.readiness import load_checklist
from monitor.package_files import shipped_path
from monitor.planning.plan_result import evaluate_plan
from monitor.planning.simulation import simulate
from sla.feasibility import Design, FailOver, Part, Planned, Repairable, Site, Standby
from sla.interval import DAY, HOUR, MINUTE


def design() -> Design:
    """Twenty parts that fail monthly, of one to three replicas, half of them on a shared one, in two data centres."""
    parts = tuple(
        Part(
            f"part-{n}",
            f"part {n}",
            Repairable(30 * DAY, HOUR, 1 + n % 3),
            needs=("part-0",) if n % 2 else (),
            deployments=Planned(7 * DAY, MINUTE) if n % 4 == 0 else None,
            replicable=True,
        )
        for n in range(20)
    )
    centre = Repairable(365 * DAY, 8 * HOUR)
    fail_over = FailOver(Standby.WARM, 15 * MINUTE, Fraction(9, 10), ("part-0", "part-1"))
    return Design("20 parts", parts, (Site("a", "A", centre), Site("b", "B", centre)), fail_over)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=10_000)
    years = parser.parse_args().years
    checklist = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
    plan = Plan(design(), None, (), (), {}, (), ())
    for name, work in (
        ("simulation", lambda: simulate(plan.design, years, 1)),
        ("all of it", lambda: evaluate_plan(plan, checklist, years, 1)),
    ):
        took = []
        for _ in range(5):
            begun = time.process_time()
            work()
            took.append(time.process_time() - begun)
        print(f"{name}: {statistics.median(took):.2f} s of CPU for {years:,} years of 20 parts (median of 5)")


if __name__ == "__main__":
    main()
