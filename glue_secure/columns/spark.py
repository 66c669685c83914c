"""A column policy carried out on a DataFrame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from glue_secure.core.columns import ColumnAction, ColumnDecision, SchemaColumn, Shape, WrappedKey
from glue_secure.core.errors import RefusedError, UsageError

HIDDEN = "****"


def column_tree(schema: Any) -> tuple[SchemaColumn, ...]:
    """Every column and field of a ``StructType``, parents first."""
    return tuple(_walk(schema, (), inside=False))


def protected(frame: Any, decisions: Sequence[ColumnDecision], *, policy: str, key: WrappedKey | None) -> Any:
    """The frame with each decision carried out; other columns stay as they are, in their order.

    What is tokenised or encrypted becomes text; what is masked keeps its type, and is null unless it is
    text. Values become text as Spark casts them (binary as base64), timestamps in the session's time zone.
    A changed column loses its metadata, which may hold values (an indexer's labels) or a length.

    Raises:
        RefusedError: GS-COL-003, two columns or fields of one name.
        UsageError: no column would stay.
    """
    from pyspark.sql import functions as F

    _refuse_twins(frame, decisions)
    by_path = {each.column.path: each for each in decisions}
    changed = {each.column.path[0] for each in decisions}
    kept = []
    for item in frame.schema.fields:
        column = _changed(F.col(_quoted(item.name)), item.dataType, (item.name,), by_path, key)
        if column is not None:
            kept.append(column.alias(item.name, metadata={} if item.name in changed else item.metadata))
    if not kept:
        raise UsageError(
            f"column policy {policy}", found="drop for every column", required="a column that stays"
        )
    return frame.select(kept)


def require_functions() -> None:
    """Refuse a run whose Python lacks what vectorised functions need. Glue has both."""
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "a column policy with tokenise or encrypt",
            found=f"no package {error.name}",
            required="pandas and pyarrow, on the driver and the executors",
            fix="pip install pandas pyarrow",
        ) from error


def _changed(
    column: Any,
    kind: Any,
    path: tuple[str, ...],
    decisions: dict[tuple[str, ...], ColumnDecision],
    key: WrappedKey | None,
) -> Any:
    """The column as it may go out; None when nothing of it may."""
    from pyspark.sql.types import StructType

    decision = decisions.get(path)
    if decision is not None:
        return _acted(column, kind, decision, key)
    if isinstance(kind, StructType) and any(other[: len(path)] == path for other in decisions):
        fields = [
            (item.name, column.getField(item.name), item.dataType, (*path, item.name)) for item in kind.fields
        ]
        return _struct(column, fields, decisions, key)
    return column


def _struct(
    column: Any, fields: Any, decisions: dict[tuple[str, ...], ColumnDecision], key: WrappedKey | None
) -> Any:
    from pyspark.sql import functions as F

    made = [(name, _changed(field, kind, path, decisions, key)) for name, field, kind, path in fields]
    kept = [field.alias(name) for name, field in made if field is not None]
    return F.when(column.isNotNull(), F.struct(*kept)) if kept else None


def _acted(column: Any, kind: Any, decision: ColumnDecision, key: WrappedKey | None) -> Any:
    from pyspark.sql import functions as F
    from pyspark.sql.types import BinaryType, StringType

    rule, action = decision.rule, decision.rule.action
    if action is ColumnAction.DROP:
        return None
    if action is ColumnAction.MASK:
        if not isinstance(kind, StringType):
            return F.lit(None).cast(kind)
        shown = F.lit(HIDDEN)
        if rule.keep_last:
            # A text that is not twice as long would be shown for the most part.
            tail = F.concat(shown, F.substring(column, -rule.keep_last, rule.keep_last))
            shown = F.when(F.length(column) >= 2 * rule.keep_last, tail).otherwise(shown)
        return F.when(column.isNotNull(), shown)
    from glue_secure.columns import spark_functions

    assert key is not None  # noqa: S101 - a policy without one has no such action
    text = F.base64(column) if isinstance(kind, BinaryType) else column.cast("string")
    if action is ColumnAction.TOKENISE:
        return spark_functions.tokenise(key, decision.domain)(text)
    return spark_functions.encrypt(key, decision.column.text)(text)


def _refuse_twins(frame: Any, decisions: Sequence[ColumnDecision]) -> None:
    """Two of one name cannot be told apart by it, at the top or in a struct that is made anew."""
    exact = str(frame.sparkSession.conf.get("spark.sql.caseSensitive")).lower() == "true"
    made_anew = {each.column.path[:depth] for each in decisions for depth in range(len(each.column.path))}
    seen: set[tuple[str, ...]] = set()
    for column in column_tree(frame.schema):
        *above, name = column.path
        here = (*above, name if exact else name.lower())
        if tuple(above) in made_anew and not column.inside_repeated and here in seen:
            raise RefusedError(
                "GS-COL-003",
                resource=f"column {column.text} of a write",
                found="two of that name" + ("" if exact else ", as Spark compares names"),
                required="names that tell the columns apart",
                fix="rename or drop one of them before the write",
            )
        seen.add(here)


def _walk(kind: Any, path: tuple[str, ...], *, inside: bool) -> Iterator[SchemaColumn]:
    from pyspark.sql.types import ArrayType, MapType, StructType

    if isinstance(kind, ArrayType):
        yield from _walk(kind.elementType, path, inside=True)
    elif isinstance(kind, MapType):
        yield from _walk(kind.keyType, path, inside=True)
        yield from _walk(kind.valueType, path, inside=True)
    elif isinstance(kind, StructType):
        for item in kind.fields:
            here = (*path, item.name)
            yield SchemaColumn(here, _shape(item.dataType), inside)
            yield from _walk(item.dataType, here, inside=inside)


def _shape(kind: Any) -> Shape:
    from pyspark.sql.types import AtomicType, NullType, StructType

    if isinstance(kind, (AtomicType, NullType)):
        return Shape.VALUE
    return Shape.STRUCT if isinstance(kind, StructType) else Shape.REPEATED


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
