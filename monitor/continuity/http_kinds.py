"""Build the HTTP transactions of the kinds `http`, `keycloak` and `chefs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from monitor.config.continuity_kinds import ID
from monitor.continuity.http_driver import HttpDriver
from monitor.continuity.http_steps import HttpStep, HttpTarget
from sla.continuity import BEGIN, FINISH

if TYPE_CHECKING:
    from monitor.config.continuity import ContinuityTransaction
    from monitor.config.continuity_kinds import ChefsDraft, ContinuityRequest, HttpPair, KeycloakSession

_REFRESH: Final = "refresh_token"
# Status and values by which Keycloak reports a missing session.
_SESSION_ENDED: Final = frozenset({400})
_NO_SESSION: Final = {"$.error": "invalid_grant"}


def http_pair(transaction: ContinuityTransaction, pair: HttpPair) -> HttpDriver:
    """Return the driver of a pair of requests as configured."""
    target = HttpTarget(
        transaction.id,
        transaction.timeout,
        pair.headers,
        "" if pair.basic is None else pair.basic.user,
        None if pair.basic is None else pair.basic.password,
        pair.bearer,
        pair.secrets,
        pair.tls,
    )
    steps = {BEGIN: _step(pair.begin)} | ({} if pair.finish is None else {FINISH: _step(pair.finish)})
    find = None if pair.find is None else HttpStep("GET", pair.find.url)
    ids = "" if pair.find is None else pair.find.ids
    return HttpDriver(target, steps, _step(pair.read), _step(pair.clean), find, ids, pair.read.finished)


def _step(request: ContinuityRequest) -> HttpStep:
    return HttpStep(
        request.method,
        request.url,
        request.body or "",
        content_type=request.content_type,
        status=request.status,
        capture=request.capture,
    )


def chefs_draft(transaction: ContinuityTransaction, form: ChefsDraft) -> HttpDriver:
    """Return the driver of a draft and a submission of a CHEFS form.

    An API key may create, list, read and delete submissions but not change a draft, so `finish` adds a submission.
    """
    base, form_id = form.url.rstrip("/"), form.form
    target = HttpTarget(transaction.id, transaction.timeout, {}, form_id, form.api_key, tls=form.tls)
    create = f"{base}/forms/{form_id}/versions/{form.version}/submissions"
    submission_url = f"{base}/submissions/{{{{id}}}}"
    ids = {ID: "$.id"}

    def submission(*, draft: bool) -> HttpStep:
        data = {"draft": draft, "submission": {"data": {form.field: "{{run_id}}"}}}
        return HttpStep("POST", create, json.dumps(data), status=(201,), capture=ids)

    return HttpDriver(
        target,
        {BEGIN: submission(draft=True), FINISH: submission(draft=False)},
        HttpStep("GET", submission_url),
        HttpStep("DELETE", submission_url),
        HttpStep("GET", f"{base}/forms/{form_id}/submissions?deleted=false&fields={form.field}"),
        f"$[?@.{form.field} == '{{{{run_id}}}}'].submissionId",
        {"$.submission.draft": False},
    )


def keycloak_session(transaction: ContinuityTransaction, session: KeycloakSession) -> HttpDriver:
    """Return the driver of a session: `begin` signs in, `finish` uses the refresh token, and cleaning signs out.

    Reading uses the refresh token and keeps the new one, because a realm may revoke a refresh token after use.
    """
    secrets = {"client_secret": session.client_secret, "password": session.password}
    configured = {name: secret for name, secret in secrets.items() if secret is not None}
    target = HttpTarget(transaction.id, transaction.timeout, secrets=configured, tls=session.tls)
    endpoint = f"{session.realm.rstrip('/')}/protocol/openid-connect"
    client = {"client_id": session.client_id}
    if session.client_secret is not None:
        client["client_secret"] = "{{client_secret}}"  # noqa: S105 - a placeholder
    sign_in = {"grant_type": "client_credentials"}
    if session.user is not None:
        sign_in = {"grant_type": "password", "username": session.user, "password": "{{password}}"}
    refresh = {"grant_type": _REFRESH, _REFRESH: "{{refresh_token}}", **client}
    refresh_token, token = {_REFRESH: "$.refresh_token"}, f"{endpoint}/token"
    begin = HttpStep("POST", token, form={**sign_in, **client}, capture_secrets=refresh_token)
    finish = HttpStep("POST", token, form=refresh, capture_secrets=refresh_token)
    renewed = {"access_token": "$.access_token", **refresh_token}
    read = HttpStep("POST", token, form=refresh, capture_secrets=renewed, none=_SESSION_ENDED, none_if=_NO_SESSION)
    sign_out = {_REFRESH: "{{refresh_token}}", **client}
    clean = HttpStep(
        "POST", f"{endpoint}/logout", form=sign_out, status=(204,), none=_SESSION_ENDED, none_if=_NO_SESSION
    )
    return HttpDriver(target, {BEGIN: begin, FINISH: finish}, read, clean)
