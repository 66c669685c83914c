"""Writes of a run: checked before they start, verified after they end, and recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from glue_secure.columns.enforcer import ColumnPolicyEnforcer, ProtectedFrame
from glue_secure.connections.manager import ConnectionManager, OpenedConnection
from glue_secure.connections.redshift_load import (
    RedshiftLoad,
    can_load,
    copy_statement,
    csv_options,
    split_load,
)
from glue_secure.connections.sql_statements import split_statements
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import S3Uri, is_table_name
from glue_secure.core.ignored_options import correction, warn_of_ignored
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.objects import ObjectEncryption, ObjectSummary
from glue_secure.core.ports import DYNAMIC, PARTITION_OVERWRITE_MODE, Engine, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.io.call_checks import reject_protected_options, s3_location
from glue_secure.io.read_objects import ReadObjects
from glue_secure.verification.bucket_policy_proof import BucketPolicyProver
from glue_secure.verification.object_verifier import ObjectVerifier
from glue_secure.verification.path_verifier import PathVerifier
from glue_secure.verification.s3_requests import S3Requests
from glue_secure.verification.target_guard import MARGIN, TargetGuard

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WriteMode = Literal["append", "overwrite", "overwrite_partitions", "error", "errorifexists", "ignore"]
MODES: tuple[str, ...] = get_args(WriteMode)
BATCH_SIZE = "10000"
"""Rows that a driver sends in one batch unless the call sets ``batchsize`` (bench/jdbc.py)."""
_ACTIONS = ("preactions", "postactions")
_LOG = redacting_logger(__name__)


@dataclass(frozen=True, slots=True)
class _S3Write:
    """One write to S3 whose checks of the call have passed.

    Attributes:
        location: where it writes.
        format: for the evidence.
        perform: writes; returns the number of rows, None if it was not measured.
        may_write_nothing: whether the write may store no object.
        count: returns the number of rows; called only if no object appeared and ``perform`` returned
            None.
        by_spark: whether only Spark writes, whose requests are guarded.
        others: further locations where it writes.
        named: returns the objects that metadata names, after the write; None if it does not name all.
        is_listed: whether ``named`` may return None, so that the locations are listed.
        facts: returns further properties of the record, after the verification.
        commands: the most commands of Spark by which ``perform`` writes to one location.
    """

    location: S3Uri
    format: str
    perform: Callable[[], int | None]
    may_write_nothing: bool = False
    count: Callable[[], int] | None = None
    by_spark: bool = True
    others: tuple[S3Uri, ...] = ()
    named: Callable[[], Sequence[S3Uri] | None] | None = None
    is_listed: bool = True
    commands: int = 1
    facts: Callable[[], Mapping[str, Any]] = dict


class DataWriter:
    """Writes frames to S3 and to databases, and verifies what was written.

    Every public method is one operation of the run: a failure marks the run as failed.

    Args:
        engine: writes the data.
        guard: checks S3 targets.
        verifier: reads objects back.
        requests: the receipts of Spark's S3 requests.
        prover: decides which objects of a large write are read back.
        connections: opens verified connections.
        columns: the run's column policy.
        recorder: receives findings and records.
        read_objects: the objects that the run has read.
        operation: the context of one operation of the run.
        run_id: names the temporary locations of the run.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        guard: TargetGuard,
        verifier: ObjectVerifier,
        requests: S3Requests,
        prover: BucketPolicyProver,
        connections: ConnectionManager,
        columns: ColumnPolicyEnforcer,
        recorder: RunRecorder,
        read_objects: ReadObjects,
        operation: Operation,
        run_id: str,
    ) -> None:
        self._run_id, self._loads = run_id, 0
        self._read_objects = read_objects
        self._engine, self._guard, self._verifier, self._prover = engine, guard, verifier, prover
        self._requests = requests
        self._connections, self._columns = connections, columns
        self._recorder, self._operation = recorder, operation
        self._deferred: list[PathVerifier] = []
        self._listed: dict[S3Uri, datetime] = {}
        self._rdd_locations: set[S3Uri] = set()

    def write_s3(
        self,
        frame: DataFrame | ProtectedFrame,
        target: str,
        *,
        format: str,
        mode: WriteMode = "append",
        partition_by: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
        evidence_format: str = "",
        overwrite_with_nothing: bool = False,
    ) -> WriteRecord:
        """Write a frame below an S3 location, and verify every object that appeared there.

        A frame that is known to have no rows writes nothing. It deletes the target's objects only if the mode
        is ``overwrite`` and ``overwrite_with_nothing`` is true.

        Args:
            frame: a DataFrame, or a frame that the column policy was applied to already.
            target: S3 location.
            format: Spark's name of the format.
            mode: Spark's save mode; ``overwrite_partitions`` replaces only the partitions that the frame has
                rows for.
            partition_by: partition columns.
            options: options of Spark's writer.
            evidence_format: the format in the evidence, if it differs from ``format`` (JSON written as text).
            overwrite_with_nothing: whether an overwrite by a frame without rows deletes the target's objects.

        Raises:
            RefusedError: before the write GS-S3-001, -002, -003, -005, -006, -008, -009, -010, GS-COL-001,
                GS-COL-003; after the write GS-S3-004.
            VerificationError: GS-S3-007, an object cannot be read back.
            UsageError: an unknown mode or partition column, or an overwrite of objects that the frame reads.
                Nothing was deleted.
        """
        with self._operation():
            options = dict(options or {})
            location = s3_location(target, "write")
            spark_mode = _spark_mode(mode, location, partition_by, options)
            if overwrite_with_nothing and mode != "overwrite":
                raise UsageError(
                    f"a write to {location}",
                    found=f"overwrite_with_nothing with mode {mode!r}",
                    required="mode='overwrite'",
                )
            reject_protected_options(options, f"write to {location}")
            self._guard.require_same_session(frame, str(location))
            protected = self._columns.protect(frame, str(location)).frame
            _require_columns(partition_by, self._engine.columns(protected), location)
            if spark_mode == "overwrite":
                self._reject_overwrite_of_source(protected, location, partition_by, options)

            def perform() -> int | None:
                if not overwrite_with_nothing and self._writes_nothing(protected, location, spark_mode):
                    return 0
                return self._engine.write_s3(
                    protected,
                    location,
                    format=format,
                    mode=spark_mode,
                    partition_by=partition_by,
                    options=options,
                )

            return self._write(
                _S3Write(location, evidence_format or format, perform, may_write_nothing=mode == "ignore")
            )

    def write_custom(
        self,
        target: str,
        *,
        format: str,
        perform: Callable[[], int | None],
        count: Callable[[], int] | None = None,
        by_spark: bool = False,
    ) -> WriteRecord:
        """Check an S3 location, call ``perform`` to write there, and verify every object that appeared.

        ``perform`` may write with any client of S3. Therefore the location is listed before and afterwards,
        unless only Spark writes, whose requests are guarded.

        Args:
            target: S3 location.
            format: for the evidence.
            perform: writes; returns the number of rows, None if it was not measured.
            count: returns the number of rows to write; called only if no object appeared and ``perform``
                returned None.
            by_spark: whether ``perform`` writes with Spark only.

        Raises:
            RefusedError: GS-COL-005 under a column policy, otherwise as in :meth:`write_s3`.
            VerificationError: GS-S3-007.
        """
        with self._operation():
            self._columns.reject_unprotectable_sink(target)
            location = s3_location(target, "write")
            return self._write(_S3Write(location, format, perform, count=count, by_spark=by_spark))

    def write_table(
        self,
        locations: Sequence[str],
        *,
        format: str,
        perform: Callable[[], int | None],
        named: Callable[[], Sequence[S3Uri] | None],
        is_listed: bool = True,
        facts: Callable[[], Mapping[str, Any]] = dict,
        commands: int = 1,
    ) -> WriteRecord:
        """Call ``perform`` to commit to a table, and verify every object that it stored.

        Without the request guard, the objects are those that the table's metadata names; if it does not name
        all of them, the location is listed. The caller has opened the operation, or is the run's commit.

        Args:
            locations: where the table stores objects, its own location first.
            format: the table's format, for the evidence.
            perform: commits; returns the number of rows, None if it is not known. The column policy has been
                applied to what it writes.
            named: returns the objects of the commit; None if the table's metadata does not name all.
            is_listed: whether ``named`` may return None.
            facts: returns properties of the record that are known after the commit.
            commands: the most commands of Spark by which ``perform`` commits.

        Raises:
            RefusedError: before the write GS-S3-001 to -003, -006, -008, -009; after it GS-S3-004.
            VerificationError: GS-S3-007.
        """
        first, *others = (s3_location(text, "write") for text in locations)
        for location in others:
            self._guard.reject_reserved_location(location, "write to")
            self._guard.check_encryption(location)
        write = _S3Write(
            first,
            format,
            perform,
            may_write_nothing=True,
            others=tuple(others),
            named=named,
            is_listed=is_listed,
            facts=facts,
            commands=commands,
        )
        return self._write(write)

    def write_jdbc(
        self,
        frame: DataFrame | ProtectedFrame,
        connection: str,
        table: str,
        *,
        database: str = "",
        options: Mapping[str, str] | None = None,
    ) -> WriteRecord:
        """Append a frame to a table through a Glue connection whose TLS is verified first.

        Rows that were committed before a failure stay in the table, as in Glue: there is no transaction over
        the partitions of a frame.

        Args:
            frame: a DataFrame, or a frame that the column policy was applied to already.
            connection: the Glue connection's name.
            table: ``TABLE`` or ``SCHEMA.TABLE``; names that need quotes are quoted as in SQL.
            database: the database that the caller expects; ``""`` for the connection's database.
            options: connection options; each is validated. For Amazon Redshift, the SQL statements of
                ``preactions`` and ``postactions`` are executed before and after the rows are appended. They
                and the rows are not one transaction. With ``redshiftTmpDir`` and ``aws_iam_role``, the rows
                are written there under the run's key, and loaded with COPY.

        Raises:
            RefusedError, VerificationError: GS-TLS, GS-S3-010, GS-COL-001, GS-COL-003; for a COPY those of
                :meth:`write_s3`.
            UsageError: the table is not a name, or the connection uses another database.
        """
        with self._operation():
            target = f"{connection}/{table}"
            if not is_table_name(table):
                raise UsageError(
                    f"a write through connection {connection}",
                    found="a dbtable that is not the name of a table",
                    required="TABLE or SCHEMA.TABLE",
                )
            self._guard.require_same_session(frame, target)
            protected = self._columns.protect(frame, target)
            actions, given = _split_actions(options or {})
            load, options = split_load(given, f"a write through connection {connection}")
            opened = self._connections.open(connection, options)
            if database and not opened.database:  # the connection's URL names no database
                opened = self._connections.open(connection, {**options, "database": database})
            if database and database != opened.database:
                raise UsageError(
                    f"option database of a write through connection {connection}",
                    found=database,
                    required=opened.database,
                    fix=f"set database to {opened.database}, or use a connection to the database {database}",
                )
            if actions and opened.engine != "redshift":
                for name in actions:
                    warn_of_ignored(name, target, "it is for Amazon Redshift")
                actions = {}
            copy, staged = "", None
            if load is not None:
                copy, staged = self._staged(load, protected, opened, table, target)
            with (
                self._recorder.timed("write"),
                suppress_client_logs(),
                self._engine.attribute_writes_to_run(None),
            ):
                self._execute(actions.get("preactions", ""), opened)
                rows = self._engine.write_jdbc(
                    protected.frame,
                    url=opened.url,
                    driver=opened.driver,
                    table=table,
                    credentials=opened.credentials,
                    driver_options=opened.driver_options,
                    spark_options={"batchsize": BATCH_SIZE, **opened.reader_options},
                    only_create=staged is not None,
                )
                if staged is not None:
                    rows = staged.rows
                    self._execute(copy, opened)
                self._execute(actions.get("postactions", ""), opened)
            return self._record(WriteRecord(target, opened.engine, rows, (), 0.0, "jdbc"))

    def _staged(
        self, load: RedshiftLoad, frame: ProtectedFrame, opened: OpenedConnection, table: str, target: str
    ) -> tuple[str, WriteRecord | None]:
        """Write a frame under the run's key to the location of a load; ``("", None)`` if it is not loaded.

        Returns:
            The COPY of its objects, and the record of their write.
        """
        names = "redshiftTmpDir and aws_iam_role"
        if opened.engine != "redshift":
            warn_of_ignored(names, target, "they are for Amazon Redshift")
            return "", None
        types = self._engine.column_types(frame.frame)
        if not can_load(types):
            _LOG.warning("%s: %s have no effect: a CSV object cannot contain its columns", target, names)
            return "", None
        self._loads += 1
        location = s3_location(f"{load.location.rstrip('/')}/{self._run_id}/{self._loads}/", "write")
        null = f"@NULL {self._run_id}@"
        record = self.write_s3(
            frame, str(location), format="csv", mode="errorifexists", options=csv_options(null)
        )
        if not record.folders:
            return "", record
        columns = [name for name, _type in types]
        return copy_statement(table, columns, location, load, null=null), record

    def _execute(self, text: str, opened: OpenedConnection) -> None:
        """Execute the SQL statements of a text over a verified connection."""
        statements = split_statements(text)
        if statements:
            self._engine.execute_jdbc(
                statements,
                url=opened.url,
                driver=opened.driver,
                credentials=opened.credentials,
                driver_options=opened.driver_options,
            )

    def write_jdbc_custom(
        self, connection: str, table: str, *, options: Mapping[str, str], perform: Callable[[], object]
    ) -> WriteRecord:
        """Verify a Glue connection, let Glue's own writer append to a table, and record the write.

        Args:
            connection: the Glue connection's name.
            table: the table's name.
            options: connection options; each is validated.
            perform: writes.

        Raises:
            RefusedError, VerificationError: GS-COL-005 under a column policy, and as for
                :meth:`ConnectionManager.open_for_glue`.
        """
        with self._operation():
            target = f"{connection}/{table}"
            self._columns.reject_unprotectable_sink(target)
            opened = self._connections.open_for_glue(connection, options)
            with self._engine.attribute_writes_to_run(None):
                perform()
            return self._record(WriteRecord(target, opened.engine, None, (), 0.0, "jdbc"))

    def path_verifier(self, target: str, *, format: str, kind: str) -> PathVerifier:
        """Check an S3 location that an engine will write to (a stream's checkpoint), and return its verifier.

        Raises:
            RefusedError: GS-S3-001, -002, -003, -006, -008, -009.
        """
        with self._operation():
            location = s3_location(target, "write")
            self._guard.reject_reserved_location(location, "write to")
            self._guard.check_encryption(location)
            return PathVerifier(
                location,
                format=format,
                kind=kind,
                guard=self._guard,
                verifier=self._verifier,
                requests=self._requests,
                recorder=self._recorder,
            )

    def verify_at_commit(self, target: str, *, format: str, saves_rdds: bool = False) -> None:
        """Check an S3 location where an engine writes later, while a frame is computed.

        Objects that exist now are accepted; objects that appear are verified by
        :meth:`verify_deferred_writes`.

        Args:
            target: the location.
            format: for the evidence.
            saves_rdds: whether the engine may write there with an RDD save.

        Raises:
            RefusedError: as in :meth:`path_verifier`.
            VerificationError: GS-S3-007, the location cannot be listed.
        """
        with self._operation():
            path = self.path_verifier(target, format=format, kind="s3")
            if saves_rdds:
                self._rdd_locations.add(path.location)
            if all(path.location != deferred.location for deferred in self._deferred):
                path.accept_existing()
                self._deferred.append(path)

    def verify_deferred_writes(self) -> bool:
        """Verify and record the locations of :meth:`verify_at_commit`.

        Returns:
            Whether new objects appeared at a location where the engine may write with an RDD save.

        Raises:
            RefusedError: GS-S3-001 to -004, -008.
            VerificationError: GS-S3-007.
        """
        saved_rdds = False
        while self._deferred:
            path = self._deferred[0]
            path.verify()
            record = path.record()
            del self._deferred[0]
            saved_rdds = saved_rdds or (path.location in self._rdd_locations and bool(record.objects))
        return saved_rdds

    def deferred_writes(self) -> tuple[UnmanagedWrite, ...]:
        """Return the locations of :meth:`verify_at_commit` that are not verified."""
        return tuple(UnmanagedWrite(str(path.location), path.format) for path in self._deferred)

    def _reject_overwrite_of_source(
        self, frame: DataFrame, location: S3Uri, partition_by: Sequence[str], options: Mapping[str, str]
    ) -> None:
        """Reject an overwrite of what the frame reads: Spark deletes before it computes the frame."""
        sources = self._engine.sources_deleted_by_overwrite(
            frame, location, partition_by=partition_by, options=options
        )
        if sources:
            others = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
            raise UsageError(
                f"overwrite of {location}",
                found=f"a frame that reads {sources[0]}{others}, which the overwrite would delete first",
                required="a target whose objects the frame does not read",
                fix="write to another prefix; or store the rows first: "
                "spark.sparkContext.setCheckpointDir('s3a://BUCKET/PREFIX/'); frame = frame.checkpoint()",
            )

    def _writes_nothing(self, frame: DataFrame, location: S3Uri, mode: str) -> bool:
        """Return whether the frame has no rows and the target stays as it is."""
        if mode not in ("append", "overwrite"):
            return False
        is_empty = self._engine.is_certainly_empty(frame)
        if mode == "append":
            return is_empty
        # The optimizer does not prove every frame of an empty selection empty, for example after a function
        # in Python. The job that finds out is run only if a read of this run selected nothing.
        is_empty = is_empty or (self._read_objects.selected_nothing and self._engine.is_empty(frame))
        if is_empty:
            _LOG.warning(
                "%s: the frame has no rows; nothing is overwritten (overwrite_with_nothing=True deletes what "
                "is there)",
                location,
            )
        return is_empty

    def _write(self, write: _S3Write) -> WriteRecord:
        self._guard.reject_reserved_location(write.location, "write to")
        self._guard.check_encryption(write.location)
        objects: Iterable[ObjectEncryption] | None = None
        if write.by_spark and self._requests.are_guarded:
            record, objects = self._write_with_receipts(write)
        elif write.named is not None:
            record = self._write_with_metadata(write, write.named)
        else:
            record = self._write_with_listings(write)
        return self._record(replace(record, **write.facts()), objects)

    def _perform(self, write: _S3Write) -> int | None:
        """Write. Raise the refusal of the request guard if it caused the failure."""
        attributed = self._engine.attribute_writes_to_run(write.location, commands=write.commands)
        try:
            with self._recorder.timed("write"), attributed:
                return write.perform()
        except Exception as error:
            raise self._requests.cause_of(error)  # noqa: B904 - the refusal has its cause

    def _write_with_receipts(self, write: _S3Write) -> tuple[WriteRecord, Iterable[ObjectEncryption] | None]:
        """Return the record, and its objects if they are those of receipts."""
        location, receipts = write.location, self._requests.receipts
        self._requests.collect()
        start = receipts.number
        rows = self._perform(write)
        started = time.perf_counter()
        objects: tuple[ObjectEncryption, ...] = ()
        streamed: Iterable[ObjectEncryption] | None = None
        with self._recorder.timed("verify"):
            self._requests.collect()
            if self._requests.are_guarded:
                found = receipts.attribute_below(location, *write.others, since=start)
                self._requests.verify(found)
                streamed = found.encryptions()
                has_stored = receipts.has_stored_below(location, since=start)
            else:  # an executor was lost, or does not have the guard
                recent = [
                    uri for place in (location, *write.others) for uri in self._guard.list_recent(place)
                ]
                objects = self._verifier.verify(recent, may_be_deleted=True)
                has_stored = bool(objects)
            if not has_stored and rows is None and write.count is not None:
                rows = write.count()
            if not (write.may_write_nothing or has_stored):
                self._guard.require_objects_written(location, rows, ())
        seconds = time.perf_counter() - started
        source = "receipts" if self._requests.are_guarded else "HeadObject"
        record = WriteRecord(str(location), write.format, rows, objects, seconds, verified_by=source)
        return record, streamed

    def _write_with_metadata(
        self, write: _S3Write, named: Callable[[], Sequence[S3Uri] | None]
    ) -> WriteRecord:
        """Verify the objects that a table's metadata names; list the locations if it does not name all."""
        locations = (write.location, *write.others)
        # S3's time is needed to recognise new objects in a listing.
        times = [self._guard.time_before(location) for location in locations if write.is_listed]
        rows = self._perform(write)
        started = time.perf_counter()
        with self._recorder.timed("verify"):
            uris = named()
            if uris is None:
                uris = [
                    summary.uri
                    for location, time_before in zip(locations, times, strict=True)
                    for summary in self._guard.list_new(location, time_before)
                ]
            objects = self._verifier.verify(uris, may_be_deleted=True)
        seconds = time.perf_counter() - started
        return WriteRecord(str(write.location), write.format, rows, objects, seconds)

    def _write_with_listings(self, write: _S3Write) -> WriteRecord:
        location = write.location
        self._prover.read_rules(location.bucket)
        with self._recorder.timed("list"):
            before = self._guard.start_write(location)
        self._requests.collect()
        start = self._requests.receipts.number
        rows = self._perform(write)
        started = time.perf_counter()
        with self._recorder.timed("verify"):
            self._requests.collect()
            self._requests.receipts.attribute_below(location, since=start)
            listed = self._guard.list_new(location, before.time)
            new = [summary.uri for summary in listed]
            selected, proof = self._prover.select(location, new)
            objects = self._read_back(selected, new)
            if not new and rows is None and write.count is not None:
                rows = write.count()
            if not (write.may_write_nothing and before.has_objects):
                self._guard.require_objects_written(location, rows, new)
        earlier = self._written_before(listed, before.time)
        objects = tuple(encryption for encryption in objects if encryption.uri not in earlier)
        proved = tuple(uri for uri in new if uri not in earlier.union(selected))
        self._prover.record(location, proved, proof)
        seconds = time.perf_counter() - started
        return WriteRecord(str(location), write.format, rows, objects, seconds, proved=proved, proof=proof)

    def _written_before(self, listed: Sequence[ObjectSummary], time: datetime) -> set[S3Uri]:
        """Return the listed objects that the listing of an earlier write showed just before ``time``.

        Of the objects that this listing shows, those are remembered that the listing of the next write can
        show again.
        """
        earlier = {summary.uri for summary in listed if summary.last_modified < time} & self._listed.keys()
        self._listed |= {summary.uri: summary.last_modified for summary in listed}
        newest = max(self._listed.values(), default=time)
        self._listed = {uri: stored for uri, stored in self._listed.items() if newest - stored <= 2 * MARGIN}
        return earlier

    def _read_back(self, selected: Sequence[S3Uri], new: Sequence[S3Uri]) -> tuple[ObjectEncryption, ...]:
        try:
            return self._verifier.verify(selected)
        except ControlError:
            if len(selected) < len(new):
                # The proof was wrong: read every object back, so that the error names all that are affected.
                self._verifier.verify(new)
            raise

    def _record(self, record: WriteRecord, objects: Iterable[ObjectEncryption] | None = None) -> WriteRecord:
        record = self._recorder.write(record, objects)
        self._read_objects.record_write()
        return record


def _require_columns(partition_by: Sequence[str], columns: Sequence[str], location: S3Uri) -> None:
    """Raise UsageError if a partition column is no column of the frame, or no other column is left."""
    if not partition_by:
        return
    known = {name.lower() for name in columns}
    unknown = [name for name in partition_by if name.lower() not in known]
    if unknown:
        raise UsageError(
            f"partition_by of a write to {location}",
            found=f"{', '.join(map(repr, unknown))}, which the frame does not have",
            required=f"columns of the frame: {', '.join(columns)}",
            fix=correction(unknown, columns) or "correct partition_by, or add the column",
        )
    if known == {name.lower() for name in partition_by}:
        raise UsageError(
            f"partition_by of a write to {location}",
            found="every column of the frame",
            required="at least one column for the files",
        )


def _split_actions(options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return ``preactions`` and ``postactions`` by lower-case name, and the other options."""
    actions = {name.lower(): str(value) for name, value in options.items() if name.lower() in _ACTIONS}
    return actions, {name: value for name, value in options.items() if name.lower() not in _ACTIONS}


def _spark_mode(
    mode: str, location: S3Uri, partition_by: Sequence[str], options: dict[str, str]
) -> Literal["append", "overwrite", "error", "errorifexists", "ignore"]:
    """Return Spark's save mode, and add the option of a dynamic partition overwrite to ``options``."""
    if mode not in MODES:
        raise UsageError("write mode", found=repr(mode), required=", ".join(MODES))
    if mode != "overwrite_partitions":
        return mode  # type: ignore[return-value]
    if not partition_by:
        raise UsageError(
            f"a write to {location}",
            found="mode 'overwrite_partitions' without partition columns",
            required="partition_by",
            fix="pass partition_by=, or use mode='overwrite'",
        )
    requested = options.setdefault(PARTITION_OVERWRITE_MODE, DYNAMIC)
    if requested.lower() != DYNAMIC:
        raise UsageError(
            f"a write to {location}",
            found=f"mode 'overwrite_partitions' and the option {PARTITION_OVERWRITE_MODE} {requested!r}",
            required="one of them",
        )
    return "overwrite"
