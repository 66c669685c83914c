"""The one funnel for writes: whatever the door and the engine, data leaves through here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from glue_secure.columns.enforcer import ColumnPolicyEnforcer, Protected
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.errors import ControlError, RefusedError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.findings import Finding, enforce, stop, unknown
from glue_secure.core.identifiers import S3Uri, is_table_name
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.objects import ObjectEncryption, ObjectSummary
from glue_secure.core.ports import Engine, ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.core.spark_conf import SettingsPlan, check_client, check_settings, protected_options
from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.io.locations import s3_location
from glue_secure.verification.bucket_policy_proof import BucketPolicyProver
from glue_secure.verification.object_verifier import ObjectVerifier

MODES = ("append", "overwrite", "error", "errorifexists", "ignore")
BATCH_SIZE = "10000"
"""Rows that a driver sends at once where the call says nothing (bench/jdbc.py)."""


class DataWriter:
    """Guards, writes, and reads back.

    Args:
        plan: the settings that must be in force, and the key objects must come out under.
        engine: what moves the data.
        objects: S3 as the driver sees it.
        recorder: where the write is noted.
        kept: where bookmarks and evidence lie, which no write may touch.
        connections: opens Glue connections, verified; None where nothing is written to a database.
        remote: makes S3 on an executor, see :class:`ObjectVerifier`.
        seed: chooses which objects of a proved write are read back; ``""`` where the server is not S3, which
            keeps to policies: nothing is proved there.
        columns: the run's column policy; None for none.

    Attributes:
        read_back: looks at objects afterwards.
    """

    def __init__(
        self,
        *,
        plan: SettingsPlan,
        engine: Engine,
        objects: ObjectStore,
        recorder: RunRecorder,
        kept: Sequence[S3Uri] = (),
        connections: ConnectionManager | None = None,
        remote: Callable[[], ObjectStore] | None = None,
        seed: str = "",
        columns: ColumnPolicyEnforcer | None = None,
    ) -> None:
        self._plan, self._engine, self._objects, self._recorder = plan, engine, objects, recorder
        self._kept, self._connections, self._columns = tuple(kept), connections, columns
        self.read_back = ObjectVerifier(
            key=plan.key,
            objects=objects,
            engine=engine,
            note=lambda finding: recorder.record([finding]),
            remote=remote,
        )
        self._prover = BucketPolicyProver(key=plan.key, objects=objects, recorder=recorder, seed=seed)

    def protect(self, frame: Any, sink: str) -> Protected:
        """The frame as the run's column policy lets it go to ``sink`` (GS-COL-001, GS-COL-003)."""
        if self._columns is None:
            return frame if isinstance(frame, Protected) else Protected(frame)
        return self._columns.protect(frame, sink)

    def reject_unprotectable_sink(self, sink: str) -> None:
        """GS-COL-005: refuse, under a column policy, a sink that takes the frame past it."""
        if self._columns is not None:
            self._columns.reject_unprotectable_sink(sink)

    def check_column_policy_bypass(self, writes: Sequence[UnmanagedWrite]) -> list[Finding]:
        """GS-COL-006: what Spark wrote by itself, held against the run's column policy."""
        return [] if self._columns is None else self._columns.check_column_policy_bypass(writes)

    def write_s3(
        self,
        frame: Any,
        target: str,
        *,
        format: str,
        mode: str = "append",
        partition_by: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
        evidence_format: str = "",
    ) -> WriteRecord:
        """Write ``frame`` below ``target`` and verify every object that appeared there.

        ``evidence_format`` is the evidence's word where the engine's ``format`` is another (JSON as text).
        A frame that provably has no rows writes nothing in append mode.

        Raises:
            RefusedError: before the write GS-S3-001, -002, -003, -005, -006, -008, -009, -010, GS-COL-001, -003;
                after it GS-S3-004.
            VerificationError: GS-S3-007, an object cannot be read back.
            UsageError: an unknown mode.
        """
        options = dict(options or {})
        location = s3_location(target, "write")
        if mode not in MODES:
            raise UsageError("write mode", found=repr(mode), required=", ".join(MODES))
        refuse_protected(options, f"write to {location}")
        self.require_same_session(frame, location)
        frame = self.protect(frame, str(location)).frame

        def perform() -> int | None:
            if mode == "append" and self._engine.is_certainly_empty(frame):
                return 0
            return self._engine.write_s3(
                frame, location, format=format, mode=mode, partition_by=partition_by, options=options
            )

        told = evidence_format or format
        return self._write_through(target, format=told, perform=perform, may_do_nothing=mode == "ignore")

    def write_through(
        self,
        target: str,
        *,
        format: str,
        perform: Callable[[], int | None],
        may_do_nothing: bool = False,
        count: Callable[[], int] | None = None,
    ) -> WriteRecord:
        """Guard ``target``, let ``perform`` write there, and verify every object that appeared.

        Args:
            target: S3 location.
            format: for the evidence.
            perform: does the writing; returns the rows written, None when nothing measured them.
            count: tells the rows that were to be written; asked only when no object appeared and nothing
                measured them.
            may_do_nothing: whether rows may stay unwritten where objects lie already (mode ``ignore``).

        Raises:
            RefusedError: GS-COL-005 under a column policy, and as for :meth:`write_s3`.
        """
        self.reject_unprotectable_sink(target)
        return self._write_through(
            target, format=format, perform=perform, may_do_nothing=may_do_nothing, count=count
        )

    def _write_through(
        self,
        target: str,
        *,
        format: str,
        perform: Callable[[], int | None],
        may_do_nothing: bool = False,
        count: Callable[[], int] | None = None,
    ) -> WriteRecord:
        location = s3_location(target, "write")
        self.reject_reserved_location(location, "write to")
        self.guard(location)
        self._prover.read_rules(location.bucket)
        with self._recorder.timed("list"):
            before = {(found.uri, found.etag, found.last_modified) for found in self.listed(location)}
        with self._recorder.timed("write"), self._engine.attribute_writes_to_run(location):
            rows = perform()
        begun = time.perf_counter()
        with self._recorder.timed("verify"):
            new = [
                found.uri
                for found in self.listed(location)
                if (found.uri, found.etag, found.last_modified) not in before
            ]
            chosen, proof = self._prover.select(location, new)
            seen = self._verified(chosen, new)
            if not new and rows is None and count is not None:
                rows = count()
            if not (may_do_nothing and before):
                self.require_objects_written(location, rows, new)
        asked = set(chosen)
        proved = tuple(uri for uri in new if uri not in asked)
        self._prover.record(location, proved, proof)
        seconds = time.perf_counter() - begun
        return self._note(WriteRecord(str(location), format, rows, seen, seconds, proved=proved, proof=proof))

    def _verified(self, chosen: Sequence[S3Uri], new: Sequence[S3Uri]) -> tuple[ObjectEncryption, ...]:
        try:
            return self.read_back.verify(chosen)
        except ControlError:
            if len(chosen) < len(new):
                # The proof did not hold: every object is looked at, so that all is known of the damage.
                self.read_back.verify(new)
            raise

    def write_jdbc(
        self,
        frame: Any,
        connection: str,
        table: str,
        *,
        database: str = "",
        options: Mapping[str, str] | None = None,
    ) -> WriteRecord:
        """Append ``frame`` to ``table`` through the Glue connection, TLS verified.

        Rows that the database took before a failure stay there, as in Glue: there is no transaction
        over the partitions of a frame.

        Args:
            frame: what to write.
            connection: the Glue connection's name.
            table: ``TABLE``, ``SCHEMA.TABLE``; quoted names as the database writes them.
            database: what the caller takes the connection's database to be; ``""`` for no claim.
            options: the caller's own; each is judged.

        Raises:
            RefusedError, VerificationError: a control of GS-TLS, GS-S3-010, GS-COL-001 or -003.
            UsageError: the table is not a name, or the database is another one.
        """
        if not is_table_name(table):
            raise UsageError(
                f"a write through connection {connection}",
                found="a dbtable that is not the name of a table",
                required="TABLE or SCHEMA.TABLE",
            )
        self.require_same_session(frame, f"{connection}/{table}")
        frame = self.protect(frame, f"{connection}/{table}").frame
        if self._connections is None:
            raise UsageError(f"a write through connection {connection}", found="no desk", required="a run")
        opened = self._connections.open(connection, dict(options or {}))
        if database and database != opened.database:
            raise UsageError(
                f"option database of a write through connection {connection}",
                found=database,
                required=opened.database,
                fix="the connection names the database; make a connection for the other one",
            )
        with (
            self._recorder.timed("write"),
            suppress_client_logs(),
            self._engine.attribute_writes_to_run(None),
        ):
            rows = self._engine.write_jdbc(
                frame,
                url=opened.url,
                driver=opened.driver,
                table=table,
                credentials=opened.credentials,
                driver_options=opened.driver_options,
                spark_options={"batchsize": BATCH_SIZE, **opened.reader_options},
            )
        return self._note(WriteRecord(f"{connection}/{table}", opened.engine, rows, (), 0.0, "jdbc"))

    def watch(self, target: str, *, format: str, kind: str) -> Watch:
        """Guard a place that somebody else writes to (a stream's checkpoint); see :class:`Watch`."""
        location = s3_location(target, "write")
        self.reject_reserved_location(location, "write to")
        self.guard(location)
        return Watch(self, location, format=format, kind=kind)

    def reject_reserved_location(self, location: S3Uri, doing: str) -> None:
        """GS-S3-009: refuse a location that bookmarks or evidence lie in, or that lies in theirs."""
        for kept in self._kept:
            if location.overlaps(kept):
                raise RefusedError(
                    "GS-S3-009",
                    resource=f"{doing} {location}",
                    found=f"a target that holds, or lies in, {kept}",
                    required="a target apart from bookmarks and evidence",
                    fix="name another prefix; keep bookmarks and evidence below prefixes of their own",
                )

    def require_same_session(self, frame: Any, location: S3Uri | str) -> None:
        if not self._engine.belongs_to_session(frame.frame if isinstance(frame, Protected) else frame):
            raise RefusedError(
                "GS-S3-010",
                resource=f"write to {location}",
                found="a frame of another Spark session",
                required="a frame of the run's session",
                fix="make it with job.spark (glueContext.spark_session), not with newSession()",
            )

    def guard(self, location: S3Uri) -> None:
        """Settings and the client of this bucket are as planned. Raises GS-S3-001 to -003, -008."""
        # Settings first: a client cannot even be made from some contradictory ones.
        self._recorder.record(enforce(check_settings(self._plan, self._engine.settings_in_force())))
        algorithm, key = self._engine.client_encryption(location)
        client = check_client(self._plan, f"file system client of {location.bucket}", algorithm, key)
        self._recorder.record(enforce([client]))

    def listed(self, location: S3Uri) -> tuple[ObjectSummary, ...]:
        """Every object below a place. Raises VerificationError (GS-S3-007)."""
        try:
            return tuple(self._objects.list(location))
        except ServiceError as error:
            finding = unknown(
                "GS-S3-007",
                str(location),
                found=str(error),
                required="a listing of the target, before and after the write",
                fix="give the job's role s3:ListBucket on the target",
                aws_code=error.code,
            )
            stop(finding)

    def require_objects_written(self, location: S3Uri, rows: int | None, new: Sequence[S3Uri]) -> None:
        """Rows that were written must be seen somewhere. Raises VerificationError (GS-S3-007)."""
        if new or rows == 0:
            return
        finding = unknown(
            "GS-S3-007",
            str(location),
            found=f"{'an unknown number of' if rows is None else rows} rows written, no new object listed",
            required="the objects of the write",
            fix="give the job's role s3:ListBucket on the target, and see that nothing removes objects there",
        )
        enforce([finding])

    def _note(self, record: WriteRecord) -> WriteRecord:
        self._recorder.writes.append(record)
        return record


class Watch:
    """A place where objects appear over time: each is verified once, and the record is made at the end.

    Made by :meth:`DataWriter.watch`. Objects that were there before count as new: what a stream goes on
    from must be encrypted too.
    """

    def __init__(self, funnel: DataWriter, location: S3Uri, *, format: str, kind: str) -> None:
        self._funnel, self.location, self._format, self._kind = funnel, location, format, kind
        self._known: set[tuple[S3Uri, str]] = set()
        self._seen: dict[S3Uri, ObjectEncryption] = {}
        self._seconds = 0.0

    def overlook(self) -> None:
        """Take what lies there now as somebody else's: only what appears from now on is looked at."""
        self._known = {(each.uri, each.etag) for each in self._funnel.listed(self.location)}

    def verify(self) -> None:
        """Read back every object that has appeared since the last look. Raises GS-S3-001 to -004, -007."""
        begun = time.perf_counter()
        funnel = self._funnel
        funnel.guard(self.location)
        with funnel._recorder.timed("verify"):
            found = {(each.uri, each.etag) for each in funnel.listed(self.location)}
            new = sorted((uri for uri, _ in found - self._known), key=str)
            seen = funnel.read_back.verify(new, may_be_gone=True)
            self._known |= found
            self._seen.update((each.uri, each) for each in seen)
        self._seconds += time.perf_counter() - begun

    def end(self) -> WriteRecord:
        """Note everything that was verified as one write."""
        objects = tuple(self._seen[uri] for uri in sorted(self._seen, key=str))
        return self._funnel._note(
            WriteRecord(str(self.location), self._format, None, objects, self._seconds, self._kind)
        )


def refuse_protected(options: Mapping[str, str], resource: str) -> None:
    """Refuse options that could change encryption, key, endpoint or TLS (GS-S3-005)."""
    protected = protected_options(options)
    if protected:
        raise RefusedError(
            "GS-S3-005",
            resource=resource,
            found=f"option {', '.join(protected)}",
            required="encryption by the attached security configuration alone",
            fix=f"remove {', '.join(protected)}",
        )
