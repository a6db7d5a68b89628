"""The form API of the simulated CHEFS, which keeps submissions until they are deleted."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from monitor.demo import responses
from sla.interval import MILLISECOND

if TYPE_CHECKING:
    from monitor.demo.responses import Routes

FORM_ID: Final = "6f0f2a9e-0000-4000-8000-000000000001"  # as in config/demo.yaml
_VERSION: Final = "6f0f2a9e-0000-4000-8000-000000000002"
_API: Final = "/app/api/v1/"
_VISIBLE_AFTER: Final = 150 * MILLISECOND  # after submission, like reads from a replica
_MAX_SUBMISSIONS: Final = 1_000  # the oldest ones are dropped


@dataclass(frozen=True, slots=True)
class _Submission:
    """A submission, which can be read from the instant `visible` on."""

    id: str
    visible: int
    data: dict[str, Any]


@dataclass(slots=True)
class Form:
    """One form with its submissions, in the JSON format of CHEFS, without authentication."""

    _submissions: dict[str, _Submission] = field(default_factory=dict)

    def answer(self, request: web.BaseRequest, now: int) -> web.Response:
        """Respond to a request to the form's API; to other paths as CHEFS does."""
        route = request.path.removeprefix(_API)
        match request.method, route:
            case "GET", r if r == f"forms/{FORM_ID}/version":
                return web.json_response({"id": FORM_ID, "versions": [{"id": _VERSION, "version": 1}]})
            case "POST", r if r == f"forms/{FORM_ID}/versions/{_VERSION}/submissions":
                return self._submit(request[responses.BODY], now)
            case "GET", r if r == f"forms/{FORM_ID}/submissions":
                return web.json_response([self._row(submission) for submission in self._visible(now)])
            case "GET" | "DELETE", r if r.startswith("submissions/"):
                return self._one(request.method, r.removeprefix("submissions/"), now)
        return responses.CHEFS["*"](request, now)

    def _submit(self, body: bytes, now: int) -> web.Response:
        try:
            data = json.loads(body)["submission"]["data"]
        except (ValueError, KeyError, TypeError):
            data = None
        if not isinstance(data, dict):
            return web.json_response({"detail": "expected the object submission.data"}, status=422)
        submission = _Submission(str(uuid.uuid4()), now + _VISIBLE_AFTER, data)
        self._submissions[submission.id] = submission
        if len(self._submissions) > _MAX_SUBMISSIONS:
            del self._submissions[next(iter(self._submissions))]
        return web.json_response({"id": submission.id, "submission": {"data": data}}, status=201)

    def _one(self, method: str, name: str, now: int) -> web.Response:
        """Return or delete one submission."""
        submission = self._submissions.get(name)
        if submission is None or (method == "GET" and now < submission.visible):
            return web.json_response({"detail": "unknown submission"}, status=404)
        if method == "DELETE":
            del self._submissions[name]
        return web.json_response({"submission": {"id": name, "submission": {"data": submission.data}}})

    def _visible(self, now: int) -> list[_Submission]:
        return [submission for submission in self._submissions.values() if now >= submission.visible]

    @staticmethod
    def _row(submission: _Submission) -> dict[str, Any]:
        return {"submissionId": submission.id, "formId": FORM_ID, **submission.data}


CHEFS: Routes = {**responses.CHEFS, "*": Form().answer}
