"""Checks before a run touches data: its security configuration, and the keys that it names.

Nothing here uses Spark or reads data, so it can run while the JVM starts.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from glue_secure.core.arguments import (
    BOOKMARK_URI,
    EVIDENCE_KEY,
    EVIDENCE_SIGNING_KEY,
    EVIDENCE_URI,
    JobArguments,
    JobIdentity,
)
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence_keys import check_encryption_key, check_signing_key
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import RunKeys, SigningKey
from glue_secure.core.policy import check_arguments, check_attachment, check_configuration, check_named_key
from glue_secure.core.ports import ControlPlane, Environment, KeyService, Services
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.spark_conf import SettingsPlan, plan_settings
from glue_secure.core.target_encryption import Algorithm, EncryptionRules
from glue_secure.policyfile.loading import LoadedPolicy, load_policy
from glue_secure.policyfile.model import rules_of


@dataclass(frozen=True, slots=True)
class Preflight:
    """The facts of a run that were checked before it started.

    Attributes:
        configuration: the security configuration attached to the run.
        keys: its keys.
        plan: the Hadoop settings that follow from it.
        account: the AWS account, twelve digits.
        region: the AWS Region of the run.
        findings: the findings of every check; all are passes.
        policy: the policy of the run, with the files that state it.
        caller: ARN of the caller of the AWS APIs.
        seconds: duration.
    """

    configuration: SecurityConfiguration
    keys: RunKeys
    plan: SettingsPlan
    account: str
    region: str
    findings: tuple[Finding, ...]
    policy: LoadedPolicy = field(default_factory=LoadedPolicy)
    caller: str = ""
    seconds: float = 0.0


def establish(
    identity: JobIdentity,
    arguments: JobArguments,
    services: Services,
    findings: list[Finding] | None = None,
) -> Preflight:
    """Check the run's arguments, security configuration and keys, and return them.

    Args:
        identity: the job and the run.
        arguments: the job's arguments.
        services: the services that the run calls.
        findings: a list that gets the findings of the checks, also if one of them stops the run.

    Raises:
        UsageError: the policy file is invalid.
        RefusedError: a check of GS-POL, GS-SEC or GS-KMS failed.
        VerificationError: a check could not be completed (access denied, no answer).
    """
    started = time.perf_counter()
    environment = services.environment
    findings = [] if findings is None else findings
    findings += enforce(check_arguments(identity, arguments))
    account = _account(identity, environment)
    policy, policy_findings = load_policy(
        arguments,
        objects=services.objects,
        keys=services.keys,
        catalog=services.control_plane,
        account=account,
    )
    findings += policy_findings
    configuration, configuration_findings = _configuration(identity, services.control_plane, environment)
    findings += configuration_findings
    arns: dict[str, KmsKeyArn] = {}
    key_findings: list[Finding] = []
    for purpose, name in key_names(configuration).items():
        arn, checked = check_named_key(
            purpose, name, services.keys, region=environment.region, account=account
        )
        key_findings += checked
        if arn is not None:
            arns[purpose] = arn
    findings += enforce(key_findings)
    findings += enforce(
        check_usable(purpose, arns[purpose], services.keys) for purpose in ("s3", "job-bookmarks")
    )
    evidence_keys = named_evidence_keys(arguments, services.keys)
    findings += enforce(evidence_keys.findings)
    keys = RunKeys(
        arns["s3"],
        arns["job-bookmarks"],
        arns["cloudwatch"],
        arns.get("data-quality"),
        evidence_keys.encryption,
        evidence_keys.signing,
    )
    rules = rules_of(policy.policy, keys.s3)
    _require_own_encryption(arguments, rules, keys)
    return Preflight(
        configuration=configuration,
        keys=keys,
        plan=plan_settings(keys.s3, s3_endpoint=environment.s3_endpoint, rules=rules),
        account=account,
        region=environment.region,
        findings=tuple(findings),
        policy=policy,
        caller=environment.caller,
        seconds=time.perf_counter() - started,
    )


def _require_own_encryption(arguments: JobArguments, rules: EncryptionRules, keys: RunKeys) -> None:
    """Require that the policy accepts how the run stores evidence and bookmarks: SSE-KMS under its key.

    If the job names a key for its evidence, the policy does not decide about the evidence.

    Raises:
        UsageError: a target requires another encryption there.
    """
    for name in (EVIDENCE_URI, BOOKMARK_URI):
        location = arguments.location(name)
        if location is None or (name == EVIDENCE_URI and keys.named_for_evidence is not None):
            continue
        own = rules.default.written
        for rule in (rules.rule(location), *rules.below(location)):
            is_accepted = rule.accepts(own.algorithm.header, own.key) and rule.bucket_key is None
            if not is_accepted and not rule.accepts(Algorithm.SSE_S3.header, ""):
                raise UsageError(
                    f"--{name}",
                    found=f"{location}, where target {rule.entry} of the policy file requires {rule}",
                    required=f"{own}, which bookmarks and evidence are stored with",
                    fix=f'add a [[targets]] entry with prefix = "{location}", encryption = "SSE-KMS" and '
                    'keys = ["run"] to the policy file, or use another location',
                )


@dataclass(frozen=True, slots=True)
class EvidenceKeys:
    """The keys that the job's arguments name for its evidence, with the findings about them.

    Attributes:
        encryption: None if no argument names it, or it cannot be used.
        signing: None as for ``encryption``.
        findings: one of GS-EVD-002 for each argument.
    """

    encryption: KmsKeyArn | None
    signing: SigningKey | None
    findings: tuple[Finding, ...]


def named_evidence_keys(arguments: JobArguments, keys: KeyService) -> EvidenceKeys:
    """Return the keys of the arguments EVIDENCE_KEY and EVIDENCE_SIGNING_KEY, checked (GS-EVD-002)."""
    findings: list[Finding] = []
    encryption = signing = None
    if name := arguments.get(EVIDENCE_KEY):
        encryption, finding = check_encryption_key(EVIDENCE_KEY, name, keys)
        findings.append(finding)
    if name := arguments.get(EVIDENCE_SIGNING_KEY):
        signing, finding = check_signing_key(EVIDENCE_SIGNING_KEY, name, keys)
        findings.append(finding)
    return EvidenceKeys(encryption, signing, tuple(findings))


def arguments_of_job(job: str, control_plane: ControlPlane) -> Mapping[str, str]:
    """Return the default arguments of a deployed job, for commands.

    Raises:
        UsageError: there is no such job.
        VerificationError: the Glue API did not answer (GS-SEC-008).
    """
    try:
        return control_plane.default_arguments(job)
    except NotFound:
        raise UsageError(
            "JOB", found=f"{job!r}, which does not exist", required="the name of a job in AWS Glue"
        ) from None
    except ServiceError as error:
        stop(_unreadable(f"job {job!r}", error, "glue:GetJob"))


def bookmark_key(
    identity: JobIdentity, *, control_plane: ControlPlane, keys: KeyService, environment: Environment
) -> KmsKeyArn:
    """Return the key of the job's bookmark, checked as a run checks it. For commands, which use no other key.

    Raises:
        RefusedError: a check of GS-SEC, or of GS-KMS for that key, failed.
        VerificationError: a check could not be completed.
    """
    configuration, _ = _configuration(identity, control_plane, environment)
    name = key_names(configuration)["job-bookmarks"]
    return required_key(name, identity, keys=keys, environment=environment)


def required_key(
    name: str, identity: JobIdentity, *, keys: KeyService, environment: Environment, probe: bool = False
) -> KmsKeyArn:
    """Return the ARN of a key for the job's bookmark, after the checks of GS-KMS.

    Args:
        name: key id, ARN or alias.
        identity: the job.
        keys: AWS KMS.
        environment: account and region that the key must be in.
        probe: whether to call GenerateDataKey and Decrypt, too.

    Raises:
        RefusedError: the key is disabled, not customer managed, not symmetric, or elsewhere.
        VerificationError: KMS denied the call, or did not answer.
    """
    account = _account(identity, environment)
    arn, findings = check_named_key("job-bookmarks", name, keys, region=environment.region, account=account)
    enforce(findings)
    if arn is None:
        raise ValueError(f"the findings about key {name} pass, but there is no ARN")
    if probe:
        enforce([check_usable("job-bookmarks", arn, keys)])
    return arn


def key_names(configuration: SecurityConfiguration) -> dict[str, str]:
    """Return purpose → name of its key, for each entry that the configuration has."""
    settings = {
        "s3": configuration.s3[0] if configuration.s3 else None,
        "job-bookmarks": configuration.job_bookmarks,
        "cloudwatch": configuration.cloudwatch,
        "data-quality": configuration.data_quality,
    }
    return {purpose: setting.key for purpose, setting in settings.items() if setting is not None}


def check_usable(purpose: str, key: KmsKeyArn, keys: KeyService) -> Finding:
    """Check that the key encrypts and decrypts a data key (GS-KMS-006)."""
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


def _configuration(
    identity: JobIdentity, control_plane: ControlPlane, environment: Environment
) -> tuple[SecurityConfiguration, tuple[Finding, ...]]:
    """Return the configuration that is attached to the run, and the findings of GS-SEC-001 to -006."""
    run = f"job {identity.job!r} run {identity.run_id}"
    run_id = str(identity.run_id) if identity.started_by_control_plane else None
    try:
        attached = control_plane.attached_configuration(identity.job, run_id)
    except NotFound as error:
        stop(_unknown_job(identity, run_id, error, control_plane, environment))
    except ServiceError as error:
        stop(_unreadable(run, error, "glue:GetJobRun and glue:GetJob"))
    findings = enforce(check_attachment(identity, attached))
    name = str(attached)
    try:
        configuration = control_plane.security_configuration(name)
    except NotFound:
        stop(
            failed(
                "GS-SEC-001",
                run,
                found=f"{name}, which does not exist",
                required="an existing security configuration",
                fix="create it, or attach another to the job",
            )
        )
    except ServiceError as error:
        stop(_unreadable(name, error, "glue:GetSecurityConfiguration"))
    return configuration, (*findings, *enforce(check_configuration(configuration)))


def _unknown_job(
    identity: JobIdentity,
    run_id: str | None,
    error: ServiceError,
    control_plane: ControlPlane,
    environment: Environment,
) -> Finding:
    """Return the finding about a job, or a run of a job, that the account does not have (GS-SEC-008)."""
    found = f"no job of this name in account {_account(identity, environment)}, region {environment.region}"
    fix = "deploy the job, or pass the name of a deployed job as --JOB_NAME"
    if run_id is not None:
        with suppress(ServiceError):
            control_plane.attached_configuration(identity.job, None)
            found = f"no run {run_id} of this job; the job exists"
            fix = "omit --JOB_RUN_ID, which Glue passes to the runs that it starts"
    if environment.kind == "embedded":
        fix = f"glue-secure run SCRIPT --JOB_NAME {shlex.quote(identity.job)}"
    return unknown(
        "GS-SEC-008",
        f"job {identity.job!r}",
        found=found,
        required="a job of the account, whose security configuration applies to the run",
        fix=f"{fix}; in a test, use the pytest fixture glue_job",
        aws_code=error.code,
    )


def _account(identity: JobIdentity, environment: Environment) -> str:
    try:
        return environment.account
    except ServiceError as error:
        stop(_unreadable(f"job {identity.job!r}", error, "sts:GetCallerIdentity", api="STS"))


def _unreadable(resource: str, error: ServiceError, actions: str, *, api: str = "Glue") -> Finding:
    return unknown(
        "GS-SEC-008",
        resource,
        found=str(error),
        required=f"the answer of the {api} API",
        fix=f"give the job's role {actions}, and the job a route to the {api} endpoint",
        aws_code=error.code,
    )
