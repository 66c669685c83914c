"""Writes to table buckets of Amazon S3 Tables: their own encryption is read and required (GS-S3-013)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from glue_secure.core.findings import enforce, stop, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import Engine
from glue_secure.core.ports.table_buckets import TableBuckets
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.core.table_buckets import (
    SUFFIX,
    StoredEncryption,
    check_bucket,
    check_regions,
    check_table,
    region_of,
    table_buckets,
)
from glue_secure.core.target_encryption import EncryptionRules

_NAME_PARTS = 3


@dataclass(eq=False)
class TableBucketChecker:
    """Checks how S3 Tables encrypts what a run writes.

    Attributes:
        engine: reports the catalogs of the session.
        key: the run's key.
        rules: how objects must be encrypted.
        recorder: receives the findings.
        client: creates the client of S3 Tables in an AWS Region; None if the run has no AWS session.
    """

    engine: Engine
    key: KmsKeyArn
    rules: EncryptionRules
    recorder: RunRecorder
    client: Callable[[str], TableBuckets] | None = None
    _checked: set[str] = field(default_factory=set)
    _locations: set[S3Uri] = field(default_factory=set)

    def require_buckets(self, settings: Mapping[str, str]) -> None:
        """Require the run's encryption of new tables in every table bucket that is a catalog of the session.

        Args:
            settings: the settings in force.

        Raises:
            RefusedError, VerificationError: GS-S3-013.
        """
        enforce(check_regions(settings, self.key))
        for arn in table_buckets(settings, self.key).values():
            if arn not in self._checked:
                resource, operation = f"table bucket {arn}", "s3tables:GetTableBucketEncryption"
                found = self._ask(resource, operation, arn, partial(_of_bucket, arn))
                self.recorder.record(enforce([check_bucket(arn, found, self.rules.default)]))
                self._checked.add(arn)

    def require_table(self, location: S3Uri, table: str) -> None:
        """Require the encryption of a table if its location is in a table bucket.

        Args:
            location: where the table stores objects.
            table: ``catalog.namespace.name``; ``""`` if it is not known, or was checked before.

        Raises:
            RefusedError, VerificationError: GS-S3-013.
        """
        if not location.bucket.endswith(SUFFIX) or (not table and location in self._locations):
            return
        settings = self.engine.settings_in_force()
        self.require_buckets(settings)
        catalog, *names = table.split(".")
        arn = table_buckets(settings, self.key).get(catalog, "")
        if not arn or len(names) != _NAME_PARTS - 1:
            stop(
                unknown(
                    "GS-S3-013",
                    str(location),
                    found="a location of Amazon S3 Tables, whose table is not known",
                    required="a table of an Iceberg catalog whose warehouse or glue.id is the table bucket",
                    fix='write with df.writeTo("CATALOG.NAMESPACE.TABLE") or Spark SQL',
                )
            )
        namespace, name = names
        resource = f"table {namespace}.{name} of table bucket {arn}"
        found = self._ask(
            resource,
            "s3tables:GetTableEncryption",
            arn,
            partial(_of_table, arn, namespace, name),
        )
        finding = check_table(arn, namespace, name, found, self.rules.rule(location))
        self.recorder.record(enforce([finding]))
        self._locations.add(location)

    def _ask(
        self, resource: str, action: str, arn: str, call: Callable[[TableBuckets], StoredEncryption]
    ) -> StoredEncryption:
        """Return what S3 Tables answers. Raises VerificationError (GS-S3-013)."""
        try:
            if self.client is None:
                raise ServiceError("no client of S3 Tables", code="NoClient", operation=action)
            return call(self.client(region_of(arn)))
        except ServiceError as error:
            fix = f"give the job's role {action} on {arn}"
            if not error.code:  # no answer
                fix = (
                    f"give the job a route to S3 Tables in {region_of(arn)}; in a VPC without internet "
                    "access, an interface endpoint for s3tables"
                )
            stop(
                unknown(
                    "GS-S3-013",
                    resource,
                    found=str(error),
                    required="its encryption configuration",
                    fix=fix,
                    aws_code=error.code,
                )
            )


def _of_bucket(arn: str, client: TableBuckets) -> StoredEncryption:
    return client.bucket_encryption(arn)


def _of_table(arn: str, namespace: str, name: str, client: TableBuckets) -> StoredEncryption:
    return client.table_encryption(arn, namespace, name)
