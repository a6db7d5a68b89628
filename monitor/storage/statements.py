"""All SQL statements on the tables of `schema.py` except the migrations and the pruning of observations.

The statements run on SQLite and PostgreSQL, except those for rows of a wrong clock, which run on SQLite only.
"""

from typing import Final


def _upsert(table: str, key: str, columns: str) -> str:
    """Return a statement that inserts a row, or replaces the row with the same key."""
    names = [name.strip() for name in columns.split(",")]
    values = ", ".join("?" * len(names))
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key.split(", "))
    return f"INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {changes}"  # noqa: S608 - our own texts


# If two observations have the same instant, the worse one is kept (measurement.md, section 1).
INSERT_OBSERVATION: Final = """
    INSERT INTO observations (at, series, outcome, reason, latency, recheck) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (at, series) DO UPDATE
    SET outcome = excluded.outcome, reason = excluded.reason, latency = excluded.latency, recheck = excluded.recheck
    WHERE excluded.outcome > observations.outcome"""

RUN: Final = _upsert(
    "runs",
    "series, first",
    "series, first, last, outcome, reason, count, hold, latency_count, latency_sum, latency_max, seeded, recheck",
)
INCIDENT: Final = _upsert("incidents", "id", "id, product, check_key, opened, resolved, reason, downtime")

FOLD_RUN: Final = """
    INSERT INTO progress (name, value) VALUES ('folded_until', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value > progress.value"""

FOLDED_UNTIL: Final = "SELECT value FROM progress WHERE name = 'folded_until'"

# Texts are joined in Python: this creates one string per check and reason instead of per row, in half the time.
# A record of an earlier version has no column `recheck`: see `without_rechecks`.
RUNS: Final = """
    SELECT series, outcome, reason, first, last, count, hold, latency_count, latency_sum, latency_max, seeded, recheck
    FROM runs ORDER BY series, first"""
RUNS_OF: Final = """
    SELECT series, outcome, reason, first, last, count, hold, latency_count, latency_sum, latency_max, seeded, recheck
    FROM runs WHERE series = ? ORDER BY first"""
ALL_SERIES: Final = "SELECT id, check_key, vantage FROM series"
ALL_REASONS: Final = "SELECT id, word FROM reasons"

# Without the bound `folded_until`, the query would scan all observations. -1 means no bound.
NEWEST_RUNS: Final = """
    WITH folded AS MATERIALIZED (
        SELECT id, check_key, vantage,
            coalesce((SELECT last FROM runs WHERE series = series.id ORDER BY first DESC LIMIT 1), -1) AS last
        FROM series)
    SELECT check_key, at, outcome, word, latency, vantage, recheck
    FROM observations LEFT JOIN folded ON folded.id = series LEFT JOIN reasons ON reasons.id = reason
    WHERE (folded.last IS NULL OR at > folded.last)
        AND at >= coalesce((SELECT value FROM progress WHERE name = 'folded_until'), -1)
    ORDER BY at, series"""

RUNS_IN_WINDOW: Final = """
    SELECT check_key, at, outcome, word, latency, vantage, recheck
    FROM observations JOIN series ON series.id = series JOIN reasons ON reasons.id = reason
    WHERE check_key = ? AND at >= ? AND at < ?
    ORDER BY at"""

OBSERVATIONS_BETWEEN: Final = """
    SELECT check_key, at, outcome, word, latency, vantage, recheck
    FROM observations JOIN series ON series.id = series JOIN reasons ON reasons.id = reason
    WHERE at >= ? AND at < ?
    ORDER BY at, check_key, vantage"""

INCIDENTS: Final = (
    "SELECT id, product, check_key, opened, resolved, reason, downtime FROM incidents ORDER BY opened, id"
)

FAILURE: Final = _upsert("incident_failures", "incident, which", "incident, which, body")
FAILURES: Final = "SELECT incident, which, body FROM incident_failures"

PRODUCT_INCIDENT: Final = _upsert(
    "product_incidents", "id", "id, product, opened, resolved, severity, members, unannounced"
)
PRODUCT_INCIDENTS: Final = """
    SELECT id, product, opened, resolved, severity, members, unannounced FROM product_incidents ORDER BY opened, id"""

_RESPONSE_COLUMNS: Final = """key, started, product, severity, priority, target, acknowledged, author, via, ended,
    escalations"""
RESPONSE: Final = _upsert("responses", "key, started", _RESPONSE_COLUMNS)
OPEN_RESPONSES: Final = f"SELECT {_RESPONSE_COLUMNS} FROM responses WHERE ended IS NULL ORDER BY started, key"  # noqa: S608 - our own texts
RESPONSES: Final = f"""
    SELECT {_RESPONSE_COLUMNS} FROM responses WHERE started >= ? AND started < ? ORDER BY started, key"""  # noqa: S608

_NOTIFICATION_COLUMNS: Final = """key, receiver, turn, event, repeat, made, due, severity, product, body, attempts,
    claimed_epoch, claimed_holder, done, error"""
NOTIFICATION: Final = _upsert("notifications", "key, receiver, turn", _NOTIFICATION_COLUMNS)
_FINISHED: Final = """
    SELECT key, receiver FROM notifications GROUP BY key, receiver
    HAVING sum(CASE WHEN event IN ('resolved', 'report') THEN 1 ELSE 0 END) > 0 AND count(done) = count(*)"""
UNFINISHED_NOTIFICATIONS: Final = f"""
    SELECT {_NOTIFICATION_COLUMNS} FROM notifications WHERE (key, receiver) NOT IN ({_FINISHED})
    ORDER BY made, key, receiver, turn"""  # noqa: S608 - texts of ours
LATEST_NOTIFICATIONS: Final = f"""
    SELECT {_NOTIFICATION_COLUMNS} FROM notifications ORDER BY made DESC, key, receiver, turn DESC LIMIT ?"""  # noqa: S608
NOTIFICATIONS_SINCE: Final = f"""
    SELECT {_NOTIFICATION_COLUMNS} FROM notifications WHERE due >= ? ORDER BY made, key, receiver, turn"""  # noqa: S608
NOTIFICATIONS_OF: Final = f"""
    SELECT {_NOTIFICATION_COLUMNS} FROM notifications WHERE key = ? ORDER BY made, receiver, turn"""  # noqa: S608
PRUNE_NOTIFICATIONS: Final = f"""
    DELETE FROM notifications WHERE (key, receiver) IN (
        SELECT key, receiver FROM notifications GROUP BY key, receiver HAVING max(made) < ?)
    AND (key, receiver) IN ({_FINISHED})"""  # noqa: S608

ADD_FACT: Final = """
    INSERT INTO facts (id, made, author, kind, product, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
FACTS: Final = "SELECT id, made, author, kind, product, body FROM facts ORDER BY made, id"
CORRECTIONS: Final = "SELECT made, author, reason, product, start, end, revokes FROM corrections ORDER BY made, id"

FIND_SERIES: Final = "SELECT id FROM series WHERE check_key = ? AND vantage = ?"
ADD_SERIES: Final = "INSERT INTO series (check_key, vantage) VALUES (?, ?) ON CONFLICT DO NOTHING"
FIND_REASON: Final = "SELECT id FROM reasons WHERE word = ?"
ADD_REASON: Final = "INSERT INTO reasons (word) VALUES (?) ON CONFLICT DO NOTHING"

ADD_HEAD: Final = """
    INSERT INTO heads (number, day, since, made, whole, content, previous, head)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
ADD_HEAD_SERIES: Final = """
    INSERT INTO head_series (series, head, first, last, count, latency_count, latency_sum, latency_max, digest)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
ADD_HEAD_ITEM: Final = """
    INSERT INTO head_items (kind, id, head, digest) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"""
HEADS: Final = """
    SELECT number, day, since, made, whole, content, previous, head FROM heads WHERE number >= ?
    ORDER BY number LIMIT ?"""
HEAD_SERIES: Final = """
    SELECT check_key, vantage, head, first, last, count, latency_count, latency_sum, latency_max, digest
    FROM head_series JOIN series ON series.id = series ORDER BY head, check_key, vantage"""
HEAD_ITEMS: Final = "SELECT kind, id, head, digest FROM head_items ORDER BY head, kind, id"
# The newest position of each series in the heads since this number.
POSITIONS: Final = """
    SELECT series, first, last, count, latency_count, latency_sum, latency_max FROM head_series AS newest
    WHERE head >= ? AND head = (SELECT max(head) FROM head_series WHERE series = newest.series)"""
RUNS_BETWEEN: Final = """
    SELECT outcome, reason, first, last, count, hold, latency_count, latency_sum, latency_max, seeded, recheck
    FROM runs WHERE series = ? AND first >= ? AND first < ? ORDER BY first"""
# Whether the newest position of a series differs from the runs, because runs of a wrong clock were set aside.
SET_ASIDE: Final = """
    SELECT 1 FROM head_series AS newest
    JOIN clock_marks AS mark ON mark.start <= newest.last AND newest.last < mark.end
    LEFT JOIN runs ON runs.series = newest.series AND runs.first = newest.first
    WHERE newest.head >= ? AND newest.head = (SELECT max(head) FROM head_series WHERE series = newest.series)
        AND (runs.first IS NULL OR runs.last < newest.last OR runs.count < newest.count)
    LIMIT 1"""

# The instant of the last observation, from the last run of each series instead of all runs.
LAST_OBSERVED_INSTANT: Final = """
    SELECT max(last) FROM (
        SELECT max((SELECT last FROM runs WHERE series = series.id ORDER BY first DESC LIMIT 1)) AS last FROM series
        UNION ALL SELECT (SELECT at FROM observations ORDER BY at DESC LIMIT 1)) AS newest"""

# The first observation of all checks, and the last observation of each check, in runs.
FIRST_OBSERVED: Final = "SELECT min(first) FROM runs"
LAST_OBSERVED: Final = """
    SELECT check_key, max(last) FROM runs JOIN series ON series.id = series GROUP BY check_key"""

LATENCY_DAY: Final = _upsert("latency_days", "series, start", "series, start, last, histogram, phase_count, phases")
PRUNE_LATENCY_DAYS: Final = "DELETE FROM latency_days WHERE series = ? AND start < ?"
LATENCY_DAYS_OF: Final = """
    SELECT start, last, histogram, phase_count, phases FROM latency_days WHERE series = ? ORDER BY start"""
# Good observations after the last save of all days. Outcome 1 is good.
RECENT_LATENCIES: Final = """
    SELECT check_key, at, latency FROM observations JOIN series ON series.id = series
    WHERE at >= coalesce((SELECT value FROM progress WHERE name = 'folded_until'), -1)
        AND outcome = 1 AND recheck = 0 AND latency IS NOT NULL AND vantage = 'local'
    ORDER BY at"""
MOVED_LATENCY_DAYS: Final = """
    SELECT series, start, last FROM aside_latency_days WHERE mark = ? ORDER BY series, start"""
LATENCIES_BETWEEN: Final = """
    SELECT series, at, latency FROM observations
    WHERE at >= :start AND at < :end AND outcome = 1 AND recheck = 0 AND latency IS NOT NULL ORDER BY at"""

# Rows with timestamps of a wrong clock are moved to the `aside_` tables (clock_marks.py).
ADD_STEP: Final = "INSERT INTO clock_steps (at, size) VALUES (?, ?)"
EXPLAINING_STEP: Final = """
    SELECT id, at + size FROM clock_steps
    WHERE size >= :ahead AND size <= :ahead + :down AND at + size <= :latest
    ORDER BY id DESC LIMIT 1"""
ADD_MARK: Final = "INSERT INTO clock_marks (start, end, made, step) VALUES (?, ?, ?, ?)"
ASIDE_OBSERVATIONS: Final = """
    INSERT INTO aside_observations (mark, at, series, outcome, reason, latency, recheck)
    SELECT :mark, at, series, outcome, reason, latency, recheck FROM observations WHERE at >= :start AND at < :end"""
DROP_OBSERVATIONS: Final = "DELETE FROM observations WHERE at >= :start AND at < :end"
ASIDE_RUNS: Final = """
    INSERT INTO aside_runs (mark, series, first, last, outcome, reason, count, hold, latency_count, latency_sum,
        latency_max, seeded, recheck)
    SELECT :mark, series, first, last, outcome, reason, count, hold, latency_count, latency_sum, latency_max, seeded,
        recheck
    FROM runs WHERE last >= :start AND last < :end"""
CUT_RUNS: Final = """
    SELECT series, first, last, count, hold FROM runs WHERE first < :start AND last >= :start AND last < :end"""
LAST_BEFORE: Final = """
    SELECT at FROM observations WHERE series = :series AND at >= :since AND at < :start ORDER BY at DESC LIMIT 1"""
MOVED_OF_RUN: Final = """
    SELECT count(*), count(latency), coalesce(sum(latency), 0) FROM observations
    WHERE series = :series AND at >= :start AND at <= :last"""
CUT_RUN: Final = """
    UPDATE runs SET last = :last, count = count - :moved,
        latency_count = min(max(latency_count - :known, 0), count - :moved),
        latency_sum = max(latency_sum - :latency, 0)
    WHERE series = :series AND first = :first"""
_LATENCY_DAY: Final = "series, start, last, histogram, phase_count, phases"
ASIDE_LATENCY_DAYS: Final = f"""
    INSERT INTO aside_latency_days (mark, {_LATENCY_DAY})
    SELECT :mark, {_LATENCY_DAY} FROM latency_days WHERE last >= :start AND last < :end"""  # noqa: S608 - our own texts
DROP_LATENCY_DAYS: Final = "DELETE FROM latency_days WHERE last >= :start AND last < :end"
DROP_RUNS: Final = "DELETE FROM runs WHERE first >= :start AND last < :end"
ASIDE_INCIDENTS: Final = """
    INSERT INTO aside_incidents (mark, id, product, check_key, opened, resolved, reason, downtime)
    SELECT :mark, id, product, check_key, opened, resolved, reason, downtime FROM incidents
    WHERE (opened >= :start AND opened < :end) OR (resolved >= :start AND resolved < :end)"""
DROP_INCIDENTS: Final = "DELETE FROM incidents WHERE opened >= :start AND opened < :end"
REOPEN_INCIDENTS: Final = """
    UPDATE incidents SET resolved = NULL, downtime = NULL WHERE resolved >= :start AND resolved < :end"""
LOWER_FOLDED: Final = """
    UPDATE progress SET value = min(value, :start, (SELECT coalesce(max(last), 0) FROM runs))
    WHERE name = 'folded_until'"""
DROP_FOLDED: Final = "DELETE FROM progress WHERE NOT EXISTS (SELECT 1 FROM runs)"
# A mark without an explaining step was a mistake if the clock stepped forward to the record's end soon afterwards.
MISTAKEN_MARKS: Final = """
    SELECT mark.id, mark.start, min(step.at) FROM clock_marks AS mark JOIN clock_steps AS step
        ON step.at >= mark.made AND step.at <= mark.made + :within AND step.at + step.size >= mark.end
    WHERE mark.step = 0 AND NOT mark.reverted GROUP BY mark.id"""
BRING_BACK: Final = (
    "INSERT OR IGNORE INTO observations (at, series, outcome, reason, latency, recheck)"
    " SELECT at, series, outcome, reason, latency, recheck FROM aside_observations WHERE mark = :mark",
    "INSERT OR REPLACE INTO runs (series, first, last, outcome, reason, count, hold, latency_count, latency_sum,"
    " latency_max, seeded, recheck) SELECT series, first, last, outcome, reason, count, hold, latency_count,"
    " latency_sum, latency_max, seeded, recheck FROM aside_runs WHERE mark = :mark",
    "INSERT OR REPLACE INTO incidents (id, product, check_key, opened, resolved, reason, downtime)"
    " SELECT id, product, check_key, opened, resolved, reason, downtime FROM aside_incidents WHERE mark = :mark",
    f"INSERT OR REPLACE INTO latency_days ({_LATENCY_DAY})"  # noqa: S608 - our own texts
    f" SELECT {_LATENCY_DAY} FROM aside_latency_days WHERE mark = :mark",
    "DELETE FROM aside_latency_days WHERE mark = :mark",
    "DELETE FROM aside_observations WHERE mark = :mark",
    "DELETE FROM aside_runs WHERE mark = :mark",
    "DELETE FROM aside_incidents WHERE mark = :mark",
    "UPDATE clock_marks SET reverted = 1 WHERE id = :mark",
)


def without_rechecks(statement: str) -> str:
    """Return the statement for a record of an earlier version, which has no column `recheck`."""
    return statement.replace("recheck", "0 AS recheck")
