"""The S3 locations that a frame reads, from its analyzed plan.

The analyzed plan also names the sources of a cached frame, whose rows Spark may have to read again. It does
not name those of a checkpointed frame, which are not read any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.engines.spark.locations import path_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MOST_FILES = 1_000
"""Files of an RDD's scan that are examined; each costs a call to the JVM."""


def sources_below(frame: DataFrame, target: S3Uri) -> tuple[S3Uri, ...]:
    """Return the locations that the frame reads, and that contain or are inside ``target``."""
    return tuple(
        dict.fromkeys(
            location
            for text in _locations(frame._jdf.queryExecution().analyzed())
            if (location := _parse(text)) is not None and location.overlaps(target)
        )
    )


def _parse(text: str) -> S3Uri | None:
    try:
        return S3Uri.parse(text)
    except UsageError:
        return None  # another file system, or a name that is not an object's


def _locations(plan: Any) -> Iterator[str]:
    for part in (plan, *_elements(plan.subqueriesAll())):
        for leaf in _elements(part.collectLeaves()):
            yield from _locations_of_leaf(leaf)


def _locations_of_leaf(leaf: Any) -> Iterator[str]:
    name = str(leaf.getClass().getSimpleName())
    if name == "LogicalRelation":
        relation = leaf.relation()
        if str(relation.getClass().getSimpleName()) == "HadoopFsRelation":
            yield from _lines(relation.location().rootPaths())
    elif name == "DataSourceV2Relation":
        try:
            yield from _lines(leaf.table().fileIndex().rootPaths())
        except Py4JError:
            return  # not a table of files
    elif name == "HiveTableRelation":
        if leaf.tableMeta().storage().locationUri().isDefined():
            yield path_of(leaf.tableMeta().location())
    elif name == "LogicalRDD":
        yield from _locations_of_rdd(leaf.rdd())


def _locations_of_rdd(rdd: Any) -> Iterator[str]:
    """Yield the files that an RDD's scans read. They are in no plan: ``createDataFrame(frame.rdd)``."""
    pending, seen = [rdd], set()
    while pending:
        current = pending.pop()
        if current.id() in seen:
            continue
        seen.add(current.id())
        if str(current.getClass().getSimpleName()) == "FileScanRDD":
            yield from _scanned_files(current)
        pending += [dependency.rdd() for dependency in _elements(current.dependencies())]


def _scanned_files(rdd: Any) -> Iterator[str]:
    examined = 0
    for partition in _elements(rdd.filePartitions()):
        for file in partition.files():
            yield path_of(file.filePath())
            examined += 1
            if examined == _MOST_FILES:
                return


def _lines(paths: Any) -> list[str]:
    """Return a sequence of Hadoop's paths as text, in one call to the JVM."""
    text = str(paths.mkString("\n"))
    return text.split("\n") if text else []


def _elements(sequence: Any) -> list[Any]:
    return [sequence.apply(position) for position in range(sequence.size())]
