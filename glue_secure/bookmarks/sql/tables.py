"""The rows of a database table that are new to a source.

The upper end is fixed when the source is opened: the key of the last row, in the database's own order. Only
rows between the bookmark's key and that key are read. A frame that is computed twice therefore reads the same
rows, and the state that a commit stores covers exactly these rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from glue_secure.bookmarks.findings import command
from glue_secure.bookmarks.jdbc_state import KINDS, MOST_TEXT, JdbcSourceState
from glue_secure.bookmarks.session import BookmarkSession, another_kind
from glue_secure.bookmarks.skipped_state import SkippedSourceState
from glue_secure.bookmarks.sql import mysql, oracle, postgresql, redshift, sqlserver
from glue_secure.bookmarks.sql.dialect import Dialect
from glue_secure.bookmarks.sql.keys import KEYS, ORDER, Key, RequestedKeys
from glue_secure.bookmarks.state import SourceState
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import UsageError
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.ports import Engine
from glue_secure.core.redaction import redacting_logger

DIALECTS: Mapping[str, Dialect] = {
    "postgresql": postgresql,
    "mysql": mysql,
    "mariadb": mysql,
    "sqlserver": sqlserver,
    "oracle": oracle,
    "redshift": redshift,
}
"""SQL dialects of bookmarks, by database engine."""
_NUMBERS = ("integer", "decimal")
_FLOAT = "a float may differ from the value of its own text"
_LOG = redacting_logger(__name__)


class VerifiedConnection(Protocol):
    """A JDBC connection whose TLS was verified, as ``ConnectionManager.open`` returns it."""

    @property
    def url(self) -> str:
        """The JDBC URL."""

    @property
    def driver(self) -> str:
        """The driver's class."""

    @property
    def credentials(self) -> Credentials:
        """User and password."""

    @property
    def driver_options(self) -> Mapping[str, str]:
        """Properties of the driver."""


class Database(Protocol):
    """Queries of the database behind a connection."""

    def row(self, query: str, *, where: Sequence[str] = (), columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """Return the first row of a query, ``{}`` without one. ``columns`` restricts the columns.

        Key values belong in ``where``: Spark shows it in no plan and in no event log. Executors of Spark 4
        log the statements that they send, at level INFO.
        """

    def rows(self, query: str) -> Sequence[Mapping[str, Any]]:
        """Return all rows of a query with a small result."""

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the columns of a table or query."""


class OpenedDatabase:
    """A database behind a verified connection, queried by the engine.

    Args:
        engine: of the run.
        connection: the connection.
    """

    def __init__(self, engine: Engine, connection: VerifiedConnection) -> None:
        self._engine, self._connection = engine, connection

    def read(
        self,
        table: str,
        predicates: Sequence[str] = (),
        *,
        spark_options: Mapping[str, str] | None = None,
        empty: bool = False,
    ) -> tuple[Any, str]:
        """Return a frame of a table or query, one partition per predicate, and the id of its row count."""
        connection = self._connection
        with suppress_client_logs():
            return self._engine.read_jdbc(
                url=connection.url,
                driver=connection.driver,
                table=table,
                credentials=connection.credentials,
                driver_options=connection.driver_options,
                spark_options=dict(spark_options or {}),
                predicates=tuple(predicates),
                empty=empty,
            )

    def row(self, query: str, *, where: Sequence[str] = (), columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """Return the first row of a query, ``{}`` without one."""
        frame, _ = self.read(f"({query}) glue_secure_query", where)
        with suppress_client_logs():
            return self._engine.first_row(frame, columns)

    def rows(self, query: str) -> Sequence[Mapping[str, Any]]:
        """Return all rows of a query with a small result."""
        frame, _ = self.read(f"({query}) glue_secure_query")
        with suppress_client_logs():
            return self._engine.all_rows(frame)

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the columns of a table or query."""
        return self._engine.columns(self.read(table)[0])


@dataclass(frozen=True, slots=True)
class RowSelection:
    """The rows that a read returns.

    Attributes:
        tracked: whether a bookmark selects the rows; if not, all rows are read.
        where: SQL condition of the rows; ``""`` without one.
        next_state: the source's state after these rows; None if nothing is new.
    """

    tracked: bool = False
    where: str = field(default="", repr=False)
    next_state: JdbcSourceState | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the source is tracked and has no new rows."""
        return self.tracked and not self.where


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as the database describes it. A query has neither name nor primary key.

    Attributes:
        name: ``schema.table``.
        columns: names of the columns.
        nullable: names of the columns that may contain nulls.
        primary: names of the primary key's columns.
        described: the columns as ``table_query`` returned them.
    """

    name: str
    columns: tuple[str, ...]
    nullable: tuple[str, ...]
    primary: tuple[str, ...]
    described: tuple[Mapping[str, Any], ...] = ()


def select_rows(
    table: str,
    *,
    label: str,
    is_name: bool,
    requested: RequestedKeys,
    transformation_ctx: str,
    bookmarks: BookmarkSession,
    database: Database,
    connection: str,
    location: str,
    engine: str = "postgresql",
) -> RowSelection:
    """Select the rows that the source ``transformation_ctx`` reads of a table in this run.

    Args:
        table: a table's name, or ``(query) alias``.
        label: the table's name in messages; never the text of a query.
        is_name: whether ``table`` is a plain name.
        requested: the keys that the call names.
        transformation_ctx: the bookmark's name of the source, which must be tracked.
        bookmarks: the bookmark of the run.
        database: the database of the table.
        connection: the Glue connection's name.
        location: JDBC URL of the database, without options.
        engine: one of ``DIALECTS``.

    Raises:
        UsageError: a key column does not exist, contains nulls, or has a type that cannot be compared safely;
            or the state was made with other keys, or for another table or database.
    """
    stored = bookmarks.state_of(transformation_ctx)
    is_skipped = isinstance(stored, SkippedSourceState)
    before = _jdbc(transformation_ctx, stored)
    until = _jdbc(transformation_ctx, bookmarks.until(transformation_ctx)) if bookmarks.is_range else None
    states = [state for state in (before, until) if state is not None]
    for state in states:
        _require_same_database(transformation_ctx, state, connection, location, bookmarks.job)
    sql = DIALECTS[engine]
    described = _describe(table, is_name, database, sql)
    if not described.name and not sql.QUERIES:
        raise UsageError(
            f"a bookmark of {label}",
            found="a query, a quoted name, a synonym, or a table that the connection's user cannot see",
            required=f"a table's plain name: {engine} returns no types of a query's columns",
            fix=f'{KEYS} with the table, or transformation_ctx="", which reads every row',
        )
    names, reason = requested.names, ""
    if not names:
        names, reason = described.primary, _unsuitable_primary_key(described)
    facts: Mapping[str, Any] = {}
    if not reason:
        _require_columns(label, names, described)
        facts = database.row(sql.keys_query(table, names, nullable=described.nullable))
        if not requested.names:
            (key,) = sql.keys_of(described.described, names, facts)
            has_state = bool(states) or is_skipped
            reason = _unsafe_default(table, key, database, sql, has_state=has_state)
    if reason:
        _require_no_state(transformation_ctx, states, reason)
        if is_skipped:
            raise UsageError(
                f"the bookmark of transformation_ctx {transformation_ctx!r}",
                found=f"rows that a command skipped, and a source without a key: {reason}",
                required="a key",
                fix=f"name the key's columns in {KEYS}; to read everything: "
                f"{command('forget', bookmarks.job, transformation_ctx)}",
            )
        _LOG.warning(
            "%s is read completely, and no bookmark tracks %r: %s", label, transformation_ctx, reason
        )
        bookmarks.leave_untracked(transformation_ctx, reason)
        return RowSelection()
    keys = sql.keys_of(described.described, names, facts)
    _require_kinds(label, keys)
    for state in states:
        _require_same(transformation_ctx, state, described.name, keys, requested.order)
    _require_no_nulls(label, names, facts, sql)
    if bookmarks.is_range:
        if until is None:
            return RowSelection(tracked=True)
        return RowSelection(tracked=True, where=_between(sql, keys, before, until))
    where = []
    if before is not None:
        columns = [sql.identifier(f"key_{at}") for at in range(len(keys))]
        where = [sql.after(keys, before.values, requested.order, columns)]
    texts = [f"text_{at}" for at in range(len(keys))]
    last = database.row(sql.last_query(table, keys, requested.order), where=where, columns=texts)
    if not last:
        if before is None or before.is_bound:
            return RowSelection(tracked=True)
        # A state of an older version gets the name of its database, although nothing is new.
        bound = replace(before, connection=connection, location=location)
        return RowSelection(tracked=True, next_state=bound)
    last_texts = zip(keys, (last[text] for text in texts), strict=True)
    values = tuple(_value(label, key, sql.state_text(key, text)) for key, text in last_texts)
    state = JdbcSourceState(
        table=described.name,
        keys=names,
        order=requested.order,
        types=tuple(str(key.kind) for key in keys),
        values=values,
        connection=connection,
        location=location,
    )
    if is_skipped:
        return RowSelection(tracked=True, next_state=state)
    return RowSelection(tracked=True, where=_between(sql, keys, before, state), next_state=state)


def _describe(table: str, is_name: bool, database: Database, sql: Dialect) -> _Table:
    described = list(database.rows(sql.table_query(table))) if is_name else []
    if not described:
        columns = database.columns(table)
        return _Table("", columns, columns, ())
    described.sort(key=lambda column: int(column["position"]))
    primary = sorted(
        (int(column["primary_position"]), str(column["column_name"]))
        for column in described
        if column["primary_position"] is not None
    )
    return _Table(
        name=str(described[0]["table_name"]),
        columns=tuple(str(column["column_name"]) for column in described),
        nullable=tuple(str(column["column_name"]) for column in described if not column["not_null"]),
        primary=tuple(name for _, name in primary),
        described=tuple(described),
    )


def _unsuitable_primary_key(table: _Table) -> str:
    """Return the reason why the primary key cannot be the bookmark's key, ``""`` if it can."""
    if not table.name:
        return f"a query has no primary key, and the call names no {KEYS}"
    if not table.primary:
        return f"the table has no primary key, and the call names no {KEYS}"
    if len(table.primary) > 1:
        return f"the primary key has {len(table.primary)} columns, and the call names no {KEYS}"
    return ""


def _unsafe_default(table: str, key: Key, database: Database, sql: Dialect, *, has_state: bool) -> str:
    if key.kind not in _NUMBERS:
        return f"the primary key {key.name} is not a number, and the call names no {KEYS}"
    # A separate query, because the database would compute with a key of text.
    # MySQL, SQL Server and Oracle return 0 and 1 for booleans.
    if not has_state and database.row(sql.sequential_query(table, key.name))["sequential"] in (False, 0):
        return f"the primary key {key.name} has gaps, and the call names no {KEYS}"
    return ""


def _require_columns(label: str, names: Sequence[str], table: _Table) -> None:
    for name in names:
        if name in table.columns:
            continue
        similar = [column for column in table.columns if column.lower() == name.lower()]
        raise UsageError(
            f"{KEYS} of {label}",
            found=f"{name!r}, which is not a column of it",
            required=f"{similar[0]!r}, as the database spells it" if similar else ", ".join(table.columns),
        )


def _require_kinds(label: str, keys: Sequence[Key]) -> None:
    for key in keys:
        if key.kind is None:
            raise UsageError(
                f"{KEYS} of {label}",
                found=f"{key.name!r} of type {key.type}",
                required="a whole number, numeric, date, timestamp, text or uuid",
                fix=f"choose another column; {key.reason or _FLOAT}",
            )


def _require_no_nulls(label: str, names: Sequence[str], facts: Mapping[str, Any], sql: Dialect) -> None:
    by = "by a query" if sql.QUERIES else "through a view"
    for at, name in enumerate(names):
        if count := int(facts[f"nulls_{at}"]):
            raise UsageError(
                f"{KEYS} of {label}",
                found=f"{count} rows whose {name!r} is null, which no comparison selects",
                required="a value in every row",
                fix=f"fill the column, or read the rows without nulls {by}, and the others separately",
            )


def _require_no_state(transformation_ctx: str, states: Sequence[JdbcSourceState], reason: str) -> None:
    for state in states:
        raise UsageError(
            f"the bookmark of transformation_ctx {transformation_ctx!r}",
            found=f"a state with key {', '.join(state.keys)}, and a source without a key: {reason}",
            required="the key that the state was made with",
            fix=f"{KEYS}: {list(state.keys)!r}, or a new transformation_ctx",
        )


def _require_same_database(
    transformation_ctx: str, state: JdbcSourceState, connection: str, location: str, job: str
) -> None:
    """Reject a state of another connection, host or database, whose rows are other rows.

    A state of an older version names no database; the present one continues it.
    """
    if not state.is_bound or (state.connection, state.location) == (connection, location):
        return
    raise UsageError(
        f"the bookmark of transformation_ctx {transformation_ctx!r}",
        found=f"connection {connection}, {location}",
        required=f"connection {state.connection}, {state.location}, which its state was made with",
        fix="for other data: a new transformation_ctx, which reads everything. If this database has the same "
        f"rows, for instance after a move: {command('adopt', job, transformation_ctx)}, and the next run "
        f"continues. If earlier runs read the wrong database: {command('history', job)}, then "
        f"{command('rewind', job, '--to-sequence', 'N')}",
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
    for name, stored, present in pairs:
        if stored != present:
            raise UsageError(
                f"the bookmark of transformation_ctx {transformation_ctx!r}",
                found=f"{name}: {present}",
                required=f"{stored}, which its state was made with",
                fix="restore it, or give the source a new transformation_ctx, which reads everything",
            )


def _between(
    sql: Dialect, keys: Sequence[Key], before: JdbcSourceState | None, until: JdbcSourceState
) -> str:
    conditions = [sql.after(keys, before.values, before.order)] if before is not None else []
    return " and ".join([*conditions, sql.up_to(keys, until.values, until.order)])


def _value(label: str, key: Key, text: Any) -> str:
    if isinstance(text, str) and KINDS[str(key.kind)].fullmatch(text):
        return text
    raise UsageError(
        f"{KEYS} of {label}",
        found=f"a last value of {key.name!r} that a bookmark cannot store (not shown)",
        required=f"a finite number, a finite date after year 0, or a text of at most {MOST_TEXT} characters",
    )


def _jdbc(transformation_ctx: str, state: SourceState | None) -> JdbcSourceState | None:
    if isinstance(state, SkippedSourceState):
        return None
    if state is None or isinstance(state, JdbcSourceState):
        return state
    raise another_kind(transformation_ctx, state, "a JDBC source")
