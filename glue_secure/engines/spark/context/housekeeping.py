"""Purges and transitions of files in S3: Glue's options, and the locations of a table.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.catalog import CatalogColumn
from glue_secure.core.errors import UsageError
from glue_secure.core.table_definition import TableDefinition
from glue_secure.engines.glue_options import require_known_options
from glue_secure.engines.spark.partitions import matching_partitions
from glue_secure.io.call_checks import s3_location
from glue_secure.io.housekeeping import ObjectSelection

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.run.run import Run

Options = Mapping[str, Any] | None

_HOURS_PER_WEEK = 168
_PURGE_OPTIONS = {"retentionPeriod", "excludeStorageClasses", "partitionPredicate", "manifestFilePath"}
_TRANSITION_OPTIONS = _PURGE_OPTIONS | {"accountId", "roleArn"}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html, general purpose buckets.
STORAGE_CLASSES = (
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
    "DEEP_ARCHIVE", "GLACIER_IR",
)  # fmt: skip
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?:role|user)/[\w+=,.@/-]{1,512}\Z")
_HOURS = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


def purge_selection(options: Options, transformation_ctx: str) -> ObjectSelection:
    """Return which objects a purge deletes.

    Raises:
        UsageError: an option is not known or has an invalid value.
    """
    return _selection(options, _PURGE_OPTIONS, transformation_ctx)


def transition_selection(
    run: Run, transition_to: str, options: Options, transformation_ctx: str
) -> ObjectSelection:
    """Return which objects a transition moves.

    Raises:
        UsageError: an option is not known or has an invalid value, or ``accountId`` is not the run's account.
    """
    selection = _selection(options, _TRANSITION_OPTIONS, transformation_ctx)
    options = dict(options or {})
    if transition_to not in STORAGE_CLASSES:
        raise UsageError("transition_to", found=repr(transition_to), required=", ".join(STORAGE_CLASSES))
    account = run.preflight.account
    if str(options.get("accountId", "")) != account:
        raise UsageError(
            "accountId of a transition",
            found=repr(options.get("accountId")),
            required=f"the run's account, {account}",
        )
    if not _ROLE_ARN.match(str(options.get("roleArn", ""))):
        raise UsageError(
            "roleArn of a transition", found=repr(options.get("roleArn")), required="a role's ARN"
        )
    return selection


def reject_predicate(options: Options) -> None:
    """Raise UsageError if ``partitionPredicate`` is set: an S3 path has no partition columns."""
    if (options or {}).get("partitionPredicate"):
        raise UsageError(
            "partitionPredicate",
            found="a predicate on an S3 path, which has no partition columns",
            required="purge_table or transition_table for it",
        )


def table_locations(
    run: Run, spark: SparkSession, database: str, name: str, options: Options
) -> tuple[TableDefinition, dict[str, tuple[str, ...]]]:
    """Return a table, and its locations with their partition values.

    The partition values of the table's own location are ``()``. With ``partitionPredicate``, only the
    locations of matching partitions are returned.

    Raises:
        UsageError: the table is not in S3, or the predicate is invalid.
    """
    table = run.catalog.table(database, name)
    if table.connection:
        raise UsageError(f"table {database}.{name}", found="a JDBC table", required="a table in S3")
    partitions = run.catalog.partitions(table) if table.partition_keys else {}
    predicate = str((options or {}).get("partitionPredicate") or "")
    if not predicate:
        return table, {table.location: (), **{location: values for values, location in partitions.items()}}
    if not table.partition_keys:
        raise UsageError("partitionPredicate", found=predicate, required="a table that has partition columns")
    keys = [CatalogColumn(key, data_type) for key, data_type in table.partition_keys]
    values = list(partitions)
    positions = matching_partitions(spark, keys, values, predicate)
    return table, {partitions[values[position]]: values[position] for position in positions}


def _selection(options: Options, known: set[str], transformation_ctx: str) -> ObjectSelection:
    options = dict(options or {})
    require_known_options(options, known, "options of a purge or transition")
    hours = options.get("retentionPeriod", _HOURS_PER_WEEK)
    is_number = isinstance(hours, (int, float, str)) and not isinstance(hours, bool)
    if not is_number or not _HOURS.fullmatch(str(hours)):
        raise UsageError("retentionPeriod", found=repr(hours), required="a number of hours, at least 0")
    classes = options.get("excludeStorageClasses") or ()
    if isinstance(classes, str) or set(classes) - set(STORAGE_CLASSES):
        raise UsageError(
            "excludeStorageClasses", found=repr(classes), required=f"a list of {', '.join(STORAGE_CLASSES)}"
        )
    manifest = None
    if options.get("manifestFilePath"):
        manifest = s3_location(str(options["manifestFilePath"]), "manifest at")
        if transformation_ctx:
            # The context is text of the script, so the result is checked again.
            manifest = s3_location(str(manifest.child(transformation_ctx)), "manifest at")
    return ObjectSelection(float(hours), frozenset(classes), manifest)
