"""Arguments, Glue versions and Spark settings of jobs: GS-SEC-009, GS-SEC-011, GS-SPK and GS-JOB."""

from __future__ import annotations

from collections.abc import Iterator

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Estate, Shape
from glue_secure.audit.fixes import edited_job
from glue_secure.audit.job_starts import job_starts
from glue_secure.audit.job_starts import requests as start_requests
from glue_secure.audit.job_starts import unread as unread_starts
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.references import arguments_of, configurations, distinct_arguments, run_requests
from glue_secure.core.arguments import SECRET_NAMES, JobArguments, JobIdentity, without_dashes
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn, RunId
from glue_secure.core.policy import check_arguments
from glue_secure.core.spark_arguments import settings_of
from glue_secure.core.worker_encryption import SHUFFLE_ARGUMENTS, check_workers

ARGUMENTS = ("GS-SEC-009", "GS-SEC-011")
SPARK = ("GS-SPK-001", "GS-SPK-002", "GS-SPK-003", "GS-SPK-004")
VERSIONS = ("GS-JOB-001", "GS-JOB-002")
SPARK_COMMANDS = ("glueetl", "gluestreaming")
OLDEST_GLUE = (3, 0)
"""Versions before have no support. Security Hub requires the same (Glue.4)."""
_OLDEST_PYTHON = (3, 9)


def requests(_: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    for call in (calls.JOBS, calls.CONFIGURATIONS):
        yield Request(call)


def argument_requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls of the checks of arguments."""
    yield Request(calls.JOBS)
    yield from start_requests(estate)
    yield Request(calls.SESSIONS)
    yield Request(calls.ENDPOINTS)
    yield from run_requests(estate)


def evaluate_arguments(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings about arguments of jobs, their newest runs, triggers, sessions and endpoints."""
    for job in estate.known(calls.JOBS):
        name = str(job["Name"])
        resource = Resource(ResourceKind.JOB, name)
        own, overridden = arguments_of(job), _with_overridden(job)
        for finding in _checked(name, own):
            yield estate.finding(finding, resource, (name,))
        for finding in _checked(name, overridden) if overridden.values != own.values else ():
            if finding.control == "GS-SEC-011":
                yield estate.finding(finding, resource, (name,))
        yield from _runs(estate, name)
    for start in job_starts(estate):
        if start.arguments:
            jobs = (start.job,) if start.job else ()
            for finding in _checked(str(start.resource), JobArguments(without_dashes(start.arguments))):
                yield estate.finding(finding, start.resource, jobs)
    for resource, why in unread_starts(estate):
        for control in ARGUMENTS:
            yield estate.unknown(control, resource, why)
    for call, kind, member, arguments in (
        (calls.SESSIONS, ResourceKind.SESSION, "Id", "DefaultArguments"),
        (calls.ENDPOINTS, ResourceKind.ENDPOINT, "EndpointName", "Arguments"),
    ):
        for shape in estate.known(call):
            resource = Resource(kind, str(shape[member]))
            for finding in _checked(str(resource), JobArguments(without_dashes(shape.get(arguments)))):
                yield estate.finding(finding, resource)
    for call in (calls.JOBS, calls.SESSIONS, calls.ENDPOINTS):
        unread = estate.listing(call).unread
        if unread:
            for control in ARGUMENTS:
                yield estate.unknown(
                    control, Resource(ResourceKind.ACCOUNT, f"arguments of {call.operation}"), unread
                )


def _with_overridden(job: Shape) -> JobArguments:
    """Return the arguments of a job, with default values in place of those that override them.

    No run gets an overridden default, but everyone who may read the job can read a secret in it.
    """
    merged = arguments_of(job).values
    declared = {name: value for name, value in merged.items() if name.replace("_", "-") == SECRET_NAMES}
    return JobArguments({**merged, **without_dashes(job.get("DefaultArguments")), **declared})


def _runs(estate: Estate, job: str) -> Iterator[AuditFinding]:
    """Yield the findings about the arguments of a job's newest runs, one of each control."""
    resource = Resource(ResourceKind.RUNS, job)
    listing = estate.listing(calls.JOB_RUNS, job)
    if listing.unread:
        for control in ARGUMENTS:
            yield estate.unknown(control, resource, listing.unread, (job,))
        return
    worst: dict[str, Finding] = {}
    for arguments in distinct_arguments(listing.items):
        for finding in _checked(str(resource), JobArguments(without_dashes(arguments))):
            before = worst.get(finding.control)
            if before is None or (before.verdict.value == "PASS" and finding.verdict.value != "PASS"):
                worst[finding.control] = finding
    for finding in worst.values():
        yield estate.finding(finding, resource, (job,))


def _checked(name: str, arguments: JobArguments) -> list[Finding]:
    identity = JobIdentity(name, RunId("audit"), False, None)
    try:
        return check_arguments(identity, arguments)
    except UsageError as error:
        return [
            unknown(
                control,
                f"job {name!r}",
                found=str(error),
                required="valid arguments",
                fix=error.fix or "correct it",
            )
            for control in ARGUMENTS
        ]


def evaluate_spark(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings about the encryption between Spark's workers, by the job's ``--conf``."""
    known = configurations(estate)
    for job in _spark_jobs(estate):
        resource = Resource(ResourceKind.JOB, str(job["Name"]))
        configuration = known.get(str(job.get("SecurityConfiguration") or ""))
        key = next((setting.key for setting in configuration.s3 if setting.key), "") if configuration else ""
        for finding in _spark(estate, job, key):
            yield estate.finding(finding, resource, (str(job["Name"]),))
    yield from _unread_jobs(estate, SPARK)


def _spark(estate: Estate, job: Shape, key: str) -> list[Finding]:
    arguments = arguments_of(job)
    try:
        settings = settings_of(arguments.get("conf") or "")
    except UsageError as error:
        return [
            unknown(
                control,
                f"job {job['Name']!r}",
                found=str(error),
                required="valid settings",
                fix="correct --conf",
            )
            for control in SPARK
        ]
    settings |= {name: arguments.get(name) or "" for name in SHUFFLE_ARGUMENTS}
    if (arguments.get("enable-spark-ui") or "").lower() == "true":
        settings |= {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": arguments.get("spark-event-logs-path") or "",
        }
    try:
        expected = KmsKeyArn.parse(key)
    except UsageError:
        expected = KmsKeyArn(estate.partition, estate.region, estate.account, "KEY-ID")
    return check_workers(settings, key=expected)


def evaluate_versions(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings about versions and continuous logging."""
    for job in estate.known(calls.JOBS):
        resource = Resource(ResourceKind.JOB, str(job["Name"]))
        for finding in (_version(job), _logging(job)):
            if finding is not None:
                yield estate.finding(finding, resource, (str(job["Name"]),))
    yield from _unread_jobs(estate, VERSIONS)


def _version(job: Shape) -> Finding:
    command = job.get("Command") or {}
    resource = f"job {job['Name']!r}"
    if command.get("Name") in SPARK_COMMANDS:
        what, found, oldest = "Glue", str(job.get("GlueVersion") or "0.9"), OLDEST_GLUE
        fix = edited_job(job["Name"], "set GlueVersion 5.1, after a test of the script")
    else:
        what, found, oldest = "Python", str(command.get("PythonVersion") or "2"), _OLDEST_PYTHON
        fix = edited_job(job["Name"], "set PythonVersion 3.9, after a test of the script")
    if command.get("Name") == "glueray":
        return unknown(
            "GS-JOB-001",
            resource,
            found="a Ray job",
            required="a Spark or Python shell job",
            fix="migrate it to Spark",
        )
    numbers = tuple(int(part) for part in found.split(".") if part.isdigit())
    required = f"{what} {'.'.join(map(str, oldest))} or later"
    if numbers >= oldest:
        return passed("GS-JOB-001", resource, f"{what} {found}")
    return failed("GS-JOB-001", resource, found=f"{what} {found}", required=required, fix=fix)


def _logging(job: Shape) -> Finding | None:
    if (job.get("Command") or {}).get("Name") not in SPARK_COMMANDS:
        return None
    name = "enable-continuous-cloudwatch-log"
    value = arguments_of(job).get(name) or ""
    resource = f"job {job['Name']!r}"
    if value.lower() == "true":
        return passed("GS-JOB-002", resource, f"--{name} true")
    return failed(
        "GS-JOB-002",
        resource,
        found=f"--{name} {value}" if value else f"no --{name}",
        required=f"--{name} true",
        fix=f"add --{name} true to the job's DefaultArguments",
    )


def _spark_jobs(estate: Estate) -> Iterator[Shape]:
    return (
        job for job in estate.known(calls.JOBS) if (job.get("Command") or {}).get("Name") in SPARK_COMMANDS
    )


def _unread_jobs(estate: Estate, controls: tuple[str, ...]) -> Iterator[AuditFinding]:
    unread = estate.listing(calls.JOBS).unread
    if unread:
        for control in controls:
            yield estate.unknown(control, Resource(ResourceKind.JOB, "(all)"), unread)
