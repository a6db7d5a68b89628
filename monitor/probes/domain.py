"""The `domain` kind: how long a registration still lasts, asked of its registry's directory.

Which directory that is, is remembered for a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from monitor.config.model import Duration, problem_at
from monitor.config.values import Within
from monitor.http.auxiliary import instrument
from monitor.http.fetching_check import AS_WHOM, BaseUrl, FetchingCheck
from monitor.http.json_body import document
from monitor.network.failure import ProbeFailure
from monitor.probes.base import Kind
from monitor.probes.http import fetching
from monitor.protocols.rdap import BOOTSTRAP, RegisteredName, end_of, missing, server_of
from monitor.vocabulary import ProbeResult
from sla.interval import DAY, HOUR, MINUTE
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.response import Response
    from monitor.network.attempt import Frame, Probe


Pace = Annotated[Duration, AfterValidator(Within(10 * MINUTE, DAY, "between 10m and 1d: registries count queries"))]


class DomainCheck(FetchingCheck):
    """Good when the registration is in force and lasts long enough. What the registry does not say is unknown."""

    kind: ClassVar[str] = "domain"

    interval: Pace = 6 * HOUR
    """Time from one probe to the next; registries count queries."""

    domain: RegisteredName
    """The registered name, without `www`."""

    valid_for: Duration = 30 * DAY
    """Bad when the registration ends sooner than this from now."""

    rdap: BaseUrl | None = None
    """The RDAP server to ask. Default: the one that IANA names for the top-level domain. It may change, so credentials
    and headers are sent to one that is written only."""

    @model_validator(mode="after")
    def _shows_itself_to_whom_it_names(self) -> Self:
        shown = [key for key in AS_WHOM if getattr(self, key)] + ["tls"] * (self.tls.certificate is not None)
        if self.rdap is None and shown:
            raise problem_at(shown[0], "would be shown to whichever server IANA names; name the server with rdap")
        return self


def prepare(check: DomainCheck) -> Probe:
    """Return the probe that asks the registry."""
    to = fetching(check)
    found: tuple[int, str] | None = None if check.rdap is None else (0, check.rdap)

    async def read(frame: Frame) -> Response:
        nonlocal found
        if found is None or (check.rdap is None and frame.now() > found[0] + DAY):
            list_of_servers = await to(BOOTSTRAP, bare=True, redirects=3)(frame)
            found = frame.now(), server_of(check.domain, document(list_of_servers))
        url = f"{found[1].rstrip('/')}/domain/{check.domain}"
        response = await to(url, redirects=3)(frame)
        if response.status not in (200, 404):
            raise ProbeFailure("http_status", f"status {response.status}")
        return response

    async def probe(frame: Frame) -> ProbeResult:
        response = await instrument(check, "rdap", read(frame))
        if response.status == 404:
            raise missing(response, check.domain)
        left = end_of(response) - frame.now()
        if left < check.valid_for:
            raise ProbeFailure("domain_expiring", f"ends in {left / DAY:.1f} days, wanted {check.valid_for / DAY:g}")
        return ProbeResult(Outcome.GOOD, "", None, frame.phases, f"ends in {left / DAY:.1f} days")

    return probe


KIND = Kind(
    "domain",
    DomainCheck,
    prepare,
    example="""\
id: registration
domain: example.org
valid_for: 60d
""",
    reasons={
        "domain_expiring": "the registration ends too soon",
        "domain_no_expiry": "unknown: the registry does not say when it ends",
        "domain_status": "the registration is on hold, or about to be given up",
        "domain_unregistered": "the registry knows no such name",
        "rdap_malformed": "unknown: the registry's answer cannot be read, or a 404 is not RDAP's own",
        "rdap_unavailable": "unknown: the directory, which is not what is watched, did not answer",
    },
    schemes={"domain": {}},
)
