"""The S3 sink: Glue's options, the format, the write, and the Data Catalog after it.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.columns.enforcer import Protected
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.engines.spark.context.catalog_update import UPDATE_OPTIONS, CatalogUpdate
from glue_secure.engines.spark.context.options import JDBC_TYPES, known
from glue_secure.engines.spark.sink_formats import prepare, sink_format, spark_options
from glue_secure.io.writer import refuse_protected

if TYPE_CHECKING:
    from glue_secure.run.run import Run

_S3_OPTIONS = {"path", "partitionKeys", "compression", "compressionType"}
_SPARK_SQL_FORMATS = ("parquet", "orc")


@dataclass(frozen=True, slots=True)
class S3Target:
    """Where and how an S3 sink writes.

    Attributes:
        path: the S3 location.
        format: Glue's name of it; ``""`` until it is set.
        format_options: Glue's.
        options: Glue's ``connection_options``, ``path`` left out.
        update: what to do in the Data Catalog afterwards, None for nothing.
    """

    path: str
    format: str
    format_options: Mapping[str, Any]
    options: Mapping[str, Any]
    update: CatalogUpdate | None = None

    @property
    def keys(self) -> list[str]:
        """``partitionKeys``."""
        keys = self.options.get("partitionKeys") or ()
        if isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
            raise UsageError("partitionKeys", found=repr(keys), required="a list of column names")
        return list(keys)

    def write(self, run: Run, table: Table, name: str = "") -> WriteRecord:
        """Write one frame; ``name`` is the folder below the path that a collection's frame goes to."""
        if not self.format:
            raise UsageError("an S3 sink", found="no format", required="setFormat before the write")
        if self.update is None:
            _refuse_update(self.options)
        refuse_protected({**self.options, **self.format_options}, f"write to {self.path}")
        kind = sink_format(self.format)
        known(self.options, _S3_OPTIONS | UPDATE_OPTIONS | kind.spark, "connection_options of an S3 sink")
        spark = spark_options(kind, self.format_options, self.options)
        keys = self.keys
        target = f"{self.path.rstrip('/')}/{name}/" if name else self.path
        # Columns first: some formats turn the whole row into one text.
        protected = run.protect(table.data, target)
        table = with_protected(table, protected)
        prepared = prepare(table, kind, self.format_options, spark, keys)
        if self.update is not None:
            self.update.judge(run, table, path=self.path, format=kind.name, keys=keys)
        record = run.write_s3(
            protected.with_frame(prepared.data),
            target,
            format=prepared.writer,
            evidence_format=prepared.format,
            partition_by=keys,
            options=prepared.options,
        )
        if self.update is not None:
            self.update.apply(run, table, record, format=kind.name, keys=keys, spark=spark)
        return record


def with_protected(table: Table, protected: Protected) -> Table:
    """The table with the protected data; what no decision touched keeps its type, choices too."""
    if not protected.decisions:
        return table
    changed = {each.column.path[0] for each in protected.decisions}
    own = {each.name: each for each in table.schema.fields}
    new = Table.of(protected.frame).schema.fields
    fields = [each if each.name in changed else own[each.name] for each in new]
    return table.with_data(protected.frame, glue.StructType(fields))


def s3_target(
    connection_type: str,
    options: Mapping[str, Any],
    format: str | None,
    format_options: Mapping[str, Any],
) -> S3Target:
    """Glue takes the format from ``connection_type="parquet"`` too."""
    if connection_type in _SPARK_SQL_FORMATS and format in (None, connection_type):
        format = connection_type
    elif connection_type != "s3":
        raise UsageError(
            "connection_type of a sink",
            found=repr(connection_type),
            required=f"s3, {', '.join(_SPARK_SQL_FORMATS)}, {', '.join(JDBC_TYPES)}",
            fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
        )
    if not options.get("path"):
        raise UsageError("connection_options of an S3 sink", found="no path", required="path: s3://...")
    rest = {name: value for name, value in options.items() if name != "path"}
    return S3Target(str(options["path"]), format or "", dict(format_options), rest)


def _refuse_update(options: Mapping[str, Any]) -> None:
    if str(options.get("enableUpdateCatalog", "")).lower() == "true":
        raise UsageError(
            "enableUpdateCatalog",
            found="no catalog table named",
            required="getSink(...).setCatalogInfo(catalogDatabase=, catalogTableName=), or from_catalog",
        )
