"""A run of a deployed job, followed from the command line: its state, its log and its evidence.

Following a run only reads: the run continues when the command ends.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from glue_secure.aws.deployment import DeploymentAccount
from glue_secure.aws.job_runs import RunState
from glue_secure.aws.logs import LogEvent
from glue_secure.core.arguments import EVIDENCE_URI, JobArguments, without_dashes
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.findings import enforce, passed, unknown
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.json_documents import parse_json
from glue_secure.core.policy import check_arguments, check_attachment
from glue_secure.core.ports import ObjectStore
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.project.deploy.checks import log_groups_of
from glue_secure.project.deploy.plan import aws_unavailable

_BUSY = re.compile(
    r"Throttl|TooManyRequests|LimitExceeded|SlowDown|ServiceUnavailable|Internal|OperationTimeout"
)
_RETRIES = 10  # consecutive failures that may be retried, with growing pauses
_LONGEST_PAUSE = 60.0  # seconds
SESSION_POLICY = 2048
"""Most characters of ``ExecutionRoleSessionPolicy``.

https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html
"""
_LATE = 60_000  # milliseconds by which CloudWatch Logs may deliver an event after a newer one
_EVIDENCE = re.compile(r"evidence(?:-(\d+))?\.json\Z")
# Arguments that Glue itself sets.
_RESERVED = ("JOB_NAME", "JOB_RUN_ID", "SECURITY_CONFIGURATION")


class Runs(Protocol):
    """Starts runs and reads their state."""

    def start(self, job: str, arguments: Mapping[str, str], session_policy: str = "") -> str:
        """Start a run and return its id."""

    def state(self, job: str, run: str) -> RunState:
        """Return the state of a run."""

    def stop(self, job: str, run: str) -> None:
        """Stop a run."""


class Logs(Protocol):
    """Reads log events."""

    def events(self, group: str, stream_prefix: str, since: int) -> Iterator[LogEvent]:
        """Yield the events since a time in milliseconds of the epoch."""


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run that can be followed.

    Attributes:
        job: Name of the job.
        run: Id of the run.
        groups: Names of the log groups that the run writes to.
        evidence: Location of its evidence; None if the job has no such argument.
    """

    job: str
    run: str
    groups: tuple[str, ...]
    evidence: S3Uri | None


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """The evidence of a run.

    Attributes:
        uri: Location of the object.
        document: The evidence.
        encryption: Algorithm and key of the object, for example ``aws:kms arn:...``.
    """

    uri: S3Uri
    document: Mapping[str, Any]
    encryption: str


def begin(
    job: str,
    arguments: Mapping[str, str],
    *,
    account: DeploymentAccount,
    runs: Runs,
    run: str | None = None,
    policy: str = "",
) -> RemoteRun:
    """Start a run of a deployed job, or find an earlier run by its id.

    Args:
        job: Name of the job.
        arguments: Arguments of the new run, without ``--``.
        account: The account in which the job is deployed.
        runs: Starts the run.
        run: Id of an earlier run; no run is started then.
        policy: Session policy of the new run, of :func:`session_policy`; "" for none. A run that does not
            have it according to AWS Glue is stopped.

    Raises:
        UsageError: The job or the run does not exist, or the job fixes one of the arguments.
        RefusedError: The job has no security configuration (GS-SEC-001), or an argument asks for weaker
            encryption (GS-SEC-009).
        VerificationError: AWS does not answer or denies access, or AWS Glue does not report the session
            policy of the run (GS-DEP-007).
    """
    try:
        definition = account.job(job)
        if definition is None:
            raise UsageError("JOB", found=f"{job!r}, which does not exist", required="a deployed job")
        fixed = without_dashes(definition.get("NonOverridableArguments"))
        rejected = sorted({*arguments} & {*fixed, *_RESERVED})
        if rejected:
            raise UsageError(
                f"--{rejected[0]}",
                found="an argument that the job fixes or that Glue sets",
                required="arguments that may differ between runs",
                fix="omit it, or change the project file and deploy it",
            )
        combined = JobArguments({**without_dashes(definition.get("DefaultArguments")), **arguments, **fixed})
        identity = combined.identity(job=job, fresh_run_id=run or "new")
        attached = str(definition.get("SecurityConfiguration") or "")
        if run is None:
            enforce(check_attachment(identity, attached))
            enforce(check_arguments(identity, combined))
            run = runs.start(job, {f"--{name}": value for name, value in arguments.items()}, policy)
            if policy:
                _require_session_policy(job, run, policy, runs)
        else:
            runs.state(job, run)
    except NotFound as error:
        raise UsageError(
            "RUN", found=f"{run!r}, which does not exist", required=f"a run of {job!r}"
        ) from error
    except ServiceError as error:
        raise aws_unavailable(error) from error
    groups = log_groups_of(definition, combined, attached)
    return RemoteRun(job, str(RunId(run)), groups, combined.location(EVIDENCE_URI))


def session_policy(text: str, name: str) -> str:
    """Return a session policy as StartJobRun accepts it: JSON without white space.

    Args:
        text: The policy.
        name: Of the policy, for errors.

    Raises:
        UsageError: The text is no policy, or longer than AWS Glue accepts.
    """
    try:
        document = parse_json(text)
    except ValueError as error:
        raise UsageError(name, found=f"no JSON: {error}", required="a policy in JSON") from None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise UsageError(name, found="JSON without Statement", required="a policy, as policy run prints it")
    compact = json.dumps(document, separators=(",", ":"))
    if len(compact) > SESSION_POLICY:
        raise UsageError(
            name,
            found=f"{len(compact)} characters without white space",
            required=f"{SESSION_POLICY} characters at most, a limit of StartJobRun",
            fix="name fewer locations, or a common prefix of them",
        )
    return compact


def _require_session_policy(job: str, run: str, policy: str, runs: Runs) -> None:
    """Stop the run and raise an error unless AWS Glue reports its session policy (GS-DEP-007).

    An interruption, for example Ctrl-C, stops the run too.
    """
    resource, code = f"run {run} of {job}", None
    try:
        found = _difference(runs.state(job, run).session_policy, policy)
        if not found:
            enforce([passed("GS-DEP-007", resource, "ExecutionRoleSessionPolicy of the request")])
            return
    except ServiceError as error:
        found, code = str(error), error.code
    except BaseException as error:
        found = f"{type(error).__name__} before GetJobRun reported the ExecutionRoleSessionPolicy"
    fix = "check that AWS Glue in this region supports session policies; the embedded account does not"
    try:
        runs.stop(job, run)
        outcome = "the run was stopped"
    except BaseException as error:
        reason = str(error) if isinstance(error, ServiceError) else type(error).__name__
        outcome = f"the run may be running, because it could not be stopped: {reason}"
        fix = f"aws glue batch-stop-job-run --job-name {shlex.quote(job)} --job-run-ids {run} - then {fix}"
    enforce(
        [
            unknown(
                "GS-DEP-007",
                resource,
                found=f"{found}; {outcome}",
                required="the session policy of the request",
                fix=fix,
                aws_code=code,
            )
        ]
    )


def _difference(reported: str, policy: str) -> str:
    """Return how a session policy in GetJobRun differs from that of the request, "" if it does not."""
    if not reported:
        return "no ExecutionRoleSessionPolicy in GetJobRun"
    try:
        same = parse_json(reported) == parse_json(policy)
    except ValueError:
        return "an ExecutionRoleSessionPolicy in GetJobRun that is not JSON"
    return "" if same else "another ExecutionRoleSessionPolicy in GetJobRun"


def follow(
    remote: RemoteRun,
    *,
    runs: Runs,
    logs: Logs,
    sleep: Callable[[float], None],
    interval: float = 5.0,
    on_state: Callable[[RunState], None] = lambda _: None,
    on_line: Callable[[str], None] = lambda _: None,
) -> RunState:
    """Poll a run until it has ended and return its last state.

    Args:
        remote: The run.
        runs: Reads its state.
        logs: Reads its log events.
        sleep: Waits for a number of seconds.
        interval: Seconds between two polls; longer while AWS throttles.
        on_state: Called with each state.
        on_line: Called with each line of the log, redacted, and with errors of a log group.

    Raises:
        VerificationError: AWS denies access or throttles for too long. The run continues.
    """
    tail = _LogTail(remote, logs, on_line)
    pause, failures = interval, 0
    while True:
        try:
            state = runs.state(remote.job, remote.run)
        except ServiceError as error:
            failures += 1
            if not _is_temporary(error) or failures > _RETRIES:
                raise aws_unavailable(error) from error
            pause = min(pause * 2, _LONGEST_PAUSE)
            sleep(pause)
            continue
        pause, failures = interval, 0
        on_state(state)
        tail.read()
        if state.ended:
            return state
        sleep(pause)


def _is_temporary(error: ServiceError) -> bool:
    """Return whether a retry may succeed: AWS throttled, or did not answer at all."""
    return not error.code or _BUSY.search(error.code) is not None


@dataclass(slots=True)
class _LogTail:
    """The new events of a run's logs. Each event is printed once, even if it arrives late."""

    remote: RemoteRun
    logs: Logs
    on_line: Callable[[str], None]
    since: dict[str, int] = field(default_factory=dict)
    printed: dict[str, dict[str, int]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)

    def read(self) -> None:
        for group in self.remote.groups:
            if group in self.unreadable:
                continue
            try:
                self._read(group)
            except NotFound:
                continue  # Glue creates the group with the run's first event
            except ServiceError as error:
                if not _is_temporary(error):
                    self.unreadable.add(group)
                    self.on_line(f"cannot follow {group}: {error}")

    def _read(self, group: str) -> None:
        printed = self.printed.setdefault(group, {})
        for event in self.logs.events(group, self.remote.run, self.since.get(group, 0)):
            if event.id in printed or event.stream.endswith("-progress-bar"):
                continue
            printed[event.id] = event.timestamp
            for line in event.message.splitlines():
                self.on_line(redact_text(line))
        since = max(max(printed.values(), default=0) - _LATE, self.since.get(group, 0))
        self.since[group] = since
        self.printed[group] = {name: timestamp for name, timestamp in printed.items() if timestamp >= since}


def evidence(remote: RemoteRun, objects: ObjectStore) -> RunEvidence | None:
    """Return the evidence of the run's last attempt, or None if there is none.

    Raises:
        VerificationError: The evidence cannot be read or belongs to another run (GS-EVD-001).
    """
    if remote.evidence is None:
        return None
    folder = remote.evidence.child(f"job={remote.job}/run={remote.run}")
    try:
        attempts = {
            int(match[1] or 1): summary.uri
            for summary in objects.list(folder)
            if (match := _EVIDENCE.search(summary.uri.key))
        }
        if not attempts:
            return None
        uri = attempts[max(attempts)]
        document = parse_json(objects.read(uri).body)
        encryption = objects.encryption(uri)
        if (document["job"], document["run_id"]) != (remote.job, remote.run):
            raise _unreadable(str(uri), f"evidence of {document['job']} {document['run_id']}")
    except ServiceError as error:
        raise _unreadable(str(folder), str(error), error.code) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(str(folder), f"no evidence of a run ({type(error).__name__})") from error
    algorithm = encryption.algorithm or "no encryption reported"
    return RunEvidence(uri, document, f"{algorithm} {encryption.key}".strip())


def exit_code(state: RunState, evidence: RunEvidence | None, remote: RemoteRun) -> int:
    """Return the exit code of a finished run.

    0: Glue and the evidence both report success. 3: a control refused the run. 4: a control could not be
    verified. 1: the run failed in another way.

    Raises:
        VerificationError: Glue reports success, but there is no evidence (GS-EVD-001).
    """
    outcome = str(evidence.document.get("outcome", "")) if evidence else ""
    if evidence and outcome == "refused":
        return 4 if (evidence.document.get("error") or {}).get("type") == VerificationError.__name__ else 3
    if state.state != "SUCCEEDED":
        return 1
    if evidence is None:
        raise _unreadable(str(remote.evidence or remote.job), "none, although the run succeeded")
    return 0 if outcome == "succeeded" else 1


def _unreadable(resource: str, found: str, code: str | None = None) -> VerificationError:
    return VerificationError(
        "GS-EVD-001",
        resource=resource,
        found=found,
        required="the evidence of the run",
        fix="check that the script uses glue_secure and that you can read the evidence location",
        aws_code=code,
    )
