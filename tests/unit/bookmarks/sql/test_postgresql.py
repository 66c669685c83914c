"""The SQL of a bookmark's keys: options, conditions and literals."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.bookmarks.sql.keys import RequestedKeys, requested_keys
from glue_secure.bookmarks.sql.postgresql import after, identifier, key_of, literal, up_to
from glue_secure.core.errors import UsageError

ID, AT, NAME = (
    key_of("id", "bigint"),
    key_of("At", "timestamp with time zone"),
    key_of("name", "character varying"),
)


def test_keys_are_taken_out_of_the_options_in_any_letter_case():
    asked, rest = requested_keys(
        {"JobBookmarkKeys": ["a", "B"], "jobbookmarkkeyssortorder": "DESC", "fetchsize": 1}
    )
    assert asked == RequestedKeys(("a", "B"), "desc")
    assert rest == {"fetchsize": 1}
    assert requested_keys({}) == (RequestedKeys((), "asc"), {})


@pytest.mark.parametrize(
    "options",
    [
        {"jobBookmarkKeys": "id"},
        {"jobBookmarkKeys": []},
        {"jobBookmarkKeys": ["id", ""]},
        {"jobBookmarkKeys": [1]},
        {"jobBookmarkKeys": ["id", "id"]},
        {"jobBookmarkKeys": [f"c{n}" for n in range(33)]},
        {"jobBookmarkKeysSortOrder": "up"},
    ],
)
def test_invalid_keys_are_rejected(options):
    with pytest.raises(UsageError, match="jobBookmarkKeys"):
        requested_keys(options)


def test_a_key_of_one_column_is_compared_with_a_typed_value():
    assert after([ID], ["-5"], "asc") == "(\"id\" > CAST(E'-5' AS bigint))"
    assert after([ID], ["7"], "desc") == "(\"id\" < CAST(E'7' AS bigint))"
    assert up_to([ID], ["7"], "asc") == "(\"id\" <= CAST(E'7' AS bigint))"
    assert up_to([ID], ["7"], "desc") == "(\"id\" >= CAST(E'7' AS bigint))"


def test_a_key_of_several_columns_is_compared_as_a_row_and_times_in_utc():
    values = "(CAST(E'2024-02-29 23:59:59.000001+00' AS timestamptz), CAST(E'x' AS text))"
    assert after([AT, NAME], ["2024-02-29 23:59:59.000001", "x"], "asc") == f'(("At", "name") > {values})'
    assert after([ID], ["1"], "asc", ["key_0"]) == "(key_0 > CAST(E'1' AS bigint))"


def test_padded_text_is_compared_without_its_padding():
    assert "AS bpchar" in after([key_of("code", "character")], ["x"], "asc")


def test_values_of_other_types_have_no_literal():
    for kind in (
        "double precision",
        "real",
        "boolean",
        "bytea",
        "json",
        "interval",
        "time without time zone",
    ):
        assert key_of("x", kind).kind is None
        with pytest.raises(ValueError, match="cannot store values"):
            after([key_of("x", kind)], ["1"], "asc")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_no_character_of_a_value_can_end_its_literal(value):
    written = literal(value)
    assert re.fullmatch(r"E'(?:[A-Za-z0-9 .:+-]|\\u[0-9A-F]{4}|\\U[0-9A-F]{8})*'", written)
    unescaped = re.sub(
        r"\\(?:u(.{4})|U(.{8}))", lambda found: chr(int(found[1] or found[2], 16)), written[2:-1]
    )
    assert unescaped == value


@pytest.mark.parametrize("value", ["a\x00", "a\ud800"])
def test_a_text_that_postgresql_cannot_store_has_no_literal(value):
    with pytest.raises(ValueError, match="cannot store"):
        literal(value)


def test_a_quote_in_a_columns_name_is_doubled():
    assert identifier('a"b') == '"a""b"'


def test_the_order_in_the_spelling_of_awss_samples_is_accepted():
    asked, rest = requested_keys({"jobBookmarkKeys": ["id"], "jobBookmarksKeysSortOrder": "desc"})
    assert (asked, rest) == (RequestedKeys(("id",), "desc"), {})
