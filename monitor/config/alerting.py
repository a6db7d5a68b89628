"""Receivers of notifications and the routes to them. What kinds of receiver there are is handed in, as with checks.

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
from monitor.config.secret import SECRET_SCHEMA, Secret, plain, read_secret
from monitor.config.stage import StageField
from monitor.config.tls import TlsOptions
from monitor.config.values import Count, Duration, Id, Text, Within, problem_at
from sla.interval import DAY, MILLISECOND, MINUTE, SECOND

_HTTP_URL: TypeAdapter[str] = TypeAdapter(HttpUrl)

Patience = Annotated[Duration, AfterValidator(Within(SECOND, MINUTE, "between 1s and 1m"))]


def _address(value: Any, info: ValidationInfo) -> str | Secret:
    found = read_secret(value, info) if isinstance(value, Mapping | Secret) else value
    if not isinstance(found, str | Secret):
        raise ValueError("not a URL; write https://..., or where it is kept: {env: NAME} or {file: PATH}")
    try:
        url = _HTTP_URL.validate_python(plain(found).strip())
    except ValueError:
        where = f" in {found.source}" if isinstance(found, Secret) else ""
        raise ValueError(f"no http or https URL without user and password{where}; write https://host/path") from None
    return Secret(url, found.source) if isinstance(found, Secret) else url


Address = Annotated[
    str | Secret,
    PlainValidator(_address),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "uri", "pattern": "^https?://"}, SECRET_SCHEMA]}),
]
"""A URL to send to, or where it is kept: in many services the URL itself is the secret."""


class ReceiverBase(Model):
    """What every kind of receiver has. A kind adds its own key, of its own name, and what belongs to it.

    `alerts` and `heartbeats` are whether it takes alerts, and the heartbeat of the dead man's switch.
    """

    kind: ClassVar[str] = ""
    alerts: ClassVar[bool] = True
    heartbeats: ClassVar[bool] = False

    id: Id
    """Identifies the receiver in routes, in `ninewatch alert` and in the record."""

    depends_on: tuple[Id, ...] = ()
    """Products that a message needs to arrive. An alert about one of them needs another receiver."""

    timeout: Patience = 10 * SECOND
    """Time for one attempt."""

    @classmethod
    def claims(cls, raw: Mapping[str, Any]) -> bool:
        """Return whether a receiver, as written, is of this kind: it has the kind's key."""
        return cls.kind in raw

    @property
    def destination(self) -> str:
        """Where messages go, for people to read; holds no secret."""
        value = getattr(self, self.kind)
        return f"({value.source})" if isinstance(value, Secret) else str(value)


class TlsReceiver(ReceiverBase):
    """A receiver whose connection may be encrypted."""

    tls: TlsOptions = TlsOptions()
    """How the receiver's certificate is judged."""


SeverityField = Literal["page", "ticket", "note"]


def _names(value: Any) -> tuple[str, ...]:
    listed = (value,) if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(each, str) for each in listed):
        raise ValueError("not a receiver; write the id of one, or a list of ids")
    return tuple(listed)


ReceiverIds = Annotated[
    tuple[str, ...],
    PlainValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class Route(Model):
    """Which alerts go to which receivers. An alert goes to the receivers of every route that matches it."""

    to: ReceiverIds = ()
    """A receiver's id, or a list of them: all are notified at once."""

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
    """Only at these hours, in the portfolio's `time_zone`: `"Mon-Fri 08:00-17:00"`."""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Route:
        if not self.to and self.escalation is None:
            raise problem_at("to", "is missing; write a receiver, or escalation: and the id of one")
        return self


class Damping(Model):
    """When a product counts as flapping. It then has one notification that stays open until the product is stable."""

    incidents: Count = 4
    """Incidents of one product within `within` from which on it is flapping."""

    within: Duration = 30 * MINUTE
    """The time in which they are counted."""

    stable_after: Duration = 5 * MINUTE
    """A flapping product is resolved once it was up for so long."""


class Heartbeat(Model):
    """Sign of life to an outside receiver, which alerts when it stops."""

    to: Id
    """The receiver that it is sent to."""

    every: Annotated[Duration, AfterValidator(Within(10 * SECOND, DAY, "between 10s and 1d"))] = MINUTE
    """Time between two of them."""


class AlertingBlock(Model):
    """How alerts are grouped, damped and repeated."""

    group_wait: Annotated[Duration, AfterValidator(Within(MILLISECOND, 10 * MINUTE, "between 1ms and 10m"))] = (
        10 * SECOND
    )
    """The first message leaves at once; further ones within this time become one, where people read them."""

    quiet_hours: Hours | None = None
    """Hours at which tickets wait, in the portfolio's `time_zone`: `"22:00-07:00"`. Pages never wait."""

    remind_every: Annotated[Duration, AfterValidator(Within(MINUTE, 7 * DAY, "between 1m and 7d"))] | None = None
    """A page that is open and not acknowledged is sent again after each such time. Default: never."""

    damping: Damping = Damping()
    """When a product counts as flapping."""

    certificate_notice: Duration = 14 * DAY
    """A ticket is opened when a certificate that a probe met expires in less time."""

    heartbeat: Heartbeat | None = None
    """Sign of life to an outside receiver (dead man's switch)."""
