"""The configuration as frozen types. `loader.portfolio_model` adds the classes of checks and receivers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from monitor import zones
from monitor.config.access import CLOSED, AccessBlock
from monitor.config.addresses import (
    Headers,
    HeaderValue,
    HostName,
    HostPort,
    HostPortField,
    HttpUrl,
    Listen,
    PublicUrl,
    loopback,
)
from monitor.config.alerting import AlertingBlock, ReceiverBase, Route
from monitor.config.anchors import Anchors, WitnessFor
from monitor.config.base import Model
from monitor.config.budget_policy import BudgetPolicyBlock, shipped_budget_policy
from monitor.config.check import CheckBase, NetworkCheck, Streak
from monitor.config.escalation import Escalation, Person
from monitor.config.expect import Expect, HeaderExpectation, JsonExpectation, JsonPath, Regex, StatusRange
from monitor.config.hosting import HostingTiersField, shipped_tiers
from monitor.config.login import LoginBlock
from monitor.config.maintenance import Maintenance, ZoneName
from monitor.config.on_call import Rota
from monitor.config.outbound import Family, OutboundBlock
from monitor.config.priorities import PrioritiesField
from monitor.config.product import Product
from monitor.config.readiness import ReadinessBlock
from monitor.config.references import LONGEST_WAIT, ReferenceBase
from monitor.config.roles import Centre, DaemonRole, Intake, check_role
from monitor.config.secret import Secret
from monitor.config.stage import StagePolicyField, shipped_stage_policy
from monitor.config.status_pages import StatusPage
from monitor.config.tls import TlsOptions
from monitor.config.values import (
    Count,
    Duration,
    Flag,
    Id,
    Seconds,
    Text,
    Token,
    problem_at,
)
from monitor.config.vantages import QuorumField, Vantage, quorum_of
from sla.interval import DAY

if TYPE_CHECKING:
    from sla.budget_policy import BudgetPolicy

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


class Retention(Model):
    """How long data is kept."""

    observations: Duration = 30 * DAY
    """How long raw observations are kept. Runs and incidents, from which figures are computed, are kept without
    limit."""


class Engine(Model):
    """Limits for running probes."""

    max_in_flight: Annotated[Count, Field(le=10_000)] = 1_000
    """Maximum number of probes in progress. Further probes are delayed; time without probes is unknown."""


def _path(expected: str, value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"not a path; use {expected}")
    return Path(str(value))


_PATH_SCHEMA = WithJsonSchema({"type": "string"})
StorePath = Annotated[Path, PlainValidator(partial(_path, "the record's file, e.g. var/ninewatch.db")), _PATH_SCHEMA]
DocumentationPath = Annotated[
    Path, PlainValidator(partial(_path, "the folder that `make docs` writes, e.g. var/site")), _PATH_SCHEMA
]


class Portfolio(Model):
    """The complete configuration of a daemon."""

    listen: Listen = HostPort("127.0.0.1", 9999)
    """Address of pages, API and metrics. Unless it is loopback, `login` or `access` is required."""

    public_url: PublicUrl | None = None
    """Public URL of the pages: `https://status.example.org`. Links in alerts start with this URL."""

    access: AccessBlock = AccessBlock()
    """Who may read pages, API and metrics: `public`, or a block."""

    login: LoginBlock | None = None
    """Sign-in of people. Default: none."""

    store: StorePath = Path("var/ninewatch.db")
    """File of the record. A relative path is relative to the daemon's working directory."""

    title: Text = "ninewatch"
    """Title of the pages."""

    time_zone: ZoneName = "America/Vancouver"
    """Time zone of the pages and of calendar windows."""

    documentation: DocumentationPath | None = None
    """Folder of the built documentation (`make docs` writes `var/site`), to serve it at `/docs`. A relative path is
    relative to the daemon's working directory. Default: none.
    """

    retention: Retention = Retention()
    """How long data is kept."""

    engine: Engine = Engine()
    """Limits for running probes."""

    outbound: OutboundBlock = OutboundBlock()
    """IP addresses that probes may connect to."""

    references: tuple[ReferenceBase, ...] = ()
    """Targets outside of the products. If they fail, this vantage cannot observe."""

    system_references: Flag | None = None
    """Whether gateways and resolvers of this machine are near references. Default: if `references` are configured."""

    role: DaemonRole = DaemonRole.ALONE
    """`alone`: this daemon decides by itself, or with the files of `vantages`. `vantage`: it sends its observations to
    a centre. `centre`: it receives the observations of `vantages`."""

    centre: Centre | None = None
    """With `role: vantage`: the centre that receives the observations."""

    intake: Intake | None = None
    """With `role: centre`: the listener for the observations of vantages."""

    vantages: tuple[Vantage, ...] = ()
    """Other ninewatch daemons that probe the same checks. Their votes and this daemon's vote decide together."""

    quorum: QuorumField | None = None
    """How many of all vantages, including this daemon, must see a check as down: `2 of 3`. Default: more than half."""

    include: tuple[str, ...] = ()
    """Files and folders to merge into this file: `[products]`. A relative path is relative to the configuration file
    that contains the key.
    """

    standalone: Flag = False
    """`true`: this file is a separate configuration. It is skipped when its folder is merged."""

    stages: StagePolicyField = Field(default_factory=shipped_stage_policy)
    """Policy of the stages: `stages`, or the name of a file in `policies/` next to this file."""

    hosting_tiers: HostingTiersField = Field(default_factory=shipped_tiers)
    """Hosting tiers of the products: `hosting`, or the name of a file in `policies/` next to this file."""

    budget_policy: BudgetPolicyBlock = Field(default_factory=shipped_budget_policy)
    """The budget policy of products without one. Default: `budget`, which is included."""

    maintenance: tuple[Maintenance, ...] = ()
    """Planned maintenance of all products."""

    receivers: tuple[ReceiverBase, ...] = ()
    """Receivers of notifications."""

    routes: tuple[Route, ...] = ()
    """Routes of alerts to receivers. Default: every page and every ticket is sent to every receiver."""

    escalations: tuple[Escalation, ...] = ()
    """Steps that notify one receiver or person after another while a page is not acknowledged. Routes refer to them."""

    people: tuple[Person, ...] = ()
    """The people of the rotas, each with the receivers that notify them."""

    priorities: PrioritiesField | None = None
    """Priorities of alerts and their response targets: `pathfinder-sso`, or the name of a file in `policies/` next to
    this one. Default: none.
    """

    anchors: Anchors = ()
    """Places outside of the record that store the heads of its closed days, so that changes of past data are
    detected."""

    witness_for: WitnessFor = ()
    """Other ninewatch daemons whose heads this daemon stores in its record."""

    alerting: AlertingBlock = AlertingBlock()
    """How alerts are grouped, delayed and repeated."""

    status_pages: tuple[StatusPage, ...] = ()
    """Public status pages: chosen products under names of their own, one page per audience."""

    standby: tuple[Rota, ...] = ()
    """On-call rotas, for `ninewatch standby` and the steps of escalations only."""

    products: Annotated[tuple[Product, ...], Field(min_length=1)]
    """The products to monitor."""

    @model_validator(mode="after")
    def _specifies_access(self) -> Portfolio:
        private = loopback(self.listen.host)
        if not private and self.login is None and self.access.read is None:
            raise problem_at("listen", f"{self.listen} {CLOSED}")
        if self.login is not None and self.login.oidc is not None:
            self._check_public_url(private=private)
        return self

    def _check_public_url(self, *, private: bool) -> None:
        """Check that cookies and codes of a sign-in are sent over encrypted connections, or within this machine."""
        if self.public_url is None and not private:
            raise problem_at("login", "requires `public_url`, to which the provider redirects; add it")
        parts = urlsplit(self.public_url or "")
        if self.public_url is not None and parts.scheme != "https" and not loopback(parts.hostname or ""):
            raise problem_at("public_url", "is not encrypted, and `login` needs that; use an https URL")

    @model_validator(mode="after")
    def _keys_fit_the_role(self) -> Portfolio:
        check_role(self)
        return self

    @model_validator(mode="after")
    def _outcomes_wait_for_references(self) -> Portfolio:
        longest_wait = LONGEST_WAIT if self.references or self.system_references else 0
        for _, check in self.probed():
            check.wait_for_references(longest_wait)
        return self

    @model_validator(mode="after")
    def _checks_have_vantages(self) -> Portfolio:
        quorum = quorum_of(self.vantages, self.quorum)
        for _, check in self.checks():
            check.set_vantages(tuple(vantage.id for vantage in self.vantages), quorum)
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
