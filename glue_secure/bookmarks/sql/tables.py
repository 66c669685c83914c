"""Which rows of a database table are new to a source: the dialogue with the database, and its outcome.

The upper end is fixed when the source is opened: the key of the last row, in the database's own order. What
is read lies between the bookmark's key and that one, so that a frame that is evaluated twice reads the same
rows, and the state that a commit stores covers exactly what was read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from glue_secure.bookmarks.jdbc_state import KINDS, MOST_TEXT, JdbcSourceState
from glue_secure.bookmarks.session import BookmarkSession, another_kind
from glue_secure.bookmarks.sql import keys as bookmark_keys
from glue_secure.bookmarks.sql import mysql
from glue_secure.bookmarks.sql.keys import KEYS, ORDER, Key, RequestedKeys
from glue_secure.bookmarks.state import SourceState
from glue_secure.connections.manager import OpenedConnection
from glue_secure.core.errors import UsageError
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.ports import Engine
from glue_secure.core.redaction import redacting_logger


class Dialect(Protocol):
    """The SQL of a database's bookmarks: a module of :mod:`glue_secure.connections`.

    Attributes:
        QUERIES: whether a query can be tracked.
    """

    QUERIES: bool

    def keys_of(
        self, columns: Sequence[Sequence[Any]], names: Sequence[str], facts: Mapping[str, Any], /
    ) -> tuple[Key, ...]:
        """The key columns with their types, from the table's description or the answer to ``keys_query``."""

    def told(self, key: Key, text: Any, /) -> Any:
        """The text that a state keeps, of the one that ``last_query`` gave; None for none."""

    def after(
        self, keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()
    ) -> str:
        """The condition that a row comes after the one with these values."""

    def up_to(self, keys: Sequence[Key], values: Sequence[str], order: str) -> str:
        """The condition that a row comes before the one with these values, or is it."""

    def table_query(self, table: str) -> str:
        """Asks what the catalog says of a table: ``name`` and ``columns``."""

    def sequential_query(self, table: str, name: str) -> str:
        """Asks whether a column of numbers counts without gaps: ``sequential``."""

    def keys_query(self, table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
        """Asks for ``nulls_0`` ..., and for types where the catalog does not tell them."""

    def last_query(self, table: str, keys: Sequence[Key], order: str) -> str:
        """Asks for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text."""


DIALECTS: Mapping[str, Dialect] = {
    "postgresql": bookmark_keys,
    "mysql": mysql,
    "mariadb": mysql,
}
"""Engine → the SQL of its bookmarks."""
_NUMBERS = ("integer", "decimal")
_LOG = redacting_logger(__name__)


class Database(Protocol):
    """What is asked of the database behind an opened connection."""

    def row(self, query: str, *, where: Sequence[str] = (), columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """The first row of a query, ``{}`` for none; only those columns, where some are named.

        Values of keys belong into ``where``: no plan of Spark shows it, and no event log. Executors of
        Spark 4 log the statements that they send, at level INFO.
        """

    def columns(self, table: str) -> tuple[str, ...]:
        """Names of the columns of a table or query."""


class OpenedDatabase:
    """A database behind an opened connection, asked through the engine; it satisfies :class:`Database`.

    Args:
        engine: what moves the data.
        opened: the connection, verified.
    """

    def __init__(self, engine: Engine, opened: OpenedConnection) -> None:
        self._engine, self._opened = engine, opened

    def read(
        self,
        table: str,
        parts: Sequence[str] = (),
        *,
        spark_options: Mapping[str, str] | None = None,
        empty: bool = False,
    ) -> tuple[Any, str]:
        """A frame of a table or query, read in those parts, and the mark that its rows are counted under."""
        more: dict[str, Any] = {"predicates": tuple(parts)} if parts else {}
        if empty:
            more["empty"] = True
        with suppress_client_logs():
            return self._engine.read_jdbc(
                url=self._opened.url,
                driver=self._opened.driver,
                table=table,
                credentials=self._opened.credentials,
                driver_options=self._opened.driver_options,
                spark_options=dict(spark_options or {}),
                **more,
            )

    def row(self, query: str, *, where: Sequence[str] = (), columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """The first row of a query, ``{}`` for none."""
        frame, _ = self.read(f"({query}) glue_secure_asked", where)
        with suppress_client_logs():
            return self._engine.first_row(frame, columns)

    def columns(self, table: str) -> tuple[str, ...]:
        """Names of the columns of a table or query."""
        return self._engine.columns(self.read(table)[0])


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows a read delivers.

    Attributes:
        tracked: whether a bookmark decides it; if not, all of them.
        where: the condition that they meet, ``""`` where there is none.
        next_state: the source's state once they have been processed; None when nothing is new.
    """

    tracked: bool = False
    where: str = field(default="", repr=False)
    next_state: JdbcSourceState | None = None

    @property
    def none_new(self) -> bool:
        """Whether the source is tracked and nothing in it is new."""
        return self.tracked and not self.where


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as the database describes it; a query has no name and no primary key."""

    name: str
    columns: tuple[str, ...]
    nullable: tuple[str, ...]
    primary: tuple[str, ...]
    described: tuple[Any, ...] = ()


def rows_of(
    table: str,
    *,
    what: str,
    is_name: bool,
    asked: RequestedKeys,
    transformation_ctx: str,
    bookmarks: BookmarkSession,
    database: Database,
    engine: str = "postgresql",
) -> Rows:
    """What the source named by ``transformation_ctx`` reads of a table in this run.

    Args:
        table: a table's name, or ``(query) alias``.
        what: how messages call it; never the text of a query.
        is_name: whether it is a plain name.
        asked: the keys that the call names.
        transformation_ctx: the bookmark's name for the source; it must be tracked.
        bookmarks: the run's.
        database: where the table lies.
        engine: one of ``DIALECTS``.

    Raises:
        UsageError: a key column does not exist, holds nulls, or is of a type that cannot be compared safely;
            or the state was made with other keys, or of another table.
    """
    before = _jdbc(transformation_ctx, bookmarks.state_of(transformation_ctx))
    bound = _jdbc(transformation_ctx, bookmarks.until(transformation_ctx)) if bookmarks.is_range else None
    states = [state for state in (before, bound) if state is not None]
    sql = DIALECTS[engine]
    found = _described(table, is_name, database, sql)
    if not found.name and not sql.QUERIES:
        raise UsageError(
            f"a bookmark of {what}",
            found="a query, or a name in quotes",
            required=f"a table's plain name: {engine} tells no types of a query's columns",
            fix=f'{KEYS} with the table, or transformation_ctx="", which reads every row',
        )
    names, why = asked.names, ""
    if not names:
        names, why = found.primary, _unfit(found)
    facts: Mapping[str, Any] = {}
    if not why:
        _require_columns(what, names, found)
        facts = database.row(sql.keys_query(table, names, nullable=found.nullable))
        if not asked.names:
            (key,) = sql.keys_of(found.described, names, facts)
            why = _unsafe_default(table, key, database, sql, has_state=bool(states))
    if why:
        _require_no_state(transformation_ctx, states, why)
        _LOG.warning("%s is read whole, and no bookmark tracks %r: %s", what, transformation_ctx, why)
        bookmarks.leave_untracked(transformation_ctx, why)
        return Rows()
    keys = sql.keys_of(found.described, names, facts)
    _require_kinds(what, keys)
    for state in states:
        _require_same(transformation_ctx, state, found.name, keys, asked.order)
    _require_no_nulls(what, names, facts)
    if bookmarks.is_range:
        if bound is None:
            return Rows(tracked=True)
        return Rows(tracked=True, where=_between(sql, keys, before, bound))
    where = []
    if before is not None:
        where = [sql.after(keys, before.values, asked.order, [f"key_{at}" for at in range(len(keys))])]
    texts = [f"text_{at}" for at in range(len(keys))]
    last = database.row(sql.last_query(table, keys, asked.order), where=where, columns=texts)
    if not last:
        return Rows(tracked=True)
    found_last = zip(keys, (last[text] for text in texts), strict=True)
    values = tuple(_value(what, key, sql.told(key, text)) for key, text in found_last)
    state = JdbcSourceState(
        table=found.name,
        keys=names,
        order=asked.order,
        types=tuple(str(key.kind) for key in keys),
        values=values,
    )
    return Rows(tracked=True, where=_between(sql, keys, before, state), next_state=state)


def _described(table: str, is_name: bool, database: Database, sql: Dialect) -> _Table:
    told = database.row(sql.table_query(table)) if is_name else {}
    if not told.get("columns"):
        columns = database.columns(table)
        return _Table("", columns, columns, ())
    columns = json.loads(told["columns"])
    primary = sorted((place, name) for name, _, place, *_ in columns if place is not None)
    return _Table(
        name=str(told["name"]),
        columns=tuple(name for name, *_ in columns),
        nullable=tuple(name for name, present, *_ in columns if not present),
        primary=tuple(name for _, name in primary),
        described=tuple(columns),
    )


def _unfit(found: _Table) -> str:
    """Why the primary key cannot be the bookmark's; ``""`` when it may."""
    if not found.name:
        return f"a query has no primary key, and the call names no {KEYS}"
    if not found.primary:
        return f"the table has no primary key, and the call names no {KEYS}"
    if len(found.primary) > 1:
        return f"the primary key has {len(found.primary)} columns, and the call names no {KEYS}"
    return ""


def _unsafe_default(table: str, key: Key, database: Database, sql: Dialect, *, has_state: bool) -> str:
    if key.kind not in _NUMBERS:
        return f"the primary key {key.name} is no number, and the call names no {KEYS}"
    # A second question, because the database would compute with a key of text to answer it.
    # MySQL has no other boolean than 0 and 1.
    if not has_state and database.row(sql.sequential_query(table, key.name))["sequential"] in (False, 0):
        return f"the primary key {key.name} has gaps, and the call names no {KEYS}"
    return ""


def _require_columns(what: str, names: Sequence[str], found: _Table) -> None:
    for name in names:
        if name in found.columns:
            continue
        near = [column for column in found.columns if column.lower() == name.lower()]
        raise UsageError(
            f"{KEYS} of {what}",
            found=f"{name!r}, which is no column of it",
            required=f"{near[0]!r}, as the database spells it" if near else ", ".join(found.columns),
        )


def _require_kinds(what: str, keys: Sequence[Key]) -> None:
    for key in keys:
        if key.kind is None:
            raise UsageError(
                f"{KEYS} of {what}",
                found=f"{key.name!r} of type {key.type}",
                required="a whole number, numeric, date, timestamp, text or uuid",
                fix="choose another column; a float may differ from its own text, and boundaries would slip",
            )


def _require_no_nulls(what: str, names: Sequence[str], facts: Mapping[str, Any]) -> None:
    for at, name in enumerate(names):
        if count := int(facts[f"nulls_{at}"]):
            raise UsageError(
                f"{KEYS} of {what}",
                found=f"{count} rows whose {name!r} is null: no comparison would ever find them",
                required="a value in every row",
                fix="fill the column, or read (SELECT ... WHERE it is not null) and the others on their own",
            )


def _require_no_state(transformation_ctx: str, states: Sequence[JdbcSourceState], why: str) -> None:
    for state in states:
        raise UsageError(
            f"the bookmark of transformation_ctx {transformation_ctx!r}",
            found=f"a state with key {', '.join(state.keys)}, and a source without one: {why}",
            required="the key that the state was made with",
            fix=f"{KEYS}: {list(state.keys)!r}, or a transformation_ctx of its own",
        )


def _require_same(
    transformation_ctx: str, state: JdbcSourceState, table: str, keys: Sequence[Key], order: str
) -> None:
    pairs = (
        ("key", ", ".join(state.keys), ", ".join(key.name for key in keys)),
        (ORDER, state.order, order),
        ("types", ", ".join(state.types), ", ".join(str(key.kind) for key in keys)),
        ("table", state.table or "a query", table or "a query"),
    )
    for name, made_with, now in pairs:
        if made_with != now:
            raise UsageError(
                f"the bookmark of transformation_ctx {transformation_ctx!r}",
                found=f"{name}: {now}",
                required=f"{made_with}, which its state was made with",
                fix="put it back, or give the source a transformation_ctx of its own, which reads everything",
            )


def _between(sql: Dialect, keys: Sequence[Key], before: JdbcSourceState | None, upto: JdbcSourceState) -> str:
    conditions = [sql.after(keys, before.values, before.order)] if before is not None else []
    return " and ".join([*conditions, sql.up_to(keys, upto.values, upto.order)])


def _value(what: str, key: Key, text: Any) -> str:
    if isinstance(text, str) and KINDS[str(key.kind)].fullmatch(text):
        return text
    raise UsageError(
        f"{KEYS} of {what}",
        found=f"a last value of {key.name!r} that a bookmark cannot keep (not shown)",
        required="a finite number, a date after Christ that is not infinite, "
        f"or a text of at most {MOST_TEXT} characters",
    )


def _jdbc(transformation_ctx: str, state: SourceState | None) -> JdbcSourceState | None:
    if state is None or isinstance(state, JdbcSourceState):
        return state
    raise another_kind(transformation_ctx, state, "a JDBC source")
