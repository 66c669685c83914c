"""A Data Catalog table as a source: Glue's arguments of ``from_catalog``, judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.options import truth
from glue_secure.engines.spark.context.options import known
from glue_secure.engines.spark.context.shaping import table_read
from glue_secure.io.catalog_reader import JDBC_OPTIONS, S3_OPTIONS
from glue_secure.io.source_filter import Sample

if TYPE_CHECKING:
    from glue_secure.run.run import Run

_PREDICATE = "catalogPartitionPredicate"
# They choose among Glue's own implementations; the rows are the same here.
_NO_EFFECT = {"useS3ListImplementation", "useSparkDataSource"}


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """A table of the Data Catalog.

    Attributes:
        database: the database's name.
        table: the table's name.
        transformation_ctx: the bookmark's name.
        push_down_predicate: Spark SQL over the partition columns.
        options: Glue's ``additional_options``.
        catalog_id: the account whose catalog it is, or None.
    """

    database: str
    table: str
    transformation_ctx: str
    push_down_predicate: str
    options: Mapping[str, Any]
    catalog_id: str | None

    def formatted(self, format: str, options: Mapping[str, Any]) -> CatalogSource:  # noqa: ARG002
        """The catalog says the format."""
        raise UsageError("a Data Catalog source", found="setFormat", required="the table's classification")

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Any:
        """Read what is new; a sample is never tracked, or a bookmark would move past what it left out."""
        known(
            self.options,
            {_PREDICATE, *S3_OPTIONS, *JDBC_OPTIONS, *_NO_EFFECT},
            "additional_options of from_catalog",
        )
        merge = self.options.get("mergeSchema")
        given = {name: value for name, value in self.options.items() if name in S3_OPTIONS | JDBC_OPTIONS}
        return run.read_table(
            self.database,
            self.table,
            transformation_ctx="" if sample else self.transformation_ctx,
            push_down_predicate=self.push_down_predicate,
            catalog_partition_predicate=str(self.options.get(_PREDICATE) or ""),
            options=given,
            catalog_id=self.catalog_id,
            how=table_read(
                dynamic=dynamic,
                fail_fast=truth("isFailFast", self.options.get("isFailFast", False)),
                merge=None if merge is None else truth("mergeSchema", merge),
            ),
            sample=sample,
        )


def catalog_source(
    database: str | None,
    table_name: str | None,
    transformation_ctx: str,
    push_down_predicate: str,
    additional_options: Mapping[str, Any] | None,
    catalog_id: str | None,
    more: dict[str, Any],
) -> CatalogSource:
    """The source of a call's arguments; ``name_space`` in ``more`` is Glue's older word for the database.

    Raises:
        UsageError: the database or the table is not named, or the database twice.
    """
    name_space = more.pop("name_space", None)
    if (database is None) == (name_space is None):
        raise UsageError(
            "from_catalog",
            found="no database" if database is None else "database and name_space",
            required="database (or name_space), and table_name",
        )
    if not table_name:
        raise UsageError("from_catalog", found="no table_name", required="database and table_name")
    return CatalogSource(
        str(database if database is not None else name_space),
        str(table_name),
        transformation_ctx,
        push_down_predicate,
        dict(additional_options or {}),
        catalog_id or None,
    )
