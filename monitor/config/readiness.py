"""Readiness of a product: checklist, attestations, and evidence from checks."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.clients import Amount, Currency
from monitor.config.errors import quoted
from monitor.config.validation_context import Context, Located
from monitor.config.values import Count, Duration, Id, ObjectiveField, Text, is_id, problem_at
from monitor.errors import NinewatchError
from monitor.package_files import shipped_path
from sla.evidence import Evidence, EvidenceKind, attested
from sla.interval import DAY, MINUTE
from sla.promise import PlanForecast
from sla.readiness import DRILLS, Checklist, ChecklistItem, DrillShows, Readiness, readiness
from sla.whatif import parse_costs

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_FOLDER = "checklists"
_SEPARATOR = " + "  # between the ids of several checklists

Prose = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]


EvidenceName = Literal["attestation", "deployments", "decoupling", "drill", "sites", "checks"]
DrillName = Literal["failover", "failback", "restore", "deploy", "tabletop", "isolated"]
DrillShowsName = Literal["recovery_time", "no_loss"]


class _Item(Model):
    """One item of a checklist. `text` and `cap` are the keys of earlier versions."""

    id: Id
    title: Text
    question: Text | None = None
    reason: Prose | None = None
    text: Prose | None = None
    source: Prose
    because: Text | None = None
    caps: ObjectiveField | None = None
    cap: ObjectiveField | None = None
    evidence: Annotated[tuple[EvidenceName, ...], Field(min_length=1)] = ("attestation",)
    validity: Duration | None = None
    drills: Annotated[tuple[DrillName, ...], Field(min_length=1)] = DRILLS
    drill_shows: tuple[DrillShowsName, ...] = ()

    @model_validator(mode="after")
    def _one_of_each(self) -> _Item:
        """Require one reason and one cap, each under its current or former key."""
        for name, former_name in (("reason", "text"), ("caps", "cap")):
            configured = [key for key in (name, former_name) if getattr(self, key) is not None]
            if len(configured) != 1:
                problem = f"is given twice, also as {former_name}" if configured else "is missing"
                raise problem_at(name, f"{problem}; specify it once")
        return self

    def plain(self) -> ChecklistItem:
        cap = self.caps or self.cap
        assert cap is not None, "validated"  # noqa: S101 - for the type checker
        return ChecklistItem(
            self.id,
            self.title,
            self.reason or self.text or "",
            self.source,
            cap.ratio,
            self.question or "",
            self.because or "",
            tuple(map(EvidenceKind, self.evidence)),
            self.validity,
            self.drills,
            tuple(map(DrillShows, self.drill_shows)),
        )


class _Checklist(Model):
    id: Id
    title: Text
    source: Prose
    items: Annotated[tuple[_Item, ...], Field(min_length=1)]

    def plain(self) -> Checklist:
        return Checklist(self.id, self.title, self.source, tuple(item.plain() for item in self.items))


def candidate_paths(name: str, directory: Path, kind: str = _FOLDER) -> Iterator[Path]:
    """Yield the possible paths of a checklist: in `checklists/` next to the configuration, one folder up, or bundled.

    `kind` is the folder's name, another one for policies.
    """
    for folder in (directory, directory.parent):
        yield folder / kind / f"{name}.yaml"
    try:
        yield shipped_path("config", kind) / f"{name}.yaml"
    except NinewatchError:
        return


def load_checklist(path: Path) -> Checklist:
    """Return the checklist of a file.

    Raises:
        ValueError: the file is invalid. The message contains the first problem, with its position.
    """
    try:
        block = read_block(path, _Checklist)
    except ValueError as error:
        raise ValueError(f"invalid checklist: {error}") from None
    return block.plain()


def _read_checklists(value: Any, info: ValidationInfo) -> Checklist:
    """Return the checklist with this name, or the combined checklist of several names."""
    if isinstance(value, Checklist):
        return value
    if not isinstance(value, list):
        return _read_checklist(value, info)
    if not value:
        raise ValueError("is empty; use five-nines, or several names")
    checklists = [_read_checklist(block, info) for block in value]
    items = tuple(item for checklist in checklists for item in checklist.items)
    title, source = (" and ".join(getattr(checklist, name) for checklist in checklists) for name in ("title", "source"))
    return Checklist(_SEPARATOR.join(checklist.id for checklist in checklists), title, source, items)


def _read_checklist(value: Any, info: ValidationInfo) -> Checklist:
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the name of a checklist; use five-nines, or the name of a file in checklists/")
    for path in candidate_paths(value, value.directory if isinstance(value, Located) else Path()):
        if path.is_file():
            if isinstance(info.context, Context):
                info.context.reads(path)
            return load_checklist(path)
    raise ValueError(f"there is no checklist {quoted(value)}; use five-nines, or put {value}.yaml into checklists/")


def _midnight(value: Any) -> int:
    """Return the start of the day (UTC), microseconds since the epoch."""
    if isinstance(value, str):
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise ValueError("not a date; use the format 2027-03-01")
    return (value.toordinal() - _EPOCH) * DAY


def _names(checklist: Checklist) -> str | list[str]:
    names = checklist.id.split(_SEPARATOR)
    return names if len(names) > 1 else names[0]


_BY_NAME = PlainSerializer(_names, when_used="json")
_NAMES_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_Date = Annotated[int, PlainValidator(_midnight), WithJsonSchema({"type": "string", "format": "date"})]
CheckKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*$")]


class Attested(Model):
    """An attestation of an item of the checklist. `ninewatch attest` records one without editing the configuration."""

    item: Id
    """The item's id in the checklist."""

    by: Text
    """The person or team who attests the item."""

    on: _Date | None = None
    """The day (UTC) of the attestation, from which it is valid. Default: it is valid for all time before `until`."""

    until: _Date
    """The first day (UTC) on which the attestation is no longer valid: `2027-03-01`."""

    note: Annotated[str, StringConstraints(max_length=2_000)] = ""
    """Evidence: a link, or the date of a test."""

    def plain(self) -> Evidence:
        """Return the attestation."""
        return attested(self.item, self.by, self.until, self.note, self.on)


class EvidenceBlock(Model):
    """Checks that are evidence for an item while all of them are up."""

    item: Id
    """The item's id in the checklist. It must accept evidence of the kind `checks`."""

    checks: Annotated[tuple[CheckKey, ...], Field(min_length=1)]
    """Checks of any product, `product/check`: each site directly, certificates, backups, Prometheus queries."""


class PlanForecastBlock(Model):
    """The forecast of the product's design by `ninewatch plan`, which is shown next to the measured figures."""

    expected: ObjectiveField
    """The predicted availability, `predicted.availability` of `ninewatch plan --json`: `99.93%`."""

    chance: ObjectiveField
    """The chance that a year meets the objective, `chance` of `ninewatch plan --json`: `40%`."""

    costs: Annotated[dict[str, Amount], AfterValidator(parse_costs)] = Field(default_factory=dict)
    """Cost per year of changes, by their ids in `ninewatch whatif`: `{decouple/mail: 8000, failover/15m: 50000}`."""

    currency: Currency = "CAD"
    """The currency of the costs, three letters (ISO 4217)."""

    def plain(self) -> PlanForecast:
        """Return the forecast."""
        return PlanForecast(self.expected.ratio, self.chance.ratio)


class ReadinessBlock(Model):
    """Readiness of the product: an unmet item limits the availability that may be claimed."""

    checklist: Annotated[
        InstanceOf[Checklist], BeforeValidator(_read_checklists), _BY_NAME, WithJsonSchema(_NAMES_SCHEMA)
    ]
    """Name of the checklist: `five-nines`, or a file in `checklists/` next to the configuration; or several names."""

    attested: tuple[Attested, ...] = ()
    """Attested items. Other items are unmet, unless a fact or a measurement is evidence for them."""

    evidence: tuple[EvidenceBlock, ...] = ()
    """Checks that are evidence for items."""

    deployments: Count = 5
    """How many of the last deployments must be without downtime (`ninewatch deploy mark`)."""

    settle: Duration = 15 * MINUTE
    """Downtime within this time after a deployment counts as caused by the deployment."""

    @property
    def attestations(self) -> tuple[Evidence, ...]:
        """The attestations of the configuration."""
        return tuple(attestation.plain() for attestation in self.attested)

    def at(self, instant: int) -> Readiness:
        """Return the checklist's state at the instant (microseconds) from the configuration only."""
        return readiness(self.checklist, self.attestations, instant)
