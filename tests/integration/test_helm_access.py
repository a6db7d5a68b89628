"""The chart's access control: a login, a login proxy, or public pages."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from monitor.config.loader import load
from monitor.probes.registry import CHECK_TYPES
from tests.support.helm_chart import CHART, KUBERNETES, OPENSHIFT, OWN_CONFIGMAP, helm, needs_helm, options, render

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, needs_helm]

PUBLICATIONS = {
    "a Route": ("route.enabled=true",),
    "an Ingress": ("route.enabled=false", "ingress.enabled=true"),
    "a NodePort": ("route.enabled=false", "service.type=NodePort"),
    "a LoadBalancer": ("route.enabled=false", "service.type=LoadBalancer"),
}


@pytest.mark.parametrize("publication", PUBLICATIONS)
def test_publishing_without_a_login_requires_the_access_value(publication: str) -> None:
    settings = options(*PUBLICATIONS[publication], "access=")
    result = helm("template", "nw", CHART, "-f", OPENSHIFT, *settings)
    assert result.returncode != 0
    assert "access is not set. Without a login" in result.stderr
    assert "access: public to accept that, or access: proxy" in result.stderr
    accepted = helm("template", "nw", CHART, "-f", OPENSHIFT, *options(*PUBLICATIONS[publication], "access=public"))
    assert accepted.returncode == 0, accepted.stderr


def test_default_values_require_the_access_value() -> None:
    result = helm("template", "nw", CHART, "--set-json", 'products=[{"id":"a","objective":"99%","checks":[]}]')
    assert result.returncode != 0
    assert "access is not set" in result.stderr


def test_unpublished_service_needs_no_access_value() -> None:
    manifests = render(OWN_CONFIGMAP)
    assert not {"Route", "Ingress"} & set(manifests)
    assert manifests["Service"]["spec"]["type"] == "ClusterIP"


@pytest.mark.parametrize("values", [KUBERNETES, OPENSHIFT], ids=lambda path: path.stem)
def test_login_proxy_cannot_be_bypassed(values: Path) -> None:
    proxy = options("access=proxy", "accessProxy.service=front", "accessProxy.podLabels.app=front")
    manifests = render(values, *proxy)
    if values is KUBERNETES:
        backend = manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]
        assert backend["service"]["name"] == "front"
    else:
        assert manifests["Route"]["spec"]["to"]["name"] == "front"
    (rule,) = manifests["NetworkPolicy"]["spec"]["ingress"]
    (pods,) = [peer["podSelector"] for peer in rule["from"] if "podSelector" in peer]
    assert pods["matchLabels"]["app"] == "front"
    assert not [peer for peer in rule["from"] if "ingress" in json.dumps(peer)], (
        "the router must not reach the pod directly"
    )


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        (("access=proxy",), "set accessProxy.service"),
        (("access=proxy", "accessProxy.service=front"), "accessProxy.podLabels"),
        (("access=proxy", "accessProxy.service=f", "accessProxy.podLabels.a=f", "service.type=NodePort"), "ClusterIP"),
        (
            ("access=proxy", "accessProxy.service=f", "accessProxy.podLabels.a=f", "networkPolicy.enabled=false"),
            "networkPolicy.enabled=true",
        ),
        (("access=yes",), "access"),
    ],
)
def test_proxy_that_could_be_bypassed_is_rejected(settings: tuple[str, ...], expected_error: str) -> None:
    result = helm("template", "nw", CHART, "-f", OPENSHIFT, *options(*settings))
    assert result.returncode != 0
    assert expected_error in result.stderr


def notes(folder: Path, *settings: str) -> str:
    """Return the notes that an installation prints.

    They are rendered as a manifest, because helm shows only manifests without a cluster.
    """
    chart = shutil.copytree(CHART, folder / f"chart{len(settings)}")
    text = (chart / "templates/NOTES.txt").read_text()
    (chart / "templates/_notes.tpl").write_text('{{- define "notes" -}}' + text + "{{- end -}}")
    manifest = 'kind: Notes\nmetadata: {name: notes}\ntext: {{ include "notes" . | toJson }}\n'
    (chart / "templates/notes.yaml").write_text(manifest)
    result = helm("template", "nw", chart, "-f", OPENSHIFT, "--show-only", "templates/notes.yaml", *options(*settings))
    assert result.returncode == 0, result.stderr
    return str(yaml.safe_load(result.stdout)["text"])


def test_notes_warn_that_there_is_no_login(tmp_path: Path) -> None:
    assert "THERE IS NO LOGIN" in notes(tmp_path)
    assert "THERE IS NO LOGIN" not in notes(tmp_path, "route.enabled=false", "access=")


LOGIN = {"oidc": {"issuer": "https://sso.example.org", "client_id": "nw", "roles": {"viewer": ["*"]}}}


def test_login_closes_the_pages_and_prometheus_sends_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEFS_API_KEY", "from a secret")
    settings = options("access=login", "serviceMonitor.tokenSecret.name=scrape")
    manifests = render(OPENSHIFT, *settings, "--set-json", f"config.login={json.dumps(LOGIN)}")
    for name, text in manifests["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    portfolio = load(tmp_path, CHECK_TYPES)
    assert portfolio.access.read is None
    assert portfolio.login is not None
    (endpoint,) = manifests["ServiceMonitor"]["spec"]["endpoints"]
    assert endpoint["authorization"] == {"credentials": {"name": "scrape", "key": "token"}}


def test_access_login_requires_a_login() -> None:
    result = helm("template", "nw", CHART, "-f", OPENSHIFT, *options("access=login"))
    assert result.returncode != 0
    assert "access: login needs the sign-in: set config.login" in result.stderr
