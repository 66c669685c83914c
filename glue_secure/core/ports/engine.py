"""Spark, behind plain Spark or behind awsglue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.core.catalog import CatalogColumn, PartitionValues
from glue_secure.core.columns import ColumnDecision, SchemaColumn, WrappedKey
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import EngineError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports.metastore import Metastore
from glue_secure.core.request_guard import RequestPolicy, RequestReport
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

PARTITION_OVERWRITE_MODE = "partitionOverwriteMode"
"""An option of the engine's writer; ``DYNAMIC`` replaces only the partitions that the frame has rows for."""
DYNAMIC = "dynamic"
SaveHandler = Callable[[str, str, Callable[[], Any]], None]
"""Takes a location, a format and the function that saves there."""


class Engine(Protocol):
    """Reads and writes frames. The reader and the writer of a run call it after their checks."""

    name: str

    @property
    def scheme(self) -> str:
        """The scheme of the paths that it reads and writes: ``s3a``, or ``s3`` in Glue."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of the engine's components, for the evidence."""

    def apply_settings(self, plan: SettingsPlan) -> None:
        """Set the plan's Hadoop settings."""

    def settings_in_force(self) -> Mapping[str, str]:
        """Return every ``fs.s3*`` setting that a write would use now."""

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        """Return algorithm and key of the file system client that serves this bucket."""

    def java_options(self) -> Mapping[str, str]:
        """Return the options that could disable certificate checks of the JVM, by where they are set."""

    def worker_settings(self) -> Mapping[str, str]:
        """Return those of ``WORKER_SETTINGS`` that are set in the running session."""

    def belongs_to_session(self, frame: DataFrame) -> bool:
        """Return whether the frame belongs to the session whose settings are checked."""

    def settings_of_stream(self, frame: DataFrame) -> Mapping[str, str] | None:
        """Return the ``fs.s3*`` settings of a stream's session, None if no running stream made the frame."""

    def read_s3(
        self,
        objects: Sequence[S3Uri],
        *,
        base: S3Uri | None,
        format: str,
        options: Mapping[str, str],
        schema: StructType | str | None = None,
        empty: bool = False,
        partition_values: PartitionValues | None = None,
        partitions: int | None = None,
    ) -> tuple[DataFrame, str]:
        """Return a frame of exactly these objects, and the id that :meth:`rows_read` counts its rows under.

        Args:
            objects: what is read.
            base: the location that partition columns are derived from.
            format: Spark's name of the format.
            options: of Spark's reader.
            schema: of the frame; None to infer it.
            empty: whether the frame has no rows and only the schema is wanted.
            partition_values: columns that the Data Catalog gives to the objects' folders.
            partitions: the most partitions that the frame has.
        """

    def matching(
        self, keys: Sequence[CatalogColumn], values: Sequence[tuple[str, ...]], predicate: str
    ) -> list[int]:
        """Return the positions of the partitions that match a Spark SQL predicate. Raises UsageError."""

    def read_jdbc(
        self,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
        predicates: Sequence[str] = (),
        empty: bool = False,
    ) -> tuple[DataFrame, str]:
        """Return a frame of a table or query, and the id that :meth:`rows_read` counts its rows under.

        Each of ``predicates`` is read as one partition. An ``empty`` frame has the schema and no rows.
        """

    def write_s3(
        self,
        frame: DataFrame,
        target: S3Uri,
        *,
        format: str,
        mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
    ) -> int | None:
        """Write below the target. Return the number of rows, None where it was not measured."""

    def write_jdbc(
        self,
        frame: DataFrame,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
        only_create: bool = False,
    ) -> int | None:
        """Append to a table. Return the number of rows, None where it was not measured.

        With ``only_create``, the table is created if it is missing, and no row is written.
        """

    def execute_jdbc(
        self,
        statements: Sequence[str],
        *,
        url: str,
        driver: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
    ) -> None:
        """Execute SQL statements over one connection of the driver's process, each in its own transaction."""

    def share_file(self, name: str, content: bytes) -> str:
        """Copy a public file to the driver and every executor. Return the path that is valid on all of them.

        Raises VerificationError where there is no such path.
        """

    def on_executors(self, task: Callable[[Any], Any], parts: Sequence[Any]) -> Sequence[Any] | None:
        """Return the results of ``task`` for each part, computed on the executors, in any order.

        Return None where there are no executors. Task and parts are serialised and may not contain secrets.
        An exception of the engine is raised where a part fails.
        """

    def failure_of(self, error: BaseException, resource: str) -> EngineError | None:
        """Return an error of the engine in a few lines; None for an error of another origin."""

    def is_certainly_empty(self, frame: DataFrame) -> bool:
        """Return whether the frame is known to have no rows, without a Spark job."""

    def is_empty(self, frame: DataFrame) -> bool:
        """Return whether the frame has no rows, by a job of the engine."""

    def sources_deleted_by_overwrite(
        self, frame: DataFrame, target: S3Uri, *, partition_by: Sequence[str], options: Mapping[str, str]
    ) -> Sequence[S3Uri]:
        """Return the locations that the frame reads and that an overwrite would delete first."""

    def merged_columns(self, scan: str) -> Sequence[str]:
        """Return a text for each column in which the objects of a read differ, for the evidence."""

    def rows_read(self, scan: str) -> int | None:
        """Return the most rows that one scan of a read delivered so far, None where they are not measured."""

    def first_row(self, frame: DataFrame, columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """Return the first row of a small frame, ``{}`` without one. ``columns`` restricts the columns."""

    def all_rows(self, frame: DataFrame) -> Sequence[Mapping[str, Any]]:
        """Return all rows of a small frame."""

    def column_types(self, frame: DataFrame) -> Sequence[tuple[str, str]]:
        """Return name and type of each column, as Spark's ``simpleString`` names it."""

    def columns(self, frame: DataFrame) -> tuple[str, ...]:
        """Return the names of a frame's columns."""

    def jar_of(self, name: str) -> Path | None:
        """Return the JAR, on the driver, that provides a class; None where the class or file is missing."""

    def suppress_jdbc_logs(self) -> bool:
        """Keep the engine from logging JDBC passwords on the driver. Return whether it logs none."""

    def attribute_writes_to_run(
        self, location: S3Uri | None, *, by_connector: bool = False, commands: int = 1
    ) -> AbstractContextManager[None]:
        """Attribute writes below ``location`` (None: to a database) inside the block to glue-secure.

        With ``by_connector``, a write by a connector whose location is unknown is attributed, too. The block
        writes to one location with at most ``commands`` commands.
        """

    def guard_requests(self, policy: RequestPolicy) -> str:
        """Check the S3 requests of every JVM against a policy until :meth:`close`.

        Return why receipts cannot be relied on, ``""`` if a test shows that the guard works.
        """

    def guard_python_workers(self, folder: str, on_executors: Mapping[str, str]) -> str:
        """Guard botocore in the Python workers of functions that are made from now on.

        Args:
            folder: of the run, on this machine; ``""`` if nothing is to be guarded.
            on_executors: what an executor on another machine needs.

        Return what guards them: ``"folder"`` the run's own, ``"request guard"`` that of each executor, or
        ``""`` nothing.
        """

    def end_writes(self, seconds: float) -> Sequence[str]:
        """Refuse storing S3 requests of the driver's JVM from now on, because the run commits.

        Return the requests that have not ended after a wait of at most ``seconds``.
        """

    def resume_writes(self) -> None:
        """Allow storing S3 requests again, for AWS Glue's own commit."""

    def take_requests(self) -> RequestReport:
        """Return what S3 requests showed since the last call; not more than fits in memory."""

    def requests_catalog(self) -> bool:
        """Return whether the session's own settings make the Data Catalog the metastore of Spark SQL."""

    def serve_catalog(self, metastore: Metastore) -> bool:
        """Let Spark SQL use this Data Catalog until the run ends.

        Returns:
            False if Spark SQL has its own client of the Data Catalog.
        """

    def monitor_writes(self, save: SaveHandler) -> None:
        """Start to observe writes outside glue-secure; RDD saves go through ``save``."""

    def unmanaged_writes(self) -> UnmanagedWriteReport:
        """Return every unmanaged write since the last call, and the reasons why there may be more."""

    def active_work(self, seconds: float) -> Sequence[str]:
        """Return the work of the Spark context that is active after a wait of at most ``seconds``."""

    def pending_unmanaged_writes(self) -> Sequence[UnmanagedWrite]:
        """Return the unmanaged writes that were recorded so far, without a call to the JVM."""

    def column_tree(self, frame: DataFrame) -> tuple[SchemaColumn, ...]:
        """Return every column of a frame and every nested field, parents first."""

    def protect_columns(
        self, frame: DataFrame, decisions: Sequence[ColumnDecision], *, policy: str, key: WrappedKey | None
    ) -> DataFrame:
        """Return the frame with each decision applied. ``policy`` names the column policy."""

    def require_column_functions(self) -> None:
        """Raise UsageError where tokenise and encrypt cannot be computed."""

    def close(self) -> None:
        """Remove listeners and hooks from the session. The session itself stays open."""
