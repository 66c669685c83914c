"""The evidence of a run: frozen records, serialised as canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any

from glue_secure.core.findings import Finding
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri
from glue_secure.core.objects import BucketRules, ObjectEncryption

SCHEMA = "glue-secure/evidence/1"
PURGE, TRANSITION = "purge", "transition"
ENDED_WITHOUT_COMMIT = "ended without job.commit()"
"""The outcome of a run whose script ended without a commit."""
TERMINATED = "terminated by SIGTERM"
"""The outcome of a run that the signal ended."""
_NOT_IN_DOCUMENT = {"in_document": False}


@dataclass(frozen=True, slots=True)
class EncryptionCount:
    """Objects of a read or write that are encrypted alike.

    Attributes:
        algorithm: as S3 names it (``aws:kms``, ``AES256``); ``""`` if S3 named none, ``unknown`` if S3 gave
            no answer.
        key: ARN of the KMS key, ``""`` without one.
        objects: number of these objects, of a read among those that were inspected.
    """

    algorithm: str
    key: str
    objects: int


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A read.

    Attributes:
        source: S3 location, ``connection/table`` of a JDBC read, or the ARN of a table or stream.
        kind: ``s3``, ``jdbc``, or the name of a connector (``dynamodb``).
        format: ``csv``, ``parquet``, ...; the database engine of a JDBC read; the name of a connector.
        transformation_ctx: transformation context of the bookmark, ``""`` if the read is not tracked.
        objects: number of objects selected; 0 for JDBC; None if Glue's own job bookmark selects them.
        bytes: their total size; 0 for JDBC; None as for ``objects``.
        rows: the most rows that one scan of this source delivered; None if they were not counted. A frame
            that is computed several times scans its source as often, and its rows count once.
        skipped: number of objects that cannot be read as data and were skipped (``skipInvalidObjects``).
        skipped_objects: the first of them.
        merged_columns: for each column that not all objects have, or that has several types, its name and in
            how many objects it is, or its types; see ``merged_columns``.
        encryption: how the objects are encrypted, by HeadObject: all or a share of them where the policy file
            requires something of the source, otherwise at most three. If no object is new to
            the bookmark, at most one older object is inspected. Empty if nothing was inspected.
        table: ``database.table`` of a table of Iceberg, Delta Lake or Hudi, ``""`` for other sources.
        since: the commit after which rows were read, ``""`` if all rows were read.
        until: the commit up to which rows were read.
    """

    source: str
    kind: str
    format: str
    transformation_ctx: str
    objects: int | None
    bytes: int | None
    rows: int | None
    skipped: int = 0
    skipped_objects: tuple[S3Uri, ...] = ()
    merged_columns: tuple[str, ...] = ()
    encryption: tuple[EncryptionCount, ...] = ()
    table: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """A write, with the encryption of its objects as S3 reported it afterwards.

    Attributes:
        target: S3 location, ``connection/table`` of a JDBC write, or the ARN of a table or stream.
        format: ``parquet``, ``csv``, ...; the database engine of a JDBC write; the name of a connector.
        rows: rows written; None if they were not counted.
        objects: new objects that were verified one by one; empty for JDBC. A document lists the first 100 of
            its run.
        verified_seconds: duration of the verification.
        kind: ``s3``, ``jdbc``, ``checkpoint`` (of a stream), ``boto3``, ``unmanaged`` (written by Spark
            outside glue-secure), ``unmanaged-unverified``, or the name of a connector (``dynamodb``).
        proved: new objects that were not verified one by one, because the bucket's default encryption and
            policy prove their encryption.
        proof: SHA-256 of these bucket rules, ``""`` if no bucket rules were relied on.
        verified_by: ``HeadObject`` (each of ``objects`` was read back), or ``receipts`` (S3's responses to
            the requests that stored them, and a sample that was read back), or ``incomplete`` (an error ended
            the record of the write: it has not all objects).
        table: ``database.table`` of a table of Iceberg, Delta Lake or Hudi, ``""`` for other targets.
        commits: the commits that the write made, as the format names them.
        branch: the branch of Iceberg that the commits are on, ``""`` for the table itself.
        objects_in_parts: number of further ``objects``, which are in the parts.
        proved_in_parts: number of further ``proved``, which are in the parts.
        encryption: how all objects that were verified one by one are encrypted.
        bytes: their total size, as far as it is known: S3's answers do not state the size of every object.
        folders: the folders of all ``objects`` and ``proved``. Not in the document.
    """

    target: str
    format: str
    rows: int | None
    objects: tuple[ObjectEncryption, ...]
    verified_seconds: float
    kind: str = "s3"
    proved: tuple[S3Uri, ...] = ()
    proof: str = ""
    verified_by: str = "HeadObject"
    table: str = ""
    commits: tuple[str, ...] = ()
    branch: str = ""
    objects_in_parts: int = 0
    proved_in_parts: int = 0
    encryption: tuple[EncryptionCount, ...] = ()
    bytes: int | None = None
    folders: frozenset[S3Uri] = field(default=frozenset(), metadata=_NOT_IN_DOCUMENT)


@dataclass(frozen=True, slots=True)
class HousekeepingRecord:
    """A purge or transition.

    Attributes:
        target: S3 location, or ``database.table``.
        action: ``purge`` or ``transition``.
        storage_class: new storage class of a transition, ``""`` for a purge.
        objects: objects deleted or moved.
        bytes: their total size.
        retained: number of objects that the options excluded.
        failed: objects that could not be deleted or moved.
        objects_in_parts: number of further ``objects``, which are in the parts.
        failed_in_parts: number of further ``failed``, which are in the parts.
    """

    target: str
    action: str
    storage_class: str
    objects: tuple[S3Uri, ...]
    bytes: int
    retained: int
    failed: tuple[S3Uri, ...]
    objects_in_parts: int = 0
    failed_in_parts: int = 0


@dataclass(frozen=True, slots=True)
class CatalogRecord:
    """A change of the Data Catalog.

    Attributes:
        table: ``database.table``.
        action: ``create-table``, ``update-schema``, ``create-partitions`` or ``delete-partitions``.
        details: column names, or partition values.
    """

    table: str
    action: str
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogObject:
    """An object of the Data Catalog that the run read or changed.

    Attributes:
        kind: ``database``, ``table``, ``table-version``, ``partition`` or ``connection``.
        name: its name; for partitions, the table's name.
        access: ``read`` or ``write``.
        count: number of partitions; 1 for every other kind.
    """

    kind: str
    name: str
    access: str
    count: int


@dataclass(frozen=True, slots=True)
class ColumnRecord:
    """A column that a column policy changed in a write.

    Attributes:
        sink: S3 location, or ``connection/table``.
        column: path of the column.
        action: ``drop``, ``mask``, ``tokenise`` or ``encrypt``.
        rule: column name or tag that the policy's rule names.
        policy: name of the column policy.
        digest: SHA-256 of the policy's text, hexadecimal.
    """

    sink: str
    column: str
    action: str
    rule: str
    policy: str
    digest: str


@dataclass(frozen=True, slots=True)
class GateRule:
    """The result of one rule of a suite. It has counts only, never values of the data.

    Attributes:
        rule: index in the suite, type and columns.
        severity: ``critical``, ``warning`` or ``info``.
        outcome: ``met``, ``broken`` or ``undecided``.
        rows: number of rows checked; None if it is not reported.
        unexpected: number of rows that break the rule; None if it is not reported.
        by: ``one-pass`` (one Spark aggregation for all rules), ``great-expectations``, ``dqdl`` (a ruleset of
            ``EvaluateDataQuality`` in plain Spark) or ``awsgluedq`` (in AWS Glue).
    """

    rule: str
    severity: str
    outcome: str
    rows: int | None
    unexpected: int | None
    by: str


@dataclass(frozen=True, slots=True)
class GateRecord:
    """A frame that was checked against a suite before a write, or against a ruleset.

    Attributes:
        sink: S3 location, ``connection/table``, or the transform and its evaluation context.
        suite: name of the suite, or the evaluation context.
        location: location of the suite.
        digest: SHA-256 of the suite's or ruleset's bytes, hexadecimal.
        outcome: ``passed``, ``warned``, ``blocked``, ``quarantined`` or ``undecided``; ``reported`` if rules
            of a ruleset failed and the script decides; ``not detected`` for a stub of a transform.
        rules: one result for each expectation.
        quarantine: S3 location of the quarantined rows, ``""`` for none.
        quarantined: number of quarantined rows; None if they were not counted.
    """

    sink: str
    suite: str
    location: str
    digest: str
    outcome: str
    rules: tuple[GateRule, ...]
    quarantine: str = ""
    quarantined: int | None = 0


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A ``forEachBatch`` stream.

    Attributes:
        checkpoint: S3 location of its checkpoint. The checkpoint's objects are a write of the evidence.
        batches: number of batches that had rows.
        rows: their rows in total; None if they were not counted.
        retries: number of retries of failed batches.
    """

    checkpoint: str
    batches: int
    rows: int | None
    retries: int


@dataclass(frozen=True, slots=True)
class TlsRecord:
    """The TLS facts of one connection.

    Attributes:
        connection: name of the Glue connection.
        host: host and port.
        protocol: TLS version (``TLSv1.3``), as reported by ``source``.
        cipher: cipher suite, as reported by ``source``.
        subject: subject of the server's certificate.
        names: its DNS names and IP addresses.
        issuer: its issuer.
        not_after: its expiry, ISO 8601.
        fingerprint: SHA-256 of the certificate, hexadecimal.
        source: the database view that reported protocol and cipher of the run's session (``pg_stat_ssl``),
            or ``preflight`` if the server has no such view.
    """

    connection: str
    host: str
    protocol: str
    cipher: str
    subject: str
    names: tuple[str, ...]
    issuer: str
    not_after: str
    fingerprint: str
    source: str


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """The TLS facts of an AWS endpoint that the driver's Python process used.

    Attributes:
        service: boto3's name of the service (``s3``).
        host: host and port.
        protocol: TLS version (``TLSv1.3``).
        cipher: cipher suite.
        subject: subject of the server's certificate.
        issuer: its issuer.
        not_after: its expiry, ISO 8601.
        fingerprint: SHA-256 of the certificate, hexadecimal.
    """

    service: str
    host: str
    protocol: str
    cipher: str
    subject: str
    issuer: str
    not_after: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StoreRecord:
    """A DynamoDB table or Kinesis stream that the run used, and its encryption.

    Attributes:
        kind: ``dynamodb`` or ``kinesis``.
        arn: its ARN.
        access: ``read`` or ``write``.
        encryption: its encryption, as DescribeTable or DescribeStreamSummary reported it.
        key: its KMS key, ``""`` without one.
    """

    kind: str
    arn: str
    access: str
    encryption: str
    key: str


@dataclass(frozen=True, slots=True)
class EvidencePart:
    """A part of the evidence beside the document: compressed lines of JSON, one for each object.

    A line has ``record`` and ``number`` (list of the document, and place in it from 0), ``property``, and
    the item of this property as ``value``.

    Attributes:
        name: its name in the folder of the document.
        sha256: SHA-256 of the compressed bytes, hexadecimal.
        lines: number of lines, at most 50,000.
    """

    name: str
    sha256: str
    lines: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one run.

    Attributes:
        job: name of the job.
        run_id: id of the run: Glue's, or one that glue-secure made for a local run.
        outcome: ``succeeded``, ``refused``, ``failed``, ``abandoned``, ``ended without job.commit()`` or
            ``terminated by SIGTERM``.
        error: type, control id and message of the error that ended the run; None if it succeeded. The
            message of an exception that glue-secure did not raise is left out, because it may quote data.
            For the same reason, the message of EngineError is its first line only, which names the read or
            write that failed; the job's log has the cause.
        account: ``aws``, ``embedded`` or ``custom-endpoint``.
        account_id: id of the AWS account.
        region: AWS Region.
        runtime: ``awsglue`` or ``plain-spark``.
        versions: package → version.
        started: start of the run, UTC.
        finished: end of the run, UTC.
        security_configuration: name of the configuration that is attached to the run.
        keys: purpose (``s3``, ``job-bookmarks``, ``cloudwatch``, ``data-quality``, ``evidence``,
            ``evidence-signing``) → key ARN.
        settings: Hadoop settings in force, secrets redacted.
        reads: the reads.
        writes: the writes.
        tls: the connections.
        bookmark: the bookmark before and after the run, None if there is none.
        controls: findings in the order of the checks. If a control stopped the run, its finding is one of
            them.
        seconds: phase → duration.
        schema: version of the document.
        housekeeping: objects that the run deleted or moved.
        catalog: changes of the Data Catalog.
        streams: the streams.
        catalog_objects: objects of the Data Catalog that the run used.
        proofs: SHA-256 → the bucket rules of a write's ``proof``.
        columns: columns that a column policy changed.
        gates: frames that were checked against suites or rulesets.
        stores: DynamoDB tables and Kinesis streams that the run used.
        request_guard: ``verification`` is ``receipts`` (with the SHA-256 of the guard's JAR), or ``listings``
            (with the ``reason`` why the guard of S3 requests was not relied on). ``python_workers``: whether
            botocore's clients in Spark's Python workers are guarded. ``other_file_systems``: where else the
            JVMs wrote bytes; ``file`` is the local disk, where Spark itself keeps files too.
        policy: ``files`` (location, level, name, SHA-256, version id and integrity of each policy file),
            ``used`` (entry → number of objects that it decided about), ``missing_tables`` and ``exceptions``
            (with ``days_left``, ``in_force`` and ``uses``); None without a policy file.
        chain: ``location`` of the job's chain, ``start`` and ``start_sha256`` (sequence number and SHA-256 of
            the entry of the run's start), ``signing_key`` and ``algorithm`` (``""`` if the evidence is not
            signed); None in documents of versions without a chain.
        caller: ARN of the caller, as STS reported it: an assumed role with the name of its session.
        script: ``location`` of the job's script, and ``sha256`` of the file that ran.
        endpoints: TLS facts of the connections to AWS that were open when the run ended.
        control_titles: id → ``title`` and ``severity`` of each control in this document.
        parts: where the objects are that the document does not list.
    """

    job: str
    run_id: RunId
    outcome: str
    error: Mapping[str, str] | None
    account: str
    account_id: str
    region: str
    runtime: str
    versions: Mapping[str, str]
    started: datetime
    finished: datetime
    security_configuration: str | None
    keys: Mapping[str, str]
    settings: Mapping[str, str]
    reads: tuple[ReadRecord, ...]
    writes: tuple[WriteRecord, ...]
    tls: tuple[TlsRecord, ...]
    bookmark: Mapping[str, Any] | None
    controls: tuple[Finding, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    schema: str = SCHEMA
    housekeeping: tuple[HousekeepingRecord, ...] = ()
    catalog: tuple[CatalogRecord, ...] = ()
    streams: tuple[StreamRecord, ...] = ()
    catalog_objects: tuple[CatalogObject, ...] = ()
    proofs: Mapping[str, BucketRules] = field(default_factory=dict)
    columns: tuple[ColumnRecord, ...] = ()
    gates: tuple[GateRecord, ...] = ()
    stores: tuple[StoreRecord, ...] = ()
    request_guard: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, Any] | None = None
    chain: Mapping[str, Any] | None = None
    caller: str = ""
    script: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[EndpointRecord, ...] = ()
    control_titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parts: tuple[EvidencePart, ...] = ()

    def to_json(self) -> bytes:
        """Return canonical JSON: UTF-8, sorted keys, no insignificant white space, one trailing newline."""
        return canonical_json(self)


def count_encryptions(objects: Iterable[ObjectEncryption]) -> tuple[EncryptionCount, ...]:
    """Return each algorithm and key of the objects with their number, sorted."""
    counts = Counter((encryption.algorithm, encryption.key) for encryption in objects)
    return tuple(EncryptionCount(*kind, number) for kind, number in sorted(counts.items()))


def line_of_json(record: str, number: int, name: str, value: ObjectEncryption | S3Uri) -> bytes:
    """Return a line of a part of the evidence: ``canonical_json``, in less than half the time.

    Args:
        record: list of the document.
        number: place of the record in this list.
        name: property of the record.
        value: an item of this property.
    """
    if isinstance(value, S3Uri):
        item: Any = str(value)
    else:
        item = dict(zip(_NAMES, _VALUES(value), strict=True))
        item["uri"] = str(value.uri)  # without the encoder's slower function for other types
    return (
        _LINE.encode({"number": number, "property": name, "record": record, "value": item}).encode() + b"\n"
    )


def canonical_json(value: Any) -> bytes:
    """Return ``value`` as canonical JSON.

    Raises:
        TypeError: the value contains a type without a canonical form.
    """
    text = json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode() + b"\n"


def digest(body: bytes) -> str:
    """Return the SHA-256 of ``body``, hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def document_fields(record: type) -> tuple[Field[Any], ...]:
    """Return the fields of a record that a document has."""
    return tuple(item for item in fields(record) if item.metadata.get("in_document", True))


# The names of each object are in order already.
_NAMES = tuple(sorted(item.name for item in document_fields(ObjectEncryption)))
_VALUES = attrgetter(*_NAMES)
_LINE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (KmsKeyArn, S3Uri, RunId)):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in document_fields(type(value))}
    raise TypeError(f"no canonical form for {type(value).__name__}")
