"""The interface of a database's SQL for bookmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from glue_secure.bookmarks.sql.keys import Key


class Dialect(Protocol):
    """One database's SQL: a module of this package.

    Attributes:
        QUERIES: whether a query, not only a table, can be tracked.
    """

    QUERIES: bool

    def identifier(self, name: str) -> str:
        """Return a quoted column name."""

    def keys_of(
        self, columns: Sequence[Mapping[str, Any]], names: Sequence[str], facts: Mapping[str, Any], /
    ) -> tuple[Key, ...]:
        """Return the key columns with their types.

        Args:
            columns: of the table, the rows of ``table_query``.
            names: of the key columns.
            facts: the row that ``keys_query`` returned.
        """

    def state_text(self, key: Key, text: Any, /) -> Any:
        """Return the text that a state stores for a text of ``last_query``; None if it has no such text."""

    def after(
        self, keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()
    ) -> str:
        """Return the condition that a row comes after the row with these values.

        Args:
            keys: the key columns.
            values: texts of their values.
            order: ``asc`` or ``desc``.
            columns: SQL of the columns; by default their quoted names.
        """

    def up_to(self, keys: Sequence[Key], values: Sequence[str], order: str) -> str:
        """Return the condition that a row comes before the row with these values, or is that row."""

    def table_query(self, table: str) -> str:
        """Return the query for a table's description: one row per column, in any order, none without a table.

        Each row has ``table_name``, ``column_name``, ``position`` in the table, ``not_null`` (whether the
        column cannot contain nulls; boolean, or 0 and 1) and ``primary_position``, the position in the
        primary key or null. ``keys_of`` reads the other columns of the row.
        """

    def sequential_query(self, table: str, name: str) -> str:
        """Return the query whether numbers have no gaps: ``sequential``, null for an empty table."""

    def keys_query(self, table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
        """Return the query for ``nulls_0`` ..., the number of nulls of each key column, in one row.

        ``type_0`` ... are the keys' types if ``table_query`` does not return them. The row contains no
        values.
        """

    def last_query(self, table: str, keys: Sequence[Key], order: str) -> str:
        """Return the query for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text.

        The result is empty if no row has a key without nulls.
        """
