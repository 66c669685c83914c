"""In-memory implementations of the ports in ``glue_secure.core.ports``, for tests.

They reject the requests that AWS rejects. They are deterministic: a :class:`FakeClock` gives the time, and
entity tags come from a counter.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from glue_secure.core.catalog import CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.columns import Tag, TagKind, WrappedKey
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.dynamodb import DynamoDbTable
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kinesis import KinesisStream
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.objects import (
    BucketRules,
    ObjectEncryption,
    ObjectSummary,
    ObjectVersion,
    StoredObject,
)
from glue_secure.core.ports.stores import Item
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError
from glue_secure.core.table_definition import Columns, TableDefinition
from glue_secure.core.target_encryption import EncryptionRule


class FakeClock:
    """A clock that changes only by calls of ``advance``."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=timezone.utc)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time: aware, UTC."""
        return self._now

    def advance(self, **duration: float) -> datetime:
        """Add ``timedelta(**duration)`` (``minutes=5``), and return the new time."""
        self._now += timedelta(**duration)
        return self._now


@dataclass(frozen=True, slots=True)
class FakeEnvironment:
    """An example account and region."""

    account: str = "123456789012"
    region: str = "eu-west-1"
    kind: str = "embedded"
    s3_endpoint: str = "https://s3.eu-west-1.amazonaws.com"
    caller: str = "arn:aws:sts::123456789012:assumed-role/operator/example"


@dataclass(frozen=True, slots=True)
class _Stored:
    body: bytes = field(repr=False)
    etag: str
    last_modified: datetime
    algorithm: str
    key: str
    bucket_key: bool = False
    storage_class: str = "STANDARD"
    metadata: Mapping[str, str] = field(default_factory=dict)


class FakeObjectStore:
    """Amazon S3 in a dictionary: conditional writes, entity tags, key order, SSE fields.

    Tests can inject faults: ``fail_next("PutObject", error)`` makes the next call raise without effect, and
    ``lose_next_response`` makes the next PUT take effect and raise. ``before_write`` is called before each
    PUT, so that a test can simulate a concurrent writer.

    Attributes:
        calls: all operations so far, as pairs of operation and URI.
        before_write: called with the URI before each PUT.
        bucket_rules: default encryption and policy by bucket.
        regions: AWS Region by bucket; eu-west-1 by default.
        versioned: buckets whose versions and delete markers are listed.
    """

    def __init__(self, *buckets: str, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.calls: list[tuple[str, str]] = []
        self.before_write: Callable[[S3Uri], None] | None = None
        self.bucket_rules: dict[str, BucketRules] = {}
        self.regions: dict[str, str] = {}
        self.versioned: set[str] = set()
        self._buckets: dict[str, dict[str, _Stored]] = {name: {} for name in buckets}
        self._history: dict[S3Uri, list[tuple[datetime, bool]]] = {}
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
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Store an object as another writer, without conditions and faults. Return its entity tag."""
        self._writes += 1
        # The entity tag of an SSE-KMS object is not the MD5 of its content, so equal content has another tag.
        etag = hashlib.sha256(b"%d:%b" % (self._writes, body)).hexdigest()[:32]
        time = self.clock.now().replace(microsecond=0)
        stored = _Stored(body, etag, time, algorithm, key, bucket_key, storage_class, dict(metadata or {}))
        self._bucket(uri, "PutObject")[uri.key] = stored
        self._history.setdefault(uri, []).append((time, False))
        return etag

    def delete(self, uri: S3Uri) -> None:
        """Delete an object. A missing object is no error, as in S3."""
        self._bucket(uri, "DeleteObject").pop(uri.key, None)
        if uri.bucket in self.versioned:
            self._history.setdefault(uri, []).append((self.clock.now().replace(microsecond=0), True))
        else:
            self._history.pop(uri, None)

    def copy(self, source: S3Uri, target: S3Uri) -> None:
        """Copy an object's bytes to another key."""
        stored = self._get(source, "CopyObject")
        self.put(target, stored.body, algorithm=stored.algorithm, key=stored.key)

    def fail_next(self, operation: str, error: Exception, *, times: int = 1) -> None:
        """Make the next calls of ``operation`` (``GetObject``) raise ``error`` without effect."""
        self._faults.setdefault(operation, []).extend([error] * times)

    def lose_next_response(self, error: Exception | None = None) -> None:
        """Make the next PUT take effect and raise ``error``; default: a ServiceError without a code."""
        self._lost.append(error or ServiceError("PutObject: no response", code="", operation="PutObject"))

    def keys(self, bucket: str) -> list[str]:
        """Return all keys of a bucket, in S3's order."""
        return sorted(self._buckets[bucket])

    def list(self, prefix: S3Uri, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Yield the objects below the prefix, or the object with this key, in key order."""
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

    def first(self, prefix: S3Uri) -> S3Uri | None:
        """Return the first object below the prefix in key order."""
        below = prefix.as_prefix()
        return next(
            (
                each.uri
                for each in self.list(prefix)
                if each.uri.key.startswith(below) and each.uri.key != below
            ),
            None,
        )

    def versions(self, prefix: S3Uri) -> Iterator[ObjectVersion]:
        """Yield the versions and delete markers below the prefix; of other buckets, the objects."""
        self._called("ListObjectVersions", prefix)
        for uri, history in self._history.items():
            if uri.bucket == prefix.bucket and uri.key.startswith(prefix.as_prefix()):
                shown = history if uri.bucket in self.versioned else history[-1:]
                for number, (time, is_marker) in enumerate(shown, 1):
                    version = str(number) if uri.bucket in self.versioned else "null"
                    yield ObjectVersion(uri, time, number == len(shown), is_marker, version)

    def metadata(self, uri: S3Uri) -> Mapping[str, str]:
        """Return the user metadata of an object."""
        self._called("HeadObject", uri)
        return dict(self._get(uri, "HeadObject").metadata)

    def time(self, bucket: str) -> datetime:
        """Return the time of the clock, by the second (HeadBucket)."""
        self._called("HeadBucket", S3Uri(bucket, ""))
        return self.clock.now().replace(microsecond=0)

    def encryption(self, uri: S3Uri) -> ObjectEncryption:
        """Return the encryption of an object (HeadObject)."""
        self._called("HeadObject", uri)
        entry = self._get(uri, "HeadObject")
        return ObjectEncryption(uri, entry.algorithm, entry.key, entry.bucket_key, len(entry.body))

    def rules(self, bucket: str) -> BucketRules:
        """Return the bucket's entry of ``bucket_rules``; default: no policy, and S3's default encryption."""
        self._called("GetBucketPolicy", S3Uri(bucket, ""))
        return self.bucket_rules.get(bucket, BucketRules(bucket, "AES256", "", ""))

    def region(self, bucket: str) -> str:
        """Return the bucket's entry of ``regions``."""
        self._called("HeadBucket", S3Uri(bucket, ""))
        return self.regions.get(bucket, "eu-west-1")

    def read(self, uri: S3Uri, *, most: int | None = None) -> StoredObject:
        """Return content, or its first ``most`` bytes, and entity tag of an object."""
        self._called("GetObject", uri)
        entry = self._get(uri, "GetObject")
        return StoredObject(entry.body[:most], entry.etag, "", entry.algorithm, entry.key)

    def write(
        self,
        uri: S3Uri,
        body: bytes,
        *,
        key: KmsKeyArn,
        content_type: str = "application/json",  # noqa: ARG002 - part of the port
        if_match: str | None = None,
        if_none_match: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object with SSE-KMS under ``key``, conditionally if a condition is given."""
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
            etag = self.put(uri, body, algorithm="aws:kms", key=str(key), metadata=metadata)
        if self._lost:
            raise self._lost.pop(0)
        return etag

    def remove(self, uri: S3Uri, *, etag: str) -> None:
        """Delete an object if it still has this entity tag."""
        self._called("DeleteObject", uri)
        if self._get(uri, "HeadObject").etag != etag:
            raise _precondition("the listed entity tag")
        self.delete(uri)

    def write_as(self, uri: S3Uri, body: bytes, *, rule: EncryptionRule, content_type: str) -> None:  # noqa: ARG002
        """Write an object encrypted as ``rule`` writes."""
        self._called("PutObject", uri)
        self.put(uri, body, algorithm=rule.written.algorithm.header, key=rule.written.key)

    def copy_onto_itself(self, uri: S3Uri, storage_class: str, *, rule: EncryptionRule, etag: str) -> None:
        """Copy an object onto itself, encrypted as ``rule`` writes. An archived object cannot be copied."""
        self._called("CopyObject", uri)
        stored = self._get(uri, "CopyObject")
        if stored.etag != etag:
            raise _precondition("If-Match")
        if stored.storage_class in ("GLACIER", "DEEP_ARCHIVE"):
            raise ServiceError(
                "CopyObject: InvalidObjectState", code="InvalidObjectState", operation="CopyObject"
            )
        written = rule.written
        self.put(
            uri,
            stored.body,
            algorithm=written.algorithm.header,
            key=written.key,
            storage_class=storage_class,
        )

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
    """AWS KMS in memory.

    Args:
        keys: the existing keys.
        aliases: key ARN by alias name or alias ARN.
        unusable: the error that ``probe`` raises, by key ARN.
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
        """Return the key with this ARN, id or alias."""
        arn = self._aliases.get(key, key)
        for known in self._keys.values():
            if arn in (str(known.arn), known.arn.key_id):
                return known
        raise _not_found("DescribeKey", "NotFoundException")

    def probe(self, key: KmsKeyArn) -> None:
        """Raise the error in ``unusable``, or the error for the key's state if it is not enabled."""
        if str(key) in self._unusable:
            raise self._unusable[str(key)]
        known = self.describe(str(key))
        if known.state != "Enabled":
            code = "DisabledException" if known.state == "Disabled" else "KMSInvalidStateException"
            raise ServiceError(f"GenerateDataKey: {code}", code=code, operation="GenerateDataKey")

    def sign(self, key: KmsKeyArn, algorithm: str, message: bytes) -> bytes:
        """Return an ECDSA signature, or an HMAC, with a key that is derived from the ARN."""
        if str(key) in self._unusable:
            raise self._unusable[str(key)]
        self.describe(str(key))
        if algorithm == "HMAC_SHA_256":
            return hmac.digest(str(key).encode(), message, "sha256")
        return _private_key(key).sign(message, ECDSA(SHA256()))

    def verify_mac(self, key: KmsKeyArn, algorithm: str, message: bytes, mac: bytes) -> bool:
        """Return whether an HMAC is the one of the message."""
        return hmac.compare_digest(self.sign(key, algorithm, message), mac)

    def public_key(self, key: KmsKeyArn) -> bytes:
        """Return the public key of :meth:`sign`, DER."""
        self.describe(str(key))
        return _private_key(key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _private_key(key: KmsKeyArn) -> EllipticCurvePrivateKey:
    return derive_private_key(
        int.from_bytes(hashlib.sha256(str(key).encode()).digest()[1:], "big"), SECP256R1()
    )


@dataclass(slots=True)
class FakeColumnSource:
    """The source of tags and data keys of a column policy.

    Attributes:
        tables: tags by column, by ``(database, name)``.
        key: plaintext of every data key.
        failure: raised by every call, if set.
    """

    tables: dict[tuple[str, str], Mapping[str, frozenset[Tag]]] = field(default_factory=dict)
    key: bytes = field(default=bytes(32), repr=False)
    failure: ServiceError | None = None

    def open_key(self, key: WrappedKey) -> bytes:  # noqa: ARG002 - any wrapped key
        """Return the plaintext data key."""
        if self.failure is not None:
            raise self.failure
        return self.key

    def tags(self, database: str, table: str, *, lf_tags: bool) -> Mapping[str, frozenset[Tag]]:
        """Return the tags by column, with LF-Tags if ``lf_tags`` is true."""
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
    """AWS Glue in memory.

    Attributes:
        configurations: security configurations by name.
        connections: connections by name.
        tables: tables for reads, by ``(database, name)``.
        definitions: table definitions for writes, by ``(database, name)``.
        partitions: location by partition values, by ``(database, name)``.
        run_attachments: name of the security configuration by ``(job, run id)``; overrides the job's.
        job_attachments: name of the security configuration by job.
        failure: raised by every call, if set.
        table_partitions: partitions for reads, by ``(database, name)``.
        catalogs: ids of the existing catalogs.
        expressions: the expressions passed to ``list_partitions``, in order.
        arguments: default arguments by job, without ``--``.
        job_connections: names of connections by job.
        encryption: encryption settings by catalog id; None is the account's default catalog.
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
        """Return the name of the security configuration of the run, else of the job; None without one."""
        self._fail()
        if run_id is not None and (job_name, run_id) in self.run_attachments:
            return self.run_attachments[job_name, run_id]
        if job_name not in self.job_attachments:
            raise _not_found("GetJob", "EntityNotFoundException")
        return self.job_attachments[job_name]

    def default_arguments(self, job_name: str) -> Mapping[str, str]:
        """Return the job's default arguments."""
        self._fail()
        if job_name not in self.job_attachments:
            raise _not_found("GetJob", "EntityNotFoundException")
        return self.arguments.get(job_name, {})

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """Return the security configuration with this name."""
        self._fail()
        if name not in self.configurations:
            raise _not_found("GetSecurityConfiguration", "EntityNotFoundException")
        return self.configurations[name]

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """Return the encryption settings of a catalog; default: not encrypted, as in AWS."""
        self._fail()
        self._require_catalog(catalog_id)
        return self.encryption.get(catalog_id, CatalogEncryption())

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """Return the Data Catalog connection with this name."""
        self._fail()
        self._require_catalog(catalog_id)
        if name not in self.connections:
            raise _not_found("GetConnection", "EntityNotFoundException")
        return self.connections[name]

    def connection_names(self, job_name: str | None = None) -> tuple[str, ...]:
        """Return the names of the job's connections; without a job, of all connections."""
        self._fail()
        if job_name is None:
            return tuple(self.connections)
        if job_name not in self.job_attachments:
            raise _not_found("GetJob", "EntityNotFoundException")
        return self.job_connections.get(job_name, ())

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """Return the Data Catalog table with this name."""
        self._fail()
        self._require_catalog(catalog_id)
        if (database, name) not in self.tables:
            raise _not_found("GetTable", "EntityNotFoundException")
        return self.tables[database, name]

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """Yield all partitions of the table. The expression is recorded in ``expressions``, not evaluated."""
        self._fail()
        self._require_catalog(catalog_id)
        self.expressions.append(expression)
        yield from self.table_partitions.get((database, name), ())

    def _require_catalog(self, catalog_id: str | None) -> None:
        if catalog_id not in (None, *self.catalogs):
            raise _not_found("GetTable", "EntityNotFoundException")

    def table_definition(self, database: str, name: str) -> TableDefinition:
        """Return the definition of a table, for writes."""
        self._fail()
        if (database, name) not in self.definitions:
            raise _not_found("GetTable", "EntityNotFoundException")
        return self.definitions[database, name]

    def create_table(self, table: TableDefinition) -> None:
        """Create a table."""
        self._fail()
        self.definitions[table.database, table.name] = table

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """Replace the columns of a table."""
        self.definitions[database, name] = replace(self.table_definition(database, name), columns=columns)

    def partition_locations(self, database: str, name: str) -> dict[tuple[str, ...], str]:
        """Return the locations of the table's partitions by partition values."""
        self.table_definition(database, name)
        return dict(self.partitions.get((database, name), {}))

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """Create partitions. Existing partitions are not changed."""
        self._fail()
        existing = self.partitions.setdefault((table.database, table.name), {})
        for partition_values, location in partitions.items():
            existing.setdefault(partition_values, location)

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """Delete partitions."""
        self._fail()
        for partition_values in values:
            self.partitions.get((database, name), {}).pop(partition_values, None)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass(slots=True)
class FakeSecretStore:
    """Credentials in memory: by secret id, and by connection for passwords stored in the catalog."""

    secrets: dict[str, Credentials] = field(default_factory=dict, repr=False)
    catalog_passwords: dict[str, Credentials] = field(default_factory=dict, repr=False)

    def credentials(self, secret_id: str) -> Credentials:
        """Return ``username`` and ``password`` of a secret."""
        if secret_id not in self.secrets:
            raise _not_found("GetSecretValue", "ResourceNotFoundException")
        return self.secrets[secret_id]

    def encrypted_password(self, connection: str, user: str, catalog_id: str | None) -> Credentials:
        """Return the credentials that the catalog stores for a connection."""
        name = f"{catalog_id}:{connection}" if catalog_id else connection
        if name not in self.catalog_passwords:
            raise _not_found("Decrypt", "NotFoundException")
        return replace(self.catalog_passwords[name], user=user)

    def token(self, host: str, port: int, user: str, region: str, now: datetime) -> Credentials:
        """Return a token that is valid for fifteen minutes."""
        token = f"token for {user} at {host}:{port} in {region} of {now:%H:%M}"
        return Credentials(user, token, expires=now + timedelta(minutes=15))


def _not_found(operation: str, code: str) -> NotFound:
    return NotFound(f"{operation}: {code}", code=code, operation=operation)


def _precondition(condition: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"PutObject: {condition} does not match", code="PreconditionFailed", operation="PutObject"
    )


class FakeDynamoDb:
    """Tables in memory. ``throttled`` counts the puts that store nothing before one succeeds."""

    def __init__(self, *tables: DynamoDbTable, throttled: int = 0) -> None:
        self.tables = {table.name: table for table in tables}
        self.items: dict[str, dict[tuple[str, ...], Item]] = {table.name: {} for table in tables}
        self.throttled = throttled
        self.page_size = 2

    def describe(self, table: str) -> DynamoDbTable:
        """Return a table."""
        if table not in self.tables:
            raise NotFound(
                f"DescribeTable: ResourceNotFoundException: {table}",
                code="ResourceNotFoundException",
                operation="DescribeTable",
            )
        return self.tables[table]

    def scan(
        self, table: str, segment: int, segments: int, start: Item | None, *, consistent: bool = False
    ) -> tuple[Sequence[Item], Item | None, float]:
        """Return one page of a segment. Every read is consistent."""
        del consistent
        items = [item for at, item in enumerate(self.items[table].values()) if at % segments == segment]
        offset = int(start["offset"]["N"]) if start else 0
        end = offset + self.page_size
        following = {"offset": {"N": str(end)}} if end < len(items) else None
        return items[offset:end], following, float(len(items[offset:end]))

    def put(self, table: str, items: Sequence[Item]) -> tuple[Sequence[Item], float]:
        """Store items."""
        names = self.tables[table].key_names
        keys = [tuple(str(item[name]) for name in names) for item in items]
        if len(items) > 25 or len(set(keys)) < len(keys):
            raise ServiceError(
                "BatchWriteItem: ValidationException", code="ValidationException", operation="BatchWriteItem"
            )
        if self.throttled:
            self.throttled -= 1
            return items, 0.0
        self.items[table].update(zip(keys, items, strict=True))
        return [], float(len(items))


class FakeKinesis:
    """Streams in memory."""

    def __init__(self, *streams: KinesisStream) -> None:
        self.streams = {name: stream for stream in streams for name in (stream.name, stream.arn)}

    def describe(self, stream: str) -> KinesisStream:
        """Return a stream."""
        if stream not in self.streams:
            raise NotFound(
                f"DescribeStreamSummary: ResourceNotFoundException: {stream}",
                code="ResourceNotFoundException",
                operation="DescribeStreamSummary",
            )
        return self.streams[stream]
