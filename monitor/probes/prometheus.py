"""The `prometheus` kind: the ratio of good events in real traffic, per probe interval."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from urllib.parse import urlencode

from pydantic import Field, model_validator

from monitor.config.values import ObjectiveField
from monitor.http.auxiliary import from_auxiliary
from monitor.http.fetching_check import BaseUrl, FetchingCheck
from monitor.network.failure import ProbeFailure
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.probes.http import fetcher_factory
from monitor.protocols.promql import number_of
from sla.interval import SECOND
from sla.objective import format_percent
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe

Query = Annotated[str, Field(min_length=1)]


class PrometheusCheck(FetchingCheck):
    """Good if the ratio of good events is at least `at_least`; unknown without events.

    Use the check's interval as range of both queries (`[1m]` for an interval of 1m), so that no event is counted twice.
    """

    kind: ClassVar[str] = "prometheus"

    prometheus: BaseUrl
    """The server's URL, without `/api/v1`. Both queries are evaluated at the same instant of the monitor's clock."""

    good: Query
    """PromQL for the number (or rate) of good events: a scalar, or a vector of at most 1 sample. No sample is 0."""

    total: Query
    """PromQL for the number (or rate) of all events, in the same unit."""

    at_least: ObjectiveField
    """Minimum ratio of good events, e.g. `99%`."""

    @property
    def rechecks(self) -> bool:
        """The queries' range is the interval, so a re-check would judge mostly the same events again."""
        return False

    @model_validator(mode="after")
    def _tls_options_have_effect(self) -> Self:
        self.reject_unused_tls(self.prometheus)
        return self


def prepare(check: PrometheusCheck) -> Probe:
    """Return the probe that runs both queries."""
    to = fetcher_factory(check)
    path = f"{check.prometheus.rstrip('/')}/api/v1/query"

    async def query_both(attempt: Attempt) -> list[Fraction]:
        # The same instant for both queries: a scrape in between would change only one of them.
        at = f"{attempt.now() / SECOND:.3f}"
        urls = [f"{path}?{urlencode({'query': query, 'time': at})}" for query in (check.good, check.total)]
        return [number_of(await to(url)(attempt)) for url in urls]

    async def probe(attempt: Attempt) -> ProbeResult:
        good, total = await from_auxiliary(query_both(attempt), "sli_unavailable", check.timeout, keep="sli_")
        if not total:
            raise ProbeFailure("sli_no_traffic", "no events", outcome=Outcome.UNKNOWN)
        share = min(Fraction(1), good / total)
        message = f"{format_percent(share)} of events were good"
        if share < check.at_least.ratio:
            raise ProbeFailure("sli_below", f"{message}, expected at least {check.at_least}")
        return ProbeResult(Outcome.GOOD, "", None, attempt.phases, message, attempt.certificate_expiry)

    return probe


KIND = Kind(
    "prometheus",
    PrometheusCheck,
    prepare,
    example="""\
id: real-traffic
prometheus: https://prometheus.example.org
good: sum(rate(http_requests_total{job="forms",code!~"5.."}[1m]))
total: sum(rate(http_requests_total{job="forms"}[1m]))
at_least: 99%
interval: 1m
""",
    reasons={
        "sli_below": "the ratio of good events is below `at_least`",
        "sli_no_traffic": "unknown: no events",
        "sli_unavailable": "unknown: no valid response from Prometheus",
    },
)
