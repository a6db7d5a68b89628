"""Predict the availability of a design exactly, with shared parts, ceilings and possible improvements.

`design` has the input types. `reliability_model` converts a design to one structure. `decision_diagram` computes the
exact probability that the structure is down. `prediction` ranks the contributors to downtime. `improvements` evaluates
single changes. `monitor.planning` simulates years with the same structure.
"""

from __future__ import annotations

from sla.feasibility.ceiling import Ceiling, Limit, contradictions, find_ceiling, met_items_after
from sla.feasibility.decision_diagram import Diagram, TooManySharedPartsError
from sla.feasibility.design import Coupling, Design, Failover, Maintenance, Part, Site, Standby
from sla.feasibility.failure_process import Planned, Process, Repairable
from sla.feasibility.improvements import Change, Step, changes, next_steps
from sla.feasibility.prediction import YEAR, Contributor, Prediction, expected_unavailability, predict
from sla.feasibility.reliability_model import Mask, Model, Retry, Switch, build_model, deployments_leaf
from sla.feasibility.structure import ALWAYS_UP, AtLeast, Structure, names, parallel, series

__all__ = [
    "ALWAYS_UP",
    "YEAR",
    "AtLeast",
    "Ceiling",
    "Change",
    "Contributor",
    "Coupling",
    "Design",
    "Diagram",
    "Failover",
    "Limit",
    "Maintenance",
    "Mask",
    "Model",
    "Part",
    "Planned",
    "Prediction",
    "Process",
    "Repairable",
    "Retry",
    "Site",
    "Standby",
    "Step",
    "Structure",
    "Switch",
    "TooManySharedPartsError",
    "build_model",
    "changes",
    "contradictions",
    "deployments_leaf",
    "expected_unavailability",
    "find_ceiling",
    "met_items_after",
    "names",
    "next_steps",
    "parallel",
    "predict",
    "series",
]
