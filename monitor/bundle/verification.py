"""Verify a bundle: compare its digests, recompute its figures from its content, and compare the figures.

The configuration, record, time zone database and holidays of this machine are not used. A different version of the
time zone database is reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from monitor import zones
from monitor.bundle.anchored import Trust
from monitor.bundle.archive import UnusableBundleError, first_difference, read_archive
from monitor.bundle.chain_files import read_chain
from monitor.bundle.checked_chain import CheckedChain, check
from monitor.bundle.contents import Contents, lines_of
from monitor.bundle.figures import Difference, compare, drill_lines, figure_lines, key_of
from monitor.bundle.manifest import Damage, damages, digest, read_manifest
from monitor.errors import NinewatchError
from monitor.reporting.report import portfolio_report
from sla.correction import read as read_correction
from sla.fact import CORRECTION, DEFINITION, MAINTENANCE, REVOCATION, Fact
from sla.interval import DAY, Interval
from sla.maintenance_window import MAINTENANCE_APPROVAL, MAINTENANCE_WINDOW, MAINTENANCE_WINDOW_END
from sla.pause import PAUSE, PAUSE_END
from sla.window import Window, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


MAX_WINDOW: Final = 11_000 * DAY  # for a window with its comparison windows; a report covers at most 10 years
_TOO_FREQUENT: Final = re.compile("FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)  # not allowed in a configuration
_KINDS_WITH_CONTENT_ID: Final = (
    DEFINITION, MAINTENANCE, MAINTENANCE_WINDOW, MAINTENANCE_WINDOW_END, MAINTENANCE_APPROVAL, PAUSE, PAUSE_END,
)  # fmt: skip
_VALID_INSTANTS: Final = Interval(parse_instant("1970-01-01T00:00:00Z"), parse_instant("2200-01-01T00:00:00Z"))


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One compared figure of the report: the number of equal values, and the differences.

    `number` is the position within the part. `window` is empty for a part without a window.
    """

    product: str
    part: str
    number: int
    figure: str
    window: str
    equal_values: int
    differences: tuple[Difference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the compared figure for JSON."""
        return {
            "product": self.product,
            "part": self.part,
            "number": self.number,
            "figure": self.figure or None,
            "window": self.window or None,
            "values_agreeing": self.equal_values,
            "differences": [
                {"field": difference.field, "stated": difference.stated, "recomputed": difference.recomputed}
                for difference in self.differences
            ],
        }


@dataclass(slots=True)
class Verification:
    """The result of a verification: damages, compared figures, the checked chain, and notes."""

    manifest: Mapping[str, Any]
    damages: list[Damage] = field(default_factory=list)
    figures: list[ComparedFigure] = field(default_factory=list)
    chain: CheckedChain = field(default_factory=CheckedChain)
    notes: list[str] = field(default_factory=list)
    not_recomputed: str = ""

    @property
    def equal_values(self) -> int:
        """The number of equal values."""
        return sum(figure.equal_values for figure in self.figures)

    @property
    def different_values(self) -> int:
        """The number of different values."""
        return sum(len(figure.differences) for figure in self.figures)

    @property
    def is_valid(self) -> bool:
        """Whether the bundle is unchanged, and all recomputed values are equal."""
        return not (self.damages or self.different_values or not self.chain.is_intact or self.not_recomputed)

    def as_json(self) -> dict[str, Any]:
        """Return the result for JSON."""
        about = ("format", "version", "ninewatch", "at", "window", "products", "time_zone", "time_zone_database")
        return {
            "agrees": self.is_valid,
            "bundle": {name: self.manifest.get(name) for name in about},
            "damages": [{"file": damage.file, "line": damage.line, "text": damage.text} for damage in self.damages],
            "not_recomputed": self.not_recomputed or None,
            "values": {"agreeing": self.equal_values, "differing": self.different_values},
            "figures": [figure.as_json() for figure in self.figures],
            "chain": self.chain.as_json(),
            "notes": self.notes,
        }


def verify_bundle(path: Path, trust: Trust | None = None) -> Verification:
    """Verify a bundle.

    Raises:
        UnusableBundleError: the file cannot be verified: it is not a bundle, of a newer version, or incomplete.
    """
    files, data = read_archive(path)
    manifest = read_manifest(files, str(path))
    verified = Verification(manifest, list(damages(manifest, files)))
    if not verified.damages and (at := first_difference(data, files)) is not None:
        verified.damages.append(Damage(path.name, None, f"the archive was changed outside of its files, at byte {at}"))
    try:
        _recompute(verified, files, manifest, trust or Trust())
    except UnusableBundleError as error:
        if not verified.damages:
            raise UnusableBundleError(f"{path}: {error}") from None
        verified.not_recomputed = str(error)
    return verified


def _recompute(verified: Verification, files: Mapping[str, bytes], manifest: Mapping[str, Any], trust: Trust) -> None:
    """Check the chain, recompute the figures and compare them with the stated ones.

    Raises:
        UnusableBundleError: required content is missing or cannot be read.
    """
    try:
        contents = Contents.read(files, str(manifest["time_zone"]))
        verified.chain = check(read_chain(files), contents.recorded, trust)
        _check_fact_ids(contents.recorded.facts)
        verified.figures = _compare_figures(files, contents, manifest)
        verified.notes += _notes(manifest)
    except NinewatchError:
        raise
    except Exception as error:  # noqa: BLE001 - any error is caused by the content
        raise UnusableBundleError(f"the figures cannot be recomputed from its content ({_error_text(error)})") from None


def _compare_figures(
    files: Mapping[str, bytes], contents: Contents, manifest: Mapping[str, Any]
) -> list[ComparedFigure]:
    bundle_figures = dict(lines_of(files, "figures.jsonl", lambda line: (key_of(line), dict(line))))
    window = _window(manifest["window"])
    at, arrived = (parse_instant(str(manifest[name])) for name in ("at", "arrived"))
    facts = [fact for fact in contents.recorded.facts if fact.made <= at]
    contents = replace(contents, recorded=replace(contents.recorded, facts=facts))
    with contents.rules():
        ledger = contents.ledger()
        products = [ledger.products[name] for name in manifest["products"]]
        lines = [*figure_lines(portfolio_report(ledger, products, window, at, arrived))]
        lines += drill_lines(ledger, manifest.get("drills", ()), at)
    recomputed = {key_of(line): line for line in lines}
    return list(_compare_lines(bundle_figures, recomputed))


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _compare_lines(bundle_figures: Mapping[Any, Any], recomputed: Mapping[Any, Any]) -> Iterator[ComparedFigure]:
    for key in dict.fromkeys((*bundle_figures, *recomputed)):
        product, part, number, figure = key
        stated_value, recomputed_value = (
            side.get(key, {}).get("value", "no such figure") for side in (bundle_figures, recomputed)
        )
        agreeing, differences = compare(stated_value, recomputed_value)
        window = recomputed_value if key in recomputed else stated_value
        yield ComparedFigure(product, part, number, figure, _window_text(window), agreeing, tuple(differences))


def _window_text(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    span = value.get("window", value)
    if not isinstance(span, dict) or "start" not in span or "end" not in span:
        return ""
    return f"{span['start']}/{span['end']}"


def _window(data: Mapping[str, Any]) -> Window:
    start, end, whole_start, whole_end = (
        parse_instant(str(data[name])) for name in ("start", "end", "whole_start", "whole_end")
    )
    is_valid_window = _VALID_INSTANTS.start <= whole_start <= start < end <= whole_end <= _VALID_INSTANTS.end
    if not is_valid_window or whole_end - whole_start > MAX_WINDOW:
        raise UnusableBundleError("the window in the manifest is invalid or too long")
    return Window(str(data["name"]), Interval(whole_start, whole_end), Interval(start, end))


def _check_fact_ids(facts: Sequence[Fact]) -> None:
    """Check that the id of every fact is the digest of its content.

    Raises:
        UnusableBundleError: a fact was changed.
    """
    for fact in facts:
        try:
            has_valid_id = _has_valid_id(fact)
        except ValueError as error:
            raise UnusableBundleError(f"facts.jsonl: the {fact.kind} {fact.id} is invalid: {error}") from None
        if fact.kind == MAINTENANCE and _TOO_FREQUENT.search(fact.body):
            raise UnusableBundleError(f"facts.jsonl: the maintenance {fact.id} recurs more often than daily")
        if not has_valid_id:
            raise UnusableBundleError(f"facts.jsonl: the {fact.kind} {fact.id} was changed after it was recorded")


def _has_valid_id(fact: Fact) -> bool:
    if fact.kind in (CORRECTION, REVOCATION):
        return read_correction(fact).id == fact.id
    if fact.kind in _KINDS_WITH_CONTENT_ID:
        return Fact.of(fact.made, fact.author, fact.kind, fact.product, fact.content()).id == fact.id
    return True


def _notes(manifest: Mapping[str, Any]) -> Iterator[str]:
    own_zones, bundle_zones = zones.as_json() or {}, manifest.get("time_zone_database") or {}
    if isinstance(bundle_zones, dict) and own_zones.get("version") != bundle_zones.get("version"):
        yield (
            f"time zone rules are those in the bundle ({bundle_zones.get('version') or 'version unknown'}); "
            f"this machine has {own_zones.get('version') or 'an unknown version'}, which was not used"
        )


def report_difference(manifest: Mapping[str, Any], report: bytes) -> str:
    """Return the difference between a report's file and the report of the bundle as text, empty if they are equal."""
    entry = manifest.get("report")
    if not isinstance(entry, dict) or "sha256" not in entry:
        return "the bundle does not have the digest of a report"
    return "" if digest(report) == entry["sha256"] else "it is not the report of the bundle"
