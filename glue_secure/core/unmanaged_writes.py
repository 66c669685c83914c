"""Writes that a session made outside glue-secure, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class UnmanagedWrite:
    """One write that Spark made outside glue-secure.

    Attributes:
        location: the path that Spark reported, ``""`` if it reported none.
        format: Spark's class or name of the format.
        rows: number of rows; None if it was not measured.
        failed: whether Spark reports a failure; the write may have left data.
        problem: why there is no location; ``""`` if there is one.
        stores_files: whether the write stores files through Hadoop's file systems or a table format, so that
            the guard of S3 requests has seen them if they are in S3.
        table: the table of Iceberg or Delta Lake as SQL names it, ``catalog.database.table`` or
            ``delta.`LOCATION```; ``""`` for other writes, or if it is not known.
        adopts: whether the write adds objects to a table that exist already, so that no write of the run
            stored them.
        may_store_nothing: whether the statement is one of a table that may find nothing to do, so that it may
            have stored no object.
        is_maintenance: whether the statement creates, changes or maintains a table and has no rows of the
            script, so that no rows are missing if it fails.
        content: ``metadata`` of a table, ``current rows`` of the same table, with its metadata, or other
            ``rows``, which a column policy may have to protect.
    """

    location: str
    format: str
    rows: int | None = None
    failed: bool = False
    problem: str = ""
    stores_files: bool = False
    table: str = ""
    adopts: bool = False
    may_store_nothing: bool = False
    is_maintenance: bool = False
    content: Literal["rows", "current rows", "metadata"] = "rows"


@dataclass(frozen=True, slots=True)
class UnmanagedWriteReport:
    """The unmanaged writes since the last report.

    Attributes:
        writes: each write.
        doubts: why a write may have been missed; empty if every write was observed.
        emptied: locations of tables that a command dropped, renamed or truncated.
        active: work of Spark that has not ended and may write; empty if there is none.
    """

    writes: tuple[UnmanagedWrite, ...] = ()
    doubts: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    active: tuple[str, ...] = ()


def unrepeated_failures(writes: Sequence[UnmanagedWrite]) -> list[UnmanagedWrite]:
    """Return the failed writes that no later write repeated.

    A write of the same format to the same location repeats a failed write, if it succeeds. Maintenance of a
    table repeats no write, and its own failure is left out.

    Args:
        writes: in the order in which they ended.
    """
    failures: dict[tuple[str, str], UnmanagedWrite] = {}
    for write in writes:
        if write.is_maintenance:
            continue
        if write.failed:
            failures[write.location, write.format] = write
        else:
            failures.pop((write.location, write.format), None)
    return list(failures.values())
