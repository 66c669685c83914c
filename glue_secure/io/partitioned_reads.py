"""Glue's reader options of a JDBC source: the table or query, and the predicates of a parallel read.

https://docs.aws.amazon.com/glue/latest/dg/run-jdbc-parallel-read-job.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from glue_secure.bookmarks.sql.keys import requested_keys
from glue_secure.core.errors import UsageError
from glue_secure.core.options import whole_number

_MYSQL_COLUMN = re.compile(r"(?:\w+|`[^`\x00-\x1f]+`)\Z")
_QUOTED_COLUMN = re.compile(r'(?:\w+|"[^"\x00-\x1f]+")\Z')
_COLUMN = {
    "postgresql": _QUOTED_COLUMN,
    "mysql": _MYSQL_COLUMN,
    "mariadb": _MYSQL_COLUMN,
    "sqlserver": re.compile(r'(?:\w+|"[^"\x00-\x1f]+"|\[[^\]\x00-\x1f]+\])\Z'),
    "oracle": re.compile(r'(?:[\w$#]+|"[^"\x00-\x1f]+")\Z'),
    "redshift": _QUOTED_COLUMN,
}
# A whole number for a column, and for an expression. They need not be the numbers of Glue: the parts cover
# the table, and a row is in one part only, whatever the function is.
_NUMBERS = {
    "postgresql": ("hashtext(({})::text)::bigint", "({})::bigint"),
    # crc32 is never negative; a cast to signed may be.
    "mysql": ("crc32({})", "cast(({}) as signed)"),
    "mariadb": ("crc32({})", "cast(({}) as signed)"),
    # https://learn.microsoft.com/sql/t-sql/functions/binary-checksum-transact-sql
    "sqlserver": ("cast(binary_checksum({}) as bigint)", "cast(({}) as bigint)"),
    # https://docs.oracle.com/en/database/oracle/oracle-database/19/sqlrf/ORA_HASH.html
    "oracle": ("ora_hash({})", "trunc({})"),
    # https://docs.aws.amazon.com/redshift/latest/dg/r_FNV_HASH.html
    "redshift": ("fnv_hash({})", "({})::bigint"),
}
_SOURCES = ("dbtable", "query", "sampleQuery")
_HASHES = ("hashfield", "hashexpression", "hashpartitions")
_STRIDES = ("partitionColumn", "lowerBound", "upperBound")
_PARTITIONS = 7
"""Glue's default of ``hashpartitions``."""


def source_of(options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the table or query of ``dbtable``, ``query`` or ``sampleQuery``, and the other options.

    Raises:
        UsageError: none of them is set, or a combination that Glue does not define.
    """
    other_options = {name: value for name, value in options.items() if name not in _SOURCES}
    table, query, sample = (str(options.get(name) or "") for name in _SOURCES)
    if query and (table or sample):
        raise UsageError(
            "a JDBC source", found="query together with dbtable or sampleQuery", required="one of them"
        )
    if sample and any(name in other_options for name in _HASHES):
        raise UsageError(
            "a JDBC source",
            found="sampleQuery with hashfield, hashexpression or hashpartitions",
            required="sampleQuery alone: plain Spark does not support enablePartitioningForSampleQuery",
        )
    if sample and requested_keys(other_options)[0].names:
        raise UsageError(
            "a JDBC source",
            found="sampleQuery with jobBookmarkKeys",
            required="one of them: a bookmark would move past rows that the sample leaves out",
        )
    if query or sample:
        return f"({query or sample}) glue_secure_query", other_options
    if not table:
        raise UsageError("a JDBC source", found="no table", required="dbtable, query or sampleQuery")
    return table, other_options


def predicates_of(engine: str, options: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the WHERE clauses of a parallel read, and the other options.

    The clauses are disjoint, and together they match every row. Without hash options there are none.

    Args:
        engine: the database engine, one of those of :mod:`glue_secure.connections.engines`.
        options: may contain ``hashfield``, ``hashexpression`` and ``hashpartitions``.

    Raises:
        UsageError: both hash options are set, ``hashfield`` is not a column's name, or the engine is not
            supported.
    """
    other_options = {name: value for name, value in options.items() if name not in _HASHES}
    field, expression = options.get("hashfield"), options.get("hashexpression")
    if not field and not expression:
        if "hashpartitions" in options:
            raise UsageError(
                "hashpartitions", found="no hashfield or hashexpression", required="one of the two"
            )
        return (), other_options
    if field and expression:
        raise UsageError("a parallel JDBC read", found="hashfield and hashexpression", required="one of them")
    if engine not in _COLUMN:
        raise UsageError(
            "hashfield or hashexpression",
            found=f"a table of {engine}",
            required=", ".join(_COLUMN),
            fix="partitionColumn, lowerBound, upperBound and numPartitions read any engine in parallel",
        )
    count = whole_number("hashpartitions", options.get("hashpartitions") or _PARTITIONS, least=1)
    if field and not _COLUMN[engine].match(field):
        raise UsageError(
            "hashfield", found=repr(field), required="a column's name", fix="hashexpression takes SQL"
        )
    of_column, of_expression = _NUMBERS[engine]
    number = of_column.format(field) if field else of_expression.format(expression)
    # A null counts as 0, otherwise no clause would match it. abs comes after mod: abs of the smallest bigint
    # overflows.
    # SQL Server has no function for the remainder.
    remainder = "coalesce({}, 0) % {}" if engine == "sqlserver" else "mod(coalesce({}, 0), {})"
    part_of = f"abs({remainder.format(number, count)})"
    return tuple(f"{part_of} = {part}" for part in range(count)), other_options


def require_no_strides(source: str, options: Mapping[str, Any]) -> None:
    """Reject Spark's options of a parallel read together with predicates: Spark would ignore them.

    Raises:
        UsageError: ``partitionColumn`` or one of its bounds is set.
    """
    names = [name for name in _STRIDES if name in options]
    if names:
        raise UsageError(
            f"options of a read of {source}",
            found=f"{', '.join(names)} with a bookmark, hashfield or hashexpression",
            required=f"hashfield or hashexpression for a parallel read ({', '.join(_COLUMN)})",
        )
