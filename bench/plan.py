"""Measure the CPU time of `ninewatch plan` for 10,000 simulated years of a design with 20 parts.

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
from sla.feasibility import Design, Failover, Part, Planned, Repairable, Site, Standby
from sla.interval import DAY, HOUR, MINUTE


def design() -> Design:
    """Return a design of 20 parts in 2 data centres. Parts fail monthly and have 1 to 3 replicas; half need part-0."""
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
    failover = Failover(Standby.WARM, 15 * MINUTE, Fraction(9, 10), ("part-0", "part-1"))
    return Design("20 parts", parts, (Site("a", "A", centre), Site("b", "B", centre)), failover)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=10_000)
    years = parser.parse_args().years
    checklist = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
    plan = Plan(design(), None, (), (), {}, (), ())
    for name, work in (
        ("simulation", lambda: simulate(plan.design, years, 1)),
        ("complete plan", lambda: evaluate_plan(plan, checklist, years, 1)),
    ):
        seconds = []
        for _ in range(5):
            start = time.process_time()
            work()
            seconds.append(time.process_time() - start)
        print(f"{name}: {statistics.median(seconds):.2f} s of CPU for {years:,} years of 20 parts (median of 5)")


if __name__ == "__main__":
    main()
