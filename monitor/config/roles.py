"""Keys of `role`, `centre` and `intake`: a vantage that sends its observations to a centre, and a centre."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from monitor.config.addresses import HttpUrl, Listen, loopback
from monitor.config.alerting import AttemptTimeout
from monitor.config.base import Model
from monitor.config.secret import Secret
from monitor.config.tls import AuthoritiesField, CertificateField, KeyField, TlsOptions, check_identity, identity_of
from monitor.config.values import Duration, Within, problem_at
from sla.interval import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

MAX_KEEP: Final = 90 * DAY


class DaemonRole(StrEnum):
    """The role of a daemon."""

    ALONE = "alone"
    """It probes, decides and notifies."""
    VANTAGE = "vantage"
    """It probes, and sends its observations to a centre, which decides and notifies."""
    CENTRE = "centre"
    """It probes, and decides together with its vantages."""


def _encrypted(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" and not loopback(parts.hostname or ""):
        raise ValueError("is not encrypted; use an https URL (http is allowed for loopback addresses only)")
    if parts.path not in ("", "/") or parts.query:
        raise ValueError("has a path; specify the address only, such as https://centre.example.org:9443")
    return value.rstrip("/")


CentreUrl = Annotated[HttpUrl, AfterValidator(_encrypted)]


class Centre(Model):
    """The centre of a vantage."""

    urls: Annotated[tuple[CentreUrl, ...], Field(min_length=1)]
    """The addresses of the centre's `intake`: `[https://centre.example.org:9443]`. The first one that responds is
    used."""

    token: Secret
    """The token that `ninewatch token create VANTAGE --scope vantage:write` created at the centre. Its name is
    the id of the vantage."""

    tls: TlsOptions = TlsOptions()
    """How the centre's certificate is verified, and the certificate of this vantage."""

    timeout: AttemptTimeout = 15 * SECOND
    """Time for one request."""

    keep: Annotated[Duration, AfterValidator(Within(HOUR, MAX_KEEP, "between 1h and 90d"))] = 7 * DAY
    """How long observations are kept for the centre. After a longer interruption, the time before is unknown there."""


class Intake(Model):
    """The listener for the observations of vantages."""

    listen: Listen
    """Address of the listener: `0.0.0.0:9443`."""

    certificate: CertificateField | None = None
    """PEM file of the listener's certificate, followed by its chain. Default: no TLS, for example behind a proxy that
    terminates it. A relative path is relative to the configuration file that contains the key."""

    key: KeyField | None = None
    """Private key of `certificate`, without passphrase: a PEM file, or a reference to a secret. Default: the key in
    `certificate`."""

    client_ca: AuthoritiesField | None = None
    """PEM file of the authorities that issue the certificates of vantages. With it, vantages need a certificate and a
    token."""

    @property
    def identity(self) -> tuple[str, Secret] | None:
        """The certificate with its chain as PEM, and its key. None without TLS."""
        return identity_of(self.certificate, self.key)

    @model_validator(mode="after")
    def _certificate_is_complete(self) -> Intake:
        check_identity(self.certificate, self.key)
        if self.client_ca is not None and self.certificate is None:
            raise problem_at("client_ca", "has no effect without a certificate; add certificate: PATH")
        return self


def check_role(portfolio: Portfolio) -> None:
    """Check that the keys of the configuration fit the daemon's role.

    Raises:
        PydanticCustomError: a key is missing, or belongs to another role.
    """
    role, is_centre = portfolio.role, portfolio.role is DaemonRole.CENTRE
    if role is DaemonRole.VANTAGE:
        _check_vantage(portfolio)
    elif portfolio.centre is not None:
        raise problem_at("centre", "is for vantages only; add `role: vantage`, or remove it")
    if is_centre and portfolio.intake is None:
        raise problem_at("role", "is centre, which requires `intake`: where vantages send to; add it")
    if not is_centre and portfolio.intake is not None:
        raise problem_at("intake", "is for centres only; add `role: centre`, or remove it")
    without_file = [vantage.id for vantage in portfolio.vantages if vantage.observations is None]
    if without_file and not is_centre:
        remedy = "add its file, or `role: centre` and `intake` to receive them"
        raise problem_at("vantages", f"{without_file[0]} has no `observations`; {remedy}")


def _check_vantage(portfolio: Portfolio) -> None:
    if portfolio.centre is None:
        raise problem_at("role", "is vantage, which requires `centre`: where the observations are sent; add it")
    for key in ("vantages", "quorum", "receivers", "standby", "status_pages"):
        if getattr(portfolio, key):
            raise problem_at(key, "belongs to the centre, which decides and notifies; remove it from this vantage")


def checks_digest(portfolio: Portfolio) -> str:
    """Return a digest of the parameters of all checks that other vantages may probe, 16 hexadecimal digits.

    A vantage and its centre with equal digests probe the same checks in the same way.
    """
    parameters = [
        (product.id, check.model_dump(mode="json"))
        for product, check in sorted(portfolio.checks(), key=lambda pair: (pair[0].id, pair[1].id))
        if check.elsewhere
    ]
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:16]
