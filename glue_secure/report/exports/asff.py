"""Findings in the AWS Security Finding Format, for ``aws securityhub batch-import-findings``.

https://docs.aws.amazon.com/securityhub/latest/userguide/asff-required-attributes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.report.exports.findings import ExportedFinding, findings, newest, shortened
from glue_secure.report.stored import StoredRun

_STATUS = {"PASS": "PASSED", "FAIL": "FAILED", "UNKNOWN": "NOT_AVAILABLE"}
_S3 = re.compile(r"s3://([^/\s]+)(?:/(\S*))?\Z")
_TYPES = (
    (re.compile(r"arn:[\w-]+:kms:[^:]*:\d*:key/\S+\Z"), "AwsKmsKey"),
    (re.compile(r"arn:[\w-]+:dynamodb:[^:]*:\d*:table/[^/\s]+\Z"), "AwsDynamoDbTable"),
    (re.compile(r"arn:[\w-]+:kinesis:[^:]*:\d*:stream/\S+\Z"), "AwsKinesisStream"),
    (re.compile(r"arn:[\w-]+:secretsmanager:\S+\Z"), "AwsSecretsManagerSecret"),
)
_ACCOUNT = re.compile(r"\d{12}\Z")


def documents(runs: Iterable[StoredRun]) -> list[dict[str, Any]]:
    """Return one finding for each control and resource of a job, from its newest run.

    The ids do not depend on the run, so that a later import updates the findings of an earlier one.

    Raises:
        UsageError: the evidence names no AWS account, which Security Hub requires.
    """
    return documents_of(newest(findings(runs)))


def documents_of(found: Iterable[ExportedFinding]) -> list[dict[str, Any]]:
    """Return one finding of Security Hub for each finding. Raises UsageError as :func:`documents`."""
    return [_finding(one) for one in found]


def _finding(one: ExportedFinding) -> dict[str, Any]:
    account, region, result = one.account, one.region, one.result
    if not _ACCOUNT.match(account) or not region:
        raise UsageError(
            one.location,
            found=f"account {account!r}, region {region!r}",
            required="evidence with the id of an AWS account and its region",
            fix="choose other runs with --job, --since and --until",
        )
    partition = (
        "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    )
    severity = {
        "Label": "INFORMATIONAL" if result.passed else result.known.severity.value,
        "Original": result.known.severity.value,
    }
    types = ["Software and Configuration Checks/AWS Security Best Practices"]
    document: dict[str, Any] = {
        "SchemaVersion": "2018-10-08",
        "Id": f"glue-secure/{region}/{account}/{shortened(result.control, 64)}/{one.uid}",
        "ProductArn": f"arn:{partition}:securityhub:{region}:{account}:product/{account}/default",
        "ProductName": "Default",
        "GeneratorId": f"glue-secure/{shortened(result.control, 64)}",
        "AwsAccountId": account,
        "Types": types,
        "FirstObservedAt": _time(one.started),
        "LastObservedAt": _time(one.finished),
        "CreatedAt": _time(one.started),
        "UpdatedAt": _time(one.finished),
        "Severity": severity,
        "FindingProviderFields": {"Severity": severity, "Types": types},
        "Title": shortened(one.title, 256),
        "Description": shortened(one.description, 1024),
        "Remediation": {"Recommendation": {"Text": shortened(one.remediation, 512)}},
        "ProductFields": _product_fields(one),
        "Resources": [_resource(result.resource or one.job, partition, region)],
        "Compliance": {"Status": _STATUS[result.verdict], "SecurityControlId": shortened(result.control, 64)},
        "RecordState": "ACTIVE",
    }
    if one.result.known.source.startswith("https://"):
        document["Remediation"]["Recommendation"]["Url"] = one.result.known.source
    if result.exception:
        document["Note"] = {
            "Text": shortened(f"Tolerated by exception {result.exception} of the {one.accepted_by}", 512),
            "UpdatedBy": "glue-secure",
            "UpdatedAt": _time(one.finished),
        }
    return document


def _product_fields(one: ExportedFinding) -> dict[str, str]:
    fields = {"glue-secure/job": shortened(one.job, 2048)} if one.job else {}
    if one.account_kind:
        fields["glue-secure/account"] = shortened(one.account_kind, 2048)
    if one.run:
        fields |= {
            "glue-secure/run": one.run,
            "glue-secure/evidence": shortened(one.location or "unknown", 2048),
            "glue-secure/evidence-sha256": one.sha256 or "unknown",
        }
    return fields


def _resource(resource: str, partition: str, region: str) -> dict[str, Any]:
    s3 = _S3.match(resource)
    if s3:
        kind = "AwsS3Object" if s3[2] else "AwsS3Bucket"
        identifier = f"arn:{partition}:s3:::{s3[1]}" + (f"/{s3[2]}" if s3[2] else "")
    else:
        kind = next((name for pattern, name in _TYPES if pattern.match(resource)), "Other")
        identifier = resource
    return {
        "Type": kind,
        "Id": shortened(identifier, 512),
        "Partition": partition,
        "Region": region,
    }


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
