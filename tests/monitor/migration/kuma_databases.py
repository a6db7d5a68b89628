"""Databases with the tables of Uptime Kuma 1.23 and 2, with the columns of their public schemas.

Sources: db/kuma.db with db/old_migrations, and db/knex_init_db.js with db/knex_migrations, of louislam/uptime-kuma.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

_MONITOR = """
id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(150), active BOOLEAN NOT NULL DEFAULT 1, user_id INTEGER,
interval INTEGER NOT NULL DEFAULT 20, url TEXT, type VARCHAR(20), weight INTEGER DEFAULT 2000, hostname VARCHAR(255),
port INTEGER, created_date DATETIME, keyword VARCHAR(255), maxretries INTEGER NOT NULL DEFAULT 0,
ignore_tls BOOLEAN NOT NULL DEFAULT 0, upside_down BOOLEAN NOT NULL DEFAULT 0, maxredirects INTEGER NOT NULL DEFAULT 10,
accepted_statuscodes_json TEXT NOT NULL DEFAULT '["200-299"]', dns_resolve_type VARCHAR(5),
dns_resolve_server VARCHAR(255), dns_last_result VARCHAR(255), retry_interval INTEGER NOT NULL DEFAULT 0,
push_token VARCHAR(20), method TEXT NOT NULL DEFAULT 'GET', body TEXT, headers TEXT, basic_auth_user TEXT,
basic_auth_pass TEXT, docker_host INTEGER, docker_container VARCHAR(255), proxy_id INTEGER,
expiry_notification BOOLEAN DEFAULT 1, mqtt_topic TEXT, mqtt_success_message VARCHAR(255), mqtt_username VARCHAR(255),
mqtt_password VARCHAR(255), database_connection_string VARCHAR(2000), database_query TEXT, auth_method VARCHAR(250),
auth_domain TEXT, auth_workstation TEXT, grpc_url VARCHAR(255), grpc_protobuf TEXT, grpc_body TEXT, grpc_metadata TEXT,
grpc_method TEXT, grpc_service_name TEXT, grpc_enable_tls BOOLEAN NOT NULL DEFAULT 0, radius_username VARCHAR(255),
radius_password VARCHAR(255), radius_calling_station_id VARCHAR(50), radius_called_station_id VARCHAR(50),
radius_secret VARCHAR(255), resend_interval INTEGER NOT NULL DEFAULT 0, packet_size INTEGER NOT NULL DEFAULT 56,
game VARCHAR(255), http_body_encoding VARCHAR(25), description TEXT, tls_ca TEXT, tls_cert TEXT, tls_key TEXT,
parent INTEGER, invert_keyword BOOLEAN NOT NULL DEFAULT 0, json_path TEXT, expected_value VARCHAR(255),
oauth_client_id TEXT, oauth_client_secret TEXT, oauth_token_url TEXT, oauth_scopes TEXT, oauth_auth_method TEXT,
timeout DOUBLE NOT NULL DEFAULT 0, gamedig_given_port_only BOOLEAN NOT NULL DEFAULT 1
"""
_MONITOR_2 = """
json_path_operator VARCHAR(255), conditions TEXT NOT NULL DEFAULT '[]', smtp_security VARCHAR(255),
cache_bust BOOLEAN NOT NULL DEFAULT 0, mqtt_check_type VARCHAR(255), remote_browser INTEGER
"""
_OTHERS = """
CREATE TABLE tag (id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, color VARCHAR(255) NOT NULL,
  created_date DATETIME);
CREATE TABLE monitor_tag (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, value TEXT);
CREATE TABLE maintenance (id INTEGER PRIMARY KEY, title VARCHAR(150) NOT NULL, description TEXT NOT NULL DEFAULT '',
  user_id INTEGER, active BOOLEAN NOT NULL DEFAULT 1, strategy VARCHAR(50) NOT NULL DEFAULT 'single',
  start_date DATETIME, end_date DATETIME, start_time TIME, end_time TIME, weekdays VARCHAR(250) DEFAULT '[]',
  days_of_month TEXT DEFAULT '[]',
  interval_day INTEGER, cron TEXT, timezone VARCHAR(255), duration INTEGER);
CREATE TABLE monitor_maintenance (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL, maintenance_id INTEGER NOT NULL);
CREATE TABLE notification (id INTEGER PRIMARY KEY, name VARCHAR(255), active BOOLEAN NOT NULL DEFAULT 1,
  user_id INTEGER, is_default BOOLEAN NOT NULL DEFAULT 0, config TEXT);
CREATE TABLE proxy (id INTEGER PRIMARY KEY, user_id INTEGER, protocol VARCHAR(10) NOT NULL, host VARCHAR(255) NOT NULL,
  port SMALLINT NOT NULL, auth BOOLEAN NOT NULL, username VARCHAR(255), password VARCHAR(255),
  active BOOLEAN NOT NULL DEFAULT 1, "default" BOOLEAN NOT NULL DEFAULT 0, created_date DATETIME);
CREATE TABLE status_page (id INTEGER PRIMARY KEY, slug VARCHAR(255) NOT NULL, title VARCHAR(255) NOT NULL);
"""
_HEARTBEAT = """
id INTEGER PRIMARY KEY AUTOINCREMENT, important BOOLEAN NOT NULL DEFAULT 0, monitor_id INTEGER NOT NULL,
status SMALLINT NOT NULL, msg TEXT, time DATETIME NOT NULL, ping INTEGER, duration INTEGER NOT NULL DEFAULT 0,
down_count INTEGER NOT NULL DEFAULT 0
"""
_HEARTBEAT_2 = "end_time DATETIME, retries INTEGER NOT NULL DEFAULT 0"
_STATISTICS_2 = """
CREATE TABLE stat_minutely (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, ping FLOAT,
  up SMALLINT NOT NULL, down SMALLINT NOT NULL, ping_min FLOAT, ping_max FLOAT, extras TEXT);
CREATE TABLE stat_hourly (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, ping FLOAT,
  up SMALLINT NOT NULL, down SMALLINT NOT NULL, ping_min FLOAT, ping_max FLOAT, extras TEXT);
CREATE TABLE stat_daily (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, ping FLOAT,
  up SMALLINT NOT NULL, down SMALLINT NOT NULL, ping_min FLOAT, ping_max FLOAT, extras TEXT);
"""


def kuma_database(path: Path, version: int, rows: dict[str, list[dict[str, Any]]]) -> Path:
    """Create a database of version 1 or 2 with these rows."""
    columns = _MONITOR if version == 1 else f"{_MONITOR},{_MONITOR_2}"
    with closing(sqlite3.connect(path)) as connection, connection:
        heartbeat = _HEARTBEAT if version == 1 else f"{_HEARTBEAT},{_HEARTBEAT_2}"
        tables = f"{_OTHERS}CREATE TABLE heartbeat ({heartbeat});{'' if version == 1 else _STATISTICS_2}"
        connection.executescript(f"PRAGMA page_size = 512; CREATE TABLE monitor ({columns});{tables}")
        for table, values in rows.items():
            for row in values:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
    return path


EXAMPLE_ROWS: dict[str, list[dict[str, Any]]] = {
    "monitor": [
        {"name": "Forms", "type": "group"},
        {"name": "Start page", "type": "http", "url": "https://forms.example.org/", "interval": 60, "parent": 1,
         "maxretries": 2},
        {"name": "Health", "type": "keyword", "url": "https://forms.example.org/health", "keyword": "ok", "parent": 1,
         "basic_auth_user": "monitor", "basic_auth_pass": "not-a-real-password", "auth_method": "basic"},
        {"name": "Mail relay", "type": "port", "hostname": "mail.example.org", "port": 25, "interval": 120},
        {"name": "Nightly load", "type": "push", "push_token": "not-a-real-token", "interval": 86400},
        {"name": "Queue", "type": "rabbitmq"},
    ],
    "tag": [{"id": 1, "name": "team", "color": "#000"}],
    "monitor_tag": [{"monitor_id": 1, "tag_id": 1, "value": "Digital forms"}],
    "maintenance": [
        {"id": 1, "title": "Patching", "strategy": "recurring-weekday", "weekdays": "[0, 3]", "start_time": "23:00",
         "end_time": "01:00", "timezone": "America/Vancouver"},
    ],
    "monitor_maintenance": [{"monitor_id": 2, "maintenance_id": 1}],
    "notification": [{"id": 1, "name": "Slack", "config": "{}"}],
    "heartbeat": [
        {"monitor_id": 2, "status": int(minute not in (20, 21)), "time": f"2026-10-01 09:{minute:02}:00.000"}
        for minute in range(60)
    ],
}  # fmt: skip
"""The rows of examples/kuma.db."""
