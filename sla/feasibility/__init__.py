"""Predict the availability of a design exactly, with shared parts, ceilings and possible improvements.

`design` has the input types, `reliability_model` converts a design to one structure, `decision_diagram` computes the
exact probability that it is down, `prediction` ranks contributors to downtime, `improvements` tries single changes.
Single years are simulated in `monitor.planning` over the same structure.
"""

from __future__ import annotations

from sla.feasibility.ceiling import Ceiling, Limit, contradictions, limits, met_after
from sla.feasibility.decision_diagram import Diagram, EntangledError
from sla.feasibility.design import Coupling, Design, FailOver, Maintenance, Part, Site, Standby
from sla.feasibility.failure_process import Planned, Process, Repairable
from sla.feasibility.improvements import Change, Step, changes, next_steps
from sla.feasibility.prediction import YEAR, Contributor, Prediction, expected_down, predict
from sla.feasibility.reliability_model import Mask, Model, Retry, Switch, deployments_of, model_of
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
    "EntangledError",
    "FailOver",
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
    "changes",
    "contradictions",
    "deployments_of",
    "expected_down",
    "limits",
    "met_after",
    "model_of",
    "names",
    "next_steps",
    "parallel",
    "predict",
    "series",
]
