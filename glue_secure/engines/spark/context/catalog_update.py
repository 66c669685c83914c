"""What a write does in the Data Catalog afterwards: ``enableUpdateCatalog`` and ``updateBehavior``.

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
_BEHAVIORS = ("UPDATE_IN_DATABASE", "LOG")


@dataclass(frozen=True, slots=True)
class CatalogUpdate:
    """What is to be true of a table after the write.

    Attributes:
        database: the table's database.
        name: the table's name.
        behavior: ``UPDATE_IN_DATABASE`` (the frame's columns replace the table's) or ``LOG`` (they stay).
        enabled: whether the catalog is to be changed at all.
    """

    database: str
    name: str
    behavior: str
    enabled: bool

    @classmethod
    def asked(cls, database: str, name: str, options: Mapping[str, Any]) -> CatalogUpdate:
        """Read the options; without ``enableUpdateCatalog`` nothing is changed, as in Glue."""
        behavior = str(options.get("updateBehavior") or _BEHAVIORS[0])
        if behavior not in _BEHAVIORS:
            raise UsageError("updateBehavior", found=repr(behavior), required=", ".join(_BEHAVIORS))
        if not database or not name:
            raise UsageError("a catalog table", found=f"{database!r}, {name!r}", required="database and name")
        enabled = truth("enableUpdateCatalog", options.get("enableUpdateCatalog", False))
        return cls(str(database), str(name), behavior, enabled)

    def judge(self, run: Run, table: Table, *, path: str, format: str, keys: Sequence[str]) -> None:
        """Refuse, before anything is written, what could not be registered afterwards."""
        if not self.enabled:
            return
        what = f"enableUpdateCatalog of {self.database}.{self.name}"
        if format not in STORAGE:
            raise UsageError(what, found=f"format {format}", required=", ".join(sorted(STORAGE)))
        columns = columns_of(table, keys, what)
        known = run.catalog.existing(self.database, self.name)
        if known is None:
            return
        if known.connection or not _same_place(known.location, path):
            raise UsageError(what, found=f"a table at {known.location}", required=f"the sink's path, {path}")
        held = known.classification.lower().replace("glueparquet", "parquet")
        if held and held != format:
            raise UsageError(what, found=f"format {format}", required=f"the table's own, {held}")
        names = [name for name, _ in known.partition_keys]
        if [key.lower() for key in keys] != [name.lower() for name in names]:
            raise UsageError(
                f"partitionKeys of {self.database}.{self.name}",
                found=", ".join(keys) or "none",
                required=f"the table's own, in its order: {', '.join(names) or 'none'}",
            )
        if self.behavior == "LOG":
            have = {name.lower() for name, _ in known.columns}
            new = [name for name, _ in columns if name.lower() not in have]
            if new:
                raise UsageError(
                    f"{what} with updateBehavior LOG",
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
        """Create or update the table, and register the partitions whose objects were just verified."""
        if not self.enabled:
            return
        columns = columns_of(table, keys, f"table {self.database}.{self.name}")
        known = run.catalog.existing(self.database, self.name)
        if known is None:
            known = self._new(table, record.target, format, columns, keys, spark)
            run.catalog.create(known)
        elif self.behavior == "UPDATE_IN_DATABASE":
            run.catalog.replace_columns(known, columns)
        if keys:
            run.catalog.add_partitions(known, partitions_of(record, len(keys)))

    def _new(
        self,
        table: Table,
        location: str,
        format: str,
        columns: Columns,
        keys: Sequence[str],
        spark: Mapping[str, str],
    ) -> TableDefinition:
        kinds = {each.name: each.dataType.simpleString() for each in table.data.schema.fields}
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
            partition_keys=tuple((key.lower(), kinds[key]) for key in keys),
            serde=serde,
            parameters=parameters,
        )


def columns_of(table: Table, keys: Sequence[str], what: str) -> Columns:
    """Name (in lower case, as the catalog keeps it) and Hive type of each column that is no partition key.

    Raises:
        UsageError: a nested column or a choice, which Glue does not register either.
    """
    kinds = {each.name: each.dataType.simpleString() for each in table.data.schema.fields}
    columns = []
    for each in table.schema.fields:
        if isinstance(each.dataType, (glue.ChoiceType, glue.StructType, glue.ArrayType, glue.MapType)):
            raise UsageError(
                what,
                found=f"column {each.name}, a {each.dataType.typeName()}",
                required="columns of single values: Glue does not update a table to nested ones",
                fix="resolve choices, relationalize, or write without enableUpdateCatalog",
            )
        if each.name not in keys:
            columns.append((each.name.lower(), kinds[each.name]))
    return tuple(columns)


def partitions_of(record: WriteRecord, depth: int) -> dict[tuple[str, ...], str]:
    """Values → location of every partition that the write's objects lie in (``.../month=1/part-0``)."""
    base = S3Uri.parse(record.target)
    found = {}
    for uri in (*(each.uri for each in record.objects), *record.proved):
        parts = uri.key[len(base.as_prefix()) :].split("/")
        folders = parts[:-1]
        if len(folders) == depth and all("=" in folder for folder in folders):
            values = tuple(unquote(folder.partition("=")[2]) for folder in folders)
            found[values] = f"{base.child('/'.join(folders))}/"
    return found


def _same_place(one: str, other: str) -> bool:
    # s3, s3a and s3n name the same place, with or without the slash at the end.
    return one.partition("://")[2].rstrip("/") == other.partition("://")[2].rstrip("/")
