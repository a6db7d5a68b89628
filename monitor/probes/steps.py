"""The `steps` kind: several probes in order, with values of responses carried from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from monitor.config.model import CheckBase, Flag, Id, Model, Secret
from monitor.config.steps import CaptureField, Name, OriginField, Retry
from monitor.config.totp import TotpField
from monitor.probes.base import Kind
from monitor.probes.journey.definition import StepDefinition, define
from monitor.protocols.program import ProgramCheck

if TYPE_CHECKING:
    from monitor.network.attempt import Probe


class Find(Model):
    """The request that finds the data of a run by `{{run_id}}`: keys of an http step, and one captured value."""

    model_config = ConfigDict(extra="allow")

    capture: dict[Name, CaptureField] = Field(min_length=1, max_length=1)
    """The value to find, by name: `{id: "$[?@.note == '{{run_id}}'].id"}`. The step runs for each value found."""

    _definition: StepDefinition = PrivateAttr()

    @property
    def definition(self) -> StepDefinition:
        """The validated request, with its placeholders."""
        return self._definition

    @model_validator(mode="after")
    def _set_definition(self, info: ValidationInfo) -> Self:
        self._definition = define("find", self.model_extra or {}, {}, self.capture, (False, False), info)
        return self


class Step(Model):
    """One step of a journey: the keys of one probe kind without its schedule, and these keys."""

    model_config = ConfigDict(extra="allow")

    id: Id
    """Identifies the step within its journey."""

    always: Flag = False
    """`true`: the step runs last, even after a failure, if its values are known. Use it for clean-up."""

    counts: Flag = True
    """`false`: a failure of this step does not make the check bad."""

    capture: dict[Name, CaptureField] = Field(default_factory=dict)
    """Values of the response, by name: `{id: "$.id"}`. Later steps use `{{id}}`."""

    find: Find | None = None
    """Finds the data that an interrupted run wrote, if a value that this clean-up needs is unknown."""

    retry: Retry | None = None
    """Repeat the step until it is good."""

    form: dict[str, str] | None = None
    """Fields of the body, sent as a form."""

    json_body: Any = None
    """The body, sent as JSON."""

    unknown: Any = None
    """Responses without information about the target, as in `unknown` of `expect`."""

    _definition: StepDefinition = PrivateAttr()

    @property
    def definition(self) -> StepDefinition:
        """The validated probe of the step, with its placeholders."""
        return self._definition

    @model_validator(mode="after")
    def _has_one_kind(self, info: ValidationInfo) -> Self:
        bodies = self.model_fields_set & {"form", "json_body", "unknown"}
        own: dict[str, Any] = {name: getattr(self, name) for name in bodies}
        retry = self.retry is not None, bool(self.retry and self.retry.while_)
        self._definition = define(self.id, self.model_extra or {}, own, self.capture, retry, info)
        return self


class StepsCheck(CheckBase):
    """A journey: several requests in order, which can use values of earlier responses. Good if all steps are good.

    Any kind of probe can be a step. `{{name}}` in a step is replaced by a captured value, `{{run_id}}` by the id of the
    run. The reason of a failure is `step: reason`.
    """

    kind: ClassVar[str] = "steps"
    allowed: ClassVar[bool] = True

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]
    """The steps, in order."""

    secrets: dict[Name, Secret] = Field(default_factory=dict)
    """Secrets for headers, cookies and bodies, by name: `{key: {env: NAME}}` replaces `{{key}}`."""

    totp: dict[Name, TotpField] = Field(default_factory=dict)
    """One-time codes (TOTP) by name, from a setup key in base32: `{code: {file: PATH}}` replaces `{{code}}`."""

    secrets_to: tuple[OriginField, ...] = ()
    """Origins that may receive secrets. Default: the origins in the URLs of the steps."""

    traceparent: Flag = False
    """`true`: send a `traceparent` header (W3C Trace Context), and report the trace id of a failure."""

    @property
    def tightens(self) -> bool:
        """Whether all steps only read."""
        return all(step.definition.reads for step in self.steps)

    @property
    def target(self) -> str:
        """The target of the first step, for display."""
        return self.steps[0].definition.target

    @model_validator(mode="after")
    def _names_and_secrets_are_known(self) -> Self:
        from monitor.probes.journey.names import first_problem

        problem = first_problem(self)
        if problem is not None:
            raise problem
        return self

    @model_validator(mode="after")
    def _programs_are_allowed(self) -> Self:
        if not self.allowed:
            for number, step in enumerate(self.steps):
                check = step.definition.check
                if isinstance(check, ProgramCheck):
                    from monitor.probes.journey.problems import step_problem

                    detail = f"{check.runs} are not allowed; start the daemon with --allow-exec"
                    raise step_problem(number, check.kind, detail)
        return self


class DisabledStepsCheck(StepsCheck):
    """A journey without `--allow-exec`, in which steps that run programs fail validation."""

    allowed: ClassVar[bool] = False


def prepare(check: StepsCheck) -> Probe:
    """Return the probe that runs the steps."""
    from monitor.probes.journey.journey import Journey

    return Journey(check)


KIND = Kind(
    "steps",
    StepsCheck,
    prepare,
    example="""\
id: submit-a-form
interval: 30m
timeout: 30s
steps:
  - id: submit
    method: POST
    http: https://forms.example.org/submissions
    json_body: {probe: "{{run_id}}"}
    capture: {id: "$.id"}
  - {id: read, http: "https://forms.example.org/submissions/{{id}}", retry: {every: 1s, for: 10s}}
  - {id: clean-up, always: true, counts: false, method: DELETE, http: "https://forms.example.org/submissions/{{id}}"}
""",
    reasons={
        "capture_missing": "a value to capture is not in the response",
        "code_used": "unknown: the one-time code was used, and the next one is available after the deadline",
        "intent_unwritten": "unknown: the disk failed, so the write was not recorded and not sent",
        "not_run": "unknown: the step did not run, because a value of an earlier step is not known",
        "secret_withheld": "the step would send a secret to an origin that is not in `secrets_to`, so it was not sent",
        "value_unusable": "a captured value cannot be used in the step, for example as a URL",
    },
)
