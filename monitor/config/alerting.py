"""Receivers of notifications and the routes to them. The loader adds the classes of receivers, as for checks.

A kind is one class, in the file of its receiver (`monitor/receivers/`):

    class WebhookReceiver(ReceiverBase):
        kind: ClassVar[str] = "webhook"
        webhook: Address

Its key (`webhook`) distinguishes it from the others. Field docstrings become the JSON Schema's descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, PlainValidator, TypeAdapter, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.addresses import HttpUrl
from monitor.config.agreement import Hours
from monitor.config.base import Model
from monitor.config.report_schedule import MonthlyReport, ReportSchedule
from monitor.config.secret import SECRET_SCHEMA, Secret, plain, read_secret
from monitor.config.stage import StageField
from monitor.config.tls import TlsOptions
from monitor.config.values import Count, Duration, Id, Text, Within, problem_at
from sla.interval import DAY, MILLISECOND, MINUTE, SECOND

_HTTP_URL: TypeAdapter[str] = TypeAdapter(HttpUrl)

AttemptTimeout = Annotated[Duration, AfterValidator(Within(SECOND, MINUTE, "between 1s and 1m"))]


def _address(value: Any, info: ValidationInfo) -> str | Secret:
    address = read_secret(value, info) if isinstance(value, Mapping | Secret) else value
    if not isinstance(address, str | Secret):
        raise ValueError("not a URL; use https://..., or a reference to it: {env: NAME} or {file: PATH}")
    try:
        url = _HTTP_URL.validate_python(plain(address).strip())
    except ValueError:
        text = f"the text in {address.source}" if isinstance(address, Secret) else "the text"
        raise ValueError(
            f"{text} must be an http or https URL without user name and password; use https://host/path"
        ) from None
    return Secret(url, address.source) if isinstance(address, Secret) else url


Address = Annotated[
    str | Secret,
    PlainValidator(_address),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "uri", "pattern": "^https?://"}, SECRET_SCHEMA]}),
]
"""A URL to send to, or a reference to it: for many services the URL itself is the secret."""


class ReceiverBase(Model):
    """Fields common to all receivers. A subclass adds a field with the name of its `kind`, and further fields.

    `alerts`: the receiver accepts alerts. `heartbeats`: the receiver accepts the heartbeat of the dead man's switch.
    `accepts_reports`: the receiver accepts reports.
    """

    kind: ClassVar[str] = ""
    alerts: ClassVar[bool] = True
    heartbeats: ClassVar[bool] = False
    accepts_reports: ClassVar[bool] = False

    id: Id
    """Identifies the receiver in routes, in `ninewatch alert` and in the record."""

    depends_on: tuple[Id, ...] = ()
    """Products that must be up for a message to be delivered. An alert about one of them needs another receiver."""

    timeout: AttemptTimeout = 10 * SECOND
    """Timeout of one attempt."""

    @classmethod
    def matches(cls, raw: Mapping[str, Any]) -> bool:
        """Return whether the raw mapping of a receiver has the key of this kind."""
        return cls.kind in raw

    @property
    def destination(self) -> str:
        """The destination of messages for display, without secrets."""
        value = getattr(self, self.kind)
        return f"({value.source})" if isinstance(value, Secret) else str(value)


class TlsReceiver(ReceiverBase):
    """A receiver with TLS options."""

    tls: TlsOptions = TlsOptions()
    """How the receiver's certificate is verified."""


SeverityField = Literal["page", "ticket", "note"]


def _receiver_ids(value: Any) -> tuple[str, ...]:
    ids = (value,) if isinstance(value, str) else value
    if not isinstance(ids, list | tuple) or not ids or not all(isinstance(name, str) for name in ids):
        raise ValueError("not a receiver; specify a receiver's id, or a list of ids")
    return tuple(ids)


ReceiverIds = Annotated[
    tuple[str, ...],
    PlainValidator(_receiver_ids),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class Route(Model):
    """A route: which alerts are sent to which receivers. An alert is sent to the receivers of all matching routes."""

    to: ReceiverIds = ()
    """A receiver's id, or a list of ids. All of them are notified immediately."""

    escalation: Id | None = None
    """The escalation whose steps are notified one after another while a page is not acknowledged."""

    products: tuple[Id, ...] = ()
    """Only alerts about these products. Default: all."""

    teams: tuple[Text, ...] = ()
    """Only alerts about products of these teams."""

    stages: tuple[StageField, ...] = ()
    """Only alerts about products of these stages."""

    severities: tuple[SeverityField, ...] = ("page", "ticket")
    """Only alerts of these severities: `page`, `ticket`, `note`."""

    hours: Hours | None = None
    """Only alerts in these hours, in the portfolio's `time_zone`: `"Mon-Fri 08:00-17:00"`."""

    @model_validator(mode="after")
    def _has_destination(self) -> Route:
        if not self.to and self.escalation is None:
            raise problem_at("to", "is missing; specify a receiver, or escalation: and the id of one")
        return self


class FlapDetection(Model):
    """The condition for flapping. A flapping product has one notification, which stays open until it is stable."""

    incidents: Count = 4
    """Number of incidents within the time `within` at which a product counts as flapping."""

    within: Duration = 30 * MINUTE
    """The time in which incidents are counted."""

    stable_after: Duration = 5 * MINUTE
    """The flapping notification is resolved after the product has been up for this long."""


class Heartbeat(Model):
    """Periodic message to an external receiver, which alerts when the messages stop."""

    to: Id
    """The id of the receiver."""

    every: Annotated[Duration, AfterValidator(Within(10 * SECOND, DAY, "between 10s and 1d"))] = MINUTE
    """Time between two heartbeats."""


class AlertingBlock(Model):
    """How alerts are grouped, delayed and repeated."""

    group_wait: Annotated[Duration, AfterValidator(Within(MILLISECOND, 10 * MINUTE, "between 1ms and 10m"))] = (
        10 * SECOND
    )
    """The first message is sent immediately. Further messages within this time are combined into one message, for
    receivers that people read."""

    quiet_hours: Hours | None = None
    """Hours in which tickets are delayed, in the portfolio's `time_zone`: `"22:00-07:00"`. Pages are always sent."""

    remind_every: Annotated[Duration, AfterValidator(Within(MINUTE, 7 * DAY, "between 1m and 7d"))] | None = None
    """Interval at which an open page without acknowledgement is sent again. Default: never."""

    damping: FlapDetection = FlapDetection()
    """When a product counts as flapping."""

    certificate_notice: Duration = 14 * DAY
    """A ticket is opened when a certificate that a probe received expires within this time."""

    heartbeat: Heartbeat | None = None
    """Periodic message to an external receiver (dead man's switch)."""

    reports: tuple[ReportSchedule, ...] = ()
    """The weekly report on pages, for each receiver that gets it."""

    monthly_reports: tuple[MonthlyReport, ...] = ()
    """The executive summary of the previous month, for each receiver that gets it."""
