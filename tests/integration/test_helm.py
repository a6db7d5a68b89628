"""The chart, rendered by real helm: the manifests follow the rules of a restricted namespace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from monitor.blackbox.modules import ModuleFile
from monitor.config.block_file import read_block
from monitor.config.loader import load
from monitor.exporters.rules import Options, rules_file
from monitor.probes.registry import CHECK_TYPES
from tests.support import dashboards
from tests.support.helm_chart import (
    CHART,
    KUBERNETES,
    OPENSHIFT,
    OWN_CONFIGMAP,
    ROOT,
    helm,
    needs_helm,
    options,
    pod_spec,
    render,
)

pytestmark = [pytest.mark.slow, needs_helm]

ALL = pytest.mark.parametrize("values", [OPENSHIFT, KUBERNETES, OWN_CONFIGMAP], ids=lambda path: path.stem)


@ALL
def test_chart_passes_helm_lint(values: Path) -> None:
    result = helm("lint", CHART, "--strict", "-f", values)
    assert result.returncode == 0, result.stdout


@ALL
@pytest.mark.fault(59)
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
@pytest.mark.fault(57)
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
    assert [selector["matchLabels"] for peer in rule["from"] for selector in peer.values()] == [
        {"network.openshift.io/policy-group": "ingress"},
        {"policy-group.network.openshift.io/ingress": ""},
        {"app.kubernetes.io/name": "ninewatch-test", "app.kubernetes.io/instance": "nw"},
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
    assert web["to"] == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
        {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::254/128"]}},
    ]


def test_helm_test_requests_livez_through_the_service() -> None:
    pod = render(OPENSHIFT)["Pod"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["containers"][0]["args"] == ["healthcheck", "http://nw-ninewatch:9999/livez"]
    assert "Pod" not in render(OPENSHIFT, *options("test.enabled=false"))


def test_disruption_budget_and_spread_are_rendered_only_if_configured() -> None:
    assert "PodDisruptionBudget" not in render(OPENSHIFT)
    constraint = '[{"maxSkew":1,"topologyKey":"topology.kubernetes.io/zone","whenUnsatisfiable":"ScheduleAnyway"}]'
    settings = ("podDisruptionBudget.enabled=true", "podDisruptionBudget.maxUnavailable=0")
    manifests = render(OPENSHIFT, *options(*settings), "--set-json", f"topologySpreadConstraints={constraint}")
    assert manifests["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 0
    assert pod_spec(manifests)["topologySpreadConstraints"] == json.loads(constraint)


def test_alertmanager_config_has_its_route_and_receivers() -> None:
    assert "AlertmanagerConfig" not in render(OPENSHIFT)
    spec = '{"route":{"receiver":"ops"},"receivers":[{"name":"ops"}]}'
    settings = ("--set", "alertmanagerConfig.enabled=true", "--set-json", f"alertmanagerConfig.spec={spec}")
    assert render(OPENSHIFT, *settings)["AlertmanagerConfig"]["spec"] == json.loads(spec)
    rejected = helm("template", "nw", CHART, "-f", OPENSHIFT, "--set", "alertmanagerConfig.enabled=true")
    assert rejected.returncode != 0
    assert "needs alertmanagerConfig.spec with route and receivers" in rejected.stderr


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
