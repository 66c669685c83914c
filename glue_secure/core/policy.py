"""Checks of a run's configuration, arguments, keys and objects. Each returns its findings."""

from __future__ import annotations

from collections.abc import Sequence

from glue_secure.core.arguments import SECRET_NAMES, JobArguments, JobIdentity
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.ports.keys import KeyService
from glue_secure.core.redaction import redact_text
from glue_secure.core.security_configuration import EncryptionSetting, SecurityConfiguration
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.target_encryption import EncryptionRules

S3_MODE = CLOUDWATCH_MODE = DATA_QUALITY_MODE = "SSE-KMS"
BOOKMARKS_MODE = "CSE-KMS"


def check_attachment(identity: JobIdentity, attached: str | None) -> list[Finding]:
    """Check that a security configuration is attached to the run (GS-SEC-001).

    If the job's arguments name one, it must be the same (GS-SEC-002).
    """
    run = f"job {identity.job!r} run {identity.run_id}"
    if not attached:
        return [
            failed(
                "GS-SEC-001",
                run,
                found="no security configuration",
                required="a security configuration with SSE-KMS for S3 and logs, and CSE-KMS for bookmarks",
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
        fix="remove the argument SECURITY_CONFIGURATION; Glue sets it",
    )
    return [*findings, mismatch]


def check_arguments(identity: JobIdentity, arguments: JobArguments) -> list[Finding]:
    """Check that no argument asks for weaker encryption (GS-SEC-009) and none is a secret (GS-SEC-011)."""
    return [_encryption_type(identity, arguments), _secrets(identity, arguments)]


def _encryption_type(identity: JobIdentity, arguments: JobArguments) -> Finding:
    value = arguments.get("encryption-type")
    if not value:
        return passed("GS-SEC-009", f"job {identity.job!r}", "no --encryption-type")
    return failed(
        "GS-SEC-009",
        f"job {identity.job!r}",
        found=f"--encryption-type {value}",
        required="encryption by the attached security configuration alone",
        fix="remove --encryption-type from the job's arguments",
    )


def _secrets(identity: JobIdentity, arguments: JobArguments) -> Finding:
    names = arguments.secret_names()
    declared = arguments.declared_secret_names()
    if not names:
        found = f"{len(arguments.values)} arguments"
        if declared:
            found += f"; --{SECRET_NAMES} declares {', '.join(f'--{name}' for name in declared)}"
        return passed("GS-SEC-011", f"job {identity.job!r}", found)
    by_value = {name for name in names if redact_text(arguments.values[name]) != arguments.values[name]}
    by_name = (*declared, *(name for name in names if name not in by_value)) if set(names) - by_value else ()
    return failed(
        "GS-SEC-011",
        f"job {identity.job!r}",
        found=f"a secret in {', '.join(f'--{name}' for name in names)}",
        required="no secret in an argument",
        fix="if it is a secret, store it in AWS Secrets Manager, name it in a Glue connection (SECRET_ID), "
        "and rotate it: it has been exposed"
        + (
            f". If the value only names a secret, add --{SECRET_NAMES} {','.join(by_name)}" if by_name else ""
        ),
    )


def check_configuration(configuration: SecurityConfiguration) -> list[Finding]:
    """Check every encryption mode of a security configuration (GS-SEC-003 to -006).

    S3 (all entries with one key) and CloudWatch Logs must be SSE-KMS, job bookmarks CSE-KMS, and data quality
    results SSE-KMS if the configuration has that entry. Each must name a key.
    """
    name = configuration.name
    entries: Sequence[EncryptionSetting | None] = configuration.s3 or (None,)
    findings = [
        _check_mode("GS-SEC-003", f"{name} S3Encryption[{index}]", entry, S3_MODE)
        for index, entry in enumerate(entries)
    ]
    findings += [
        _check_mode("GS-SEC-004", f"{name} CloudWatchEncryption", configuration.cloudwatch, CLOUDWATCH_MODE),
        _check_mode(
            "GS-SEC-005", f"{name} JobBookmarksEncryption", configuration.job_bookmarks, BOOKMARKS_MODE
        ),
    ]
    if configuration.data_quality is not None:
        findings.append(
            _check_mode(
                "GS-SEC-006", f"{name} DataQualityEncryption", configuration.data_quality, DATA_QUALITY_MODE
            )
        )
    if len({entry.key for entry in configuration.s3 if entry.key}) > 1:
        findings.append(
            failed(
                "GS-SEC-003",
                f"{name} S3Encryption",
                found=f"{len(configuration.s3)} entries with different keys",
                required="one key, so that every object is written under a known key",
                fix="create a configuration with one S3 entry and attach it to the job",
            )
        )
    return findings


def _check_mode(control: str, resource: str, setting: EncryptionSetting | None, required: str) -> Finding:
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
    """Check that a KMS key may encrypt the run's data (GS-KMS-002 to -005).

    The key must be enabled, customer managed, symmetric, and in the account and region.
    """
    resource = f"{key.arn} ({purpose})"
    state = key.state + (f", to be deleted on {key.deletion_date}" if key.deletion_date else "")
    enable = f"aws kms enable-key --key-id {key.arn.key_id}"
    if key.state == "PendingDeletion":
        enable = f"aws kms cancel-key-deletion --key-id {key.arn.key_id}, then {enable}"
    replace = (
        "create a symmetric customer managed key in the run's account and region, "
        "and a configuration that names it"
    )
    rules = (
        (
            "GS-KMS-002",
            key.state == "Enabled",
            state or "no state",
            "Enabled",
            f"{enable}; or attach a configuration that names another key",
        ),
        (
            "GS-KMS-003",
            key.manager == "CUSTOMER",
            f"managed by {key.manager or 'an unnamed manager'}",
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
            f"{key.arn.account} {key.arn.region}",
            f"{account} {region}",
            replace,
        ),
    )
    return [
        passed(control, resource, found)
        if is_met
        else failed(control, resource, found=found, required=required, fix=fix)
        for control, is_met, found, required, fix in rules
    ]


def check_named_key(
    purpose: str, name: str, keys: KeyService, *, region: str, account: str
) -> tuple[KmsKeyArn | None, list[Finding]]:
    """Describe a key and check it (GS-KMS-001 to -005).

    Args:
        purpose: use of the key, for the findings.
        name: key id, ARN or alias.
        keys: AWS KMS.
        region: AWS Region that the key must be in.
        account: AWS account that the key must belong to.

    Returns:
        The key's ARN, None if KMS did not describe it; and the findings.
    """
    resource = f"{name} ({purpose})"
    try:
        key = keys.describe(name)
    except NotFound as error:
        return None, [
            failed(
                "GS-KMS-001",
                resource,
                found=str(error),
                required="an existing key",
                fix="create a security configuration that names an existing key",
            )
        ]
    except (ServiceError, UsageError) as error:
        return None, [
            unknown(
                "GS-KMS-001",
                resource,
                found=str(error),
                required="the answer of DescribeKey",
                fix="give the job's role kms:DescribeKey on the key, and the job a route to the KMS endpoint",
                aws_code=error.aws_code if isinstance(error, UsageError) else error.code,
            )
        ]
    return key.arn, [
        passed("GS-KMS-001", resource, str(key.arn)),
        *check_key(purpose, key, region=region, account=account),
    ]


def check_reserved_location(location: S3Uri, action: str, reserved: Sequence[S3Uri]) -> Finding:
    """Return GS-S3-009: the location does not overlap with the prefixes of bookmarks and evidence."""
    resource = f"{action} {location}"
    for prefix in reserved:
        if location.overlaps(prefix):
            return failed(
                "GS-S3-009",
                resource,
                found=f"a location that contains, or is inside, {prefix}",
                required="a location outside the prefixes of bookmarks and evidence",
                fix="use another prefix, and give bookmarks and evidence prefixes that nothing else uses",
            )
    return passed("GS-S3-009", resource, "outside the prefixes of bookmarks and evidence")


def check_object(encryption: ObjectEncryption, rules: EncryptionRules) -> Finding:
    """Check that an S3 object is encrypted as the rule of its location requires (GS-S3-004).

    Without a policy file, that is SSE-KMS under the run's key.
    """
    uri, algorithm, key = encryption.uri, encryption.algorithm, encryption.key
    rule = rules.rule(uri)
    found = " under ".join(part for part in (algorithm or "no encryption named", key) if part)
    bucket_key = rule.bucket_key
    if algorithm == "aws:kms" and bucket_key is not None and encryption.bucket_key != bucket_key:
        found += f", with{'' if encryption.bucket_key else 'out'} an S3 Bucket Key"
    elif rules.is_unknown(uri.bucket):
        found += ", through an access point"
    elif rule.accepts(algorithm, key):
        by = f", by entry {rule.entry}" if rule.entry else ""
        return passed("GS-S3-004", str(uri), f"{algorithm} {key}".strip() + by)
    default = f"{rule.written.algorithm.value} the" if rule.entry else "that key the"
    return failed(
        "GS-S3-004",
        str(uri),
        found=found,
        required=str(rule),
        fix=f"make {default} default encryption of bucket {uri.bucket}, find what overrode the settings, "
        "and delete the object or re-encrypt it (glue-secure remediate URI --job NAME); "
        "the bookmark did not move",
    )
