"""A service with the token and logout endpoints of Keycloak, which revokes each refresh token that was used."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from tests.support.record_service import RecordService


class SessionService(RecordService):
    """One realm. `tokens` are the valid refresh tokens, one per session."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()

    def execute(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and response of a request."""
        with self._lock:
            self.hits[path.rpartition("/")[2]] += 1
            if self.status is not None:
                return self.status, {"error": "unauthorized_client"}
            form = dict(parse_qsl(body.decode()))
            used = form.get("refresh_token")
            if used is not None and used not in self.tokens:
                return 400, {"error": "invalid_grant"}
            self.tokens -= {used or ""}
            if path.endswith("/logout"):
                return 204, None
            self.created += 1
            self.tokens.add(f"token-{self.created}")
            return 200, {"access_token": "a", "refresh_token": f"token-{self.created}"}
