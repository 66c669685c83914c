"""SQL Server's statements as text: no SQL Server is at hand."""

import re

import pytest

from glue_secure.bookmarks.sql.sqlserver import (
    after,
    identifier,
    key_of,
    keys_of,
    keys_query,
    last_query,
    literal,
    sequential_query,
    table_query,
    typed,
    up_to,
)

ID = key_of("id", "bigint")
LATIN = "SQL_Latin1_General_CP1_CI_AS"


@pytest.mark.parametrize("text", ["", "a'b", "\\?{", "'; drop table x; --", "ä\U0001f512"])
def test_a_text_is_the_hexadecimal_digits_of_nvarchar(text):
    digits = re.fullmatch(r"cast\(0x([0-9a-f]*) as nvarchar\(4000\)\)", literal(text)).group(1)
    assert bytes.fromhex(digits).decode("utf-16-le") == text


def test_a_literal_has_the_type_code_page_and_collation_of_its_column():
    text = literal("Ä")
    assert typed(key_of("n", "nvarchar", LATIN), "Ä") == text
    assert typed(key_of("n", "varchar", LATIN), "Ä") == f"cast({text} collate {LATIN} as varchar(8000))"
    assert key_of("n", "varchar", "x; drop table y").kind is None


@pytest.mark.parametrize(
    ("type", "value", "literal"),
    [
        ("bigint", "-5", "cast(-5 as bigint)"),
        ("timestamp", "2001", "cast(cast(2001 as bigint) as binary(8))"),
        ("decimal", "-0.50", "-0.50"),
        ("date", "2024-02-01", "convert(date, '2024-02-01', 23)"),
        ("smalldatetime", "2024-02-01 10:00:00", "convert(smalldatetime, '2024-02-01 10:00:00', 120)"),
        ("datetime", "2024-02-01 10:00:00.003", "convert(datetime, '2024-02-01 10:00:00.003', 121)"),
        ("datetime2", "2024-02-01 10:00:00.12", "convert(datetime2(7), '2024-02-01 10:00:00.12', 121)"),
        ("datetimeoffset", "2024-02-01 10:00:00", "cast('2024-02-01 10:00:00 +00:00' as datetimeoffset(7))"),
        ("uniqueidentifier", "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
         "cast('00000000-0000-0000-0000-000000000000' as uniqueidentifier)"),
    ],
)  # fmt: skip
def test_a_value_is_a_literal_of_the_columns_type_in_every_language_and_date_format(type, value, literal):
    assert typed(key_of("x", type), value) == literal


def test_texts_of_a_state_have_a_style_of_their_own_and_moments_are_in_utc():
    query = last_query("t", [key_of("at", "datetimeoffset"), key_of("b", "datetime")], "asc")
    at = "cast(switchoffset(t.[at], '+00:00') as datetime2(7))"
    assert f"convert(varchar(27), {at}, 121) as text_0" in query
    assert "convert(varchar(23), t.[b], 121) as text_1" in query
    assert "select top (1) t.[at] as key_0" in query
    assert query.endswith("where t.[at] is not null and t.[b] is not null order by t.[at] desc, t.[b] desc")
    assert last_query("t", [ID], "desc").endswith("order by t.[id] asc")
    assert "lower(cast(t.[u] as char(36)))" in last_query("t", [key_of("u", "uniqueidentifier")], "asc")
    assert "cast(cast(t.[v] as bigint) as varchar(50))" in last_query("t", [key_of("v", "timestamp")], "asc")


def test_keys_are_compared_by_their_order_and_several_columns_one_by_one():
    assert after([ID], ["5"], "asc") == "([id] > cast(5 as bigint))"
    assert up_to([ID], ["5"], "desc") == "([id] >= cast(5 as bigint))"
    assert after([ID, key_of("n", "int")], ["5", "1"], "asc", ["[key_0]", "[key_1]"]) == (
        "([key_0] >= cast(5 as bigint) and ([key_0] > cast(5 as bigint) or [key_0] = cast(5 as bigint) "
        "and [key_1] > cast(1 as bigint)))"
    )


@pytest.mark.parametrize(
    ("type", "reason"),
    [("float", ""), ("real", ""), ("bit", ""), ("money", "fewer digits"), ("ntext", "cannot compare")],
)
def test_other_types_cannot_be_keys(type, reason):
    key = key_of("x", type)
    assert key.kind is None
    assert reason in key.reason


def test_the_catalog_gives_types_and_collations_of_a_table_of_this_or_another_database():
    rows = [
        {"column_name": "n", "type": "char", "collation": LATIN},
        {"column_name": "i", "type": "int", "collation": None},
    ]
    assert keys_of(rows, ["i", "n"], {}) == (key_of("i", "int"), key_of("n", "char", LATIN))
    assert f"object_id({literal('[dbo].[orders]')})" in table_query("dbo.orders")
    assert literal("[a]]'b]") in table_query('"a]\'b"')
    assert "from [shop].sys.objects" in table_query("shop.dbo.orders")


def test_nulls_are_counted_only_where_a_column_may_contain_them():
    assert identifier("a]b") == "[a]]b]"
    assert keys_query("t", ["a", "b"], nullable=["b"]) == (
        "select 0 as nulls_0, (select count_big(*) from t where [b] is null) as nulls_1"
    )
    assert "when count_big(*) = 0 then null" in sequential_query("t", "id")
