"""The `tls` kind: a full handshake, the chain and the name verified, and how long the certificate still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import model_validator

from monitor.config.model import CheckBase, Duration, HostPortField, TlsOptions
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure
from monitor.probes.tls_context import certificate_expiry, context_for
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.interval import DAY, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class TlsTarget(TlsOptions):
    """Where to shake hands, and what to verify."""

    target: HostPortField
    """`host:port` to connect to."""

    valid_for: Duration | None = None
    """Bad when the certificate ends sooner than this from now, e.g. `14d`."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(schema)]}

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"target": value} if isinstance(value, str) else value


class TlsCheck(CheckBase):
    """Good when the handshake succeeds and the certificate is trusted, names the host, and lasts long enough."""

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
    context = context_for(options)

    async def probe(frame: Frame) -> ProbeResult:
        with await Wire.reach(frame, host, port) as wire:
            frame.certificate_expiry = certificate_expiry(await wire.encrypt(context, options.server_name or host))
            frame.close()
        _check_validity(frame, options.valid_for)
        return ProbeResult(Outcome.GOOD, phases=frame.phases, certificate_expiry=frame.certificate_expiry)

    return probe


def _check_validity(frame: Frame, valid_for: int | None) -> None:
    if valid_for is None or frame.certificate_expiry is None:
        return
    left = int(frame.certificate_expiry * SECOND) - frame.now()
    if left < valid_for:
        raise ProbeFailure("tls_expiring", f"the certificate ends in {left / DAY:.1f} days, wanted {valid_for / DAY:g}")


KIND = Kind(
    "tls",
    TlsCheck,
    prepare,
    example="""\
id: certificate
tls: {target: "forms.example.org:443", valid_for: 14d}
""",
    reasons={"tls_expiring": "the certificate ends sooner than `valid_for`"},
    schemes={"tls": {}},
)
