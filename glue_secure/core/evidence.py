"""What a run leaves for an auditor: frozen records, and one canonical JSON text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri
from glue_secure.core.objects import BucketRules, ObjectEncryption
from glue_secure.core.policy import Finding, Waiver

SCHEMA = "glue-secure/evidence/1"


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """One guarded read.

    Attributes:
        source: an S3 location, or ``connection/table`` of a JDBC read.
        kind: ``s3`` or ``jdbc``.
        format: ``csv``, ``parquet``, ...; the engine of a JDBC read.
        transformation_ctx: the bookmark's name for it, ``""`` when it is not tracked.
        objects: how many objects were selected; 0 for JDBC; None where Glue's own bookmarks select.
        bytes: their size together; 0 for JDBC; None likewise.
        rows: rows that scans of this source delivered to the run's writes; None when nothing measured it.
    """

    source: str
    kind: str
    format: str
    transformation_ctx: str
    objects: int | None
    bytes: int | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One guarded write, with every object it made as S3 described it afterwards.

    Attributes:
        target: the S3 location written to; ``connection/table`` of a JDBC write.
        format: ``parquet``, ``csv``, ...; the engine of a JDBC write.
        rows: rows written; None when nothing measured it.
        objects: each new object, as read back; none for JDBC.
        verified_seconds: how long reading them back took.
        kind: ``s3``, ``jdbc`` (its TLS stands under the connection's name), or ``checkpoint`` of a stream.
        proved: new objects that were not read back, because the bucket's rules leave one outcome only.
        proof: the rules' SHA-256, ``""`` where every object was read back.
    """

    target: str
    format: str
    rows: int | None
    objects: tuple[ObjectEncryption, ...]
    verified_seconds: float
    kind: str = "s3"
    proved: tuple[S3Uri, ...] = ()
    proof: str = ""


@dataclass(frozen=True, slots=True)
class HousekeepingRecord:
    """One purge or transition, with every object it touched.

    Attributes:
        target: the S3 location, or ``database.table``.
        action: ``purge`` or ``transition``.
        storage_class: the class that objects were moved to; ``""`` of a purge.
        objects: each object deleted or moved.
        bytes: their size together.
        kept: how many objects there the options left alone.
        failed: each object that could not be deleted or moved.
    """

    target: str
    action: str
    storage_class: str
    objects: tuple[S3Uri, ...]
    bytes: int
    kept: int
    failed: tuple[S3Uri, ...]


@dataclass(frozen=True, slots=True)
class CatalogRecord:
    """One change of the Data Catalog.

    Attributes:
        table: ``database.table``.
        action: ``create-table``, ``update-schema``, ``create-partitions`` or ``delete-partitions``.
        details: names of the columns, or values of the partitions.
    """

    table: str
    action: str
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogObject:
    """What a run touched of the Data Catalog, and what the catalog's encryption therefore has to cover.

    Attributes:
        kind: ``database``, ``table``, ``table-version``, ``partition`` or ``connection``.
        name: its name; of partitions, their table's.
        access: ``read`` or ``write``.
        count: how many of them: of partitions, those that were read or written.
    """

    kind: str
    name: str
    access: str
    count: int


@dataclass(frozen=True, slots=True)
class ColumnRecord:
    """What was done to one column of one write.

    Attributes:
        sink: the S3 location, or ``connection/table``.
        column: its path.
        action: ``drop``, ``mask``, ``tokenise`` or ``encrypt``.
        rule: the rule's subject: a column's name, or a tag.
        policy: the column policy's name.
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
    """What became of one rule of a suite: counts, never values.

    Attributes:
        rule: its place in the suite, its type and its columns.
        severity: ``critical``, ``warning`` or ``info``.
        outcome: ``met``, ``broken`` or ``undecided``.
        rows: how many rows it looked at; None where that is not told.
        unexpected: how many of them break it; None likewise.
        by: ``one-pass``, or ``great-expectations`` where it ran there as it is.
    """

    rule: str
    severity: str
    outcome: str
    rows: int | None
    unexpected: int | None
    by: str


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One frame that was held against a suite on its way to a sink.

    Attributes:
        sink: the S3 location, or ``connection/table``.
        suite: the suite's name.
        place: where the suite was read.
        digest: SHA-256 of its bytes, hexadecimal.
        outcome: ``passed``, ``warned``, ``blocked``, ``quarantined`` or ``undecided``.
        rules: one for each expectation.
        quarantine: where rows were set apart, ``""`` for none.
        quarantined: how many; None when nothing measured it.
    """

    sink: str
    suite: str
    place: str
    digest: str
    outcome: str
    rules: tuple[GateRule, ...]
    quarantine: str = ""
    quarantined: int | None = 0


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One ``forEachBatch``, from its start to its end.

    Attributes:
        checkpoint: where its offsets lie; the objects stand among the writes.
        batches: how many batches held rows and were handled.
        rows: their rows together; None when nothing counted them.
        retries: how often a failed batch was tried again.
    """

    checkpoint: str
    batches: int
    rows: int | None
    retries: int


@dataclass(frozen=True, slots=True)
class TlsRecord:
    """What is known of one database connection's TLS, from both ends.

    Attributes:
        connection: the Glue connection's name.
        host: host and port.
        protocol: ``TLSv1.3``, as the database reported for the run's own session.
        cipher: likewise.
        subject: of the server's certificate.
        names: its DNS and IP names.
        issuer: who signed it.
        not_after: ISO 8601, the last moment it is valid.
        fingerprint: SHA-256 of the certificate, hexadecimal.
        source: what reported protocol and cipher (``pg_stat_ssl``).
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
class Evidence:
    """One run, as it was required and as it was observed."""

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
    waivers: tuple[Waiver, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    schema: str = SCHEMA
    housekeeping: tuple[HousekeepingRecord, ...] = ()
    catalog: tuple[CatalogRecord, ...] = ()
    streams: tuple[StreamRecord, ...] = ()
    catalog_objects: tuple[CatalogObject, ...] = ()
    proofs: Mapping[str, BucketRules] = field(default_factory=dict)
    columns: tuple[ColumnRecord, ...] = ()
    gates: tuple[GateRecord, ...] = ()

    def to_json(self) -> bytes:
        """Canonical JSON: UTF-8, sorted keys, no insignificant white space, one trailing newline."""
        return canonical_json(self)


def canonical_json(value: Any) -> bytes:
    """``value`` as canonical JSON. Raises TypeError for what has no defined form."""
    text = json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode() + b"\n"


def digest(body: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(body).hexdigest()


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
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    raise TypeError(f"no canonical form for {type(value).__name__}")
