"""Validate the names of a journey: they are known where they are used, and secrets are sent only to known origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.placeholders import RUN_ID, names_in
from monitor.config.steps import origin_of
from monitor.http.check import HttpCheck
from monitor.probes.journey.definition import LOCAL_KINDS, SECRET_KEYS
from monitor.probes.journey.problems import check_problem, step_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError

    from monitor.config.steps import Origin
    from monitor.probes.journey.definition import StepDefinition
    from monitor.probes.steps import Step, StepsCheck


def in_order(check: StepsCheck) -> list[tuple[int, Step]]:
    """Return the steps with their positions, in the order in which they run: those with `always` last."""
    numbered = list(enumerate(check.steps))
    return [pair for pair in numbered if not pair[1].always] + [pair for pair in numbered if pair[1].always]


def secret_names(check: StepsCheck) -> set[str]:
    """Return the names of secrets: configured ones, and captured values that are secret or used as credentials."""
    captured = {name: capture for step in check.steps for name, capture in step.capture.items()}
    used = {name for step in check.steps for name in step.definition.credential_names}
    secret_captures = {name for name, capture in captured.items() if capture.is_secret(name) or name in used}
    return {*check.secrets, *check.totp, *secret_captures}


def allowed_origins(check: StepsCheck) -> set[Origin]:
    """Return the origins that may receive secrets."""
    urls = check.secrets_to or [url for step in check.steps if (url := step.definition.literal_url) is not None]
    return {origin_of(url) for url in urls}


def first_problem(check: StepsCheck) -> ValidationError | None:
    """Return the first error in the names and secrets of the steps, None if all are valid."""
    return next(_problems(check), None)


def _problems(check: StepsCheck) -> Iterator[ValidationError]:
    secrets, known, seen = secret_names(check), {RUN_ID, *check.secrets, *check.totp}, set[str]()
    if duplicate := min(set(check.secrets) & set(check.totp), default=None):
        yield check_problem(f"{duplicate} is also a name in secrets; use another name", "totp")
    for number, step in in_order(check):
        if step.id in seen:
            yield step_problem(number, "id", f'two steps have the id "{step.id}"; change one of the ids')
        seen.add(step.id)
        for key, names in step.definition.names_by_key():
            if unknown := min(names - known, default=None):
                detail = f"{{{{{unknown}}}}} is unknown here; capture it in an earlier step, or add it to secrets"
                yield step_problem(number, key, detail)
        yield from _secret_problems(number, step.definition, secrets, check)
        if step.find is not None:
            yield from _find_problems(number, step, known, secrets, check)
        if conflicting := min(set(step.capture) & {*check.secrets, *check.totp}, default=None):
            block = "secrets" if conflicting in check.secrets else "totp"
            yield step_problem(number, "capture", f"{conflicting} is also a name in {block}; use another name")
        yield from _code_problems(number, step, set(check.totp))
        known |= set(step.capture)


def _code_problems(number: int, step: Step, codes: set[str]) -> Iterator[ValidationError]:
    """Yield the errors of a step that would send a one-time code twice."""
    check = step.definition.check
    if isinstance(check, HttpCheck) and check.redirects and step.definition.names & codes:
        yield step_problem(number, "redirects", "would send the one-time code twice; make the next request a step")
    if step.find is not None and (code := min(step.find.definition.names & codes, default=None)):
        yield step_problem(number, "find", f"{{{{{code}}}}} is a one-time code, which is for steps only; use a token")


def _find_problems(
    number: int, step: Step, known: set[str], secrets: set[str], check: StepsCheck
) -> Iterator[ValidationError]:
    assert step.find is not None  # noqa: S101 - for mypy
    definition, (name, *_) = step.find.definition, step.find.capture
    if not step.always or not isinstance(definition.check, HttpCheck):
        yield step_problem(number, "find", "must be an http request, in a step with always: true")
    elif name not in step.definition.names or name in secrets:
        yield step_problem(number, "find", f"finds {name}, which the step does not use; find a value that it uses")
    elif unknown := min(definition.names - known, default=None):
        yield step_problem(number, "find", f"{{{{{unknown}}}}} is unknown here; use run_id, or add it to secrets")
    else:
        yield from _secret_problems(number, definition, secrets, check)


def _may_have_secrets(key: str, definition: StepDefinition) -> bool:
    """Return whether a value of the key may be a secret."""
    if isinstance(definition.check, HttpCheck):
        return key in SECRET_KEYS
    return key != definition.check.kind or key in LOCAL_KINDS


def _secret_problems(
    number: int, definition: StepDefinition, secrets: set[str], check: StepsCheck
) -> Iterator[ValidationError]:
    kind, is_http = definition.check.kind, isinstance(definition.check, HttpCheck)
    for key, names in definition.names_by_key():
        misplaced = None if _may_have_secrets(key, definition) else min(names & secrets, default=None)
        if misplaced:
            detail = f"{{{{{misplaced}}}}} is a secret, which is allowed in headers, cookies and bodies only"
            yield step_problem(number, key, detail)
    if "keep" in definition.keys and (traced := min(names_in(definition.keys.get("env")) & secrets, default=None)):
        yield step_problem(number, "keep", f"{{{{{traced}}}}} would be in the trace of a failure; remove keep")
    if not definition.carries(secrets):
        return
    url = definition.literal_url
    if is_http and url is not None and origin_of(url) not in allowed_origins(check):
        yield step_problem(number, kind, "the step sends a secret to an origin that is not in secrets_to; add it there")
    if is_http and url is None and not check.secrets_to:
        detail = "the step sends a secret to an address from a response; add secrets_to to the check"
        yield step_problem(number, kind, detail)
    if not is_http and "{{" in definition.address:
        yield step_problem(number, kind, "the step sends a secret, so its address must not have a placeholder")
