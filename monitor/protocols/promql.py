"""Parse the result of an instant query of Prometheus."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from monitor.http.json_body import document
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.http.response import Response


def number_of(response: Response) -> Fraction:
    """Return the single value of an instant query, 0 if the result is empty or NaN.

    Raises:
        ProbeFailure: `query_refused`, `query_malformed`; `query_ambiguous`: several values.
    """
    body = document(response)
    if not isinstance(body, dict) or body.get("status") != "success":
        message = str(body.get("error", "")) if isinstance(body, dict) else ""
        raise ProbeFailure("query_refused", f"status {response.status}: {quoted(message, 200)}")
    try:
        data = body["data"]
        samples = [data["result"]] if data["resultType"] == "scalar" else [sample["value"] for sample in data["result"]]
        return _single_value(samples)
    except (KeyError, IndexError, TypeError, ValueError):
        raise ProbeFailure("query_malformed", "the response is not the result of an instant query") from None


def _single_value(samples: list[Any]) -> Fraction:
    if len(samples) > 1:
        raise ProbeFailure("query_ambiguous", f"the query returned {len(samples)} values; aggregate them with sum()")
    value = float(samples[0][1]) if samples else 0.0
    return Fraction(value) if math.isfinite(value) and value > 0 else Fraction(0)
