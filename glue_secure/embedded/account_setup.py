"""What every job of the embedded account stands on: keys, buckets and the strict configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients, error_code

LANDING = "glue-secure-landing"
CURATED = "glue-secure-curated"
EVIDENCE = "glue-secure-evidence"
STRICT = "glue-secure-strict"
ROLE = "glue-secure-job"
BOOKMARKS_URI = f"s3://{EVIDENCE}/bookmarks/"
EVIDENCE_URI = f"s3://{EVIDENCE}/evidence/"


@dataclass(frozen=True, slots=True)
class ProvisionedAccount:
    """The ARNs of the four customer managed keys, and the strict security configuration's name."""

    data_key: str
    bookmark_key: str
    logs_key: str
    catalog_key: str
    security_configuration: str = STRICT


def provision(account: EmbeddedAccount) -> ProvisionedAccount:
    """Make what is missing of the keys, the buckets and the strict security configuration."""
    provisioned = ProvisionedAccount(
        data_key=key(account, "alias/glue-secure-data", "objects in S3"),
        bookmark_key=key(account, "alias/glue-secure-bookmarks", "job bookmarks"),
        logs_key=key(account, "alias/glue-secure-logs", "CloudWatch logs"),
        catalog_key=key(account, "alias/glue-secure-catalog", "Data Catalog"),
    )
    s3 = clients(account)("s3")
    held = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for bucket in (LANDING, CURATED, EVIDENCE):
        if bucket not in held:
            s3.create_bucket(Bucket=bucket)
    put_security_configuration(account, STRICT, provisioned)
    encrypt_catalog(account, provisioned.catalog_key)
    return provisioned


def encrypt_catalog(account: EmbeddedAccount, key_arn: str) -> None:
    """Switch encryption of the Data Catalog and of connections' passwords on."""
    wanted = CatalogEncryption("SSE-KMS", key_arn, passwords=True, password_key=key_arn)
    clients(account)("glue").put_data_catalog_encryption_settings(
        DataCatalogEncryptionSettings=wanted.to_api()
    )


def key(account: EmbeddedAccount, alias: str, description: str) -> str:
    """The ARN of the key behind an alias; a symmetric customer managed key is made where there is none."""
    kms = clients(account)("kms")
    try:
        return str(kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"])
    except kms.exceptions.NotFoundException:
        # moto's DescribeKey tells back only what was said here.
        made = kms.create_key(
            Description=f"glue-secure embedded account: {description}",
            KeyUsage="ENCRYPT_DECRYPT",
            KeySpec="SYMMETRIC_DEFAULT",
            MultiRegion=False,
        )["KeyMetadata"]
        kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
        return str(made["Arn"])


def put_security_configuration(
    account: EmbeddedAccount,
    name: str,
    provisioned: ProvisionedAccount,
    *,
    s3: str = "SSE-KMS",
    cloudwatch: str = "SSE-KMS",
    bookmarks: str = "CSE-KMS",
    data_quality: str = "SSE-KMS",
    data_key: str = "",
) -> str:
    """Make a security configuration, strict unless told otherwise, in place of one of that name.

    Args:
        account: a running account.
        name: the configuration's name.
        provisioned: whose keys to use.
        s3: ``SSE-KMS``, ``SSE-S3`` or ``DISABLED``.
        cloudwatch: ``SSE-KMS`` or ``DISABLED``.
        bookmarks: ``CSE-KMS`` or ``DISABLED``.
        data_quality: ``SSE-KMS`` or ``DISABLED``.
        data_key: another key for S3.

    Returns:
        The name.
    """
    keys = {
        "S3": (s3, data_key or provisioned.data_key),
        "CloudWatch": (cloudwatch, provisioned.logs_key),
        "JobBookmarks": (bookmarks, provisioned.bookmark_key),
        "DataQuality": (data_quality, data_key or provisioned.data_key),
    }
    encryption: dict[str, Any] = {
        f"{what}Encryption": {
            f"{what}EncryptionMode": mode,
            **({"KmsKeyArn": arn} if mode.endswith("-KMS") else {}),
        }
        for what, (mode, arn) in keys.items()
    }
    encryption["S3Encryption"] = [encryption["S3Encryption"]]
    glue = clients(account)("glue")
    try:
        held = glue.get_security_configuration(Name=name)["SecurityConfiguration"]
        if held["EncryptionConfiguration"] == encryption:
            return name
        glue.delete_security_configuration(Name=name)
    except glue.exceptions.ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
    glue.create_security_configuration(Name=name, EncryptionConfiguration=encryption)
    return name
