"""What the metadata of a table that a statement named says: its locations, and a conversion to Delta Lake."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from glue_secure.core.identifiers import quoted
from glue_secure.engines.spark.locations import path_of
from glue_secure.engines.spark.tables.delta import DeltaLakeTable
from glue_secure.engines.spark.tables.located import newest_iceberg_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Properties of an Iceberg table that name further locations.
_TABLE_PATHS = (
    "write.data.path",
    "write.folder-storage.path",
    "write.metadata.path",
    "write.object-storage.path",
)
# A class of the job that decides where an Iceberg table stores its files.
_LOCATION_PROVIDER = "write.location-provider.impl"
# The names of the metadata of a table's first version in a catalog, and in a folder of Hadoop.
_FIRST_VERSION = re.compile(r"00000-|v1\.")
# What SQL has as the database of a table that is a folder.
_FOLDERS = ("delta", "iceberg", "parquet")


@dataclass(frozen=True, slots=True)
class CurrentDatabase:
    """The catalog and the namespace of names without them."""

    catalog: str
    namespace: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ended:
    """A statement that has just ended. It has no physical plan if it failed."""

    session: Any
    plan: Any
    database: CurrentDatabase


class TableLookup:
    """Reads tables that statements of a session have named, after the statements.

    Args:
        spark: the session. Its application's clock is the one of the commits that the session makes.

    Attributes:
        reads_versions: whether S3's responses to requests are not known, so that a write to an Iceberg table
            is verified at the locations of each version of the table since this object was created.
    """

    reads_versions = False

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        jvm: Any = spark._jvm
        now = int(jvm.java.lang.System.currentTimeMillis())
        self._began_ms = now
        self._system = jvm.java.lang.System
        self._thread = threading.local()
        self._began = datetime.fromtimestamp(now / 1000, timezone.utc)
        self._versions: dict[str, list[str]] = {}

    @contextmanager
    def promptly(self, session: Any, plan: Any) -> Iterator[None]:
        """Let the execution of a statement that has just ended be known while the block runs on this thread.

        Args:
            session: the JVM's ``SparkSession`` of the statement.
            plan: the statement's physical plan; None if it failed.
        """
        try:
            database = current_database(session)
        except Exception:  # a current catalog that does not load
            database = CurrentDatabase("", ())
        self._thread.ended = _Ended(session, plan, database)
        try:
            yield
        finally:
            self._thread.ended = None

    def database_of(self, execution: Any, *, failed: bool = False) -> CurrentDatabase | None:
        """Return the current database of an execution that has just ended.

        None if another one has ended since, so that the session's database and tables may have changed.
        """
        ended: _Ended | None = getattr(self._thread, "ended", None)
        if ended is None or not execution.sparkSession().equals(ended.session):
            return None
        if failed or ended.plan is None:
            is_same = failed and ended.plan is None
        else:
            identity = self._system.identityHashCode
            is_same = identity(execution.executedPlan()) == identity(ended.plan)
        return ended.database if is_same else None

    def iceberg_locations(self, session: Any, name: Sequence[str]) -> list[str]:
        """Return where a table of Iceberg stores its files, an empty list if that is not known.

        Args:
            session: the JVM's ``SparkSession`` whose catalog has the table.
            name: the parts of the table's name, with the catalog.
        """
        try:
            table = newest_iceberg_table(self._spark._jvm, session, ".".join(map(quoted, name)))
        except Exception:  # dropped or renamed since, or a table of another format
            return []
        return locations_in(table.properties(), str(table.location()))

    def earlier_locations(self, table: Any) -> list[str] | None:
        """Return where versions of a table of Iceberg since this object was created stored their files.

        The current version is left out. The metadata of each version are read once.

        Args:
            table: Iceberg's ``Table``.

        Returns:
            None if a version is not known, because Iceberg lists only the last ones
            (``write.metadata.previous-versions-max``), or because a class decides where its files are.

        Raises:
            Exception: of any kind, if the metadata cannot be read.
        """
        jvm: Any = self._spark._jvm
        previous = [
            (str(entry.file()), entry.timestampMillis())
            for entry in table.operations().current().previousFiles()
        ]
        recent = [file for file, made in previous if made >= self._began_ms]
        is_complete = len(recent) < len(previous) or not recent or recent[0] in self._versions
        if not is_complete and not _FIRST_VERSION.match(recent[0].rpartition("/")[2]):
            return None
        for file in recent:
            if file not in self._versions:
                version = jvm.org.apache.iceberg.TableMetadataParser.read(table.io(), file)
                self._versions[file] = locations_in(version.properties(), str(version.location()))
        if not all(self._versions[file] for file in recent):
            return None
        return list(dict.fromkeys(location for file in recent for location in self._versions[file]))

    def location_to_convert(self, session: Any, identifier: Any) -> str:
        """Return the location of a table that is converted to Delta. It may be a folder: ``parquet.`PATH```.

        Args:
            session: the JVM's ``SparkSession``.
            identifier: Spark's ``TableIdentifier``.

        Raises:
            Exception: of any kind, if the session's catalog has no such table.
        """
        if is_folder(identifier):
            return str(identifier.table())
        return path_of(session.sessionState().catalog().getTableMetadata(identifier).location())

    def has_converted(self, location: str) -> bool:
        """Return whether a table at a location was converted to Delta since this object was created.

        A conversion is the first version of a table. A table that has a version is not converted again.

        Raises:
            Exception: of any kind, if the table's log cannot be read.
        """
        conversion = DeltaLakeTable(self._spark, location, location).conversion()
        return conversion is not None and (conversion.made is None or conversion.made >= self._began)


def current_database(session: Any) -> CurrentDatabase:
    """Return the current catalog and namespace of a session (the JVM's ``SparkSession``)."""
    manager = session.sessionState().catalogManager()
    return CurrentDatabase(str(manager.currentCatalog().name()), tuple(map(str, manager.currentNamespace())))


def is_folder(identifier: Any) -> bool:
    """Return whether a ``TableIdentifier`` is a folder and not a table of the session's catalog."""
    database = identifier.database()
    has_format = database.isDefined() and str(database.get()).lower() in _FOLDERS
    return has_format and "/" in str(identifier.table())


def locations_in(properties: Any, location: str) -> list[str]:
    """Return a location and those that the properties of a table name; an empty list if a class decides."""
    if not location or properties.get(_LOCATION_PROVIDER):
        return []
    others = (properties.get(name) for name in _TABLE_PATHS)
    return list(dict.fromkeys([location, *(str(other) for other in others if other)]))
