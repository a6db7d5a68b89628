"""The chart in the roles of a vantage and a centre."""

from __future__ import annotations

import pytest
import yaml

from tests.support.helm_chart import CHART, OWN_CONFIGMAP, Manifest, helm, needs_helm, options, pod_spec, render

pytestmark = [pytest.mark.slow, needs_helm]
CENTRE, VANTAGE = (CHART / f"ci/{role}-values.yaml" for role in ("centre", "vantage"))


def configuration(manifests: dict[str, Manifest]) -> Manifest:
    """Return the main file of the configuration."""
    parsed: Manifest = yaml.safe_load(manifests["ConfigMap"]["data"]["ninewatch.yaml"])
    return parsed


def test_vantage_has_the_addresses_of_its_centre_and_its_token_from_a_secret() -> None:
    manifests = render(VANTAGE)
    assert configuration(manifests)["role"] == "vantage"
    assert configuration(manifests)["centre"] == {
        "urls": ["https://ninewatch-intake.example.org"],
        "token": {"env": "NINEWATCH_CENTRE_TOKEN"},
    }
    (variable,) = pod_spec(manifests)["containers"][0]["env"]
    assert variable == {
        "name": "NINEWATCH_CENTRE_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "ninewatch-centre", "key": "token"}},
    }
    assert "Intake" not in manifests


def test_intake_of_a_centre_is_reachable_through_its_own_route_only() -> None:
    manifests = render(CENTRE)
    assert configuration(manifests)["intake"] == {"listen": "0.0.0.0:9443"}
    ports = {port["name"]: port["port"] for port in manifests["Service"]["spec"]["ports"]}
    assert ports == {"http": 9999, "intake": 9443}
    assert manifests["Intake"]["spec"]["port"] == {"targetPort": "intake"}
    assert manifests["Route"]["spec"]["port"] == {"targetPort": "http"}
    rules = {rule["ports"][0]["port"]: rule["from"] for rule in manifests["NetworkPolicy"]["spec"]["ingress"]}
    assert set(rules) == {"http", "intake"}
    assert all(rules.values())


def test_single_daemon_has_no_role_and_no_intake() -> None:
    manifests = render(VANTAGE, *options("role=alone"))
    assert {"role", "centre", "intake"} & set(configuration(manifests)) == set()
    assert "env" not in pod_spec(manifests)["containers"][0]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (("role=vantage", "centre.urls=null"), "role: vantage needs its centre"),
        (("role=vantage", "centre.tokenSecret.name="), "role: vantage needs its centre"),
        (("role=vantage", "centre.urls[0]=http://centre"), "does not match pattern"),
        (("role=centre",), "role: centre needs its vantages"),
        (("role=other",), "must be one of"),
    ],
)
def test_incomplete_role_is_rejected_with_a_remedy(settings: tuple[str, ...], problem: str) -> None:
    result = helm("template", "nw", CHART, "-f", VANTAGE, *options(*settings))
    assert result.returncode != 0
    assert problem in result.stderr


def test_role_and_own_config_map_exclude_each_other() -> None:
    settings = options("role=vantage", "centre.urls[0]=https://centre", "centre.tokenSecret.name=t")
    result = helm("template", "nw", CHART, "-f", OWN_CONFIGMAP, *settings)
    assert result.returncode != 0
    assert "write the role into your ConfigMap" in result.stderr
