"""The scripts of jobs, read from S3 and checked as ``glue-secure check`` does: GS-JOB-003.

Three points are stricter than in ``glue-secure check``, which a developer runs on own files. A script is
checked whatever its name is; comments accept nothing, because whoever writes the script writes them; and a
script of a Spark job that does not import glue-secure fails, whatever else it does.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Absent, Estate, Shape, Unread
from glue_secure.audit.job_starts import job_starts
from glue_secure.audit.job_starts import requests as start_requests
from glue_secure.audit.job_starts import unread as unread_starts
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.references import (
    SCRIPT_ARGUMENT,
    arguments_of,
    arguments_of_run,
    distinct_arguments,
    job_names,
    run_requests,
)
from glue_secure.check.model import ScriptFinding
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, Verdict, failed, passed, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.migrate.names import LINE

CONTROLS = ("GS-JOB-003",)
_CONTROL = "GS-JOB-003"
_SPARK_COMMANDS = ("glueetl", "gluestreaming")
_GUARD = "glue_secure"
_GUARD_RULE = "guard-missing"
_CODE_ARGUMENTS = ("extra-py-files", "additional-python-modules")
_PROVIDED = frozenset(
    {*sys.stdlib_module_names, "awsglue", "awsgluedq", "awsglueml", "boto3", "botocore", "pyspark"}
)


@dataclass(frozen=True, slots=True)
class _Script:
    """A script that a job runs.

    Attributes:
        resource: the job, its runs, or the trigger that starts it.
        job: the job's name.
        command: name of the job's command, such as ``glueetl``.
        arguments: the arguments of the run.
        location: the script's location, as it was given.
    """

    resource: Resource
    job: str
    command: str
    arguments: JobArguments
    location: str

    @property
    def object_name(self) -> str:
        """Bucket and key, ``""`` if the location is not in S3."""
        try:
            location = S3Uri.parse(self.location)
        except UsageError:
            return ""
        return f"{location.bucket}/{location.key}" if location.key else ""

    @property
    def is_scala(self) -> bool:
        """Whether the job's language is Scala."""
        return (self.arguments.get("job-language") or "").lower() == "scala"

    @property
    def checked_object(self) -> str:
        """Bucket and key of a Python script, ``""`` without one."""
        return "" if self.is_scala else self.object_name


def requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls of this check: one for each script, also if several jobs run it."""
    yield Request(calls.JOBS)
    yield from start_requests(estate)
    yield from run_requests(estate)
    for script in _scripts(estate):
        if script.checked_object:
            yield Request(calls.SCRIPT, script.checked_object)


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield each finding of a job's scripts; for a script without findings, a pass."""
    numbers: Counter[tuple[Resource, str]] = Counter()
    for script in _scripts(estate):
        name = script.checked_object
        answer = estate.answer(calls.SCRIPT, name) if name else Absent("")
        if isinstance(answer, Unread):
            yield estate.unknown(_CONTROL, script.resource, answer, (script.job,))
            continue
        for rule, finding in _findings(script, answer):
            numbers[script.resource, rule] += 1
            part = f"{rule} {numbers[script.resource, rule]}" if rule else ""
            yield estate.finding(finding, script.resource, (script.job,), part=part)
    jobs = estate.listing(calls.JOBS).unread
    if jobs:
        yield estate.unknown(_CONTROL, Resource(ResourceKind.JOB, "(all)"), jobs)
    for resource, why in unread_starts(estate):
        yield estate.unknown(_CONTROL, resource, why)
    for name in job_names(estate):
        unread = estate.listing(calls.JOB_RUNS, name).unread
        if unread:
            yield estate.unknown(_CONTROL, Resource(ResourceKind.RUNS, name), unread, (name,))


def _scripts(estate: Estate) -> Iterator[_Script]:
    """Yield the script of each job, and other scripts that its newest runs and triggers name."""
    started = {start.job for start in job_starts(estate)}
    definitions: dict[str, Shape] = {}
    for job in estate.known(calls.JOBS):
        name = str(job["Name"])
        if name in started:
            definitions[name] = job
        own = _script(Resource(ResourceKind.JOB, name), job, arguments_of(job))
        yield own
        others: dict[str, _Script] = {}
        for arguments in distinct_arguments(estate.known(calls.JOB_RUNS, name)):
            script = _script(Resource(ResourceKind.RUNS, name), job, arguments_of_run(job, arguments))
            if (script.location, script.is_scala) != (own.location, own.is_scala):
                others.setdefault(script.location, script)
        yield from (script for _, script in sorted(others.items()))
    for start in job_starts(estate):
        if start.job not in definitions:
            continue
        job = definitions[start.job]
        own = _script(Resource(ResourceKind.JOB, start.job), job, arguments_of(job))
        script = _script(start.resource, job, arguments_of_run(job, start.arguments))
        if (script.location, script.is_scala) != (own.location, own.is_scala):
            yield script


def _script(resource: Resource, job: Shape, arguments: JobArguments) -> _Script:
    command = job.get("Command") or {}
    location = arguments.get(SCRIPT_ARGUMENT) or str(command.get("ScriptLocation") or "")
    return _Script(resource, str(job["Name"]), str(command.get("Name") or ""), arguments, location.strip())


def _findings(script: _Script, answer: Shape | Absent) -> Iterator[tuple[str, Finding]]:
    """Yield rule and finding of each place; a finding about the script as a whole has no rule."""
    name = script.object_name
    text = f"script s3://{name}" if name else f"script of job {script.job!r}"
    if isinstance(answer, Absent):
        found = "a Scala script" if script.is_scala else "no such object" if name else "no location in S3"
        yield (
            "",
            unknown(
                _CONTROL,
                text,
                found=f"{found}, which cannot be checked",
                required="a Python script that glue-secure check can read",
                fix="correct ScriptLocation of the job, or review the script",
            ),
        )
        return
    if answer.get("Unchecked"):
        yield (
            "",
            unknown(
                _CONTROL,
                text,
                found=f"{answer['Unchecked']}, which are not checked",
                required="a Python script that glue-secure check can read",
                fix="move data out of the script, or review it and accept the finding in the baseline file",
            ),
        )
        return
    found_in_script: tuple[ScriptFinding, ...] = answer["Findings"]
    packages = set(answer["Packages"] or ())
    has_guard = answer["Packages"] is None or _GUARD in packages
    may_have_guard = not has_guard and bool(
        packages - _PROVIDED and any(script.arguments.get(argument) for argument in _CODE_ARGUMENTS)
    )
    counted = [finding for finding in found_in_script if not finding.is_note]
    for finding in counted:
        found = f"{finding.rule} ({finding.control}): {finding.found}"
        if finding.accepted:
            found += "; a comment accepts it, which an audit does not"
        place = f"{text}:{finding.line}:{finding.column}"
        is_open = finding.verdict is Verdict.UNKNOWN or (finding.rule == _GUARD_RULE and may_have_guard)
        state = unknown if is_open else failed
        yield (
            finding.rule,
            state(_CONTROL, place, found=found, required=finding.required, fix=finding.fix),
        )
    if (
        not has_guard
        and script.command in _SPARK_COMMANDS
        and not any(finding.rule == _GUARD_RULE for finding in counted)
    ):
        state = unknown if may_have_guard else failed
        found = f"{_GUARD_RULE} (GS-SEC-007): no import of glue-secure"
        if may_have_guard:
            found += f" in the script; modules of --{' or --'.join(_CODE_ARGUMENTS)} are not read"
        yield (
            _GUARD_RULE,
            state(
                _CONTROL,
                text,
                found=found,
                required="an import of glue-secure before anything else, in a Spark job",
                fix=f"insert before the first import: {LINE}",
            ),
        )
        return
    if not counted:
        yield "", passed(_CONTROL, text, "no finding of glue-secure check")
