"""The metrics of one probe, with blackbox_exporter's names, and their text exposition."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.exporters.exposition import Dialect, Family, series

CONTENT_TYPE = Dialect.TEXT.content_type
OUTCOME = "ninewatch_probe_outcome_info"

# name -> help text
HELP = {
    OUTCOME: "1: outcome and reason code of the probe",
    "probe_dns_additional_rrs": "Records in the additional section of the response",
    "probe_dns_answer_rrs": "Records in the answer section of the response",
    "probe_dns_authority_rrs": "Records in the authority section of the response",
    "probe_dns_duration_seconds": "Duration of the DNS query by phase",
    "probe_dns_lookup_time_seconds": "Duration of the lookup of the target's name",
    "probe_dns_query_succeeded": "1 if a response was received",
    "probe_dns_serial": "Serial number of the zone",
    "probe_duration_seconds": "Duration of the probe",
    "probe_expect_info": "1: groups that the expectation matched",
    "probe_failed_due_to_bytes": "1 if the probe failed because of unexpected bytes",
    "probe_failed_due_to_regex": "1 if the probe failed because of a regular expression",
    "probe_grpc_duration_seconds": "Duration of the gRPC call by phase",
    "probe_grpc_healthcheck_response": "1 for the health in the response, 0 for every other",
    "probe_grpc_ssl": "1 if the call used TLS",
    "probe_grpc_status_code": "gRPC status of the call",
    "probe_http_content_length": "Content-Length of the last response; -1 without one",
    "probe_http_duration_seconds": "Duration of the HTTP requests by phase, summed over all redirects",
    "probe_http_last_modified_timestamp_seconds": "Last-Modified of the last response, in Unix time",
    "probe_http_redirects": "Redirects received",
    "probe_http_ssl": "1 if the last response used TLS",
    "probe_http_status_code": "Status of the last response; 0 without one",
    "probe_http_uncompressed_body_length": "Size of the last response's body in bytes, uncompressed",
    "probe_http_version": "HTTP version of the last response",
    "probe_icmp_duration_seconds": "Duration of the echo request by phase",
    "probe_icmp_reply_hop_limit": "Hop limit (TTL) of the reply",
    "probe_ip_addr_hash": "Hash of the probed address, to detect changes",
    "probe_ip_protocol": "IP version of the probed address, 4 or 6; 0 if none was found",
    "probe_ssl_earliest_cert_expiry": "Earliest expiry of the certificates that the server sent, in Unix time",
    "probe_ssl_last_chain_expiry_timestamp_seconds": "Expiry of the verified chain, in Unix time",
    "probe_ssl_last_chain_info": "1: the server's certificate",
    "probe_success": "1 if the probe succeeded",
    "probe_tls_version_info": "1: the TLS version in use",
}

_NONE: Mapping[str, str] = {}
Labels = tuple[tuple[str, str], ...]


class Gauges:
    """The gauges of one probe. Only gauges that were set are exposed."""

    def __init__(self) -> None:
        self._values: dict[str, dict[Labels, float]] = {}

    def set(self, name: str, value: float, labels: Mapping[str, str] = _NONE) -> None:
        """Set a gauge."""
        self._values.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    def has(self, name: str) -> bool:
        """Return whether the gauge was set."""
        return name in self._values

    def value(self, name: str) -> float:
        """Return the value of a gauge without labels, 0 if it was not set."""
        return self._values.get(name, {}).get((), 0.0)

    def phases(self, name: str, **seconds: float) -> None:
        """Set a duration for each phase."""
        for phase, value in seconds.items():
            self.set(name, value, {"phase": phase})

    def page(self) -> str:
        """Return the text exposition, with families and samples sorted."""
        return "".join(self._family(name) for name in sorted(self._values))

    def _family(self, name: str) -> str:
        samples = sorted(self._values[name].items())
        lines = [
            f"{series(name, **dict(labels)) if labels else f'{name} '}{_number(value)}\n" for labels, value in samples
        ]
        return Family(name, "gauge", HELP[name]).head(Dialect.TEXT) + "".join(lines)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
