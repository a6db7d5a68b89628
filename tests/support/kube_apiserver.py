"""A real kube-apiserver with etcd, without nodes: it validates and admits objects."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.processes import free_port, run_program, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
APISERVER = shutil.which("kube-apiserver", path=str(ROOT / ".tools"))
ETCD = shutil.which("etcd")
TOKEN = "admin-of-the-test"
# The kinds of operators that the chart uses: group, version, kind and plural.
CUSTOM_KINDS = (
    ("route.openshift.io", "v1", "Route", "routes"),
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ("monitoring.coreos.com", "v1alpha1", "AlertmanagerConfig", "alertmanagerconfigs"),
)


@dataclass(frozen=True)
class Cluster:
    """A running API server and the file with which clients connect."""

    kubeconfig: Path
    port: int

    def request(self, method: str, path: str, value: Any = None) -> tuple[int, str]:
        """Send a request with a JSON body, and return the status and the body of the response."""
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=30, context=ssl._create_unverified_context())  # noqa: S323 - the certificate is new
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with contextlib.closing(connection):
            connection.request(method, path, None if value is None else json.dumps(value), headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def create(self, path: str, value: Any) -> None:
        """Create an object."""
        status, body = self.request("POST", path, value)
        assert status == 201, body

    def add_namespace(self, name: str) -> None:
        """Create a namespace that admits only pods of the restricted profile."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})

    def add_custom_kinds(self) -> None:
        """Define the kinds of operators that the chart uses, with any fields, and wait until they can be created."""
        for group, version, kind, plural in CUSTOM_KINDS:
            schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
            names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
            versions = [{"name": version, "served": True, "storage": True, "schema": schema}]
            spec = {"group": group, "names": names, "scope": "Namespaced", "versions": versions}
            definition = {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}
            self.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
            path = f"/apis/{group}/{version}/{plural}"
            wait_for(path, lambda path=path: self.request("GET", path)[0] == 200)  # type: ignore[misc]

    def helm(self, helm: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run helm with this cluster."""
        command = [helm, "--kubeconfig", self.kubeconfig, *arguments]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Run etcd and the API server in the folder."""
    assert APISERVER is not None
    assert ETCD is not None
    client, peer, port = free_port(), free_port(), free_port()
    etcd = f"http://127.0.0.1:{client}"
    peers = f"http://127.0.0.1:{peer}"
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "accounts.key").write_bytes(pem)
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,1,system:masters\n")
    store = [ETCD, "--data-dir", folder / "etcd", "--listen-client-urls", etcd, "--advertise-client-urls", etcd]
    store += ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]
    server = [
        APISERVER,
        f"--etcd-servers={etcd}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder}/certificates",
        "--service-account-issuer=https://cluster.test",
        f"--service-account-signing-key-file={folder}/accounts.key",
        f"--service-account-key-file={folder}/accounts.key",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=AlwaysAllow",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",  # without its controller, the account `default` does not exist
    ]
    with (
        run_program(folder / "etcd.log", [*store, "--initial-cluster", f"default={peers}"]),
        run_program(folder / "apiserver.log", server),
    ):
        cluster = Cluster(_kubeconfig(folder, port), port)
        wait_for("the API server", lambda: _ready(cluster))
        yield cluster


def _ready(cluster: Cluster) -> bool:
    with contextlib.suppress(OSError):
        return cluster.request("GET", "/readyz")[0] == 200
    return False


def _kubeconfig(folder: Path, port: int) -> Path:
    server = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path
