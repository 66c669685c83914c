"""The Protocols that rooms talk through.

Adapters satisfy them by shape; only the composition root knows both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.objects import ObjectEncryption, ObjectSummary, StoredObject
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.spark_conf import SettingsPlan


class ControlPlane(Protocol):
    """AWS Glue, as far as a run asks it."""

    def attached_configuration(self, job_name: str, run_id: str | None) -> str | None:
        """Name of the configuration attached to the run, else to the job; None if neither has one."""

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """The configuration of that name. Raises NotFound, ServiceError."""

    def connection(self, name: str) -> GlueConnection:
        """The Data Catalog connection of that name. Raises NotFound, ServiceError."""

    def table(self, database: str, name: str) -> CatalogTable:
        """The Data Catalog table of that name. Raises NotFound, ServiceError."""


class KeyService(Protocol):
    """AWS KMS."""

    def describe(self, key: str) -> KmsKey:
        """The key that an ARN, id or alias names. Raises NotFound, ServiceError."""

    def probe(self, key: KmsKeyArn) -> None:
        """Ask for a data key and open it again. Raises ServiceError."""


class ObjectStore(Protocol):
    """Amazon S3."""

    def list(self, prefix: S3Uri, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Every object below the prefix, or the one object of that name, in key order, lazily."""

    def encryption(self, uri: S3Uri) -> ObjectEncryption:
        """HEAD. Raises NotFound, ServiceError."""

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


class SecretStore(Protocol):
    """AWS Secrets Manager."""

    def credentials(self, secret_id: str) -> Credentials:
        """``username`` and ``password`` of a JSON secret. Raises NotFound, ServiceError, UsageError."""


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
    def kind(self) -> str:
        """``aws``, ``embedded`` (loopback endpoints) or ``custom-endpoint``."""


class Engine(Protocol):
    """What moves data: plain Spark, or awsglue. Only the funnels call it, after the guard has looked."""

    name: str

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

    def is_own(self, frame: Any) -> bool:
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
    ) -> tuple[Any, str]:
        """A frame of exactly these objects, and the mark that its rows are counted under."""

    def read_jdbc(
        self,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
    ) -> tuple[Any, str]:
        """A frame of a table or query, and the mark that its rows are counted under."""

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

    def is_certainly_empty(self, frame: Any) -> bool:
        """Whether it is known, without running anything, that the frame has no rows."""

    def rows_read(self, mark: str) -> int | None:
        """Rows that the scans of one read have delivered so far; None when nothing measured them."""

    def first_row(self, frame: Any) -> Mapping[str, Any]:
        """The first row of a small frame."""

    def close(self) -> None:
        """Let go of what was hung on the session."""
