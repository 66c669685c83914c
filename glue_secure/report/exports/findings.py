"""The results of runs and audits as the exports need them: with ids that stay, times and remediation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from glue_secure.report.document import parse_time, text
from glue_secure.report.results import Result, identity, results
from glue_secure.report.stored import StoredRun


@dataclass(frozen=True, slots=True)
class ExportedFinding:
    """A result of a run or of an audit.

    Attributes:
        uid: id of the result; the same in every run of the job, and in every audit of the account.
        event_uid: id of the result in this run or audit alone.
        result: the result.
        started: start of the run or audit, UTC.
        finished: its end, UTC.
        account: the AWS account, ``""`` if the evidence does not name one.
        region: the AWS Region, ``""`` if the evidence does not name one.
        job: the job; several jobs are separated by commas.
        run: id of the run, ``""`` for an audit.
        location: of the evidence, ``""`` if it has none.
        sha256: of the evidence, ``""`` if it has none.
        artifact: relative URI for tools that show results at files.
        accepted_by: the kind of file that the result's exception is in.
        account_kind: ``aws``, ``embedded`` or ``custom-endpoint``; ``""`` for an audit.
    """

    uid: str
    event_uid: str
    result: Result
    started: datetime
    finished: datetime
    account: str
    region: str
    job: str
    run: str = ""
    location: str = ""
    sha256: str = ""
    artifact: str = ""
    accepted_by: str = "policy file"
    account_kind: str = ""

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


def findings(runs: Iterable[StoredRun]) -> Iterator[ExportedFinding]:
    """Yield the results of every run that has evidence, in the order of the runs."""
    for run in runs:
        document = run.document
        if not document:
            continue
        started, finished = (times(run, name) for name in ("started", "finished"))
        account, region, job, run_id = (
            text(document.get(name)) for name in ("account_id", "region", "job", "run_id")
        )
        for result in results(document):
            uid = identity(document, result)
            yield ExportedFinding(
                uid=uid,
                event_uid=hashlib.sha256(f"{uid}\0{run_id}\0{run.name}".encode()).hexdigest()[:32],
                result=result,
                started=started,
                finished=finished,
                account=account,
                region=region,
                job=job,
                run=run_id,
                location=run.location,
                sha256=run.sha256,
                artifact=f"job={job}/evidence.json",
                account_kind=text(document.get("account")),
            )


def newest(found: Iterable[ExportedFinding]) -> list[ExportedFinding]:
    """Return the newest finding of each id, the newest first."""
    by_uid: dict[str, ExportedFinding] = {}
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
