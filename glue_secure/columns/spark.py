"""Apply column decisions to a DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glue_secure.columns.sealing import seal, tokens
from glue_secure.core.columns import ColumnAction, ColumnDecision, ColumnShape, SchemaColumn, WrappedKey
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import failed, stop
from glue_secure.core.identifiers import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType, StructType

MASK = "****"


def column_tree(schema: StructType) -> tuple[SchemaColumn, ...]:
    """Return every column and nested field of a schema, parents first."""
    return tuple(_walk(schema, (), inside=False))


def protected(
    frame: DataFrame, decisions: Sequence[ColumnDecision], *, policy: str, key: WrappedKey | None
) -> DataFrame:
    """Return the frame with each decision applied. Other columns and the order of columns do not change.

    Tokenised and encrypted columns are strings: values are cast as Spark casts them (binary as base64,
    timestamps in the session's time zone). Masked columns keep their type, and are null unless they are
    strings. A changed column loses its metadata, which may contain values (an indexer's labels) or a length.

    Args:
        frame: the frame to write.
        decisions: the decisions.
        policy: the policy's name, for messages.
        key: the data key of tokenise and encrypt.

    Raises:
        RefusedError: GS-COL-003, two columns or fields have the same name.
        UsageError: every column is dropped.
    """
    from pyspark.sql import functions as F

    _reject_duplicate_names(frame, decisions)
    by_path = {decision.column.path: decision for decision in decisions}
    changed = {decision.column.path[0] for decision in decisions}
    columns = []
    for field in frame.schema.fields:
        column = _changed(F.col(quoted(field.name)), field.dataType, (field.name,), by_path, key)
        if column is not None:
            columns.append(column.alias(field.name, metadata={} if field.name in changed else field.metadata))
    if not columns:
        raise UsageError(
            f"column policy {policy}",
            found="drop for every column",
            required="at least one column that stays",
        )
    return frame.select(columns)


def require_functions() -> None:
    """Check that the packages of vectorised functions are installed. Glue has them.

    Raises:
        UsageError: pandas or pyarrow is missing.
    """
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "a column policy with tokenise or encrypt",
            found=f"no package {error.name}",
            required="pandas and pyarrow, on the driver and the executors",
            fix="python -m pip install pandas pyarrow",
        ) from error


def _changed(
    column: Column,
    kind: DataType,
    path: tuple[str, ...],
    decisions: Mapping[tuple[str, ...], ColumnDecision],
    key: WrappedKey | None,
) -> Column | None:
    """Return the column with its decisions applied; None if it is dropped."""
    from pyspark.sql.types import StructType

    decision = decisions.get(path)
    if decision is not None:
        return _apply(column, kind, decision, key)
    if isinstance(kind, StructType) and any(other[: len(path)] == path for other in decisions):
        return _changed_struct(column, kind, path, decisions, key)
    return column


def _changed_struct(
    column: Column,
    struct: StructType,
    path: tuple[str, ...],
    decisions: Mapping[tuple[str, ...], ColumnDecision],
    key: WrappedKey | None,
) -> Column | None:
    from pyspark.sql import functions as F

    fields = []
    for field in struct.fields:
        changed = _changed(column.getField(field.name), field.dataType, (*path, field.name), decisions, key)
        if changed is not None:
            fields.append(changed.alias(field.name))
    return F.when(column.isNotNull(), F.struct(*fields)) if fields else None


def _apply(column: Column, kind: DataType, decision: ColumnDecision, key: WrappedKey | None) -> Column | None:
    from pyspark.sql import functions as F
    from pyspark.sql.types import BinaryType, StringType

    rule, action = decision.rule, decision.rule.action
    if action is ColumnAction.DROP:
        return None
    if action is ColumnAction.MASK:
        if not isinstance(kind, StringType):
            return F.lit(None).cast(kind)
        masked = F.lit(MASK)
        if rule.keep_last:
            # The end is shown only of texts that are at least twice as long.
            end = F.concat(masked, F.substring(column, -rule.keep_last, rule.keep_last))
            masked = F.when(F.length(column) >= 2 * rule.keep_last, end).otherwise(masked)
        return F.when(column.isNotNull(), masked)
    assert key is not None  # noqa: S101 - policies without a key have no such action
    text = F.base64(column) if isinstance(kind, BinaryType) else column.cast("string")
    if action is ColumnAction.TOKENISE:
        return _tokenise(key, decision.domain)(text)
    return _encrypt(key, decision.column.text)(text)


def _tokenise(key: WrappedKey, domain: str) -> Any:
    """Return a Spark function text → token, deterministic within ``domain``."""

    def tokenise(values: Any) -> Any:
        # Imported on the worker, which decrypts the wrapped key itself. A global would be serialised with the
        # function, and the key cache rejects that.
        from glue_secure.aws.columns import executor_key

        return _series(tokens(values.tolist(), data_key=executor_key(key), domain=domain))

    return _vectorised(tokenise)


def _encrypt(key: WrappedKey, column: str) -> Any:
    """Return a Spark function text → sealed text, bound to policy and ``column``, different at each call."""

    def encrypt(values: Any) -> Any:
        from glue_secure.aws.columns import executor_key

        return _series(seal(values.tolist(), data_key=executor_key(key), policy=key.policy, column=column))

    return _vectorised(encrypt).asNondeterministic()


def _vectorised(function: Callable[[Any], Any]) -> Any:
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    # pandas_udf reads the function's types, which need pandas, so they are set here.
    function.__annotations__ = {"values": pd.Series, "return": pd.Series}
    return pandas_udf(function, "string")


def _series(values: list[str | None]) -> Any:
    import pandas as pd

    return pd.Series(values, dtype=object)


def _reject_duplicate_names(frame: DataFrame, decisions: Sequence[ColumnDecision]) -> None:
    """Reject duplicate names at the top, and in structs that are rebuilt: fields are selected by name."""
    case_sensitive = str(frame.sparkSession.conf.get("spark.sql.caseSensitive")).lower() == "true"
    rebuilt = {
        decision.column.path[:depth] for decision in decisions for depth in range(len(decision.column.path))
    }
    seen: set[tuple[str, ...]] = set()
    for column in column_tree(frame.schema):
        *parent, name = column.path
        path = (*parent, name if case_sensitive else name.lower())
        if tuple(parent) in rebuilt and not column.inside_repeated and path in seen:
            stop(
                failed(
                    "GS-COL-003",
                    f"column {column.text} of a write",
                    found="two columns of that name"
                    + ("" if case_sensitive else ", ignoring case as Spark does"),
                    required="unique names",
                    fix="rename or drop one of them before the write",
                )
            )
        seen.add(path)


def _walk(kind: DataType, path: tuple[str, ...], *, inside: bool) -> Iterator[SchemaColumn]:
    from pyspark.sql.types import ArrayType, MapType, StructType

    if isinstance(kind, ArrayType):
        yield from _walk(kind.elementType, path, inside=True)
    elif isinstance(kind, MapType):
        yield from _walk(kind.keyType, path, inside=True)
        yield from _walk(kind.valueType, path, inside=True)
    elif isinstance(kind, StructType):
        for field in kind.fields:
            field_path = (*path, field.name)
            yield SchemaColumn(field_path, _shape(field.dataType), inside)
            yield from _walk(field.dataType, field_path, inside=inside)


def _shape(kind: DataType) -> ColumnShape:
    from pyspark.sql.types import AtomicType, NullType, StructType

    if isinstance(kind, (AtomicType, NullType)):
        return ColumnShape.VALUE
    return ColumnShape.STRUCT if isinstance(kind, StructType) else ColumnShape.REPEATED
