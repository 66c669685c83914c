"""The record of a run while it is in progress."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any

from glue_secure.core.arguments import JobIdentity
from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import ControlError, EngineError, GlueSecureError
from glue_secure.core.evidence import (
    PURGE,
    CatalogObject,
    CatalogRecord,
    ColumnRecord,
    EncryptionCount,
    EndpointRecord,
    Evidence,
    GateRecord,
    HousekeepingRecord,
    ReadRecord,
    StoreRecord,
    StreamRecord,
    TlsRecord,
    WriteRecord,
)
from glue_secure.core.evidence_parts import EvidenceParts
from glue_secure.core.findings import Finding, Verdict, finding_of
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import BucketRules, ObjectEncryption
from glue_secure.core.redaction import redact_settings, redact_text

_INCOMPLETE = "incomplete"
RETURNED = 10_000
"""Objects of a write that its caller gets."""


class _CountedObjects:
    """Objects of a write, counted while they are iterated. The first ``RETURNED`` are in ``first``.

    They end at an error of their source, which is then in ``error``.
    """

    def __init__(self, objects: Iterable[ObjectEncryption]) -> None:
        self._objects = objects
        self._kinds: Counter[tuple[str, str]] = Counter()
        self.first: list[ObjectEncryption] = []
        self.bytes = 0
        self.error: BaseException | None = None
        self._folders: set[tuple[str, str]] = set()

    def __iter__(self) -> Iterator[ObjectEncryption]:
        rest = iter(self._objects)
        while True:
            try:
                encryption = next(rest)
            except StopIteration:
                return
            except BaseException as error:
                self.error = error
                return
            uri = encryption.uri
            self._kinds[encryption.algorithm, encryption.key] += 1
            self.bytes += encryption.size or 0
            self._folders.add((uri.bucket, uri.key[: uri.key.rfind("/") + 1]))
            if len(self.first) < RETURNED:
                self.first.append(encryption)
            yield encryption

    def folders(self) -> set[S3Uri]:
        return {S3Uri(bucket, key) for bucket, key in self._folders}

    def encryption(self) -> tuple[EncryptionCount, ...]:
        return tuple(EncryptionCount(*kind, number) for kind, number in sorted(self._kinds.items()))


@dataclass(slots=True)
class RunRecorder:
    """Collects what a run does, and returns it as evidence. It is the run's only mutable record.

    Attributes:
        started: start of the run, UTC.
        seconds: phase → total duration.
        tolerated: returns findings, of which those that an exception of the policy file tolerates name it.
        policy_uses: entry of the policy file → number of objects that it decided about.
        parts: where long lists of objects are continued; None to list every object in the document.
    """

    started: datetime
    seconds: dict[str, float] = field(default_factory=dict)
    writes: list[WriteRecord] = field(default_factory=list)
    tls: dict[str, TlsRecord] = field(default_factory=dict)
    housekeeping: list[HousekeepingRecord] = field(default_factory=list)
    catalog: list[CatalogRecord] = field(default_factory=list)
    streams: list[StreamRecord] = field(default_factory=list)
    proofs: dict[str, BucketRules] = field(default_factory=dict)
    columns: list[ColumnRecord] = field(default_factory=list)
    gates: list[GateRecord] = field(default_factory=list)
    stores: list[StoreRecord] = field(default_factory=list)
    policy_uses: dict[str, int] = field(default_factory=dict)
    tolerated: Callable[[Iterable[Finding]], tuple[Finding, ...]] = tuple
    parts: EvidenceParts | None = None
    _lock: Lock = field(default_factory=Lock)
    _purged_folders: set[S3Uri] = field(default_factory=set)
    _findings: list[Finding] = field(default_factory=list)
    _reads: list[tuple[ReadRecord, str]] = field(default_factory=list)
    _catalog_objects: dict[tuple[str, str, str], int] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The recorded findings, in order."""
        return tuple(self._findings)

    def record(self, findings: Iterable[Finding]) -> None:
        """Record what a check returned. Never call it with a finding that was made up by the caller."""
        self._findings.extend(findings)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the duration of the block to a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - started

    def touch(self, kind: str, name: str, access: str = "read", count: int = 1) -> None:
        """Record the use of a Data Catalog object. Counts add up for partitions only."""
        key = (kind, name, access)
        self._catalog_objects[key] = self._catalog_objects.get(key, 0) + count if kind == "partition" else 1

    def write(self, record: WriteRecord, objects: Iterable[ObjectEncryption] | None = None) -> WriteRecord:
        """Record a write, and return it with its counts and at most ``RETURNED`` objects.

        Its first objects are in the document, the others go to the parts. If an error ends ``objects``, the
        record is ``incomplete``, and the error is raised.

        Args:
            record: the write.
            objects: its objects, instead of those of the record. They are read once.

        Raises:
            VerificationError: GS-EVD-001, a part cannot be written.
        """
        counted = _CountedObjects(record.objects if objects is None else objects)
        with self._lock:
            number = len(self.writes)
            # The lines of parts have this number, so that no other write may get it.
            self.writes.append(replace(record, objects=(), proved=(), verified_by=_INCOMPLETE))
            if self.parts is None:
                listed = proved = None
                for _ in counted:
                    pass
            else:
                listed = self.parts.shorten("writes", number, "objects", counted)
                proved = self.parts.shorten("writes", number, "proved", record.proved)
            record = replace(
                record,
                objects=tuple(counted.first),
                encryption=counted.encryption(),
                bytes=counted.bytes,
                folders=frozenset(counted.folders().union(uri.folder for uri in record.proved)),
            )
            in_document = record
            if listed is not None and proved is not None:
                in_document = replace(
                    record,
                    objects=listed[0],
                    objects_in_parts=listed[1],
                    proved=proved[0],
                    proved_in_parts=proved[1],
                )
            if counted.error is not None:
                in_document = replace(in_document, verified_by=_INCOMPLETE)
            self.writes[number] = in_document
            if counted.error is not None:
                raise counted.error
            if self.parts is not None:
                self.parts.write()
        return record

    def record_housekeeping(self, record: HousekeepingRecord) -> None:
        """Record a purge or transition, as :meth:`write` does."""
        with self._lock:
            if record.action == PURGE:
                self._purged_folders.update(uri.folder for uri in record.objects)
            self._append(record)

    def has_purged_below(self, location: S3Uri) -> bool:
        """Return whether the run purged an object at or below a location."""
        return any(folder.is_below(location) for folder in self._purged_folders)

    def written(self) -> Iterator[S3Uri]:
        """Yield the location of every object of the recorded writes.

        Raises:
            VerificationError: GS-EVD-001, a part cannot be read.
        """
        for record in tuple(self.writes):
            yield from (encryption.uri for encryption in record.objects)
            yield from record.proved
        for line in self.parts.lines() if self.parts else ():
            if line["record"] == "writes":
                value = line["value"]
                yield _location(value["uri"] if line["property"] == "objects" else value)

    def _append(self, record: HousekeepingRecord) -> None:
        """Append a record to the evidence. Items that the document does not list go to parts."""
        if self.parts is None:
            self.housekeeping.append(record)
            return
        shortened: dict[str, Any] = {}
        for item in ("objects", "failed"):
            number = len(self.housekeeping)
            values, in_parts = self.parts.shorten("housekeeping", number, item, getattr(record, item))
            shortened |= {item: values, f"{item}_in_parts": in_parts}
        self.housekeeping.append(replace(record, **shortened))
        self.parts.write()

    def read(self, record: ReadRecord, scan: str) -> None:
        """Record a read. ``scan`` identifies its row count at the engine, ``""`` if rows are not counted."""
        self._reads.append((record, scan))

    def reads(self, rows_of: Callable[[str], int | None]) -> tuple[ReadRecord, ...]:
        """Return the reads, with the row count of each scan."""
        return tuple(replace(record, rows=rows_of(scan) if scan else None) for record, scan in self._reads)

    def evidence(
        self,
        *,
        identity: JobIdentity,
        account_id: str,
        region: str,
        security_configuration: str | None,
        keys: Mapping[str, str],
        error: BaseException | None,
        outcome: str,
        account: str,
        runtime: str,
        versions: Mapping[str, str],
        finished: datetime,
        settings: Mapping[str, str],
        rows_of: Callable[[str], int | None],
        bookmark: Mapping[str, Any] | None,
        request_guard: Mapping[str, str],
        policy: Mapping[str, Any] | None = None,
        caller: str = "",
        script: Mapping[str, str] | None = None,
        endpoints: tuple[EndpointRecord, ...] = (),
    ) -> Evidence:
        """Return the run as a frozen value, secrets redacted.

        The finding that stopped the run is in ``controls``, also if its check raised the error.
        """
        return Evidence(
            job=identity.job,
            run_id=identity.run_id,
            outcome=outcome,
            error=_described(error),
            account=account,
            account_id=account_id,
            region=region,
            runtime=runtime,
            versions=versions,
            started=self.started,
            finished=finished,
            security_configuration=security_configuration,
            keys=keys,
            settings=redact_settings(settings),
            reads=self.reads(rows_of),
            writes=tuple(self.writes),
            tls=tuple(self.tls.values()),
            bookmark=bookmark,
            controls=tuple(map(_redacted, (*self._findings, *_stopping(self._findings, error)))),
            seconds=dict(self.seconds),
            housekeeping=tuple(self.housekeeping),
            catalog=tuple(self.catalog),
            streams=tuple(self.streams),
            proofs=dict(self.proofs),
            catalog_objects=tuple(CatalogObject(*key, count) for key, count in self._catalog_objects.items()),
            columns=tuple(self.columns),
            gates=tuple(self.gates),
            stores=tuple(self.stores),
            request_guard=dict(request_guard),
            policy=policy,
            caller=caller,
            script=script or {},
            endpoints=endpoints,
            control_titles=_titles(self._findings, error),
            parts=self.parts.finish() if self.parts else (),
        )


def _stopping(findings: Iterable[Finding], error: BaseException | None) -> tuple[Finding, ...]:
    """Return the finding that stopped a run, unless it is recorded."""
    if not isinstance(error, ControlError):
        return ()
    is_recorded = any(
        finding.control == error.control and finding.verdict is not Verdict.PASS and not finding.exception
        for finding in findings
    )
    if is_recorded:
        return ()
    finding = finding_of(error)
    return (replace(finding, required=redact_text(finding.required), fix=redact_text(finding.fix)),)


def _titles(findings: Iterable[Finding], error: BaseException | None) -> dict[str, dict[str, str]]:
    names = {finding.control for finding in findings}
    if isinstance(error, ControlError):
        names.add(error.control)
    found = {name: CONTROLS[name] for name in sorted(names) if name in CONTROLS}
    return {
        name: {"title": control.title, "severity": control.severity.value} for name, control in found.items()
    }


def _location(text: str) -> S3Uri:
    """Return the location in a line of a part. Unlike the locations of a job, its key may be of any form."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    return S3Uri(bucket, key)


def _redacted(finding: Finding) -> Finding:
    return replace(finding, resource=redact_text(finding.resource), found=redact_text(finding.found))


def _described(error: BaseException | None) -> Mapping[str, str] | None:
    if error is None:
        return None
    described = {"type": type(error).__name__}
    if isinstance(error, ControlError):
        described["control"] = error.control
    # The message of any other exception may quote data, and so may Spark's, which follows the first line.
    if isinstance(error, EngineError):
        described["message"] = redact_text(str(error)).partition("\n")[0]
    elif isinstance(error, GlueSecureError):
        described["message"] = redact_text(str(error))
    return described
