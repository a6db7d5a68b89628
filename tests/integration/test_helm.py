"""The chart, rendered by real helm: the manifests follow the rules of a restricted namespace."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.blackbox.modules import ModuleFile
from monitor.config.block_file import read_block
from monitor.config.loader import load
from monitor.exporters.rules import Options, rules_file
from monitor.probes.registry import CHECK_TYPES
from tests.support import dashboards

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/ninewatch"
OPENSHIFT, KUBERNETES, OWN_CONFIGMAP = (
    CHART / f"ci/{name}-values.yaml" for name in ("openshift", "kubernetes", "own-configmap")
)
ALL = pytest.mark.parametrize("values", [OPENSHIFT, KUBERNETES, OWN_CONFIGMAP], ids=lambda path: path.stem)
HELM = shutil.which("helm", path=str(ROOT / ".tools")) or shutil.which("helm")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(HELM is None, reason="no helm: .ci/run builds it into .tools/")]

Manifest = dict[str, Any]
_KIND_SUFFIXES = {"dashboard": "Dashboard", "blackbox": "Modules"}  # suffix of a ConfigMap's name -> key


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def render(values: Path, *options: str) -> dict[str, Manifest]:
    """Return the chart's manifests by kind; further ConfigMaps by `_KIND_SUFFIXES`."""
    result = helm("template", "nw", CHART, "-f", values, *options)
    assert result.returncode == 0, result.stderr
    manifests: dict[str, Manifest] = {}
    for manifest in filter(None, yaml.safe_load_all(result.stdout)):
        suffix = manifest["metadata"]["name"].rpartition("-")[2]
        manifests[_KIND_SUFFIXES.get(suffix, manifest["kind"])] = manifest
    return manifests


def pod_spec(manifests: dict[str, Manifest]) -> Manifest:
    spec: Manifest = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec


@ALL
def test_chart_passes_helm_lint(values: Path) -> None:
    result = helm("lint", CHART, "--strict", "-f", values)
    assert result.returncode == 0, result.stdout


@ALL
def test_deployment_has_one_replica_and_recreates_it(values: Path) -> None:
    manifests = render(values)
    spec = manifests["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert "PodDisruptionBudget" not in manifests
    assert not {"HorizontalPodAutoscaler", "StatefulSet"} & set(manifests)


@ALL
def test_pod_meets_restricted_v2_without_a_fixed_user(values: Path) -> None:
    spec = pod_spec(render(values))
    container = spec["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "runAsUser" not in json.dumps(spec)
    assert ("fsGroup" in spec["securityContext"]) is (values is KUBERNETES)
    assert spec["automountServiceAccountToken"] is False


@ALL
def test_only_the_data_volume_is_writable(values: Path) -> None:
    mounts = pod_spec(render(values))["containers"][0]["volumeMounts"]
    assert [mount["mountPath"] for mount in mounts if not mount.get("readOnly")] == ["/data"]
    assert not any("subPath" in mount for mount in mounts), "a subPath never sees the kubelet's swap"


@ALL
def test_kubelet_probes_use_livez_and_readyz_and_permit_a_long_start(values: Path) -> None:
    container = pod_spec(render(values))["containers"][0]
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 120
    assert {"name": "http", "containerPort": 9999, "protocol": "TCP"} in container["ports"]


@ALL
def test_resources_fit_the_default_quota(values: Path) -> None:
    resources = pod_spec(render(values))["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}


@ALL
def test_network_policy_rules_name_peers_and_ports(values: Path) -> None:
    manifests = render(values)
    spec = manifests["NetworkPolicy"]["spec"]
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    assert all(rule["from"] and rule["ports"] for rule in spec["ingress"]), "a rule without peers permits every client"
    assert all(rule["to"] and rule["ports"] for rule in spec["egress"]), (
        "a rule without peers permits every destination"
    )


def test_ingress_is_permitted_for_the_router_and_the_monitoring_namespace() -> None:
    (rule,) = render(OPENSHIFT)["NetworkPolicy"]["spec"]["ingress"]
    assert [peer["namespaceSelector"]["matchLabels"] for peer in rule["from"]] == [
        {"network.openshift.io/policy-group": "ingress"},
        {"policy-group.network.openshift.io/ingress": ""},
        {"kubernetes.io/metadata.name": "openshift-user-workload-monitoring"},
    ]


def test_blackbox_modules_are_mounted_only_when_configured(tmp_path: Path) -> None:
    manifests = render(KUBERNETES)
    container = pod_spec(manifests)["containers"][0]
    folder = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "blackbox")
    blackbox_arguments = ["--blackbox-config", f"{folder}/blackbox.yml", "--blackbox-allow", "10.128.0.0/14"]
    assert container["args"] == ["run", "-c", "/etc/ninewatch", *blackbox_arguments]
    (tmp_path / "blackbox.yml").write_text(manifests["Modules"]["data"]["blackbox.yml"])
    assert set(read_block(tmp_path / "blackbox.yml", ModuleFile).modules) == {"http_2xx", "smtp_starttls"}
    default_manifests = render(OPENSHIFT)
    assert pod_spec(default_manifests)["containers"][0]["args"] == ["run", "-c", "/etc/ninewatch"]
    assert "Modules" not in default_manifests


def test_egress_is_permitted_for_dns_and_configured_targets_only() -> None:
    dns, targets = render(OWN_CONFIGMAP)["NetworkPolicy"]["spec"]["egress"]
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {
        *((53, "UDP"), (53, "TCP"), (5353, "UDP"), (5353, "TCP")),
    }
    assert targets == {"to": [{"ipBlock": {"cidr": "142.34.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]}


def test_default_egress_excludes_the_cloud_metadata_service() -> None:
    _, web = render(OPENSHIFT)["NetworkPolicy"]["spec"]["egress"]
    assert web["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]


def test_openshift_route_has_edge_tls_and_redirects_http() -> None:
    manifests = render(OPENSHIFT)
    assert "Ingress" not in manifests
    assert manifests["Route"]["spec"]["tls"] == {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}
    assert manifests["Route"]["spec"]["to"]["name"] == manifests["Service"]["metadata"]["name"]


def test_other_kubernetes_gets_an_ingress_and_no_custom_resources() -> None:
    manifests = render(KUBERNETES)
    assert {"Ingress"} <= set(manifests)
    assert not {"Route", "ServiceMonitor", "PrometheusRule"} & set(manifests)
    assert manifests["Ingress"]["spec"]["tls"] == [
        {"hosts": ["ninewatch.example.org"], "secretName": "ninewatch-tls"},
    ]


def test_route_together_with_ingress_is_rejected_with_a_remedy() -> None:
    result = helm("template", "nw", CHART, "-f", OPENSHIFT, "--set", "ingress.enabled=true")
    assert result.returncode != 0
    assert "choose the one" in result.stderr


def test_service_monitor_selects_the_service_and_rules_are_the_shipped_ones() -> None:
    manifests = render(OPENSHIFT)
    monitor, service = manifests["ServiceMonitor"]["spec"], manifests["Service"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    shipped = yaml.safe_load(rules_file(Options("https://ninewatch.example.org")))
    assert manifests["PrometheusRule"]["spec"] == shipped


def test_replaced_pod_keeps_the_labels_of_its_series() -> None:
    """Otherwise its alerts would resolve at each restart, and NinewatchInstanceAbsent would fire."""
    (endpoint,) = render(OPENSHIFT, "--namespace", "abc123-prod")["ServiceMonitor"]["spec"]["endpoints"]
    instance, dropped = endpoint["relabelings"]
    assert instance == {"targetLabel": "instance", "replacement": "abc123-prod/nw-ninewatch"}
    assert (dropped["action"], set(dropped["regex"].split("|")) >= {"pod", "container"}) == ("labeldrop", True)


# Access control

PUBLICATIONS = {
    "a Route": ("route.enabled=true",),
    "an Ingress": ("route.enabled=false", "ingress.enabled=true"),
    "a NodePort": ("route.enabled=false", "service.type=NodePort"),
    "a LoadBalancer": ("route.enabled=false", "service.type=LoadBalancer"),
}


def options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


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


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), "https://ninewatch.example.org"),
        (("publicUrl=https://status.example.org",), "https://status.example.org"),
        (("route.host=",), "http://nw-ninewatch.default.svc:9999"),
        (("route.enabled=false", "ingress.enabled=true", "ingress.host=h.example.org"), "http://h.example.org"),
    ],
)
def test_alert_links_start_with_the_public_url(settings: tuple[str, ...], expected: str) -> None:
    manifests = render(OPENSHIFT, *options(*settings))
    rule = manifests["PrometheusRule"]["spec"]["groups"][0]["rules"][0]
    assert rule["annotations"]["runbook_url"] == f"{expected}/runbook#Watchdog"
    assert yaml.safe_load(manifests["ConfigMap"]["data"]["ninewatch.yaml"])["public_url"] == expected


def test_dashboard_config_map_contains_every_dashboard_with_links_to_the_pages() -> None:
    data = render(OPENSHIFT)["Dashboard"]["data"]
    assert set(data) == {f"ninewatch-{name}.json" for name in dashboards.NAMES}
    for name in dashboards.NAMES:
        text = (ROOT / f"dashboards/{name}.json").read_text()
        moved = text.replace("http://127.0.0.1:9999", "https://ninewatch.example.org")
        assert moved != text
        assert json.loads(data[f"ninewatch-{name}.json"]) == json.loads(moved)
    assert sum(map(len, data.values())) < 900_000  # a ConfigMap holds 1 MiB


@pytest.mark.parametrize("values", [OPENSHIFT, KUBERNETES], ids=lambda path: path.stem)
def test_config_map_is_a_valid_configuration(values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEFS_API_KEY", "from a secret")
    for name, text in render(values)["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    portfolio = load(tmp_path, CHECK_TYPES)
    assert str(portfolio.listen) == "0.0.0.0:9999"
    assert portfolio.store == Path("/data/ninewatch.db")
    assert portfolio.products


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


def test_secrets_are_referenced_only() -> None:
    manifests = render(OPENSHIFT)
    assert "Secret" not in manifests
    container = pod_spec(manifests)["containers"][0]
    assert container["env"] == [
        {"name": "CHEFS_API_KEY", "valueFrom": {"secretKeyRef": {"name": "chefs-probe", "key": "api-key"}}},
    ]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert mounts["/run/secrets/ninewatch/keycloak"]["readOnly"] is True


def test_changed_product_changes_the_config_map_without_a_restart() -> None:
    before, after = render(OPENSHIFT), render(OPENSHIFT, "--set", "products[0].objective=99.9%")
    assert before["ConfigMap"] != after["ConfigMap"]
    assert before["Deployment"] == after["Deployment"]


def test_existing_config_map_and_claim_are_used() -> None:
    manifests = render(OWN_CONFIGMAP)
    assert not {"ConfigMap", "PersistentVolumeClaim"} & set(manifests)
    volumes = {volume["name"]: volume for volume in pod_spec(manifests)["volumes"]}
    assert volumes["config"]["configMap"]["name"] == "portfolio"
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == "ninewatch-record"


def test_record_is_kept_when_the_release_is_removed() -> None:
    claim = render(OPENSHIFT)["PersistentVolumeClaim"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.parametrize(
    ("option", "key"),
    [
        ("replicaCount=2", "replicaCount"),
        ("config.store=/tmp/x.db", "config"),
        ("config.public_url=https://h", "config"),
        ("publicUrl=status.example.org", "publicUrl"),
        ("persistence.size=lots", "persistence"),
        ("podSecurityContext.runAsNonRoot=false", "podSecurityContext"),
        ("image.digest=latest", "image"),
    ],
)
def test_invalid_value_is_rejected(option: str, key: str) -> None:
    result = helm("template", "nw", CHART, "-f", OPENSHIFT, "--set", option)
    assert result.returncode != 0
    assert key in result.stderr


def test_empty_portfolio_is_rejected_with_a_remedy() -> None:
    result = helm("template", "nw", CHART, "--set", "access=public")
    assert result.returncode != 0
    assert "set products, files or existingConfigMap" in result.stderr
