"""`ninewatch discover` and `ninewatch import probes`: Routes, Ingresses and Probes as products."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from monitor.cli import cli
from monitor.config.errors import ConfigError
from monitor.errors import NinewatchError
from monitor.migration.kubernetes import convert_manifest, convert_probes
from tests.monitor.migration.test_gatus import checks, load_written

if TYPE_CHECKING:
    from monitor.migration.conversion import Conversion

EXAMPLE = Path(__file__).parents[3] / "examples/manifest.yaml"
MONITORED = 'annotations: {ninewatch/monitor: "true"'


def route(folder: Path, annotations: str = "", spec: str = "{host: a.example.org}", rest: str = "") -> Conversion:
    """Convert a Route with these annotations."""
    path = folder / "manifest.yaml"
    path.write_text(f"kind: Route\nmetadata: {{name: forms, {MONITORED}{annotations}}}}}\nspec: {spec}\n{rest}")
    return convert_manifest(path, "99.9%")


def probe(folder: Path, spec: str) -> Conversion:
    path = folder / "manifest.yaml"
    path.write_text(f"apiVersion: monitoring.coreos.com/v1\nkind: Probe\nmetadata: {{name: sign-on}}\nspec: {spec}\n")
    return convert_probes(path, "99.9%")


def test_objects_of_one_product_become_its_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = convert_manifest(EXAMPLE, "99.9%")
    portfolio = load_written(tmp_path, conversion, monkeypatch)
    assert [(product.id, product.name) for product in portfolio.products] == [("forms", "Forms")]
    assert checks(conversion) == {
        "forms/forms": {"id": "forms", "http": "https://submit.example.org/app/api/v1/status", "interval": "30s"},
        "forms/forms-designer": {
            "id": "forms-designer",
            "http": "https://designer.example.org/design",
            "expect": {"status": [200, 302]},
        },
    }
    assert conversion.notes == []


def test_annotations_set_the_keys_of_product_and_check(tmp_path: Path) -> None:
    annotations = (
        ", ninewatch/name: Our forms, ninewatch/team: Digital, ninewatch/objective: 99.5%, ninewatch/timeout: 5s"
    )
    (product,) = route(tmp_path, annotations).products
    assert (product["name"], product["team"], product["objective"]) == ("Our forms", "Digital", "99.5%")
    assert product["checks"] == [{"id": "forms", "http": "http://a.example.org/", "timeout": "5s"}]


def test_route_without_a_host_has_the_admitted_one(tmp_path: Path) -> None:
    admitted = "status: {ingress: [{host: forms.apps.example.org}]}"
    conversion = route(tmp_path, spec="{path: /app, tls: {termination: edge}}", rest=admitted)
    assert checks(conversion)["forms/forms"]["http"] == "https://forms.apps.example.org/app"


def test_other_objects_are_ignored_and_lists_are_read(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    items = [
        {"kind": "Route", "metadata": {"name": "silent"}, "spec": {"host": "b.example.org"}},
        {"kind": "Service", "metadata": {"name": "service", "annotations": {"ninewatch/monitor": "true"}}},
        {
            "kind": "Route",
            "metadata": {"name": "forms", "annotations": {"ninewatch/monitor": "true"}},
            "spec": {"host": "a.example.org"},
        },
    ]
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    assert list(checks(convert_manifest(path, "99%"))) == ["forms/forms"]


@pytest.mark.parametrize(
    ("annotations", "spec", "note"),
    [
        (
            ", ninewatch/colour: red",
            "{host: a.example.org}",
            "ninewatch/colour: unknown annotation; known are interval",
        ),
        (", ninewatch/objective: high", "{host: a.example.org}", 'ninewatch/objective "high" is not an objective'),
        (", ninewatch/interval: soon", "{host: a.example.org}", "interval"),
        ("", "{host: '*.example.org'}", "not carried over: has no host, or a wildcard"),
        ("", "{}", "not carried over: has no host, or a wildcard"),
    ],
)
def test_mistakes_are_noted_with_their_position(tmp_path: Path, annotations: str, spec: str, note: str) -> None:
    (line,) = route(tmp_path, annotations, spec).notes
    assert line.startswith(f"{tmp_path}/manifest.yaml:")
    assert note in line


def test_static_targets_of_a_probe_become_checks() -> None:
    conversion = convert_probes(EXAMPLE, "99.9%")
    assert checks(conversion) == {
        f"sign-on/sso-example-org-{path}": {
            "id": f"sso-example-org-{path}",
            "http": f"https://sso.example.org/{path}",
            "interval": "30s",
            "timeout": "5s",
        }
        for path in ("auth", "status")
    }


@pytest.mark.parametrize(
    ("module", "target", "expected"),
    [
        ("http_2xx", "a.example.org/x", {"http": "http://a.example.org/x"}),
        ("http_post_2xx", "https://a.example.org/", {"http": "https://a.example.org/", "method": "POST"}),
        ("tcp_connect", "a.example.org:25", {"tcp": "a.example.org:25"}),
        ("icmp", "127.0.0.1", {"icmp": "127.0.0.1"}),
    ],
)
def test_modules_become_kinds_of_checks(tmp_path: Path, module: str, target: str, expected: dict[str, str]) -> None:
    spec = f"{{module: {module}, targets: {{staticConfig: {{static: ['{target}']}}}}}}"
    ((check, *_),) = (product["checks"] for product in probe(tmp_path, spec).products)
    assert expected.items() <= check.items()
    assert check["interval"] == "1m"


@pytest.mark.parametrize(
    ("spec", "note"),
    [
        (
            "{module: dns_soa, targets: {staticConfig: {static: [a]}}}",
            "the module dns_soa of blackbox_exporter; known are",
        ),
        ("{targets: {ingress: {selector: {}}}}", "spec.targets.ingress: not carried over: select Ingresses with"),
        ("{tlsConfig: {}, targets: {}}", "spec.tlsConfig: not carried over: no equivalent"),
        (
            "{targets: {staticConfig: {static: ['https://u:p@a.example.org/']}}}",
            "credentials of the address are not copied",
        ),
    ],
)
def test_parts_of_a_probe_without_an_equivalent_are_noted(tmp_path: Path, spec: str, note: str) -> None:
    conversion = probe(tmp_path, spec)
    assert [line for line in conversion.notes if note in line]
    assert "u:p" not in str(conversion.products)


def test_manifests_without_a_matching_object_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text("kind: Service\n")
    for convert, message in (
        (convert_manifest, 'annotation ninewatch/monitor: "true"'),
        (convert_probes, "kind Probe"),
    ):
        with pytest.raises(NinewatchError, match=message):
            convert(path, "99%")
    path.write_text("a: [")
    with pytest.raises(ConfigError, match=r"manifest.yaml:"):
        convert_manifest(path, "99%")


def test_command_writes_a_valid_configuration(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["discover", str(EXAMPLE), "-o", str(tmp_path / "n.yaml"), "--objective", "99.5%"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "n.yaml").read_text().startswith("# Written by `ninewatch discover`.")
    assert CliRunner().invoke(cli, ["check-config", str(tmp_path / "n.yaml")]).exit_code == 0


@pytest.mark.parametrize("hosts", ["[{a: b}]", "5", "[a.example.org, [b]]"])
def test_hosts_of_another_form_are_ignored(tmp_path: Path, hosts: str) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(f"""\
kind: Ingress
metadata: {{name: web, annotations: {{ninewatch/monitor: "true"}}}}
spec: {{tls: [{{hosts: {hosts}}}], rules: [{{host: a.example.org}}]}}
""")
    (check,) = convert_manifest(path, "99%").products[0]["checks"]
    assert check["http"] == f"http{'s' * ('a.example' in hosts)}://a.example.org/"
