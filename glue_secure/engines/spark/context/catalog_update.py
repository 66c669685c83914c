"""Updates of the Data Catalog after a write: ``enableUpdateCatalog`` and ``updateBehavior``.

https://docs.aws.amazon.com/glue/latest/dg/update-from-job.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.options import truth
from glue_secure.core.table_definition import STORAGE, Columns, TableDefinition
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

if TYPE_CHECKING:
    from glue_secure.run.run import Run

UPDATE_OPTIONS = {"enableUpdateCatalog", "updateBehavior"}
_UPDATES = "https://docs.aws.amazon.com/glue/latest/dg/update-from-job.html"
_BEHAVIORS = ("UPDATE_IN_DATABASE", "LOG")


@dataclass(frozen=True, slots=True)
class CatalogUpdate:
    """What a write changes in the Data Catalog.

    Attributes:
        database: the table's database.
        name: the table's name.
        behavior: ``UPDATE_IN_DATABASE`` (the frame's columns replace the table's) or ``LOG`` (the table's
            columns stay).
        enabled: whether the write changes the catalog.
    """

    database: str
    name: str
    behavior: str
    enabled: bool

    @classmethod
    def parse(cls, database: str, name: str, options: Mapping[str, Any]) -> CatalogUpdate:
        """Return the update that the options request. Without ``enableUpdateCatalog`` it is not enabled.

        Raises:
            UsageError: an option has an invalid value, or the table is not named.
        """
        behavior = str(options.get("updateBehavior") or _BEHAVIORS[0])
        if behavior not in _BEHAVIORS:
            raise UsageError("updateBehavior", found=repr(behavior), required=", ".join(_BEHAVIORS))
        if not database or not name:
            raise UsageError("a catalog table", found=f"{database!r}, {name!r}", required="database and name")
        enabled = truth("enableUpdateCatalog", options.get("enableUpdateCatalog", False))
        return cls(str(database), str(name), behavior, enabled)

    def validate(self, run: Run, table: Table, *, path: str, format: str, keys: Sequence[str]) -> None:
        """Check, before anything is written, that the result can be registered.

        Args:
            run: the run.
            table: the frame to write.
            path: the sink's location.
            format: the sink's format.
            keys: the partition keys.

        Raises:
            UsageError: the frame, the format, the location or the keys do not fit the table.
        """
        if not self.enabled:
            return
        resource = f"enableUpdateCatalog of {self.database}.{self.name}"
        if format not in STORAGE:
            raise UsageError(resource, found=f"format {format}", required=", ".join(sorted(STORAGE)))
        columns = columns_of(table, keys, resource)
        existing = run.catalog.existing_table(self.database, self.name)
        if existing is None:
            return
        if existing.connection or not _is_same_location(existing.location, path):
            raise UsageError(
                resource, found=f"a table at {existing.location}", required=f"the sink's path, {path}"
            )
        classification = existing.classification.lower().replace("glueparquet", "parquet")
        if classification and classification != format:
            raise UsageError(
                resource, found=f"format {format}", required=f"the table's format, {classification}"
            )
        require_table_keys(existing, keys, f"partitionKeys of {self.database}.{self.name}")
        if self.behavior == "UPDATE_IN_DATABASE":
            _require_same_nested_types(existing, columns, resource)
        if self.behavior == "LOG":
            table_columns = {name.lower() for name, _ in existing.columns}
            new = [name for name, _ in columns if name.lower() not in table_columns]
            if new:
                raise UsageError(
                    f"{resource} with updateBehavior LOG",
                    found=f"columns that the table lacks: {', '.join(new)}",
                    required="the table's columns, or some of them",
                    fix="use UPDATE_IN_DATABASE, or drop the columns",
                )

    def apply(
        self,
        run: Run,
        table: Table,
        record: WriteRecord,
        *,
        format: str,
        keys: Sequence[str],
        spark: Mapping[str, str],
    ) -> None:
        """Create or update the table, and register the partitions of the verified objects.

        Args:
            run: the run.
            table: the frame that was written.
            record: the verified write.
            format: the sink's format.
            keys: the partition keys.
            spark: Spark's options of the write.
        """
        if not self.enabled:
            return
        columns = columns_of(table, keys, f"table {self.database}.{self.name}")
        definition = run.catalog.existing_table(self.database, self.name)
        if definition is None:
            definition = self._definition(table, record.target, format, columns, keys, spark)
            run.catalog.create(definition)
        elif self.behavior == "UPDATE_IN_DATABASE":
            run.catalog.replace_columns(definition, _with_types_of(definition, columns))
        if keys:
            run.catalog.add_partitions(definition, partitions_of(record, len(keys)))

    def _definition(
        self,
        table: Table,
        location: str,
        format: str,
        columns: Columns,
        keys: Sequence[str],
        spark: Mapping[str, str],
    ) -> TableDefinition:
        data_types = _hive_types(table)
        parameters = {}
        serde = {"serialization.format": "1"}
        if format == "csv":
            serde = {"field.delim": spark["sep"], "serialization.format": spark["sep"]}
            if spark["header"] == "true":
                parameters["skip.header.line.count"] = "1"
        return TableDefinition(
            database=self.database,
            name=self.name,
            location=location,
            classification=format,
            columns=columns,
            partition_keys=tuple((key.lower(), data_types[key]) for key in keys),
            serde=serde,
            parameters=parameters,
        )


def require_table_keys(table: TableDefinition, keys: Sequence[str], resource: str) -> None:
    """Raise UsageError unless ``keys`` are the table's partition keys, in its order; case is ignored."""
    table_keys = [name for name, _ in table.partition_keys]
    if [str(key).lower() for key in keys] != [name.lower() for name in table_keys]:
        raise UsageError(
            resource,
            found=", ".join(map(str, keys)) or "none",
            required=f"the table's partition keys, in its order: {', '.join(table_keys) or 'none'}",
        )


def columns_of(table: Table, keys: Sequence[str], resource: str) -> Columns:
    """Return name and Hive type of each column that is not a partition key; names in lower case.

    Raises:
        UsageError: a column is a choice.
    """
    data_types = _hive_types(table)
    columns = []
    for field in table.schema.fields:
        if isinstance(field.dataType, glue.ChoiceType):
            raise UsageError(
                resource,
                found=f"column {field.name}, a choice",
                required="columns of one type",
                fix="resolve the choice with resolveChoice, or write without enableUpdateCatalog",
            )
        if field.name not in keys:
            columns.append((field.name.lower(), data_types[field.name]))
    return tuple(columns)


def _require_same_nested_types(existing: TableDefinition, columns: Columns, resource: str) -> None:
    """Raise UsageError if a column has another type than in the table, and either of them is nested."""
    types = {name.lower(): data_type for name, data_type in existing.columns}
    for name, data_type in columns:
        current = types.get(name, data_type)
        if (_is_nested(current) or _is_nested(data_type)) and not _is_same_type(current, data_type):
            raise UsageError(
                resource,
                found=f"column {name} of type {data_type}, in the table {current}",
                required=(
                    "the table's nested types; AWS: enableUpdateCatalog does not support tables "
                    '"in which the updating schemas are nested"'
                ),
                fix=(
                    "cast the column to the table's type, use updateBehavior LOG, or change the table's "
                    f"definition before the run; {_UPDATES}"
                ),
            )


def _with_types_of(existing: TableDefinition, columns: Columns) -> Columns:
    """Return the columns; a type that is the table's is spelled as in the table."""
    types = {name.lower(): data_type for name, data_type in existing.columns}
    return tuple(
        (name, types[name] if name in types and _is_same_type(types[name], data_type) else data_type)
        for name, data_type in columns
    )


def _is_nested(data_type: str) -> bool:
    return "<" in data_type


def _is_same_type(first: str, second: str) -> bool:
    # Hive ignores letter case, also of the names of fields.
    return "".join(first.split()).lower() == "".join(second.split()).lower()


def partitions_of(record: WriteRecord, depth: int) -> dict[tuple[str, ...], str]:
    """Return partition values and location of each partition folder (``month=1``) that the write used.

    Args:
        record: the verified write.
        depth: the number of partition keys.
    """
    base = S3Uri.parse(record.target)
    partitions = {}
    for folder in record.folders:
        folders = folder.key[len(base.as_prefix()) :].split("/")[:-1]
        if len(folders) == depth and all("=" in name for name in folders):
            values = tuple(unquote(name.partition("=")[2]) for name in folders)
            partitions[values] = f"{base.child('/'.join(folders))}/"
    return partitions


def _hive_types(table: Table) -> dict[str, str]:
    return {field.name: field.dataType.simpleString() for field in table.data.schema.fields}


def _is_same_location(first: str, second: str) -> bool:
    # s3, s3a and s3n are the same location, with or without the slash at the end.
    return first.partition("://")[2].rstrip("/") == second.partition("://")[2].rstrip("/")
