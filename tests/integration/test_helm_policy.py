"""Every rendered object over a matrix of values: the restricted profile, kinds, secrets, and the default quota."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config.loader import load
from monitor.probes.registry import CHECK_TYPES
from tests.support.helm_chart import CHART, Manifest, helm, needs_helm, options
from tests.support.kubernetes_schemas import CUSTOM_KINDS, VERSIONS, needs_schemas, schema_problem
from tests.support.restricted_profile import violations

VALUES = [*sorted(CHART.glob("ci/*.yaml")), *sorted(CHART.glob("examples/*.yaml"))]
EXAMPLES = [path for path in VALUES if path.parent.name == "examples"]
# Changes of values whose combination with each file is rendered.
MATRIX = {
    "as in the file": (),
    "nothing published": ("route.enabled=false", "ingress.enabled=false", "access="),
    "without monitoring": (
        *("serviceMonitor.enabled=false", "prometheusRule.enabled=false", "grafanaDashboard.enabled=false"),
    ),
    "without a network policy": ("networkPolicy.enabled=false", "access=public"),
    "with a disruption budget and a route of alerts": (
        *("podDisruptionBudget.enabled=true", "alertmanagerConfig.enabled=true"),
        *("alertmanagerConfig.spec.route.receiver=ops", "alertmanagerConfig.spec.receivers[0].name=ops"),
    ),
    "with modules and a group": ("blackbox.modules.http_2xx.prober=http", "podSecurityContext.fsGroup=1001"),
}
KINDS = {
    *("AlertmanagerConfig", "ConfigMap", "Deployment", "Ingress", "NetworkPolicy", "PersistentVolumeClaim", "Pod"),
    *("PodDisruptionBudget", "PrometheusRule", "Route", "Service", "ServiceMonitor"),
}
UNITS = {"m": 0.001, "Mi": 2**20, "Gi": 2**30, "": 1}


def objects(values: Path, *settings: str) -> list[Manifest]:
    result = helm("template", "nw", CHART, "-n", "abc123-prod", "-f", values, *options(*settings))
    assert result.returncode == 0, result.stderr
    return [manifest for manifest in yaml.safe_load_all(result.stdout) if manifest]


def spec_of_pod(manifest: Manifest) -> Manifest | None:
    """Return the specification of the pod that the object is or creates, None for other objects."""
    template = {"Deployment": lambda: manifest["spec"]["template"], "Pod": lambda: manifest}.get(manifest["kind"])
    return None if template is None else template()["spec"]


def quantity(text: str) -> float:
    number = text.rstrip("Mmi").rstrip("G")
    return float(number) * UNITS[text.removeprefix(number)]


@pytest.mark.slow
@needs_helm
@pytest.mark.parametrize("settings", MATRIX.values(), ids=list(MATRIX))
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_every_object_follows_the_rules_of_a_restricted_namespace(values: Path, settings: tuple[str, ...]) -> None:
    rendered = objects(values, *settings)
    assert "Deployment" in {manifest["kind"] for manifest in rendered}
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in rendered]
    assert len(names) == len(set(names))
    for manifest in rendered:
        assert manifest["kind"] in KINDS
        assert manifest["metadata"].get("namespace", "abc123-prod") == "abc123-prod"
        name = (
            "ninewatch-test" if manifest["kind"] == "Pod" else "ninewatch"
        )  # so that no Service leads to the test pod
        assert manifest["metadata"]["labels"]["app.kubernetes.io/name"] == name
        assert len(manifest["metadata"]["name"]) <= 63
        if (spec := spec_of_pod(manifest)) is None:
            continue
        assert violations(spec) == []
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert quantity(requests["cpu"]) <= 0.5
            assert quantity(limits["memory"]) <= 2e9


@pytest.mark.slow
@needs_helm
@needs_schemas
@pytest.mark.parametrize("settings", MATRIX.values(), ids=list(MATRIX))
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_every_object_matches_the_schemas_of_kubernetes(values: Path, settings: tuple[str, ...]) -> None:
    rendered = objects(values, *settings)
    problems = [
        f"{version} {manifest['kind']}: {problem}"
        for manifest in rendered
        for version in VERSIONS
        if (problem := schema_problem(manifest, version))
    ]
    assert problems == []
    assert len([manifest for manifest in rendered if manifest["kind"] not in CUSTOM_KINDS]) >= 2


@pytest.mark.slow
@needs_schemas
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "Sevice"}, "Couldn't find schema for kind Sevice"),
        ({"spec": {"ports": [{"port": "http"}]}}, "spec.ports.0.port: 'http' is not of type"),
        ({"spec": {"port": 80}}, "spec: Additional properties are not allowed ('port' was unexpected)"),
    ],
)
def test_object_that_kubernetes_rejects_is_found(change: Manifest, problem: str) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "n"}, "spec": {"ports": [{"port": 80}]}}
    for version in VERSIONS:
        assert schema_problem(service, version) is None
        assert (schema_problem(service | change, version) or "").startswith(problem)


@pytest.mark.slow
@needs_helm
@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)
def test_configuration_of_an_example_is_valid(values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMS_API_TOKEN", "from a secret")
    (config,) = (
        manifest["data"]
        for manifest in objects(values)
        if manifest["kind"] == "ConfigMap" and "ninewatch.yaml" in manifest["data"]
    )
    for name, text in config.items():
        (tmp_path / name).write_text(text)
    portfolio = load(tmp_path, CHECK_TYPES)
    assert [product.id for product in portfolio.products] == ["forms"]
    assert (portfolio.login is None) is values.stem.endswith("-dev")


def test_there_is_an_example_for_each_environment() -> None:
    assert [path.stem for path in EXAMPLES] == [f"values-abc123-{name}" for name in ("dev", "prod", "test")]


RESTRICTED: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "data", "emptyDir": {}}],
    "containers": [
        {
            "name": "c",
            "ports": [{"containerPort": 1}],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def test_restricted_pod_has_no_violations() -> None:
    assert violations(RESTRICTED) == []


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        (lambda spec, _: spec.update(hostNetwork=True), "hostNetwork: true"),
        (lambda spec, _: spec["volumes"].append({"name": "h", "hostPath": {"path": "/"}}), "volume h: hostPath"),
        (lambda spec, _: spec["securityContext"].update(runAsNonRoot=False), "c: runAsNonRoot is not true"),
        (lambda spec, _: spec["securityContext"].pop("seccompProfile"), "c: no seccomp profile"),
        (lambda spec, _: spec["securityContext"].update(sysctls=[{"name": "a"}]), "sysctls"),
        (lambda _, c: c["ports"][0].update(hostPort=1), "c: hostPort"),
        (lambda _, c: c["securityContext"].update(privileged=True), "c: privileged"),
        (lambda _, c: c["securityContext"].update(procMount="Unmasked"), "c: procMount"),
        (lambda _, c: c["securityContext"].pop("allowPrivilegeEscalation"), "c: allowPrivilegeEscalation is not false"),
        (lambda _, c: c["securityContext"].update(runAsUser=0), "c: runAsUser: 0"),
        (lambda _, c: c["securityContext"].update(capabilities={}), "c: capabilities are not dropped"),
        (lambda _, c: c["securityContext"]["capabilities"].update(add=["SYS_TIME"]), "c: added capabilities"),
        (lambda _, c: c["securityContext"].update(seLinuxOptions={"user": "u"}), "c: seLinuxOptions"),
        (lambda _, c: c["securityContext"].update(seLinuxOptions={"type": "spc_t"}), "c: type of seLinuxOptions"),
        (lambda spec, _: spec["securityContext"].update(appArmorProfile={"type": "Unconfined"}), "c: appArmorProfile"),
        (lambda _, c: c["securityContext"].update(windowsOptions={"hostProcess": True}), "c: hostProcess"),
    ],
)
def test_violation_is_found(change: Callable[[dict[str, Any], dict[str, Any]], object], violation: str) -> None:
    spec = copy.deepcopy(RESTRICTED)
    change(spec, spec["containers"][0])
    assert violations(spec) == [violation]


def test_violation_of_an_initial_container_is_found() -> None:
    assert "i: runAsNonRoot is not true" in violations({"initContainers": [{"name": "i"}], "containers": []})
