"""One secured run: guarded from the first read to the evidence.

As data flows: arguments → preflight → settings plan, applied and read back → reads and writes through
the funnels → bookmark commit → evidence. Each step's result is frozen; none reaches back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from glue_secure.catalog.encrypted_catalog import EncryptedCatalog
from glue_secure.catalog.updater import CatalogUpdater
from glue_secure.columns.enforcer import ColumnPolicyEnforcer
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.arguments import BOOKMARK_URI, COLUMNS, EVIDENCE_URI, JobArguments, JobIdentity
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError, VerificationError
from glue_secure.core.evidence import Evidence
from glue_secure.core.findings import Finding, enforce
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import Engine, Services
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.core.spark_conf import check_java_options, check_settings
from glue_secure.core.worker_encryption import SHUFFLE_ARGUMENTS, enforce_worker_encryption
from glue_secure.io.catalog_reader import CatalogReader
from glue_secure.io.housekeeping import Housekeeping
from glue_secure.io.reader import DataReader
from glue_secure.io.writer import DataWriter
from glue_secure.preflight.establish import Preflight, establish
from glue_secure.preflight.fine_grained import is_fine_grained
from glue_secure.run.bookmark_setup import bookmarks_of
from glue_secure.run.direct import Direct
from glue_secure.run.evidence_store import write_evidence
from glue_secure.run.gates import Gated, gate_of
from glue_secure.run.through import Through
from glue_secure.verification.bucket_policy_proof import BucketPolicyProver
from glue_secure.verification.driver_s3 import DriverS3Recorder
from glue_secure.verification.object_verifier import ObjectVerifier
from glue_secure.verification.target_guard import TargetGuard
from glue_secure.verification.unmanaged_writes import UnmanagedWriteVerifier


class Run(Direct, Through, Gated):
    """Holds a run's guard, funnels, bookmark and recorder. Made by :meth:`start`.

    Attributes:
        identity: which run of which job.
        preflight: what was established before it.
        evidence_uri: where the evidence was written, None until then.
        catalog: the Data Catalog, for what writes change in it. Use it inside :meth:`call`.
        housekeeping: purges and transitions. Use it inside :meth:`call`.
        streams_end_when_drained: whether a stream handles what is there and returns.
        temporary: the job's ``--TempDir``, ``""`` when it has none.
        fine_grained: whether Lake Formation's fine-grained access control is on, so that RDDs are shut.
    """

    def __init__(
        self,
        *,
        identity: JobIdentity,
        arguments: JobArguments,
        services: Services,
        engine: Engine,
        preflight: Preflight,
        recorder: RunRecorder,
        glue_commit: Callable[[], None] | None = None,
        native_bookmarks: bool = False,
    ) -> None:
        self.identity, self.preflight = identity, preflight
        self.fine_grained = is_fine_grained(arguments)
        self._strict_workers = arguments.requires_worker_encryption()
        self.evidence_uri: S3Uri | None = None
        self._services, self._engine, self._recorder = services, engine, recorder
        self._arguments, self._gate = arguments, None
        self._evidence_prefix = arguments.required_location(EVIDENCE_URI)
        self._outcome: str | None = None
        self._failure: BaseException | None = None
        self._process = os.getpid()
        self._lock, self._under_way, self._committing = Lock(), 0, False
        self._glue_commit = glue_commit
        self._bookmarks = bookmarks_of(
            identity,
            arguments,
            preflight,
            services,
            managed_by_glue=native_bookmarks,
        )
        catalog = EncryptedCatalog(
            services.control_plane,
            keys=services.keys,
            account=preflight.account,
            region=preflight.region,
            recorder=recorder,
        )
        self.connections = connections = ConnectionManager(
            control_plane=catalog,
            objects=services.objects,
            secrets=services.secrets,
            engine=engine,
            clock=services.clock,
            recorder=recorder,
        )
        self.reader = DataReader(
            plan=preflight.plan,
            engine=engine,
            objects=services.objects,
            catalog=catalog,
            bookmarks=self._bookmarks,
            connections=connections,
            recorder=recorder,
            operation=self.call,
        )
        self.catalog_reader = CatalogReader(
            reader=self.reader, catalog=catalog, engine=engine, operation=self.call
        )
        self.columns = ColumnPolicyEnforcer(
            location=arguments.location(COLUMNS),
            objects=services.objects,
            source=services.columns,
            engine=engine,
            recorder=recorder,
            operation=self.call,
        )
        prefixes = (self._evidence_prefix, arguments.location(BOOKMARK_URI))
        self.guard = TargetGuard(
            plan=preflight.plan,
            engine=engine,
            objects=services.objects,
            recorder=recorder,
            reserved=[prefix for prefix in prefixes if prefix],
        )
        verifier = ObjectVerifier(
            key=preflight.keys.s3,
            objects=services.objects,
            engine=engine,
            recorder=recorder,
            # Fine-grained access control does not allow RDDs, which run tasks on executors.
            remote=None if self.fine_grained else services.remote_objects,
        )
        self.writer = DataWriter(
            engine=engine,
            guard=self.guard,
            verifier=verifier,
            prover=BucketPolicyProver(
                key=preflight.keys.s3,
                objects=services.objects,
                recorder=recorder,
                # Only AWS is known to enforce bucket policies.
                seed=str(identity.run_id) if services.environment.kind == "aws" else "",
            ),
            connections=connections,
            columns=self.columns,
            recorder=recorder,
            operation=self.call,
        )
        self._unmanaged_writes = UnmanagedWriteVerifier(
            guard=self.guard, verifier=verifier, columns=self.columns, recorder=recorder
        )
        self._driver_s3 = DriverS3Recorder(
            key=preflight.keys.s3, source=services.driver_s3, guard=self.guard, operation=self.call
        )
        self.catalog = CatalogUpdater(catalog=catalog, recorder=recorder)
        self.housekeeping = Housekeeping(
            key=preflight.keys.s3,
            objects=services.objects,
            guard=self.guard,
            verifier=verifier,
            clock=services.clock,
            recorder=recorder,
            operation=self.call,
        )
        self.streams_end_when_drained = services.streams_end_when_drained
        self.temporary = arguments.get("TempDir") or ""
        self.scheme = engine.scheme

    @classmethod
    def start(
        cls,
        identity: JobIdentity,
        arguments: JobArguments,
        *,
        services: Services,
        engine: Engine,
        preflight: Preflight | None = None,
        glue_commit: Callable[[], None] | None = None,
        native_bookmarks: bool = False,
    ) -> Run:
        """Establish the run, apply the settings plan, read it back, and open the bookmark.

        Args:
            identity: which run.
            arguments: the job's arguments.
            services: what it talks to.
            engine: what moves its data.
            preflight: an established preflight, when the caller ran it while the engine started.
            glue_commit: Glue's own ``Job.commit``, where the run has one; called after every verification.
            native_bookmarks: whether that commit is the run's bookmark, in place of this project's store.

        Raises:
            RefusedError, VerificationError: a control stopped it. Nothing was read or written.
        """
        recorder = RunRecorder(started=services.clock.now())
        try:
            if preflight is None:
                preflight = establish(identity, arguments, services)
            recorder.seconds["preflight"] = preflight.seconds
            recorder.record(preflight.findings)
            run = cls(
                identity=identity,
                arguments=arguments,
                services=services,
                engine=engine,
                preflight=preflight,
                recorder=recorder,
                glue_commit=glue_commit,
                native_bookmarks=native_bookmarks,
            )
        except BaseException:
            engine.close()  # no run will: what it hung upon the session would stay
            raise
        try:
            run._open()
        except BaseException as error:
            run.close(error)
            raise
        return run

    def _open(self) -> None:
        with self._recorder.timed("settings"):
            self._engine.apply_settings(self.preflight.plan)
            in_force = self._engine.settings_in_force()
            self._recorder.record(enforce(check_settings(self.preflight.plan, in_force)))
            self._recorder.record(enforce(check_java_options(self._engine.java_options())))
            self._recorder.record(self._workers())
            self._engine.monitor_writes(self._save)
            self._unmanaged_writes.require_observable(self._engine.unmanaged_writes())
            self._driver_s3.guard_default_session(lambda: self.is_open)
        with self._recorder.timed("columns"):
            self.columns.load()
        with self._recorder.timed("suites"):
            self._gate = gate_of(
                self._arguments,
                objects=self._services.objects,
                recorder=self._recorder,
                writer=self.writer,
                run=str(self.identity.run_id),
            )
        with self._recorder.timed("bookmark"):
            self._recorder.record(self._bookmarks.load())

    def _workers(self) -> list[Finding]:
        told = {name: self._arguments.get(name) or "" for name in SHUFFLE_ARGUMENTS}
        settings = {**self._engine.worker_settings(), **told}
        return enforce_worker_encryption(settings, key=self.preflight.keys.s3, required=self._strict_workers)

    def _save(self, place: str, format: str, perform: Callable[[], Any]) -> None:
        """An RDD save, as a guarded write."""
        self.writer.write_custom(place, format=format, perform=perform)

    @property
    def boto3_session(self) -> Any:
        """See :attr:`DriverS3Recorder.session`."""
        return self._driver_s3.session

    @property
    def has_failed(self) -> bool:
        """Whether a read or write has failed, so that nothing can be committed any more."""
        return self._failure is not None

    @contextmanager
    def call(self, spoiling: type[BaseException] = BaseException) -> Iterator[None]:
        """One read or write, from the door on. What fails in it spoils the run.

        A script that swallows the error must not move its bookmark past data that was selected and not
        read, or not written, or written and not verified. A JDBC read notes last what it selects, so that
        only a refusal spoils it.
        """
        with self._lock:
            self._require_open()
            self._under_way += 1
        try:
            yield
        except spoiling as error:
            self._failure = self._failure or error
            raise
        finally:
            with self._lock:
                self._under_way -= 1
        if self._outcome is not None:
            raise UsageError(
                f"run {self.identity.run_id} is over",
                found=f"a read or write that ended after the run {self._outcome}; it is in no evidence",
                required="all reads and writes ended before the run is",
                fix="wait for threads before the block ends",
            )

    def commit(self) -> S3Uri:
        """Commit the bookmark (every write is already verified), then write the evidence.

        Returns:
            Where the evidence lies.

        Raises:
            GlueSecureError: an earlier read or write failed, and the script went on; nothing is committed.
            BookmarkConflictError: another run committed first (GS-BKM-005).
            VerificationError: the bookmark (GS-BKM-006) or the evidence (GS-EVD-001) could not be written.
        """
        with self._lock:
            self._require_open()
            if self._under_way:
                raise UsageError(
                    f"commit of run {self.identity.run_id}",
                    found=f"{self._under_way} reads or writes under way in other threads",
                    required="none",
                    fix="wait for them before job.commit()",
                )
            self._committing = True
        try:
            self._require_no_failure()
            with self._recorder.timed("commit"):
                staged = self.writer.verify_deferred_writes()
                self._unmanaged_writes.verify(self._engine.unmanaged_writes(), staged=staged)
                self._unmanaged_writes.verify_boto3_writes(self._driver_s3.uris())
                self._driver_s3.clear()
                self._bookmarks.commit()
                if self._glue_commit is not None:
                    self._glue_commit()
        except BaseException as error:
            self.close(error)
            raise
        self.close()
        assert self.evidence_uri is not None  # noqa: S101 - close() wrote it or raised
        return self.evidence_uri

    def close(self, error: BaseException | None = None, *, outcome: str | None = None) -> None:
        """Write the evidence, once. After an error nothing was committed, and the evidence says why.

        A failure to write it is raised when the run itself went well; it never hides the run's own error.
        """
        if self._outcome is not None or os.getpid() != self._process:
            return  # over already; or a fork, whose end is not the run's
        self._outcome = outcome or ("succeeded" if error is None else _outcome_of(error))
        self._driver_s3.release_default_session()
        self._unmanaged_writes.record_unverified(
            self._engine.pending_unmanaged_writes(), self._driver_s3.uris()
        )
        try:
            self.evidence_uri = write_evidence(
                self._make_evidence(error, self._outcome),
                self._evidence_prefix,
                key=self.preflight.keys.s3,
                objects=self._services.objects,
            )
        except Exception as problem:
            # Whatever stopped the run is what its user must see; a dead JVM or bucket comes second.
            if error is not None:
                return
            raise VerificationError(
                "GS-EVD-001",
                resource=str(self._evidence_prefix),
                found=str(problem) if isinstance(problem, ServiceError) else type(problem).__name__,
                required="the run's evidence, SSE-KMS under the run's key",
                fix=f"give the job's role s3:PutObject there; the run {self._outcome}",
                aws_code=problem.code if isinstance(problem, ServiceError) else None,
            ) from problem
        finally:
            self.connections.close()
            with suppress(Exception):  # a JVM that is gone needs nothing taken off it
                self._engine.close()

    @property
    def is_open(self) -> bool:
        """Whether it can still read, write and commit."""
        return self._outcome is None

    def _require_open(self) -> None:
        if self._outcome is not None or self._committing:
            raise UsageError(
                f"run {self.identity.run_id} is over",
                found=f"a read, write or commit after it {self._outcome or 'began to commit'}",
                required="all reads and writes before job.commit()",
                fix="move the call before job.commit(); what comes after it would be in no evidence",
            )

    def _require_no_failure(self) -> None:
        if isinstance(self._failure, GlueSecureError):
            raise self._failure
        if self._failure is not None:
            raise GlueSecureError(
                f"an earlier read or write failed with {type(self._failure).__name__} and the script "
                "went on; nothing is committed"
            ) from self._failure

    def _make_evidence(self, error: BaseException | None, outcome: str) -> Evidence:
        versions: Mapping[str, str] = {}
        settings: Mapping[str, str] = {}
        rows_of: Callable[[str], int | None] = self._engine.rows_read
        try:
            versions, settings = self._engine.versions, self._engine.settings_in_force()
        except Exception:
            if error is None:
                raise
            # The JVM went down with the run: what it knew is missing, what the run noted is not.
            rows_of = _not_measured
        return self._recorder.evidence(
            identity=self.identity,
            preflight=self.preflight,
            error=error,
            outcome=outcome,
            account=self._services.environment.kind,
            runtime=self._engine.name,
            versions={**self._services.versions, **versions},
            finished=self._services.clock.now(),
            settings=settings,
            rows_of=rows_of,
            bookmark=self._bookmarks.report().as_mapping(),
        )


def _not_measured(_mark: str) -> None:
    return None


def _outcome_of(error: BaseException) -> str:
    return "refused" if isinstance(error, ControlError) else "failed"
