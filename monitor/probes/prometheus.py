"""The `prometheus` kind: real traffic as an indicator. A probe is a slice of time: good events of all events in it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from urllib.parse import urlencode

from pydantic import Field, model_validator

from monitor.config.values import ObjectiveField
from monitor.http.auxiliary import instrument
from monitor.http.fetching_check import BaseUrl, FetchingCheck
from monitor.network.failure import ProbeFailure
from monitor.probes.base import Kind
from monitor.probes.http import fetching
from monitor.protocols.promql import number_of
from monitor.vocabulary import ProbeResult
from sla.interval import SECOND
from sla.objective import format_percent
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe

Query = Annotated[str, Field(min_length=1)]


class PrometheusCheck(FetchingCheck):
    """Good when the share of good events is at least the objective of a slice; unknown when there were no events.

    Let both queries look back over one interval (`[1m]` when probed every minute), so that no time counts twice.
    """

    kind: ClassVar[str] = "prometheus"

    prometheus: BaseUrl
    """The server, without `/api/v1`. It is asked for both numbers as of the same instant by our clock."""

    good: Query
    """PromQL for the number (or rate) of good events: a scalar, or a vector of one sample at the most. None is 0."""

    total: Query
    """PromQL for the number (or rate) of all events, in the same unit."""

    at_least: ObjectiveField
    """The share of good events from which on the slice is good, e.g. `99%`."""

    @model_validator(mode="after")
    def _judges_what_is_shown(self) -> Self:
        self.refuse_idle_tls(self.prometheus)
        return self


def prepare(check: PrometheusCheck) -> Probe:
    """Return the probe that asks for both numbers."""
    to = fetching(check)
    path = f"{check.prometheus.rstrip('/')}/api/v1/query"

    async def both(frame: Frame) -> list[Fraction]:
        at = f"{frame.now() / SECOND:.3f}"  # the same for both: a scrape between them would add to one of them only
        urls = [f"{path}?{urlencode({'query': query, 'time': at})}" for query in (check.good, check.total)]
        return [number_of(await to(url)(frame)) for url in urls]

    async def probe(frame: Frame) -> ProbeResult:
        part, whole = await instrument(check, "sli", both(frame))
        if not whole:
            raise ProbeFailure("sli_no_traffic", "there were no events", outcome=Outcome.UNKNOWN)
        share = min(Fraction(1), part / whole)
        said = f"{format_percent(share)} of events were good"
        if share < check.at_least.ratio:
            raise ProbeFailure("sli_below", f"{said}, at least {check.at_least} wanted")
        return ProbeResult(Outcome.GOOD, "", None, frame.phases, said, frame.certificate_expiry)

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
        "sli_below": "fewer events were good than the slice asks for",
        "sli_no_traffic": "unknown: there were no events, so nothing is known",
        "sli_unavailable": "unknown: Prometheus, which is not what is watched, did not answer the queries",
    },
)
