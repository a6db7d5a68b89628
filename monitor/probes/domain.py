"""The `domain` kind: the expiry of a domain registration, from the registry's RDAP server.

The server's URL is cached for a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from monitor.config.model import Duration, problem_at
from monitor.config.values import Within
from monitor.http.auxiliary import from_auxiliary
from monitor.http.fetching_check import CREDENTIALS, BaseUrl, FetchingCheck
from monitor.http.json_body import document
from monitor.network.failure import ProbeFailure
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.probes.http import fetcher_factory
from monitor.protocols.rdap import BOOTSTRAP, RegisteredName, expiration_of, not_found_failure, server_of
from sla.interval import DAY, HOUR, MINUTE
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt, Probe


ProbeInterval = Annotated[
    Duration, AfterValidator(Within(10 * MINUTE, DAY, "between 10m and 1d: registries limit queries"))
]


class DomainCheck(FetchingCheck):
    """Good if the registration is active and does not expire soon. Unknown without information from the registry."""

    kind: ClassVar[str] = "domain"

    interval: ProbeInterval = 6 * HOUR
    """Time between probes. Registries limit queries."""

    domain: RegisteredName
    """The registered name, without `www`."""

    valid_for: Duration = 30 * DAY
    """Bad if the registration expires within this time."""

    rdap: BaseUrl | None = None
    """URL of the RDAP server. Default: the server in IANA's list for the top-level domain. The list may change, so
    credentials and headers require `rdap`."""

    @property
    def tightens(self) -> bool:
        """Registries limit queries, so a drill does not probe more often."""
        return False

    @model_validator(mode="after")
    def _credentials_have_a_server(self) -> Self:
        credentials = [key for key in CREDENTIALS if getattr(self, key)] + ["tls"] * (self.tls.certificate is not None)
        if self.rdap is None and credentials:
            raise problem_at(credentials[0], "would be sent to the server in IANA's list; set the server with rdap")
        return self


def prepare(check: DomainCheck) -> Probe:
    """Return the probe that queries the registry."""
    to = fetcher_factory(check)
    server: tuple[int, str] | None = None if check.rdap is None else (0, check.rdap)

    async def read(attempt: Attempt) -> Response:
        nonlocal server
        if server is None or (check.rdap is None and attempt.now() > server[0] + DAY):
            list_of_servers = await to(BOOTSTRAP, without_credentials=True, redirects=3)(attempt)
            server = attempt.now(), server_of(check.domain, document(list_of_servers))
        url = f"{server[1].rstrip('/')}/domain/{check.domain}"
        response = await to(url, redirects=3)(attempt)
        if response.status not in (200, 404):
            raise ProbeFailure("http_status", f"status {response.status}")
        return response

    async def probe(attempt: Attempt) -> ProbeResult:
        response = await from_auxiliary(read(attempt), "rdap_unavailable", check.timeout, keep="rdap_")
        if response.status == 404:
            raise not_found_failure(response, check.domain)
        time_left = expiration_of(response) - attempt.now()
        if time_left < check.valid_for:
            raise ProbeFailure(
                "domain_expiring", f"expires in {time_left / DAY:.1f} days, expected {check.valid_for / DAY:g}"
            )
        return ProbeResult(Outcome.GOOD, "", None, attempt.phases, f"expires in {time_left / DAY:.1f} days")

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
        "domain_expiring": "the registration expires within `valid_for`",
        "domain_no_expiry": "unknown: no expiry date in the registry's response",
        "domain_status": "the registration is on hold or about to be deleted",
        "domain_unregistered": "the domain is not registered",
        "rdap_malformed": "unknown: invalid response from the registry, or a 404 that is not RDAP",
        "rdap_unavailable": "unknown: no response from the RDAP server",
    },
    schemes={"domain": {}},
)
