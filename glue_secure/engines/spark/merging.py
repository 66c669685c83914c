"""Reads of objects whose columns differ: columns are matched by name, or the read is rejected.

Spark itself takes the columns of one object. It reads CSV values of other objects under wrong names, and
loses further columns of Parquet, ORC and Avro. Glue reads each object by its own header or schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import quoted
from glue_secure.core.merged_columns import merged_columns
from glue_secure.core.redaction import redacting_logger
from glue_secure.engines.spark.loading import load, union
from glue_secure.engines.spark.object_columns import MOST_COMPARED, ObjectReader, without_failure
from glue_secure.engines.spark.row_metrics import SCAN_OPTION, part_of_scan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader
    from pyspark.sql.types import DataType, StructField

MERGED = ("parquet", "orc", "avro")
"""Formats whose objects have a schema of their own."""
MOST_HEADERS = 100
"""Avro objects whose headers are compared: Spark reads them one by one."""
# SparkException "Failed merging schema", CANNOT_MERGE_SCHEMAS, CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE.
_NOT_MERGED = re.compile(r"CANNOT_MERGE|Failed (?:to merge|merging)", re.IGNORECASE)
_WHOLE = ("tinyint", "smallint", "int", "bigint")
_TEXT_NUMBERS = ("int", "bigint", "double")
_CORRUPT = "_corrupt_record"
_LOG = redacting_logger(__name__)


@dataclass(frozen=True, slots=True)
class MergedFrame:
    """A frame, and a text for each column in which its objects differ (:func:`merged_columns`)."""

    frame: DataFrame
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """The options of Spark's CSV reader that decide where the header is."""

    encoding: str
    comment: str
    quote: str
    multiline: bool

    @classmethod
    def of(cls, options: Mapping[str, str]) -> CsvOptions:
        """Return those among Spark's options."""
        given = {name.lower(): value for name, value in options.items()}
        return cls(
            given.get("encoding", given.get("charset", "utf-8")),
            given.get("comment", ""),
            given.get("quote", '"'),
            given.get("multiline", "false").lower() == "true",
        )


def load_csv(
    reader: DataFrameReader,
    objects: Sequence[str],
    paths: Sequence[str],
    *,
    read: ObjectReader,
    options: CsvOptions,
    scan: str,
    header: Callable[[str], Sequence[str | None]],
    has_schema: bool,
) -> MergedFrame:
    """Return the rows of CSV objects with headers, each read by its own header.

    Objects of one header are read together. With several headers, columns are matched by name, and columns
    whose inferred types differ get a type for both. With a schema of the caller, headers may name its columns
    in any order. At most ``MOST_COMPARED`` headers are read before; reading another object with another
    header fails. One empty name stays empty, as in Glue.

    Args:
        reader: the configured reader.
        objects: the paths of the first ``MOST_COMPARED`` objects.
        paths: the same, with glob characters escaped, for the reader.
        read: reads the headers.
        options: of the header.
        scan: the id of the read.
        header: returns the names in an object's header, None or ``""`` for an empty one.
        has_schema: whether the reader has a schema of the caller.

    Raises:
        UsageError: the headers differ, and one has a name that the caller's schema does not have.
    """
    lines = read.header_lines(
        objects,
        encoding=options.encoding,
        comment=options.comment,
        quote=options.quote,
        multiline=options.multiline,
    )
    reader = reader.option("enforceSchema", "true")
    groups: dict[str, list[int]] = {}
    for position, line in enumerate(lines):
        groups.setdefault(line, []).append(position)
    # An object without a header has no rows.
    empty = groups.pop("", [])
    if len(groups) < 2:
        frame = _named(reader.load(list(paths)), paths[(groups or {"": empty}).popitem()[1][0]], header)
        if len(paths) > MOST_COMPARED and not has_schema and frame.columns:
            reader = reader.option("enforceSchema", "false").schema(frame.schema)
            frame = reader.load(list(paths))
        return MergedFrame(frame)
    members = [[paths[position] for position in positions] for positions in groups.values()]
    rest = list(paths[MOST_COMPARED:])
    members[0] += rest  # fail if they have another header
    load_one = _parts_loader(reader, scan)
    if has_schema:
        parts = _with_schema(reader, load_one, members, header)
    else:
        parts = [load_one(number, group) for number, group in enumerate(members)]
        types = _text_types(parts)
        parts = [
            _retyped(reader, load_one, number, group, part, types)
            for number, (group, part) in enumerate(zip(members, parts, strict=True))
        ]
        if rest:
            parts[0] = _checked(reader, load_one, members[0], parts[0])
        parts = [_named(part, group[0], header) for part, group in zip(parts, members, strict=True)]
    names = [
        dict.fromkeys(part.columns, "")
        for part, group in zip(parts, groups.values(), strict=True)
        for _ in group
    ]
    return MergedFrame(union(parts), merged_columns(names, total=len(paths) - len(empty)))


def load_merged(
    reader: DataFrameReader,
    format: str,
    objects: Sequence[str],
    paths: Sequence[str],
    *,
    read: ObjectReader,
    scan: str,
) -> MergedFrame:
    """Return a frame with the columns of all objects of Parquet, ORC or Avro, matched by name.

    An object without a column has nulls. A column of several whole-number types, or of float and double, has
    the larger type.

    Raises:
        UsageError: two objects have a column of the same name and of types that have no common type.
    """
    if format == "avro":
        columns = _avro_columns(reader, paths[:MOST_HEADERS])
    else:
        columns = without_failure(format, lambda: read.footers(format, objects))
    differences = merged_columns(columns, total=len(paths))
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for path, one in zip(paths, columns, strict=False):
        groups.setdefault(tuple(one.items()), []).append(path)
    kinds: dict[str, set[str]] = {}
    for one in columns:
        for name, kind in one.items():
            kinds.setdefault(name.lower(), set()).add(kind)
    if all(len(found) == 1 for found in kinds.values()) or len(paths) > len(columns):
        return MergedFrame(_read_together(reader, format, paths, columns), differences)
    load_one = _parts_loader(reader, scan, format)
    parts = [load_one(number, group) for number, group in enumerate(groups.values())]
    targets = _common_types(format, parts, list(groups.values()))
    return MergedFrame(union([_cast(part, targets) for part in parts]), differences)


def json_differences(
    read: ObjectReader, objects: Sequence[str], *, total: int, encoding: str
) -> tuple[str, ...]:
    """Return a text for each field whose types differ between objects of JSON. Spark gives it a type for all.

    The first 64 KiB of each of ``objects`` are compared, which are the first of ``total``.
    """
    types = without_failure("json", lambda: read.json_types(objects, encoding=encoding))
    return merged_columns(types, total=total, is_complete=False)


def _read_together(
    reader: DataFrameReader, format: str, paths: Sequence[str], columns: Sequence[Mapping[str, str]]
) -> DataFrame:
    if format == "avro":
        if len(paths) > len(columns):
            _LOG.warning(
                "the columns of %d Avro objects are not compared with others: at most %d headers are read",
                len(paths) - len(columns),
                MOST_HEADERS,
            )
        names = [frozenset(name.lower() for name in one) for one in columns]
        if len(set(names)) < 2:
            return load(reader, format, paths)[0]
        from pyspark.sql.types import StructType

        fields: dict[str, StructField] = {}
        for position in sorted({names.index(found): found for found in names}):
            for field in load(reader, format, [paths[position]])[0].schema:
                fields.setdefault(field.name.lower(), field)
        return load(reader.schema(StructType(list(fields.values()))), format, paths)[0]
    try:
        return reader.option("mergeSchema", "true").load(list(paths))
    except Exception as error:
        text = str(error)
        if not _NOT_MERGED.search(text):
            raise
        raise _cannot_merge(format, text.strip().partition("\n")[0]) from error


def _avro_columns(reader: DataFrameReader, paths: Sequence[str]) -> list[Mapping[str, str]]:
    schemas = [load(reader, "avro", [path])[0].schema for path in paths]
    return [{field.name: field.dataType.simpleString() for field in schema} for schema in schemas]


def _parts_loader(
    reader: DataFrameReader, scan: str, format: str = ""
) -> Callable[[int, Sequence[str]], DataFrame]:
    """Return a function that loads one part of a read, whose rows are counted with those of the others."""

    def load_one(number: int, paths: Sequence[str]) -> DataFrame:
        part = reader.option(SCAN_OPTION, part_of_scan(scan, number))
        return load(part, format, paths)[0] if format else part.load(list(paths))

    return load_one


def _with_schema(
    reader: DataFrameReader,
    load_one: Callable[[int, Sequence[str]], DataFrame],
    members: Sequence[Sequence[str]],
    header: Callable[[str], Sequence[str | None]],
) -> list[DataFrame]:
    """Return the parts of CSV objects with the caller's schema; the headers name its columns in any order."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    full = load_one(0, members[0]).schema
    fields = {field.name.lower(): field for field in full}
    headers = [[str(name or "") for name in header(group[0])] for group in members]
    for names, group in zip(headers, members, strict=True):
        unknown = [name for name in names if name.lower() not in fields]
        if unknown or len({name.lower() for name in names}) < len(names):
            raise UsageError(
                "a read of csv objects with different headers, and a schema",
                found=f"{', '.join(map(repr, unknown)) or 'a repeated name'} in the header of {group[0]}",
                required=f"headers with names of the schema: {', '.join(full.fieldNames())}",
                fix="name the columns in the schema as in the headers, or read the objects in separate reads",
            )
    named = {name.lower() for names in headers for name in names}
    # Columns that no header has: partition columns, which Spark appends, and malformed records.
    others = [field for field in full if field.name.lower() not in named]
    parts = []
    for number, (names, group) in enumerate(zip(headers, members, strict=True)):
        own = StructType([*(fields[name.lower()] for name in names), *others])
        reader.schema(own)
        part = load_one(number, group)
        present = set(part.columns)
        columns = [
            F.col(quoted(field.name))
            if field.name in present
            else F.lit(None).cast(field.dataType).alias(field.name)
            for field in full
        ]
        # A frame of all columns has no _metadata; only with missing ones a projection is needed.
        parts.append(part.select(*columns) if present != set(full.fieldNames()) else part)
    return parts


def _retyped(
    reader: DataFrameReader,
    load_one: Callable[[int, Sequence[str]], DataFrame],
    number: int,
    group: Sequence[str],
    part: DataFrame,
    types: Mapping[str, DataType],
) -> DataFrame:
    """Return a part whose columns have the types that all parts of their name have."""
    from pyspark.sql.types import StructField, StructType

    wanted = StructType(
        [StructField(field.name, types.get(field.name.lower(), field.dataType)) for field in part.schema]
    )
    if [field.dataType for field in wanted] == [field.dataType for field in part.schema]:
        return part
    reader.schema(wanted)
    return load_one(number, group)


def _checked(
    reader: DataFrameReader,
    load_one: Callable[[int, Sequence[str]], DataFrame],
    group: Sequence[str],
    part: DataFrame,
) -> DataFrame:
    """Return a part again; reading an object of it with another header fails."""
    reader.option("enforceSchema", "false").schema(part.schema)
    return load_one(0, group)


def _text_types(parts: Sequence[DataFrame]) -> Mapping[str, DataType]:
    """Return the type of each column whose inferred types differ: one that every value can be read as."""
    from pyspark.sql import types

    found: dict[str, dict[str, DataType]] = {}
    for part in parts:
        for field in part.schema:
            found.setdefault(field.name.lower(), {})[field.dataType.simpleString()] = field.dataType
    chosen: dict[str, DataType] = {}
    for name, kinds in found.items():
        if len(kinds) < 2:
            continue
        if set(kinds) <= set(_TEXT_NUMBERS):
            chosen[name] = kinds[max(kinds, key=_TEXT_NUMBERS.index)]
        elif set(kinds) == {"date", "timestamp"}:
            chosen[name] = kinds["timestamp"]
        else:
            chosen[name] = types.StringType()
    return chosen


def _common_types(
    format: str, parts: Sequence[DataFrame], groups: Sequence[Sequence[str]]
) -> Mapping[str, DataType]:
    """Return the type of each column whose types differ. Raises UsageError if they have no common type."""
    found: dict[str, dict[str, tuple[DataType, str]]] = {}
    for part, group in zip(parts, groups, strict=True):
        for field in part.schema:
            kinds = found.setdefault(field.name.lower(), {})
            kinds.setdefault(field.dataType.simpleString(), (field.dataType, group[0]))
    chosen: dict[str, DataType] = {}
    for name, kinds in found.items():
        if len(kinds) < 2:
            continue
        if set(kinds) <= set(_WHOLE):
            largest = max(kinds, key=_WHOLE.index)
        elif "double" in kinds and set(kinds) <= {"float", "double", *_WHOLE[:3]}:
            largest = "double"
        else:
            types = ", ".join(f"{kind} in {where}" for kind, (_, where) in kinds.items())
            raise _cannot_merge(format, f"column {name}: {types}")
        chosen[name] = kinds[largest][0]
    return chosen


def _cast(part: DataFrame, types: Mapping[str, DataType]) -> DataFrame:
    from pyspark.sql import functions as F

    changed = {
        field.name: F.col(quoted(field.name)).cast(types[field.name.lower()])
        for field in part.schema
        if field.name.lower() in types and field.dataType != types[field.name.lower()]
    }
    return part.withColumns(changed) if changed else part


def _named(frame: DataFrame, path: str, header: Callable[[str], Sequence[str | None]]) -> DataFrame:
    """Return the frame with an empty name where the header of its objects has the only empty one.

    Spark generates ``_c0`` for it.
    """
    generated = [at for at, name in enumerate(frame.columns) if name.lower() == f"_c{at}"]
    names = header(path) if generated else ()
    empty = [at for at in generated if at < len(names) and not names[at]]
    if len(empty) != 1:
        return frame
    return frame.toDF(*("" if at in empty else name for at, name in enumerate(frame.columns)))


def _cannot_merge(format: str, found: str) -> UsageError:
    return UsageError(
        f"a read of {format} objects with different columns",
        found=found,
        required="columns of one name with types that have a common type in all objects of a read",
        fix="read the objects in separate reads, or pass a schema",
    )
