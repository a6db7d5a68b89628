"""Read the history of checks from a Prometheus that scrapes blackbox_exporter: `probe_success`, as it was scraped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from math import isfinite, nan
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from monitor.errors import NinewatchError
from monitor.log import escape_invisible
from monitor.migration.imported_history import Result, SourceHistory
from monitor.network.json_client import error_text, get
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.network.json_client import Answer
    from sla.interval import Interval

_TIMEOUT: Final = 60.0  # seconds
_MAX_TEXT: Final = 500  # bytes of an error
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
                    latency = latencies.get(at, nan) if value == 1 else nan
                    microseconds = round(latency * SECOND) if isfinite(latency) else None
                    history.results.append(Result(at, value == 1, microseconds))
        return history

    def _samples(self, check: str, series: str, end: int) -> list[tuple[int, float]]:
        """Return the samples of the day before the instant, as `(at, value)`."""
        answer = self._query(f"{series}[{DAY // SECOND}s]", end)
        try:
            result = answer.json()["data"]["result"]
            if len(result) > 1:
                names = "; ".join(json.dumps(item["metric"]) for item in result[:3])
                raise NinewatchError(
                    f"{self.address}: several series match {check}: {names}; use --map with more labels"
                )
            return [(round(time * SECOND), float(value)) for item in result for time, value in item["values"]]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise self._other_server() from None

    def _query(self, expression: str, at: int) -> Answer:
        query = urlencode({"query": expression, "time": f"{at / SECOND:.6f}"})
        url = f"{self.address.rstrip('/')}/api/v1/query?{query}"
        try:
            answer = get(url, timeout=_TIMEOUT, token=self.token)
        except ValueError:
            raise self._other_server() from None
        except OSError as error:
            raise NinewatchError(f"{self.address}: no answer: {error_text(error)}; {_ADVICE}") from None
        if answer.status != HTTPStatus.OK:
            text = escape_invisible(answer.body[:_MAX_TEXT].decode(errors="replace"))
            raise NinewatchError(f"{self.address}: Prometheus refused {expression}: {answer.status} {text}")
        return answer

    def _other_server(self) -> NinewatchError:
        return NinewatchError(f"{self.address}: is not the API of a Prometheus; {_ADVICE}")
