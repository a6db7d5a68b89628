"""The `restricted` profile of the Pod Security Standards (Kubernetes 1.34), as a list of violations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Context = dict[str, Any]

_VOLUMES = {
    *("name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"),
    "secret",
}
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_SECCOMP = ("RuntimeDefault", "Localhost")
_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def violations(spec: Context) -> list[str]:
    """Return the violations of a pod's specification."""
    result = [f"{key}: true" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    for volume in spec.get("volumes", ()):
        result += [f"volume {volume['name']}: {kind}" for kind in volume if kind not in _VOLUMES]
    pod_context = spec.get("securityContext", {})
    if pod_context.get("sysctls"):
        result.append("sysctls")
    for kind in _CONTAINERS:
        for container in spec.get(kind, ()):
            result += (f"{container['name']}: {violation}" for violation in _of_container(container, pod_context))
    return result


# Violation -> whether a container has it, by its ports, its own security context, and this one merged with the pod's.
_RULES: dict[str, Callable[[list[Context], Context, Context], bool]] = {
    "hostPort": lambda ports, _, __: any("hostPort" in port for port in ports),
    "privileged": lambda _, own, __: bool(own.get("privileged")),
    "procMount": lambda _, own, __: own.get("procMount", "Default") != "Default",
    "allowPrivilegeEscalation is not false": lambda _, own, __: own.get("allowPrivilegeEscalation") is not False,
    "runAsNonRoot is not true": lambda _, __, merged: merged.get("runAsNonRoot") is not True,
    "runAsUser: 0": lambda _, __, merged: merged.get("runAsUser") == 0,
    "no seccomp profile": lambda _, __, merged: merged.get("seccompProfile", {}).get("type") not in _SECCOMP,
    "capabilities are not dropped": lambda _, own, __: "ALL" not in own.get("capabilities", {}).get("drop", ()),
    "added capabilities": lambda _, own, __: bool(
        set(own.get("capabilities", {}).get("add", ())) - {"NET_BIND_SERVICE"}
    ),
    "seLinuxOptions": lambda _, __, merged: bool(set(merged.get("seLinuxOptions", {})) & {"user", "role"}),
    "type of seLinuxOptions": lambda _, __, merged: merged.get("seLinuxOptions", {}).get("type", "") not in _SELINUX,
    "appArmorProfile": lambda _, __, merged: merged.get("appArmorProfile", {}).get("type") == "Unconfined",
    "hostProcess": lambda _, __, merged: bool(merged.get("windowsOptions", {}).get("hostProcess")),
}


def _of_container(container: Context, pod_context: Context) -> list[str]:
    own = container.get("securityContext", {})
    ports, merged = container.get("ports", []), {**pod_context, **own}
    return [violation for violation, applies in _RULES.items() if applies(ports, own, merged)]
