"""A real Kubernetes API server admits every object of the chart, under the restricted Pod Security profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.helm_chart import CHART, HELM, Manifest, needs_helm, render
from tests.support.kube_apiserver import APISERVER, ETCD, Cluster, running_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.full,
    needs_helm,
    pytest.mark.skipif(APISERVER is None, reason="no kube-apiserver: `make .tools/kube-apiserver`"),
    pytest.mark.skipif(ETCD is None, reason="no etcd: apt-get install etcd-server"),
]
NAMESPACE = "abc123-dev"
STRICT_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All&fieldValidation=Strict"
VALUES = sorted([*CHART.glob("ci/*.yaml"), *CHART.glob("examples/*.yaml")])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        running.add_namespace(NAMESPACE)
        running.add_custom_kinds()
        yield running


def install(cluster: Cluster, values: Path, *options: str) -> tuple[int, str]:
    """Let the server validate an installation; no object is stored."""
    arguments = ("install", "nw", CHART, "-n", NAMESPACE, "-f", values, "--dry-run=server", *options)
    result = cluster.helm(str(HELM), *arguments)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_server_accepts_every_rendered_object(cluster: Cluster, values: Path) -> None:
    status, output = install(cluster, values, "--set", "podDisruptionBudget.enabled=true")
    assert status == 0, output
    assert "would violate PodSecurity" not in output


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_server_stores_the_pod_under_the_restricted_profile(cluster: Cluster, values: Path) -> None:
    """A Deployment that violates the profile is only warned about, so the pod itself is created."""
    pod = pod_of(values)
    status, body = cluster.request(
        "POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All&fieldValidation=Strict", pod
    )
    assert status == 201, body


def test_pod_that_violates_the_profile_is_rejected(cluster: Cluster) -> None:
    pod = pod_of(VALUES[0])
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    status, body = cluster.request("POST", STRICT_PODS, pod)
    assert status == 403
    assert "violates PodSecurity" in body


def test_unknown_field_is_rejected(cluster: Cluster) -> None:
    pod = pod_of(VALUES[0])
    pod["spec"]["containers"][0]["imagePulPolicy"] = "Always"
    status, body = cluster.request("POST", STRICT_PODS, pod)
    assert status == 400
    assert "imagePulPolicy" in body


def pod_of(values: Path) -> Manifest:
    """Return the pod that the chart's Deployment would create."""
    template = render(values)["Deployment"]["spec"]["template"]
    return {"metadata": {"name": "pod", "labels": template["metadata"]["labels"]}, "spec": template["spec"]}
