"""A bookmark's conditions in PostgreSQL: parser, collation and order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from glue_secure.bookmarks.sql.postgresql import (
    after,
    identifier,
    key_of,
    keys_query,
    last_query,
    literal,
    sequential_query,
    table_query,
    up_to,
)

REPEATED = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
# Few values, so that prefixes are often equal.
VALUES = {
    "smallint": st.integers(-2, 2),
    "bigint": st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1]),
    "numeric": st.decimals(-3, 3, places=1),
    "date": st.dates(),
    "timestamp without time zone": st.datetimes(),
    "timestamp with time zone": st.datetimes(timezones=st.timezones()).filter(lambda at: 2 < at.year < 9998),
    "text": st.one_of(st.sampled_from(["", "a", "B", "ä", "a'b", "\\", "a b", "A-b"]), TEXT),
    "character varying": st.sampled_from(["a", "B", "b", "Ä", "ä", "a b", "a-b", "ab", "", "ß", "ss"]),
    "character": st.sampled_from(["a", "b", " c"]),
    "uuid": st.uuids(),
}


@pytest.fixture(scope="module")
def connection(glue_account) -> Iterator[psycopg.Connection[Any]]:
    """A session of the owner with other settings than the conditions assume."""
    server = glue_account.postgres
    with psycopg.connect(
        host=server.host,
        port=server.port,
        dbname=server.database,
        user=server.user,
        password=server.password,
        sslmode="verify-full",
        sslrootcert=str(glue_account.ca_pem),
    ) as opened:
        opened.execute("set time zone 'Asia/Kathmandu'")
        yield opened


@REPEATED
@given(TEXT, st.booleans())
@example("'; drop table airlines; --", True)
@example("\\'; drop table airlines; --", False)
@example("\\", False)
@example("$$ $1 ? :x {fn x} %s U&'' /* */ \u2019\uff07\U0001f512", True)
def test_any_text_is_restored_from_its_literal_in_every_session(connection, text, conforming):
    connection.execute(f"set standard_conforming_strings to {'on' if conforming else 'off'}")
    try:
        assert connection.execute(f"select {literal(text)}, 'end'".replace("%", "%%"), ()).fetchone() == (
            text,
            "end",
        )
    finally:
        connection.execute("set standard_conforming_strings to on")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[tuple[Any, ...]], str, int, int]:
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3))
    rows = draw(st.lists(st.tuples(*(VALUES[name] for name in types)), min_size=1, max_size=12))
    places = st.integers(0, len(rows) - 1)
    return types, rows, draw(st.sampled_from(["asc", "desc"])), draw(places), draw(places)


@REPEATED
@given(tables())
def test_the_rows_between_two_keys_are_those_that_the_database_sorts_there(connection, drawn):
    types, rows, order, first, last = drawn
    keys = [key_of(f'K"{at}', name) for at, name in enumerate(types)]
    names = [identifier(key.name) for key in keys]
    with connection.transaction(force_rollback=True):
        _create(connection, keys, rows)
        by_key = ", ".join(f"{name} {order}" for name in names)
        ranked = f"select no, dense_rank() over (order by {by_key}) from keyed"
        rank = dict(connection.execute(ranked).fetchall())
        lower, upper = (
            _texts(connection, keys, order, f"(select * from keyed where no = {at}) one")
            for at in (first, last)
        )
        condition = f"{after(keys, lower, order)} and {up_to(keys, upper, order)}"
        found = {row[0] for row in connection.execute(f"select no from keyed where {condition}")}
        assert found == {no for no in rank if rank[first] < rank[no] <= rank[last]}
        assert _texts(connection, keys, order, "keyed") in {
            _texts(connection, keys, order, f"(select * from keyed where no = {no}) one")
            for no in rank
            if rank[no] == max(rank.values())
        }


@REPEATED
@given(st.lists(tables(), min_size=1, max_size=3))
def test_run_after_run_reads_each_row_once(connection, batches):
    """Rows come in batches; a run reads from its bookmark to the last row. The model remembers every row."""
    types, _, order, _, _ = batches[0]
    keys = [key_of(f"k{at}", name) for at, name in enumerate(types)]
    with connection.transaction(force_rollback=True):
        _create(connection, keys, [])
        read: list[int] = []
        bookmark: tuple[str, ...] | None = None
        number = 0
        for batch_types, rows, _, _, _ in batches:
            for row in rows if batch_types == types else ():
                _insert(connection, keys, number, row)
                # Keys only grow: what would fall behind the bookmark is no row of this test.
                if bookmark is not None:
                    behind = up_to(keys, bookmark, order)
                    connection.execute(f"delete from keyed where no = {number} and {behind}")
                number += 1
            last = _texts(connection, keys, order, "keyed")
            if last is None:
                continue
            condition = up_to(keys, last, order)
            if bookmark is not None:
                condition = f"{after(keys, bookmark, order)} and {condition}"
            read += [row[0] for row in connection.execute(f"select no from keyed where {condition}")]
            bookmark = last
        assert sorted(read) == sorted(row[0] for row in connection.execute("select no from keyed"))


def test_the_condition_uses_a_composite_index(connection):
    keys = [key_of("k0", "bigint"), key_of("k1", "text")]
    with connection.transaction(force_rollback=True):
        _create(connection, keys, [])
        connection.execute("insert into keyed select n, n / 10, 'x' || n from generate_series(1, 20000) n")
        connection.execute("create index on keyed (k0, k1)")
        connection.execute("analyze keyed")
        plan = connection.execute(
            f"explain (format json) select * from keyed where {after(keys, ('1999', 'x'), 'asc')}"
        ).fetchone()[0][0]["Plan"]
    assert "Index Cond" in json.dumps(plan)


def test_the_description_has_columns_nulls_and_the_primary_key_in_order(connection):
    with connection.transaction(force_rollback=True):
        connection.execute('create table "Odd.t" (b int, "A" int not null, c int, primary key (c, b))')
        connection.execute("create table parent (id int not null)")
        connection.execute("create table child () inherits (parent)")
        name = 'public."Odd.t"'
        assert sorted(connection.execute(table_query('"Odd.t"')), key=lambda row: row[2]) == [
            (name, "b", 1, True, 1),
            (name, "A", 2, True, None),
            (name, "c", 3, True, 0),
        ]
        assert connection.execute(table_query("parent")).fetchall() == [
            ("public.parent", "id", 1, False, None)
        ]
        assert connection.execute(table_query("no_such_table")).fetchall() == []


def test_types_of_an_empty_table_and_of_a_query_are_known(connection):
    with connection.transaction(force_rollback=True):
        connection.execute("create table empty (id numeric(9), name varchar(3), at timestamptz)")
        query = keys_query("empty", ["id", "name", "at"], nullable=["name"])
        assert connection.execute(sequential_query("empty", "id")).fetchone() == (None,)
        types = ("numeric", "character varying", "timestamp with time zone")
        assert connection.execute(query).fetchone() == (*types, 0, 0, 0)
        query = keys_query("(select 1.5::real as x, null::text as y) q", ["x", "y"], nullable=["x", "y"])
        assert connection.execute(query).fetchone() == ("real", "text", 0, 1)


@pytest.mark.parametrize(("ids", "sequential"), [((3, 4, 5), True), ((1, 2, 4), False), ((7,), True)])
def test_gaps_are_detected(connection, ids: Sequence[int], sequential: bool):
    with connection.transaction(force_rollback=True):
        connection.execute("create table counted (id bigint)")
        for number in ids:
            connection.execute("insert into counted values (%s)", [number])
        assert connection.execute(sequential_query("counted", "id")).fetchone() == (sequential,)


def _create(connection: Any, keys: Sequence[key_of], rows: Sequence[Sequence[Any]]) -> None:
    # A dictionary's order, which is not that of the characters' numbers.
    column_types = {"character": "character(4)", "character varying": 'character varying collate "en-x-icu"'}
    columns = ", ".join(f"{identifier(key.name)} {column_types.get(key.type, key.type)}" for key in keys)
    connection.execute(f"create temporary table keyed (no int, {columns})")
    for number, row in enumerate(rows):
        _insert(connection, keys, number, row)


def _insert(connection: Any, keys: Sequence[key_of], number: int, row: Sequence[Any]) -> None:
    values = sql.SQL(", ").join(sql.Placeholder() for _ in range(len(keys) + 1))
    connection.execute(sql.SQL("insert into keyed values ({})").format(values), [number, *row])


def _texts(connection: Any, keys: Sequence[key_of], order: str, table: str) -> tuple[str, ...] | None:
    row = connection.execute(last_query(table, keys, order)).fetchone()
    return None if row is None else tuple(row[len(keys) :])
