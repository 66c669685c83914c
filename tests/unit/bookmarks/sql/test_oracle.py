"""Oracle's statements as text: no Oracle server is at hand."""

import re

import pytest

from glue_secure.bookmarks.jdbc_state import KINDS
from glue_secure.bookmarks.sql.oracle import (
    after,
    key_of,
    keys_of,
    keys_query,
    last_query,
    literal,
    sequential_query,
    state_text,
    table_query,
    typed,
    up_to,
)

ID, NAME = key_of("ID", "NUMBER", 22), key_of("NAME", "VARCHAR2", 80)


@pytest.mark.parametrize("text", ["", "a'b", "\\?{", "'; drop table x; --", "ä\U0001f512", "x" * 1024])
def test_a_text_is_made_of_code_units_in_literals_that_oracle_can_parse(text):
    made = literal(text)
    parts = [re.fullmatch(r"unistr\('((?:\\[0-9a-f]{4})*)'\)", part).group(1) for part in made.split(" || ")]
    assert bytes.fromhex("".join(parts).replace("\\", "")).decode("utf-16-be") == text
    assert max(map(len, parts)) <= 4000


@pytest.mark.parametrize(
    ("type", "value", "literal"),
    [
        ("NUMBER", "-0.5", "-0.5"),
        ("FLOAT", "7", "7"),
        ("DATE", "2024-02-01 10:00:00",
         "to_date('2024-02-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')"),
        ("TIMESTAMP(9)", "2024-02-01 10:00:00.123456789", "timestamp '2024-02-01 10:00:00.123456789'"),
        ("TIMESTAMP(6) WITH TIME ZONE", "2024-02-01 10:00:00.000001",
         "timestamp '2024-02-01 10:00:00.000001 +00:00'"),
    ],
)  # fmt: skip
def test_a_value_is_a_literal_that_no_nls_parameter_changes(type, value, literal):
    assert typed(key_of("X", type), value) == literal


def test_text_is_compared_and_sorted_by_its_bytes_whatever_the_session_says():
    text = f"to_char({literal('é')})"
    assert after([NAME], ["é"], "asc") == (
        f"(nlssort(\"NAME\", 'NLS_SORT=BINARY') > nlssort({text}, 'NLS_SORT=BINARY'))"
    )
    query = last_query("ORDERS", [NAME], "asc")
    assert "order by nlssort(t.\"NAME\", 'NLS_SORT=BINARY') desc) where rownum = 1" in query
    national = key_of("NAME", "NVARCHAR2", 80)
    assert typed(national, "é") == f"nlssort({literal('é')}, 'NLS_SORT=BINARY')"
    assert "1999 bytes" in key_of("NAME", "VARCHAR2", 4000).reason


def test_texts_of_a_state_have_formats_of_their_own_and_moments_are_in_utc():
    keys = [key_of("D", "DATE"), key_of("M", "TIMESTAMP(6) WITH TIME ZONE"), ID]
    query = last_query("ORDERS", keys, "desc")
    calendar = "'NLS_CALENDAR=GREGORIAN'"
    assert f'to_char(t."D", \'SYYYY-MM-DD HH24:MI:SS\', {calendar}) as "text_0"' in query
    assert f"to_char(sys_extract_utc(t.\"M\"), 'SYYYY-MM-DD HH24:MI:SS.FF9', {calendar})" in query
    assert "to_char(t.\"ID\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') as \"text_2\"" in query
    assert query.endswith('order by t."D" asc, t."M" asc, t."ID" asc) where rownum = 1')


@pytest.mark.parametrize(
    ("key", "text", "stored"),
    [
        (ID, ".5", "0.5"),
        (ID, "-.00005", "-0.00005"),
        (ID, "10" + "0" * 39, "10" + "0" * 39),
        (key_of("D", "DATE"), " 2024-02-29 23:59:59", "2024-02-29 23:59:59"),
        (NAME, " x", " x"),
    ],
)
def test_a_text_of_oracle_becomes_one_that_a_state_stores(key, text, stored):
    assert state_text(key, text) == stored
    assert KINDS[key.kind].fullmatch(stored)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ID, "1." + "2" * 38),
        (ID, "1.5E+100"),
        (ID, "~"),
        (key_of("D", "DATE"), "-0044-03-15 00:00:00"),
    ],
)
def test_a_value_that_no_literal_expresses_exactly_is_not_stored(key, text):
    stored = state_text(key, text)
    assert stored is None or not KINDS[key.kind].fullmatch(stored)


@pytest.mark.parametrize(
    ("type", "reason"),
    [
        ("BINARY_DOUBLE", ""),
        ("RAW", ""),
        ("CLOB", "cannot compare"),
        ("TIMESTAMP(6) WITH LOCAL TIME ZONE", "occur twice"),
    ],
)
def test_other_types_cannot_be_keys(type, reason):
    key = key_of("X", type)
    assert key.kind is None
    assert reason in key.reason


def test_several_columns_are_compared_one_by_one():
    assert (
        up_to([ID, key_of("N", "NUMBER")], ["5", "1"], "asc")
        == '("ID" <= 5 and ("ID" < 5 or "ID" = 5 and "N" <= 1))'
    )
    assert after([ID], ["5"], "desc", ['"key_0"']) == '("key_0" < 5)'


def test_names_without_quotes_are_in_upper_case_and_results_in_lower_case():
    rows = [{"column_name": "ID", "type": "NUMBER", "length": 22}]
    assert keys_of(rows, ["ID"], {}) == (ID,)
    plain, quoted = table_query("shop.orders"), table_query('"Orders"')
    assert f"c.owner = upper(to_char({literal('shop')}))" in plain
    assert f"c.table_name = to_char({literal('Orders')})" in quoted
    assert "sys_context('USERENV', 'CURRENT_SCHEMA')" in quoted
    assert table_query("a.b.c").endswith("and 1 = 0")
    assert keys_query("t", ["A", "B"], nullable=["B"]) == (
        'select 0 as "nulls_0", (select count(*) from t where "B" is null) as "nulls_1" from dual'
    )
    assert 'as "sequential" from t' in sequential_query("t", "ID")
