"""The transforms of AWS Glue Studio that its scripts call as ``frame.gs_derived(...)``, in plain Spark.

A script that AWS Glue Studio generates imports one module for each of these transforms, such as
``import gs_derived``, which its job gets from a bucket of AWS by ``--extra-py-files``. In plain Spark, each
of these imports gives this module, unless the job brings its own. As in Glue, it adds the methods to
DataFrame and DynamicFrame.

Sources: the pages of the transforms, https://docs.aws.amazon.com/glue/latest/dg/edit-jobs-transforms.html,
and the calls of scripts that people published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime, timezone
from functools import wraps
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.dynamicframe.frames import json_source
from glue_secure.dynamicframe.frames.expressions import identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Transform = Callable[..., "DataFrame"]

_NUMBERS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
# strftime's directives in the patterns of Spark.
_DIRECTIVES = {
    "%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%I": "hh", "%M": "mm", "%S": "ss",
    "%f": "SSSSSS", "%p": "a", "%j": "DDD", "%b": "MMM", "%B": "MMMM", "%a": "EEE", "%A": "EEEE", "%z": "xx",
    "%%": "%",
}  # fmt: skip


def derived(frame: DataFrame, colName: str, expr: str) -> DataFrame:
    """Return the frame with a column of a Spark SQL expression; it replaces a column of this name."""
    from pyspark.sql import functions as F

    return frame.withColumn(_plain(colName), F.expr(expr))


def now(frame: DataFrame, colName: str = "timestamp", dateFormat: str | None = None) -> DataFrame:
    """Return the frame with the time of the call in UTC: a timestamp, or text in a format.

    Args:
        frame: the frame.
        colName: the new column.
        dateFormat: a format of Python's ``strftime``, or of Spark if it has no ``%``.
    """
    from pyspark.sql import functions as F

    time = F.lit(datetime.now(timezone.utc))
    return frame.withColumn(
        _plain(colName), F.date_format(time, _pattern(dateFormat)) if dateFormat else time
    )


def null_rows(frame: DataFrame, extended: bool = False) -> DataFrame:
    """Return the rows in which a column is not null; if ``extended``, empty texts count as null."""
    from pyspark.sql import functions as F

    kinds = dict(frame.dtypes)
    values = [
        F.nullif(F.trim(_col(name)), F.lit("")) if extended and kinds[name] == "string" else _col(name)
        for name in frame.columns
    ]
    present = F.lit(False)
    for value in values:
        present = present | value.isNotNull()
    return frame.where(present)


def to_timestamp(
    frame: DataFrame, colName: str, colType: str = "autodetect", newColName: str | None = None
) -> DataFrame:
    """Return the frame with a number or an ISO 8601 text as a timestamp.

    Args:
        frame: the frame.
        colName: the column.
        colType: ``seconds``, ``milliseconds``, ``microseconds``, ``iso``, or ``autodetect``, which decides by
            the value: a number of 10 digits at most is in seconds, of 13 in milliseconds.
        newColName: the new column; None to replace the column.

    Raises:
        UsageError: another type.
    """
    from pyspark.sql import functions as F

    name = _source(frame, colName)
    column, text = _col(name), _col(name).cast("string")
    iso = F.expr(f"try_cast({identifier(name)} AS timestamp)")
    number = F.expr(f"try_cast(CAST({identifier(name)} AS string) AS double)")
    is_number = text.rlike(r"^\s*-?\d{5,}(\.\d+)?\s*$")
    if colType in _NUMBERS:
        time = F.timestamp_seconds(number / _NUMBERS[colType])
    elif colType == "iso":
        time = iso
    elif colType == "autodetect":
        digits = F.length(F.regexp_extract(text, r"(\d+)", 1))
        divisor = F.when(digits <= 10, 1).when(digits <= 13, 1_000).otherwise(1_000_000)
        temporal = dict(frame.dtypes)[name] in ("timestamp", "timestamp_ntz", "date")
        time = (
            column.cast("timestamp")
            if temporal
            else (
                F.when(is_number, F.timestamp_seconds(number / divisor)).otherwise(
                    F.expr(f"try_cast(CAST({identifier(name)} AS string) AS timestamp)")
                )
            )
        )
    else:
        raise UsageError(
            "gs_to_timestamp",
            found=f"colType {colType!r}",
            required="seconds, milliseconds, microseconds, iso or autodetect",
        )
    return frame.withColumn(_plain(newColName) if newColName else name, time)


def format_timestamp(
    frame: DataFrame, colName: str, dateFormat: str, newColName: str | None = None
) -> DataFrame:
    """Return the frame with a timestamp as text, in a format of ``strftime`` or of Spark."""
    from pyspark.sql import functions as F

    name = _source(frame, colName)
    text = F.date_format(_col(name), _pattern(dateFormat))
    return frame.withColumn(_plain(newColName) if newColName else name, text)


def explode(frame: DataFrame, colName: str, newCol: str, outer: bool = False) -> DataFrame:
    """Return one row for each element of an array, or each entry of a map.

    Args:
        frame: the frame.
        colName: the array or map. It remains, unless ``newCol`` has its name.
        newCol: the column of the elements; for a map, the columns of its keys and values, with a comma.
        outer: whether a row with a null or empty collection remains, with null.
    """
    from pyspark.sql import functions as F

    name, new = _source(frame, colName), [_plain(part) for part in newCol.split(",")]
    rows = (F.explode_outer if outer else F.explode)(_col(name))
    if dict(frame.dtypes)[name].startswith("map"):
        new = new if len(new) == 2 else ["key", new[0]]
    others = [_col(column) for column in frame.columns if column not in new]
    return frame.select(*others, rows.alias(*new))


def flatten(frame: DataFrame, maxLevels: int = 0, separator: str = ".") -> DataFrame:
    """Return the fields of structs as columns ``a.b``.

    Args:
        frame: the frame.
        maxLevels: how many levels are flattened; 0 for all.
        separator: between the names.
    """

    def leaves(path: list[str], kind: Any, level: int) -> list[list[str]]:
        if kind.typeName() != "struct" or (maxLevels and level >= maxLevels):
            return [path]
        return [
            leaf for field in kind.fields for leaf in leaves([*path, field.name], field.dataType, level + 1)
        ]

    paths = [leaf for field in frame.schema.fields for leaf in leaves([field.name], field.dataType, 0)]
    return frame.select(*[_nested(path).alias(separator.join(path)) for path in paths])


def split(frame: DataFrame, colName: str, pattern: str, newColName: str | None = None) -> DataFrame:
    """Return the frame with a text split at a regular expression, as an array."""
    from pyspark.sql import functions as F

    name = _source(frame, colName)
    return frame.withColumn(_plain(newColName) if newColName else name, F.split(_col(name), pattern))


def concat(
    frame: DataFrame,
    colName: str,
    colList: str | Sequence[str],
    spacer: str | None = None,
    nullReplacement: str | None = None,
) -> DataFrame:
    """Return the frame with columns as one text. Null becomes ``nullReplacement``, or empty text."""
    from pyspark.sql import functions as F

    parts = [
        F.coalesce(_col(_source(frame, name)).cast("string"), F.lit(nullReplacement or ""))
        for name in _names(colList)
    ]
    return frame.withColumn(_plain(colName), F.concat_ws(spacer or "", *parts))


def pivot(frame: DataFrame, aggCol: str, aggFunction: str, colList: str | Sequence[str]) -> DataFrame:
    """Return an aggregate for each value of the columns ``colList``, grouped by the other columns."""
    from pyspark.sql import functions as F

    value, by = _source(frame, aggCol), [_source(frame, name) for name in _names(colList)]
    others = [_col(name) for name in frame.columns if name not in (value, *by)]
    label = _col(by[0]) if len(by) == 1 else F.concat_ws("_", *[_col(name).cast("string") for name in by])
    named = frame.withColumn("__glue_secure_pivot", label)
    return named.groupBy(*others).pivot("__glue_secure_pivot").agg(getattr(F, aggFunction)(_col(value)))


def uuid(frame: DataFrame, colName: str = "uuid") -> DataFrame:
    """Return the frame with a random UUID in each row."""
    from pyspark.sql import functions as F

    return frame.withColumn(_plain(colName), F.expr("uuid()"))


def repartition(
    frame: DataFrame, numPartitionsStr: str | int = "", colList: str | Sequence[str] = ()
) -> DataFrame:
    """Return the frame in a number of partitions, by columns if given; by default in Spark's number."""
    columns = [_source(frame, name) for name in _names(colList)]
    number = int(numPartitionsStr) if str(numPartitionsStr).strip() else 0
    if not number and not columns:
        number = frame.sparkSession.sparkContext.defaultParallelism
    return (
        frame.repartition(number, *map(_col, columns)) if number else frame.repartition(*map(_col, columns))
    )


def array_to_cols(
    frame: DataFrame, colName: str, colList: str | Sequence[str], indexes: str | Sequence[Any] = ()
) -> DataFrame:
    """Return the frame with elements of an array as columns; null where the array is shorter.

    Args:
        frame: the frame.
        colName: the array, which remains.
        colList: the new columns.
        indexes: the elements, from 1; by default the first ones.
    """
    name, new = _source(frame, colName), _names(colList)
    wanted = [_index(text) for text in _names(indexes)] or list(range(1, len(new) + 1))
    if len(wanted) != len(new):
        raise UsageError(
            "gs_array_to_cols", found=f"{len(new)} columns, {len(wanted)} indexes", required="as many indexes"
        )
    array = _col(name)
    return frame.select(
        "*", *[array[index - 1].alias(_plain(n)) for n, index in zip(new, wanted, strict=True)]
    )


def parse_json(frame: DataFrame, colName: str, newColName: str | None = None, **_: Any) -> DataFrame:
    """Return the frame with JSON text as its value, of the type of all rows. Runs a Spark job."""
    name = _source(frame, colName)
    value, _kind = json_source.parse_column(frame, name)
    return frame.withColumn(_plain(newColName) if newColName else name, value)


def regex_extract(frame: DataFrame, colName: str, regex: str, newCols: str | Sequence[str]) -> DataFrame:
    """Return the frame with a column for each group of a regular expression; null where it does not match.

    An expression without groups gives one column, its whole match.
    """
    from pyspark.sql import functions as F

    name, new = _source(frame, colName), _names(newCols)
    first = 1 if _groups(frame, regex) else 0
    found = _col(name).rlike(regex)
    columns = [
        F.when(found, F.regexp_extract(_col(name), regex, first + number)).alias(_plain(column))
        for number, column in enumerate(new)
    ]
    replaced = {_plain(column) for column in new}
    return frame.select(*[_col(column) for column in frame.columns if column not in replaced], *columns)


TRANSFORMS: dict[str, Transform] = {
    "gs_array_to_cols": array_to_cols,
    "gs_concat": concat,
    "gs_derived": derived,
    "gs_explode": explode,
    "gs_flatten": flatten,
    "gs_format_timestamp": format_timestamp,
    "gs_now": now,
    "gs_null_rows": null_rows,
    "gs_parse_json": parse_json,
    "gs_pivot": pivot,
    "gs_regex_extract": regex_extract,
    "gs_repartition": repartition,
    "gs_split": split,
    "gs_to_timestamp": to_timestamp,
    "gs_uuid": uuid,
}
"""Name of the module and of the method → transform."""


def add_methods() -> None:
    """Add the transforms to DataFrame and DynamicFrame."""
    from pyspark.sql import DataFrame

    checked = check_argument_types(lambda _frame: nullcontext())
    for name, transform in TRANSFORMS.items():
        for owner, method in (
            (DataFrame, _of_frame(transform)),
            (DynamicFrame, _of_dynamic_frame(transform)),
        ):
            method.__qualname__ = f"{owner.__name__}.{name}"
            setattr(owner, name, checked(method))


def _of_frame(transform: Transform) -> Callable[..., DataFrame]:
    @wraps(transform)
    def method(self: DataFrame, *arguments: Any, **options: Any) -> DataFrame:
        # A frame without columns, as of a source without new data, has nothing to transform.
        return transform(self, *arguments, **options) if self.columns else self

    return method


def _of_dynamic_frame(transform: Transform) -> Callable[..., DynamicFrame]:
    method = _of_frame(transform)

    @wraps(transform)
    def dynamic(self: DynamicFrame, *arguments: Any, **options: Any) -> DynamicFrame:
        return DynamicFrame.fromDF(method(self.toDF(), *arguments, **options), self.glue_ctx, self.name)

    return dynamic


def _col(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.col(identifier(name))


def _nested(path: Sequence[str]) -> Column:
    from pyspark.sql import functions as F

    return F.col(".".join(identifier(name) for name in path))


def _plain(name: str) -> str:
    """Return a name without the backticks in which AWS Glue Studio writes names with dots."""
    name = name.strip()
    return name[1:-1] if len(name) > 2 and name[0] == name[-1] == "`" else name


def _source(frame: DataFrame, name: str) -> str:
    """Return the column that a script names, as the frame writes it. Raises UsageError."""
    plain = _plain(name)
    if plain in frame.columns:
        return plain
    for column in frame.columns:
        if column.lower() == plain.lower():
            return str(column)
    raise UsageError(
        "a transform of AWS Glue Studio", found=f"no column {plain}", required=", ".join(frame.columns)
    )


def _names(names: str | Sequence[Any]) -> list[str]:
    parts = names.split(",") if isinstance(names, str) else [str(name) for name in names]
    return [part.strip() for part in parts if part.strip()]


def _index(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError("gs_array_to_cols", found=f"index {text!r}", required="whole numbers from 1")
    return int(text)


def _pattern(text: str) -> str:
    """Return a format of Spark for a format of Spark or of ``strftime``."""
    for directive, pattern in _DIRECTIVES.items():
        text = text.replace(directive, pattern)
    return text


def _groups(frame: DataFrame, regex: str) -> int:
    """Return the number of groups of a regular expression of Java."""
    jvm: Any = frame.sparkSession.sparkContext._jvm
    return int(jvm.java.util.regex.Pattern.compile(regex).matcher("").groupCount())


add_methods()
