"""Convert objects of Kubernetes and OpenShift to products: annotated Routes and Ingresses, and Probes of the operator.

The annotations of Routes and Ingresses begin with `ninewatch/`; docs/migration.md lists them. A Probe
(monitoring.coreos.com/v1) is an object of the Prometheus Operator for blackbox_exporter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.config.errors import ConfigError
from monitor.config.yaml_nodes import Entries, key_path, locate, plain_with_text
from monitor.config.yaml_reader import UnreadableError, read_documents
from monitor.errors import NinewatchError
from monitor.migration.conversion import Conversion
from monitor.migration.values import go_duration, notation, unique_id, without_credentials
from sla.interval import MINUTE
from sla.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from monitor.config.errors import Loc
    from monitor.config.yaml_nodes import Node
    from monitor.migration.conversion import Check

_PREFIX: Final = "ninewatch/"
_MONITOR: Final = f"{_PREFIX}monitor"
_CHECK_KEYS: Final = ("interval", "timeout")
_PRODUCT_KEYS: Final = ("name", "team", "objective")
_ANNOTATIONS: Final = {"monitor", "product", "path", "status", *_CHECK_KEYS, *_PRODUCT_KEYS}
_SCRAPE_INTERVAL: Final = MINUTE  # the default of Prometheus
# Modules of blackbox_exporter's example configuration that need no other data than the target.
_MODULES: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "http_2xx": lambda target: {"http": target if "://" in target else f"http://{target}"},
    "http_post_2xx": lambda target: {"http": target if "://" in target else f"http://{target}", "method": "POST"},
    "tcp_connect": lambda target: {"tcp": target},
    "icmp": lambda target: {"icmp": target},
}


def convert_manifest(path: Path, objective: str) -> Conversion:
    """Convert the annotated Routes and Ingresses of a manifest: a product per annotation `ninewatch/product`.

    Raises:
        NinewatchError: the file is not a manifest, or has no annotated Route or Ingress.
    """
    conversion = Conversion("discover", objective)
    products: dict[str, list[_Published]] = {}
    for kubernetes_object in _objects(path):
        if kubernetes_object.kind in ("Route", "Ingress"):
            for published in kubernetes_object.published(conversion):
                products.setdefault(published.product, []).append(published)
    for name, members in products.items():
        checks: dict[str, list[Check]] = {}
        for published in members:
            checks[f"{published.place} {published.url}"] = [published.check()]
        described: dict[str, Any] = {}
        for published in reversed(members):
            described |= published.described(conversion)
        conversion.add({"id": unique_id(name, ()), "name": name, **described}, checks, members[0].place)
    if not conversion.products and not conversion.notes:
        raise NinewatchError(
            f'{path}: no Route or Ingress has the annotation {_MONITOR}: "true"; add it to those to monitor'
        )
    return conversion


def convert_probes(path: Path, objective: str) -> Conversion:
    """Convert the Probes of a manifest: a product per Probe, a check per static target.

    Raises:
        NinewatchError: the file is not a manifest, or has no Probe.
    """
    conversion, count = Conversion("probes", objective), 0
    for kubernetes_object in _objects(path):
        if kubernetes_object.kind == "Probe":
            count += 1
            kubernetes_object.convert_probe(conversion)
    if not count:
        raise NinewatchError(f"{path}: has no object of kind Probe (monitoring.coreos.com/v1); specify its manifest")
    return conversion


def _objects(path: Path) -> Iterator[_Object]:
    """Yield the objects of all documents; a List contains several.

    Raises:
        ConfigError: the file is not YAML.
    """
    try:
        roots, problems = read_documents(path, str(path))
    except UnreadableError as error:
        raise ConfigError([error.problem]) from None
    if problems:
        raise ConfigError(problems)
    for root in roots:
        content = plain_with_text(root) if isinstance(root, Entries) else {}
        if str(content.get("kind", "")).endswith("List") and isinstance(content.get("items"), list):
            for number, item in enumerate(content["items"]):
                if isinstance(item, dict):
                    yield _Object(root, ("items", number), item)
        elif content:
            yield _Object(root, (), content)


@dataclass(frozen=True, slots=True)
class _Published:
    """A URL that a Route or Ingress publishes, with the annotations of the object."""

    place: str
    name: str
    url: str
    annotations: Mapping[str, str]

    @property
    def product(self) -> str:
        return self.annotations.get("product") or self.name

    def described(self, conversion: Conversion) -> dict[str, Any]:
        """Return the keys of the product that the annotations set. An invalid objective is noted, and not used."""
        described = {key: self.annotations[key] for key in _PRODUCT_KEYS if self.annotations.get(key)}
        try:
            Objective.parse(described.get("objective", conversion.objective))
        except ValueError as error:
            conversion.note(self.place, f"{_PREFIX}objective {error}")
            del described["objective"]
        return described

    def check(self) -> Check:
        check: Check = {"id": unique_id(self.name, (), "check"), "http": self.url}
        check |= {key: self.annotations[key] for key in _CHECK_KEYS if self.annotations.get(key)}
        if status := self.annotations.get("status"):
            check["expect"] = {"status": [int(part) if part.isdigit() else part for part in status.split(",")]}
        return check


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of a manifest, and its position."""

    root: Node
    loc: Loc
    content: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.content.get("kind"))

    @property
    def name(self) -> str:
        return str(_mapping(self.content.get("metadata")).get("name") or self.kind.lower())

    def place(self, *parts: str | int) -> str:
        """Return the position of a key of the object."""
        loc = (*self.loc, *parts)
        return f"{locate(self.root, loc)[0]}: {self.kind} {self.name}" + (
            f": {key_path(self.root, loc)}" if parts else ""
        )

    @property
    def spec(self) -> Mapping[str, Any]:
        return _mapping(self.content.get("spec"))

    def published(self, conversion: Conversion) -> Iterator[_Published]:
        """Yield the URLs of an annotated Route or Ingress."""
        pairs = _mapping(_mapping(self.content.get("metadata")).get("annotations"))
        annotations = {key.removeprefix(_PREFIX): str(value) for key, value in pairs.items() if key.startswith(_PREFIX)}
        if annotations.get("monitor", "").lower() != "true":
            return
        for unknown in sorted(annotations.keys() - _ANNOTATIONS):
            place = self.place("metadata", "annotations", f"{_PREFIX}{unknown}")
            conversion.note(place, f"unknown annotation; known are {', '.join(sorted(_ANNOTATIONS))}")
        addresses = list(self._route() if self.kind == "Route" else self._ingress())
        for host, path, is_encrypted in addresses:
            if not host or "*" in host:
                conversion.note(self.place("spec"), "not carried over: has no host, or a wildcard; set the host")
                continue
            address = f"{'https' if is_encrypted else 'http'}://{host}{annotations.get('path') or path}"
            yield _Published(self.place(), self.name, address, annotations)

    def _route(self) -> Iterator[tuple[str, str, bool]]:
        """Yield host, path and whether TLS is used. A Route without a host gets one in `status` when it is admitted."""
        admitted = _mapping(self.content.get("status")).get("ingress")
        host = self.spec.get("host") or next((_mapping(item).get("host") for item in _list(admitted)), "")
        yield str(host or ""), str(self.spec.get("path") or "/"), bool(self.spec.get("tls"))

    def _ingress(self) -> Iterator[tuple[str, str, bool]]:
        blocks = _list(self.spec.get("tls"))
        encrypted = {str(host) for block in blocks for host in _list(_mapping(block).get("hosts"))}
        for rule in _list(self.spec.get("rules")):
            host = str(_mapping(rule).get("host") or "")
            paths = _list(_mapping(_mapping(rule).get("http")).get("paths"))
            path = str((_mapping(paths[0]).get("path") if paths else "") or "/")
            yield host, path if path.startswith("/") and "(" not in path else "/", host in encrypted

    def convert_probe(self, conversion: Conversion) -> None:
        """Add the product of a Probe."""
        targets = _mapping(self.spec.get("targets"))
        if "ingress" in targets:
            reason = "not carried over: select Ingresses with `ninewatch discover`"
            conversion.note(self.place("spec", "targets", "ingress"), reason)
        for key in sorted(self.spec.keys() - {"targets", "module", "interval", "scrapeTimeout", "prober", "jobName"}):
            conversion.note(self.place("spec", key), "not carried over: no equivalent")
        module = str(self.spec.get("module") or "http_2xx")
        convert = _MODULES.get(module)
        if convert is None:
            reason = f"not carried over: the module {module} of blackbox_exporter; known are {', '.join(_MODULES)}"
            conversion.note(self.place("spec", "module"), reason)
            return
        checks: dict[str, list[Check]] = {}
        static = _mapping(targets.get("staticConfig")).get("static")
        for number, raw in enumerate(_list(static)):
            target, _, has_secret = without_credentials(str(raw)) if "://" in str(raw) else (str(raw), None, False)
            if has_secret or target != str(raw).partition("#")[0]:
                place = self.place("spec", "targets", "staticConfig", "static", number)
                conversion.note(place, "credentials of the address are not copied; set `basic` or a header")
            host = target.partition("://")[2] or target
            checks[f"{self.name} {number}"] = [
                {"id": unique_id(host, (), "target"), **convert(target), **self._timing()}
            ]
        conversion.add({"id": unique_id(self.name, ()), "name": self.name}, checks, self.place())

    def _timing(self) -> dict[str, str]:
        interval = go_duration(self.spec.get("interval")) or _SCRAPE_INTERVAL
        timeout = go_duration(self.spec.get("scrapeTimeout"))
        timing = {"interval": notation(interval)}
        return timing if timeout is None else {**timing, "timeout": notation(min(timeout, interval))}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
