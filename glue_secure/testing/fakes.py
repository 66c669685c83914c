"""In-memory stand-ins for the ports, strict where AWS is strict.

They satisfy ``glue_secure.core.ports`` and hold no randomness: time comes from a
:class:`FakeClock`, entity tags from a counter. Use them in tests of code that takes a port.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from glue_secure.core.catalog import CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.columns import Tag, TagKind, WrappedKey
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.objects import BucketRules, ObjectEncryption, ObjectSummary, StoredObject
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError
from glue_secure.core.table_definition import Columns, TableDefinition


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=timezone.utc)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time, UTC, aware."""
        return self._now

    def advance(self, **duration: float) -> datetime:
        """Move by ``timedelta(**duration)`` (``minutes=5``); returns the new time."""
        self._now += timedelta(**duration)
        return self._now


@dataclass(frozen=True, slots=True)
class FakeEnvironment:
    """An account and region that are nobody's."""

    account: str = "123456789012"
    region: str = "eu-west-1"
    kind: str = "embedded"
    s3_endpoint: str = "https://s3.eu-west-1.amazonaws.com"
    caller: str = "arn:aws:sts::123456789012:assumed-role/operator/somebody"


@dataclass(frozen=True, slots=True)
class _Stored:
    body: bytes = field(repr=False)
    etag: str
    last_modified: datetime
    algorithm: str
    key: str
    bucket_key: bool = False
    storage_class: str = "STANDARD"


class FakeObjectStore:
    """Amazon S3 in a dictionary: conditional writes, entity tags, key order, SSE fields.

    Faults are put in by hand: ``fail_next("PutObject", error)`` makes the next such call raise
    before it does anything, ``lose_next_answer`` lets a PUT take effect and raise all the same, and
    ``before_write`` is called before each PUT, so that a test can let somebody else be quicker.

    Attributes:
        calls: every operation so far, as ``(operation, uri)``.
        before_write: called with the URI before each PUT.
        bucket_rules: default encryption and policy by bucket.
    """

    def __init__(self, *buckets: str, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.calls: list[tuple[str, str]] = []
        self.before_write: Callable[[S3Uri], None] | None = None
        self.bucket_rules: dict[str, BucketRules] = {}
        self._buckets: dict[str, dict[str, _Stored]] = {name: {} for name in buckets}
        self._faults: dict[str, list[Exception]] = {}
        self._lost: list[Exception] = []
        self._writes = 0
        self._lock = threading.Lock()

    def put(
        self,
        uri: S3Uri,
        body: bytes = b"data",
        *,
        algorithm: str = "AES256",
        key: str = "",
        bucket_key: bool = False,
        storage_class: str = "STANDARD",
    ) -> str:
        """Put an object as somebody else would, past conditions and faults; returns the entity tag."""
        self._writes += 1
        # S3's entity tag of an SSE-KMS object is not the content's MD5: equal content, another tag.
        etag = hashlib.sha256(b"%d:%b" % (self._writes, body)).hexdigest()[:32]
        time = self.clock.now().replace(microsecond=0)
        stored = _Stored(body, etag, time, algorithm, key, bucket_key, storage_class)
        self._bucket(uri, "PutObject")[uri.key] = stored
        return etag

    def delete(self, uri: S3Uri) -> None:
        """Delete an object; deleting nothing is fine, as in S3."""
        self._bucket(uri, "DeleteObject").pop(uri.key, None)

    def copy(self, source: S3Uri, target: S3Uri) -> None:
        """Copy an object's bytes to another key."""
        stored = self._get(source, "CopyObject")
        self.put(target, stored.body, algorithm=stored.algorithm, key=stored.key)

    def fail_next(self, operation: str, error: Exception, *, times: int = 1) -> None:
        """Make the next calls of ``operation`` (``GetObject``) raise ``error`` and do nothing."""
        self._faults.setdefault(operation, []).extend([error] * times)

    def lose_next_answer(self, error: Exception | None = None) -> None:
        """Let the next PUT take effect and raise ``error`` (by default: no answer)."""
        self._lost.append(error or ServiceError("PutObject: no answer", code="", operation="PutObject"))

    def keys(self, bucket: str) -> list[str]:
        """All keys of a bucket, in S3's order."""
        return sorted(self._buckets[bucket])

    def list(self, prefix: S3Uri, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Every object below the prefix, or the one object of that name, in key order."""
        self._called("ListObjectsV2", prefix)
        bucket = self._bucket(prefix, "ListObjectsV2")
        for key in sorted(bucket):
            if key > start_after and (key == prefix.key or key.startswith(prefix.as_prefix())):
                entry = bucket[key]
                yield ObjectSummary(
                    S3Uri(prefix.bucket, key),
                    len(entry.body),
                    entry.last_modified,
                    entry.etag,
                    entry.storage_class,
                )

    def encryption(self, uri: S3Uri) -> ObjectEncryption:
        """HEAD."""
        self._called("HeadObject", uri)
        entry = self._get(uri, "HeadObject")
        return ObjectEncryption(uri, entry.algorithm, entry.key, entry.bucket_key, len(entry.body))

    def rules(self, bucket: str) -> BucketRules:
        """As given in ``bucket_rules``; a bucket that was given none has no policy and S3's own default."""
        self._called("GetBucketPolicy", S3Uri(bucket, ""))
        return self.bucket_rules.get(bucket, BucketRules(bucket, "AES256", "", ""))

    def read(self, uri: S3Uri) -> StoredObject:
        """The whole object."""
        self._called("GetObject", uri)
        entry = self._get(uri, "GetObject")
        return StoredObject(entry.body, entry.etag)

    def write(
        self,
        uri: S3Uri,
        body: bytes,
        *,
        key: KmsKeyArn,
        content_type: str = "application/json",  # noqa: ARG002  # kept for the port
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> str:
        """PUT with SSE-KMS under ``key``, conditional when asked."""
        if self.before_write is not None:
            self.before_write(uri)
        self._called("PutObject", uri)
        with self._lock:
            existing = self._bucket(uri, "PutObject").get(uri.key)
            if if_none_match and existing is not None:
                raise _precondition("If-None-Match")
            if if_match is not None:
                if existing is None:
                    raise _not_found("PutObject", "NoSuchKey")
                if existing.etag != if_match:
                    raise _precondition("If-Match")
            etag = self.put(uri, body, algorithm="aws:kms", key=str(key))
        if self._lost:
            raise self._lost.pop(0)
        return etag

    def remove(self, uri: S3Uri, *, etag: str) -> None:
        """DELETE, when it is still the object that was listed."""
        self._called("DeleteObject", uri)
        if self._get(uri, "HeadObject").etag != etag:
            raise _precondition("the listed entity tag")
        self.delete(uri)

    def copy_onto_itself(self, uri: S3Uri, storage_class: str, *, key: KmsKeyArn, etag: str) -> None:
        """COPY onto itself with SSE-KMS under ``key``; an archived object cannot be copied."""
        self._called("CopyObject", uri)
        stored = self._get(uri, "CopyObject")
        if stored.etag != etag:
            raise _precondition("If-Match")
        if stored.storage_class in ("GLACIER", "DEEP_ARCHIVE"):
            raise ServiceError(
                "CopyObject: InvalidObjectState", code="InvalidObjectState", operation="CopyObject"
            )
        self.put(uri, stored.body, algorithm="aws:kms", key=str(key), storage_class=storage_class)

    def _called(self, operation: str, uri: S3Uri) -> None:
        self.calls.append((operation, str(uri)))
        if faults := self._faults.get(operation):
            raise faults.pop(0)

    def _bucket(self, uri: S3Uri, operation: str) -> dict[str, _Stored]:
        if uri.bucket not in self._buckets:
            raise _not_found(operation, "NoSuchBucket")
        return self._buckets[uri.bucket]

    def _get(self, uri: S3Uri, operation: str) -> _Stored:
        entry = self._bucket(uri, operation).get(uri.key)
        if entry is None:
            raise _not_found(operation, "NoSuchKey")
        return entry


class FakeKeyService:
    """AWS KMS with the keys it is given.

    Args:
        keys: what DescribeKey knows.
        aliases: key ARN by alias name or alias ARN.
        unusable: error of a probe by key ARN.
    """

    def __init__(
        self,
        *keys: KmsKey,
        aliases: Mapping[str, str] | None = None,
        unusable: Mapping[str, ServiceError] | None = None,
    ) -> None:
        self._keys = {str(key.arn): key for key in keys}
        self._aliases, self._unusable = dict(aliases or {}), dict(unusable or {})

    def describe(self, key: str) -> KmsKey:
        """The key that an ARN, id or alias names."""
        arn = self._aliases.get(key, key)
        for known in self._keys.values():
            if arn in (str(known.arn), known.arn.key_id):
                return known
        raise _not_found("DescribeKey", "NotFoundException")

    def probe(self, key: KmsKeyArn) -> None:
        """Raise what the key was given, or what its state means."""
        if str(key) in self._unusable:
            raise self._unusable[str(key)]
        known = self.describe(str(key))
        if known.state != "Enabled":
            code = "DisabledException" if known.state == "Disabled" else "KMSInvalidStateException"
            raise ServiceError(f"GenerateDataKey: {code}", code=code, operation="GenerateDataKey")


@dataclass(slots=True)
class FakeColumnSource:
    """What a column policy asks, with what it is given.

    Attributes:
        tables: tags by column, by ``(database, name)``.
        key: every data key.
        failure: raised by every call, when set.
    """

    tables: dict[tuple[str, str], Mapping[str, frozenset[Tag]]] = field(default_factory=dict)
    key: bytes = field(default=bytes(32), repr=False)
    failure: ServiceError | None = None

    def open_key(self, key: WrappedKey) -> bytes:  # noqa: ARG002 - any wrapped key
        """The data key."""
        if self.failure is not None:
            raise self.failure
        return self.key

    def tags(self, database: str, table: str, *, lf_tags: bool) -> Mapping[str, frozenset[Tag]]:
        """Tags by column; LF-tags where they are asked for."""
        if self.failure is not None:
            raise self.failure
        if (database, table) not in self.tables:
            raise _not_found("GetTable", "EntityNotFoundException")
        return {
            name: frozenset(tag for tag in tags if lf_tags or tag.kind is not TagKind.LF_TAG)
            for name, tags in self.tables[database, table].items()
        }


@dataclass(slots=True)
class FakeControlPlane:
    """AWS Glue with what it is given.

    Attributes:
        configurations: by name.
        connections: by name.
        tables: by ``(database, name)``.
        definitions: what a write sees of tables, by ``(database, name)``.
        partitions: location by values, by ``(database, name)``.
        run_attachments: configuration's name by ``(job, run id)``; beats the job's.
        job_attachments: configuration's name by job.
        failure: raised by every call, when set.
        table_partitions: what a read sees of partitions, by ``(database, name)``.
        catalogs: ids of the catalogs that answer.
        expressions: what ``list_partitions`` was asked for, in order.
        arguments: default arguments without ``--`` by job.
        job_connections: names by job.
        encryption: of catalogs, by id; None is the account's own.
    """

    configurations: dict[str, SecurityConfiguration] = field(default_factory=dict)
    connections: dict[str, GlueConnection] = field(default_factory=dict)
    tables: dict[tuple[str, str], CatalogTable] = field(default_factory=dict)
    definitions: dict[tuple[str, str], TableDefinition] = field(default_factory=dict)
    partitions: dict[tuple[str, str], dict[tuple[str, ...], str]] = field(default_factory=dict)
    run_attachments: dict[tuple[str, str], str] = field(default_factory=dict)
    job_attachments: dict[str, str | None] = field(default_factory=dict)
    failure: ServiceError | None = None
    table_partitions: dict[tuple[str, str], Sequence[CatalogPartition]] = field(default_factory=dict)
    catalogs: tuple[str, ...] = ("123456789012",)
    expressions: list[str] = field(default_factory=list)
    arguments: dict[str, dict[str, str]] = field(default_factory=dict)
    job_connections: dict[str, tuple[str, ...]] = field(default_factory=dict)
    encryption: dict[str | None, CatalogEncryption] = field(default_factory=dict)

    def attached_configuration(self, job_name: str, run_id: str | None) -> str | None:
        """Name of the configuration attached to the run, else to the job; None if neither has one."""
        self._fail()
        if run_id is not None and (job_name, run_id) in self.run_attachments:
            return self.run_attachments[job_name, run_id]
        if job_name not in self.job_attachments:
            raise _not_found("GetJob", "EntityNotFoundException")
        return self.job_attachments[job_name]

    def default_arguments(self, job_name: str) -> Mapping[str, str]:
        """The job's own arguments."""
        self._fail()
        if job_name not in self.job_attachments:
            raise _not_found("GetJob", "EntityNotFoundException")
        return self.arguments.get(job_name, {})

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """The configuration of that name."""
        self._fail()
        if name not in self.configurations:
            raise _not_found("GetSecurityConfiguration", "EntityNotFoundException")
        return self.configurations[name]

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """The settings of that catalog; one that was given none is not encrypted, as in AWS."""
        self._fail()
        self._know(catalog_id)
        return self.encryption.get(catalog_id, CatalogEncryption())

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """The Data Catalog connection of that name."""
        self._fail()
        self._know(catalog_id)
        if name not in self.connections:
            raise _not_found("GetConnection", "EntityNotFoundException")
        return self.connections[name]

    def connection_names(self, job_name: str | None = None) -> tuple[str, ...]:
        """The connections of a job (``job_connections``), or all."""
        self._fail()
        if job_name is None:
            return tuple(self.connections)
        if job_name not in self.job_attachments:
            raise _not_found("GetJob", "EntityNotFoundException")
        return self.job_connections.get(job_name, ())

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """The Data Catalog table of that name."""
        self._fail()
        self._know(catalog_id)
        if (database, name) not in self.tables:
            raise _not_found("GetTable", "EntityNotFoundException")
        return self.tables[database, name]

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """The table's partitions, all of them: the expression is noted in ``expressions``, not judged."""
        self._fail()
        self._know(catalog_id)
        self.expressions.append(expression)
        yield from self.table_partitions.get((database, name), ())

    def _know(self, catalog_id: str | None) -> None:
        if catalog_id not in (None, *self.catalogs):
            raise _not_found("GetTable", "EntityNotFoundException")

    def table_definition(self, database: str, name: str) -> TableDefinition:
        """The table of that name as a write sees it."""
        self._fail()
        if (database, name) not in self.definitions:
            raise _not_found("GetTable", "EntityNotFoundException")
        return self.definitions[database, name]

    def create_table(self, table: TableDefinition) -> None:
        """Create a table."""
        self._fail()
        self.definitions[table.database, table.name] = table

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """Other columns, everything else as it is."""
        self.definitions[database, name] = replace(self.table_definition(database, name), columns=columns)

    def partition_locations(self, database: str, name: str) -> dict[tuple[str, ...], str]:
        """Values → location."""
        self.table_definition(database, name)
        return dict(self.partitions.get((database, name), {}))

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """Register partitions; one that exists is left as it is."""
        self._fail()
        known = self.partitions.setdefault((table.database, table.name), {})
        known.update({values: place for values, place in partitions.items() if values not in known})

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """Take partitions off."""
        self._fail()
        for each in values:
            self.partitions.get((database, name), {}).pop(each, None)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass(slots=True)
class FakeSecretStore:
    """Credentials as it is given them: by secret id; by connection those that the catalog keeps."""

    secrets: dict[str, Credentials] = field(default_factory=dict, repr=False)
    catalog_passwords: dict[str, Credentials] = field(default_factory=dict, repr=False)

    def credentials(self, secret_id: str) -> Credentials:
        """``username`` and ``password`` of a JSON secret."""
        if secret_id not in self.secrets:
            raise _not_found("GetSecretValue", "ResourceNotFoundException")
        return self.secrets[secret_id]

    def encrypted_password(self, connection: str, user: str, catalog_id: str | None) -> Credentials:
        """What the catalog keeps for a connection."""
        name = f"{catalog_id}:{connection}" if catalog_id else connection
        if name not in self.catalog_passwords:
            raise _not_found("Decrypt", "NotFoundException")
        return replace(self.catalog_passwords[name], user=user)

    def token(self, host: str, port: int, user: str, region: str, now: datetime) -> Credentials:
        """Good for fifteen minutes."""
        told = f"token for {user} at {host}:{port} in {region} of {now:%H:%M}"
        return Credentials(user, told, expires=now + timedelta(minutes=15))


def _not_found(operation: str, code: str) -> NotFound:
    return NotFound(f"{operation}: {code}", code=code, operation=operation)


def _precondition(condition: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"PutObject: {condition} does not hold", code="PreconditionFailed", operation="PutObject"
    )
