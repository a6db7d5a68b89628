"""The configuration as frozen types. `loader.portfolio_model` adds the classes of checks and receivers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from monitor import zones
from monitor.config.access import AccessBlock
from monitor.config.addresses import (
    Headers,
    HeaderValue,
    HostName,
    HostPort,
    HostPortField,
    HttpUrl,
    Listen,
    PublicUrl,
)
from monitor.config.agreement import Agreement
from monitor.config.alerting import AlertingBlock, ReceiverBase, Route
from monitor.config.anchors import Anchors, WitnessFor
from monitor.config.base import Model
from monitor.config.budget_policy import BudgetPolicyBlock, shipped_budget_policy
from monitor.config.check import CheckBase, NetworkCheck, Streak
from monitor.config.clients import Client, ValuePerHour
from monitor.config.continuity import ContinuityField
from monitor.config.drills import DrillsBlock
from monitor.config.escalation import Escalation, Person
from monitor.config.expect import Expect, HeaderExpectation, JsonExpectation, JsonPath, Regex, StatusRange
from monitor.config.former_ids import FormerIds
from monitor.config.hosting import HostingTiersField, shipped_tiers
from monitor.config.latency_objectives import LatencyObjectiveBlock
from monitor.config.maintenance import Maintenance, ZoneName
from monitor.config.on_call import Rota
from monitor.config.outbound import Family, OutboundBlock
from monitor.config.priorities import PrioritiesField
from monitor.config.readiness import PlanForecastBlock, ReadinessBlock
from monitor.config.references import LONGEST_WAIT, ReferenceBase
from monitor.config.secret import Secret
from monitor.config.sites import DownByDesign, FailoverBlock, Site
from monitor.config.stage import PolicyField, StageField, shipped_policy
from monitor.config.tls import TlsOptions
from monitor.config.values import (
    AS_TEXT,
    BudgetWindowField,
    Count,
    Duration,
    Flag,
    Id,
    ObjectiveField,
    Seconds,
    Text,
    Token,
    problem_at,
)
from sla.alerting import BURN_POLICIES, BurnPolicy
from sla.budget_window import BudgetWindow
from sla.interval import DAY
from sla.rule import Rule
from sla.whatif_changes import ChangeName

if TYPE_CHECKING:
    from sla.budget_policy import BudgetPolicy
    from sla.readiness import Readiness

__all__ = [
    "CheckBase",
    "Count",
    "Duration",
    "Engine",
    "Expect",
    "Family",
    "Flag",
    "HeaderExpectation",
    "HeaderValue",
    "Headers",
    "HostName",
    "HostPort",
    "HostPortField",
    "HttpUrl",
    "Id",
    "JsonExpectation",
    "JsonPath",
    "Model",
    "NetworkCheck",
    "OutboundBlock",
    "Portfolio",
    "Product",
    "ReadinessBlock",
    "Regex",
    "Retention",
    "Seconds",
    "Secret",
    "StatusRange",
    "Streak",
    "Text",
    "TlsOptions",
    "Token",
    "problem_at",
]


def _rule(value: Any) -> Rule:
    if isinstance(value, Rule):
        return value
    if isinstance(value, Mapping) and list(value) == ["at_least"]:
        value = value["at_least"]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("not a rule; write all, any or at_least 2")
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

    enabled: Flag = True
    """`false`: no probes of the product are sent. Its time is unknown, never downtime; open incidents stay open."""

    objective: ObjectiveField
    """Promised availability over the window: `99.95%` or `three nines`; above 0 % and below 100 %."""

    window: BudgetWindowField = BudgetWindow(30 * DAY)
    """The window of the objective: a rolling window (`30d`), or a calendar period in the `time_zone` (`month`)."""

    objectives: tuple[LatencyObjectiveBlock, ...] = ()
    """Latency objectives of the answers of all checks: `{latency: 95% under 400ms, window: 30d}`. Default: none."""

    rule: RuleField = Rule()
    """How many checks must be up for the product to be up: `all`, `any`, or `at_least 2`."""

    depends_on: tuple[Id, ...] = ()
    """Products that this product needs at run time."""

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
    """The named network that the product is reached through, such as a VPN. References with the same `via` decide
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

    budget_policy: BudgetPolicyBlock | None = None
    """What follows when a share of its budget is spent. Default: the `budget_policy` of the portfolio."""

    drills: DrillsBlock = DrillsBlock()
    """Drills of this product: promised recovery, probes during a drill, and when a drill stops."""

    continuity: ContinuityField = ()
    """Synthetic transactions that show whether a failover preserves transactions in flight. Default: none."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The ids of all direct dependencies, without duplicates: `parts`, then `depends_on`."""
        return tuple(dict.fromkeys((*self.parts, *self.depends_on)))

    def burn_obstacle(self, policy: BurnPolicy) -> str | None:
        """Return the reason why the burn alert can never fire for this product, or None (measurement.md, section 7)."""
        return policy.reason_never_fires(self.objective, self.window.length, [check.interval for check in self.checks])

    @property
    def site_checks(self) -> tuple[CheckBase, ...]:
        """The checks of the sites, which count in no figure of the product."""
        return tuple(check for site in self.sites for check in site.checks)

    @property
    def burn_obstacles(self) -> list[str]:
        """The reasons why burn alerts can never fire for this product."""
        return [reason for policy in BURN_POLICIES if (reason := self.burn_obstacle(policy)) is not None]

    @model_validator(mode="after")
    def _component_has_parts(self) -> Product:
        """Reject `parts` of a simple component."""
        if self.parts and self.component in (None, "simple"):
            raise problem_at("parts", "are allowed for a complex component or a bundle only; write component: bundle")
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
        """Return the state of the checklist by the configuration alone, without recorded evidence; None without one.

        `monitor/ledger/product_readiness.py` adds the evidence of the record.
        """
        return self.readiness.at(instant) if self.readiness is not None else None


class Retention(Model):
    """How long data is kept."""

    observations: Duration = 30 * DAY
    """How long raw observations are kept. Runs and incidents, which every figure needs, are kept forever."""


class Engine(Model):
    """Limits for running probes."""

    max_in_flight: Annotated[Count, Field(le=10_000)] = 1_000
    """Maximum number of probes in progress. Further probes are delayed; time without probes is unknown."""


def _store(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("not a path; write the record's file, e.g. var/ninewatch.db")
    return Path(str(value))


StorePath = Annotated[Path, PlainValidator(_store), WithJsonSchema({"type": "string"})]


class Portfolio(Model):
    """The whole configuration."""

    listen: Listen = HostPort("127.0.0.1", 9999)
    """Address of pages, API and metrics. Unless it is loopback, everyone who can connect to it can read them."""

    public_url: PublicUrl | None = None
    """Public URL of the pages: `https://status.example.org`. Links in alerts start with this URL."""

    access: AccessBlock = AccessBlock()
    """Who may read pages, API and metrics."""

    store: StorePath = Path("var/ninewatch.db")
    """File of the record. A relative path is relative to the daemon's working directory."""

    title: Text = "ninewatch"
    """Title of the pages."""

    time_zone: ZoneName = "America/Vancouver"
    """Time zone of the pages and of calendar windows."""

    retention: Retention = Retention()
    """How long data is kept."""

    engine: Engine = Engine()
    """Limits for running probes."""

    outbound: OutboundBlock = OutboundBlock()
    """Addresses that probes may connect to."""

    references: tuple[ReferenceBase, ...] = ()
    """Targets outside of the products, by which this vantage recognises that it cannot observe."""

    system_references: Flag | None = None
    """Whether gateways and resolvers of this machine are near references. Default: if `references` are configured."""

    include: tuple[str, ...] = ()
    """Files and folders to merge into this file: `[products]`. A relative path is relative to the configuration file
    that contains the key.
    """

    standalone: Flag = False
    """`true`: this file is a separate configuration. It is skipped when its folder is merged."""

    stages: PolicyField = Field(default_factory=shipped_policy)
    """Policy of the stages: `stages`, or the name of a file in `policies/` next to this file."""

    hosting_tiers: HostingTiersField = Field(default_factory=shipped_tiers)
    """Hosting tiers of the products: `hosting`, or the name of a file in `policies/` next to this file."""

    budget_policy: BudgetPolicyBlock = Field(default_factory=shipped_budget_policy)
    """The budget policy of products without one. Default: `budget`, a file that ships."""

    maintenance: tuple[Maintenance, ...] = ()
    """Planned maintenance of all products."""

    receivers: tuple[ReceiverBase, ...] = ()
    """Receivers of notifications."""

    routes: tuple[Route, ...] = ()
    """Routes of alerts to receivers. Default: every page and every ticket is sent to every receiver."""

    escalations: tuple[Escalation, ...] = ()
    """Steps that notify one receiver or person after another while a page is not acknowledged; routes name them."""

    people: tuple[Person, ...] = ()
    """The people of the rotas, each with the receivers that reach them."""

    priorities: PrioritiesField | None = None
    """Priorities of alerts and their response targets: `pathfinder-sso`, or the name of a file in `policies/` next to
    this one. Default: none.
    """

    anchors: Anchors = ()
    """Places outside of the record that keep the heads of its closed days, so that edits of the past are detected."""

    witness_for: WitnessFor = ()
    """Other ninewatch daemons whose heads this daemon keeps in its record."""

    alerting: AlertingBlock = AlertingBlock()
    """How alerts are grouped, delayed and repeated."""

    standby: tuple[Rota, ...] = ()
    """On-call rotas, for `ninewatch standby` and the steps of escalations only."""

    products: Annotated[tuple[Product, ...], Field(min_length=1)]
    """The products to monitor."""

    @model_validator(mode="after")
    def _outcomes_wait_for_references(self) -> Portfolio:
        longest_wait = LONGEST_WAIT if self.references or self.system_references else 0
        for _, check in self.probed():
            check.wait_for_references(longest_wait)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the pages."""
        return zones.zone(self.time_zone)

    def policy_of(self, product: Product) -> BudgetPolicy:
        """Return the budget policy of the product."""
        return (product.budget_policy or self.budget_policy).plain()

    def checks(self) -> Iterator[tuple[Product, CheckBase]]:
        """Yield every check with its product, in the order of the configuration."""
        for product in self.products:
            for check in product.checks:
                yield product, check

    def site_checks(self) -> Iterator[tuple[Product, CheckBase]]:
        """Yield every check of a site with its product, in the order of the configuration."""
        for product in self.products:
            for check in product.site_checks:
                yield product, check

    def probed(self) -> Iterator[tuple[Product, CheckBase]]:
        """Yield every check that is probed with its product: those of products, then those of sites."""
        yield from self.checks()
        yield from self.site_checks()
