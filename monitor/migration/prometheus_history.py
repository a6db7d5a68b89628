"""Read the history of checks from a Prometheus that scrapes blackbox_exporter: `probe_success`, as it was scraped."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from monitor.migration.imported_history import Result, SourceHistory
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sla.interval import Interval

_TIMEOUT: Final = 60.0  # seconds
_ADVICE: Final = "specify the address of its API, such as http://127.0.0.1:9090"


@dataclass(frozen=True, slots=True)
class PrometheusApi:
    """The HTTP API of a Prometheus. `token` is sent as a bearer token, if there is one."""

    address: str
    token: str = ""

    def histories(self, selectors: Mapping[str, str], span: Interval) -> dict[str, SourceHistory]:
        """Return the history of each check within the span, by `product/check`.

        `selectors` are the label matchers of the check's series of `probe_success`, such as `instance="https://..."`.
        Samples are read as they were scraped, so that the resolution is the scrape interval. Without samples, because
        Prometheus or blackbox_exporter did not run, there are no results.

        Raises:
            NinewatchError: the server does not answer, or several series match.
        """
        return {check: self._history(check, selector, span) for check, selector in selectors.items()}

    def _history(self, check: str, selector: str, span: Interval) -> SourceHistory:
        history = SourceHistory()
        for part_end in range(span.start + DAY, span.end + DAY, DAY):
            end = min(part_end, span.end)
            latencies = dict(self._samples(check, f"probe_duration_seconds{{{selector}}}", end))
            for at, value in self._samples(check, f"probe_success{{{selector}}}", end):
                if span.start <= at < span.end:
                    latency = latencies.get(at) if value == 1 else None
                    history.results.append(Result(at, value == 1, None if latency is None else round(latency * SECOND)))
        return history

    def _samples(self, check: str, series: str, end: int) -> Iterator[tuple[int, float]]:
        """Yield the samples of the day before the instant, as `(at, value)`."""
        result = self._query(f"{series}[{DAY // SECOND}s]", end)
        if len(result) > 1:
            names = "; ".join(json.dumps(item.get("metric")) for item in result[:3])
            raise NinewatchError(f"{self.address}: several series match {check}: {names}; write --map with more labels")
        for time, value in result[0]["values"] if result else ():
            yield round(time * SECOND), float(value)

    def _query(self, expression: str, at: int) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": expression, "time": f"{at / SECOND:.6f}"})
        request = urllib.request.Request(f"{self.address.rstrip('/')}/api/v1/query?{query}")  # noqa: S310 - http(s)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310 - http(s)
                answer = json.load(response)
            result = answer["data"]["result"]
        except urllib.error.HTTPError as error:
            reason = error.read(500).decode(errors="replace")
            raise NinewatchError(f"{self.address}: Prometheus refused {expression}: {error.code} {reason}") from None
        except (ValueError, KeyError, TypeError, http.client.HTTPException):
            raise NinewatchError(f"{self.address}: is not the API of a Prometheus; {_ADVICE}") from None
        except OSError as error:
            raise NinewatchError(f"{self.address}: no answer: {getattr(error, 'reason', error)}; {_ADVICE}") from None
        return list(result)
