"""The Hadoop settings that make every S3 write SSE-KMS: planned as data, and compared with what is in force.

Both families of names are set, because which connector serves ``s3://`` depends on the Glue version:
EMRFS up to 5.0, S3A from 5.1 (facts: https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from glue_secure.core.endpoints import same_service
from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.iceberg import ENDPOINT, catalogs, check_catalogs
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.redaction import redact_setting, redact_text, shown_key

# Names that decide how an object is encrypted or how it travels. The second of each pair of S3A
# names is the older spelling, which Hadoop still reads, per bucket too.
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
# Beside the plan nothing may add to it: client-side encryption, an encryption context, or a factory
# whose clients may do as they please. One finding names the setting, for every bucket or for one.
_S3A_REFUSED = re.compile(
    r"fs\.s3a\.(?:bucket\.[a-z0-9.-]+?\.)?"
    r"(?:encryption\.(?!algorithm\Z|key\Z).+|(?:encryption\.)?cse\..+|s3\.client\.factory\.impl)\Z"
)
_DEFAULT_FACTORY = "org.apache.hadoop.fs.s3a.DefaultS3ClientFactory"
_BUCKET = re.compile(
    r"fs\.s3a\.bucket\.(?P<bucket>[a-z0-9.-]+?)\.(?P<name>"
    + "|".join(map(re.escape, _S3A_PROTECTED))
    + r")\Z"
)
# The AWS SDK 1 has a property that switches certificate checks off; set to anything, even to "false", it
# does. The SDK 2 has none. Both can be led to another service: by a table of endpoints, or by its URL.
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
    """What to set, and under which key objects must come out.

    Attributes:
        key: the key every object is to be written under.
        settings: Hadoop name → value, exactly as they must be in force.
        s3_endpoint: where the driver's own S3 requests go; Hadoop's must go there too.
    """

    key: KmsKeyArn
    settings: Mapping[str, str]
    s3_endpoint: str


def plan_settings(key: KmsKeyArn, *, s3_endpoint: str) -> SettingsPlan:
    """Hadoop settings for SSE-KMS under ``key`` over TLS, for S3A and EMRFS."""
    return SettingsPlan(
        key,
        {
            "fs.s3a.encryption.algorithm": "SSE-KMS",
            "fs.s3a.encryption.key": str(key),
            "fs.s3a.connection.ssl.enabled": "true",
            "fs.s3.enableServerSideEncryption": "true",
            "fs.s3.serverSideEncryption.kms.keyId": str(key),
        },
        s3_endpoint,
    )


def check_settings(plan: SettingsPlan, in_force: Mapping[str, str]) -> list[Finding]:
    """GS-S3-001 to -003, -013: what is in force equals the plan, and nothing beside it undoes it.

    Args:
        plan: what was to be set.
        in_force: every Hadoop setting whose name begins with ``fs.s3``, and what decides of Iceberg catalogs,
            read back.
    """
    findings = []
    for name, value in plan.settings.items():
        found = in_force.get(name)
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
                    fix=f"remove what sets {name} after job.init",
                )
            )
    findings.append(_endpoint(plan, "fs.s3a.endpoint", in_force.get("fs.s3a.endpoint", "")))
    for name in sorted(in_force):
        match = _BUCKET.match(name)
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
    return findings + check_catalogs(in_force, plan.key)


def _endpoint(plan: SettingsPlan, name: str, value: str) -> Finding:
    """GS-S3-002: TLS, and the same service that verification asks; Hadoop's own default is AWS."""
    resource = f"setting {name}"
    secure = "://" not in value or value.strip().lower().startswith("https://")
    if secure and same_service(value or "s3.amazonaws.com", plan.s3_endpoint):
        return passed("GS-S3-002", resource, value or "not set: the region's own, over TLS")
    return failed(
        "GS-S3-002",
        resource,
        found=redact_text(value) or "not set, which means AWS",
        required=f"{plan.s3_endpoint}, over TLS",
        fix=f"remove {name}, or make it the endpoint that AWS_ENDPOINT_URL names to the driver",
    )


def _bucket_setting(plan: SettingsPlan, name: str, bucket: str, suffix: str, value: str) -> Finding:
    expected = {
        "encryption.algorithm": "SSE-KMS",
        "server-side-encryption-algorithm": "SSE-KMS",
        "encryption.key": str(plan.key),
        "server-side-encryption.key": str(plan.key),
        "connection.ssl.enabled": "true",
    }.get(suffix, "")
    if value == expected:
        return passed("GS-S3-003", f"Hadoop setting {name}", value)
    return failed(
        "GS-S3-003",
        f"Hadoop setting {name}",
        found=redact_setting(name, value) or "empty",
        required=expected or "not set",
        fix=f"remove {name}; the setting without 'bucket.{bucket}.' is enforced for every bucket",
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
        fix=f"remove {name}; the encryption that is enforced is SSE-KMS by Hadoop's own client",
    )


def check_java_options(options: Mapping[str, str]) -> list[Finding]:
    """GS-S3-002: nothing switches the JVM's certificate checks off, or leads its S3 client elsewhere.

    Args:
        options: where JVM options stand → their text.
    """
    findings = []
    for where, text in sorted(options.items()):
        if switch := _JVM_DOWNGRADE.search(f"{where} {text}"):
            findings.append(
                failed(
                    "GS-S3-002",
                    where,
                    found=switch[0],
                    required="certificates checked, at the endpoint that Hadoop's settings name",
                    fix=f"remove it from {where}; an authority of your own goes into the trust store",
                )
            )
    return findings or [passed("GS-S3-002", "JVM options", "certificates checked")]


def check_client(plan: SettingsPlan, resource: str, algorithm: str, key: str) -> Finding:
    """GS-S3-008: a file system client carries the plan's algorithm and key."""
    if (algorithm, key) == ("SSE-KMS", str(plan.key)):
        return passed("GS-S3-008", resource, f"{algorithm} {key}")
    return failed(
        "GS-S3-008",
        resource,
        found=f"{algorithm or 'no encryption'} {shown_key(key)}".strip(),
        required=f"SSE-KMS {plan.key}",
        fix="do not read or write this bucket before job.init; remove per-bucket encryption settings",
    )


def protected_options(options: Mapping[str, str]) -> list[str]:
    """Names of ``options`` that could change encryption, key, endpoint or TLS of S3 (GS-S3-005)."""
    return sorted(name for name in options if _OPTION.search(name))
