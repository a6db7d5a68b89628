"""The chart, rendered by real helm: what it installs keeps the rules of a locked-down namespace."""

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

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/ninewatch"
OPENSHIFT, KUBERNETES, OWN = (CHART / f"ci/{name}-values.yaml" for name in ("openshift", "kubernetes", "own-configmap"))
ALL = pytest.mark.parametrize("values", [OPENSHIFT, KUBERNETES, OWN], ids=lambda path: path.stem)
HELM = shutil.which("helm", path=str(ROOT / ".tools")) or shutil.which("helm")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(HELM is None, reason="no helm: .ci/run builds it into .tools/")]

Manifest = dict[str, Any]
_APART = {"dashboard": "Dashboard", "blackbox": "Modules"}  # ConfigMaps by their names' ends


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def render(values: Path, *options: str) -> dict[str, Manifest]:
    """The chart's manifests by kind; a second of a kind is told apart by its name's suffix."""
    done = helm("template", "nw", CHART, "-f", values, *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Manifest] = {}
    for manifest in filter(None, yaml.safe_load_all(done.stdout)):
        suffix = manifest["metadata"]["name"].rpartition("-")[2]
        found[_APART.get(suffix, manifest["kind"])] = manifest
    return found


def pod(manifests: dict[str, Manifest]) -> Manifest:
    spec: Manifest = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec


@ALL
def test_the_chart_passes_helms_own_linter(values: Path) -> None:
    done = helm("lint", CHART, "--strict", "-f", values)
    assert done.returncode == 0, done.stdout


@ALL
def test_there_is_one_writer_and_the_old_pod_is_gone_before_the_new_one_starts(values: Path) -> None:
    manifests = render(values)
    spec = manifests["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert "PodDisruptionBudget" not in manifests
    assert not {"HorizontalPodAutoscaler", "StatefulSet"} & set(manifests)


@ALL
def test_the_pod_runs_under_restricted_v2_with_no_user_of_its_own(values: Path) -> None:
    spec = pod(render(values))
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
def test_only_the_record_is_writable(values: Path) -> None:
    mounts = pod(render(values))["containers"][0]["volumeMounts"]
    assert [mount["mountPath"] for mount in mounts if not mount.get("readOnly")] == ["/data"]
    assert not any("subPath" in mount for mount in mounts), "a subPath never sees the kubelet's swap"


@ALL
def test_the_kubelet_asks_livez_and_readyz_and_lets_a_long_start_be(values: Path) -> None:
    container = pod(render(values))["containers"][0]
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 120
    assert {"name": "http", "containerPort": 9999, "protocol": "TCP"} in container["ports"]


@ALL
def test_it_fits_the_default_quota(values: Path) -> None:
    resources = pod(render(values))["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}


@ALL
def test_nothing_but_what_is_named_passes_the_network_policy(values: Path) -> None:
    manifests = render(values)
    spec = manifests["NetworkPolicy"]["spec"]
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    assert all(rule["from"] and rule["ports"] for rule in spec["ingress"]), "a rule without peers lets everyone in"
    assert all(rule["to"] and rule["ports"] for rule in spec["egress"]), "a rule without peers lets everything out"


def test_the_router_in_both_label_forms_and_the_monitoring_namespace_may_enter() -> None:
    (rule,) = render(OPENSHIFT)["NetworkPolicy"]["spec"]["ingress"]
    assert [peer["namespaceSelector"]["matchLabels"] for peer in rule["from"]] == [
        {"network.openshift.io/policy-group": "ingress"},
        {"policy-group.network.openshift.io/ingress": ""},
        {"kubernetes.io/metadata.name": "openshift-user-workload-monitoring"},
    ]


def test_blackbox_modules_are_mounted_and_readable_and_without_them_there_is_no_probe(tmp_path: Path) -> None:
    manifests = render(KUBERNETES)
    container = pod(manifests)["containers"][0]
    folder = next(each["mountPath"] for each in container["volumeMounts"] if each["name"] == "blackbox")
    asked = ["--blackbox-config", f"{folder}/blackbox.yml", "--blackbox-allow", "10.128.0.0/14"]
    assert container["args"] == ["run", "-c", "/etc/ninewatch", *asked]
    (tmp_path / "blackbox.yml").write_text(manifests["Modules"]["data"]["blackbox.yml"])
    assert set(read_block(tmp_path / "blackbox.yml", ModuleFile).modules) == {"http_2xx", "smtp_starttls"}
    plain = render(OPENSHIFT)
    assert pod(plain)["containers"][0]["args"] == ["run", "-c", "/etc/ninewatch"]
    assert "Modules" not in plain


def test_egress_is_dns_and_the_targets_that_are_named() -> None:
    dns, targets = render(OWN)["NetworkPolicy"]["spec"]["egress"]
    assert {(each["port"], each["protocol"]) for each in dns["ports"]} == {
        *((53, "UDP"), (53, "TCP"), (5353, "UDP"), (5353, "TCP")),
    }
    assert targets == {"to": [{"ipBlock": {"cidr": "142.34.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]}


def test_by_default_the_clouds_metadata_service_is_out_of_reach() -> None:
    _, web = render(OPENSHIFT)["NetworkPolicy"]["spec"]["egress"]
    assert web["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]


def test_openshift_gets_a_route_with_edge_tls_and_plain_http_redirected() -> None:
    manifests = render(OPENSHIFT)
    assert "Ingress" not in manifests
    assert manifests["Route"]["spec"]["tls"] == {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}
    assert manifests["Route"]["spec"]["to"]["name"] == manifests["Service"]["metadata"]["name"]


def test_other_kubernetes_gets_an_ingress_and_nothing_of_openshift_or_of_an_operator() -> None:
    manifests = render(KUBERNETES)
    assert {"Ingress"} <= set(manifests)
    assert not {"Route", "ServiceMonitor", "PrometheusRule"} & set(manifests)
    assert manifests["Ingress"]["spec"]["tls"] == [
        {"hosts": ["ninewatch.example.org"], "secretName": "ninewatch-tls"},
    ]


def test_route_and_ingress_together_are_refused_with_a_remedy() -> None:
    done = helm("template", "nw", CHART, "-f", OPENSHIFT, "--set", "ingress.enabled=true")
    assert done.returncode != 0
    assert "choose the one" in done.stderr


def test_prometheus_scrapes_the_service_by_its_labels_and_gets_the_very_rules() -> None:
    manifests = render(OPENSHIFT)
    monitor, service = manifests["ServiceMonitor"]["spec"], manifests["Service"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    shipped = yaml.safe_load(rules_file(Options("https://ninewatch.example.org")))
    assert manifests["PrometheusRule"]["spec"] == shipped


def test_a_pod_that_is_replaced_keeps_the_labels_of_its_series() -> None:
    """Otherwise its alerts would resolve at each restart, and NinewatchInstanceAbsent would fire."""
    (endpoint,) = render(OPENSHIFT, "--namespace", "abc123-prod")["ServiceMonitor"]["spec"]["endpoints"]
    instance, dropped = endpoint["relabelings"]
    assert instance == {"targetLabel": "instance", "replacement": "abc123-prod/nw-ninewatch"}
    assert (dropped["action"], set(dropped["regex"].split("|")) >= {"pod", "container"}) == ("labeldrop", True)


# Access

OPENINGS = {
    "a Route": ("route.enabled=true",),
    "an Ingress": ("route.enabled=false", "ingress.enabled=true"),
    "a NodePort": ("route.enabled=false", "service.type=NodePort"),
    "a LoadBalancer": ("route.enabled=false", "service.type=LoadBalancer"),
}


def options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


@pytest.mark.parametrize("opening", OPENINGS)
def test_pages_without_a_login_are_published_only_where_that_is_written(opening: str) -> None:
    chosen = options(*OPENINGS[opening], "access=")
    done = helm("template", "nw", CHART, "-f", OPENSHIFT, *chosen)
    assert done.returncode != 0
    assert "access is not set. ninewatch has no logins" in done.stderr
    assert "Write access: public to accept that, or access: proxy" in done.stderr
    accepted = helm("template", "nw", CHART, "-f", OPENSHIFT, *options(*OPENINGS[opening], "access=public"))
    assert accepted.returncode == 0, accepted.stderr


def test_the_default_values_publish_nothing_by_themselves() -> None:
    done = helm("template", "nw", CHART, "--set-json", 'products=[{"id":"a","objective":"99%","checks":[]}]')
    assert done.returncode != 0
    assert "access is not set" in done.stderr


def test_without_any_opening_nothing_has_to_be_said() -> None:
    manifests = render(OWN)
    assert not {"Route", "Ingress"} & set(manifests)
    assert manifests["Service"]["spec"]["type"] == "ClusterIP"


@pytest.mark.parametrize("values", [KUBERNETES, OPENSHIFT], ids=lambda path: path.stem)
def test_behind_a_login_proxy_nothing_leads_past_it(values: Path) -> None:
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
    assert not [peer for peer in rule["from"] if "ingress" in json.dumps(peer)], "the router enters past the proxy"


@pytest.mark.parametrize(
    ("settings", "told"),
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
def test_a_proxy_that_could_be_passed_by_is_refused(settings: tuple[str, ...], told: str) -> None:
    done = helm("template", "nw", CHART, "-f", OPENSHIFT, *options(*settings))
    assert done.returncode != 0
    assert told in done.stderr


def notes(folder: Path, *settings: str) -> str:
    """The notes that an installation prints, rendered as a manifest: without a cluster helm shows manifests only."""
    chart = shutil.copytree(CHART, folder / f"chart{len(settings)}")
    text = (chart / "templates/NOTES.txt").read_text()
    (chart / "templates/_notes.tpl").write_text('{{- define "notes" -}}' + text + "{{- end -}}")
    manifest = 'kind: Notes\nmetadata: {name: notes}\ntext: {{ include "notes" . | toJson }}\n'
    (chart / "templates/notes.yaml").write_text(manifest)
    done = helm("template", "nw", chart, "-f", OPENSHIFT, "--show-only", "templates/notes.yaml", *options(*settings))
    assert done.returncode == 0, done.stderr
    return str(yaml.safe_load(done.stdout)["text"])


def test_the_notes_say_that_there_is_no_login(tmp_path: Path) -> None:
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
def test_links_of_alerts_start_where_people_reach_the_pages(settings: tuple[str, ...], expected: str) -> None:
    manifests = render(OPENSHIFT, *options(*settings))
    rule = manifests["PrometheusRule"]["spec"]["groups"][0]["rules"][0]
    assert rule["annotations"]["runbook_url"] == f"{expected}/runbook#Watchdog"
    assert yaml.safe_load(manifests["ConfigMap"]["data"]["ninewatch.yaml"])["public_url"] == expected


def test_grafanas_sidecar_gets_the_very_dashboard() -> None:
    (text,) = render(OPENSHIFT)["Dashboard"]["data"].values()
    assert json.loads(text) == json.loads((ROOT / "dashboards/portfolio.json").read_text())


@pytest.mark.parametrize("values", [OPENSHIFT, KUBERNETES], ids=lambda path: path.stem)
def test_the_config_map_is_a_configuration_that_the_daemon_takes(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEFS_API_KEY", "from a secret")
    for name, text in render(values)["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    portfolio = load(tmp_path, CHECK_TYPES)
    assert str(portfolio.listen) == "0.0.0.0:9999"
    assert portfolio.store == Path("/data/ninewatch.db")
    assert portfolio.products


def test_a_secret_enters_by_reference_only() -> None:
    manifests = render(OPENSHIFT)
    assert "Secret" not in manifests
    container = pod(manifests)["containers"][0]
    assert container["env"] == [
        {"name": "CHEFS_API_KEY", "valueFrom": {"secretKeyRef": {"name": "chefs-probe", "key": "api-key"}}},
    ]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert mounts["/run/secrets/ninewatch/keycloak"]["readOnly"] is True


def test_a_changed_product_changes_the_config_map_and_restarts_nothing() -> None:
    before, after = render(OPENSHIFT), render(OPENSHIFT, "--set", "products[0].objective=99.9%")
    assert before["ConfigMap"] != after["ConfigMap"]
    assert before["Deployment"] == after["Deployment"]


def test_an_own_config_map_and_an_own_claim_are_used_and_none_is_made() -> None:
    manifests = render(OWN)
    assert not {"ConfigMap", "PersistentVolumeClaim"} & set(manifests)
    volumes = {volume["name"]: volume for volume in pod(manifests)["volumes"]}
    assert volumes["config"]["configMap"]["name"] == "portfolio"
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == "ninewatch-record"


def test_the_record_outlives_the_release() -> None:
    claim = render(OPENSHIFT)["PersistentVolumeClaim"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.parametrize(
    ("option", "culprit"),
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
def test_a_value_that_the_chart_does_not_know_is_refused(option: str, culprit: str) -> None:
    done = helm("template", "nw", CHART, "-f", OPENSHIFT, "--set", option)
    assert done.returncode != 0
    assert culprit in done.stderr


def test_an_empty_portfolio_is_refused_with_a_remedy() -> None:
    done = helm("template", "nw", CHART, "--set", "access=public")
    assert done.returncode != 0
    assert "set products, files or existingConfigMap" in done.stderr
