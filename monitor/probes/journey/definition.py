"""The probe of one step: its template with placeholders, validated with sample values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError, ValidationInfo

from monitor.config.addresses import carries_credentials
from monitor.config.placeholders import fill, fill_url, has_literal_origin, names_in
from monitor.config.secret import Secret, read_secret
from monitor.config.values import problem_at
from monitor.http.check import HttpCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.check import CheckBase
    from monitor.config.placeholders import Value
    from monitor.config.steps import Capture

NOT_STEPS: Final = frozenset({"steps", "heartbeat"})  # kinds that cannot be a step
SCHEDULE: Final = frozenset({"interval", "timeout", "hold", "slow_after", "fall", "rise", "recheck", "was"})
URL_KEYS: Final = frozenset({"jwks"})  # keys with a URL, in addition to those of the kinds in URL_KINDS
LOCAL_KINDS: Final = frozenset({"jwt"})  # kinds whose value is not an address; it is used locally and not sent
URL_KINDS: Final = frozenset({"http", "freshness", "prometheus", "websocket"})
BODIES: Final = ("body", "body_file", "form", "json_body")
SECRET_KEYS: Final = frozenset({"headers", "cookies", "bearer", "body", "form", "json_body"})  # of http steps
_READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SAMPLES: Final = ("1", "x.invalid")
_ADDRESSES: Final = ("placeholder.invalid", "placeholder.invalid:1")
_SCHEMES: Final = {"websocket": "wss"}


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """The probe of a step.

    `keys` has all keys as configured, with secrets resolved. `template` has the keys that the kind validates for each
    run. `check` is the result with sample values; it is used for all runs if `template` has no placeholder. `parts` has
    the keys of an http step whose placeholders are filled into the request itself.
    """

    keys: Mapping[str, Any]
    template: Mapping[str, Any]
    check: CheckBase
    parts: Mapping[str, Any] = field(default_factory=dict)
    captures: Mapping[str, Capture] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The value of the key of the kind, with placeholders."""
        value = self.keys[self.check.kind]
        return value if isinstance(value, str) else self.check.target

    @property
    def target(self) -> str:
        """The target for display, without query and secrets."""
        return self.address.partition("?")[0] if names_in(self.address) else self.check.target

    @property
    def is_fixed(self) -> bool:
        """Whether the kind's keys have no placeholder."""
        return not names_in(self.template)

    @property
    def reads(self) -> bool:
        """Whether the step only reads."""
        return self.check.method in _READING_METHODS if isinstance(self.check, HttpCheck) else self.check.tightens

    @property
    def names(self) -> set[str]:
        """The names that must be known before the step runs."""
        return {name for _, names in self.names_by_key() for name in names}

    def names_by_key(self) -> Iterator[tuple[str, set[str]]]:
        """Yield each key of the step with the names of its placeholders."""
        for key, value in self.keys.items():
            yield key, names_in(value)
        yield "capture", names_in([capture.json_path for capture in self.captures.values() if capture.json_path])

    @property
    def credential_names(self) -> set[str]:
        """The names that are used as credentials, so that their values are secrets."""
        if self.check.kind in LOCAL_KINDS:
            return names_in(self.address)
        headers = self.parts.get("headers", {})
        used = [value for name, value in headers.items() if carries_credentials(name)]
        return names_in([*used, self.parts.get("bearer"), self.parts.get("cookies")])

    def carries(self, secrets: set[str]) -> bool:
        """Return whether the step sends a secret: one of these names, or one of its own."""
        local = {self.check.kind} if self.check.kind in LOCAL_KINDS else set()
        keys = SECRET_KEYS if isinstance(self.check, HttpCheck) else set(self.keys) - local
        used = names_in([value for key, value in self.keys.items() if key in keys])
        own = [value for key, value in self.keys.items() if key not in {"tls", "proxy_basic", *local}]
        return bool(used & secrets) or any(_references(own))

    @property
    def references(self) -> tuple[str, ...]:
        """The references of the step's own secrets."""
        return tuple(_references([value for key, value in self.keys.items() if key != "tls"]))

    @property
    def literal_url(self) -> str | None:
        """The URL of an http step whose origin has no placeholder."""
        return self.address if isinstance(self.check, HttpCheck) and has_literal_origin(self.address) else None


def define(
    step: str,
    raw: Mapping[str, Any],
    own: Mapping[str, Any],
    captures: Mapping[str, Capture],
    retry: tuple[bool, bool],
    info: ValidationInfo,
) -> StepDefinition:
    """Return the definition of a step.

    `raw` has the keys of its kind, `own` its `form`, `json_body` and `unknown`. `retry`: whether the step is repeated,
    and whether a condition limits this.

    Raises:
        PydanticCustomError, ValidationError: a key is invalid.
    """
    kind = _kind_of(raw)
    _reject_unknown_keys(raw, kind)
    keys = {**_with_secrets(raw, info), **own}
    if kind is not HttpCheck:
        _reject_http_keys(own, captures, kind.kind, conditional=retry[1])
        check = _sampled(step, kind, keys, info)
        return StepDefinition(keys, keys, check)
    template, parts = _split(keys)
    check = _sampled(step, kind, template, info)
    definition = StepDefinition(keys, template, check, parts, captures)
    assert isinstance(check, HttpCheck)  # noqa: S101 - for mypy
    if check.expect.degraded:
        raise problem_at("expect", "degraded has no effect in a step, which is good or bad; remove it")
    if retry[0] and check.method in ("POST", "PATCH"):
        raise problem_at("retry", f"a {check.method} that is repeated may write twice; repeat a step that reads")
    return definition


def _kind_of(raw: Mapping[str, Any]) -> type[CheckBase]:
    from monitor.probes.registry import CHECK_TYPES

    kinds = [kind for kind in CHECK_TYPES if kind.kind not in NOT_STEPS]
    matching = [kind for kind in kinds if kind.matches(raw)]
    if not matching:
        raise problem_at("id", f"the step has no key of a kind; use one of {', '.join(kind.kind for kind in kinds)}")
    if len(matching) > 1:
        names = " and ".join(kind.kind for kind in matching)
        raise problem_at(matching[1].kind, f"the step has keys of several kinds, {names}; use one step for each")
    return matching[0]


def _reject_unknown_keys(raw: Mapping[str, Any], kind: type[CheckBase]) -> None:
    allowed = {info.alias or name for name, info in kind.model_fields.items()} - SCHEDULE - {"id"}
    for key in raw:
        if key in SCHEDULE:
            raise problem_at(key, "belongs to the check, which has one schedule and one deadline; move it there")
        if key not in allowed:
            own = ("always", "capture", "counts", "form", "id", "json_body", "retry", "unknown")
            raise problem_at(key, f"unknown key of a step; allowed: {', '.join(sorted({*allowed, *own}))}")


def _reject_http_keys(own: Mapping[str, Any], captures: Mapping[str, Capture], kind: str, *, conditional: bool) -> None:
    used = [*own, *(["capture"] if captures else []), *(["retry"] if conditional else [])]
    if used:
        what = "while" if used[0] == "retry" else used[0]
        raise problem_at(used[0], f"{what} is for http steps only, and this is a step of kind {kind}; remove it")


def _split(keys: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keys that the kind validates, and the parts that are filled into the request."""
    template = {key: value for key, value in keys.items() if key not in ("form", "json_body", "unknown")}
    parts: dict[str, Any] = {}
    for key in ("headers", "cookies"):
        if isinstance(keys.get(key), Mapping) and (filling := {k: v for k, v in keys[key].items() if names_in(v)}):
            parts[key] = filling
            template[key] = {name: value for name, value in keys[key].items() if name not in filling}
    if isinstance(keys.get("bearer"), str) and names_in(keys["bearer"]):
        parts["bearer"] = template.pop("bearer")
        _reject_second(keys, "bearer", ("basic", "oauth2"))
    _take_body(keys, template, parts)
    if "unknown" in keys:
        _add_unknown(keys, template)
    if names_in(keys.get("oauth2")):
        raise problem_at("oauth2", "has a placeholder; specify the token endpoint, or make the token request a step")
    return template, parts


def _take_body(keys: Mapping[str, Any], template: dict[str, Any], parts: dict[str, Any]) -> None:
    for key in ("form", "json_body"):
        if key in keys:
            _reject_second(keys, key, [other for other in BODIES if other != key])
            parts[key] = keys[key]
    if isinstance(keys.get("body"), str) and names_in(keys["body"]):
        parts["body"] = keys["body"]
    if any(key in parts for key in BODIES):
        template["body"] = "x"  # validates that the method has a body


def _add_unknown(keys: Mapping[str, Any], template: dict[str, Any]) -> None:
    expect = keys.get("expect", {})
    if isinstance(expect, Mapping):
        _reject_second(expect, "unknown", ("unknown",))
        template["expect"] = {**expect, "unknown": keys["unknown"]}


def _reject_second(keys: Mapping[str, Any], key: str, others: Any) -> None:
    if second := next((other for other in others if other in keys), None):
        raise problem_at(key, f"excludes {second}; keep one of the two")


def _sampled(step: str, kind: type[CheckBase], template: Mapping[str, Any], info: ValidationInfo) -> CheckBase:
    """Return the check with sample values for the placeholders, of which one must make it valid."""
    first: ValidationError | None = None
    for number in range(2):
        try:
            return validated(step, kind, sample(kind.kind, template, number), info.context)
        except ValidationError as error:
            first = first or error
            if not names_in(template):
                break
    assert first is not None  # noqa: S101 - the loop returned otherwise
    raise first


def sample(kind: str, template: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the keys with sample values."""
    address = f"{_SCHEMES.get(kind, 'https')}://placeholder.invalid" if kind in URL_KINDS else _ADDRESSES[number]

    def value(_: str) -> str:
        return _SAMPLES[number]

    def start(_: str) -> str:
        return address

    def url_start(_: str) -> str:
        return "https://placeholder.invalid"

    at_start = {kind: start, **dict.fromkeys(URL_KEYS, url_start)}
    values_at_start = {key: fill for key, fill in at_start.items() if str(template.get(key, "")).startswith("{{")}
    return fill_keys(kind, template, value, values_at_start)


def fill_keys(
    kind: str, template: Mapping[str, Any], value: Value, special: Mapping[str, Value] | None = None
) -> dict[str, Any]:
    """Return the keys with all placeholders replaced by `value`, or by that of the key in `special`."""
    urls = URL_KEYS | ({kind} & URL_KINDS)
    return {
        key: (fill_url if key in urls and isinstance(item, str) else fill)(item, (special or {}).get(key, value))
        for key, item in template.items()
    }


def validated(step: str, kind: type[CheckBase], keys: Mapping[str, Any], context: Any = None) -> CheckBase:
    """Return the check of a step.

    Raises:
        ValidationError: a value is invalid.
    """
    return kind.model_validate({"id": step, "interval": "1d", "timeout": "5m", **keys}, context=context)


def _with_secrets(value: Any, info: ValidationInfo) -> Any:
    """Return the value with references replaced by secrets. An invalid reference stays, and its kind rejects it."""
    if isinstance(value, Mapping):
        if len(value) == 1 and (("env" in value) or ("file" in value)):
            try:
                return read_secret(value, info)
            except ValueError:
                return value
        return {
            key: _with_variables(item, info) if key == "env" else _with_secrets(item, info)
            for key, item in value.items()
        }
    return [_with_secrets(item, info) for item in value] if isinstance(value, list) else value


def _with_variables(value: Any, info: ValidationInfo) -> Any:
    """Return the environment of a program, whose variables may have the names of references."""
    if isinstance(value, Mapping):
        return {name: _with_secrets(item, info) for name, item in value.items()}
    return value


def _references(value: Any) -> Iterator[str]:
    """Yield the references of all secrets in a value."""
    if isinstance(value, Secret):
        yield value.source
    elif isinstance(value, Mapping):
        yield from _references(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
