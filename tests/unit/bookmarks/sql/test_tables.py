"""Queries, selections and errors of a tracked read of a table, with a scripted database."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.s3_state import S3SourceState
from glue_secure.bookmarks.skipped_state import SkippedSourceState
from glue_secure.bookmarks.sql.keys import RequestedKeys
from glue_secure.bookmarks.sql.tables import RowSelection, select_rows
from glue_secure.core.errors import UsageError
from glue_secure.testing.fakes import FakeClock

STATE = JdbcSourceState(
    "public.orders", ("id",), "asc", ("integer",), ("5",), "ops", "jdbc:postgresql://db:5432/shop"
)


@dataclass
class FakeBookmarks:
    """A session in which one source starts from ``state``; in a range it ends at ``bound``."""

    state: Any = None
    bound: Any = None
    is_range: bool = False
    job: str = "shop orders"
    untracked: dict[str, str] = field(default_factory=dict)

    def state_of(self, _ctx: str) -> Any:
        return self.state

    def until(self, _ctx: str) -> Any:
        return self.bound

    def leave_untracked(self, ctx: str, why: str) -> None:
        self.untracked[ctx] = why


@dataclass
class FakeDatabase:
    """Answers each kind of query: description, keys and last row."""

    table: list[tuple[str, bool, int | None]] | None = None
    types: tuple[str, ...] = ("bigint",)
    nulls: tuple[int, ...] = (0,)
    sequential: bool | None = True
    last: tuple[str, ...] | None = ("9",)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def rows(self, query: str) -> list[dict[str, Any]]:
        self.asked.append((query, ()))
        assert "pg_class" in query
        names = ("column_name", "not_null", "primary_position")
        return [
            {"table_name": "public.orders", "position": at, **dict(zip(names, column, strict=True))}
            for at, column in enumerate(self.table or ())
        ][::-1]

    def row(self, query: str, *, where: Any = (), columns: Any = ()) -> dict[str, Any]:
        self.asked.append((query, tuple(where)))
        if "pg_typeof" in query:
            facts: dict[str, Any] = {f"type_{at}": name for at, name in enumerate(self.types)}
            facts |= {f"nulls_{at}": count for at, count in enumerate(self.nulls)}
            return facts
        if "as sequential" in query:
            assert self.types[0] == "bigint", "a database cannot compute with it"
            return {"sequential": self.sequential}
        return {} if self.last is None else dict(zip(columns, self.last, strict=True))

    def columns(self, _table: str) -> tuple[str, ...]:
        return ("id", "at")


@pytest.fixture
def database():
    return FakeDatabase([("id", True, 0), ("at", False, None)])


@pytest.fixture
def bookmarks():
    return FakeBookmarks()


@pytest.fixture
def read(database, bookmarks):
    def call(
        *names: str,
        order: str = "asc",
        is_name: bool = True,
        connection: str = STATE.connection,
        location: str = STATE.location,
    ) -> RowSelection:
        return select_rows(
            "orders" if is_name else "(select 1) x",
            label="ops/orders",
            is_name=is_name,
            requested=RequestedKeys(names, order),
            transformation_ctx="orders",
            bookmarks=bookmarks,
            database=database,
            connection=connection,
            location=location,
        )

    return call


def test_a_first_run_reads_up_to_the_last_row(read):
    rows = read()
    assert rows.where == "(\"id\" <= CAST(E'9' AS bigint))"
    assert rows.next_state == replace(STATE, values=("9",))
    assert rows.tracked
    assert not rows.is_empty


def test_a_later_run_reads_the_rows_after_the_bookmark_up_to_the_last_row(read, bookmarks, database):
    bookmarks.state = STATE
    rows = read()
    assert rows.where == "(\"id\" > CAST(E'5' AS bigint)) and (\"id\" <= CAST(E'9' AS bigint))"
    query, where = database.asked[-1]
    assert where == ("(\"key_0\" > CAST(E'5' AS bigint))",)
    assert "E'5'" not in query, "a value in a query would stand in Spark's plans"


def test_without_new_rows_the_bookmark_does_not_change(read, bookmarks, database):
    bookmarks.state, database.last = STATE, None
    rows = read()
    assert (rows.tracked, rows.is_empty, rows.next_state) == (True, True, None)


def test_a_state_stays_valid_when_its_primary_key_gets_gaps(read, bookmarks, database):
    bookmarks.state, database.sequential = STATE, None
    assert read().tracked
    assert not any("count(*)" in query for query, _ in database.asked)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sequential": False}, "primary key id has gaps"),
        ({"types": ("uuid",)}, "primary key id is not a number"),
        ({"table": [("id", True, 0), ("at", True, 1)]}, "has 2 columns"),
        ({"table": [("id", True, None)]}, "no primary key"),
    ],
)
def test_without_keys_or_a_safe_primary_key_everything_is_read_with_a_reason(
    read, database, bookmarks, change, why, caplog
):
    for name, value in change.items():
        setattr(database, name, value)
    with caplog.at_level(logging.WARNING):
        assert read() == RowSelection()
    assert why in bookmarks.untracked["orders"]
    assert why in caplog.text


def test_a_query_needs_keys_and_all_its_columns_may_contain_nulls(read, bookmarks, database):
    assert read(is_name=False) == RowSelection()
    assert "a query has no primary key" in bookmarks.untracked["orders"]
    assert read("id", is_name=False).next_state.table == ""
    assert any("is null" in query for query, _ in database.asked)


@pytest.mark.parametrize("change", [{"sequential": False}, {"table": [("id", True, None)]}])
def test_a_source_with_a_state_is_never_silently_read_completely(read, database, bookmarks, change):
    bookmarks.state = replace(STATE, keys=("id2",)) if "sequential" in change else STATE
    for name, value in change.items():
        setattr(database, name, value)
    with pytest.raises(UsageError, match=r"jobBookmarkKeys|key: id"):
        read()


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (replace(STATE, keys=("at",)), "key: id"),
        (replace(STATE, order="desc"), "jobBookmarkKeysSortOrder: asc"),
        (replace(STATE, types=("decimal",)), "types: integer"),
        (replace(STATE, table="public.customers"), "table: public.orders"),
        (replace(STATE, table=""), "table: public.orders"),
    ],
)
def test_a_state_of_another_table_or_key_is_rejected(read, bookmarks, state, found):
    bookmarks.state = state
    with pytest.raises(UsageError, match=found):
        read()


def test_a_state_of_an_s3_source_is_rejected(read, bookmarks):
    now = FakeClock().now()
    bookmarks.state = S3SourceState(now, now, {})
    with pytest.raises(UsageError, match="state of a s3 source"):
        read()


def test_nulls_are_rejected_with_their_column_and_number(read, database):
    database.nulls = (3,)
    with pytest.raises(UsageError, match="3 rows whose 'id' is null"):
        read("id")


def test_columns_are_spelled_as_in_the_database(read):
    with pytest.raises(UsageError, match="required: 'id', as the database spells it"):
        read("ID")
    with pytest.raises(UsageError, match="required: id, at"):
        read("nowhere")


@pytest.mark.parametrize("name", ["double precision", "real", "boolean", "jsonb", "my_domain"])
def test_types_that_cannot_be_compared_safely_are_rejected(read, database, name):
    database.types = (name,)
    with pytest.raises(UsageError, match=name):
        read("id")


@pytest.mark.parametrize(
    ("kind", "last"),
    [("numeric", "NaN"), ("date", "infinity"), ("timestamp with time zone", "0044-03-15 00:00:00 BC"),
     ("text", "x" * 1025), ("date", "15/03/2024")],
)  # fmt: skip
def test_a_last_value_that_cannot_be_stored_is_rejected_without_showing_it(read, database, kind, last):
    database.types, database.last = (kind,), (last,)
    with pytest.raises(UsageError) as caught:
        read("id")
    assert last not in str(caught.value)


def test_a_range_reads_the_rows_between_two_states(read, bookmarks):
    bookmarks.is_range, bookmarks.state, bookmarks.bound = True, STATE, replace(STATE, values=("8",))
    rows = read()
    assert rows.where == "(\"id\" > CAST(E'5' AS bigint)) and (\"id\" <= CAST(E'8' AS bigint))"
    assert rows.next_state is None


def test_a_range_that_ends_before_the_first_read_of_the_source_is_empty(read, bookmarks):
    bookmarks.is_range = True
    assert read().is_empty


@pytest.mark.parametrize(
    "change",
    [
        {"connection": "other"},
        {"location": "jdbc:postgresql://db:5432/archive"},
        {"location": "jdbc:postgresql://standby:5432/shop"},
        {"location": "jdbc:postgresql://db:5433/shop"},
    ],
)
def test_another_connection_host_or_database_is_rejected_with_every_way_on(read, bookmarks, change):
    bookmarks.state = STATE
    with pytest.raises(UsageError, match="which its state was made with") as caught:
        read(**change)
    for way in (
        "a new transformation_ctx",
        "`glue-secure bookmark adopt 'shop orders' orders`",
        "`glue-secure bookmark rewind 'shop orders' --to-sequence N`",
    ):
        assert way in str(caught.value)


@pytest.mark.parametrize("last", [("9",), None], ids=["new rows", "nothing new"])
def test_a_state_of_an_older_version_continues_and_gets_the_name_of_its_database(
    read, bookmarks, database, last
):
    bookmarks.state, database.last = replace(STATE, connection="", location=""), last
    rows = read()
    assert rows.next_state == replace(STATE, values=last or STATE.values)
    assert rows.is_empty == (last is None)


def test_the_first_run_after_a_skip_takes_the_present_rows_as_read(read, bookmarks, database):
    bookmarks.state = SkippedSourceState(FakeClock().now())
    database.sequential = False
    rows = read()
    assert rows.is_empty
    assert rows.next_state == replace(STATE, values=("9",))
    assert read("id").next_state == replace(STATE, values=("9",))


def test_a_skipped_source_without_a_key_is_not_read_completely(read, bookmarks, database):
    bookmarks.state, database.table = SkippedSourceState(FakeClock().now()), [("id", True, None)]
    with pytest.raises(UsageError, match="glue-secure bookmark forget 'shop orders' orders"):
        read()
