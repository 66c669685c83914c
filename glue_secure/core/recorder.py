"""The record of a run while it is in progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from glue_secure.core.arguments import JobIdentity
from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import ControlError, EngineError, GlueSecureError
from glue_secure.core.evidence import (
    CatalogObject,
    CatalogRecord,
    ColumnRecord,
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
from glue_secure.core.findings import Finding
from glue_secure.core.objects import BucketRules
from glue_secure.core.redaction import redact_settings, redact_text


@dataclass(slots=True)
class RunRecorder:
    """Collects what a run does, and returns it as evidence. It is the run's only mutable record.

    Attributes:
        started: start of the run, UTC.
        seconds: phase → total duration.
        tolerated: returns findings, of which those that an exception of the policy file tolerates name it.
        policy_uses: entry of the policy file → number of objects that it decided about.
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
        """Return the run as a frozen value, secrets redacted."""
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
            controls=tuple(map(_redacted, self._findings)),
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
        )


def _titles(findings: Iterable[Finding], error: BaseException | None) -> dict[str, dict[str, str]]:
    names = {finding.control for finding in findings}
    if isinstance(error, ControlError):
        names.add(error.control)
    found = {name: CONTROLS[name] for name in sorted(names) if name in CONTROLS}
    return {
        name: {"title": control.title, "severity": control.severity.value} for name, control in found.items()
    }


def _redacted(finding: Finding) -> Finding:
    return replace(finding, resource=redact_text(finding.resource), found=redact_text(finding.found))


def _described(error: BaseException | None) -> Mapping[str, str] | None:
    if error is None:
        return None
    described = {"type": type(error).__name__}
    if isinstance(error, ControlError):
        described["control"] = error.control
    # The message of any other exception may quote data, and so may Spark's.
    if isinstance(error, GlueSecureError) and not isinstance(error, EngineError):
        described["message"] = redact_text(str(error))
    return described
