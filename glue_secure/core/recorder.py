"""What a run did, noted while it does it, and turned into evidence once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from glue_secure.core.arguments import JobIdentity
from glue_secure.core.errors import ControlError, GlueSecureError
from glue_secure.core.evidence import (
    CatalogObject,
    CatalogRecord,
    ColumnRecord,
    Evidence,
    GateRecord,
    HousekeepingRecord,
    ReadRecord,
    StreamRecord,
    TlsRecord,
    WriteRecord,
)
from glue_secure.core.objects import BucketRules
from glue_secure.core.policy import Finding
from glue_secure.core.redaction import redact_settings, redact_text

if TYPE_CHECKING:
    from glue_secure.preflight.establish import Preflight


@dataclass(slots=True)
class RunRecorder:
    """The one mutable record of a run; everything it hands out is frozen.

    Attributes:
        started: when the run began, UTC.
        findings: every control that was held, in order.
        seconds: name of a phase → seconds it took together.
    """

    started: datetime
    findings: list[Finding] = field(default_factory=list)
    writes: list[WriteRecord] = field(default_factory=list)
    tls: dict[str, TlsRecord] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    housekeeping: list[HousekeepingRecord] = field(default_factory=list)
    catalog: list[CatalogRecord] = field(default_factory=list)
    streams: list[StreamRecord] = field(default_factory=list)
    proofs: dict[str, BucketRules] = field(default_factory=dict)
    _touched: dict[tuple[str, str, str], int] = field(default_factory=dict)
    columns: list[ColumnRecord] = field(default_factory=list)
    gates: list[GateRecord] = field(default_factory=list)
    _reads: list[tuple[ReadRecord, str]] = field(default_factory=list)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the block's duration to a phase."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - begun

    def touch(self, kind: str, name: str, access: str = "read", count: int = 1) -> None:
        """Note an object of the Data Catalog; partitions add up, anything else is one however often."""
        key = (kind, name, access)
        self._touched[key] = self._touched.get(key, 0) + count if kind == "partition" else 1

    def read(self, record: ReadRecord, mark: str) -> None:
        """Note a read; its rows are asked for under ``mark`` at the end (``""``: nobody counts them)."""
        self._reads.append((record, mark))

    def reads(self, rows_of: Callable[[str], int | None]) -> tuple[ReadRecord, ...]:
        """The reads so far, with the rows that their scans delivered."""
        return tuple(replace(record, rows=rows_of(mark) if mark else None) for record, mark in self._reads)

    def evidence(
        self,
        *,
        identity: JobIdentity,
        preflight: Preflight,
        error: BaseException | None,
        outcome: str,
        account: str,
        runtime: str,
        versions: Mapping[str, str],
        finished: datetime,
        settings: Mapping[str, str],
        rows_of: Callable[[str], int | None],
        bookmark: Mapping[str, Any] | None,
    ) -> Evidence:
        """The run as one frozen value, redacted."""
        return Evidence(
            job=identity.job,
            run_id=identity.run_id,
            outcome=outcome,
            error=_described(error),
            account=account,
            account_id=preflight.account,
            region=preflight.region,
            runtime=runtime,
            versions=versions,
            started=self.started,
            finished=finished,
            security_configuration=preflight.configuration.name,
            keys={purpose: str(key) for purpose, key in preflight.keys.items()},
            settings=redact_settings(settings),
            reads=self.reads(rows_of),
            writes=tuple(self.writes),
            tls=tuple(self.tls.values()),
            bookmark=bookmark,
            controls=tuple(map(_redacted, self.findings)),
            seconds=dict(self.seconds),
            housekeeping=tuple(self.housekeeping),
            catalog=tuple(self.catalog),
            streams=tuple(self.streams),
            proofs=dict(self.proofs),
            catalog_objects=tuple(CatalogObject(*key, count) for key, count in self._touched.items()),
            columns=tuple(self.columns),
            gates=tuple(self.gates),
        )


def _redacted(finding: Finding) -> Finding:
    return replace(finding, resource=redact_text(finding.resource), found=redact_text(finding.found))


def _described(error: BaseException | None) -> Mapping[str, str] | None:
    if error is None:
        return None
    described = {"type": type(error).__name__}
    if isinstance(error, ControlError):
        described["control"] = error.control
    # A foreign error's text may quote data; only this project's own texts are known not to.
    if isinstance(error, GlueSecureError):
        described["message"] = redact_text(str(error))
    return described
