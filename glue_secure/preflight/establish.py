"""Before the first read: which security configuration counts for this run, and do its keys hold.

Nothing here touches Spark or data, so it can run while the JVM starts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from glue_secure.core.arguments import JobArguments, JobIdentity
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.policy import check_arguments, check_attachment, check_configuration, check_key
from glue_secure.core.ports import ControlPlane, Environment, KeyService
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.spark_conf import SettingsPlan, plan_settings


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a run may rely on: established, not assumed.

    Attributes:
        configuration: the one attached to the run.
        keys: purpose (``s3``, ``job-bookmarks``, ``cloudwatch``, ``data-quality``) → key.
        plan: the Hadoop settings that follow.
        account: twelve digits.
        region: where the run takes place.
        findings: every control that was held, all passes.
        seconds: how long it took to establish.
    """

    configuration: SecurityConfiguration
    keys: Mapping[str, KmsKeyArn]
    plan: SettingsPlan
    account: str
    region: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0


def establish(
    identity: JobIdentity,
    arguments: JobArguments,
    *,
    control_plane: ControlPlane,
    keys: KeyService,
    environment: Environment,
) -> Preflight:
    """Hold the run's configuration and keys against the policy.

    Raises:
        RefusedError: the first control of GS-SEC or GS-KMS that fails.
        VerificationError: a control could not be decided (access denied, no answer).
    """
    begun = time.perf_counter()
    findings = list(enforce(check_arguments(identity, arguments)))
    configuration, attachment = _configuration(identity, control_plane)
    findings += attachment
    findings += enforce(check_configuration(configuration))
    account = _account(identity, environment)
    arns: dict[str, KmsKeyArn] = {}
    key_findings: list[Finding] = []
    for purpose, name in key_names(configuration).items():
        arn, found = named_key(purpose, name, keys, region=environment.region, account=account)
        key_findings += found
        if arn is not None:
            arns[purpose] = arn
    findings += enforce(key_findings)
    findings += enforce(_probe(purpose, arns[purpose], keys) for purpose in ("s3", "job-bookmarks"))
    return Preflight(
        configuration=configuration,
        keys=arns,
        plan=plan_settings(arns["s3"], s3_endpoint=environment.s3_endpoint),
        account=account,
        region=environment.region,
        findings=tuple(findings),
        seconds=time.perf_counter() - begun,
    )


def arguments_of_job(job: str, control_plane: ControlPlane) -> Mapping[str, str]:
    """The job's own arguments, for commands.

    Raises:
        UsageError: there is no such job.
        VerificationError: the answer of the Glue API is missing (GS-SEC-008).
    """
    try:
        return control_plane.default_arguments(job)
    except NotFound:
        raise UsageError(
            "JOB", found=f"{job!r}, which does not exist", required="a job of AWS Glue"
        ) from None
    except ServiceError as error:
        stop(_unreadable(f"job {job!r}", error, "glue:GetJob"))


def bookmark_key(
    identity: JobIdentity, *, control_plane: ControlPlane, keys: KeyService, environment: Environment
) -> KmsKeyArn:
    """The key of the job's bookmark, found as a run finds it; for commands, which touch no other key.

    Raises:
        RefusedError: the first control of GS-SEC, or of GS-KMS for that key, that fails.
        VerificationError: a control could not be decided.
    """
    configuration, _ = _configuration(identity, control_plane)
    enforce(check_configuration(configuration))
    name = key_names(configuration)["job-bookmarks"]
    return required_key(name, identity, keys=keys, environment=environment)


def required_key(
    name: str, identity: JobIdentity, *, keys: KeyService, environment: Environment, probe: bool = False
) -> KmsKeyArn:
    """The ARN of a key for the job's bookmark, held against GS-KMS as a configuration's key is.

    ``probe`` tries it, too.

    Raises:
        RefusedError: it is disabled, not customer managed, not symmetric, or elsewhere.
        VerificationError: KMS denies, or does not answer.
    """
    account = _account(identity, environment)
    arn, found = named_key("job-bookmarks", name, keys, region=environment.region, account=account)
    enforce(found)
    if arn is None:
        raise ValueError(f"no finding says why there is no key {name}")
    if probe:
        enforce([_probe("job-bookmarks", arn, keys)])
    return arn


def _configuration(
    identity: JobIdentity, control_plane: ControlPlane
) -> tuple[SecurityConfiguration, tuple[Finding, ...]]:
    run = f"job {identity.job!r} run {identity.run_id}"
    run_id = str(identity.run_id) if identity.started_by_control_plane else None
    try:
        attached = control_plane.attached_configuration(identity.job, run_id)
    except ServiceError as error:
        stop(_unreadable(run, error, "glue:GetJobRun and glue:GetJob"))
    findings = enforce(check_attachment(identity, attached))
    name = str(attached)
    try:
        return control_plane.security_configuration(name), findings
    except NotFound:
        missing = failed(
            "GS-SEC-001",
            run,
            found=f"{name}, which does not exist",
            required="an existing security configuration",
            fix="create it, or attach another to the job",
        )
        stop(missing)
    except ServiceError as error:
        stop(_unreadable(name, error, "glue:GetSecurityConfiguration"))


def _unreadable(resource: str, error: ServiceError, actions: str) -> Finding:
    return unknown(
        "GS-SEC-008",
        resource,
        found=str(error),
        required="the answer of the Glue API",
        fix=f"give the job's role {actions}, and the job a route to the Glue endpoint",
        aws_code=error.code,
    )


def _account(identity: JobIdentity, environment: Environment) -> str:
    try:
        return environment.account
    except ServiceError as error:
        stop(_unreadable(f"job {identity.job!r}", error, "sts:GetCallerIdentity"))


def key_names(configuration: SecurityConfiguration) -> dict[str, str]:
    """Purpose → name of its key, for what the configuration has."""
    settings = {
        "s3": configuration.s3[0] if configuration.s3 else None,
        "job-bookmarks": configuration.job_bookmarks,
        "cloudwatch": configuration.cloudwatch,
        "data-quality": configuration.data_quality,
    }
    return {purpose: setting.key for purpose, setting in settings.items() if setting is not None}


def named_key(
    purpose: str, name: str, keys: KeyService, *, region: str, account: str
) -> tuple[KmsKeyArn | None, list[Finding]]:
    """The ARN behind a key's name, and GS-KMS-001 to -005 held against it; None when KMS tells no key."""
    resource = f"{name} ({purpose})"
    try:
        key = keys.describe(name)
    except NotFound as error:
        required, fix = "an existing key", "create a security configuration that names an existing key"
        return None, [failed("GS-KMS-001", resource, found=str(error), required=required, fix=fix)]
    except (ServiceError, UsageError) as error:
        code = error.code if isinstance(error, ServiceError) else None
        required = "the answer of DescribeKey"
        fix = "give the job's role kms:DescribeKey on the key, and the job a route to the KMS endpoint"
        return None, [
            unknown("GS-KMS-001", resource, found=str(error), required=required, fix=fix, aws_code=code)
        ]
    return key.arn, [
        passed("GS-KMS-001", resource, str(key.arn)),
        *check_key(purpose, key, region=region, account=account),
    ]


def _probe(purpose: str, key: KmsKeyArn, keys: KeyService) -> Finding:
    resource = f"{key} ({purpose})"
    try:
        keys.probe(key)
    except ServiceError as error:
        return unknown(
            "GS-KMS-006",
            resource,
            found=str(error),
            required="GenerateDataKey and Decrypt succeed",
            fix="give the job's role kms:GenerateDataKey and kms:Decrypt on the key",
            aws_code=error.code,
        )
    return passed("GS-KMS-006", resource, "GenerateDataKey and Decrypt succeeded")
