"""The chart, rendered by real helm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/ninewatch"
OPENSHIFT, KUBERNETES, OWN_CONFIGMAP = (
    CHART / f"ci/{name}-values.yaml" for name in ("openshift", "kubernetes", "own-configmap")
)
HELM = shutil.which("helm", path=str(ROOT / ".tools")) or shutil.which("helm")
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm: .ci/run builds it into .tools/")
Manifest = dict[str, Any]
_KIND_SUFFIXES = {"dashboard": "Dashboard", "blackbox": "Modules", "intake": "Intake"}  # suffix of a name -> key


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm."""
    return subprocess.run([str(HELM), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def render(values: Path, *options: str) -> dict[str, Manifest]:
    """Return the chart's manifests by kind; further ones by `_KIND_SUFFIXES`."""
    result = helm("template", "nw", CHART, "-f", values, *options)
    assert result.returncode == 0, result.stderr
    manifests: dict[str, Manifest] = {}
    for manifest in filter(None, yaml.safe_load_all(result.stdout)):
        suffix = manifest["metadata"]["name"].rpartition("-")[2]
        manifests[_KIND_SUFFIXES.get(suffix, manifest["kind"])] = manifest
    return manifests


def pod_spec(manifests: dict[str, Manifest]) -> Manifest:
    """Return the specification of the pod."""
    spec: Manifest = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec


def options(*settings: str) -> list[str]:
    """Return `--set` options for helm."""
    return [argument for setting in settings for argument in ("--set", setting)]
