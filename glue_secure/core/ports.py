"""The Protocols that rooms talk through.

Adapters satisfy them by shape; only the composition root knows both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.core.catalog import CatalogColumn, CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.objects import BucketRules, ObjectEncryption, ObjectSummary, StoredObject
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.core.table_definition import Columns, TableDefinition
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport

if TYPE_CHECKING:
    from glue_secure.columns.decisions import Decision
    from glue_secure.columns.policy import ColumnPolicy, SchemaColumn, Tag, WrappedKey


@dataclass(frozen=True, slots=True)
class PartitionValues:
    """Partition columns that the Data Catalog gives to objects, by the folder in which they lie.

    Attributes:
        keys: the columns, in their order.
        values: one text for each key, by folder.
    """

    keys: tuple[CatalogColumn, ...]
    values: Mapping[S3Uri, tuple[str, ...]]


class DriverS3(Protocol):
    """Makes boto3 for scripts: each S3 call is shown to a guard, which gives the parameters to add."""

    def guarded(self, on_call: Callable[[str, Mapping[str, Any]], Mapping[str, str]]) -> Any:
        """A guarded ``boto3.session.Session``."""

    def cover_default(
        self,
        on_call: Callable[[str, Mapping[str, Any]], Mapping[str, str]],
        is_active: Callable[[], bool],
    ) -> Callable[[], None]:
        """Guard boto3's default session while ``is_active``; the result ends it."""


NativeSave = Callable[[str, str, Callable[[], Any]], None]
"""A place, a format, and what saves there."""


class Catalog(Protocol):
    """The Data Catalog, as far as a run reads and changes it."""

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """How the catalog, another account's if named, is encrypted. Raises ServiceError."""

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """The connection of that name, in that account's catalog. Raises NotFound, ServiceError."""

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """The table of that name, in another account's catalog if named. Raises NotFound, ServiceError."""

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """The table's partitions that meet the expression, for the service. Raises NotFound, ServiceError."""

    def table_definition(self, database: str, name: str) -> TableDefinition:
        """The same table, with what a write needs of it. Raises NotFound, ServiceError."""

    def create_table(self, table: TableDefinition) -> None:
        """Create a table in S3. Raises NotFound (the database), ServiceError."""

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """Give a table other columns, and leave all else as it is. Raises NotFound, ServiceError."""

    def partition_locations(self, database: str, name: str) -> Mapping[tuple[str, ...], str]:
        """Values → location of every partition of the table. Raises NotFound, ServiceError."""

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """Register partitions; one that exists is left as it is. Raises NotFound, ServiceError."""

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """Take partitions off the table; one that is gone is fine. Raises NotFound, ServiceError."""


class ControlPlane(Catalog, Protocol):
    """AWS Glue, as far as a run asks it."""

    def attached_configuration(self, job_name: str, run_id: str | None) -> str | None:
        """Name of the configuration attached to the run, else to the job; None if neither has one."""

    def default_arguments(self, job_name: str) -> Mapping[str, str]:
        """The job's own arguments, by name without ``--``. Raises NotFound, ServiceError."""

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """The configuration of that name. Raises NotFound, ServiceError."""

    def connection_names(self, job_name: str | None = None) -> tuple[str, ...]:
        """The connections of a job, or all of the catalog but NETWORK. Raises NotFound, ServiceError."""


class KeyService(Protocol):
    """AWS KMS."""

    def describe(self, key: str) -> KmsKey:
        """The key that an ARN, id or alias names. Raises NotFound, ServiceError."""

    def probe(self, key: KmsKeyArn) -> None:
        """Ask for a data key and open it again. Raises ServiceError."""


class ColumnSource(Protocol):
    """What a column policy needs of AWS KMS, the Data Catalog and Lake Formation."""

    def open_key(self, key: WrappedKey) -> bytes:
        """The data key. Raises ServiceError."""

    def tags(self, database: str, table: str, *, lf_tags: bool) -> Mapping[str, frozenset[Tag]]:
        """Tags by column name in small letters. Raises NotFound, ServiceError."""


class ObjectStore(Protocol):
    """Amazon S3."""

    def list(self, prefix: S3Uri, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Every object below the prefix, or the one object of that name, in key order, lazily."""

    def encryption(self, uri: S3Uri) -> ObjectEncryption:
        """HEAD. Raises NotFound, ServiceError."""

    def rules(self, bucket: str) -> BucketRules:
        """Default encryption and policy of a bucket. Raises ServiceError."""

    def read(self, uri: S3Uri) -> StoredObject:
        """The whole object. Raises NotFound, ServiceError."""

    def write(
        self,
        uri: S3Uri,
        body: bytes,
        *,
        key: KmsKeyArn,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> str:
        """PUT with SSE-KMS under ``key``; returns the entity tag.

        The response's algorithm and key are compared with what was asked; a server that ignores
        the headers raises ServiceError with code ``EncryptionMismatch``.
        ``if_match`` and ``if_none_match`` make it conditional; raises PreconditionFailed when it loses.
        """

    def remove(self, uri: S3Uri, *, etag: str) -> None:
        """DELETE, when the object is still the one listed. Raises PreconditionFailed, ServiceError."""

    def copy_onto_itself(self, uri: S3Uri, storage_class: str, *, key: KmsKeyArn, etag: str) -> None:
        """COPY an object onto itself into another storage class, SSE-KMS under ``key``.

        Raises PreconditionFailed when it is another object than the one listed, ServiceError.
        """


class SecretStore(Protocol):
    """Where database credentials come from."""

    def credentials(self, secret_id: str) -> Credentials:
        """``username`` and ``password`` of a JSON secret. Raises NotFound, ServiceError, UsageError."""

    def encrypted_password(self, connection: str, user: str, catalog_id: str | None) -> Credentials:
        """The password that the catalog keeps for a connection, opened by KMS. Raises ServiceError."""

    def token(self, host: str, port: int, user: str, region: str, now: datetime) -> Credentials:
        """A token of IAM database authentication. Raises ServiceError."""


class Clock(Protocol):
    """Time, injected."""

    def now(self) -> datetime:
        """The time, UTC, aware."""


class Environment(Protocol):
    """Where the run takes place."""

    @property
    def account(self) -> str:
        """Twelve digits."""

    @property
    def region(self) -> str:
        """``eu-west-1``."""

    @property
    def s3_endpoint(self) -> str:
        """Where the driver's own S3 requests go: an https URL."""

    @property
    def caller(self) -> str:
        """ARN of who asks. Raises ServiceError."""

    @property
    def kind(self) -> str:
        """``aws``, ``embedded`` (loopback endpoints) or ``custom-endpoint``."""


class Engine(Protocol):
    """What moves data: plain Spark, or awsglue. Only the funnels call it, after the guard has looked."""

    name: str

    @property
    def scheme(self) -> str:
        """Of the paths that it reads and writes: ``s3a``, or ``s3`` in Glue."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Of the engine's parts, for the evidence."""

    def apply_settings(self, plan: SettingsPlan) -> None:
        """Set the plan's Hadoop settings."""

    def settings_in_force(self) -> Mapping[str, str]:
        """Every ``fs.s3*`` setting as a write would see it now."""

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        """Algorithm and key of the file system client that serves this bucket."""

    def java_options(self) -> Mapping[str, str]:
        """What could switch certificate checks of the JVM off, by the name of where it stands."""

    def worker_settings(self) -> Mapping[str, str]:
        """Those of ``WORKER_SETTINGS`` that are set, as the session that runs has them."""

    def belongs_to_session(self, frame: Any) -> bool:
        """Whether the frame belongs to the session whose settings are looked at."""

    def read_s3(
        self,
        objects: Sequence[S3Uri],
        *,
        base: S3Uri | None,
        format: str,
        options: Mapping[str, str],
        schema: Any = None,
        empty: bool = False,
        labels: PartitionValues | None = None,
        partitions: int | None = None,
    ) -> tuple[Any, str]:
        """A frame of exactly these objects, and the mark that its rows are counted under.

        ``labels`` are columns that the objects' folders give; ``partitions`` is at most how many partitions
        the frame has.
        """

    def matching(
        self, keys: Sequence[CatalogColumn], values: Sequence[tuple[str, ...]], predicate: str
    ) -> list[int]:
        """Positions of the partitions whose values meet a Spark SQL predicate. Raises UsageError."""

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
    ) -> tuple[Any, str]:
        """A frame of a table or query, and the mark that its rows are counted under.

        Each of ``predicates`` is read as a partition of its own. An ``empty`` one is there for its schema.
        """

    def write_s3(
        self,
        frame: Any,
        target: S3Uri,
        *,
        format: str,
        mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
    ) -> int | None:
        """Write below the target; the rows written, None when nothing measured them."""

    def write_jdbc(
        self,
        frame: Any,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
    ) -> int | None:
        """Append to a table; the rows written, None when nothing measured them."""

    def share_file(self, name: str, content: bytes) -> str:
        """Place a public file on the driver and every executor; the one path under which all of them find it.

        Raises VerificationError where there is no such path.
        """

    def on_executors(self, task: Callable[[Any], Any], parts: Sequence[Any]) -> Sequence[Any] | None:
        """What ``task`` makes of each part, on the executors, in any order; None where there are none.

        Both travel there whole: nothing secret is in them. Raises what the engine raises when a part fails.
        """

    def is_certainly_empty(self, frame: Any) -> bool:
        """Whether it is known, without running anything, that the frame has no rows."""

    def rows_read(self, mark: str) -> int | None:
        """Rows that the scans of one read have delivered so far; None when nothing measured them."""

    def first_row(self, frame: Any, columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """The first row of a small frame, ``{}`` when there is none; those columns only, where named."""

    def columns(self, frame: Any) -> tuple[str, ...]:
        """Names of a frame's columns."""

    def jar_digest(self, name: str) -> str:
        """SHA-256 of the jar that a class is taken from; ``""`` where there is no such class or file."""

    def attribute_writes_to_run(self, location: S3Uri | None) -> AbstractContextManager[None]:
        """What is written below ``location`` (None: to a database) in the block is a guarded call's own."""

    def monitor_writes(self, save: NativeSave) -> None:
        """Watch from now on what the session writes by itself; RDD saves are led through ``save``."""

    def unmanaged_writes(self) -> UnmanagedWriteReport:
        """Every native write since the last look, and what makes it doubtful."""

    def pending_unmanaged_writes(self) -> Sequence[UnmanagedWrite]:
        """Native writes that were noted so far, without asking the engine."""

    def column_tree(self, frame: Any) -> tuple[SchemaColumn, ...]:
        """Every column of a frame and every field within, parents first."""

    def protect_columns(self, frame: Any, decisions: Sequence[Decision], policy: ColumnPolicy) -> Any:
        """The frame with each decision carried out when it is computed."""

    def require_column_functions(self) -> None:
        """Raise UsageError where tokenise and encrypt cannot be computed."""

    def close(self) -> None:
        """Let go of what was hung on the session."""
