"""Glue's reader options of a JDBC source: what is read, and in how many parallel parts.

https://docs.aws.amazon.com/glue/latest/dg/run-jdbc-parallel-read-job.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from glue_secure.bookmarks.sql.keys import asked_keys
from glue_secure.core.errors import UsageError
from glue_secure.core.options import whole_number

_MYSQL_COLUMN = re.compile(r"(?:\w+|`[^`\x00-\x1f]+`)\Z")
_COLUMN = {
    "postgresql": re.compile(r'(?:\w+|"[^"\x00-\x1f]+")\Z'),
    "mysql": _MYSQL_COLUMN,
    "mariadb": _MYSQL_COLUMN,
}
_HASHES = ("hashfield", "hashexpression", "hashpartitions")
_STRIDES = ("partitionColumn", "lowerBound", "upperBound")
_PARTITIONS = 7
"""Glue's default of ``hashpartitions``."""


def source_of(options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The table or query that ``dbtable``, ``query`` or ``sampleQuery`` names, and the other options.

    Raises:
        UsageError: none is named, or a query beside another source that it does not belong to.
    """
    rest = {name: value for name, value in options.items() if name not in ("dbtable", "query", "sampleQuery")}
    table, query, sample = (str(options.get(name) or "") for name in ("dbtable", "query", "sampleQuery"))
    if query and (table or sample):
        raise UsageError("a JDBC source", found="query beside dbtable or sampleQuery", required="one of them")
    if sample and any(name in rest for name in _HASHES):
        raise UsageError(
            "a JDBC source",
            found="sampleQuery with hashfield, hashexpression or hashpartitions",
            required="sampleQuery alone: enablePartitioningForSampleQuery is not served in plain Spark",
        )
    if sample and asked_keys(rest)[0].names:
        raise UsageError(
            "a JDBC source",
            found="sampleQuery with jobBookmarkKeys",
            required="one of them: a bookmark would move past what a sample left out",
        )
    if query or sample:
        return f"({query or sample}) glue_secure_query", rest
    if not table:
        raise UsageError("a JDBC source", found="no table", required="dbtable, query or sampleQuery")
    return table, rest


def predicates_of(engine: str, options: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The WHERE clauses of a parallel read, disjoint and together the whole table; and the other options.

    Args:
        engine: ``postgresql``, ``mysql`` or ``mariadb``; no hash of the others has been tried.
        options: with ``hashfield``, ``hashexpression`` and ``hashpartitions``, or without.

    Raises:
        UsageError: both are given, or the field is no column's name, or the engine has no known hash.
    """
    rest = {name: value for name, value in options.items() if name not in _HASHES}
    field, expression = options.get("hashfield"), options.get("hashexpression")
    if not field and not expression:
        if "hashpartitions" in options:
            raise UsageError(
                "hashpartitions", found="no hashfield or hashexpression", required="one of the two beside it"
            )
        return (), rest
    if field and expression:
        raise UsageError("a parallel JDBC read", found="hashfield and hashexpression", required="one of them")
    if engine not in _COLUMN:
        raise UsageError(
            "hashfield or hashexpression",
            found=f"a table of {engine}",
            required=f"{', '.join(_COLUMN)} in plain Spark",
            fix="partitionColumn, lowerBound, upperBound and numPartitions read any engine in parallel",
        )
    parts = whole_number("hashpartitions", options.get("hashpartitions") or _PARTITIONS, least=1)
    if field and not _COLUMN[engine].match(field):
        raise UsageError(
            "hashfield", found=repr(field), required="a column's name", fix="hashexpression takes SQL"
        )
    if engine != "postgresql":
        # crc32 is never negative; a cast to signed is, and bigint's least value has no absolute one.
        number = f"crc32({field})" if field else f"cast(({expression}) as signed)"
        return tuple(f"abs(mod(coalesce({number}, 0), {parts})) = {part}" for part in range(parts)), rest
    # A null goes to part 0, or its rows would be in none; abs comes after mod, which cannot overflow.
    number = f"hashtext(({field})::text)::bigint" if field else f"({expression})::bigint"
    return tuple(f"abs(mod(coalesce({number}, 0), {parts})) = {part}" for part in range(parts)), rest


def require_no_strides(what: str, options: Mapping[str, Any]) -> None:
    """Refuse Spark's own way of reading in parts beside conditions: Spark would drop it without a word.

    Raises:
        UsageError: ``partitionColumn`` or its bounds are among the options.
    """
    found = [name for name in _STRIDES if name in options]
    if found:
        raise UsageError(
            f"options of a read of {what}",
            found=f"{', '.join(found)} beside a bookmark, hashfield or hashexpression",
            required="hashfield or hashexpression for a parallel read",
        )
