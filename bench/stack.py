"""Configurations of the programs that the benchmarks start: nginx as the target, ninewatch, and the peers."""

from __future__ import annotations

import datetime
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BODY = json.dumps({"status": "ok", "padding": "x" * 150}, separators=(",", ":"))
NAME = "localhost"


@dataclass(frozen=True)
class Ports:
    """Ports of the programs."""

    http: int
    https: int
    ninewatch: int
    blackbox: int
    prometheus: int

    @classmethod
    def free(cls) -> Self:
        """Return ports that are free at the moment."""
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
        numbers = [server.getsockname()[1] for server in sockets]
        for server in sockets:
            server.close()
        return cls(*numbers)


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    form, no_encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, no_encryption))
    return key


def certificate(directory: Path) -> None:
    """Write ca.pem, leaf.pem and leaf.key: an ECDSA P-256 certificate for localhost, issued by a private CA."""
    now = datetime.datetime.now(datetime.UTC)
    year = datetime.timedelta(days=365)
    root, leaf = _key(directory / "ca.key"), _key(directory / "leaf.key")
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench CA")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])

    def issue(name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType, critical: bool) -> bytes:
        builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number(), now, now + year)
        certificate = builder.add_extension(extension, critical=critical).sign(root, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    (directory / "ca.pem").write_bytes(issue(issuer, root, x509.BasicConstraints(ca=True, path_length=None), True))
    names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
    (directory / "leaf.pem").write_bytes(issue(subject, leaf, names, False))


def nginx_config(directory: Path, ports: Ports) -> Path:
    """Write the configuration of nginx with one worker, which responds 200 bytes of JSON over HTTP and HTTPS."""
    path = directory / "nginx.conf"
    path.write_text(f"""
worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx-error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; default_type application/json;
  client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2; fastcgi_temp_path {directory}/t3;
  uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
  server {{ listen 127.0.0.1:{ports.http} backlog=4096; location / {{ return 200 '{BODY}'; }} }}
  server {{ listen 127.0.0.1:{ports.https} ssl backlog=4096; ssl_certificate {directory}/leaf.pem;
            ssl_certificate_key {directory}/leaf.key; ssl_session_tickets off; location / {{ return 200 '{BODY}'; }} }}
}}""")
    return path


def _targets(scheme: str, count: int, ports: Ports) -> list[str]:
    base = f"http://127.0.0.1:{ports.http}" if scheme == "http" else f"https://{NAME}:{ports.https}"
    return [f"{base}/check/{number}" for number in range(count)]


def ninewatch_config(directory: Path, scheme: str, count: int, interval: int, ports: Ports) -> Path:
    """Write the configuration of ninewatch, with 10 checks per product."""
    path = directory / f"ninewatch-{scheme}.yaml"
    extra = "" if scheme == "http" else f", resolve_to: 127.0.0.1, tls: {{ca: {directory}/ca.pem}}"
    lines = [f"listen: 127.0.0.1:{ports.ninewatch}", f"store: {directory}/{scheme}.db", "products:"]
    for number, url in enumerate(_targets(scheme, count, ports)):
        if number % 10 == 0:
            lines += [f"  - id: product-{number // 10}", "    objective: 99.9%", "    checks:"]
        lines.append(
            f'      - {{id: check-{number}, http: "{url}", interval: {interval}s, timeout: 5s, '
            f'expect: {{contains: \'"status":"ok"\'}}{extra}}}'
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def peers_config(directory: Path, scheme: str, count: int, interval: int, ports: Ports) -> tuple[Path, Path]:
    """Write blackbox_exporter's modules and Prometheus' scrape configuration for the same work."""
    modules, prometheus = directory / "blackbox.yml", directory / f"prometheus-{scheme}.yml"
    modules.write_text(f"""
modules:
  probe:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      fail_if_body_not_matches_regexp: ['"status":"ok"']
      tls_config: {{ca_file: {directory}/ca.pem}}
""")
    prometheus.write_text(f"""
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    params: {{module: [probe]}}
    scrape_interval: {interval}s
    scrape_timeout: 6s
    static_configs: [{{targets: {json.dumps(_targets(scheme, count, ports))}}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: "127.0.0.1:{ports.blackbox}"}}
""")
    return modules, prometheus
