"""TLS as modules ask for it, and its gauges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.blackbox.tls_state import handshake_of
from monitor.config.addresses import HostPort
from monitor.config.domain_names import host
from monitor.config.model import TlsOptions

if TYPE_CHECKING:
    import ssl

    from monitor.blackbox.modules import TlsConfig
    from monitor.blackbox.prober import Trial


def options(config: TlsConfig, server_name: str = "") -> TlsOptions:
    """Return the options of our own kinds that mean the same; the module's name goes before the caller's."""
    name = config.server_name or server_name or None
    ca = config.ca_file if not config.insecure_skip_verify else None
    return TlsOptions.model_construct(
        ca=ca,
        verify=not config.insecure_skip_verify,
        server_name=name,
        certificate=config.cert_file,
        key=config.key_file,
        version=config.only,
    )


def server_of(written: str) -> str:
    """Return the host of a Host header, as TLS may ask for it; empty if it cannot.

    >>> server_of("a.example:8443"), server_of("[::1]:8443"), server_of("::1"), server_of("a b")
    ('a.example', '::1', '::1', '')
    """
    with contextlib.suppress(ValueError):
        return HostPort.parse(written).host
    with contextlib.suppress(ValueError):
        return host(written)
    return ""


def noting(trial: Trial) -> Callable[[ssl.SSLSocket], None]:
    """Return what notes each handshake of a trial, for `Frame.on_secured`."""

    def note(connection: ssl.SSLSocket) -> None:
        seen = trial.handshake = handshake_of(connection)
        trial.diary.note("TLS handshake done", version=seen.version, first_end=seen.first_end, **seen.leaf)

    return note


def telling(trial: Trial) -> Callable[[ssl.SSLSocket], None]:
    """Return what notes each handshake of a trial and shows it in the gauges."""
    note = noting(trial)

    def tell(connection: ssl.SSLSocket) -> None:
        note(connection)
        show(trial)

    return tell


def show(trial: Trial, *, chain: bool = True) -> None:
    """Put the last handshake into the gauges; `chain` is whether the end of the verified chain is among them."""
    gauges, seen = trial.gauges, trial.handshake
    if seen is None:
        return
    gauges.set("probe_ssl_earliest_cert_expiry", seen.first_end)
    gauges.set("probe_tls_version_info", 1, {"version": seen.version})
    gauges.set("probe_ssl_last_chain_info", 1, seen.leaf)
    if chain:
        gauges.set("probe_ssl_last_chain_expiry_timestamp_seconds", seen.chain_end)
