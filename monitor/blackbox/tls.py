"""TLS options of modules, and TLS gauges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.blackbox.tls_state import tls_state_of
from monitor.config.addresses import HostPort
from monitor.config.domain_names import host
from monitor.config.model import TlsOptions

if TYPE_CHECKING:
    import ssl

    from monitor.blackbox.module_options import TlsConfig
    from monitor.blackbox.prober import BlackboxProbe


def options(config: TlsConfig, server_name: str = "") -> TlsOptions:
    """Return the TlsOptions of a module; the module's server name takes precedence over `server_name`."""
    name = config.server_name or server_name or None
    ca = config.ca_file if not config.insecure_skip_verify else None
    return TlsOptions.model_construct(
        ca=ca,
        verify=not config.insecure_skip_verify,
        server_name=name,
        certificate=config.cert_file,
        key=config.key_file,
        version=config.only_version,
    )


def server_name_of(host_header: str) -> str:
    """Return the host of a Host header for use as TLS server name, empty if it is invalid.

    >>> server_name_of("a.example:8443"), server_name_of("[::1]:8443"), server_name_of("a b")
    ('a.example', '::1', '')
    """
    with contextlib.suppress(ValueError):
        return HostPort.parse(host_header).host
    with contextlib.suppress(ValueError):
        return host(host_header)
    return ""


def tls_logger(probe: BlackboxProbe) -> Callable[[ssl.SSLSocket], None]:
    """Return a function that logs each handshake of a probe, for `Attempt.on_tls`."""

    def log_handshake(connection: ssl.SSLSocket) -> None:
        state = probe.tls_state = tls_state_of(connection)
        probe.probe_log.note(
            "TLS handshake", version=state.version, earliest_expiry=state.earliest_expiry, **state.leaf
        )

    return log_handshake


def tls_recorder(probe: BlackboxProbe) -> Callable[[ssl.SSLSocket], None]:
    """Return a function that logs each handshake of a probe and sets the gauges."""
    log_handshake = tls_logger(probe)

    def record_handshake(connection: ssl.SSLSocket) -> None:
        log_handshake(connection)
        set_tls_gauges(probe)

    return record_handshake


def set_tls_gauges(probe: BlackboxProbe, *, chain: bool = True) -> None:
    """Set the gauges of the last handshake; `chain`: also set the expiry of the verified chain."""
    gauges, tls_state = probe.gauges, probe.tls_state
    if tls_state is None:
        return
    gauges.set("probe_ssl_earliest_cert_expiry", tls_state.earliest_expiry)
    gauges.set("probe_tls_version_info", 1, {"version": tls_state.version})
    gauges.set("probe_ssl_last_chain_info", 1, tls_state.leaf)
    if chain:
        gauges.set("probe_ssl_last_chain_expiry_timestamp_seconds", tls_state.chain_expiry)
