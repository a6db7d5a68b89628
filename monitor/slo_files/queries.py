"""Convert the metrics of an OpenSLO indicator to the two queries of a `prometheus` check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.config.addresses import http_url
from monitor.config.errors import quoted
from monitor.slo_files.errors import MisfitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.errors import Loc
    from monitor.config.yaml_writer import Plain
    from monitor.slo_files.model import DataSourceSpec, IndicatorSpec, Metric, RatioMetric, Target

_OPERATORS: Final = {"lte": "<=", "gte": ">=", "lt": "<", "gt": ">"}
_SELECTOR = re.compile(r"\s*[a-zA-Z_:][\w:]*\s*(\{[^{}]*\})?\s*")
_WINDOW = re.compile(r"\{\{\s*\.?window\s*\}\}")  # of Sloth's queries
_ADDRESS_KEYS: Final = ("url", "address", "endpoint", "server")


@dataclass(frozen=True, slots=True)
class Queries:
    """Makes the queries for one objective. `interval` is the length of a time slice, as Prometheus writes it.

    `sources` are the data sources by their names, and `address` is that of Prometheus where a source has none.
    """

    sources: Mapping[str, DataSourceSpec]
    address: str | None
    interval: str

    def of(self, indicator: IndicatorSpec, target: Target) -> Mapping[str, Plain]:
        """Return the keys `prometheus`, `good` and `total`.

        Raises:
            MisfitError: the metrics are not of Prometheus, or their server is not known. Its place is in the indicator.
        """
        if indicator.threshold is not None:
            return self._threshold(indicator.threshold, target)
        assert indicator.ratio is not None  # noqa: S101 - by the model
        return self._ratio(indicator.ratio)

    def _threshold(self, metric: Metric, target: Target) -> Mapping[str, Plain]:
        loc: Loc = ("thresholdMetric",)
        if target.op is None or target.value is None:
            raise MisfitError(loc, "the objective needs op and value to compare this metric with")
        server, query = self._prometheus(metric, loc)
        good = f"({query}) {_OPERATORS[target.op]} bool {float(target.value):.15g}"
        return {"prometheus": server, "good": good, "total": _ones(query)}

    def _ratio(self, ratio: RatioMetric) -> Mapping[str, Plain]:
        if ratio.raw is not None:
            server, query = self._prometheus(ratio.raw, ("ratioMetric", "raw"))
            good = query if ratio.raw_type == "success" else f"1 - ({query})"
            return {"prometheus": server, "good": good, "total": _ones(query)}
        assert ratio.total is not None  # noqa: S101 - by the model
        server, total = self._prometheus(ratio.total, ("ratioMetric", "total"), ratio.counter)
        key, metric = ("good", ratio.good) if ratio.good is not None else ("bad", ratio.bad)
        assert metric is not None  # noqa: S101 - by the model
        other, part = self._prometheus(metric, ("ratioMetric", key), ratio.counter)
        if other != server:
            raise MisfitError(("ratioMetric", key), f"is of another server than total: {other}; use one for both")
        return {"prometheus": server, "good": part if key == "good" else _difference(total, part), "total": total}

    def _prometheus(self, metric: Metric, loc: Loc, counter: bool = False) -> tuple[str, str]:
        """Return the server and the query over one time slice."""
        source, place = metric.source, (*loc, "metricSource")
        held = None if source.ref is None else self.sources.get(source.ref)
        if source.ref is not None and held is None and self.address is None:
            reference = f'the file has no DataSource "{source.ref}"; add it, or specify --prometheus URL'
            raise MisfitError((*place, "metricSourceRef"), reference)
        kind = source.type or (held.type if held is not None else "Prometheus")
        if kind.lower() != "prometheus":
            raise MisfitError(
                (*place, "type"), f"{kind} cannot be queried; ninewatch queries Prometheus and its equals"
            )
        query = source.spec.get("query")
        if not isinstance(query, str) or not query.strip():
            raise MisfitError((*place, "spec"), "has no query; write the PromQL expression as query")
        return self._server(held, place), self._over_slice(str(query).strip(), counter)

    def _server(self, source: DataSourceSpec | None, place: Loc) -> str:
        details: Mapping[str, Any] = {} if source is None else source.connection
        named = {key.lower(): value for key, value in details.items()}
        found = next((named[key] for key in _ADDRESS_KEYS if isinstance(named.get(key), str)), self.address)
        if found is None:
            raise MisfitError(
                place,
                "the address of Prometheus is not known; add a DataSource with connectionDetails: {url: ...} and refer "
                "to it as metricSourceRef, or specify --prometheus URL",
            )
        try:
            return http_url(str(found))
        except ValueError as error:
            raise MisfitError(place, f"the address {quoted(str(found))} of Prometheus: {error}") from None

    def _over_slice(self, query: str, counter: bool) -> str:
        """Return the query for the time slice that has just ended; of a counter, its increase over the slice."""
        if _WINDOW.search(query):
            return _WINDOW.sub(self.interval, query)
        if not counter or re.search(r"\[[^\]]+\]", query):
            return query
        if _SELECTOR.fullmatch(query):
            return f"sum(increase({query}[{self.interval}]))"
        return f"sum(increase(({query})[{self.interval}:]))"


def _ones(query: str) -> str:
    """Return a query with the value 1 where the query has a sample, so that time without one is unknown."""
    return f"({query}) * 0 + 1"


def _difference(total: str, bad: str) -> str:
    """Return the query for the events that are not bad.

    Sums have no labels that could differ, and a bad result without a sample means no bad events.
    """
    return f"{_summed(total)} - ({_summed(bad)} or vector(0))"


def _summed(query: str) -> str:
    return query if query.startswith("sum(increase(") else f"sum({query})"
