"""A text of SQL statements is split at its semicolons, except those in quotes and comments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.connections.sql_statements import split_statements

PIECES = st.sampled_from(
    [
        "select 1",
        "'a;b'",
        '"a;b"',
        "$$ a;b $$",
        "$x$ a;b $x$",
        "/* a;b */",
        "-- a;b\n",
        "'it''s;'",
        " ",
        "a-b/c",
    ]
)


@given(st.lists(st.lists(PIECES, min_size=1, max_size=4).map(" ".join), max_size=5))
def test_statements_come_back_in_order(statements):
    expected = tuple(each.strip() for each in statements if each.strip())
    assert split_statements(";".join(statements)) == expected


@pytest.mark.parametrize("text", ["", ";", " ; ;"])
def test_a_text_without_statements_gives_none(text):
    assert split_statements(text) == ()


@given(st.text())
def test_only_separators_and_white_space_are_lost(text):
    joined, given_text = "".join(split_statements(text)), text
    for character in joined:
        if not character.isspace():
            assert given_text.count(character) >= joined.count(character)
    lost = len("".join(text.split())) - len("".join(joined.split()))
    assert 0 <= lost <= text.count(";")
