"""A started run of a job, with the components that read, write, verify and record.

``run.start`` builds a run and its components. Callers use the components directly:
``run.reader.read_s3(...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.catalog.encrypted_metastore import EncryptedMetastore
from glue_secure.catalog.updater import CatalogUpdater
from glue_secure.columns.enforcer import ColumnPolicyEnforcer
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.arguments import SUITES, JobIdentity
from glue_secure.core.errors import BookmarkConflictError, ControlError, UsageError
from glue_secure.core.evidence import ENDED_WITHOUT_COMMIT, Evidence
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import Engine, Services
from glue_secure.core.recorder import RunRecorder
from glue_secure.io.catalog_reader import CatalogReader
from glue_secure.io.connector_calls import ConnectorCalls
from glue_secure.io.housekeeping import Housekeeping
from glue_secure.io.reader import DataReader
from glue_secure.io.stores import StoreChecker
from glue_secure.io.tables.reader import TableReader
from glue_secure.io.tables.writer import TableWriter
from glue_secure.io.writer import DataWriter
from glue_secure.policyfile.exceptions import ExceptionRegister
from glue_secure.policyfile.loading import moved_tables
from glue_secure.policyfile.model import rules_of
from glue_secure.preflight.establish import Preflight
from glue_secure.run.evidence_store import EvidenceStore, no_evidence, report_missing
from glue_secure.run.process_facts import imported_versions, script_of
from glue_secure.run.state import RunState
from glue_secure.verification.driver_s3 import DriverS3Recorder
from glue_secure.verification.object_verifier import ObjectVerifier
from glue_secure.verification.s3_requests import S3Requests
from glue_secure.verification.source_requirements import SourceChecker
from glue_secure.verification.target_guard import TargetGuard
from glue_secure.verification.unmanaged_writes import UnmanagedWriteVerifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from glue_secure.quality.gate import SuiteGate

ACTIVE_WORK_SECONDS = 5.0
"""How long a commit waits for work of Spark that is about to end."""


@dataclass(eq=False, repr=False, kw_only=True)
class Run:
    """A run that has started. ``commit`` or ``close`` ends it.

    Attributes:
        identity: job name and run id.
        preflight: security configuration, keys, account and region.
        services: the services that the run calls.
        engine: the Spark session.
        recorder: findings and records for the evidence.
        state: whether the run is open or has failed.
        bookmarks: the job bookmark.
        guard: checks S3 targets.
        requests: the receipts of the run's S3 requests.
        verifier: reads back how objects are encrypted.
        columns: the column policy.
        connections: opens verified connections.
        stores: checks the tables and streams behind connectors.
        connector_calls: checks and records calls of Glue's own connectors.
        exceptions: the exceptions of the policy file.
        sources: checks the requirements of the policy file on objects that are read.
        reader: reads S3 and databases.
        catalog_reader: reads tables of the Data Catalog.
        writer: writes to S3 and databases.
        table_reader: reads tables of Iceberg, Delta Lake and Hudi by their commits.
        table_writer: commits to them.
        catalog: changes the Data Catalog. Call it inside :meth:`operation`.
        metastore: the Data Catalog for Spark SQL; None if there is none.
        housekeeping: purges and transitions.
        unmanaged_writes: verifies writes that the script made without glue-secure.
        driver_s3: guards botocore's clients in the driver's process.
        quality_gate: checks frames against suites; None if the job names no suites.
        glue_commit: AWS Glue's own ``Job.commit``; None outside of AWS Glue.
        evidence: writes the evidence.
        evidence_uri: location of the evidence, None until the run has ended.
        script_location: ``--scriptLocation``, ``""`` if the job has none.
        temporary: ``--TempDir``, ``""`` if the job has none.
        python_workers: what guards botocore's clients in Spark's Python workers; see
            :meth:`Engine.guard_python_workers`.
        fine_grained: whether the job uses Lake Formation's fine-grained access control, so that RDDs are
            unavailable.
        call_site: file and line of the script that started the run, ``""`` if it is not known.
        awaits_init: whether the run started without ``job.init``, and none has joined it yet.
    """

    identity: JobIdentity
    preflight: Preflight
    services: Services
    engine: Engine
    recorder: RunRecorder
    state: RunState
    bookmarks: BookmarkSession
    guard: TargetGuard
    requests: S3Requests
    verifier: ObjectVerifier
    columns: ColumnPolicyEnforcer
    connections: ConnectionManager
    stores: StoreChecker
    connector_calls: ConnectorCalls
    exceptions: ExceptionRegister
    sources: SourceChecker
    reader: DataReader
    catalog_reader: CatalogReader
    writer: DataWriter
    table_reader: TableReader
    table_writer: TableWriter
    catalog: CatalogUpdater
    metastore: EncryptedMetastore | None
    housekeeping: Housekeeping
    unmanaged_writes: UnmanagedWriteVerifier
    driver_s3: DriverS3Recorder
    quality_gate: SuiteGate | None
    glue_commit: Callable[[], None] | None
    evidence: EvidenceStore
    script_location: str
    temporary: str
    fine_grained: bool
    evidence_uri: S3Uri | None = None
    call_site: str = ""
    python_workers: str = ""
    awaits_init: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the run can read, write and commit."""
        return self.state.is_open

    def operation(self, fails_run_on: type[BaseException] = BaseException, /) -> AbstractContextManager[None]:
        """Return the context of one read or write; see :meth:`RunState.operation`."""
        return self.state.operation(fails_run_on)

    def check_quality(
        self,
        frame: DataFrame,
        sink: str,
        *,
        suite: str,
        on_failure: str = "block",
        quarantine: str | S3Uri | None = None,
    ) -> DataFrame:
        """Return the rows of the frame that may be written to ``sink``; see :meth:`SuiteGate.apply`.

        Raises:
            UsageError: the job's arguments name no suites.
        """
        if self.quality_gate is None:
            with self.operation():
                raise UsageError(
                    f"quality_suite={suite!r}",
                    found=f"no --{SUITES}",
                    required=f"--{SUITES} with every suite that the job uses",
                    fix=f"add --{SUITES} {suite} to the job's arguments",
                )
        with self.operation():
            return self.quality_gate.apply(
                frame, sink, suite=suite, on_failure=on_failure, quarantine=quarantine
            )

    def commit(self) -> S3Uri:
        """Verify the writes that are not verified yet, commit the bookmark, and write the evidence.

        If Spark jobs, SQL executions, streams or S3 requests of the driver are active, in any thread or
        session, the commit waits for up to ``ACTIVE_WORK_SECONDS`` and then fails. In AWS Glue, Glue's own
        ``Job.commit`` is called after the commit of the bookmark.

        Returns:
            The location of the evidence.

        Raises:
            UsageError: this is a forked process, the run has ended, or operations are in progress in other
                threads.
            GlueSecureError: an operation, or a write by Spark, failed and the script continued; nothing is
                committed.
            RefusedError: a write that is verified at commit violates a control; nothing is committed.
            BookmarkConflictError: another run committed first (GS-BKM-005); nothing is committed.
            VerificationError: a write could not be verified (GS-S3-007, GS-S3-012), or Spark still works
                (GS-S3-012), and nothing is committed;
                the bookmark or its high-water mark could not be written (GS-BKM-006); or the evidence could
                not be written after the commit (GS-EVD-001).
        """
        self.state.begin_commit()
        is_bookmark_unchanged = True
        try:
            self.state.require_no_failure()
            with self.recorder.timed("commit"):
                self._verify_writes()
                self.columns.warn_of_unmatched_rules()
                self._publish_tables()
                self.unmanaged_writes.require_no_active_work(self.engine.active_work(0.0))
                is_bookmark_unchanged = False
                self.bookmarks.commit()
                if self.glue_commit is not None:
                    self.engine.resume_writes()  # Glue may store its bookmark with a client of the JVM
                    self.glue_commit()
        except BaseException as error:
            is_bookmark_unchanged |= isinstance(error, BookmarkConflictError)
            described = self._end_publication(error, withdraw=is_bookmark_unchanged)
            self.close(described)
            if described is error:
                raise
            raise described from error
        self.close()
        assert self.evidence_uri is not None  # noqa: S101 - close() wrote the evidence or raised
        return self.evidence_uri

    def end_without_commit(self) -> bool:
        """Verify the writes that are not verified yet, and write the evidence. The bookmark does not move.

        This ends the run of a script that did not call ``job.commit()``.

        Returns:
            Whether the run read with a bookmark that a commit would have moved, so that the next run reads
            the same input again.

        Raises:
            GlueSecureError: as :meth:`commit`.
        """
        self.state.begin_commit()
        try:
            self.state.require_no_failure()
            with self.recorder.timed("commit"):
                self._verify_writes()
        except BaseException as error:
            self.close(error)
            raise
        is_pending = self.bookmarks.pending
        self.close(outcome=ENDED_WITHOUT_COMMIT)
        return is_pending

    def _publish_tables(self) -> None:
        """Make the commits visible that tables have on branches, now that all writes are verified."""
        if not self.table_writer.staged:
            return
        self.engine.resume_writes()
        self.table_writer.publish()
        self._verify_writes()  # of what another thread stored meanwhile

    def _end_publication(self, error: BaseException, *, withdraw: bool) -> BaseException:
        """Return an error of the commit with what the tables that this run has published show.

        Args:
            error: the error.
            withdraw: whether the publications are undone. They are not if the bookmark may have moved: the
                next run would then not write the rows again.
        """
        if not self.table_writer.has_published:
            return error
        if not withdraw:
            return self.table_writer.describe_published(error)
        self.engine.resume_writes()
        return self.table_writer.withdraw(error)

    def _verify_writes(self) -> None:
        active = tuple(self.engine.active_work(ACTIVE_WORK_SECONDS))
        active += tuple(self.requests.end_writes(ACTIVE_WORK_SECONDS))
        self.requests.collect()
        self.driver_s3.collect()
        self.sources.check_responses(self.requests.receipts, self.requests.problem)
        staged = self.writer.verify_deferred_writes()
        report = replace(self.engine.unmanaged_writes(), active=active)
        try:
            self.unmanaged_writes.verify(report, staged=staged)
        except ControlError as error:
            raise self._undo_unverified_tables(error) from error.__cause__
        self.unmanaged_writes.verify_boto3_writes(incomplete=self.driver_s3.incomplete_uploads())
        self._verify_moved_tables()

    def _undo_unverified_tables(self, error: ControlError) -> BaseException:
        """Undo what a script committed to tables without glue-secure. Return the error with the outcome."""
        writes = self.unmanaged_writes.unverified_tables
        if not writes:
            return error
        self.engine.resume_writes()
        return self.table_writer.undo_unverified(error, writes, self.recorder.started)

    def _verify_moved_tables(self) -> None:
        """Verify the objects below tables of the policy file that were created or moved during the run."""
        loaded = self.preflight.policy
        if not (loaded.tables or loaded.missing_tables):
            return
        policy, locations = moved_tables(loaded, self.services.control_plane)
        written = [
            uri for uri in self.recorder.written() if any(uri.is_below(location) for location in locations)
        ]
        if written:
            rules = rules_of(policy, self.preflight.keys.s3)
            self.verifier.verify_again(written, rules)

    def close(
        self, error: BaseException | None = None, *, outcome: str | None = None
    ) -> BaseException | None:
        """End the run and write its evidence. Does not commit, and does nothing if the run has ended.

        Return the error that the evidence names: the refusal of an S3 request, if ``error`` comes from one,
        otherwise ``error``.

        Args:
            error: the error that ended the run.
            outcome: the outcome in the evidence. The default is ``refused`` or ``failed`` if there is an
                ``error``, and otherwise ``succeeded``, which only :meth:`commit` may use.

        Raises:
            VerificationError: GS-EVD-001, the evidence could not be written. Not raised if there is an
                ``error``, because the caller raises ``error``.
        """
        if error is not None and self.state.is_open:
            error = self.state.failed_control_in(self.requests.cause_of(error))
        if outcome is None:
            outcome = "succeeded" if error is None else _outcome_of(error)
        if not self.state.end(outcome):
            return error
        self.driver_s3.close()
        try:
            self.unmanaged_writes.record_unverified(
                [*self.writer.deferred_writes(), *self.engine.pending_unmanaged_writes()]
            )
            self.evidence_uri = self.evidence.write(self._evidence(error, outcome))
        except Exception as problem:
            missing = no_evidence(problem, self.evidence, f"the outcome of the run is: {outcome}")
            if error is not None:
                report_missing(missing)
                return error
            raise missing from problem
        finally:
            self.connections.close()
            with suppress(Exception):  # the JVM may have stopped already
                self.engine.close()
        return error

    def prove_evidence(self) -> None:
        """Write the record of the run's start where its evidence will be written, and sign it like that.

        Raises:
            VerificationError: evidence cannot be written (GS-EVD-001) or signed (GS-EVD-002).
        """
        try:
            self.evidence.write_start(self.recorder.started)
        except Exception as problem:
            stopped = "the run stopped before it read or wrote data"
            raise no_evidence(problem, self.evidence, stopped) from problem

    def _evidence(self, error: BaseException | None, outcome: str) -> Evidence:
        versions: Mapping[str, str] = {}
        settings: Mapping[str, str] = {}
        rows_of: Callable[[str], int | None] = self.engine.rows_read
        try:
            versions, settings = self.engine.versions, self.engine.settings_in_force()
        except Exception:
            if error is None:
                raise
            # The JVM has stopped. The evidence then has no settings and no numbers of rows read.
            rows_of = _not_counted
        self.recorder.record(self.exceptions.findings())
        return self.recorder.evidence(
            identity=self.identity,
            account_id=self.preflight.account,
            region=self.preflight.region,
            security_configuration=self.preflight.configuration.name,
            keys={purpose: str(key) for purpose, key in self.preflight.keys.by_purpose().items()},
            error=error,
            outcome=outcome,
            account=self.services.environment.kind,
            runtime=self.engine.name,
            versions={**self.services.versions, **imported_versions(), **versions},
            finished=self.services.clock.now(),
            settings=settings,
            rows_of=rows_of,
            bookmark=self.bookmarks.report().as_mapping(),
            caller=self.preflight.caller,
            script=script_of(self.script_location),
            endpoints=self.services.endpoints(),
            policy=self.preflight.policy.as_mapping(self.recorder.policy_uses, self.exceptions.as_list()),
            request_guard={
                **self.requests.as_mapping(),
                "python_workers": "guarded" if self._guards_python_workers() else "not guarded",
            },
        )

    def _guards_python_workers(self) -> bool:
        by_executors = self.python_workers == "request guard"
        return bool(self.python_workers) and not (by_executors and self.requests.problem)


def _not_counted(_scan: str) -> None:
    return None


def _outcome_of(error: BaseException) -> str:
    return "refused" if isinstance(error, ControlError) else "failed"
