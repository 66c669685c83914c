"""Hadoop settings that make every S3 write SSE-KMS: a plan as data, and checks of the settings in force.

Both families of names are set, because the connector of ``s3://`` depends on the Glue version: EMRFS up to
5.0, S3A from 5.1 (https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from glue_secure.core.endpoints import same_service
from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.iceberg import ENDPOINT, catalogs, check_catalogs, check_services
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.redaction import redact_setting, redact_text, shown_key
from glue_secure.core.target_encryption import Algorithm, EncryptionRules

# Names that decide encryption or transport. Hadoop still reads the older names
# server-side-encryption-algorithm and server-side-encryption.key, also per bucket.
_S3A_PROTECTED = (
    "encryption.algorithm",
    "encryption.key",
    "server-side-encryption-algorithm",
    "server-side-encryption.key",
    "connection.ssl.enabled",
    "ssl.channel.mode",
    "endpoint",
    "cse.kms.key",
    "encryption.cse.kms.key-id",
    "accesspoint.arn",
)
# Settings that the plan excludes, for all buckets or for one: client-side encryption, an encryption context,
# or another client factory.
_S3A_REFUSED = re.compile(
    r"fs\.s3a\.(?:bucket\.[a-z0-9.-]+?\.)?"
    r"(?:encryption\.(?!algorithm\Z|key\Z).+|(?:encryption\.)?cse\..+|s3\.client\.factory\.impl)\Z"
)
_HEADERS = {algorithm.in_hadoop: algorithm.header for algorithm in Algorithm}
_DEFAULT_FACTORY = "org.apache.hadoop.fs.s3a.DefaultS3ClientFactory"
_BUCKET = re.compile(
    r"fs\.s3a\.bucket\.(?P<bucket>[a-z0-9.-]+?)\.(?P<name>"
    + "|".join(map(re.escape, _S3A_PROTECTED))
    + r")\Z"
)
# Names of EMRFS for one bucket. AWS's S3A maps them to its own; EMRFS itself may not read them.
_EMRFS_BUCKET = re.compile(
    r"fs\.s3\.bucket\.(?P<bucket>[a-z0-9.-]+?)\."
    r"(?P<name>enableServerSideEncryption|serverSideEncryptionAlgorithm|serverSideEncryption\..+|cse\..+"
    r"|endpoint)\Z"
)
# Version 1 of the AWS SDK has a property that disables certificate checks with any value, even "false";
# version 2 has none. Both accept another endpoint, by a file of endpoints or by a URL.
_JVM_DOWNGRADE = re.compile(
    r"(?:com\.amazonaws\.sdk\.)?disableCertChecking|com\.amazonaws\.regions\.RegionUtils\.fileOverride"
    r"|aws\.partitionsFile|aws\.endpointUrl\w*|AWS_PARTITIONS_FILE|executorEnv\.AWS_ENDPOINT_URL\w*",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"(?:spark\.hadoop\.)?fs\.s3[an]?\.|(?<!cla)sse|server-?side-?encryption|kms|encryption|endpoint|ssl",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SettingsPlan:
    """The planned Hadoop settings.

    Attributes:
        key: the key of the run's security configuration.
        rules: how objects must be encrypted, by prefix.
        settings: required value by name.
        s3_endpoint: URL of the driver's own S3 requests, which Hadoop must use too.
    """

    key: KmsKeyArn
    rules: EncryptionRules
    settings: Mapping[str, str]
    s3_endpoint: str


def plan_settings(key: KmsKeyArn, *, s3_endpoint: str, rules: EncryptionRules | None = None) -> SettingsPlan:
    """Return the settings for SSE-KMS under ``key`` over TLS, for S3A and EMRFS.

    Args:
        key: the key of the run's security configuration.
        s3_endpoint: URL of the driver's own S3 requests.
        rules: other encryptions by prefix. A rule for a whole bucket gives settings for the bucket.
    """
    rules = rules or EncryptionRules.of_key(key)
    settings = {
        "fs.s3a.encryption.algorithm": "SSE-KMS",
        "fs.s3a.encryption.key": str(key),
        "fs.s3a.connection.ssl.enabled": "true",
        "fs.s3.enableServerSideEncryption": "true",
        "fs.s3.serverSideEncryption.kms.keyId": str(key),
    }
    for bucket, encryption in rules.bucket_settings().items():
        settings |= {
            f"fs.s3a.bucket.{bucket}.encryption.algorithm": encryption.algorithm.in_hadoop,
            f"fs.s3a.bucket.{bucket}.encryption.key": encryption.key,
            f"fs.s3.bucket.{bucket}.enableServerSideEncryption": "true",
            f"fs.s3.bucket.{bucket}.serverSideEncryption.kms.keyId": encryption.key,
        }
    return SettingsPlan(key, rules, settings, s3_endpoint)


def check_settings(plan: SettingsPlan, in_force: Mapping[str, str]) -> list[Finding]:
    """Check that the plan is in force and not overridden (GS-S3-001 to -003, -013).

    Args:
        plan: the plan.
        in_force: every Hadoop setting whose name begins with ``fs.s3``, and the decisive settings of Iceberg
            catalogs, with the addresses of their services.
    """
    findings = []
    for name, value in plan.settings.items():
        found = in_force.get(name, "" if value == "" else None)
        resource = f"Hadoop setting {name}"
        if found == value:
            findings.append(passed("GS-S3-001", resource, value))
        else:
            findings.append(
                failed(
                    "GS-S3-001",
                    resource,
                    found=redact_setting(name, found or "") or "not set",
                    required=value,
                    fix=f"remove the code that sets {name} after job.init",
                )
            )
    findings.append(_endpoint(plan, "fs.s3a.endpoint", in_force.get("fs.s3a.endpoint", "")))
    for name in sorted(in_force.keys() - plan.settings.keys()):
        match = _BUCKET.match(name) or _EMRFS_BUCKET.match(name)
        if not match and _S3A_REFUSED.match(name):
            findings.append(_refused_setting(name, in_force[name]))
        elif match and match["name"] == "endpoint":
            findings.append(_endpoint(plan, name, in_force[name]))
        elif match:
            findings.append(_bucket_setting(plan, name, match["bucket"], match["name"], in_force[name]))
        elif name == "fs.s3.endpoint":
            findings.append(_endpoint(plan, name, in_force[name]))
    findings += [
        _endpoint(plan, catalog + ENDPOINT, in_force[catalog + ENDPOINT])
        for catalog in catalogs(in_force)
        if catalog + ENDPOINT in in_force
    ]
    return findings + check_services(in_force) + check_catalogs(in_force, plan.key)


def _endpoint(plan: SettingsPlan, name: str, value: str) -> Finding:
    """Check TLS, and that Hadoop uses the driver's S3 service (GS-S3-002). Hadoop's default is AWS."""
    resource = f"setting {name}"
    secure = "://" not in value or value.strip().lower().startswith("https://")
    if secure and same_service(value or "s3.amazonaws.com", plan.s3_endpoint):
        return passed("GS-S3-002", resource, value or "not set: the region's endpoint, over TLS")
    return failed(
        "GS-S3-002",
        resource,
        found=redact_text(value) or "not set, which means AWS",
        required=f"{plan.s3_endpoint}, over TLS",
        fix=f"remove {name}, or set it to the driver's AWS_ENDPOINT_URL",
    )


def _bucket_setting(plan: SettingsPlan, name: str, bucket: str, suffix: str, value: str) -> Finding:
    encryption = plan.rules.client_encryption(bucket)
    expected = {
        "encryption.algorithm": encryption.algorithm.in_hadoop,
        "server-side-encryption-algorithm": encryption.algorithm.in_hadoop,
        "encryption.key": encryption.key,
        "server-side-encryption.key": encryption.key,
        "connection.ssl.enabled": "true",
        "enableServerSideEncryption": "true",
        "serverSideEncryption.kms.keyId": encryption.key,
    }.get(suffix, "")
    is_off = suffix == "cse.enabled" and value.strip().lower() == "false"
    if value == expected or is_off:
        return passed("GS-S3-003", f"Hadoop setting {name}", value)
    return failed(
        "GS-S3-003",
        f"Hadoop setting {name}",
        found=redact_setting(name, value) or "empty",
        required=expected or "not set",
        fix=f"remove {name}; the setting without 'bucket.{bucket}.' applies to every bucket",
    )


def _refused_setting(name: str, value: str) -> Finding:
    control = "GS-S3-003" if name.startswith("fs.s3a.bucket.") else "GS-S3-001"
    if value == "" or (name.endswith("factory.impl") and value == _DEFAULT_FACTORY):
        return passed(control, f"Hadoop setting {name}", value or "empty")
    return failed(
        control,
        f"Hadoop setting {name}",
        found=redact_setting(name, value),
        required="not set",
        fix=f"remove {name}; only SSE-KMS with Hadoop's own client is accepted",
    )


def check_java_options(options: Mapping[str, str]) -> list[Finding]:
    """Check that no JVM option disables certificate checks or changes the S3 endpoint (GS-S3-002).

    Args:
        options: JVM options by the setting that contains them.
    """
    findings = []
    for source, text in sorted(options.items()):
        if switch := _JVM_DOWNGRADE.search(f"{source} {text}"):
            findings.append(
                failed(
                    "GS-S3-002",
                    source,
                    found=switch[0],
                    required="certificate checks, and the endpoint of Hadoop's settings",
                    fix=f"remove it from {source}; add a private CA to the trust store",
                )
            )
    return findings or [passed("GS-S3-002", "JVM options", "certificates checked")]


def check_client(
    plan: SettingsPlan, location: S3Uri, algorithm: str, key: str, *, is_guarded: bool = False
) -> Finding:
    """Check that the file system client of a bucket encrypts as the rule of a location requires (GS-S3-008).

    Args:
        plan: the plan.
        location: the target.
        algorithm: of the client, by Hadoop's name.
        key: of the client.
        is_guarded: whether the request guard changes the planned encryption of a request to the rule's own.
    """
    resource = f"file system client of {location.bucket}"
    if plan.rules.is_unknown(location.bucket):
        return failed(
            "GS-S3-008",
            resource,
            found="the alias of an access point",
            required="the bucket's own name, by which the policy file has targets",
            fix="use the name of the bucket behind the access point",
        )
    rule = plan.rules.rule(location)
    planned = plan.rules.client_encryption(location.bucket)
    header = _HEADERS.get(algorithm, "")
    is_planned = (algorithm, key) == (planned.algorithm.in_hadoop, planned.key)
    if rule.accepts(header, key) or (is_planned and is_guarded):
        return passed("GS-S3-008", resource, f"{algorithm} {key}".strip())
    fix = "do not read or write this bucket before job.init; remove per-bucket encryption settings"
    required = f"{planned.algorithm.in_hadoop} {planned.key}".strip()
    if is_planned:
        required = str(rule)
        fix = (
            f"the request guard, which encrypts by prefix, does not run; name the whole bucket "
            f"(s3://{location.bucket}/) in the policy file's entry"
        )
    return failed(
        "GS-S3-008",
        resource,
        found=f"{algorithm or 'no encryption'} {shown_key(key)}".strip(),
        required=required,
        fix=fix,
    )


def protected_options(options: Mapping[str, str]) -> list[str]:
    """Return names of ``options`` that could change encryption, key, endpoint or TLS of S3 (GS-S3-005)."""
    return sorted(name for name in options if _OPTION.search(name))
