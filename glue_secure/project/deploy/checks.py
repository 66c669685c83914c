"""What a run of a deployed job would be held to, held from here, without running: all of it, not the first.

Who looks is somebody else than the job's role. What only the role or the running job can tell is left to
the run, and named as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue_secure.aws.deployment import DeploymentAccount, Uploaded
from glue_secure.aws.logs import JobLogs
from glue_secure.connections.verification import inspect_connections
from glue_secure.core.arguments import (
    BOOKMARK_URI,
    EVIDENCE_URI,
    BookmarkOption,
    JobArguments,
    without_dashes,
)
from glue_secure.core.catalog_encryption import CatalogEncryption, check_metadata, check_passwords
from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError, VerificationError
from glue_secure.core.findings import Finding, Verdict, failed, passed, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.policy import check_arguments, check_attachment, check_configuration, check_named_key
from glue_secure.core.ports import Services
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.preflight.establish import key_names
from glue_secure.project.deploy.plan import Plan

_MODULES = ("additional-python-modules", "extra-py-files")
_CODE = (*_MODULES, "extra-jars", "extra-files", "user-jars")
_DEPLOY = "glue-secure deploy"
_NO_RUN = "preflight"
# What other commands are held to, and no run.
_OF_COMMANDS = ("GS-CAT-004", "GS-DEP", "GS-LF")


def findings(
    job: str, *, services: Services, account: DeploymentAccount, logs: JobLogs, plan: Plan | None = None
) -> tuple[Finding, ...]:
    """Every control that can be held from here, in the order of a run.

    Args:
        job: the job's name.
        services: as a run has them; nothing is written and no secret is fetched.
        account: where the job is deployed.
        logs: its CloudWatch Logs.
        plan: what deploying the project would change; each pending step is a finding.

    Raises:
        UsageError: there is no such job, or its arguments cannot be meant: a run would end so, too.
        VerificationError: the job itself cannot be read (GS-SEC-008).
    """
    try:
        definition = account.job(job)
    except ServiceError as error:
        raise VerificationError(
            "GS-SEC-008",
            resource=f"job {job!r}",
            found=str(error),
            required="the answer of GetJob",
            fix="call as somebody who may glue:GetJob",
            aws_code=error.code,
        ) from error
    if definition is None:
        raise UsageError(
            "--job-name", found=f"{job!r}, which does not exist", required="a job of AWS Glue", fix=_DEPLOY
        )
    return tuple(_all(job, definition, services, account, logs, plan))


def left_to_the_run(held: tuple[Finding, ...]) -> tuple[str, ...]:
    """Ids of the controls that a run is held to, and that nothing from here was held against."""
    seen = {one.control for one in held}
    return tuple(name for name in CONTROLS if name not in seen and not name.startswith(_OF_COMMANDS))


def exit_code(held: tuple[Finding, ...]) -> int:
    """0 where all hold; 3 before 4, as everywhere."""
    verdicts = {one.verdict for one in held}
    return 3 if Verdict.FAIL in verdicts else 4 if Verdict.UNKNOWN in verdicts else 0


def _all(
    job: str,
    definition: Mapping[str, Any],
    services: Services,
    account: DeploymentAccount,
    logs: JobLogs,
    plan: Plan | None,
) -> Iterator[Finding]:
    pinned = without_dashes(definition.get("NonOverridableArguments"))
    arguments = JobArguments({**without_dashes(definition.get("DefaultArguments")), **pinned})
    identity = arguments.identity(job=job, fresh_run_id=_NO_RUN)
    yield from check_arguments(identity, arguments)
    attached = str(definition.get("SecurityConfiguration") or "")
    yield from check_attachment(identity, attached)
    configuration, found = _configuration(attached, account)
    yield from found
    keys: dict[str, str] = {}
    if configuration:
        yield from check_configuration(configuration)
        for purpose, name in key_names(configuration).items():
            if name:
                arn, found = check_named_key(
                    purpose, name, services.keys, region=account.region, account=account.account
                )
                yield from found
                keys[purpose] = str(arn or "")
    yield from _pins(job, arguments, pinned)
    yield from _places(arguments, account)
    yield from _code(job, definition, arguments, account, keys.get("s3", ""))
    yield from _connections(definition, services)
    yield from _catalog(services, account)
    yield from _groups(definition, arguments, logs, attached, keys.get("cloudwatch", ""))
    for change in plan.pending if plan else ():
        named = ", ".join(name for name, _, _ in change.details) or "all of it"
        yield failed(
            "GS-DEP-002",
            f"{change.kind} {change.name}",
            found=f"differs from the project: {named}" if change.before else "not as the project has it",
            required="what deploying the project makes",
            fix=_DEPLOY,
        )


def _configuration(
    name: str, account: DeploymentAccount
) -> tuple[SecurityConfiguration | None, list[Finding]]:
    if not name:
        return None, []
    try:
        found = account.configuration(name)
    except ServiceError as error:
        return None, [_unread("GS-SEC-008", name, error, "glue:GetSecurityConfiguration")]
    if found is None:
        return None, [
            failed(
                "GS-SEC-001",
                name,
                found="no such security configuration",
                required="an existing one",
                fix=_DEPLOY,
            )
        ]
    return found, [passed("GS-SEC-008", name, "read")]


def _pins(job: str, arguments: JobArguments, pinned: Mapping[str, str]) -> Iterator[Finding]:
    """GS-DEP-003."""
    wanted = [EVIDENCE_URI, "python-modules-installer-option", "scriptLocation"]
    if arguments.bookmark_option() is not BookmarkOption.DISABLE:
        wanted.append(BOOKMARK_URI)
    missing = [f"--{name}" for name in wanted if not pinned.get(name)]
    if not any(pinned.get(name) for name in _MODULES):
        missing.append(" or ".join(f"--{name}" for name in _MODULES))
    resource = f"job {job!r} NonOverridableArguments"
    if missing:
        yield failed(
            "GS-DEP-003",
            resource,
            found=f"without {', '.join(missing)}",
            required="the script, the guard's code, and the places of evidence and bookmarks",
            fix=f"{_DEPLOY}, which pins them",
        )
    else:
        yield passed("GS-DEP-003", resource, ", ".join(f"--{name}" for name in sorted(pinned)))


def _places(arguments: JobArguments, account: DeploymentAccount) -> Iterator[Finding]:
    """The buckets of evidence and bookmarks. Whether the role may write there, the run finds out."""
    for control, name in (("GS-EVD-001", EVIDENCE_URI), ("GS-BKM-006", BOOKMARK_URI)):
        place = arguments.location(name)
        if place is None:
            if name == EVIDENCE_URI or arguments.bookmark_option() is not BookmarkOption.DISABLE:
                yield failed(
                    control, f"--{name}", found="not given", required="s3://BUCKET/PREFIX/", fix=_DEPLOY
                )
            continue
        try:
            there = account.has_bucket(place.bucket)
        except ServiceError as error:
            yield _unread(control, str(place), error, "s3:ListBucket, on a bucket of this account")
            continue
        if not there:
            yield failed(
                control, str(place), found="no such bucket", required="a bucket of this account", fix=_DEPLOY
            )


def _code(
    job: str,
    definition: Mapping[str, Any],
    arguments: JobArguments,
    account: DeploymentAccount,
    key: str,
) -> Iterator[Finding]:
    """GS-DEP-004 for the script and everything that arguments name as code."""
    script = str((definition.get("Command") or {}).get("ScriptLocation") or "")
    named = [word.strip() for name in _CODE for word in (arguments.get(name) or "").split(",")]
    for text in dict.fromkeys([script, *filter(None, named)]):
        if not text.startswith("s3://"):
            yield failed(
                "GS-DEP-004",
                f"job {job!r}: {text or 'no script'}",
                found="not in S3: whatever a package index has at the time",
                required="an s3:// location",
                fix=_DEPLOY,
            )
            continue
        try:
            found = account.uploaded(S3Uri.parse(text))
        except ServiceError as error:
            yield _unread("GS-DEP-004", text, error, "s3:GetObject and s3:ListBucket")
            continue
        yield _object(text, found, key)


def _object(text: str, found: Uploaded | None, key: str) -> Finding:
    required = f"aws:kms under {key or 'the key of the security configuration'}, with a SHA-256"
    if found is None:
        return failed("GS-DEP-004", text, found="no such object", required=required, fix=_DEPLOY)
    if not key:
        return unknown("GS-DEP-004", text, found="no key to compare with", required=required, fix=_DEPLOY)
    seen = f"{found.algorithm or 'no encryption named'} {found.key}".strip()
    if (found.algorithm, found.key) != ("aws:kms", key):
        return failed("GS-DEP-004", text, found=seen, required=required, fix=_DEPLOY)
    if not found.sha256:
        return unknown("GS-DEP-004", text, found=f"{seen}, no SHA-256", required=required, fix=_DEPLOY)
    return passed("GS-DEP-004", text, f"{seen}, SHA-256 {found.sha256}")


def _connections(definition: Mapping[str, Any], services: Services) -> Iterator[Finding]:
    names = [str(one) for one in (definition.get("Connections") or {}).get("Connections") or ()]
    for one in inspect_connections(
        names, control_plane=services.control_plane, objects=services.objects, clock=services.clock
    ):
        if one.error is not None:
            yield _of_refusal(one.error, f"connection {one.name}")
        else:
            yield from one.findings


def _of_refusal(error: GlueSecureError, resource: str) -> Finding:
    if not isinstance(error, ControlError):
        return unknown(
            "GS-TLS-011", resource, found=str(error), required="a connection that can be read", fix="mend it"
        )
    verdict = Verdict.UNKNOWN if isinstance(error, VerificationError) else Verdict.FAIL
    return Finding(
        error.control, verdict, error.resource, error.found, error.required, error.fix, error.aws_code
    )


def _catalog(services: Services, account: DeploymentAccount) -> Iterator[Finding]:
    """GS-CAT, whether or not the script touches the catalog: from here nobody can tell."""
    resource = f"Data Catalog {account.account}"
    try:
        settings: CatalogEncryption = services.control_plane.catalog_encryption()
    except ServiceError as error:
        yield _unread("GS-CAT-003", resource, error, "glue:GetDataCatalogEncryptionSettings")
        return
    yield passed("GS-CAT-003", resource, settings.mode)
    yield check_metadata(settings, account.account)
    yield check_passwords(settings, account.account)
    for name in dict.fromkeys(filter(None, (settings.key, settings.password_key))):
        yield from check_named_key(
            "catalog", name, services.keys, region=account.region, account=account.account
        )[1]


def _groups(
    definition: Mapping[str, Any], arguments: JobArguments, logs: JobLogs, configuration: str, key: str
) -> Iterator[Finding]:
    """GS-DEP-005."""
    for group in log_groups(definition, arguments, configuration):
        required = f"encryption under {key or 'the key of the security configuration'}"
        fix = "aws logs associate-kms-key, or a stack of the project's template"
        try:
            found = logs.key(group)
        except NotFound:
            yield unknown("GS-DEP-005", group, found="not there yet", required=required, fix=fix)
        except ServiceError as error:
            yield _unread("GS-DEP-005", group, error, "logs:DescribeLogGroups")
        else:
            if key and found == key:
                yield passed("GS-DEP-005", group, found)
            else:
                yield failed("GS-DEP-005", group, found=found or "no key", required=required, fix=fix)


def log_groups(definition: Mapping[str, Any], arguments: JobArguments, configuration: str) -> tuple[str, ...]:
    """Where a job's output goes: continuous logging, errors, output; none without a configuration.

    https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging-enable.html
    https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
    """
    if not configuration:
        return ()
    role = str(definition.get("Role") or "").rpartition("/")[2]
    prefix = arguments.get("custom-logGroup-prefix") or f"/aws-glue/jobs/{configuration}-role/{role}"
    continuous = arguments.get("continuous-log-logGroup") or f"/aws-glue/jobs/logs-v2-{configuration}"
    return continuous, f"{prefix}/error", f"{prefix}/output"


def _unread(control: str, resource: str, error: ServiceError, actions: str) -> Finding:
    return unknown(
        control,
        resource,
        found=str(error),
        required="the answer of AWS",
        fix=f"call as somebody who may {actions}",
        aws_code=error.code,
    )
