"""Transactions over HTTP: records that are created, completed, read back and removed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from monitor.config.continuity_kinds import ID
from monitor.config.json_path import JsonPath
from monitor.config.placeholders import RUN_ID
from monitor.continuity.driver import CapturedValues, Description, ReadResult
from monitor.continuity.http_steps import HttpTarget, capture_values, check_no_page, values_at
from monitor.http.json_body import document
from monitor.log import TemporarySecret
from sla.continuity import BEGIN, FINISH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.continuity.http_steps import HttpStep
    from monitor.network.attempt import Attempt
    from sla.intent import Run

MAX_RECORDS: Final = 100  # records to read and remove per transaction


@dataclass(frozen=True, slots=True)
class HttpDriver:
    """Sends the requests of one transaction. `find_ids` is the JSON path of the ids in the response to `find`.

    A record is finished if it has all values of `finished`. The response to `reading` must have all values that
    `reading` captures, so that a maintenance page is not mistaken for a record. If `finish` captures an id, it creates
    a separate record.
    """

    target: HttpTarget
    steps: Mapping[str, HttpStep]
    reading: HttpStep
    cleaning: HttpStep
    find: HttpStep | None = None
    find_ids: str = ""
    finished: Mapping[str, Any] = field(default_factory=dict)

    @property
    def finishes(self) -> bool:
        """Whether there is a request that finishes a transaction."""
        return FINISH in self.steps

    @property
    def finds(self) -> bool:
        """Whether records can be looked up by run id: by `find`, or because no request needs a captured value."""
        needed = (self.reading.names | self.cleaning.names) - {RUN_ID, *self.target.secrets}
        return not needed or (self.find is not None and needed == {ID})

    @property
    def _uses_id(self) -> bool:
        return ID in self.cleaning.names

    def describe(self, step: str, run: str, values: Mapping[str, str]) -> Description:
        """Return the request of a write for the intent log."""
        http_step = self.steps[step]
        return Description(self.target.public(http_step, {RUN_ID: run, **values}), self.target.references(http_step))

    async def write(
        self, attempt: Attempt, step: str, run: Run, secrets: Mapping[str, TemporarySecret]
    ) -> CapturedValues:
        """Send a write and return the captured values of the response."""
        http_step = self.steps[step]
        response = await self.target.send(attempt, _strict(http_step), self._values(run), secrets)
        values = capture_values(response, http_step.capture, run.id)
        secret_values = capture_values(response, http_step.capture_secrets, run.id)
        return CapturedValues(values, _temporary_secrets(secret_values))

    async def read(self, attempt: Attempt, run: Run, secrets: Mapping[str, TemporarySecret]) -> ReadResult:
        """Return the number of records and the number of finished records."""
        counts: Counter[str] = Counter({BEGIN: 0, FINISH: 0})
        secret_values: dict[str, str] = {}
        for values in await self._records(attempt, run, secrets):
            response = await self.target.send(attempt, self.reading, values, secrets)
            if not self.reading.accepts(response.status):
                continue
            capture_values(response, self.reading.capture, run.id)
            secret_values |= capture_values(response, self.reading.capture_secrets, run.id)
            is_finished = self._is_finished(document(response) if self.finished else None)
            counts.update([FINISH if is_finished and self._finish_creates_record else BEGIN])
            if is_finished and not self._finish_creates_record:
                counts.update([FINISH])
        return ReadResult(counts, _temporary_secrets(secret_values))

    @property
    def _finish_creates_record(self) -> bool:
        return self.finishes and ID in self.steps[FINISH].capture

    def _is_finished(self, parsed: Any) -> bool:
        return self.finishes and all(JsonPath(p).values(parsed) == [value] for p, value in self.finished.items())

    async def clean(self, attempt: Attempt, run: Run, secrets: Mapping[str, TemporarySecret]) -> None:
        """Remove all records of the run."""
        for values in await self._records(attempt, run, secrets):
            response = await self.target.send(attempt, self.cleaning, values, secrets)
            if self.cleaning.accepts(response.status):
                check_no_page(response)

    async def _records(
        self, attempt: Attempt, run: Run, secrets: Mapping[str, TemporarySecret]
    ) -> Sequence[Mapping[str, str]]:
        """Return the values of each record of the run, known by a captured id or looked up by run id."""
        values = self._values(run)
        if not self._uses_id:
            return [values]
        ids = dict.fromkeys(run.captures(ID))
        if self.find is not None:
            response = await self.target.send(attempt, _strict(self.find), values, secrets)
            ids |= dict.fromkeys(values_at(document(response), self.find_ids, run.id))
        return [{**values, ID: identifier} for identifier in list(ids)[:MAX_RECORDS]]

    def _values(self, run: Run) -> dict[str, str]:
        first = run.captures(ID)[:1]
        return {RUN_ID: run.id, **run.captured, **({ID: first[0]} if first else {})}


def _temporary_secrets(secret_values: Mapping[str, str]) -> dict[str, TemporarySecret]:
    return {name: TemporarySecret(value) for name, value in secret_values.items()}


def _strict(step: HttpStep) -> HttpStep:
    """Return the step for a request whose record must exist: a status of `none` is then a refusal."""
    return replace(step, none=frozenset())
