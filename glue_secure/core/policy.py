"""What a run must be like, as a value, and pure functions that hold facts against it.

A check gives :class:`Finding` values; :func:`enforce` turns the first that is not a pass into a
:class:`~glue_secure.core.errors.RefusedError` or :class:`~glue_secure.core.errors.VerificationError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from glue_secure.core.arguments import JobArguments, JobIdentity
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.security_configuration import EncryptionSetting, SecurityConfiguration


class Verdict(str, Enum):
    """The outcome of one control. UNKNOWN stops a run exactly as FAIL does."""

    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Finding:
    """One control held against one resource."""

    control: str
    verdict: Verdict
    resource: str
    found: str
    required: str = ""
    fix: str = ""
    aws_code: str | None = None


def passed(control: str, resource: str, found: str) -> Finding:
    """A pass, with what was seen."""
    return Finding(control, Verdict.PASS, resource, found)


def failed(control: str, resource: str, *, found: str, required: str, fix: str) -> Finding:
    """A fail, with what mends it."""
    return Finding(control, Verdict.FAIL, resource, found, required, fix)


def unknown(
    control: str, resource: str, *, found: str, required: str, fix: str, aws_code: str | None = None
) -> Finding:
    """Not decided: what stood in the way, and what would decide it."""
    return Finding(control, Verdict.UNKNOWN, resource, found, required, fix, aws_code)


def enforce(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings when all pass; raise for the first fail, else for the first unknown."""
    findings = tuple(findings)
    for verdict, error in ((Verdict.FAIL, RefusedError), (Verdict.UNKNOWN, VerificationError)):
        bad = [finding for finding in findings if finding.verdict is verdict]
        if bad:
            first = bad[0]
            rest = tuple(
                dict.fromkeys(f.control for f in findings if f.verdict is not Verdict.PASS and f is not first)
            )
            raise error(
                first.control,
                resource=first.resource,
                found=first.found,
                required=first.required,
                fix=first.fix,
                also=tuple(control for control in rest if control != first.control),
                aws_code=first.aws_code,
            )
    return findings


def stop(finding: Finding) -> NoReturn:
    """Raise for one finding that is not a pass."""
    enforce([finding])
    raise AssertionError(f"{finding.control} passed; there is nothing to stop for")


@dataclass(frozen=True, slots=True)
class Waiver:
    """A demand lowered on purpose, by somebody, until a day. It shows in the evidence.

    Attributes:
        control: the control it lowers.
        resource: the one resource it is for.
        reason: why, for the auditor.
        expires: ISO 8601 date; from that day on the waiver counts for nothing.
    """

    control: str
    resource: str
    reason: str
    expires: str


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """What is demanded. The default is the strictest there is.

    Attributes:
        s3_mode: the only mode accepted for every S3 entry.
        cloudwatch_mode: the only mode accepted for CloudWatch Logs.
        job_bookmarks_mode: the only mode accepted for job bookmarks.
        data_quality_mode: the only mode accepted for data quality results, where the configuration names one.
    """

    s3_mode: str = "SSE-KMS"
    cloudwatch_mode: str = "SSE-KMS"
    job_bookmarks_mode: str = "CSE-KMS"
    data_quality_mode: str = "SSE-KMS"


STRICT = SecurityPolicy()


def check_attachment(identity: JobIdentity, attached: str | None) -> list[Finding]:
    """GS-SEC-001, GS-SEC-002: a configuration is attached, and it is the one the arguments claim."""
    run = f"job {identity.job!r} run {identity.run_id}"
    if not attached:
        return [
            failed(
                "GS-SEC-001",
                run,
                found="no security configuration",
                required="a security configuration with SSE-KMS, SSE-KMS and CSE-KMS",
                fix=f"attach one to the job (console: Job details, Security configuration; "
                f"API: UpdateJob with SecurityConfiguration) and run {identity.job!r} again",
            )
        ]
    findings = [passed("GS-SEC-001", run, attached)]
    if identity.claimed_configuration is None:
        return findings
    if identity.claimed_configuration == attached:
        return [*findings, passed("GS-SEC-002", run, attached)]
    mismatch = failed(
        "GS-SEC-002",
        run,
        found=f"--SECURITY_CONFIGURATION {identity.claimed_configuration}",
        required=f"{attached}, which is attached to the run",
        fix="remove the argument SECURITY_CONFIGURATION; Glue sets it by itself",
    )
    return [*findings, mismatch]


def check_arguments(identity: JobIdentity, arguments: JobArguments) -> list[Finding]:
    """GS-SEC-009, -011: no argument asks for weaker encryption, and none carries a secret."""
    return [_legacy(identity, arguments), _secrets(identity, arguments)]


def _secrets(identity: JobIdentity, arguments: JobArguments) -> Finding:
    names = arguments.with_secrets()
    if not names:
        return passed("GS-SEC-011", f"job {identity.job!r}", f"{len(arguments.values)} arguments")
    return failed(
        "GS-SEC-011",
        f"job {identity.job!r}",
        found=f"a secret in {', '.join(f'--{name}' for name in names)}",
        required="arguments that anybody may see",
        fix="keep it in AWS Secrets Manager, name it in a Glue connection (SECRET_ID), and make a new one: "
        "this one has been seen. An argument that only names a secret ends in _name, _id or _arn",
    )


def _legacy(identity: JobIdentity, arguments: JobArguments) -> Finding:
    legacy = arguments.get("encryption-type")
    if not legacy:
        return passed("GS-SEC-009", f"job {identity.job!r}", "no --encryption-type")
    return failed(
        "GS-SEC-009",
        f"job {identity.job!r}",
        found=f"--encryption-type {legacy}",
        required="encryption by the attached security configuration alone",
        fix="remove --encryption-type from the job's arguments",
    )


def check_configuration(
    configuration: SecurityConfiguration, policy: SecurityPolicy = STRICT
) -> list[Finding]:
    """GS-SEC-003 to GS-SEC-006: every mode is exactly the demanded one and names a key."""
    name = configuration.name
    findings = []
    entries: Sequence[EncryptionSetting | None] = configuration.s3 or (None,)
    for index, entry in enumerate(entries):
        findings.append(_mode("GS-SEC-003", f"{name} S3Encryption[{index}]", entry, policy.s3_mode))
    findings.append(
        _mode("GS-SEC-004", f"{name} CloudWatchEncryption", configuration.cloudwatch, policy.cloudwatch_mode)
    )
    findings.append(
        _mode(
            "GS-SEC-005",
            f"{name} JobBookmarksEncryption",
            configuration.job_bookmarks,
            policy.job_bookmarks_mode,
        )
    )
    if configuration.data_quality is not None:
        findings.append(
            _mode(
                "GS-SEC-006",
                f"{name} DataQualityEncryption",
                configuration.data_quality,
                policy.data_quality_mode,
            )
        )
    if len({entry.key for entry in configuration.s3 if entry.key}) > 1:
        findings.append(
            failed(
                "GS-SEC-003",
                f"{name} S3Encryption",
                found=f"{len(configuration.s3)} entries with different keys",
                required="one key, so that it is certain under which one an object is written",
                fix="create a configuration with one S3 entry and attach it to the job",
            )
        )
    return findings


def _mode(control: str, resource: str, setting: EncryptionSetting | None, required: str) -> Finding:
    if setting is not None and setting.mode == required and setting.key:
        return passed(control, resource, f"{setting.mode} {setting.key}")
    found = "absent" if setting is None else (setting.mode or "no mode")
    if setting is not None and setting.mode == required:
        found += " without a key"
    return failed(
        control,
        resource,
        found=found,
        required=f"{required} with the ARN of a customer managed key",
        fix="security configurations are immutable: create one with this mode and attach it to the job",
    )


def check_key(purpose: str, key: KmsKey, *, region: str, account: str) -> list[Finding]:
    """GS-KMS-002 to GS-KMS-005: enabled, customer managed, symmetric, here."""
    resource = f"{key.arn} ({purpose})"
    state = key.state + (f", deleted on {key.deletion_date}" if key.deletion_date else "")
    cancel = f"aws kms cancel-key-deletion --key-id {key.arn.key_id}, then " * (
        key.state == "PendingDeletion"
    )
    enable = f"aws kms enable-key --key-id {key.arn.key_id}"
    revive = f"{cancel}{enable}; or attach a configuration that names another key"
    replace = (
        "create a symmetric customer managed key in the run's account and region, "
        "and a configuration that names it"
    )
    place = f"{key.arn.account} {key.arn.region}"
    rules = (
        ("GS-KMS-002", key.state == "Enabled", state or "no state", "Enabled", revive),
        (
            "GS-KMS-003",
            key.manager == "CUSTOMER",
            f"managed by {key.manager or 'nobody named'}",
            "customer managed",
            replace,
        ),
        (
            "GS-KMS-004",
            (key.usage, key.spec) == ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"),
            f"{key.usage or 'no usage'} {key.spec or 'no spec'}",
            "ENCRYPT_DECRYPT SYMMETRIC_DEFAULT",
            replace,
        ),
        (
            "GS-KMS-005",
            (key.arn.account, key.arn.region) == (account, region),
            place,
            f"{account} {region}",
            replace,
        ),
    )
    return [
        passed(control, resource, found)
        if holds
        else failed(control, resource, found=found, required=required, fix=fix)
        for control, holds, found, required, fix in rules
    ]


def check_object(seen: ObjectEncryption, expected: KmsKeyArn) -> Finding:
    """GS-S3-004: one object's algorithm and key are the expected ones."""
    if seen.algorithm == "aws:kms" and seen.key == str(expected):
        return passed("GS-S3-004", str(seen.uri), f"{seen.algorithm} {seen.key}")
    return failed(
        "GS-S3-004",
        str(seen.uri),
        found=" under ".join(part for part in (seen.algorithm or "no encryption named", seen.key) if part),
        required=f"aws:kms under {expected}",
        fix=f"give bucket {seen.uri.bucket} that key as its default encryption, find what overrode "
        "the settings, and delete the object or re-encrypt it (glue-secure remediate URI --job NAME); "
        "the bookmark was not advanced",
    )
