"""The catalog sink: a Data Catalog table says where and how its frames are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.table_definition import TableDefinition
from glue_secure.engines.spark.context.catalog_update import UPDATE_OPTIONS, CatalogUpdate
from glue_secure.engines.spark.context.jdbc_sink import JdbcTarget
from glue_secure.engines.spark.context.options import known
from glue_secure.engines.spark.context.s3_sink import S3Target
from glue_secure.engines.spark.sink_formats import sink_format

if TYPE_CHECKING:
    from glue_secure.run.run import Run

_OPTIONS = {"partitionKeys", "compression", "compressionType", *UPDATE_OPTIONS}


@dataclass(frozen=True, slots=True)
class CatalogTarget:
    """A table by name.

    Attributes:
        database: its database.
        name: its name.
        options: ``additional_options``.
        redshift_tmp_dir: Glue's, for a table behind a connection; nothing is written there.
    """

    database: str
    name: str
    options: Mapping[str, Any]
    redshift_tmp_dir: str = ""

    def resolve(self, run: Run) -> S3Target | JdbcTarget:
        """Read the table, and say what is written where.

        A partitioned table is written by its own keys when the call names none: files beside the
        partitions would belong to no partition.
        """
        table = run.catalog.table(self.database, self.name)
        what = f"a write to table {self.database}.{self.name}"
        if table.connection:
            # A crawler writes the location as database.schema.table; the connection names the database.
            database, _, name = table.location.partition(".")
            claimed = {"database": database} if name else {}
            options = {**claimed, **self.options, "dbtable": name or database}
            return JdbcTarget.of(table.connection, options, redshift_tmp_dir=self.redshift_tmp_dir, what=what)
        if self.redshift_tmp_dir:
            raise UsageError(what, found="redshift_tmp_dir", required="none: the table lies in S3")
        if not table.classification:
            raise UsageError(what, found="no classification", required="the table's parameter classification")
        kind = sink_format(table.classification)
        known(self.options, _OPTIONS | kind.spark, "additional_options of a catalog sink")
        keys = [name for name, _ in table.partition_keys]
        given = self.options.get("partitionKeys")
        if given is not None and [str(key).lower() for key in given] != [key.lower() for key in keys]:
            raise UsageError(
                f"partitionKeys of {what}",
                found=", ".join(map(str, given)) or "none",
                required=f"the table's own, in its order: {', '.join(keys) or 'none'}",
            )
        options = {name: value for name, value in self.options.items() if name not in UPDATE_OPTIONS}
        return S3Target(
            table.location,
            table.classification,
            _format_options(table),
            {**options, "partitionKeys": list(given) if given is not None else keys},
            CatalogUpdate.asked(self.database, self.name, self.options),
        )


def require_own_catalog(run: Run, catalog_id: str | None) -> None:
    """Refuse the Data Catalog of another account: the run's preflight has looked at its own only."""
    own = run.preflight.account
    if catalog_id and str(catalog_id) != own:
        raise UsageError(
            "catalog_id", found=str(catalog_id), required=f"the account's own catalog, {own}, or none"
        )


def _format_options(table: TableDefinition) -> dict[str, Any]:
    if table.classification != "csv":
        return {}
    return {
        "separator": table.serde.get("field.delim", table.serde.get("separatorChar", ",")),
        "quoteChar": table.serde.get("quoteChar", '"'),
        "writeHeader": table.parameters.get("skip.header.line.count", "0") != "0",
    }
