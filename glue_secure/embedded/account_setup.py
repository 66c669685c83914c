"""Create the keys, buckets and security configuration that every job of the embedded account uses."""

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
DATA_ALIAS = "alias/glue-secure-data"
SIGNING_ALIAS = "alias/glue-secure-signing"


@dataclass(frozen=True, slots=True)
class ProvisionedAccount:
    """The ARNs of the customer managed keys, and the name of the strict security configuration."""

    data_key: str
    bookmark_key: str
    logs_key: str
    catalog_key: str
    signing_key: str
    security_configuration: str = STRICT


def provision(account: EmbeddedAccount) -> ProvisionedAccount:
    """Create the keys, buckets and strict security configuration that do not exist yet."""
    existing_keys = _keys(account)

    def key(
        alias: str, description: str, usage: str = "ENCRYPT_DECRYPT", spec: str = "SYMMETRIC_DEFAULT"
    ) -> str:
        return existing_keys.get(alias) or ensure_key(account, alias, description, usage=usage, spec=spec)

    provisioned = ProvisionedAccount(
        data_key=key(DATA_ALIAS, "objects in S3"),
        bookmark_key=key("alias/glue-secure-bookmarks", "job bookmarks"),
        logs_key=key("alias/glue-secure-logs", "CloudWatch logs"),
        catalog_key=key("alias/glue-secure-catalog", "Data Catalog"),
        signing_key=key(SIGNING_ALIAS, "signatures of evidence", "SIGN_VERIFY", "ECC_NIST_P256"),
    )
    s3 = clients(account)("s3")
    existing = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for bucket in (LANDING, CURATED, EVIDENCE):
        if bucket not in existing:
            s3.create_bucket(Bucket=bucket)
    put_security_configuration(account, STRICT, provisioned)
    encrypt_catalog(account, provisioned.catalog_key)
    return provisioned


def encrypt_catalog(account: EmbeddedAccount, key_arn: str) -> None:
    """Enable encryption of the Data Catalog and of connection passwords."""
    encryption = CatalogEncryption("SSE-KMS", key_arn, passwords=True, password_key=key_arn)
    clients(account)("glue").put_data_catalog_encryption_settings(
        DataCatalogEncryptionSettings=encryption.to_api()
    )


def _keys(account: EmbeddedAccount) -> dict[str, str]:
    """Return alias → ARN of its key, for each key of the account that has an alias."""
    prefix = f"arn:aws:kms:{account.region}:{account.account_id}:key/"
    pages = clients(account)("kms").get_paginator("list_aliases").paginate()
    return {
        str(alias["AliasName"]): prefix + str(alias["TargetKeyId"])
        for page in pages
        for alias in page["Aliases"]
        if "TargetKeyId" in alias
    }


def ensure_key(
    account: EmbeddedAccount,
    alias: str,
    description: str,
    *,
    usage: str = "ENCRYPT_DECRYPT",
    spec: str = "SYMMETRIC_DEFAULT",
) -> str:
    """Return the ARN of the key with this alias. Create a customer managed key if there is none."""
    kms = clients(account)("kms")
    try:
        return str(kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"])
    except kms.exceptions.NotFoundException:
        # moto's DescribeKey returns only the properties that are passed here.
        metadata = kms.create_key(
            Description=f"glue-secure embedded account: {description}",
            KeyUsage=usage,
            KeySpec=spec,
            MultiRegion=False,
        )["KeyMetadata"]
        kms.create_alias(AliasName=alias, TargetKeyId=metadata["KeyId"])
        return str(metadata["Arn"])


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
    """Create or replace a security configuration. The defaults give a strict one.

    Args:
        account: a running account.
        name: the configuration's name.
        provisioned: the keys to use.
        s3: ``SSE-KMS``, ``SSE-S3`` or ``DISABLED``.
        cloudwatch: ``SSE-KMS`` or ``DISABLED``.
        bookmarks: ``CSE-KMS`` or ``DISABLED``.
        data_quality: ``SSE-KMS`` or ``DISABLED``.
        data_key: ARN of another key for S3; default: the provisioned data key.

    Returns:
        The configuration's name.
    """
    modes = {
        "S3": (s3, data_key or provisioned.data_key),
        "CloudWatch": (cloudwatch, provisioned.logs_key),
        "JobBookmarks": (bookmarks, provisioned.bookmark_key),
        "DataQuality": (data_quality, data_key or provisioned.data_key),
    }
    encryption: dict[str, Any] = {
        f"{target}Encryption": {
            f"{target}EncryptionMode": mode,
            **({"KmsKeyArn": arn} if mode.endswith("-KMS") else {}),
        }
        for target, (mode, arn) in modes.items()
    }
    encryption["S3Encryption"] = [encryption["S3Encryption"]]
    glue = clients(account)("glue")
    try:
        existing = glue.get_security_configuration(Name=name)["SecurityConfiguration"]
        if existing["EncryptionConfiguration"] == encryption:
            return name
        glue.delete_security_configuration(Name=name)
    except glue.exceptions.ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
    glue.create_security_configuration(Name=name, EncryptionConfiguration=encryption)
    return name
