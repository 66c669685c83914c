"""The condition that compares several columns one by one, run on rows."""

import itertools
import sqlite3

import pytest

from glue_secure.bookmarks.sql import mysql, oracle, redshift, sqlserver
from glue_secure.bookmarks.sql.comparisons import name_parts, utf16
from glue_secure.bookmarks.sql.tables import DIALECTS
from glue_secure.connections.engines.registry import ENGINES

KEYS = {
    "mysql": (mysql, [mysql.key_of(name, "int") for name in "abc"]),
    "sqlserver": (sqlserver, [sqlserver.key_of(name, "int") for name in "abc"]),
    "oracle": (oracle, [oracle.key_of(name, "NUMBER") for name in "abc"]),
    "redshift": (redshift, [redshift.key_of(name, "integer") for name in "abc"]),
}


def test_every_engine_has_a_dialect():
    assert set(DIALECTS) == {engine.name for engine in ENGINES}


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("engine", KEYS)
def test_the_conditions_divide_a_table_at_each_of_its_rows(engine, order, columns):
    sql, keys = KEYS[engine][0], KEYS[engine][1][:columns]
    database = sqlite3.connect(":memory:")
    database.execute("create table t (a, b, c)")
    database.executemany("insert into t values (?, ?, ?)", itertools.product((-1, 0, 2), repeat=3))
    names = ["a", "b", "c"][:columns]
    selected = f"select distinct {', '.join(names)} from t"
    ordered = ", ".join(f"{name} {order}" for name in names)
    ranked = database.execute(f"{selected} order by {ordered}").fetchall()
    for at, row in enumerate(ranked):
        values = [str(value) for value in row]
        later = database.execute(f"{selected} where {sql.after(keys, values, order)} order by {ordered}")
        until = database.execute(f"{selected} where {sql.up_to(keys, values, order)} order by {ordered}")
        assert later.fetchall() == ranked[at + 1 :]
        assert until.fetchall() == ranked[: at + 1]
    database.close()


def test_names_have_parts_that_may_be_quoted():
    assert name_parts('shop."my orders"') == [("shop", False), ("my orders", True)]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_a_text_that_no_database_stores_has_no_literal(text):
    with pytest.raises(ValueError, match=r"cannot store|surrogates"):
        utf16(text)
