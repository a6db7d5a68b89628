"""Convert the metrics of an OpenSLO indicator to the two queries of a `prometheus` check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.config.addresses import http_url
from monitor.config.errors import quoted
from monitor.slo_files.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.errors import Loc
    from monitor.config.yaml_writer import Plain
    from monitor.slo_files.model import DataSourceSpec, IndicatorSpec, Metric, RatioMetric, Target

_OPERATORS: Final = {"lte": "<=", "gte": ">=", "lt": "<", "gt": ">"}
_SELECTOR = re.compile(r"\s*[a-zA-Z_:][\w:]*\s*(\{[^{}]*\})?\s*")
_WINDOW = re.compile(r"\{\{\s*\.?window\s*\}\}")  # Sloth's notation
_ADDRESS_KEYS: Final = ("url", "address", "endpoint", "server")


@dataclass(frozen=True, slots=True)
class Queries:
    """Convert metrics to the queries of one objective.

    `sources` maps names to data sources; `address` is the default address of Prometheus; `interval` is the length of a
    time slice in Prometheus' notation.
    """

    sources: Mapping[str, DataSourceSpec]
    address: str | None
    interval: str

    def convert(self, indicator: IndicatorSpec, target: Target) -> Mapping[str, Plain]:
        """Return the keys `prometheus`, `good` and `total`.

        Raises:
            ConversionError: the metrics are not from Prometheus, or the server's address is unknown. The `loc` is
                relative to the indicator.
        """
        if indicator.threshold is not None:
            return self._threshold(indicator.threshold, target)
        assert indicator.ratio is not None  # noqa: S101 - validated by the model
        return self._ratio(indicator.ratio)

    def _threshold(self, metric: Metric, target: Target) -> Mapping[str, Plain]:
        loc: Loc = ("thresholdMetric",)
        if target.op is None or target.value is None:
            raise ConversionError(loc, "the objective has no op or no value to compare the metric with; add both")
        server, query = self._prometheus(metric, loc)
        good = f"({query}) {_OPERATORS[target.op]} bool {float(target.value):.15g}"
        return {"prometheus": server, "good": good, "total": _one_per_sample(query)}

    def _ratio(self, ratio: RatioMetric) -> Mapping[str, Plain]:
        if ratio.raw is not None:
            server, query = self._prometheus(ratio.raw, ("ratioMetric", "raw"))
            good = query if ratio.raw_type == "success" else f"1 - ({query})"
            return {"prometheus": server, "good": good, "total": _one_per_sample(query)}
        assert ratio.total is not None  # noqa: S101 - validated by the model
        server, total = self._prometheus(ratio.total, ("ratioMetric", "total"), ratio.counter)
        key, metric = ("good", ratio.good) if ratio.good is not None else ("bad", ratio.bad)
        assert metric is not None  # noqa: S101 - validated by the model
        other, part = self._prometheus(metric, ("ratioMetric", key), ratio.counter)
        if other != server:
            raise ConversionError(
                ("ratioMetric", key), f"is on another server than total: {other}; use one server for both"
            )
        return {"prometheus": server, "good": part if key == "good" else _difference(total, part), "total": total}

    def _prometheus(self, metric: Metric, loc: Loc, counter: bool = False) -> tuple[str, str]:
        """Return the server's address, and the query for one time slice."""
        source, source_loc = metric.source, (*loc, "metricSource")
        data_source = None if source.ref is None else self.sources.get(source.ref)
        if source.ref is not None and data_source is None and self.address is None:
            message = f'the file has no DataSource "{source.ref}"; add it, or specify --prometheus URL'
            raise ConversionError((*source_loc, "metricSourceRef"), message)
        kind = source.type or (data_source.type if data_source is not None else "Prometheus")
        if kind.lower() != "prometheus":
            raise ConversionError(
                (*source_loc, "type"), f"{kind} cannot be queried; ninewatch queries Prometheus and compatible servers"
            )
        query = source.spec.get("query")
        if not isinstance(query, str) or not query.strip():
            raise ConversionError((*source_loc, "spec"), "has no query; specify the PromQL expression as query")
        return self._server(data_source, source_loc), self._over_slice(str(query).strip(), counter)

    def _server(self, source: DataSourceSpec | None, source_loc: Loc) -> str:
        details: Mapping[str, Any] = {} if source is None else source.connection
        lower_details = {key.lower(): value for key, value in details.items()}
        address = next(
            (lower_details[key] for key in _ADDRESS_KEYS if isinstance(lower_details.get(key), str)), self.address
        )
        if address is None:
            raise ConversionError(
                source_loc,
                "the address of Prometheus is unknown; add a DataSource with connectionDetails: {url: ...} and refer "
                "to it as metricSourceRef, or specify --prometheus URL",
            )
        try:
            return http_url(str(address))
        except ValueError as error:
            raise ConversionError(source_loc, f"the address of Prometheus {quoted(str(address))}: {error}") from None

    def _over_slice(self, query: str, counter: bool) -> str:
        """Return the query for the last time slice; for a counter, the query for its increase in the time slice."""
        if _WINDOW.search(query):
            return _WINDOW.sub(self.interval, query)
        if not counter or re.search(r"\[[^\]]+\]", query):
            return query
        if _SELECTOR.fullmatch(query):
            return f"sum(increase({query}[{self.interval}]))"
        return f"sum(increase(({query})[{self.interval}:]))"


def _one_per_sample(query: str) -> str:
    """Return a query with the value 1 for each sample of `query`, so that time without samples is unknown."""
    return f"({query}) * 0 + 1"


def _difference(total: str, bad: str) -> str:
    """Return the query for the events that are not bad.

    Both sides are sums, because vectors with different labels have an empty difference. No sample of `bad` means no bad
    events.
    """
    return f"{_sum(total)} - ({_sum(bad)} or vector(0))"


def _sum(query: str) -> str:
    return query if query.startswith("sum(increase(") else f"sum({query})"
