"""The encryption of DynamoDB tables and Kinesis streams (GS-CON-001)."""

from __future__ import annotations

from glue_secure.core.dynamodb import OWNED_BY_DYNAMODB, DynamoDbTable
from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.kinesis import KinesisStream
from glue_secure.core.kms_key import KmsKey

_CREATE_KEY = "KEY is the ARN of a customer managed key"


def check_table(table: DynamoDbTable, key: KmsKey | None) -> Finding:
    """Return GS-CON-001: a customer managed key that is enabled encrypts the table.

    Args:
        table: the table.
        key: the table's KMS key as DescribeKey returned it; None if the table has none.
    """
    found = describe_table(table, key)
    if table.has_kms_key and key is not None and (key.manager, key.state) == ("CUSTOMER", "Enabled"):
        return passed("GS-CON-001", table.arn, found)
    return failed(
        "GS-CON-001",
        table.arn,
        found=found,
        required="a customer managed key that is enabled",
        fix=f"aws dynamodb update-table --table-name {table.name} --sse-specification "
        f"Enabled=true,SSEType=KMS,KMSMasterKeyId=KEY; {_CREATE_KEY}",
    )


def describe_table(table: DynamoDbTable, key: KmsKey | None) -> str:
    """Return the encryption of a table in words."""
    if not table.has_kms_key:
        status = f" (status {table.sse_status})" if table.sse_status else ""
        return f"{OWNED_BY_DYNAMODB}{status}"
    if key is None:
        return f"KMS key {table.kms_key}"
    return f"KMS key {key.arn}, managed by {key.manager or 'an unnamed manager'}, {key.state}"


def check_stream(stream: KinesisStream) -> Finding:
    """Return GS-CON-001: server-side encryption under a KMS key is on."""
    if stream.encryption == "KMS" and stream.kms_key:
        return passed("GS-CON-001", stream.arn, f"KMS key {stream.kms_key}")
    return failed(
        "GS-CON-001",
        stream.arn,
        found=f"EncryptionType {stream.encryption}",
        required="KMS",
        fix=f"aws kinesis start-stream-encryption --stream-name {stream.name} --encryption-type KMS "
        f"--key-id KEY; {_CREATE_KEY}",
    )


def not_readable(resource: str, error: Exception, action: str, aws_code: str | None) -> Finding:
    """Return GS-CON-001 for a table, stream or key that cannot be described."""
    return unknown(
        "GS-CON-001",
        resource,
        found=str(error),
        required=f"the answer of {action}",
        fix=f"grant the job's role {action}, and give the job a route to the service's endpoint",
        aws_code=aws_code,
    )
