"""The configuration of a product. `loader.portfolio_model` adds the classes of its checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from monitor.config.addresses import HttpUrl
from monitor.config.agreement import Agreement
from monitor.config.base import Model
from monitor.config.budget_policy import BudgetPolicyBlock
from monitor.config.check import CheckBase
from monitor.config.clients import Client, ValuePerHour
from monitor.config.continuity import ContinuityField
from monitor.config.drills import DrillsBlock
from monitor.config.former_ids import FormerIds
from monitor.config.latency_objectives import LatencyObjectiveBlock
from monitor.config.maintenance import Maintenance
from monitor.config.readiness import PlanForecastBlock, ReadinessBlock
from monitor.config.review import ReviewBlock
from monitor.config.sites import DownByDesign, FailoverBlock, Site
from monitor.config.stage import StageField
from monitor.config.status_feed import StatusFeed
from monitor.config.values import (
    AS_TEXT,
    BudgetWindowField,
    Flag,
    Id,
    ObjectiveField,
    Text,
    problem_at,
)
from sla.alerting import BURN_POLICIES, BurnPolicy
from sla.budget_window import BudgetWindow
from sla.interval import DAY
from sla.rule import Rule
from sla.whatif_changes import ChangeName

if TYPE_CHECKING:
    from sla.readiness import Readiness


def _rule(value: Any) -> Rule:
    if isinstance(value, Rule):
        return value
    if isinstance(value, Mapping) and list(value) == ["at_least"]:
        value = value["at_least"]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("not a rule; use all, any or at_least 2")
    return Rule.parse(value)


_RULE_SCHEMA = {
    "anyOf": [
        {"enum": ["all", "any"]},
        {"type": "string", "pattern": "^at_least [1-9][0-9]*$"},
        {"type": "integer", "minimum": 1},
        {
            "type": "object",
            "properties": {"at_least": {"type": "integer", "minimum": 1}},
            "required": ["at_least"],
            "additionalProperties": False,
        },
    ],
    "examples": ["all", "any", "at_least 2"],
}

RuleField = Annotated[Rule, PlainValidator(_rule), AS_TEXT, WithJsonSchema(_RULE_SCHEMA)]


class Product(Model):
    """A product or service with its objective and its checks."""

    id: Id
    """Identifies the product in URLs, metrics and the record."""

    was: FormerIds = ()
    """A former id, or a list of former ids. The product continues their history and facts."""

    name: Text = Field(default_factory=lambda known: known.get("id", ""))
    """Display name. Default: the id."""

    team: Text | None = None
    """The team that is responsible for the product."""

    tags: tuple[Text, ...] = ()
    """Tags by which products can be filtered on the portfolio page, for example `[public, forms]`."""

    enabled: Flag = True
    """`false`: no probes of the product are sent. Its time is unknown, never downtime; open incidents stay open."""

    objective: ObjectiveField
    """Promised availability over the window: `99.95%` or `three nines`; above 0 % and below 100 %."""

    window: BudgetWindowField = BudgetWindow(30 * DAY)
    """The window of the objective: a rolling window (`30d`), or a calendar period in the `time_zone` (`month`)."""

    objectives: tuple[LatencyObjectiveBlock, ...] = ()
    """Latency objectives of the responses of all checks: `{latency: 95% under 400ms, window: 30d}`. Default: none."""

    rule: RuleField = Rule()
    """How many checks must be up for the product to be up: `all`, `any`, or `at_least 2`."""

    depends_on: tuple[Id, ...] = ()
    """Products that this product needs at run time."""

    status_feed: StatusFeed | None = None
    """The public status feed of the product's supplier. Its statements are compared with the observed outages, and do
    not change figures.
    """

    component: Literal["simple", "complex", "bundle"] | None = None
    """Kind of component: `simple`, `complex`, or a `bundle` of other products."""

    parts: tuple[Id, ...] = ()
    """Products that are parts of this complex component or bundle. They are dependencies too."""

    stage: StageField | None = None
    """Stage of the product: `idea`, `proof-of-concept`, `pilot`, `production` or `enterprise`; see `stages`."""

    hosting: Id | None = None
    """Hosting tier of the product: `silver`, `gold-dr`, ...; see `hosting_tiers`. It limits the objective."""

    clients: tuple[Client, ...] = ()
    """The product's clients. Incidents of the product and of its dependencies list them."""

    value_per_hour: ValuePerHour | None = None
    """Cost of an hour of downtime. Without it, no costs are reported."""

    via: Id | None = None
    """The named network through which the product is reached, such as a VPN. References with the same `via` decide
    whether this vantage can observe the product. Default: the uplink.
    """

    checks: Annotated[tuple[CheckBase, ...], Field(min_length=1)]
    """The checks of the product; at least one."""

    sites: tuple[Site, ...] = ()
    """The sites that the product can run at, the primary site first. Default: the active site is not observed."""

    failover: FailoverBlock = FailoverBlock()
    """Promised failover time between the sites."""

    down_by_design: DownByDesign | None = None
    """Another product during whose failovers this product is down by design. Default: none."""

    readiness: ReadinessBlock | None = None
    """Readiness checklist of the product. Without a checklist, claims have no ceiling."""

    plan: PlanForecastBlock | None = None
    """Forecast of the product's design (`ninewatch plan`), for "What can we promise?"."""

    maintenance: tuple[Maintenance, ...] = ()
    """Planned maintenance of this product. Probes continue during it."""

    runbook: HttpUrl | None = None
    """URL of the product's runbook, linked in every notification. Default: the daemon's own `/runbook`."""

    agreement: Agreement = Agreement()
    """Time that the contractual figure excludes, and limits on outages."""

    review: ReviewBlock | None = None
    """Owner and review cycle of the objectives: `{every: 90d, owner: Service Manager}`. Default: no cycle."""

    budget_policy: BudgetPolicyBlock | None = None
    """What happens when a certain share of the budget is spent. Default: the `budget_policy` of the portfolio."""

    drills: DrillsBlock = DrillsBlock()
    """Drills of this product: promised recovery time and point, probe interval, and stop conditions."""

    continuity: ContinuityField = ()
    """Synthetic transactions that show whether a failover preserves transactions in flight. Default: none."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The ids of all direct dependencies, without duplicates: `parts`, then `depends_on`."""
        return tuple(dict.fromkeys((*self.parts, *self.depends_on)))

    def burn_obstacle(self, policy: BurnPolicy) -> str | None:
        """Return why the policy's burn alert can never fire for this product, or None (measurement.md, section 7)."""
        return policy.reason_never_fires(self.objective, self.window.length, [check.interval for check in self.checks])

    @property
    def site_checks(self) -> tuple[CheckBase, ...]:
        """The checks of the sites, which do not affect its figures."""
        return tuple(check for site in self.sites for check in site.checks)

    @property
    def burn_obstacles(self) -> list[str]:
        """The reasons why burn alerts can never fire for this product."""
        return [reason for policy in BURN_POLICIES if (reason := self.burn_obstacle(policy)) is not None]

    @model_validator(mode="after")
    def _component_has_parts(self) -> Product:
        """Reject `parts` of a simple component."""
        if self.parts and self.component in (None, "simple"):
            raise problem_at("parts", "are allowed for a complex component or a bundle only; use component: bundle")
        return self

    @model_validator(mode="after")
    def _costs_of_known_changes(self) -> Product:
        """Reject the cost of decoupling from a product that is not a dependency."""
        for cost in self.plan.costs if self.plan is not None else ():
            dependency = ChangeName.parse(cost).dependency
            if dependency and dependency not in self.depends_on:
                known = ", ".join(self.depends_on) or "nothing"
                raise problem_at("plan", f"has the cost of {cost}, but the product depends on {known}; correct the id")
        return self

    @property
    def evidence_products(self) -> tuple[str, ...]:
        """The ids of the products whose checks are evidence for the readiness, without duplicates."""
        blocks = () if self.readiness is None else self.readiness.evidence
        return tuple(dict.fromkeys(key.partition("/")[0] for block in blocks for key in block.checks))

    def readiness_at(self, instant: int) -> Readiness | None:
        """Return the checklist's state from the configuration only, without recorded evidence, or None.

        `monitor/ledger/product_readiness.py` adds the evidence of the record.
        """
        return self.readiness.at(instant) if self.readiness is not None else None
