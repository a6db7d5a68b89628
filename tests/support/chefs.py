"""A service with the submissions API of CHEFS: the recorded shapes, soft deletion, and Basic credentials."""

from __future__ import annotations

import uuid
from base64 import b64encode
from typing import Any

from tests.support.record_service import RecordService

FORM, VERSION, KEY = str(uuid.UUID(int=1)), str(uuid.UUID(int=2)), "canary-key"


class ChefsService(RecordService):
    """One form. `deleted` submissions stay, as in CHEFS."""

    @property
    def api(self) -> str:
        """The URL of the API."""
        return f"{self.url}/app/api/v1"

    def _execute(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        expected = "Basic " + b64encode(f"{FORM}:{KEY}".encode()).decode()
        if self.authorization - {expected}:
            return 401, {"detail": "Invalid authorization credentials."}
        route = path.removeprefix("/app/api/v1/")
        if method == "POST" and route == f"forms/{FORM}/versions/{VERSION}/submissions":
            name = str(uuid.uuid4())
            self.created += 1
            self.records[name] = {"id": name, "confirmationId": name[:8].upper(), "deleted": False, **body}
            return 201, self.records[name]
        if method == "GET" and route == f"forms/{FORM}/submissions":
            return 200, [self._row(record) for record in self.records.values() if not record["deleted"]]
        if method == "GET" and route == f"forms/{FORM}/version":
            return 200, {"id": FORM, "name": "ninewatch", "versions": [{"id": VERSION, "version": 1, "schema": {}}]}
        name = route.removeprefix("submissions/")
        if name not in self.records or method not in ("GET", "DELETE"):
            return 404 if name not in self.records else 403, {"detail": "unknown, or not allowed with an API key"}
        self.records[name]["deleted"] |= method == "DELETE"
        return 200, {"submission": self.records[name], "form": {"id": FORM}, "version": {"id": VERSION}}

    def _row(self, record: dict[str, Any]) -> dict[str, Any]:
        row = {name: record[name] for name in ("confirmationId", "deleted")}
        return {"submissionId": record["id"], "formId": FORM, **row, **record["submission"]["data"]}

    @property
    def visible(self) -> list[str]:
        """The ids of the submissions that are not deleted."""
        return [name for name, record in self.records.items() if not record["deleted"]]
