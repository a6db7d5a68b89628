"""The kinds of transactions of the continuity probe, and the placeholders in their requests."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from monitor.config.addresses import DefaultPort, Headers, HostPort, HttpUrl
from monitor.config.base import Model
from monitor.config.placeholders import RUN_ID, PathTemplate, names_in
from monitor.config.secret import Secret
from monitor.config.tls import TlsOptions
from monitor.config.values import Flag, Id, Text, Token, problem_at

ID: Final = "id"  # name under which a record's id is captured
_TEXT_SCHEMA: Final = {"type": "string"}


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?", text):
        raise ValueError("not a table; use ninewatch_continuity or schema.ninewatch_continuity")
    return text


def _uuid(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise ValueError("not a UUID; copy it from the address of the form")
    return text.lower()


Uuid = Annotated[str, AfterValidator(_uuid), WithJsonSchema(_TEXT_SCHEMA)]


class PasswordLogin(Model):
    """HTTP Basic credentials."""

    user: Token
    """The user name."""

    password: Secret
    """Reference to the password: `{env: NAME}` or `{file: PATH}`."""


class ContinuityRequest(Model):
    """One request. `{{run_id}}`, captured names and names of `secrets` are replaced in the URL and the body."""

    url: HttpUrl
    """The URL."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    """The request method."""

    body: str | None = None
    """The body. Values are escaped as in JSON."""

    content_type: Text = "application/json"
    """The type of the body."""

    status: tuple[Annotated[int, Field(ge=200, le=299)], ...] = ()
    """The statuses that acknowledge the request. Default: all 2xx."""

    capture: dict[Id, PathTemplate] = Field(default_factory=dict)
    """Values to capture from the response, by name: `{id: "$.id"}`. `id` is the id of the created record."""


class ContinuityRead(ContinuityRequest):
    """The request that reads a record back. The statuses 404 and 410 mean that it does not exist.

    `finished` or `capture` is required: a response without a captured value is a failure, not a record.
    """

    finished: dict[PathTemplate, str | int | bool | None] = Field(default_factory=dict)
    """Values in the response by JSON path, which show that the transaction is finished: `{"$.draft": false}`."""


class ContinuityFind(Model):
    """The request that finds the records of a transaction by its run id, if the response to `begin` was not
    received."""

    url: HttpUrl
    """The URL of a list of records."""

    ids: PathTemplate
    """JSON path of the ids of the records with the run id: `$[?@.note == '{{run_id}}'].id`."""


class HttpPair(Model):
    """A pair of HTTP requests: `begin` creates a record, `finish` completes it."""

    begin: ContinuityRequest
    """Creates a record with `{{run_id}}`."""

    finish: ContinuityRequest | None = None
    """Completes the record. If it captures `id`, it creates a record of its own. Default: nothing to complete."""

    read: ContinuityRead
    """Reads the record with `{{id}}`, or with `{{run_id}}`."""

    find: ContinuityFind | None = None
    """Finds the records by `{{run_id}}`. Without it, a record whose id was not received is possibly left behind."""

    clean: ContinuityRequest
    """Removes the record with `{{id}}`, or with `{{run_id}}`."""

    headers: Headers = Field(default_factory=dict)
    """Headers of all requests."""

    basic: PasswordLogin | None = None
    """HTTP Basic credentials."""

    bearer: Secret | None = None
    """A bearer token."""

    secrets: dict[Id, Secret] = Field(default_factory=dict)
    """Secrets for the bodies, by name: `{key: {env: NAME}}` replaces `{{key}}`. They are not stored."""

    tls: TlsOptions = TlsOptions()
    """How the server's certificate is verified."""

    @model_validator(mode="after")
    def _names_are_known(self) -> HttpPair:
        if self.basic is not None and self.bearer is not None:
            raise problem_at("bearer", "a request has one set of credentials; keep basic or bearer")
        if not self.read.finished and not self.read.capture:
            raise problem_at("read", 'accepts any page with status 200; add finished, or capture: {id: "$.id"}')
        known = {RUN_ID, *self.begin.capture, *self.secrets}
        for name in ("begin", "finish", "read", "clean"):
            request = getattr(self, name)
            allowed = {RUN_ID, *self.secrets} if name == "begin" else known
            missing = set() if request is None else names_in(f"{request.url} {request.body or ''}") - allowed
            if missing:
                raise problem_at(name, f"{{{{{min(missing)}}}}} is unknown; capture it in `begin`")
        if RUN_ID not in names_in(f"{self.begin.url} {self.begin.body or ''}"):
            raise problem_at("begin", "has no {{run_id}}; put it into the body or the URL, so that the record is found")
        return self


class DatabaseRowPair(Model):
    """Two rows of a PostgreSQL table with the columns `run text, step text`."""

    address: Annotated[HostPort, DefaultPort(5432)]
    """`host` or `host:port`; default port 5432."""

    user: Token
    """The user, who needs only INSERT, SELECT and DELETE on the table."""

    password: Secret | None = None
    """Reference to the password: `{env: NAME}` or `{file: PATH}`."""

    database: Token | None = None
    """The database."""

    table: Annotated[str, AfterValidator(_identifier), WithJsonSchema(_TEXT_SCHEMA)] = "ninewatch_continuity"
    """The table: `CREATE TABLE ninewatch_continuity (run text NOT NULL, step text NOT NULL)`."""

    encrypted: Flag = False
    """`true`: connect with TLS."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is verified if `encrypted`."""


class QueuePair(Model):
    """Two messages in a list of Redis or Valkey."""

    address: Annotated[HostPort, DefaultPort(6379)]
    """`host` or `host:port`; default port 6379."""

    user: Token | None = None
    """The ACL user, which requires `password`."""

    password: Secret | None = None
    """Reference to the password: `{env: NAME}` or `{file: PATH}`."""

    prefix: Text = "ninewatch:continuity:"
    """Start of the names of the lists, one per transaction. The user needs RPUSH, LRANGE and DEL on them."""

    encrypted: Flag = False
    """`true`: connect with TLS."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is verified if `encrypted`."""


class KeycloakSession(Model):
    """A session of Keycloak with a refresh token, which is used once to finish."""

    realm: HttpUrl
    """URL of the realm: `https://sso.example.org/auth/realms/standard`."""

    client_id: Token
    """The client. Without `user`, it needs a service account with refresh tokens."""

    client_secret: Secret | None = None
    """Reference to the client's secret."""

    user: Token | None = None
    """A test user, for a client with direct access grants."""

    password: Secret | None = None
    """Reference to the test user's password."""

    tls: TlsOptions = TlsOptions()
    """How the server's certificate is verified."""

    @model_validator(mode="after")
    def _can_sign_in(self) -> KeycloakSession:
        if (self.user is None) != (self.password is None):
            raise problem_at(
                "user" if self.password is None else "password", "belong together; specify user and password"
            )
        if self.user is None and self.client_secret is None:
            raise problem_at("client_id", "needs client_secret, or a test user with user and password")
        return self


class ChefsDraft(Model):
    """A draft and a submission of a CHEFS form that is used only for this transaction."""

    url: HttpUrl
    """URL of the API: `https://submit.digital.gov.bc.ca/app/api/v1`."""

    form: Uuid
    """Id of the form."""

    version: Uuid
    """Id of the form's version."""

    api_key: Secret
    """Reference to the form's API key."""

    field: Id = "ninewatch"
    """The field of the form that contains the run id."""

    tls: TlsOptions = TlsOptions()
    """How the server's certificate is verified."""
