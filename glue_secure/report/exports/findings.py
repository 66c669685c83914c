"""The results of runs as the exports need them: with ids that stay, times, severity and remediation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from glue_secure.report.document import parse_time, text
from glue_secure.report.results import Result, identity, results
from glue_secure.report.stored import StoredRun


@dataclass(frozen=True, slots=True)
class RunFinding:
    """A result in a run.

    Attributes:
        uid: id of the result; the same in every run of the job.
        run: the run.
        result: the result.
        started: start of the run, UTC.
        finished: end of the run, UTC.
    """

    uid: str
    run: StoredRun
    result: Result
    started: datetime
    finished: datetime

    @property
    def event_uid(self) -> str:
        """Id of the result in this run alone."""
        return hashlib.sha256(f"{self.uid}\0{self.fact('run_id')}\0{self.run.name}".encode()).hexdigest()[:32]

    def fact(self, name: str) -> str:
        """Return a property of the evidence as text."""
        return text(self.run.document.get(name))

    @property
    def title(self) -> str:
        """The control's id and requirement."""
        return f"{self.result.control}: {self.result.known.title}"

    @property
    def description(self) -> str:
        """What was found about the resource, and why it matters."""
        required = f" Required: {self.result.required}." if self.result.required else ""
        why = "" if self.result.passed else f" {self.result.known.why}"
        return f"{self.result.resource}: {self.result.found or 'no detail'}.{required}{why}".strip()

    @property
    def remediation(self) -> str:
        """The fix, or the command that explains the control."""
        return self.result.fix or f"glue-secure controls show {self.result.control}"


def findings(runs: Iterable[StoredRun]) -> Iterator[RunFinding]:
    """Yield the results of every run that has evidence, in the order of the runs."""
    for run in runs:
        if not run.document:
            continue
        started, finished = (times(run, name) for name in ("started", "finished"))
        for result in results(run.document):
            yield RunFinding(identity(run.document, result), run, result, started, finished)


def newest(found: Iterable[RunFinding]) -> list[RunFinding]:
    """Return the newest finding of each id, the newest first."""
    by_uid: dict[str, RunFinding] = {}
    for one in found:
        before = by_uid.get(one.uid)
        if before is None or one.finished > before.finished:
            by_uid[one.uid] = one
    return sorted(by_uid.values(), key=lambda one: one.finished, reverse=True)


def times(run: StoredRun, name: str) -> datetime:
    """Return a time of the evidence, UTC; the time when it was stored if it has none."""
    return parse_time(run.document.get(name)) or run.stored


def shortened(value: str, most: int) -> str:
    """Return a text of at most ``most`` characters."""
    return value if len(value) <= most else f"{value[: most - 3]}..."
