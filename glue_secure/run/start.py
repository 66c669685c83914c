"""Start a run. ``SecureJob`` and the ``Job`` classes for plain Spark and for AWS Glue use the same sequence.

1. :func:`read_arguments`: install the process hooks, select the runtime and read the arguments.
2. :func:`start_run`: create the services and run the preflight while the Spark session starts; call AWS
   Glue's ``Job.init`` if the job runs in Glue; create the engine.
3. :func:`open_run`: build the run and its components; apply the settings and read them back; load the column
   policy, the suites and the bookmark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glue_secure.catalog.encrypted_catalog import EncryptedCatalog
from glue_secure.catalog.encrypted_metastore import EncryptedMetastore
from glue_secure.catalog.updater import CatalogUpdater
from glue_secure.columns.enforcer import ColumnPolicyEnforcer
from glue_secure.connections.connectors.approval import ConnectorApproval
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.arguments import (
    BOOKMARK_URI,
    BOOKMARKS,
    COLUMNS,
    EVIDENCE_URI,
    QUARANTINE,
    JobArguments,
    JobIdentity,
)
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError
from glue_secure.core.evidence_parts import EvidenceParts
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.policy_arguments import PACKAGED
from glue_secure.core.ports import Engine, Services
from glue_secure.core.receipt_book import ReceiptBook
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.request_guard import RequestPolicy
from glue_secure.core.spark_conf import check_java_options, check_settings, plan_settings
from glue_secure.core.target_encryption import Algorithm
from glue_secure.core.worker_encryption import SHUFFLE_ARGUMENTS, enforce_worker_encryption
from glue_secure.io.catalog_reader import CatalogReader
from glue_secure.io.connector_calls import ConnectorCalls
from glue_secure.io.housekeeping import Housekeeping
from glue_secure.io.read_objects import ReadObjects
from glue_secure.io.reader import DataReader
from glue_secure.io.stores import StoreChecker
from glue_secure.io.tables.reader import TableReader
from glue_secure.io.tables.writer import TableWriter
from glue_secure.io.writer import DataWriter
from glue_secure.policyfile.connectors import approved_connectors
from glue_secure.policyfile.exceptions import ExceptionRegister
from glue_secure.preflight.establish import Preflight
from glue_secure.preflight.fine_grained import is_fine_grained
from glue_secure.preflight.lake_formation_mode import is_full_table
from glue_secure.run import automatic_start, composition, test_mode
from glue_secure.run.bookmark_setup import bookmarks_of
from glue_secure.run.evidence_store import EvidenceStore
from glue_secure.run.process_hooks import end_at_exit, install_process_hooks, script_line
from glue_secure.run.refusal import established
from glue_secure.run.run import Run
from glue_secure.run.runtime_selection import GlueJob, load_runtime, selected_runtime
from glue_secure.run.state import RunState
from glue_secure.verification.bucket_policy_proof import BucketPolicyProver
from glue_secure.verification.child_processes import CHILD_PROCESSES
from glue_secure.verification.driver_s3 import DriverS3Recorder
from glue_secure.verification.object_verifier import ObjectVerifier
from glue_secure.verification.s3_requests import S3Requests
from glue_secure.verification.source_requirements import SourceChecker
from glue_secure.verification.table_buckets import TableBucketChecker
from glue_secure.verification.target_guard import TargetGuard
from glue_secure.verification.target_keys import TargetKeys
from glue_secure.verification.unmanaged_writes import UnmanagedWriteVerifier

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.quality.gate import SuiteGate


def read_arguments(
    argv: Sequence[str] | None = None, init_arguments: Mapping[str, object] | None = None
) -> JobArguments:
    """Install the process hooks, check that a runtime can be selected, and return the job's arguments.

    Args:
        argv: arguments in the form of ``sys.argv``, which is the default.
        init_arguments: arguments that a script passes to ``job.init``; they override ``argv``.

    Raises:
        UsageError: no runtime can be selected.
    """
    install_process_hooks()
    selected_runtime()
    values = {name: str(value) for name, value in (init_arguments or {}).items() if value is not None}
    return composition.arguments(argv).with_overrides(values)


def start_run(
    arguments: JobArguments,
    session: Callable[[], SparkSession],
    *,
    job_name: str | None = None,
    glue_job: GlueJob | None = None,
    awaits_init: bool = False,
) -> Run:
    """Start a run, and close it when the process ends. No data of the job is read or written.

    If a run of the process has started without ``job.init``, the call joins it.

    Args:
        arguments: the result of :func:`read_arguments`.
        session: returns the Spark session, and creates it if necessary. The preflight runs in parallel.
        job_name: the job's name; None for the value of ``--JOB_NAME``.
        glue_job: AWS Glue's own ``Job``, if the caller is a subclass of it. If None, one is created in Glue.
        awaits_init: start the run without its bookmark, for a ``job.init`` that may follow.

    Raises:
        UsageError: an argument is invalid, or no runtime can be selected.
        RefusedError, VerificationError: a control stopped the run.
    """
    arguments = test_mode.prepared(arguments, job_name)
    waiting = automatic_start.waiting_run()
    if waiting is not None:
        run = automatic_start.join(waiting, arguments, job_name)
        run.call_site = script_line()
        return run
    with automatic_start.starting():
        run = _start(arguments, session, job_name, glue_job, awaits_init=awaits_init)
    run.call_site = script_line()
    end_at_exit(run)
    return run


def _start(
    arguments: JobArguments,
    session: Callable[[], SparkSession],
    job_name: str | None,
    glue_job: GlueJob | None,
    *,
    awaits_init: bool,
) -> Run:
    runtime = load_runtime()
    if glue_job is not None and glue_job.tracks_bookmark and arguments.has_portable_bookmarks():
        raise UsageError(
            f"--{BOOKMARKS} portable",
            found="passed to job.init after the GlueContext was created",
            required="an argument of the job",
            fix=f"add --{BOOKMARKS} portable to the job's arguments",
        )
    composition.check_environment()
    identity = arguments.identity(job=job_name, fresh_run_id=composition.fresh_run_id())

    def run_preflight() -> tuple[Services, Preflight]:
        services = composition.services()  # imports boto3
        return services, established(identity, arguments, services)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="glue-secure-preflight") as pool:
        preflight = pool.submit(run_preflight)
        try:
            spark = session()
            if glue_job is None:
                # Raises if the session lacks Glue's classes, whatever the preflight finds.
                tracks_bookmark = awaits_init and not arguments.has_portable_bookmarks()
                glue_job = runtime.glue_job(
                    spark, identity.job, arguments.values, tracks_bookmark=tracks_bookmark
                )
        except BaseException as error:
            other = preflight.exception()
            if other is None:
                raise
            is_unexpected = isinstance(error, Exception) and not isinstance(error, GlueSecureError)
            if is_unexpected and isinstance(other, ControlError):
                raise _chained(other, error) from other.__cause__
            _chained(error, other)
            raise
        services, facts = preflight.result()
    if glue_job is not None:
        glue_job.init()
    return open_run(
        identity,
        arguments,
        services=services,
        engine=runtime.create_engine(spark),
        preflight=facts,
        glue_job=glue_job,
        awaits_init=awaits_init,
    )


def _chained(error: BaseException, other: BaseException) -> BaseException:
    """Return ``error`` with ``other`` at the end of its causes."""
    last = error
    while (cause := last.__cause__ or (None if last.__suppress_context__ else last.__context__)) is not None:
        last = cause
    last.__cause__ = other
    return error


def open_run(
    identity: JobIdentity,
    arguments: JobArguments,
    *,
    services: Services,
    engine: Engine,
    preflight: Preflight | None = None,
    glue_job: GlueJob | None = None,
    awaits_init: bool = False,
) -> Run:
    """Build a run, apply its settings and read them back, and load its column policy, suites and bookmark.

    Args:
        identity: job name and run id.
        arguments: the job's arguments.
        services: the services that the run calls.
        engine: the engine of the Spark session.
        preflight: the result of :func:`~glue_secure.run.refusal.established`; if None, it is called.
        glue_job: AWS Glue's own ``Job``, already initialised; None outside of AWS Glue.
        awaits_init: do not use the bookmark before ``job.init`` joins the run.

    Raises:
        UsageError: an argument, the column policy or a suite is invalid.
        RefusedError, VerificationError: a control stopped the run. The evidence records the error.
    """
    recorder = RunRecorder(started=services.clock.now())
    try:
        if preflight is None:
            preflight = established(identity, arguments, services)
        recorder.seconds["preflight"] = preflight.seconds
        recorder.record(preflight.findings)
        run = build_run(identity, arguments, services, engine, preflight, recorder, glue_job, awaits_init)
    except BaseException:
        engine.close()
        raise
    try:
        _open(run, arguments)
    except BaseException as error:
        run.close(error)
        raise
    return run


def build_run(
    identity: JobIdentity,
    arguments: JobArguments,
    services: Services,
    engine: Engine,
    preflight: Preflight,
    recorder: RunRecorder,
    glue_job: GlueJob | None,
    awaits_init: bool,
) -> Run:
    """Return a run with its components. No setting is checked or applied, and nothing is loaded yet."""
    state = RunState(identity.run_id)
    operation = state.operation
    preflight = _for_engine(preflight, engine)
    exceptions = ExceptionRegister(preflight.policy.policy, services.clock.now)
    recorder.tolerated = exceptions.tolerated
    rules = preflight.plan.rules
    targets = TargetKeys(
        rules=rules,
        keys=services.keys,
        objects=services.objects,
        region=preflight.region,
        account=preflight.account,
        recorder=recorder,
    )
    evidence = EvidenceStore(
        identity=identity,
        account=preflight.account,
        region=preflight.region,
        prefix=arguments.required_location(EVIDENCE_URI),
        key=preflight.keys.evidence,
        signing=preflight.keys.evidence_signing,
        objects=services.objects,
        keys=services.keys,
        clock=services.clock,
    )
    recorder.parts = EvidenceParts(evidence)
    bookmark_uri = arguments.location(BOOKMARK_URI)
    fine_grained = is_fine_grained(arguments)
    bookmarks = bookmarks_of(
        identity,
        arguments,
        preflight,
        services,
        managed_by_glue=glue_job is not None and glue_job.tracks_bookmark,
        awaits_init=awaits_init,
    )
    catalog = EncryptedCatalog(
        services.control_plane,
        keys=services.keys,
        account=preflight.account,
        region=preflight.region,
        recorder=recorder,
    )
    connections = ConnectionManager(
        catalog=catalog,
        objects=services.objects,
        secrets=services.secrets,
        engine=engine,
        clock=services.clock,
        recorder=recorder,
        approved_jars={
            one.class_name: one.sha256 for one in preflight.policy.policy.connectors if one.sha256
        },
    )
    columns = ColumnPolicyEnforcer(
        location=arguments.location(COLUMNS),
        objects=services.objects,
        source=services.columns,
        engine=engine,
        recorder=recorder,
        operation=operation,
    )
    policy_files = tuple(
        S3Uri.parse(file.location)
        for file in preflight.policy.files
        if not file.location.startswith(PACKAGED)
    )
    reserved = (evidence.prefix, *((bookmark_uri,) if bookmark_uri else ()), *policy_files)
    tables = TableBucketChecker(
        engine=engine,
        key=preflight.keys.s3,
        rules=rules,
        recorder=recorder,
        client=services.table_buckets,
    )
    guard = TargetGuard(
        plan=preflight.plan,
        engine=engine,
        objects=services.objects,
        recorder=recorder,
        reserved=reserved,
        targets=targets,
        is_guarded=lambda: requests.are_guarded,
        tables=tables,
    )
    verifier = ObjectVerifier(
        targets=targets,
        objects=services.objects,
        engine=engine,
        recorder=recorder,
        # Fine-grained access control disables RDDs, and with them Python tasks on the executors.
        remote=None if fine_grained else services.remote_objects,
    )
    requests = S3Requests(
        targets=targets,
        policy=RequestPolicy(
            run=str(identity.run_id),
            rules=rules,
            reserved=reserved,
            s3_endpoint=preflight.plan.s3_endpoint,
            probe=evidence.prefix,
        ),
        engine=engine,
        verifier=verifier,
        receipts=ReceiptBook(rules.records_read),
        recorder=recorder,
    )
    prover = BucketPolicyProver(
        rules=rules,
        objects=services.objects,
        recorder=recorder,
        # A proof needs a service that enforces bucket policies, which is known of Amazon S3 only. Without a
        # seed there are no proofs, and every object is read back.
        seed=str(identity.run_id) if services.environment.kind == "aws" else "",
    )
    read_objects = ReadObjects(engine)
    sources = SourceChecker(
        preflight.policy.policy.sources,
        run_key=preflight.keys.s3,
        objects=services.objects,
        recorder=recorder,
        seed=str(identity.run_id),
        full_table_access=is_full_table(arguments),
    )
    reader = DataReader(
        plan=preflight.plan,
        engine=engine,
        objects=services.objects,
        catalog=catalog,
        bookmarks=bookmarks,
        connections=connections,
        recorder=recorder,
        read_objects=read_objects,
        sources=sources,
        operation=operation,
    )
    writer = DataWriter(
        engine=engine,
        guard=guard,
        verifier=verifier,
        requests=requests,
        prover=prover,
        connections=connections,
        columns=columns,
        recorder=recorder,
        read_objects=read_objects,
        operation=operation,
        run_id=str(identity.run_id),
    )
    table_reader = TableReader(
        plan=preflight.plan,
        engine=engine,
        bookmarks=bookmarks,
        recorder=recorder,
        read_objects=read_objects,
        sources=sources,
        operation=operation,
    )
    table_writer = TableWriter(
        writer=writer,
        guard=guard,
        engine=engine,
        objects=services.objects,
        columns=columns,
        recorder=recorder,
        read_objects=read_objects,
        operation=operation,
        run_id=str(identity.run_id),
        may_roll_back=preflight.policy.policy.table_rollback,
    )
    stores = StoreChecker(
        dynamodb=services.dynamodb,
        kinesis=services.kinesis,
        keys=services.keys,
        recorder=recorder,
        read_objects=read_objects,
        operation=operation,
        approval=ConnectorApproval(
            approved_connectors(arguments, preflight.policy.policy),
            jar_of=engine.jar_of,
            connection=connections.read,
            images=services.images,
        ),
    )
    return Run(
        identity=identity,
        preflight=preflight,
        services=services,
        engine=engine,
        recorder=recorder,
        state=state,
        bookmarks=bookmarks,
        guard=guard,
        requests=requests,
        verifier=verifier,
        columns=columns,
        connections=connections,
        stores=stores,
        connector_calls=ConnectorCalls(
            stores=stores,
            connections=connections,
            catalog=catalog,
            writer=writer,
            columns=columns,
            recorder=recorder,
            engine=engine,
            operation=operation,
            temporary=arguments.get("TempDir") or "",
        ),
        exceptions=exceptions,
        sources=sources,
        reader=reader,
        catalog_reader=CatalogReader(reader=reader, catalog=catalog, engine=engine, operation=operation),
        writer=writer,
        table_reader=table_reader,
        table_writer=table_writer,
        catalog=CatalogUpdater(catalog=catalog, recorder=recorder),
        metastore=None
        if services.metastore is None
        else EncryptedMetastore(services.metastore, catalog=catalog, recorder=recorder, operation=operation),
        housekeeping=Housekeeping(
            rules=rules,
            objects=services.objects,
            guard=guard,
            verifier=verifier,
            clock=services.clock,
            recorder=recorder,
            read_objects=read_objects,
            operation=operation,
        ),
        unmanaged_writes=UnmanagedWriteVerifier(
            guard=guard,
            verifier=verifier,
            requests=requests,
            columns=columns,
            recorder=recorder,
            local_files=test_mode.is_enabled(),
        ),
        driver_s3=DriverS3Recorder(
            run=str(identity.run_id),
            rules=rules,
            keys=services.keys,
            source=services.driver_s3,
            endpoint=services.environment.s3_endpoint,
            reserved=reserved,
            receipts=requests.receipts,
            operation=operation,
            is_open=lambda: state.is_open,
            children=CHILD_PROCESSES,
        ),
        quality_gate=_quality_gate(arguments, identity, services, recorder, writer),
        glue_commit=None if glue_job is None else glue_job.commit,
        evidence=evidence,
        script_location=arguments.get("scriptLocation") or "",
        temporary=arguments.get("TempDir") or "",
        fine_grained=fine_grained,
        awaits_init=awaits_init,
    )


def _for_engine(preflight: Preflight, engine: Engine) -> Preflight:
    """Return the preflight with the settings for the engine's version of Hadoop, if a rule depends on it."""
    plan = preflight.plan
    algorithms = {rule.written.algorithm for rule in plan.rules.targets}
    if Algorithm.DSSE_KMS not in algorithms:
        return preflight
    rules = plan.rules.for_hadoop(engine.versions.get("hadoop", ""))
    plan = plan_settings(plan.key, s3_endpoint=plan.s3_endpoint, rules=rules)
    return replace(preflight, plan=plan)


def _quality_gate(
    arguments: JobArguments,
    identity: JobIdentity,
    services: Services,
    recorder: RunRecorder,
    writer: DataWriter,
) -> SuiteGate | None:
    """Return the quality gate; None if the job names no suites. Such a job does not import ``quality``."""
    if not arguments.suites():
        return None
    from glue_secure.quality.gate import SuiteGate

    return SuiteGate(
        objects=services.objects,
        recorder=recorder,
        writer=writer,
        run_id=str(identity.run_id),
        quarantine=arguments.location(QUARANTINE),
    )


def _open(run: Run, arguments: JobArguments) -> None:
    """Apply and check the settings, start to observe writes, and load the policy, suites and bookmark."""
    engine, recorder, plan = run.engine, run.recorder, run.preflight.plan

    def save(location: str, format: str, perform: Callable[[], Any]) -> None:
        """Verify an RDD save of the script like a custom write of the run."""
        run.writer.write_custom(location, format=format, perform=perform, by_spark=True)

    with recorder.timed("evidence"):
        run.prove_evidence()
        run.guard.note_start(run.evidence.prefix.bucket)
    with recorder.timed("settings"):
        engine.apply_settings(plan)
        recorder.record(enforce(check_settings(plan, engine.settings_in_force())))
        recorder.record(enforce(check_java_options(engine.java_options())))
        shuffle_arguments = {name: arguments.get(name) or "" for name in SHUFFLE_ARGUMENTS}
        recorder.record(
            enforce_worker_encryption(
                {**engine.worker_settings(), **shuffle_arguments},
                key=run.preflight.keys.s3,
                required=arguments.requires_worker_encryption(),
            )
        )
        run.requests.start()
        engine.monitor_writes(save)
        run.unmanaged_writes.require_observable(engine.unmanaged_writes())
        run.driver_s3.guard_process()
        run.python_workers = run.driver_s3.guard_python_workers(engine)
    is_requested = arguments.uses_data_catalog() or engine.requests_catalog()
    if run.metastore is not None and is_requested and not engine.serve_catalog(run.metastore):
        run.metastore.require_encryption()
    with recorder.timed("columns"):
        run.columns.load()
    with recorder.timed("suites"):
        if run.quality_gate is not None:
            run.quality_gate.load(arguments.suites())
    with recorder.timed("bookmark"):
        if not run.awaits_init:
            recorder.record(run.bookmarks.load())
