"""Table buckets of Amazon S3 Tables, which Iceberg catalogs of a session name.

S3 Tables encrypts the objects of a table as the table says, not as a request does. A table has the encryption
that its table bucket had when it was created, or one of its own.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-kms-encryption.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.iceberg import catalogs
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.target_encryption import EncryptionRule

SUFFIX = "--table-s3"
"""How the name of the bucket ends in which S3 Tables stores a table. No other bucket's name can.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""
_PREFIX = "spark.sql.catalog."
_ARN = re.compile(r"arn:aws[a-z0-9-]*:s3tables:(?P<region>[a-z0-9-]+):[0-9]{12}:bucket/[a-z0-9_-]{3,63}\Z")
# The table bucket in the Data Catalog.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-integrating-glue-endpoint.html
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]\Z")
_FEDERATED = re.compile(r"(?P<account>[0-9]{12}):s3tablescatalog/(?P<bucket>[a-z0-9_-]{3,63})\Z")


@dataclass(frozen=True, slots=True)
class StoredEncryption:
    """How S3 Tables encrypts a table, or new tables of a bucket.

    Attributes:
        algorithm: ``AES256`` or ``aws:kms``.
        key: ARN of the KMS key, ``""`` for ``AES256``.
    """

    algorithm: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.algorithm} under {self.key}" if self.key else self.algorithm


def table_buckets(settings: Mapping[str, str], key: KmsKeyArn) -> dict[str, str]:
    """Return the ARN of the table bucket of each Iceberg catalog that is one, by the catalog's name.

    Args:
        settings: the settings of the session for which :func:`~glue_secure.core.iceberg.is_decisive` is true.
        key: the run's key, whose partition and region are those of a bucket that the Data Catalog names,
            unless the catalog has another region. A bucket whose region is not known is left out:
            :func:`check_regions`.
    """
    found = {}
    for catalog in catalogs(settings):
        for name in ("warehouse", "glue.id"):
            value = settings.get(f"{catalog}.{name}", "").strip()
            federated = _FEDERATED.match(value)
            regions = _regions(settings, catalog, key.region)
            if federated and len(regions) == 1:
                account, bucket = federated["account"], federated["bucket"]
                value = f"arn:{key.partition}:s3tables:{regions[0]}:{account}:bucket/{bucket}"
            if _ARN.match(value):
                found[catalog.removeprefix(_PREFIX)] = value
    return found


def check_regions(settings: Mapping[str, str], key: KmsKeyArn) -> list[Finding]:
    """Return UNKNOWN for each table bucket of the Data Catalog whose AWS Region is not known (GS-S3-013).

    A bucket of the same name may be in another region, so that its encryption says nothing.
    """
    return [
        unknown(
            "GS-S3-013",
            f"setting {catalog}.{name}",
            found=f"{settings[f'{catalog}.{name}']} in region {' or '.join(regions) or 'unknown'}",
            required="one AWS Region",
            fix=f"set {catalog}.client.region to the region of the table bucket, and every other region and "
            "address of the catalog to the same region",
        )
        for catalog in catalogs(settings)
        for name in ("warehouse", "glue.id")
        if _FEDERATED.match(settings.get(f"{catalog}.{name}", "").strip())
        and len(regions := _regions(settings, catalog, key.region)) != 1
    ]


def _regions(settings: Mapping[str, str], catalog: str, default: str) -> list[str]:
    """Return the AWS Regions that the settings of a catalog name, sorted; ``default`` if none needs to.

    Iceberg and the AWS SDK use the region of the job if there is no setting and no address.
    https://iceberg.apache.org/docs/1.10.0/aws/#aws-client-customization
    """
    named = {
        settings.get(f"{catalog}.{name}", "").strip() for name in ("rest.signing-region", "client.region")
    }
    addresses = [settings.get(f"{catalog}.{name}", "").strip() for name in ("uri", "glue.endpoint")]
    for address in filter(None, addresses):
        with suppress(ValueError):  # not a URL
            named |= set(filter(_REGION.match, (urlsplit(address).hostname or "").split(".")))
    named.discard("")
    return sorted(named) if named or any(addresses) else [default]


def region_of(arn: str) -> str:
    """Return the AWS Region of a table bucket."""
    match = _ARN.match(arn)
    return match["region"] if match else ""


def check_bucket(arn: str, found: StoredEncryption, rule: EncryptionRule) -> Finding:
    """Check that new tables of a bucket are encrypted as the rule requires (GS-S3-013)."""
    return _check(
        f"table bucket {arn}",
        found,
        rule,
        f"aws s3tables put-table-bucket-encryption --table-bucket-arn {arn} {_configuration(rule)}",
    )


def check_table(
    arn: str, namespace: str, name: str, found: StoredEncryption, rule: EncryptionRule
) -> Finding:
    """Check that a table is encrypted as the rule requires (GS-S3-013). It cannot be changed."""
    return _check(
        f"table {namespace}.{name} of table bucket {arn}",
        found,
        rule,
        f"create another table, and copy the rows: aws s3tables create-table --table-bucket-arn {arn} "
        f"--namespace {namespace} --name {name}_encrypted --format ICEBERG {_configuration(rule)}",
    )


def _check(resource: str, found: StoredEncryption, rule: EncryptionRule, fix: str) -> Finding:
    if rule.accepts(found.algorithm, found.key):
        return passed("GS-S3-013", resource, str(found))
    return failed("GS-S3-013", resource, found=str(found), required=str(rule), fix=fix)


def _configuration(rule: EncryptionRule) -> str:
    written = rule.written
    key = f",kmsKeyArn={written.key}" if written.key else ""
    return f"--encryption-configuration sseAlgorithm={written.algorithm.header}{key}"
