"""A real time-stamping service: `openssl ts` behind an HTTP server on loopback."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[service]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *arguments: str) -> None:
    completed = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr


@dataclass
class Service:
    """A running service. `change` may modify a response, `status` may be other than 200."""

    url: str
    ca: Path
    status: int = 200
    change: Callable[[bytes], bytes] = bytes
    queries: list[bytes] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)  # the values of the header X-Key


def authority(folder: Path, name: str) -> Path:
    """Create a CA and a time-stamping certificate, and return the path of the CA's certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder, name=name))
    (folder / "serial").write_text("01\n")
    new = ("req", "-config", "openssl.cnf", "-newkey", "rsa:2048", "-nodes")
    openssl(folder, *new, "-x509", "-days", "9", "-extensions", "ca", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, *new, "-subj", f"/CN={name} TSA", "-keyout", "tsa.key", "-out", "tsa.csr")
    sign = ("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "8")
    openssl(folder, *sign, "-extfile", "openssl.cnf", "-extensions", "tsa", "-out", "tsa.pem")
    return folder / "ca.pem"


@contextlib.contextmanager
def time_stamping(folder: Path, name: str = "Test") -> Iterator[Service]:
    """Serve time stamps while the `with` block runs."""
    ca = authority(folder, name)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            service.queries.append(query)
            service.keys.append(self.headers["X-Key"])
            number = len(service.queries)
            (folder / f"{number}.tsq").write_bytes(query)
            arguments = ("ts", "-reply", "-config", "openssl.cnf", "-section", "service", "-queryfile", f"{number}.tsq")
            openssl(folder, *arguments, "-out", f"{number}.tsr")
            answer = service.change((folder / f"{number}.tsr").read_bytes())
            self.send_response(service.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_address[1]}/tsr", ca)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
