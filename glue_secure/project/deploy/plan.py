"""The plan of a deployment, as data, and its application.

The stack of the project's template has the keys, roles, buckets and connections. A deployment uploads the
code and creates or updates the jobs. If the security configuration is missing, it is created with all four
modes, including DataQualityEncryption, which neither CloudFormation nor Terraform supports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from glue_secure.aws.deployment import DeploymentAccount, Uploaded
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.policy import check_configuration, check_key
from glue_secure.core.redaction import redact_setting
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError
from glue_secure.project import gluewheels, requirements, wheel
from glue_secure.project.job_modules import modules_zip
from glue_secure.project.model import Job, Project
from glue_secure.project.packaging import Fetch
from glue_secure.project.versions import GlueVersion

# Members of a job that a deployment does not set. UpdateJob would reset them if they were omitted.
_PRESERVED = (
    "Description", "ExecutionClass", "JobMode", "JobRunQueuingEnabled", "MaintenanceWindow", "MaxRetries",
    "NotificationProperty", "SourceControlDetails",
)  # fmt: skip
FetchLocked = Callable[[Path, GlueVersion], gluewheels.Wheels]
CREATE, UPDATE, UPLOAD, KEEP = "create", "update", "upload", "keep"
# Glue's error codes for a resource that another caller created or changed at the same time.
_CONFLICTS = (
    "AlreadyExistsException", "ConcurrentModificationException", "IdempotentParameterMismatchException"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a deployment.

    Attributes:
        action: ``create``, ``update``, ``upload``, or ``keep`` for a resource that needs no change.
        kind: ``security configuration``, ``object``, ``job`` or ``tags of job``.
        name: Name or URI of the resource.
        details: Field, present value and planned value of each difference, as text.
        content: Content of an object.
        definition: Planned definition of a configuration or job.
        before: The resource when the plan was made.
    """

    action: str
    kind: str
    name: str
    details: tuple[tuple[str, str, str], ...] = ()
    content: bytes = field(default=b"", repr=False)
    definition: Mapping[str, Any] = field(default_factory=dict)
    before: Any = None


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """All steps of a deployment, in order.

    Attributes:
        project: The project.
        key: The key that code is encrypted with.
        changes: Steps for the configuration, the objects and the jobs.
    """

    project: Project
    key: KmsKeyArn
    changes: tuple[Change, ...]

    @property
    def pending(self) -> tuple[Change, ...]:
        """The steps that change a resource."""
        return tuple(change for change in self.changes if change.action != KEEP)


def plan(
    project: Project,
    folder: Path,
    account: DeploymentAccount,
    *,
    jobs: Sequence[str] = (),
    build: Callable[[], bytes] = wheel.build_wheel,
    fetch: Fetch = gluewheels.fetch,
    fetch_locked: FetchLocked = requirements.locked,
    progress: Callable[[str], None] = lambda _: None,
) -> DeploymentPlan:
    """Compare the project with the account. No resource is changed.

    Args:
        project: The project.
        folder: Folder of the project file; script paths are relative to it.
        account: The account.
        jobs: Names of the jobs to deploy; empty for all.
        build: Returns the wheel of this package.
        fetch: Returns the locked wheels of a Glue version.
        fetch_locked: Returns the locked wheels of a requirements file for a Glue version.
        progress: Called with a description of each step.

    Raises:
        UsageError: A job, its script, the lock of its requirements, the stack of the template, or the JAR of
            the request guard is missing.
        RefusedError: The security configuration or a key violates a control (GS-SEC, GS-KMS).
        VerificationError: AWS does not answer or denies access (GS-SEC-008).
    """
    selected = _selected_jobs(project, jobs)
    scripts = {job.name: _script(folder, job) for job in selected}
    try:
        configuration, configuration_change = _configuration(project, account)
        key = _key(configuration.s3[0].key, "s3", account, project.environment)
        _require_bucket(project, account)
        changes = [configuration_change]
        for uri, content in _archives(project, folder, selected, build(), fetch, fetch_locked, progress):
            changes.append(_object(uri, content, account, key))
        if any(job.request_guard for job in selected):
            uri = S3Uri.parse(project.request_guard_uri)
            content = wheel.require_guard_jar().path.read_bytes()
            changes.append(_object(uri, content, account, key))
        for name, content in project.policy_files.items():
            changes.append(_object(S3Uri.parse(name), content, account, key))
        for job in selected:
            progress(f"job {job.name}")
            uri = S3Uri.parse(project.script_uri(job))
            changes.append(_object(uri, scripts[job.name], account, key))
            if job.modules:
                content = modules_zip(folder, job)
                changes.append(_object(S3Uri.parse(project.modules_uri(job)), content, account, key))
            changes.append(_job(project, job, account))
            if project.tags_of(job):
                changes.append(_tags(project, job, account))
    except ServiceError as error:
        raise aws_unavailable(error) from error
    return DeploymentPlan(project, key, tuple(changes))


def apply(
    deployment: DeploymentPlan,
    account: DeploymentAccount,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Apply the pending steps in order.

    The first failed step ends the deployment. Earlier steps are not undone; a new plan continues after them.

    Raises:
        RefusedError: A resource changed since the plan was made (GS-DEP-001), a resource differs from the
            plan after its step (GS-DEP-002), or an object is not encrypted as planned (GS-S3-004).
        VerificationError: AWS does not answer or denies access.
    """
    for change in deployment.pending:
        progress(f"{change.action} {change.kind} {change.name}")
        try:
            _STEPS[change.kind](change, account, deployment)
        except PreconditionFailed as error:
            raise _changed_since_plan(change) from error
        except ServiceError as error:
            conflict = error.code in _CONFLICTS
            raise (_changed_since_plan(change) if conflict else aws_unavailable(error)) from error


def _archives(
    project: Project,
    folder: Path,
    jobs: Sequence[Job],
    package_wheel: bytes,
    fetch: Fetch,
    fetch_locked: FetchLocked,
    progress: Callable[[str], None],
) -> list[tuple[S3Uri, bytes]]:
    """Return location and content of the zips of wheels. Jobs without requirements share one a version."""
    own = {}
    for job in jobs:
        if job.requirements:
            progress(f"requirements of {job.name}")
            own[job.name] = fetch_locked(folder / job.requirements, job.version)
    dependencies = {}
    for name, version in sorted({job.version.label: job.version for job in jobs}.items()):
        progress(f"wheels for Glue {name}")
        dependencies[name] = fetch(version)
    archives = {}
    for job in sorted(jobs, key=lambda job: job.version.label):
        uri = project.archive_uri(job)
        if uri not in archives:
            archives[uri] = gluewheels.gluewheels(
                job.version,
                package_wheel,
                dependencies[job.version.label],
                own.get(job.name, gluewheels.Wheels()),
            )
    return [(S3Uri.parse(uri), content) for uri, content in archives.items()]


def _selected_jobs(project: Project, names: Sequence[str]) -> list[Job]:
    unknown = [name for name in names if name not in project.jobs]
    if unknown:
        raise UsageError("JOB", found=repr(unknown[0]), required=f"one of {', '.join(project.jobs)}")
    return [job for name, job in project.jobs.items() if not names or name in names]


def _require_bucket(project: Project, account: DeploymentAccount) -> None:
    name = S3Uri.parse(project.code_prefix).bucket
    if not account.has_bucket(name):
        raise UsageError(
            f"the bucket {name}",
            found="missing",
            required="the stack of the project's template",
            fix=stack_fix(project.environment),
        )


def _script(folder: Path, job: Job) -> bytes:
    path = folder / job.script
    try:
        content = path.read_bytes()
        compile(content, str(path), "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"
        raise UsageError(
            f"jobs.{job.name}.script", found=found, required=f"a Python script, {path}"
        ) from error
    return content


def _configuration(project: Project, account: DeploymentAccount) -> tuple[SecurityConfiguration, Change]:
    name = project.configuration
    present = account.configuration(name)
    if present is not None:
        enforce(check_configuration(present))
        _require_keys_of_the_file(project, present, account)
        return present, Change(KEEP, "security configuration", name)
    if project.existing_configuration:
        raise UsageError(
            "project.security_configuration",
            found=f"no configuration {name} in the account",
            required="an existing security configuration",
        )
    arns = {
        purpose: str(_key(_key_name(project, purpose), purpose, account, project.environment))
        for purpose in ("data", "logs", "bookmarks")
    }
    encryption: dict[str, Any] = {
        "S3Encryption": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": arns["data"]}],
        "CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": arns["logs"]},
        "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "CSE-KMS", "KmsKeyArn": arns["bookmarks"]},
        "DataQualityEncryption": {"DataQualityEncryptionMode": "SSE-KMS", "KmsKeyArn": arns["data"]},
    }
    configuration = SecurityConfiguration.from_api({"Name": name, "EncryptionConfiguration": encryption})
    details = tuple(("key", "", f"{purpose} {arn}") for purpose, arn in arns.items())
    return configuration, Change(CREATE, "security configuration", name, details, definition=encryption)


def _require_keys_of_the_file(
    project: Project, configuration: SecurityConfiguration, account: DeploymentAccount
) -> None:
    """Raise a UsageError if the file names another key than the security configuration."""
    entries = {
        "data": configuration.s3[0],
        "logs": configuration.cloudwatch,
        "bookmarks": configuration.job_bookmarks,
    }
    for purpose, entry in entries.items():
        if purpose not in project.keys or entry is None:
            continue
        required = str(_key(project.keys[purpose], purpose, account, project.environment))
        if str(_key(entry.key, purpose, account, project.environment)) != required:
            raise UsageError(
                f"keys.{purpose}",
                found=f"security configuration {configuration.name} with {entry.key}",
                required=required,
                fix="create a security configuration with the keys of the file, as security configurations "
                "cannot be changed, and set project.security_configuration to its name",
            )


def _key_name(project: Project, purpose: str) -> str:
    return project.keys.get(purpose) or f"alias/{project.name}-{purpose}"


def _key(name: str, purpose: str, account: DeploymentAccount, environment: str) -> KmsKeyArn:
    try:
        key = account.key(name)
    except NotFound:
        raise UsageError(
            f"the key {name}",
            found="missing",
            required="the stack of the project's template",
            fix=stack_fix(environment),
        ) from None
    enforce(check_key(purpose, key, region=account.region, account=account.account))
    return key.arn


def _object(uri: S3Uri, content: bytes, account: DeploymentAccount, key: KmsKeyArn) -> Change:
    present = account.uploaded(uri)
    planned = Uploaded(sha256(content).hexdigest(), "aws:kms", str(key))
    if present == planned:
        return Change(KEEP, "object", str(uri))
    before = present or Uploaded("", "", "")
    details = (
        ("sha256", before.sha256[:12], planned.sha256[:12]),
        ("encryption", f"{before.algorithm} {before.key}".strip(), f"{planned.algorithm} {planned.key}"),
    )
    differing = tuple(detail for detail in details if detail[1] != detail[2])
    return Change(UPLOAD, "object", str(uri), differing, content=content, before=present)


def definition(project: Project, job: Job, account: DeploymentAccount) -> dict[str, Any]:
    """Return the definition of a job for CreateJob and UpdateJob, without its name."""
    members: dict[str, Any] = {
        "Role": project.role_arn(job, account.partition, account.account),
        "Command": {"Name": "glueetl", "ScriptLocation": project.script_uri(job), "PythonVersion": "3"},
        "GlueVersion": job.glue,
        "WorkerType": job.worker_type,
        "NumberOfWorkers": job.workers,
        "Timeout": job.timeout,
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "SecurityConfiguration": project.configuration,
        "DefaultArguments": project.default_arguments(job, account.region),
        "NonOverridableArguments": project.fixed_arguments(job),
    }
    if job.retries is not None:
        members["MaxRetries"] = job.retries
    if job.execution_class:
        members["ExecutionClass"] = job.execution_class
    if project.connections_of(job):
        members["Connections"] = {"Connections": list(project.connections_of(job))}
    return members


def _job(project: Project, job: Job, account: DeploymentAccount) -> Change:
    for name in project.connections_of(job):
        if not account.has_connection(name):
            raise UsageError(
                f"jobs.{job.name}",
                found=f"no connection {name} in the account",
                required="the connections of the project's template",
                fix="create or update the stack of the template",
            )
    planned = definition(project, job, account)
    present = account.job(job.name)
    if present is None:
        details = tuple((name, "", value) for name, value in sorted(_flat(planned).items()))
        return Change(CREATE, "job", job.name, details, definition=planned)
    details = differences(present, planned)
    if not details:
        return Change(KEEP, "job", job.name)
    preserved = {name: present[name] for name in _PRESERVED if present.get(name) not in (None, "")}
    return Change(UPDATE, "job", job.name, details, definition={**preserved, **planned}, before=present)


def _tags(project: Project, job: Job, account: DeploymentAccount) -> Change:
    """Return the change of a job's tags. Tags that the project file does not have are preserved."""
    planned, present = project.tags_of(job), account.tags_of_job(job.name)
    details = tuple(
        (name, present.get(name, ""), value) for name, value in planned.items() if present.get(name) != value
    )
    action = UPDATE if details else KEEP
    return Change(action, "tags of job", job.name, details, definition=planned if details else {})


def differences(present: Mapping[str, Any], planned: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return field, present value and planned value of each difference that a deployment decides.

    The values are redacted texts.
    """
    names = {*planned, "Connections"}
    before, after = _flat({name: present.get(name) for name in names}), _flat(planned)
    return tuple(
        (name, _redacted(name, before.get(name, "")), _redacted(name, after.get(name, "")))
        for name in sorted({*before, *after})
        if before.get(name, "") != after.get(name, "")
    )


def _redacted(name: str, value: str) -> str:
    return redact_setting(name, value) if value else ""


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Return nested values as one level of texts with names like ``DefaultArguments.--source``."""
    if isinstance(value, Mapping):
        flat: dict[str, str] = {}
        for key, member in value.items():
            flat |= _flat(member, f"{name}.{key}" if name else str(key))
        return flat
    if isinstance(value, (list, tuple)):
        return {name: ", ".join(map(str, value))} if value else {}
    return {} if value is None else {name: str(value)}


def _apply_configuration(change: Change, account: DeploymentAccount, _deployment: DeploymentPlan) -> None:
    account.create_configuration(change.name, change.definition)
    planned = SecurityConfiguration.from_api(
        {"Name": change.name, "EncryptionConfiguration": change.definition}
    )
    if account.configuration(change.name) != planned:
        raise _mismatch(change, "another EncryptionConfiguration")


def _apply_object(change: Change, account: DeploymentAccount, deployment: DeploymentPlan) -> None:
    uri = S3Uri.parse(change.name)
    account.upload(uri, change.content, deployment.key, over=change.before)
    present = account.uploaded(uri)
    planned = Uploaded(sha256(change.content).hexdigest(), "aws:kms", str(deployment.key))
    if present is None or replace(present, sha256=planned.sha256) != planned:
        raise RefusedError(
            "GS-S3-004",
            resource=str(uri),
            found=f"{present.algorithm} {present.key}".strip() if present else "no object",
            required=f"aws:kms under {deployment.key}",
            fix="correct the bucket's default encryption or policy, then deploy again; the job is unchanged",
        )
    if present != planned:
        raise _mismatch(change, f"SHA-256 {present.sha256 or 'none'}")


def _apply_job(change: Change, account: DeploymentAccount, _deployment: DeploymentPlan) -> None:
    if account.job(change.name) != change.before:
        raise _changed_since_plan(change)
    if change.action == CREATE:
        account.create_job(change.name, change.definition)
    else:
        account.update_job(change.name, change.definition)
    remaining = differences(account.job(change.name) or {}, change.definition)
    decided = [detail for detail in remaining if not detail[0].startswith(_PRESERVED)]
    if decided:
        name, present, _ = decided[0]
        raise _mismatch(change, f"{name} {present or 'missing'}")


def _apply_tags(change: Change, account: DeploymentAccount, _deployment: DeploymentPlan) -> None:
    account.tag_job(change.name, change.definition)
    present = account.tags_of_job(change.name)
    different = [name for name, value in change.definition.items() if present.get(name) != value]
    if different:
        raise _mismatch(change, f"{different[0]} {present.get(different[0]) or 'missing'}")


_STEPS = {
    "security configuration": _apply_configuration,
    "object": _apply_object,
    "job": _apply_job,
    "tags of job": _apply_tags,
}


def _changed_since_plan(change: Change) -> RefusedError:
    return RefusedError(
        "GS-DEP-001",
        resource=f"{change.kind} {change.name}",
        found="created or changed after the plan was made",
        required="the resource as it was when the plan was made",
        fix="run glue-secure deploy again and review the new plan; earlier steps have been applied",
    )


def _mismatch(change: Change, found: str) -> RefusedError:
    return RefusedError(
        "GS-DEP-002",
        resource=f"{change.kind} {change.name}",
        found=found,
        required="the planned value",
        fix="run glue-secure deploy again; if the value differs again, another process changes the resource",
    )


def stack_fix(environment: str) -> str:
    """Return the fix for a missing resource of the stack."""
    option = f" --environment {environment}" if environment else ""
    return f"glue-secure template cloudformation{option} --out template.json, then create a stack from it"


def aws_unavailable(error: ServiceError) -> VerificationError:
    """Return the error for an AWS call that was denied or not answered."""
    return VerificationError(
        "GS-SEC-008",
        resource="deploy",
        found=str(error),
        required="an answer from AWS",
        fix="attach the deployer policies of the project's stack to the role that deploys"
        if error.code
        else "check the region, and the network and proxy to the endpoint of AWS; then repeat the command",
        aws_code=error.code,
    )
