"""Redshift's statements as text; tests/spark/writing/test_redshift_driver.py runs them on PostgreSQL."""

import pytest

from glue_secure.bookmarks.sql.redshift import (
    after,
    key_of,
    keys_query,
    last_query,
    literal,
    sequential_query,
    table_query,
    typed,
    up_to,
)

ID = key_of("id", "bigint")


@pytest.mark.parametrize("text", ["a'b", "\\?{", "'; drop table x; --", "ä\U0001f512"])
def test_a_text_with_other_characters_is_hexadecimal(text):
    digits = literal(text).removeprefix("from_varbyte(from_hex('").removesuffix("'), 'utf-8')")
    assert bytes.fromhex(digits).decode() == text


@pytest.mark.parametrize(
    ("type", "value", "literal"),
    [
        ("bigint", "-5", "-5"),
        ("numeric", "1.50", "1.50"),
        ("date", "2024-02-01", "date '2024-02-01'"),
        ("timestamp without time zone", "2024-02-01 10:00:00.1", "timestamp '2024-02-01 10:00:00.1'"),
        ("timestamp with time zone", "2024-02-01 10:00:00", "cast('2024-02-01 10:00:00+00' as timestamptz)"),
        ("character varying", "a b", "'a b'"),
        ("character", "a b", "cast('a b' as char(4096))"),
    ],
)
def test_a_value_is_a_literal_of_the_columns_type(type, value, literal):
    assert typed(key_of("x", type), value) == literal


def test_rows_are_not_compared_as_rows_which_redshift_does_wrongly():
    assert after([ID, key_of("n", "integer")], ["5", "1"], "asc") == (
        '("id" >= 5 and ("id" > 5 or "id" = 5 and "n" > 1))'
    )
    assert up_to([ID], ["5"], "desc") == '("id" >= 5)'


def test_names_are_in_lower_case_and_have_no_character_that_a_parser_finds():
    assert "c.relname = 'orders' and n.nspname = 'shop'" in table_query("Shop.Orders")
    assert "current_database() = 'dev'" in table_query("dev.shop.orders")
    assert "('a' || chr(39) || 'b' || chr(92) || '')" in table_query('"a\'b\\"')


def test_a_primary_key_which_redshift_does_not_enforce_must_not_repeat():
    assert 'count(distinct "id") = count(*)' in sequential_query("t", "id")


def test_nulls_are_counted_only_where_a_column_may_contain_them():
    assert keys_query("t", ["a"], nullable=["b"]) == "select 0 as nulls_0"
    assert keys_query("t", ["a", "b"], nullable=["b"]) == (
        'select 0 as nulls_0, count(*) - count("b") as nulls_1 from t'
    )
    assert last_query("t", [ID], "asc").endswith('where t."id" is not null order by t."id" desc limit 1')


@pytest.mark.parametrize(
    "type", ["double precision", "real", "boolean", "super", "varbyte", "time without time zone"]
)
def test_other_types_cannot_be_keys(type):
    assert key_of("x", type).kind is None
