"""Make public incidents and their updates from the values of a request or of a command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.config.status_pages import MAX_TEXT, PLACEHOLDERS
from monitor.facts.journal import LATEST_INSTANT
from monitor.language import ENGLISH, language
from sla.interval import MINUTE, SECOND
from sla.public_incident import Impact, Phase, PublicIncident, PublicUpdate, obstacle
from sla.window import format_instant, parse_duration, parse_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.config.status_pages import StatusPage
    from monitor.language import Language
    from sla.product_incident import ProductIncident

MAX_TITLE: Final = 200


class InvalidUpdateError(ValueError):
    """A value that cannot be published: the problem, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True, slots=True)
class Writing:
    """The author and the instant of a text, and the language of its times. Times without an offset are in `zone`."""

    author: str
    now: int
    zone: ZoneInfo
    language: Language = ENGLISH


def new_incident(
    values: Mapping[str, Any], page: StatusPage, recorded: Iterable[ProductIncident], writing: Writing
) -> PublicIncident:
    """Return the incident of the values. `recorded` are the product incidents.

    It is linked to the product incident with the id `incident`, by default to the newest open one of its components.

    Raises:
        InvalidUpdateError: a value is missing or invalid.
    """
    components = checked_components(values.get("components"), page)
    linked = product_incident(values.get("incident"), page, components, recorded)
    return PublicIncident(
        page=page.id,
        title=_title(values.get("title")),
        components=components,
        impact=_one_of(Impact, values.get("impact", Impact.NONE.value), "impact"),
        product_incident="" if linked is None else linked.id,
        detected=None if linked is None else linked.opened,
        updates=(new_update({"phase": Phase.INVESTIGATING.value, **values}, writing),),
    )


def new_update(values: Mapping[str, Any], writing: Writing, incident: PublicIncident | None = None) -> PublicUpdate:
    """Return the update of the values, for an incident if there is one.

    Raises:
        InvalidUpdateError: a value is missing or invalid, or the incident cannot have the update.
    """
    phase = _one_of(Phase, values.get("phase"), "phase")
    due = next_due(values.get("next_update"), writing)
    text = _text(values.get("text"), "" if due is None else writing.language.minute(due, writing.zone))
    update = PublicUpdate(writing.now, writing.author, phase, text, due)
    if incident is not None and (problem := obstacle(incident, update)) is not None:
        raise InvalidUpdateError(*problem)
    return update


def checked_components(value: Any, page: StatusPage) -> tuple[str, ...]:
    """Return the ids of components of the page.

    Raises:
        InvalidUpdateError: it is not a list of ids of this page, or is empty.
    """
    known = [component.id for component in page.components]
    if not isinstance(value, list | tuple) or not value or not all(name in known for name in value):
        raise InvalidUpdateError(f"components of {page.id} are missing or unknown", f"use ids of {', '.join(known)}")
    return tuple(dict.fromkeys(value))


def product_incident(
    name: Any, page: StatusPage, components: Iterable[str], recorded: Iterable[ProductIncident]
) -> ProductIncident | None:
    """Return the product incident with the id, or else the newest open one of the components. None without one.

    Raises:
        InvalidUpdateError: there is no product incident with the id.
    """
    recorded = list(recorded)
    if name is not None:
        linked = next((incident for incident in recorded if incident.id == name), None)
        if linked is None:
            raise InvalidUpdateError("unknown product incident", "GET /api/v1/product-incidents lists them")
        return linked
    products = {component.product for component in page.components if component.id in components}
    open_ones = [incident for incident in recorded if incident.resolved is None and incident.product in products]
    return max(open_ones, key=lambda incident: incident.opened, default=None)


def next_due(value: Any, writing: Writing) -> int | None:
    """Return the instant of a duration from now, or of an instant. None without a value.

    Raises:
        InvalidUpdateError: the value is neither, or is not in the future.
    """
    if value is None:
        return None
    remedy = "use 30m, or an RFC 3339 instant in the future"
    try:
        at = writing.now + parse_duration(str(value)[:64])
    except (ValueError, OverflowError):
        try:
            at = parse_instant(str(value)[:64], writing.zone)
        except (ValueError, OverflowError):
            raise InvalidUpdateError("next_update is neither a duration nor an instant", remedy) from None
    if not writing.now < at <= LATEST_INSTANT:
        raise InvalidUpdateError("next_update is not in the future", remedy)
    return at


def draft(
    page: StatusPage, phase: Phase, components: Iterable[str], began: int | None, due: int | None, writing: Writing
) -> str:
    """Return the page's template of the phase, filled with facts, for a person to complete and publish.

    It is in the default language of the page.

    A fact that is not known stays as a placeholder, which cannot be published.
    """
    names = [component.name for component in page.components if component.id in components]
    facts, written_in = {"{components}": ", ".join(names)}, language(page.languages[0])
    if began is not None:
        facts["{began}"] = written_in.minute(began, writing.zone)
        facts["{duration}"] = written_in.duration((writing.now - began) // MINUTE * MINUTE)
    if due is not None:
        facts["{next_update}"] = written_in.minute(due, writing.zone)
    text = written_in.gettext(getattr(page.templates, phase.value))  # those of the configuration are not in catalogues
    for placeholder, fact in facts.items():
        text = text.replace(placeholder, fact)
    return text


def incident_json(incident: PublicIncident) -> dict[str, Any]:
    """Return the object of the API and of `ninewatch status-page list --json`, with authors and the internal link."""
    first_word = incident.time_to_first_update
    return {
        "id": incident.id or incident.fact().id,
        "page": incident.page,
        "title": incident.title,
        "components": list(incident.components),
        "impact": incident.impact.value,
        "phase": incident.last.phase.value,
        "product_incident": incident.product_incident or None,
        "detected": _maybe_instant(incident.detected),
        "opened": format_instant(incident.opened),
        "resolved": _maybe_instant(incident.resolved),
        "next_update_due": _maybe_instant(incident.next_due),
        "time_to_first_word_seconds": None if first_word is None else first_word / SECOND,
        "updates": [
            {
                "made": format_instant(update.made),
                "author": update.author,
                "phase": update.phase.value,
                "text": update.text,
                "next_update_due": _maybe_instant(update.next_due),
            }
            for update in incident.updates
        ],
    }


def _maybe_instant(at: int | None) -> str | None:
    return None if at is None else format_instant(at)


def _title(value: Any) -> str:
    title = value.strip() if isinstance(value, str) else ""
    if not title or len(title) > MAX_TITLE or not title.isprintable():
        raise InvalidUpdateError(
            f"title is not a text on one line of 1 to {MAX_TITLE} characters", "describe what users see"
        )
    return title


def _text(value: Any, due: str) -> str:
    """Return the text with the time of the next update, if it is stated, in place of its placeholder."""
    text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
    text = text.replace("{next_update}", due) if due else text
    lines = text.split("\n")
    if not text or len(text) > MAX_TEXT or not all(line.isprintable() for line in lines):
        remedy = "use plain text; an empty line starts a new paragraph"
        raise InvalidUpdateError(f"text is not plain text of 1 to {MAX_TEXT} characters", remedy)
    if missing := [placeholder for placeholder in PLACEHOLDERS if placeholder in text]:
        raise InvalidUpdateError(f"text contains the placeholder {missing[0]}", "replace it with the fact")
    return text


def _one_of(kind: type[Any], value: Any, name: str) -> Any:
    allowed = [member.value for member in kind]
    if value not in allowed:
        raise InvalidUpdateError(f"{name} is missing or unknown", f"use one of {', '.join(allowed)}")
    return kind(value)
