"""The `tls` kind: a full handshake, the chain and the name verified, and how long the certificate still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationInfo, field_validator, model_validator

from monitor.config.addresses import DefaultPort, HostPort
from monitor.config.model import HostPortField, Reached
from monitor.network.buffered_stream import Dialogue
from monitor.network.connection import Wire
from monitor.network.tls_connection import securing
from monitor.probes.base import Kind
from monitor.protocols.certificate import WantedCertificate, judge
from monitor.protocols.starttls import PORTS, REASONS, Protocol, begin_tls
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from monitor.network.attempt import Frame, Probe


class TlsTarget(WantedCertificate):
    """Where to shake hands, and what to verify."""

    starttls: Protocol | None = None
    """The protocol that is spoken in the clear until TLS begins."""

    target: HostPortField
    """`host:port` to connect to, or `host`: on port 443, or on that of the protocol in `starttls`."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(schema)]}

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"target": value} if isinstance(value, str) else value

    @field_validator("target", mode="before")
    @classmethod
    def _with_port(cls, value: Any, info: ValidationInfo) -> HostPort:
        return DefaultPort(PORTS.get(info.data.get("starttls") or "", 443)).parse(value)


class TlsCheck(Reached):
    """Good when the handshake succeeds and the certificate is trusted, names the host, and lasts long enough.

    Where a protocol has its own word for it (STARTTLS and the like), that is said first.
    """

    kind: ClassVar[str] = "tls"

    tls: TlsTarget
    """`host:port`, or a mapping with `target` and TLS options."""

    @property
    def target(self) -> str:
        """The address."""
        return str(self.tls.target)


def prepare(check: TlsCheck) -> Probe:
    """Return the probe that shakes hands and hangs up."""
    options = check.tls
    host, port = options.target.host, options.target.port
    secure = securing(options, host)

    async def probe(frame: Frame) -> ProbeResult:
        with await Wire.reach(frame, host, port, family=check.family) as wire:
            if options.starttls is not None:
                frame.enter("first_byte")
                await begin_tls(Dialogue(wire), options.starttls, (options.server_name or host).removesuffix("."))
            connection = await secure(frame, wire)
            frame.close()
            judge(options, connection, frame)
        return ProbeResult(Outcome.GOOD, phases=frame.phases, certificate_expiry=frame.certificate_expiry)

    return probe


KIND = Kind(
    "tls",
    TlsCheck,
    prepare,
    example="""\
id: certificate
tls: {target: mail.example.org, starttls: smtp, valid_for: 14d}
""",
    reasons=REASONS
    | {
        "tls_expiring": "a certificate of the verified chain expires sooner than `valid_for`",
        "tls_issuer": "the certificate is another authority's",
        "tls_other_certificate": "the certificate is another than the one of `sha256`",
    },
    schemes={"tls": {}},
)
