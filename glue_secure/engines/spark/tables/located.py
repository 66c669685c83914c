"""What tables of several formats or modules share: loading, locations, and names in SQL statements."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class LoadedOnce:
    """A table whose metadata can be loaded once for a block."""

    _loaded: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def _load_newest(self) -> Any:
        """Return the newest metadata."""
        raise NotImplementedError

    def _load(self) -> Any:
        """Return the newest metadata, or that of :meth:`loaded_once`."""
        return self._loaded[-1] if self._loaded else self._load_newest()

    @contextmanager
    def loaded_once(self) -> Iterator[None]:
        """Load the table, and use it until the block ends."""
        self._loaded.append(self._load_newest())
        try:
            yield
        finally:
            self._loaded.pop()


def newest_iceberg_table(jvm: Any, session: Any, name: str) -> Any:
    """Return Iceberg's ``Table`` of a session of the JVM, with its newest metadata.

    Args:
        jvm: the session's JVM.
        session: the JVM's ``SparkSession`` whose catalog has the table.
        name: the quoted name, with the catalog.
    """
    table = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(session, name)
    table.refresh()
    return table


@dataclass(frozen=True)
class LocatedTable:
    """A table of a format whose tables are their locations: Delta Lake, Hudi.

    Attributes:
        spark: the session.
        path: the table's location as Spark's file systems name it (``s3a://...``).
        name: ``database.table``, or the location.
    """

    spark: SparkSession
    path: str
    name: str
    branches: None = field(default=None, init=False)
    identifier: str = field(default="", init=False)

    @property
    def application(self) -> str:
        """``""``: the formats store the id of the write with each commit."""
        return ""

    @property
    def locations(self) -> Sequence[str]:
        """The table's location."""
        return [self.path]

    @property
    def removal(self) -> str:
        """A command that deletes the objects: the Data Catalog does not have the table yet.

        ``""`` for a whole bucket.
        """
        location = S3Uri.parse(self.path.rstrip("/"))
        return f"aws s3 rm --recursive {shlex.quote(f'{location}/')}" if location.key else ""


def no_change_feed(table: str, format: str) -> UsageError:
    """Return the error of a read of changes from a table of another format than Delta Lake."""
    return UsageError(
        f"on_change='read_changes' of table {table}",
        found=f"a table of {format}",
        required="a table of Delta Lake with delta.enableChangeDataFeed=true",
        fix="on_change='read_all' in a job that merges its input by key; or no bookmark, and an overwrite of "
        "the target in each run",
    )


@contextmanager
def temporary_view(frame: DataFrame) -> Iterator[str]:
    """Give a frame a name that SQL statements can use in the block, and return it."""
    name = f"glue_secure_{uuid.uuid4().hex}"
    frame.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        frame.sparkSession.catalog.dropTempView(name)
