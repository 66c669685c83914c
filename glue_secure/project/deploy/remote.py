"""A run of a deployed job, followed from here: its state, its logs, and at the end its evidence.

Whoever follows only looks: a run goes on when nobody does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from glue_secure.aws.deployment import DeploymentAccount
from glue_secure.aws.job_runs import RunState
from glue_secure.aws.logs import LogEvent
from glue_secure.core.arguments import EVIDENCE_URI, JobArguments, without_dashes
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.policy import check_arguments, check_attachment
from glue_secure.core.ports import ObjectStore
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.project.deploy.checks import log_groups
from glue_secure.project.deploy.plan import unanswered

_BUSY = re.compile(
    r"Throttl|TooManyRequests|LimitExceeded|SlowDown|ServiceUnavailable|Internal|OperationTimeout"
)
_PATIENCE = 10  # answers in a row that say "later", each waited for longer than the one before
_LONGEST = 60.0
_LATE = 60_000  # CloudWatch Logs may show an event this many milliseconds after a later one
_EVIDENCE = re.compile(r"evidence(?:-(\d+))?\.json\Z")
# Glue's own, which nobody passes.
_OWN = ("JOB_NAME", "JOB_RUN_ID", "SECURITY_CONFIGURATION")


class Runs(Protocol):
    """What starts and tells runs."""

    def start(self, job: str, arguments: Mapping[str, str]) -> str:
        """The id of a new run."""

    def state(self, job: str, run: str) -> RunState:
        """A run's state."""


class Logs(Protocol):
    """What tells a log's events."""

    def events(self, group: str, stream_prefix: str, since: int) -> Iterator[LogEvent]:
        """Events from a time on."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A run that can be followed.

    Attributes:
        job: the job's name.
        run: the run's id.
        groups: names of the log groups that it writes to.
        evidence: where it leaves its evidence; None where the job is told no place.
    """

    job: str
    run: str
    groups: tuple[str, ...]
    evidence: S3Uri | None


@dataclass(frozen=True, slots=True)
class Left:
    """The evidence that a run left.

    Attributes:
        uri: where.
        document: what it says.
        encryption: the object's own, ``aws:kms arn:...``.
    """

    uri: S3Uri
    document: Mapping[str, Any]
    encryption: str


def begin(
    job: str, given: Mapping[str, str], *, account: DeploymentAccount, runs: Runs, run: str | None = None
) -> Remote:
    """Start a run of a deployed job, or find the one that goes by ``run``.

    Args:
        job: the job's name.
        given: arguments of this run, without ``--``.
        account: where the job is deployed.
        runs: starts it.
        run: id of a run that was started before; then nothing is started.

    Raises:
        UsageError: there is no such job or run, or an argument that Glue would not let a run say.
        RefusedError: the job has no security configuration (GS-SEC-001), or is asked to weaken it (GS-SEC-009).
        VerificationError: AWS denies, or does not answer.
    """
    try:
        definition = account.job(job)
        if definition is None:
            raise UsageError("JOB", found=f"{job!r}, which does not exist", required="a deployed job")
        pinned = without_dashes(definition.get("NonOverridableArguments"))
        refused = sorted({*given} & {*pinned, *_OWN})
        if refused:
            raise UsageError(
                f"--{refused[0]}",
                found="given to a run",
                required="what the job pins, or Glue itself sets",
                fix="leave it out, or change the project and deploy it",
            )
        arguments = JobArguments({**without_dashes(definition.get("DefaultArguments")), **given, **pinned})
        identity = arguments.identity(job=job, fresh_run_id=run or "new")
        attached = str(definition.get("SecurityConfiguration") or "")
        if run is None:
            enforce(check_attachment(identity, attached))
            enforce(check_arguments(identity, arguments))
            run = runs.start(job, {f"--{name}": value for name, value in given.items()})
        else:
            runs.state(job, run)
    except NotFound as error:
        raise UsageError(
            "RUN", found=f"{run!r}, which does not exist", required=f"a run of {job!r}"
        ) from error
    except ServiceError as error:
        raise unanswered(error) from error
    groups = log_groups(definition, arguments, attached)
    return Remote(job, str(RunId(run)), groups, arguments.location(EVIDENCE_URI))


def follow(
    remote: Remote,
    *,
    runs: Runs,
    logs: Logs,
    sleep: Callable[[float], None],
    interval: float = 5.0,
    on_state: Callable[[RunState], None] = lambda _: None,
    on_line: Callable[[str], None] = lambda _: None,
) -> RunState:
    """Look until the run has ended.

    Args:
        remote: the run.
        runs: asked for its state.
        logs: asked for its log's events.
        sleep: waits; seconds.
        interval: seconds between two looks; longer while AWS says that it is asked too often.
        on_state: is told each state.
        on_line: is told each line of the log, redacted, and what is the matter with a log.

    Raises:
        VerificationError: AWS denies, or is busy for too long. The run goes on.
    """
    tail = _Tail(remote, logs, on_line)
    pause, busy = interval, 0
    while True:
        try:
            state = runs.state(remote.job, remote.run)
        except ServiceError as error:
            busy += 1
            if not _passes(error) or busy > _PATIENCE:
                raise unanswered(error) from error
            pause = min(pause * 2, _LONGEST)
            sleep(pause)
            continue
        pause, busy = interval, 0
        on_state(state)
        tail.read()
        if state.ended:
            return state
        sleep(pause)


def _passes(error: ServiceError) -> bool:
    """Whether the same question may be answered later: asked too often, or no answer at all."""
    return not error.code or _BUSY.search(error.code) is not None


@dataclass(slots=True)
class _Tail:
    """The end of a run's logs; each event is told once, however late it shows."""

    remote: Remote
    logs: Logs
    on_line: Callable[[str], None]
    since: dict[str, int] = field(default_factory=dict)
    told: dict[str, dict[str, int]] = field(default_factory=dict)
    shut: set[str] = field(default_factory=set)

    def read(self) -> None:
        for group in self.remote.groups:
            if group in self.shut:
                continue
            try:
                self._read(group)
            except NotFound:
                continue  # the run's first line makes it
            except ServiceError as error:
                if not _passes(error):
                    self.shut.add(group)
                    self.on_line(f"{group} is not followed: {error}")

    def _read(self, group: str) -> None:
        told = self.told.setdefault(group, {})
        for event in self.logs.events(group, self.remote.run, self.since.get(group, 0)):
            if event.id in told or event.stream.endswith("-progress-bar"):
                continue
            told[event.id] = event.timestamp
            for line in event.message.splitlines():
                self.on_line(redact_text(line))
        since = max(max(told.values(), default=0) - _LATE, self.since.get(group, 0))
        self.since[group] = since
        self.told[group] = {name: when for name, when in told.items() if when >= since}


def evidence(remote: Remote, objects: ObjectStore) -> Left | None:
    """What the run left, of its last attempt; None when it left nothing.

    Raises:
        VerificationError: it cannot be read, or says that it is another run's (GS-EVD-001).
    """
    if remote.evidence is None:
        return None
    folder = remote.evidence.child(f"job={remote.job}/run={remote.run}")
    try:
        found = {
            int(match[1] or 1): one.uri
            for one in objects.list(folder)
            if (match := _EVIDENCE.search(one.uri.key))
        }
        if not found:
            return None
        uri = found[max(found)]
        document = json.loads(objects.read(uri).body)
        seen = objects.encryption(uri)
        if (document["job"], document["run_id"]) != (remote.job, remote.run):
            raise _unreadable(str(uri), f"evidence of {document['job']} {document['run_id']}")
    except ServiceError as error:
        raise _unreadable(str(folder), str(error), error.code) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(str(folder), f"no evidence of a run ({type(error).__name__})") from error
    return Left(uri, document, f"{seen.algorithm or 'no encryption named'} {seen.key}".strip())


def exit_code(state: RunState, left: Left | None, remote: Remote) -> int:
    """0 for a run that went well and shows it; 3 and 4 for one that a control stopped; else 1.

    Raises:
        VerificationError: the run went well, as Glue has it, and left no evidence of it (GS-EVD-001).
    """
    outcome = str(left.document.get("outcome", "")) if left else ""
    if left and outcome == "refused":
        return 4 if (left.document.get("error") or {}).get("type") == VerificationError.__name__ else 3
    if state.state != "SUCCEEDED":
        return 1
    if left is None:
        raise _unreadable(str(remote.evidence or remote.job), "none, though the run succeeded")
    return 0 if outcome == "succeeded" else 1


def _unreadable(resource: str, found: str, code: str | None = None) -> VerificationError:
    return VerificationError(
        "GS-EVD-001",
        resource=resource,
        found=found,
        required="the evidence of the run",
        fix="see whether the script uses glue_secure, and whether you may read the evidence",
        aws_code=code,
    )
