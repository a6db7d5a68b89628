"""The `tls` kind: a full handshake with verification of chain, name and remaining validity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationInfo, field_validator, model_validator

from monitor.config.addresses import DefaultPort, HostPort
from monitor.config.model import HostPortField, NetworkCheck
from monitor.network.buffered_stream import BufferedStream
from monitor.network.connection import Connection
from monitor.network.tls_connection import tls_upgrader
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.certificate import CertificateExpectation, check_certificate
from monitor.protocols.starttls import PORTS, REASONS, Protocol, begin_tls
from sla.observation import Outcome

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from monitor.network.attempt import Attempt, Probe


class TlsTarget(CertificateExpectation):
    """Target and TLS options."""

    starttls: Protocol | None = None
    """The protocol that upgrades to TLS."""

    target: HostPortField
    """`host:port`, or `host` for port 443 or the port of the protocol in `starttls`."""

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


class TlsCheck(NetworkCheck):
    """Good if the handshake succeeds and the certificate is trusted, matches the host and does not expire soon.

    With `starttls`, the protocol's upgrade command is sent first.
    """

    kind: ClassVar[str] = "tls"

    tls: TlsTarget
    """`host:port`, or a mapping with `target` and TLS options."""

    @property
    def target(self) -> str:
        """The address."""
        return str(self.tls.target)


def prepare(check: TlsCheck) -> Probe:
    """Return the probe that performs the handshake and disconnects."""
    options = check.tls
    host, port = options.target.host, options.target.port
    start_tls = tls_upgrader(options, host)

    async def probe(attempt: Attempt) -> ProbeResult:
        with await Connection.connect(attempt, host, port, family=check.family) as connection:
            if options.starttls is not None:
                attempt.enter("first_byte")
                await begin_tls(
                    BufferedStream(connection), options.starttls, (options.server_name or host).removesuffix(".")
                )
            ssl_socket = await start_tls(attempt, connection)
            attempt.close()
            check_certificate(options, ssl_socket, attempt)
        return ProbeResult(Outcome.GOOD, phases=attempt.phases, certificate_expiry=attempt.certificate_expiry)

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
        "tls_expiring": "a certificate of the verified chain expires within `valid_for`",
        "tls_issuer": "unexpected issuer",
        "tls_other_certificate": "the fingerprint does not match `sha256`",
    },
    schemes={"tls": {}},
)
