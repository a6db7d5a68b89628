"""Timeouts of connections to the web server."""

from __future__ import annotations

KEEP_ALIVE_TIMEOUT = 20.0  # seconds without a request on an open connection; also the time limit of a request's headers
LINGER_TIMEOUT = 1.0  # seconds to read the rest of a request after the response was sent
