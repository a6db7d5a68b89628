"""Convert planned maintenance of Uptime Kuma."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from dateutil.rrule import rrulestr

_DAYS: Final = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_FIRST: Final = "2020-01-01"  # recurrences without a start are in the past, so that they apply to histories too


def planned_maintenance(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the keys of `maintenance`, None if the strategy has no equivalent (`manual`, `cron`)."""
    zone = row.get("timezone") or "UTC"
    shared = {
        "zone": "UTC" if zone == "SAME_AS_SERVER" else zone,
        "reason": str(row.get("title") or "maintenance")[:200],
    }
    if row["strategy"] == "single":
        if not row.get("start_date") or not row.get("end_date"):
            return None
        return {"start": _local_minute(row["start_date"]), "end": _local_minute(row["end_date"]), **shared}
    rule_of = _RULES.get(row["strategy"])
    rule = None if rule_of is None else rule_of(row)
    if rule is None or not row.get("start_time") or not row.get("end_time"):
        return None
    start, end = _first_occurrence(row, rule)
    return {"start": start, "end": end, "rrule": rule, **shared}


def _weekdays(row: Mapping[str, Any]) -> str | None:
    days = [_DAYS[day % 7] for day in json.loads(row.get("weekdays") or "[]")]
    return f"FREQ=WEEKLY;BYDAY={','.join(days)}" if days else None


def _days_of_month(row: Mapping[str, Any]) -> str | None:
    """Return the rule. Kuma names the last days of a month `lastDay1` to `lastDay4`."""
    days = [str(day).replace("lastDay", "-") for day in json.loads(row.get("days_of_month") or "[]")]
    return f"FREQ=MONTHLY;BYMONTHDAY={','.join(days)}" if days else None


def _interval_rule(row: Mapping[str, Any]) -> str | None:
    return f"FREQ=DAILY;INTERVAL={int(row['interval_day'])}" if row.get("interval_day") else None


_RULES: Final[Mapping[str, Callable[[Mapping[str, Any]], str | None]]] = {
    "recurring-weekday": _weekdays,
    "recurring-day-of-month": _days_of_month,
    "recurring-interval": _interval_rule,
}


def _first_occurrence(row: Mapping[str, Any], rule: str) -> tuple[str, str]:
    """Return start and end of the first occurrence; an end at or before the start is on the next day."""
    date = str(row.get("start_date") or _FIRST)[:10]
    begin = datetime.fromisoformat(f"{date}T{str(row['start_time'])[:5]}")
    begin = next(iter(rrulestr(rule, dtstart=begin)), begin)
    end = datetime.fromisoformat(f"{begin:%Y-%m-%d}T{str(row['end_time'])[:5]}")
    return f"{begin:%Y-%m-%dT%H:%M}", f"{end if end > begin else end + timedelta(days=1):%Y-%m-%dT%H:%M}"


def _local_minute(text: str) -> str:
    return str(text).replace(" ", "T")[:16]
