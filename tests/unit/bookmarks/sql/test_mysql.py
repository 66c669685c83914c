"""Conditions of MySQL's bookmarks as text; tests/spark/test_mysql_bookmarks.py runs them on a server."""

import pytest

from glue_secure.bookmarks.sql.mysql import (
    after,
    identifier,
    key_of,
    keys_query,
    last_query,
    literal,
    sequential_query,
    state_text,
    table_query,
    up_to,
)

ID, AT, MOMENT, NAME = (
    key_of("id", "bigint"),
    key_of("at", "datetime"),
    key_of("seen", "timestamp"),
    key_of("na`me", "varchar"),
)


@pytest.mark.parametrize("text", ["", "a'b", "\\", "'; drop table x; --", "ä\U0001f512"])
def test_a_text_is_a_hexadecimal_literal(text):
    made = literal(text)
    assert set(made.removeprefix("_utf8mb4 x'").removesuffix("'")) <= set("0123456789abcdef")
    assert bytes.fromhex(made[11:-1]).decode() == text


def test_a_key_of_one_column_is_compared_by_its_order():
    assert after([ID], ["5"], "asc") == "(`id` > 5)"
    assert up_to([ID], ["5"], "asc") == "(`id` <= 5)"
    assert after([ID], ["5"], "desc") == "(`id` < 5)"
    assert up_to([NAME], ["a"], "desc") == "(`na``me` >= _utf8mb4 x'61')"
    assert after([ID], ["5"], "asc", ["key_0"]) == "(key_0 > 5)"


def test_several_columns_are_compared_one_by_one_within_a_range_for_the_index():
    at = "timestamp '2024-01-01 00:00:00'"
    assert after([AT, ID], ["2024-01-01 00:00:00", "5"], "asc") == (
        f"(`at` >= {at} and (`at` > {at} or `at` = {at} and `id` > 5))"
    )
    assert up_to([AT, ID], ["2024-01-01 00:00:00", "5"], "asc") == (
        f"(`at` <= {at} and (`at` < {at} or `at` = {at} and `id` <= 5))"
    )


def test_a_timestamp_is_compared_as_seconds_within_a_range_that_is_a_day_wider():
    assert after([MOMENT], ["2024-01-01 00:00:00.5"], "asc") == (
        "(`seen` >= from_unixtime(1703977200.5) and unix_timestamp(`seen`) > 1704067200.5)"
    )
    assert "<= from_unixtime(1704157200.5)" in up_to([MOMENT], ["2024-01-01 00:00:00.5"], "asc")
    assert "from_unixtime(0)" in after([MOMENT], ["1970-01-01 00:00:01"], "asc")
    assert state_text(MOMENT, "1704067200.500000") == "2024-01-01 00:00:00.500000"


def test_a_zero_date_cannot_be_stored():
    assert state_text(key_of("d", "date"), "0000-00-00") is None
    assert state_text(key_of("d", "date"), "2024-02-29") == "2024-02-29"


def test_floats_and_types_with_another_order_cannot_be_keys():
    types = ("double", "float", "enum", "set", "json", "year", "blob")
    assert {key_of("x", name).kind for name in types} == {None}


def test_queries_quote_names_and_encode_texts():
    assert identifier("a`b") == "`a``b`"
    asked = table_query("sh'op.or'ders")
    assert literal("sh'op") in asked and literal("or'ders") in asked and "or'ders" not in asked
    assert "database()" in table_query("orders")
    assert keys_query("t", ["a", "b"], nullable=["b"]) == (
        "select 0 as nulls_0, (select count(*) from t where `b` is null) as nulls_1"
    )
    assert "order by `id` desc limit 1" in last_query("t", [ID], "asc")
    assert "order by `id` asc limit 1" in last_query("t", [ID], "desc")
    assert "max(`id`)" in sequential_query("t", "id")
