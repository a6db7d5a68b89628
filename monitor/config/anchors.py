"""Anchors of the record's heads, and the other daemons whose heads this daemon keeps as a witness."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.addresses import Headers, HttpUrl
from monitor.config.base import Model
from monitor.config.tls import AuthoritiesField, TlsOptions
from monitor.config.values import Duration, Id, Text, Within, local_path, problem_at
from sla.interval import MINUTE, SECOND

KINDS: Final = ("timestamp", "git", "witness")
_ONLY_OF: Final = {"ca": "timestamp", "headers": "timestamp", "branch": "git", "ssh_key": "git", "name": "witness"}
_REMOTE: Final = re.compile(r"(https?|ssh|git|file)://\S+|[\w.-]+@[\w.-]+:\S+|[./~]\S*")

AttemptTimeout = Annotated[Duration, AfterValidator(Within(SECOND, 5 * MINUTE, "between 1s and 5m"))]


def _remote(value: Any) -> str:
    if not isinstance(value, str) or not _REMOTE.fullmatch(value) or value.startswith("-"):
        raise ValueError("not a Git repository; use https://host/heads.git, git@host:heads.git or /path/to/heads.git")
    if re.match(r"\w+://[^/@]*:[^/@]*@", value):
        raise ValueError("contains a password; use an SSH key (`ssh_key`) or a credential helper of Git")
    return value


def _branch(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,100}", value) or ".." in value:
        raise ValueError("not a branch name; use main")
    return value


def _key(value: Any, info: ValidationInfo) -> Path:
    path = value if isinstance(value, Path) else local_path(value, info)
    if not path.is_file():
        raise ValueError(f"there is no file {path}; specify the path of a private SSH key without a passphrase")
    return path.absolute()


_TEXT_SCHEMA = {"type": "string"}


class Anchor(Model):
    """One place outside of the record that stores its heads: `timestamp`, `git` or `witness`."""

    id: Id
    """Identifies the anchor in the record, in metrics and in the output of `verify`."""

    timestamp: HttpUrl | None = None
    """The URL of a time-stamping service (RFC 3161): `https://tsa.example.org/tsr`."""

    git: Annotated[str, PlainValidator(_remote), WithJsonSchema(_TEXT_SCHEMA)] | None = None
    """A Git repository to which a file of heads is pushed, as for `git push`: `git@git.example.org:heads.git`."""

    witness: HttpUrl | None = None
    """The URL of another ninewatch that stores the heads of this one (`witness_for`): `https://status.example.org`."""

    ca: AuthoritiesField | None = None
    """With `timestamp`: PEM file of the CA certificates that verify the service's tokens."""

    headers: Headers = Field(default_factory=dict)
    """With `timestamp`: headers of each request, such as `{Authorization: {file: PATH}}`."""

    branch: Annotated[str, PlainValidator(_branch), WithJsonSchema(_TEXT_SCHEMA)] | None = None
    """With `git`: the branch. Default: `main`."""

    ssh_key: Annotated[Path, PlainValidator(_key), WithJsonSchema(_TEXT_SCHEMA)] | None = None
    """With `git`: a file with the private SSH key to push with. Default: the keys of the daemon's user."""

    name: Id | None = None
    """With `witness`: the id under which the witness stores the heads."""

    timeout: AttemptTimeout = 30 * SECOND
    """Time for one attempt."""

    tls: TlsOptions = TlsOptions()
    """How the service's certificate is verified. `git` uses its own settings."""

    @property
    def kind(self) -> str:
        """The kind of the anchor: one of `KINDS`."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> Anchor:
        configured = [kind for kind in KINDS if getattr(self, kind) is not None]
        if not configured:
            raise problem_at("id", f"has no kind; add one of {', '.join(KINDS)}")
        if len(configured) > 1:
            raise problem_at(configured[1], f"excludes {configured[0]} in the same anchor; use two anchors")
        for key, kind in _ONLY_OF.items():
            if getattr(self, key) and kind != configured[0]:
                raise problem_at(key, f"is allowed for the kind {kind} only; remove it")
        if self.timestamp is not None and self.ca is None:
            raise problem_at("timestamp", "requires `ca`: the file with the CA certificates of the service")
        if self.witness is not None and self.name is None:
            raise problem_at("witness", "requires `name`: the id under which the witness keeps the heads")
        return self


class Witnessed(Model):
    """Another ninewatch whose heads this one fetches and stores."""

    id: Id
    """Identifies the other ninewatch. Its own configuration has this id as `name` of the anchor."""

    url: HttpUrl
    """The URL of the other ninewatch: `https://ninewatch.example.org`. The heads are fetched from `/api/v1/heads`."""

    about: Text | None = None
    """Description for people."""

    timeout: AttemptTimeout = 30 * SECOND
    """Time for one attempt."""

    tls: TlsOptions = TlsOptions()
    """How the certificate of the other ninewatch is verified."""


def _with_unique_ids(blocks: tuple[Any, ...]) -> tuple[Any, ...]:
    for number, block in enumerate(blocks):
        if block.id in {earlier.id for earlier in blocks[:number]}:
            raise ValueError(f'two entries have the id "{block.id}"; change one of the ids')
    return blocks


Anchors = Annotated[tuple[Anchor, ...], AfterValidator(_with_unique_ids)]
WitnessFor = Annotated[tuple[Witnessed, ...], AfterValidator(_with_unique_ids)]
