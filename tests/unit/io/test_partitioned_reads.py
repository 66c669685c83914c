"""Glue's parallel read of a table: disjoint predicates that together match every row."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.io.partitioned_reads import predicates_of, source_of


def test_a_field_is_hashed_into_seven_parts_by_default():
    parts, rest = predicates_of("postgresql", {"hashfield": "month", "fetchsize": "5"})
    assert len(parts) == 7
    assert parts[3] == "abs(mod(coalesce(hashtext((month)::text)::bigint, 0), 7)) = 3"
    assert rest == {"fetchsize": "5"}


def test_an_expression_is_used_unchanged():
    parts, _ = predicates_of("postgresql", {"hashexpression": "id % 5", "hashpartitions": "2"})
    assert parts == tuple(f"abs(mod(coalesce((id % 5)::bigint, 0), 2)) = {part}" for part in (0, 1))


@pytest.mark.parametrize(
    ("engine", "field", "clause"),
    [
        ("mysql", "`a b`", "abs(mod(coalesce(crc32(`a b`), 0), 2)) = 1"),
        ("sqlserver", "[a b]", "abs(coalesce(cast(binary_checksum([a b]) as bigint), 0) % 2) = 1"),
        ("oracle", "A$B", "abs(mod(coalesce(ora_hash(A$B), 0), 2)) = 1"),
        ("redshift", '"a b"', 'abs(mod(coalesce(fnv_hash("a b"), 0), 2)) = 1'),
    ],
)
def test_each_engine_hashes_a_field_with_its_own_function(engine, field, clause):
    assert predicates_of(engine, {"hashfield": field, "hashpartitions": "2"})[0][1] == clause


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        ("mysql", "cast((id) as signed)"),
        ("sqlserver", "cast((id) as bigint)"),
        ("oracle", "trunc(id)"),
        ("redshift", "(id)::bigint"),
    ],
)
def test_each_engine_makes_an_expression_a_whole_number(engine, number):
    assert f"coalesce({number}, 0)" in predicates_of(engine, {"hashexpression": "id"})[0][0]


@pytest.mark.parametrize(
    ("engine", "options", "message"),
    [
        ("postgresql", {"hashfield": "a", "hashexpression": "b"}, "one of them"),
        ("postgresql", {"hashfield": "a) or (true"}, "a column's name"),
        ("postgresql", {"hashfield": "a", "hashpartitions": "0"}, "hashpartitions"),
        ("postgresql", {"hashpartitions": "3"}, "one of the two"),
        ("db2", {"hashfield": "a"}, "a table of db2"),
        ("sqlserver", {"hashfield": "[a]]"}, "a column's name"),
        ("oracle", {"hashfield": "a)"}, "a column's name"),
        ("mysql", {"hashfield": '"a"'}, "a column's name"),
    ],
)
def test_invalid_options_of_a_parallel_read_are_rejected(engine, options, message):
    with pytest.raises(UsageError, match=message):
        predicates_of(engine, options)


def test_a_table_or_a_query_is_the_source():
    assert source_of({"dbtable": "t", "fetchsize": "1"}) == ("t", {"fetchsize": "1"})
    assert source_of({"query": "select 1"})[0] == "(select 1) glue_secure_query"
    assert source_of({"dbtable": "t", "sampleQuery": "select 1"})[0] == "(select 1) glue_secure_query"
    for options in (
        {},
        {"dbtable": "t", "query": "q"},
        {"dbtable": "t", "sampleQuery": "q", "hashfield": "a"},
    ):
        with pytest.raises(UsageError, match="a JDBC source"):
            source_of(options)
