"""Column names and outcome values in logs of other tools, mapped to those of ninewatch (docs/measure.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sla.observation import PRECEDENCE, Outcome

# Outcomes as numbers (ranks). The highest rank at an instant is used (measurement.md, section 1).
UNKNOWN, GOOD, BAD = (PRECEDENCE[outcome] for outcome in (Outcome.UNKNOWN, Outcome.GOOD, Outcome.BAD))
OUTCOMES = {PRECEDENCE[outcome]: outcome for outcome in Outcome}

# Case-insensitive. Undecided states (Kuma's PENDING, Pingdom's unconfirmed_down, UptimeRobot's seems down) and states
# without a check (maintenance, paused) are unknown. 1 and 0 are those of probe_success, Gatus, Healthchecks and Kuma; 2
# and 3 are Kuma's pending and maintenance. Values that mean up in some tools and down in others (degraded, warning) are
# rejected.
SYNONYMS = {
    GOOD: "good up ok success successful succeeded passed pass healthy online available operational true 1 1.0",
    BAD: "bad down failed fail failure error timeout critical unhealthy offline unavailable outage false 0 0.0",
    UNKNOWN: "unknown pending unconfirmed unconfirmed_down seems_down maintenance paused no_data nodata skipped new "
    "nan 2 2.0 3 3.0",
}
_RANK_BY_VALUE = {word: rank for rank, words in SYNONYMS.items() for word in words.split()}

# Additional values in a log of changes. UptimeRobot's "started" refers to the monitor itself.
_CHANGE_WORDS = {
    "firing": BAD, "alerting": BAD, "triggered": BAD, "open": BAD, "opened": BAD, "ongoing": BAD, "incident": BAD,
    "active": BAD, "suppressed": BAD,
    "resolved": GOOD, "closed": GOOD, "recovered": GOOD, "recovery": GOOD, "normal": GOOD,
    "started": UNKNOWN, "monitor_started": UNKNOWN, "monitor_paused": UNKNOWN,
}  # fmt: skip
_OPENS = {"firing", "alerting", "triggered", "open", "opened", "ongoing", "active", "suppressed"}
_CLOSES = {"resolved", "closed", "recovered", "recovery"}
NO_END = {"-", "n/a", "null", "none", "ongoing"}
BOOLEANS = {"true", "false", "yes", "no"}  # values of a column "resolved" without instants

# Names of each column in order of precedence: the first one that a file has is used.
COLUMNS = {
    "at": ("at", "timestamp", "time", "datetime", "date-time", "date time", "created_at", "created"),
    "outcome": ("outcome", "status", "state", "success", "result", "up", "value", "probe_success", "event"),
    "check": ("check", "check_id", "monitor", "monitor_name", "monitor_id", "endpoint", "service", "target", "job"),
    "vantage": ("vantage", "location", "region", "probe", "probe_id", "probeid", "instance"),
}
# Names of columns of a log of changes, whose rows may also be spans (alerts, incidents).
_STARTS = (
    "startsat", "starts_at", "started_at", "started at", "started", "start", "start_time", "start time",
    "opened_at", "opened at", "triggered_at", "triggered at",
)  # fmt: skip
_ENDS = (
    "endsat", "ends_at", "ended_at", "ended at", "ended", "end", "end_time", "end time",
    "resolvedat", "resolved_at", "resolved at", "resolved_time", "resolved time", "resolved",
    "closed_at", "closed at", "recovered_at", "recovered at", "recovered",
)  # fmt: skip
CHANGE_COLUMNS = {
    "at": (*_STARTS, *COLUMNS["at"]),
    "outcome": COLUMNS["outcome"],
    "check": (*COLUMNS["check"], "alertname", "labels.alertname"),
    "vantage": COLUMNS["vantage"],
    "end": _ENDS,
    "lasted": ("duration",),
    "start": _STARTS,
}
_REQUIRED = ("at", "outcome")


def rank(text: str) -> int:
    """Return the rank of an outcome value: GOOD, BAD or UNKNOWN.

    Raises:
        ValueError: not an outcome.
    """
    word = _word(text)
    if word not in _RANK_BY_VALUE:
        shortened = text if len(text) <= 40 else f"{text[:40]}..."
        if word in _CHANGE_WORDS:
            raise ValueError(f'"{shortened}" is a state change, not an outcome of a probe; use --changes')
        raise ValueError(
            f'"{shortened}" is not an outcome; use good, bad or unknown (or up, down, success, failed, 1, 0, pending, '
            f"maintenance)"
        )
    return _RANK_BY_VALUE[word]


def state_of(text: str) -> Outcome:
    """Return the state for a value in a log of changes.

    Raises:
        ValueError: not a state.
    """
    word = _word(text)
    return OUTCOMES[_CHANGE_WORDS[word] if word in _CHANGE_WORDS else rank(text)]


def is_open_state(text: str) -> bool:
    """Return whether the value means an open incident."""
    return _word(text) in _OPENS


def is_closed_state(text: str) -> bool:
    """Return whether the value means the end of an incident."""
    return _word(text) in _CLOSES


def _word(text: str) -> str:
    return text.strip().lower().replace(" ", "_")


@lru_cache(maxsize=1024)
def columns(names: tuple[str, ...], changes: bool = False) -> Mapping[str, str]:
    """Return the columns of a log with their names in the file.

    `outcome` is optional in a log of changes whose rows have an end: each row is an incident then.

    Raises:
        ValueError: no `at` or no `outcome`.
    """
    names_by_key = {name.strip().lower(): name for name in reversed(names)}
    if not changes and not names_by_key.keys().isdisjoint(_STARTS):
        if not names_by_key.keys().isdisjoint(_ENDS):
            raise ValueError("rows with a start and an end are not probes; use --changes")
        if names_by_key.keys().isdisjoint(COLUMNS["at"]):
            raise ValueError("rows with a start are spans, not probes; use --changes")
    mapping = {}
    for column, synonyms in (CHANGE_COLUMNS if changes else COLUMNS).items():
        name = next((names_by_key[synonym] for synonym in synonyms if synonym in names_by_key), None)
        if name is not None:
            mapping[column] = name
    for column in _REQUIRED:
        if column not in mapping and not (column == "outcome" and "end" in mapping):
            alternatives = ", ".join(COLUMNS[column][1:])
            raise ValueError(
                f'no column "{column}" (or {alternatives}); columns: at, outcome and optionally check, vantage'
            )
    return mapping


def flatten_alert(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alert of Alertmanager with its labels and state as top-level keys.

    Raises:
        ValueError: a notification with several alerts.
    """
    if isinstance(fields.get("alerts"), list):
        raise ValueError("a notification with several alerts; use one alert per line: jq -c '.alerts[]'")
    labels, status = fields.get("labels"), fields.get("status")
    state = {"status": status["state"]} if isinstance(status, dict) and "state" in status else {}
    label_fields = {f"labels.{key}": value for key, value in (labels if isinstance(labels, dict) else {}).items()}
    return dict(fields) | state | label_fields


def has_duplicate_columns(names: Sequence[str]) -> bool:
    """Return whether two of the names mean the same column."""
    lower_names = [name.strip().lower() for name in names]
    return any(sum(name in synonyms for name in lower_names) > 1 for synonyms in COLUMNS.values())
