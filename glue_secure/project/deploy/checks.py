"""The controls that can be checked for a deployed job without running it. All findings are returned.

The caller has other permissions than the job's role. Controls that depend on the role or on a running job are
reported as checked in a run only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue_secure.aws.deployment import DeploymentAccount, Uploaded
from glue_secure.aws.logs import JobLogs
from glue_secure.connections.verification import inspect_connections
from glue_secure.core.arguments import (
    BOOKMARK_URI,
    EVIDENCE_KEY,
    EVIDENCE_SIGNING_KEY,
    EVIDENCE_URI,
    BookmarkOption,
    JobArguments,
    without_dashes,
)
from glue_secure.core.catalog_encryption import CatalogEncryption, check_metadata, check_passwords
from glue_secure.core.controls import AUDITED_ONLY, CONTROLS, is_reported_only
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError, VerificationError
from glue_secure.core.findings import Finding, Verdict, failed, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.log_groups import log_groups
from glue_secure.core.policy import check_arguments, check_attachment, check_configuration, check_named_key
from glue_secure.core.policy_arguments import POLICY, POLICY_SHA256
from glue_secure.core.ports import Services
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.spark_arguments import settings_of
from glue_secure.policyfile.exceptions import check_exception
from glue_secure.policyfile.loading import load_policy
from glue_secure.policyfile.model import RUN_KEY
from glue_secure.preflight.establish import key_names
from glue_secure.preflight.lake_formation_mode import check_mode
from glue_secure.project.deploy.plan import DeploymentPlan, stack_fix
from glue_secure.project.model import S3A_ENDPOINT, S3A_REGION
from glue_secure.verification.target_keys import check_target_key

_MODULES = ("additional-python-modules", "extra-py-files")
_CODE = (*_MODULES, "extra-jars", "extra-files", "user-jars")
_DEPLOY = "glue-secure deploy"
_S3A_DEFAULT = "us-east-2"
_NO_RUN = "preflight"
# Controls of commands, which no run checks.
_COMMAND_CONTROLS = ("GS-CAT-004", "GS-DEP", "GS-LF")


def findings(
    job: str,
    *,
    services: Services,
    account: DeploymentAccount,
    logs: JobLogs,
    plan: DeploymentPlan | None = None,
) -> tuple[Finding, ...]:
    """Return the findings of all checks, in the order of a run. Nothing is written and no secret is read.

    Args:
        job: Name of the job.
        services: The services of a run.
        account: The account in which the job is deployed.
        logs: The account's CloudWatch Logs.
        plan: The deployment of the project; each pending step is a finding.

    Raises:
        UsageError: The job does not exist or its arguments are invalid, so that a run would fail too.
        VerificationError: The job cannot be read (GS-SEC-008).
    """
    try:
        definition = account.job(job)
    except ServiceError as error:
        raise VerificationError(
            "GS-SEC-008",
            resource=f"job {job!r}",
            found=str(error),
            required="an answer from GetJob",
            fix="use a role with the permission glue:GetJob",
            aws_code=error.code,
        ) from error
    if definition is None:
        raise UsageError(
            "--job-name", found=f"{job!r}, which does not exist", required="a job of AWS Glue", fix=_DEPLOY
        )
    return tuple(_all(job, definition, services, account, logs, plan))


def run_only_controls(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return the ids of the controls that a run checks and that have no finding here."""
    checked = {finding.control for finding in findings}
    return tuple(
        name
        for name in CONTROLS
        if name not in checked and name not in AUDITED_ONLY and not name.startswith(_COMMAND_CONTROLS)
    )


def exit_code(findings: tuple[Finding, ...]) -> int:
    """Return 3 if a finding failed, else 4 if one is unknown, else 0. Some controls are reported only."""
    verdicts = {one.verdict for one in findings if not is_reported_only(one.control, one.verdict.value)}
    return 3 if Verdict.FAIL in verdicts else 4 if Verdict.UNKNOWN in verdicts else 0


def _all(
    job: str,
    definition: Mapping[str, Any],
    services: Services,
    account: DeploymentAccount,
    logs: JobLogs,
    plan: DeploymentPlan | None,
) -> Iterator[Finding]:
    fixed = without_dashes(definition.get("NonOverridableArguments"))
    arguments = JobArguments({**without_dashes(definition.get("DefaultArguments")), **fixed})
    identity = arguments.identity(job=job, fresh_run_id=_NO_RUN)
    yield from check_arguments(identity, arguments)
    yield from _policy(arguments, services, account)
    attached = str(definition.get("SecurityConfiguration") or "")
    yield from check_attachment(identity, attached)
    configuration, configuration_findings = _configuration(attached, account)
    yield from configuration_findings
    keys: dict[str, str] = {}
    if configuration:
        yield from check_configuration(configuration)
        for purpose, name in key_names(configuration).items():
            if name:
                arn, key_findings = check_named_key(
                    purpose, name, services.keys, region=account.region, account=account.account
                )
                yield from key_findings
                keys[purpose] = str(arn or "")
    yield _fixed_arguments(job, arguments, fixed)
    workers = definition.get("NumberOfWorkers")
    glue = str(definition.get("GlueVersion") or "")
    yield from check_mode(job, glue, arguments, workers)
    yield from _s3a_region(job, glue, arguments, account)
    yield from _locations(arguments, account, plan.project.environment if plan else "")
    yield from _code(job, definition, arguments, account, keys.get("s3", ""))
    yield from _connections(definition, services)
    yield from _catalog(services, account)
    yield from _log_groups(definition, arguments, logs, attached, keys.get("cloudwatch", ""))
    for change in plan.pending if plan else ():
        fields = ", ".join(name for name, _, _ in change.details) or "all fields"
        yield failed(
            "GS-DEP-002",
            f"{change.kind} {change.name}",
            found=f"differs from the project: {fields}" if change.before else "missing or different",
            required="the resource as the project file defines it",
            fix=_DEPLOY,
        )


def _policy(arguments: JobArguments, services: Services, account: DeploymentAccount) -> Iterator[Finding]:
    """GS-POL-001, and GS-KMS of each key that a target of the policy file names."""
    try:
        loaded, findings = load_policy(
            arguments,
            objects=services.objects,
            keys=services.keys,
            catalog=services.control_plane,
            account=account.account,
        )
    except ControlError as error:
        yield _finding_of(error, "the policy file")
        return
    yield from findings
    today = services.clock.now().date()
    policy = loaded.policy
    for exception in policy.exceptions:
        checked = check_exception(exception, 0, today, policy.exception_days)
        if checked.verdict is Verdict.FAIL:
            yield checked
    for target in policy.targets:
        key = target.accepted[0].key
        if key not in ("", RUN_KEY):
            owner = KmsKeyArn.parse(key).account if target.shared_key else account.account
            yield from check_target_key(
                target.name,
                key,
                target.prefix.bucket if target.prefix is not None else "",
                keys=services.keys,
                objects=services.objects,
                region=account.region,
                account=owner,
            )


def _configuration(
    name: str, account: DeploymentAccount
) -> tuple[SecurityConfiguration | None, list[Finding]]:
    if not name:
        return None, []
    try:
        configuration = account.configuration(name)
    except ServiceError as error:
        return None, [_unreadable("GS-SEC-008", name, error, "glue:GetSecurityConfiguration")]
    if configuration is None:
        return None, [
            failed(
                "GS-SEC-001",
                name,
                found="no such security configuration",
                required="an existing security configuration",
                fix=_DEPLOY,
            )
        ]
    return configuration, [passed("GS-SEC-008", name, "read")]


def _fixed_arguments(job: str, arguments: JobArguments, fixed: Mapping[str, str]) -> Finding:
    """GS-DEP-003."""
    names = [EVIDENCE_URI, "python-modules-installer-option", "scriptLocation"]
    if arguments.bookmark_option() is not BookmarkOption.DISABLE:
        names.append(BOOKMARK_URI)
    optional = (POLICY, POLICY_SHA256, EVIDENCE_KEY, EVIDENCE_SIGNING_KEY)
    names += [name for name in optional if arguments.get(name) is not None]
    missing = [f"--{name}" for name in names if not fixed.get(name)]
    if not any(fixed.get(name) for name in _MODULES):
        missing.append(" or ".join(f"--{name}" for name in _MODULES))
    resource = f"job {job!r} NonOverridableArguments"
    if missing:
        return failed(
            "GS-DEP-003",
            resource,
            found=f"missing: {', '.join(missing)}",
            required="the script, the code of glue-secure, and the locations of evidence and bookmarks",
            fix=_DEPLOY,
        )
    return passed("GS-DEP-003", resource, ", ".join(f"--{name}" for name in sorted(fixed)))


def _s3a_region(
    job: str, glue: str, arguments: JobArguments, account: DeploymentAccount
) -> Iterator[Finding]:
    """GS-DEP-006, for the versions in which S3A is the S3 client of Spark.

    https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html
    """
    if _version(glue) < (5, 1):
        return
    settings = settings_of(arguments.get("conf") or "")
    found = settings.get(S3A_REGION) or settings.get(S3A_ENDPOINT)
    resource = f"job {job!r}, Glue {glue}"
    if found or account.region == _S3A_DEFAULT:
        yield passed("GS-DEP-006", resource, found or _S3A_DEFAULT)
    else:
        yield failed(
            "GS-DEP-006",
            resource,
            found=f"--conf without {S3A_REGION}: S3A sends requests to {_S3A_DEFAULT}",
            required=account.region,
            fix=f"{_DEPLOY}, or add --conf {S3A_REGION}={account.region} to the job's arguments",
        )


def _version(glue: str) -> tuple[int, ...]:
    return tuple(int(part) for part in glue.split(".") if part.isdigit())


def _locations(arguments: JobArguments, account: DeploymentAccount, environment: str) -> Iterator[Finding]:
    """Check the buckets of evidence and bookmarks. Only a run can check that the role may write there."""
    for control, name in (("GS-EVD-001", EVIDENCE_URI), ("GS-BKM-006", BOOKMARK_URI)):
        location = arguments.location(name)
        if location is None:
            if name == EVIDENCE_URI or arguments.bookmark_option() is not BookmarkOption.DISABLE:
                yield failed(
                    control, f"--{name}", found="missing", required="s3://BUCKET/PREFIX/", fix=_DEPLOY
                )
            continue
        try:
            exists = account.has_bucket(location.bucket)
        except ServiceError as error:
            yield _unreadable(control, str(location), error, "s3:ListBucket on a bucket of this account")
            continue
        if not exists:
            yield failed(
                control,
                str(location),
                found="no such bucket",
                required="a bucket of this account",
                fix=stack_fix(environment),
            )


def _code(
    job: str,
    definition: Mapping[str, Any],
    arguments: JobArguments,
    account: DeploymentAccount,
    key: str,
) -> Iterator[Finding]:
    """GS-DEP-004 for the script and each location of code in the arguments."""
    script = str((definition.get("Command") or {}).get("ScriptLocation") or "")
    modules = [word.strip() for name in _CODE for word in (arguments.get(name) or "").split(",")]
    for location in dict.fromkeys([script, *filter(None, modules)]):
        if not location.startswith("s3://"):
            yield failed(
                "GS-DEP-004",
                f"job {job!r}: {location or 'no script'}",
                found="not in S3: the content depends on a package index at the time of the run",
                required="an s3:// location",
                fix=_DEPLOY,
            )
            continue
        try:
            uploaded = account.uploaded(S3Uri.parse(location))
        except ServiceError as error:
            yield _unreadable("GS-DEP-004", location, error, "s3:GetObject and s3:ListBucket")
            continue
        yield _object(location, uploaded, key)


def _object(location: str, uploaded: Uploaded | None, key: str) -> Finding:
    required = f"aws:kms under {key or 'the key of the security configuration'}, with a SHA-256"
    if uploaded is None:
        return failed("GS-DEP-004", location, found="no such object", required=required, fix=_DEPLOY)
    if not key:
        return unknown("GS-DEP-004", location, found="the key is unknown", required=required, fix=_DEPLOY)
    encryption = f"{uploaded.algorithm or 'no encryption reported'} {uploaded.key}".strip()
    if (uploaded.algorithm, uploaded.key) != ("aws:kms", key):
        return failed("GS-DEP-004", location, found=encryption, required=required, fix=_DEPLOY)
    if not uploaded.sha256:
        found = f"{encryption}, no SHA-256"
        return unknown("GS-DEP-004", location, found=found, required=required, fix=_DEPLOY)
    return passed("GS-DEP-004", location, f"{encryption}, SHA-256 {uploaded.sha256}")


def _connections(definition: Mapping[str, Any], services: Services) -> Iterator[Finding]:
    names = [str(name) for name in (definition.get("Connections") or {}).get("Connections") or ()]
    for connection in inspect_connections(
        names, control_plane=services.control_plane, objects=services.objects, clock=services.clock
    ):
        if connection.error is not None:
            yield _finding_of(connection.error, f"connection {connection.name}")
        else:
            yield from connection.findings


def _finding_of(error: GlueSecureError, resource: str) -> Finding:
    """Return the finding that an error stands for."""
    if not isinstance(error, ControlError):
        return unknown(
            "GS-TLS-011",
            resource,
            found=str(error),
            required="a valid connection",
            fix="correct the connection in the Data Catalog",
        )
    verdict = Verdict.UNKNOWN if isinstance(error, VerificationError) else Verdict.FAIL
    return Finding(
        error.control, verdict, error.resource, error.found, error.required, error.fix, error.aws_code
    )


def _catalog(services: Services, account: DeploymentAccount) -> Iterator[Finding]:
    """GS-CAT, whether or not the script uses the Data Catalog: only a run can determine that."""
    resource = f"Data Catalog {account.account}"
    try:
        settings: CatalogEncryption = services.control_plane.catalog_encryption()
    except ServiceError as error:
        yield _unreadable("GS-CAT-003", resource, error, "glue:GetDataCatalogEncryptionSettings")
        return
    yield passed("GS-CAT-003", resource, settings.mode)
    yield check_metadata(settings, account.account)
    yield check_passwords(settings, account.account)
    for name in dict.fromkeys(filter(None, (settings.key, settings.password_key))):
        _, key_findings = check_named_key(
            "catalog", name, services.keys, region=account.region, account=account.account
        )
        yield from key_findings


def _log_groups(
    definition: Mapping[str, Any], arguments: JobArguments, logs: JobLogs, configuration: str, key: str
) -> Iterator[Finding]:
    """GS-DEP-005."""
    for group in log_groups_of(definition, arguments, configuration):
        required = f"encryption under {key or 'the key of the security configuration'}"
        options = f"--log-group-name {group} --kms-key-id {key or 'KEY_ARN'}"
        fix = f"aws logs associate-kms-key {options}"
        try:
            group_key = logs.key(group)
        except NotFound:
            create = (
                "update the stack of the project's template, which creates it; for a job without a stack: "
                f"aws logs create-log-group {options}"
            )
            yield unknown("GS-DEP-005", group, found="does not exist yet", required=required, fix=create)
        except ServiceError as error:
            yield _unreadable("GS-DEP-005", group, error, "logs:DescribeLogGroups")
        else:
            if key and group_key == key:
                yield passed("GS-DEP-005", group, group_key)
            else:
                yield failed("GS-DEP-005", group, found=group_key or "no key", required=required, fix=fix)


def log_groups_of(
    definition: Mapping[str, Any], arguments: JobArguments, configuration: str
) -> tuple[str, ...]:
    """Return the log groups that a deployed job may write to. Empty without a configuration."""
    role = str(definition.get("Role") or "").rpartition("/")[2]
    return log_groups(configuration, role, arguments) if configuration else ()


def _unreadable(control: str, resource: str, error: ServiceError, actions: str) -> Finding:
    return unknown(
        control,
        resource,
        found=str(error),
        required="an answer from AWS",
        fix=f"use a role with the permission {actions}",
        aws_code=error.code,
    )
