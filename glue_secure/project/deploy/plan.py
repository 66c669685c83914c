"""What deploying would change, as data; and the same, done and read back.

The template's stack makes keys, roles, buckets and connections. Deploying puts code there and makes the jobs.
A security configuration that is missing is made with all four modes, DataQualityEncryption among them, which
neither CloudFormation nor Terraform can say.
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
from glue_secure.project import gluewheels, wheel
from glue_secure.project.packaging import Fetch, modules_archive
from glue_secure.project.project_file import Job, Project

# Parts of a job that deploying does not decide, and that an update would otherwise forget.
_CARRIED = (
    "Description", "ExecutionClass", "JobMode", "JobRunQueuingEnabled", "MaintenanceWindow", "MaxRetries",
    "NotificationProperty", "SourceControlDetails",
)  # fmt: skip
CREATE, UPDATE, UPLOAD, KEEP = "create", "update", "upload", "keep"
# How Glue says that somebody was quicker.
_TAKEN = ("AlreadyExistsException", "ConcurrentModificationException", "IdempotentParameterMismatchException")
_STACK = "glue-secure template cloudformation --out template.json, review it, and make a stack of it"


@dataclass(frozen=True, slots=True)
class Change:
    """One step.

    Attributes:
        action: ``create``, ``update``, ``upload``, or ``keep`` for what is already as it should be.
        kind: ``security configuration``, ``object`` or ``job``.
        name: which.
        details: field, present and wanted value, as texts.
        content: an object's bytes.
        definition: what a configuration or a job is to be.
        before: what was there when the plan was made.
    """

    action: str
    kind: str
    name: str
    details: tuple[tuple[str, str, str], ...] = ()
    content: bytes = field(default=b"", repr=False)
    definition: Mapping[str, Any] = field(default_factory=dict)
    before: Any = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, in their order.

    Attributes:
        project: what is deployed.
        key: under which code is uploaded.
        changes: configuration, objects, jobs.
    """

    project: Project
    key: KmsKeyArn
    changes: tuple[Change, ...]

    @property
    def pending(self) -> tuple[Change, ...]:
        """The steps that change something."""
        return tuple(one for one in self.changes if one.action != KEEP)


def plan(
    project: Project,
    folder: Path,
    account: DeploymentAccount,
    *,
    jobs: Sequence[str] = (),
    build: Callable[[], bytes] = wheel.build_wheel,
    fetch: Fetch = gluewheels.fetch,
    progress: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Compare the project with the account.

    Args:
        project: from its file.
        folder: where the file lies; scripts are relative to it.
        account: is only read.
        jobs: names of those that are deployed; all of them when empty.
        build: Returns the wheel of this package.
        fetch: how the locked wheels are got.
        progress: is told what is under way.

    Raises:
        UsageError: a job or its script is missing, or the template's stack is.
        RefusedError: the security configuration or a key does not hold (GS-SEC, GS-KMS).
        VerificationError: the account does not answer, or denies (GS-SEC-008).
    """
    chosen = _chosen(project, jobs)
    scripts = {job.name: _script(folder, job) for job in chosen}
    try:
        configuration, first = _configuration(project, account)
        key = _key(configuration.s3[0].key, "s3", account)
        _require_bucket(project, account)
        changes = [first]
        versions = {job.version.label: job.version for job in chosen}
        package_wheel = build()
        for name, version in sorted(versions.items()):
            progress(f"wheels for Glue {name}")
            content = gluewheels.gluewheels(version, package_wheel, fetch(version))
            uri = S3Uri.parse(f"{project.code_prefix}/{modules_archive(version)}")
            changes.append(_object(uri, content, account, key))
        for job in chosen:
            progress(f"job {job.name}")
            uri = S3Uri.parse(project.script_uri(job))
            changes.append(_object(uri, scripts[job.name], account, key))
            changes.append(_job(project, job, account))
    except ServiceError as error:
        raise unanswered(error) from error
    return Plan(project, key, tuple(changes))


def apply(
    planned: Plan, account: DeploymentAccount, progress: Callable[[str], None] = lambda _: None
) -> None:
    """Do the pending steps. One that fails stops; those before it stay, and a new plan goes on from there.

    Raises:
        RefusedError: what the plan was made from has changed (GS-DEP-001), a step does not come back as planned
            (GS-DEP-002), or an object is not encrypted as it should be (GS-S3-004).
        VerificationError: the account does not answer, or denies.
    """
    for change in planned.pending:
        progress(f"{change.action} {change.kind} {change.name}")
        try:
            _STEPS[change.kind](change, account, planned)
        except PreconditionFailed as error:
            raise _outrun(change) from error
        except ServiceError as error:
            raise (_outrun(change) if error.code in _TAKEN else unanswered(error)) from error


def _chosen(project: Project, names: Sequence[str]) -> list[Job]:
    unknown = [name for name in names if name not in project.jobs]
    if unknown:
        raise UsageError("JOB", found=repr(unknown[0]), required=f"one of {', '.join(project.jobs)}")
    return [job for name, job in project.jobs.items() if not names or name in names]


def _require_bucket(project: Project, account: DeploymentAccount) -> None:
    name = S3Uri.parse(project.code_prefix).bucket
    if not account.has_bucket(name):
        raise UsageError(
            f"the bucket {name}",
            found="not there",
            required="the stack of the project's template",
            fix=_STACK,
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
        return present, Change(KEEP, "security configuration", name)
    arns = {
        purpose: str(_key(f"alias/{project.name}-{purpose}", purpose, account))
        for purpose in ("data", "logs", "bookmarks")
    }
    wanted: dict[str, Any] = {
        "S3Encryption": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": arns["data"]}],
        "CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": arns["logs"]},
        "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "CSE-KMS", "KmsKeyArn": arns["bookmarks"]},
        "DataQualityEncryption": {"DataQualityEncryptionMode": "SSE-KMS", "KmsKeyArn": arns["data"]},
    }
    planned = SecurityConfiguration.from_api({"Name": name, "EncryptionConfiguration": wanted})
    details = tuple(("key", "", f"{purpose} {arn}") for purpose, arn in arns.items())
    return planned, Change(CREATE, "security configuration", name, details, definition=wanted)


def _key(name: str, purpose: str, account: DeploymentAccount) -> KmsKeyArn:
    try:
        key = account.key(name)
    except NotFound:
        raise UsageError(
            f"the key {name}",
            found="not there",
            required="the stack of the project's template",
            fix=_STACK,
        ) from None
    enforce(check_key(purpose, key, region=account.region, account=account.account))
    return key.arn


def _object(uri: S3Uri, content: bytes, account: DeploymentAccount, key: KmsKeyArn) -> Change:
    present = account.uploaded(uri)
    wanted = Uploaded(sha256(content).hexdigest(), "aws:kms", str(key))
    if present == wanted:
        return Change(KEEP, "object", str(uri))
    before = present or Uploaded("", "", "")
    details = (
        ("sha256", before.sha256[:12], wanted.sha256[:12]),
        ("encryption", f"{before.algorithm} {before.key}".strip(), f"{wanted.algorithm} {wanted.key}"),
    )
    changed = tuple(one for one in details if one[1] != one[2])
    return Change(UPLOAD, "object", str(uri), changed, content=content, before=present)


def definition(project: Project, job: Job, account: DeploymentAccount) -> dict[str, Any]:
    """A job as CreateJob and UpdateJob take it, without its name."""
    found: dict[str, Any] = {
        "Role": f"arn:{account.partition}:iam::{account.account}:role/{project.role(job)}",
        "Command": {"Name": "glueetl", "ScriptLocation": project.script_uri(job), "PythonVersion": "3"},
        "GlueVersion": job.glue,
        "WorkerType": job.worker_type,
        "NumberOfWorkers": job.workers,
        "Timeout": job.timeout,
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "SecurityConfiguration": project.configuration,
        "DefaultArguments": project.default_arguments(job),
        "NonOverridableArguments": project.fixed_arguments(job),
    }
    if project.connections_of(job):
        found["Connections"] = {"Connections": list(project.connections_of(job))}
    return found


def _job(project: Project, job: Job, account: DeploymentAccount) -> Change:
    for name in project.connections_of(job):
        if not account.has_connection(name):
            raise UsageError(
                f"jobs.{job.name}",
                found=f"no connection {name} in the account",
                required="the connections of the project's template",
                fix="make or update the template's stack",
            )
    wanted = definition(project, job, account)
    present = account.job(job.name)
    if present is None:
        flat = _flat(wanted)
        return Change(
            CREATE, "job", job.name, tuple((n, "", flat[n]) for n in sorted(flat)), definition=wanted
        )
    details = differences(present, wanted)
    if not details:
        return Change(KEEP, "job", job.name)
    carried = {name: present[name] for name in _CARRIED if present.get(name) not in (None, "")}
    return Change(UPDATE, "job", job.name, details, definition={**carried, **wanted}, before=present)


def differences(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Field, present and wanted text of everything that deploying decides and that differs, redacted."""
    decided = {*wanted, "Connections"}
    before, after = _flat({name: present.get(name) for name in decided}), _flat(wanted)
    return tuple(
        (name, _shown(name, before.get(name, "")), _shown(name, after.get(name, "")))
        for name in sorted({*before, *after})
        if before.get(name, "") != after.get(name, "")
    )


def _shown(name: str, value: str) -> str:
    return redact_setting(name, value) if value else ""


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested values as one level of texts: ``DefaultArguments.--source``."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, one in value.items():
            found |= _flat(one, f"{name}.{key}" if name else str(key))
        return found
    if isinstance(value, (list, tuple)):
        return {name: ", ".join(map(str, value))} if value else {}
    return {} if value is None else {name: str(value)}


def _apply_configuration(change: Change, account: DeploymentAccount, _planned: Plan) -> None:
    account.create_configuration(change.name, change.definition)
    wanted = SecurityConfiguration.from_api(
        {"Name": change.name, "EncryptionConfiguration": change.definition}
    )
    if account.configuration(change.name) != wanted:
        raise _otherwise(change, "another EncryptionConfiguration")


def _apply_object(change: Change, account: DeploymentAccount, planned: Plan) -> None:
    uri = S3Uri.parse(change.name)
    account.upload(uri, change.content, planned.key, over=change.before)
    found = account.uploaded(uri)
    wanted = Uploaded(sha256(change.content).hexdigest(), "aws:kms", str(planned.key))
    if found is None or replace(found, sha256=wanted.sha256) != wanted:
        raise RefusedError(
            "GS-S3-004",
            resource=str(uri),
            found=f"{found.algorithm} {found.key}".strip() if found else "no object",
            required=f"aws:kms under {planned.key}",
            fix="see which default or policy of the bucket says otherwise; no job was changed since",
        )
    if found != wanted:
        raise _otherwise(change, f"SHA-256 {found.sha256 or 'none'}")


def _apply_job(change: Change, account: DeploymentAccount, _planned: Plan) -> None:
    if account.job(change.name) != change.before:
        raise _outrun(change)
    if change.action == CREATE:
        account.create_job(change.name, change.definition)
    else:
        account.update_job(change.name, change.definition)
    left = differences(account.job(change.name) or {}, change.definition)
    decided = [one for one in left if not one[0].startswith(_CARRIED)]
    if decided:
        raise _otherwise(change, f"{decided[0][0]} {decided[0][1] or 'missing'}")


_STEPS = {"security configuration": _apply_configuration, "object": _apply_object, "job": _apply_job}


def _outrun(change: Change) -> RefusedError:
    return RefusedError(
        "GS-DEP-001",
        resource=f"{change.kind} {change.name}",
        found="made or changed by somebody since the plan was made",
        required="what the plan was made from",
        fix="plan again, and look at what they did; the steps before this one are done",
    )


def _otherwise(change: Change, found: str) -> RefusedError:
    return RefusedError(
        "GS-DEP-002",
        resource=f"{change.kind} {change.name}",
        found=found,
        required="what the plan says",
        fix="plan again; if it stays so, see who else deploys",
    )


def unanswered(error: ServiceError) -> VerificationError:
    """AWS denied, or did not answer."""
    return VerificationError(
        "GS-SEC-008",
        resource="deploy",
        found=str(error),
        required="the answer of AWS",
        fix="call as somebody with the template's deployer policy (glue-secure policy iam --deployer)",
        aws_code=error.code,
    )
