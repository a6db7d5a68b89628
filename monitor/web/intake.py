"""The listener of a centre for the frames of its vantages: POST /vantage/v1/frames, with a token of each vantage."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.access.principal import AuthMethod
from monitor.config.roles import checks_digest
from monitor.config.tls import load_client_certificate
from monitor.engine.vantage_intake import IntakeRefusal, VantageIntake
from monitor.vantage.frame_request import (
    MAX_REQUEST,
    PATH,
    FrameResponse,
    RequestError,
    decode_request,
    encode_response,
)
from monitor.web.access import INVALID_CREDENTIAL_LIMIT, TOKENS, Role, principal_of, role
from monitor.web.audit import AUDIT
from monitor.web.context import CONTEXT, is_loopback
from monitor.web.errors import Refusal
from monitor.web.request_body import read_body
from monitor.web.server import add_headers, guard

if TYPE_CHECKING:
    from monitor.config.roles import Intake

INTAKE: web.AppKey[VantageIntake] = web.AppKey("intake", VantageIntake)
RETRY_AFTER: Final = "5"  # seconds
READ_TIMEOUT: Final = 30.0  # seconds for a request; vantages may have slow connections

routes = web.RouteTableDef()


def build_intake(site: web.Application, intake: VantageIntake, listen_host: str) -> web.Application:
    """Return the application of the intake. Tokens, limits and audit log are those of `site`."""
    app = web.Application(middlewares=[guard], client_max_size=0)
    app[CONTEXT] = replace(site[CONTEXT], private=is_loopback(listen_host))
    app[TOKENS], app[INVALID_CREDENTIAL_LIMIT], app[AUDIT] = site[TOKENS], site[INVALID_CREDENTIAL_LIMIT], site[AUDIT]
    app[INTAKE] = intake
    app.add_routes(routes)
    app.on_response_prepare.append(add_headers)
    return app


def tls_context(options: Intake) -> ssl.SSLContext | None:
    """Return the TLS context of the listener. None without a certificate."""
    if options.identity is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_client_certificate(context, *options.identity)
    if options.client_ca is not None:
        context.load_verify_locations(cadata=options.client_ca.pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@routes.post(PATH)
@role(Role.VANTAGE_WRITE, body=True)
async def receive_frames(request: web.Request) -> web.Response:
    """Store the frames of the vantage with the token's name, and respond with the position of the last one."""
    principal = principal_of(request)
    if principal.method is not AuthMethod.TOKEN:
        raise Refusal(403, "vantages need a token", "create a token with `--scope vantage:write`")
    intake, context = request.app[INTAKE], request.app[CONTEXT]
    received = context.clock.now()
    try:
        frames = decode_request(await read_body(request, MAX_REQUEST, READ_TIMEOUT))
        response = await intake.receive(principal.name, frames, checks_digest(context.ledger.portfolio))
    except RequestError as error:
        raise Refusal(400, str(error), "use the same version of ninewatch at the vantage and at the centre") from None
    except IntakeRefusal as error:
        if not error.superseded:
            retry = (("Retry-After", RETRY_AFTER),) if error.status in (429, 503) else ()
            raise Refusal(error.status, str(error), "the vantage keeps its frames", retry) from None
        response = FrameResponse(
            intake.position(principal.name), received, context.clock.now(), str(error), superseded=True
        )
    body = encode_response(response)
    return web.Response(body=body, content_type="application/json", status=409 if response.error else 200)
