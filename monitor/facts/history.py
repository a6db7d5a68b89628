"""List the facts about a product over time: definitions as differences, corrections, facts of other kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.facts.journal import as_line
from sla.acknowledgement import acknowledgements
from sla.correction import Correction, Revocation
from sla.correction import read as read_correction
from sla.definition import Definition, differences
from sla.drill_facts import drill_text
from sla.duration import format_duration
from sla.evidence import attestations, deployments, revocations
from sla.fact import ANCHOR, CORRECTION, DEFINITION, IMPORT, MAINTENANCE, RENAMING, REVOCATION, WITNESSED, Fact
from sla.failover_facts import failover_text
from sla.gate_override import GATE_OVERRIDE_END, as_override
from sla.incident_note import incident_notes
from sla.maintenance import MaintenancePlan
from sla.maintenance import changes as plan_changes
from sla.maintenance_window import MAINTENANCE_APPROVAL, MAINTENANCE_WINDOW_END, maintenance_windows
from sla.objective_review import DECISIONS, as_review
from sla.page_rating import page_ratings
from sla.pause import PAUSE_END, pauses
from sla.public_incident import PUBLIC_UPDATE, public_incidents
from sla.silence import RETRY, SILENCE_END, silences
from sla.supplier_statement import statement_text
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.facts.fact_index import Facts

_MAX_BODY_LENGTH: Final = 200  # characters of a body of an unknown kind


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact and its changes, one line of text per change."""

    fact: Fact
    changes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API and of `ninewatch history --json`."""
        return as_line(self.fact) | {"changes": list(self.changes)}


def history(facts: Facts, product_id: str, since: int | None = None) -> list[Entry]:
    """Return the facts about the product in chronological order, from `since` on.

    A fact without a product is about all products. A revocation is about the product of its correction.
    """
    return [entry for entry in _entries(facts, product_id) if since is None or entry.fact.made >= since]


def is_known(facts: Facts, product_id: str) -> bool:
    """Return whether any fact names the product."""
    return any(facts.is_about(fact, product_id) for fact in facts.all)


def _entries(facts: Facts, product_id: str) -> Iterator[Entry]:
    corrections = {fact.id for fact in facts.all if fact.kind == CORRECTION and facts.is_about(fact, product_id)}
    loaded = {**_definitions(facts, product_id), **_plans(facts, ""), **_plans(facts, product_id)}
    for fact in facts.all:
        if fact.kind in (ANCHOR, WITNESSED, RETRY, SILENCE_END):  # about the record or the outbox, not about a product
            continue
        if fact.kind == REVOCATION:
            if fact.content()["revokes"] in corrections:
                yield Entry(fact, (_statement_text(fact),))
        elif not (facts.is_about(fact, product_id) or (not fact.product and fact.kind != DEFINITION)):
            continue
        elif fact.kind in (DEFINITION, MAINTENANCE):
            changes = loaded[fact.id] if fact.id in loaded else (_reason_not_counted(fact),)
            if changes or fact.kind == DEFINITION:
                yield Entry(fact, changes or ("no change of meaning",))
        elif fact.kind == RENAMING:
            yield Entry(fact, tuple(_renaming_lines(fact.content())))
        else:
            yield Entry(fact, (fact_text(fact),))


def fact_text(fact: Fact) -> str:
    """Return the statement of a fact as text. For an unknown kind, return its body, truncated."""
    if fact.kind == CORRECTION:
        return _statement_text(fact)
    for silence in silences([fact]):
        subject = f"alert {silence.key}" if silence.key else "alerts"
        return f"{subject} silenced until {format_instant(silence.until)}: {silence.reason}"
    if (override := as_override(fact)) is not None:
        return f"gate set to {override.answer} until {format_instant(override.until)}: {override.reason}"
    if fact.kind == GATE_OVERRIDE_END and isinstance(body := fact.content(), dict):
        return f"override {body.get('override')} of the gate ended: {body.get('reason')}"
    for attestation in attestations([fact]):
        note = f": {attestation.detail}" if attestation.detail else ""
        return f"{attestation.item} attested until {format_instant(attestation.until)}{note}"
    for deployment in deployments([fact]):
        return f"{deployment.version} deployed at {format_instant(deployment.at)}"
    for revoked, reason in revocations([fact]).items():
        return f"evidence {revoked} revoked: {reason}"
    for acknowledgement in acknowledgements([fact]):
        return f"alert {acknowledgement.key} acknowledged by {acknowledgement.by} (via {acknowledgement.via})"
    for page_rating in page_ratings([fact]):
        return f"alert {page_rating.key} marked as {page_rating.rating}"
    return (
        _alert_text(fact)
        or _import_text(fact)
        or _window_text(fact)
        or _pause_text(fact)
        or drill_text(fact)
        or failover_text(fact)
        or _public_text(fact)
        or _review_text(fact)
        or statement_text(fact)
        or fact.body[:_MAX_BODY_LENGTH]
    )


def _public_text(fact: Fact) -> str:
    """Return the text of a public incident or of an update; empty for other facts."""
    for incident in public_incidents([fact]):
        return f"public incident on {incident.page}: {incident.title} ({incident.last.phase.value})"
    if fact.kind == PUBLIC_UPDATE and isinstance(body := fact.content(), dict):
        return f"public incident {body.get('incident')}: {body.get('phase')}"
    return ""


def _review_text(fact: Fact) -> str:
    """Return the text of a review of objectives; empty for other facts."""
    review = as_review(fact)
    return "" if review is None else f"objectives reviewed, {DECISIONS[review.decision]}: {review.reason}"


def _alert_text(fact: Fact) -> str:
    """Return the text of a note, of the end of a silence, or of a retry of notifications; empty for other facts."""
    for note in incident_notes([fact]):
        return f"note on incident {note.incident}: {note.text}"
    if fact.kind not in (SILENCE_END, RETRY) or not isinstance(body := fact.content(), dict):
        return ""
    if fact.kind == SILENCE_END:
        return f"silence {body.get('silence')} ended"
    return f"notifications retried: {body.get('receiver') or 'all receivers'}"


def _import_text(fact: Fact) -> str:
    """Return the text of an imported history; empty for other facts."""
    if fact.kind != IMPORT or not isinstance(body := fact.content(), dict) or not isinstance(body.get("checks"), dict):
        return ""
    parts = [
        f"{check} from {extent.get('start')} to {extent.get('end')} ({extent.get('results')} results,"
        f" {extent.get('counts')} hours or days, {extent.get('uncertain_counts')} of them unknown)"
        for check, extent in body["checks"].items()
        if isinstance(extent, dict)
    ]
    return f"history imported from {body.get('tool')} ({body.get('file')}): {'; '.join(parts)}"


def _window_text(fact: Fact) -> str:
    """Return the text of a maintenance window, its end or its approval; empty for other facts."""
    for window in maintenance_windows([fact]):
        start, end = (format_instant(at) for at in (window.interval.start, window.interval.end))
        return f"maintenance {start}/{end}: {window.reason}"
    if fact.kind == MAINTENANCE_WINDOW_END and isinstance(body := fact.content(), dict):
        return f"maintenance {body.get('window')} ended: {body.get('reason')}"
    if fact.kind == MAINTENANCE_APPROVAL and isinstance(body := fact.content(), dict):
        return f"maintenance {body.get('window')} approved"
    return ""


def _pause_text(fact: Fact) -> str:
    """Return the text of a pause or of its end; empty for other facts."""
    for pause in pauses([fact]):
        end = "" if pause.until is None else f" until {format_instant(pause.until)}"
        return f"{pause.check or pause.product} paused{end}: {pause.reason}"
    if fact.kind == PAUSE_END and isinstance(body := fact.content(), dict):
        return f"pause {body.get('pause')} ended: {body.get('reason')}"
    return ""


def _definitions(facts: Facts, product_id: str) -> dict[str, tuple[str, ...]]:
    """Return the changes by each valid definition, by the id of its fact."""
    definitions = facts.definitions(product_id)
    return {
        after.id: tuple(differences(before, after))
        for before, after in zip((None, *definitions), definitions, strict=False)
    }


def _plans(facts: Facts, product_id: str) -> dict[str, tuple[str, ...]]:
    """Return the changes by each valid maintenance plan, by the id of its fact. A first plan may have none."""
    plans = facts.maintenance(product_id)
    return {after.id: tuple(plan_changes(before, after)) for before, after in zip((None, *plans), plans, strict=False)}


def _reason_not_counted(fact: Fact) -> str:
    """Return the reason why a definition or a plan is ignored."""
    try:
        (Definition if fact.kind == DEFINITION else MaintenancePlan).read(fact)
    except ValueError:
        return f"of a newer version: {fact.body[:_MAX_BODY_LENGTH]}"
    return "ignored: dated by a wrong clock"


def _renaming_lines(body: Any) -> Iterator[str]:
    """Yield each former id with the present one: `renamed: page -> health`."""
    for names in (body.get("products", {}), body.get("checks", {})):
        yield from (f"renamed: {old} -> {new}" for old, new in sorted(names.items()))


def _statement_text(fact: Fact) -> str:
    """Return the text of a correction or a revocation."""
    statement: Correction | Revocation = read_correction(fact)
    if isinstance(statement, Revocation):
        return f"{statement.correction} revoked: {statement.reason}"
    start, end = format_instant(statement.interval.start), format_instant(statement.interval.end)
    return f"{start}/{end} ({format_duration(statement.interval.length)}) excluded: {statement.reason}"
