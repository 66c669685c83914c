"""purge and transition: Glue's calls for files that have had their time.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.catalog import CatalogColumn
from glue_secure.core.errors import UsageError
from glue_secure.core.table_definition import TableDefinition
from glue_secure.engines.spark.context.base import ContextBase
from glue_secure.engines.spark.context.catalog_sink import require_own_catalog
from glue_secure.engines.spark.context.options import known
from glue_secure.engines.spark.partitions import matching
from glue_secure.io.housekeeping import Choice
from glue_secure.io.locations import s3_location

if TYPE_CHECKING:
    from glue_secure.run.run import Run

_WEEK = 168
_OPTIONS = {"retentionPeriod", "excludeStorageClasses", "partitionPredicate", "manifestFilePath"}
_TRANSITION = _OPTIONS | {"accountId", "roleArn"}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html, general purpose buckets.
STORAGE_CLASSES = (
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
    "DEEP_ARCHIVE", "GLACIER_IR",
)  # fmt: skip
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?:role|user)/[\w+=,.@/-]{1,512}\Z")


class HousekeepingMixin(ContextBase):
    """The part of GlueContext that deletes and moves files."""

    def purge_table(
        self,
        database: str,
        table_name: str,
        options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        """Delete a table's files, and each partition of which no file is left.

        Args:
            database: the table's database.
            table_name: the table; it lies in S3.
            options: ``retentionPeriod`` in hours (168; 0 takes all), ``partitionPredicate`` (a Spark SQL
                expression on the partition columns), ``excludeStorageClasses`` (none), ``manifestFilePath``.
            transformation_ctx: the folder below ``manifestFilePath``.
            catalog_id: the account's own, or None.

        Raises:
            RefusedError: GS-S3-009, bookmarks or evidence lie there; nothing was deleted.
            UsageError: an option that is not known, or no such predicate.
        """
        run = self.require_run("purge_table")
        with run.call():
            choice = _choice(options, _OPTIONS, transformation_ctx)
            require_own_catalog(run, catalog_id)
            table, places = self._places(run, database, table_name, options)
            left = run.housekeeping.purge(f"{database}.{table_name}", list(places), choice)
            gone = [values for place, values in places.items() if values and not left[place]]
            run.catalog.delete_partitions(table, gone)

    def purge_s3_path(
        self, s3_path: str, options: Mapping[str, Any] | None = None, transformation_ctx: str = ""
    ) -> None:
        """Delete the files below an S3 location; options as of :meth:`purge_table`."""
        run = self.require_run("purge_s3_path")
        with run.call():
            choice = _choice(options, _OPTIONS, transformation_ctx)
            _refuse_predicate(options)
            run.housekeeping.purge(str(s3_path), [str(s3_path)], choice)

    def transition_table(
        self,
        database: str,
        table_name: str,
        transition_to: str,
        options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        """Move a table's files into another storage class, under the run's key.

        Args:
            database: the table's database.
            table_name: the table; it lies in S3.
            transition_to: a storage class (``STANDARD_IA``).
            options: as of :meth:`purge_table`; ``accountId`` and ``roleArn`` are mandatory, as in Glue. There
                S3 Batch Operations copies under that role; here the run itself does, so that the account must
                be the run's, and the role is not taken on.
            transformation_ctx: the folder below ``manifestFilePath``.
            catalog_id: the account's own, or None.
        """
        run = self.require_run("transition_table")
        with run.call():
            choice = _transition(run, transition_to, options, transformation_ctx)
            require_own_catalog(run, catalog_id)
            _, places = self._places(run, database, table_name, options)
            name = f"{database}.{table_name}"
            run.housekeeping.transition(name, list(places), transition_to, choice)

    def transition_s3_path(
        self,
        s3_path: str,
        transition_to: str,
        options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> None:
        """Move the files below an S3 location; arguments as of :meth:`transition_table`."""
        run = self.require_run("transition_s3_path")
        with run.call():
            choice = _transition(run, transition_to, options, transformation_ctx)
            _refuse_predicate(options)
            run.housekeeping.transition(str(s3_path), [str(s3_path)], transition_to, choice)

    def _places(
        self, run: Run, database: str, name: str, options: Mapping[str, Any] | None
    ) -> tuple[TableDefinition, dict[str, tuple[str, ...]]]:
        """The table, and location → partition values (``()`` for the table's own location)."""
        table = run.catalog.table(database, name)
        if table.connection:
            raise UsageError(f"table {database}.{name}", found="a JDBC table", required="a table in S3")
        partitions = run.catalog.partitions(table) if table.partition_keys else {}
        predicate = str((options or {}).get("partitionPredicate") or "")
        if not predicate:
            return table, {table.location: (), **{place: values for values, place in partitions.items()}}
        if not table.partition_keys:
            raise UsageError(
                "partitionPredicate", found=predicate, required="a table that has partition columns"
            )
        keys = [CatalogColumn(key, kind) for key, kind in table.partition_keys]
        values = list(partitions)
        chosen = matching(self.spark_session, keys, values, predicate)
        return table, {partitions[values[at]]: values[at] for at in chosen}


def _choice(options: Mapping[str, Any] | None, names: set[str], context: str) -> Choice:
    given = dict(options or {})
    known(given, names, "options of a purge or transition")
    hours = given.get("retentionPeriod", _WEEK)
    if isinstance(hours, bool) or not isinstance(hours, (int, float, str)) or not _is_hours(str(hours)):
        raise UsageError("retentionPeriod", found=repr(hours), required="a number of hours from 0 on")
    classes = given.get("excludeStorageClasses") or ()
    if isinstance(classes, str) or set(classes) - set(STORAGE_CLASSES):
        raise UsageError(
            "excludeStorageClasses", found=repr(classes), required=f"a list of {', '.join(STORAGE_CLASSES)}"
        )
    manifest = None
    if given.get("manifestFilePath"):
        manifest = s3_location(str(given["manifestFilePath"]), "manifest at")
        manifest = manifest.child(context) if context else manifest
        manifest = s3_location(str(manifest), "manifest at")  # the context is the script's text
    return Choice(float(hours), frozenset(classes), manifest)


def _transition(run: Run, transition_to: str, options: Mapping[str, Any] | None, context: str) -> Choice:
    choice = _choice(options, _TRANSITION, context)
    given = dict(options or {})
    if transition_to not in STORAGE_CLASSES:
        raise UsageError("transition_to", found=repr(transition_to), required=", ".join(STORAGE_CLASSES))
    own = run.preflight.account
    if str(given.get("accountId", "")) != own:
        raise UsageError(
            "accountId of a transition",
            found=repr(given.get("accountId")),
            required=f"the run's account, {own}",
        )
    if not _ROLE.match(str(given.get("roleArn", ""))):
        raise UsageError("roleArn of a transition", found=repr(given.get("roleArn")), required="a role's ARN")
    return choice


def _refuse_predicate(options: Mapping[str, Any] | None) -> None:
    if (options or {}).get("partitionPredicate"):
        raise UsageError(
            "partitionPredicate",
            found="a predicate on an S3 path, which has no partition columns",
            required="purge_table or transition_table for it",
        )


def _is_hours(text: str) -> bool:
    return re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?", text) is not None
