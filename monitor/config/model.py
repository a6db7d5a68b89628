"""The configuration as frozen types. What kinds of check there are is handed in (`loader.portfolio_model`)."""

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
from monitor.config.check import CheckBase, Reached, Streak
from monitor.config.clients import Client, ValuePerHour
from monitor.config.escalation import Escalation, Person
from monitor.config.expect import Expect, HeaderExpectation, JsonExpectation, JsonPath, Regex, StatusRange
from monitor.config.former_ids import FormerIds
from monitor.config.hosting import HostingTiersField, shipped_tiers
from monitor.config.maintenance import Maintenance, ZoneName
from monitor.config.outbound import Family, OutboundBlock
from monitor.config.priorities import PrioritiesField
from monitor.config.readiness import ReadinessBlock
from monitor.config.secret import Secret
from monitor.config.stage import PolicyField, StageField, shipped_policy
from monitor.config.standby import Rota
from monitor.config.tls import TlsOptions
from monitor.config.values import (
    AS_TEXT,
    Count,
    Duration,
    Flag,
    Id,
    ObjectiveField,
    Seconds,
    Text,
    Token,
    WindowLength,
    problem_at,
)
from sla.alerting import BURN_POLICIES, BurnPolicy
from sla.compose import Rule
from sla.interval import DAY

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
    "OutboundBlock",
    "Portfolio",
    "Product",
    "Reached",
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
    """Something that people rely on, and what was promised of it."""

    id: Id
    """Identifies the product in URLs, metrics and the record."""

    was: FormerIds = ()
    """A former id, or a list of them: the product continues their record and facts."""

    name: Text = Field(default_factory=lambda known: known.get("id", ""))
    """Display name. Default: the id."""

    team: Text | None = None
    """The team that is responsible for it."""

    objective: ObjectiveField
    """Promised availability over the window: `99.95%` or `three nines`; above 0 % and below 100 %."""

    window: WindowLength = 30 * DAY
    """The rolling window of the objective."""

    rule: RuleField = Rule()
    """How many checks must be up for the product to be up: `all`, `any`, or `at_least 2`."""

    depends_on: tuple[Id, ...] = ()
    """Products that this one needs at run time."""

    component: Literal["simple", "complex", "bundle"] | None = None
    """Its kind: a `simple` component, a `complex` one, or a `bundle` of other products."""

    parts: tuple[Id, ...] = ()
    """Components of a complex component or a bundle. They are dependencies too."""

    stage: StageField | None = None
    """Its stage: `idea`, `proof-of-concept`, `pilot`, `production` or `enterprise`; see `stages`."""

    hosting: Id | None = None
    """The hosting tier that it runs on: `silver`, `gold-dr`, ...; see `hosting_tiers`. No objective may exceed it."""

    clients: tuple[Client, ...] = ()
    """The product's clients. Incidents of the product and of its dependencies list them."""

    value_per_hour: ValuePerHour | None = None
    """Cost of an hour of downtime. Without it, no costs are reported."""

    checks: Annotated[tuple[CheckBase, ...], Field(min_length=1)]
    """The checks of the product; at least one."""

    readiness: ReadinessBlock | None = None
    """Its readiness checklist. Without one, claims have no ceiling."""

    maintenance: tuple[Maintenance, ...] = ()
    """Planned maintenance of this product. Probes continue during it."""

    runbook: HttpUrl | None = None
    """URL of its runbook, linked in every notification. Default: the daemon's own `/runbook`."""

    agreement: Agreement = Agreement()
    """What the contractual figure excludes."""

    budget_policy: BudgetPolicyBlock | None = None
    """What follows when a share of its budget is spent. Default: the `budget_policy` of the portfolio."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The products that it cannot do without, each once: its parts, then what it depends on."""
        return tuple(dict.fromkeys((*self.parts, *self.depends_on)))

    def burn_obstacle(self, policy: BurnPolicy) -> str | None:
        """Return why the burn alert can never fire for this product, None if it can. measurement.md, section 7."""
        return policy.obstacle(self.objective, self.window, [check.interval for check in self.checks])

    @property
    def burn_obstacles(self) -> list[str]:
        """Why each burn alert that can never fire cannot."""
        return [why for policy in BURN_POLICIES if (why := self.burn_obstacle(policy)) is not None]

    @model_validator(mode="after")
    def _assembled(self) -> Product:
        """Keep `parts` with what is made of parts."""
        if self.parts and self.component in (None, "simple"):
            raise problem_at("parts", "are what a complex component or a bundle is made of; write component: bundle")
        return self

    def readiness_at(self, instant: int) -> Readiness | None:
        """Return how its checklist stands at the instant (microseconds since the epoch), None if it has none."""
        return self.readiness.at(instant) if self.readiness is not None else None


class Retention(Model):
    """How long data is kept."""

    observations: Duration = 30 * DAY
    """Raw observations. Runs and incidents, which every figure needs, are kept for ever."""


class Engine(Model):
    """Limits for running probes."""

    max_in_flight: Annotated[Count, Field(le=10_000)] = 1_000
    """Most probes in progress at once. Further probes wait; time without probes is unknown."""


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
    """Address of pages, API and metrics. Any address but loopback makes them readable for everyone who can reach it."""

    public_url: PublicUrl | None = None
    """Public address of the pages: `https://status.example.org`. Links in alerts start with it."""

    access: AccessBlock = AccessBlock()
    """Who may read pages, API and metrics."""

    store: StorePath = Path("var/ninewatch.db")
    """File of the record; a relative path is relative to the daemon's working directory."""

    title: Text = "ninewatch"
    """Title of the pages."""

    time_zone: ZoneName = "America/Vancouver"
    """Time zone of the pages and of calendar windows."""

    retention: Retention = Retention()
    """How long data is kept."""

    engine: Engine = Engine()
    """Limits for running probes."""

    outbound: OutboundBlock = OutboundBlock()
    """Where probes may connect to."""

    include: tuple[str, ...] = ()
    """Files and folders, relative to this file, to merge into it: `[products]`."""

    standalone: Flag = False
    """`true`: the file is a separate configuration, and is skipped when its folder is merged."""

    stages: PolicyField = Field(default_factory=shipped_policy)
    """The policy of the stages: `stages`, or the name of a file in `policies/` next to this one."""

    hosting_tiers: HostingTiersField = Field(default_factory=shipped_tiers)
    """The hosting tiers that products can use: `hosting`, or the name of a file in `policies/` next to this one."""

    budget_policy: BudgetPolicyBlock = Field(default_factory=shipped_budget_policy)
    """The budget policy of products without one. Default: `budget`, a file that ships."""

    maintenance: tuple[Maintenance, ...] = ()
    """Planned maintenance of all products."""

    receivers: tuple[ReceiverBase, ...] = ()
    """Where notifications are sent to."""

    routes: tuple[Route, ...] = ()
    """Which alerts go to which receivers. Default: every page and every ticket goes to every receiver."""

    escalations: tuple[Escalation, ...] = ()
    """Steps that notify one receiver or person after another while a page is not acknowledged; routes name them."""

    people: tuple[Person, ...] = ()
    """The people of the rotas, each with the receivers that reach them."""

    priorities: PrioritiesField | None = None
    """Priorities of alerts and their response targets: `pathfinder-sso`, or the name of a file in `policies/` next to
    this one. Default: none.
    """

    anchors: Anchors = ()
    """Places outside of the record that keep the heads of its closed days, so that edits of the past show."""

    witness_for: WitnessFor = ()
    """Other ninewatches whose heads this one keeps in its record."""

    alerting: AlertingBlock = AlertingBlock()
    """How alerts are grouped, damped and repeated."""

    standby: tuple[Rota, ...] = ()
    """The stand-by rotas, for `ninewatch standby` and the steps of escalations. Nothing else shows them."""

    products: Annotated[tuple[Product, ...], Field(min_length=1)]
    """The products to monitor."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone that pages show times in."""
        return zones.zone(self.time_zone)

    def policy_of(self, product: Product) -> BudgetPolicy:
        """Return the budget policy of the product."""
        return (product.budget_policy or self.budget_policy).plain()

    def checks(self) -> Iterator[tuple[Product, CheckBase]]:
        """Yield every check with its product, in the order of the configuration."""
        for product in self.products:
            for check in product.checks:
                yield product, check
