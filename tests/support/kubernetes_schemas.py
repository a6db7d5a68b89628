"""Validate objects against the schemas of Kubernetes."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[2] / ".tools/kubernetes-validate"
# The versions of OpenShift 4.16 and 4.21.
VERSIONS = ("1.29", "1.34")
# Kinds of OpenShift and of the Prometheus operator, which are not in the schemas.
CUSTOM_KINDS = {"AlertmanagerConfig", "PrometheusRule", "Route", "ServiceMonitor"}
needs_schemas = pytest.mark.skipif(not TOOL.exists(), reason="no schemas: `make .tools/kubernetes-validate`")


def schema_problem(manifest: dict[str, Any], version: str) -> str | None:
    """Return why Kubernetes would reject an object, or None. Fields that Kubernetes does not know are problems."""
    return None if manifest["kind"] in CUSTOM_KINDS else _validate(json.dumps(manifest, sort_keys=True), version)


@functools.cache
def _validate(manifest: str, version: str) -> str | None:
    """Validate an object once, because most are the same for many values."""
    if str(TOOL) not in sys.path:
        sys.path.append(str(TOOL))
    import kubernetes_validate

    try:
        kubernetes_validate.validate(json.loads(manifest), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return str(error.message)
    return None
