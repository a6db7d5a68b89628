"""Every statement on the tables of `schema.py` but the migrations. No arithmetic on uptime."""

from typing import Final

# Of two observations at one instant the worse stands (measurement.md, section 1).
OBSERVE: Final = """
    INSERT INTO observations (at, series, outcome, reason, latency) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (at, series) DO UPDATE
    SET outcome = excluded.outcome, reason = excluded.reason, latency = excluded.latency
    WHERE excluded.outcome > outcome"""

RUN: Final = """
    INSERT OR REPLACE INTO runs (series, first, last, outcome, reason, count, hold, latency_count, latency_sum,
        latency_max, seeded)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

INCIDENT: Final = """
    INSERT OR REPLACE INTO incidents (id, product, check_key, opened, resolved, reason, downtime)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""

FOLDED: Final = """
    INSERT INTO progress (name, value) VALUES ('folded_until', ?)
    ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"""

# Words are joined in Python: one string a check and reason, not one a row, and half the time of the join.
RUNS: Final = """
    SELECT series, outcome, reason, first, last, count, hold, latency_count, latency_sum, latency_max, seeded
    FROM runs ORDER BY series, first"""
ALL_SERIES: Final = "SELECT id, check_key, vantage FROM series"
ALL_REASONS: Final = "SELECT id, word FROM reasons"

# The bound by `folded_until` keeps this from walking all observations that are kept; -9e18 stands for "no bound".
TAIL: Final = """
    WITH told AS MATERIALIZED (
        SELECT id, check_key, vantage,
            coalesce((SELECT last FROM runs WHERE series = series.id ORDER BY first DESC LIMIT 1), -9e18) AS last
        FROM series)
    SELECT check_key, at, outcome, word, latency, vantage
    FROM observations LEFT JOIN told ON told.id = series LEFT JOIN reasons ON reasons.id = reason
    WHERE (told.last IS NULL OR at > told.last)
        AND at >= coalesce((SELECT value FROM progress WHERE name = 'folded_until'), -9e18)
    ORDER BY at, series"""

WINDOW: Final = """
    SELECT check_key, at, outcome, word, latency, vantage
    FROM observations JOIN series ON series.id = series JOIN reasons ON reasons.id = reason
    WHERE check_key = ? AND at >= ? AND at < ?
    ORDER BY at"""

INCIDENTS: Final = (
    "SELECT id, product, check_key, opened, resolved, reason, downtime FROM incidents ORDER BY opened, id"
)

FAILURE: Final = "INSERT OR REPLACE INTO incident_failures (incident, which, body) VALUES (?, ?, ?)"
HAS_FAILURES: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'incident_failures'"
FAILURES: Final = "SELECT incident, which, body FROM incident_failures"

CORRECT: Final = """
    INSERT OR IGNORE INTO corrections (id, made, author, reason, product, start, end, revokes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
HAS_CORRECTIONS: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'corrections'"
HAS_TABLES: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'runs'"
CORRECTIONS: Final = "SELECT made, author, reason, product, start, end, revokes FROM corrections ORDER BY made, id"

# What is not inside a written run yet must stay, whatever the retention; NULL, and with it nothing, while all is so.
PRUNABLE: Final = "SELECT min(?, (SELECT value FROM progress WHERE name = 'folded_until'))"
CUT: Final = "SELECT at + 1 FROM observations WHERE at < ? ORDER BY at LIMIT 1 OFFSET ?"
PRUNE: Final = "DELETE FROM observations WHERE at < ?"

FIND_SERIES: Final = "SELECT id FROM series WHERE check_key = ? AND vantage = ?"
ADD_SERIES: Final = "INSERT INTO series (check_key, vantage) VALUES (?, ?)"
FIND_REASON: Final = "SELECT id FROM reasons WHERE word = ?"
ADD_REASON: Final = "INSERT INTO reasons (word) VALUES (?)"
