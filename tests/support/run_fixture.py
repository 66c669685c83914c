"""A run in memory: fake services, an engine that writes to the fake object store, a local master key."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from driver_jars import recommended_jar

from glue_secure.connections.tls.probe import TlsFacts
from glue_secure.core.arguments import JobArguments, JobIdentity
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.columns import SchemaColumn
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.findings import passed
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.ports import Images, Services
from glue_secure.core.receipts import STORED, Receipt
from glue_secure.core.request_guard import RequestPolicy, RequestReport
from glue_secure.core.security_configuration import EncryptionSetting, SecurityConfiguration
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.run.run import Run
from glue_secure.run.start import open_run
from glue_secure.testing.fakes import (
    FakeClock,
    FakeColumnSource,
    FakeControlPlane,
    FakeDynamoDb,
    FakeEnvironment,
    FakeKeyService,
    FakeKinesis,
    FakeObjectStore,
    FakeSecretStore,
)
from glue_secure.testing.local_kms_key import LocalKmsKey
from glue_secure.verification.target_keys import TargetKeys

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
OTHER_KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222")
SIGNING_KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/44444444-4444-4444-4444-444444444444")
BOOKMARK_KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/33333333-3333-3333-3333-333333333333")
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SESSION_ROW = {"ssl": True, "version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "bits": 256}


def target_keys(key: KmsKeyArn, recorder: Any) -> TargetKeys:
    """Return the keys of a run without a policy file."""
    return TargetKeys(
        rules=EncryptionRules.of_key(key),
        keys=FakeKeyService(),
        objects=FakeObjectStore(),
        region="eu-west-1",
        account="123456789012",
        recorder=recorder,
    )


@dataclass
class FakeEngine:
    """An engine whose frames are lists of object names: writing one puts those objects.

    Attributes:
        objects: the store that it writes to.
        settings: Hadoop settings in force.
        ignores: names of settings that apply_settings does not manage to set.
        client: what a cached file system client carries; None for what the settings say.
        algorithm: what objects come out with; None for what the settings say.
        key: likewise.
        java: where JVM options stand, and their text.
        foreign: whether frames belong to another session.
        rows: what a write says it wrote; ``len(frame)`` by default.
        fails: raised by the next write.
        session_row: what the database says of the session.
        calls: what was asked of it, in order.
        executors: runs a task over parts; None for an engine without.
        workers: settings of the session that runs.
        logs_no_passwords: whether Spark's JDBC loggers print nothing at DEBUG.
        jar: the driver's JAR, None without one, or a function of the driver's class name.
        sources: what every frame reads.
        stream_settings: settings of the stream that frames belong to.
        rows_scanned: rows that each scan has delivered.
        guard: why S3 requests are not guarded; ``""`` to answer each stored object with a receipt.
        requests: what the guard reports next.
        merged: the columns in which the objects of a scan differ.
    """

    objects: FakeObjectStore
    settings: dict[str, str] = field(default_factory=dict)
    ignores: set[str] = field(default_factory=set)
    client: tuple[str, str] | None = None
    algorithm: str | None = None
    key: str | None = None
    rows: Any = len
    java: dict[str, str] = field(default_factory=dict)
    foreign: bool = False
    fails: BaseException | None = None
    session_row: Mapping[str, Any] = field(default_factory=lambda: dict(SESSION_ROW))
    calls: list[tuple[str, Any]] = field(default_factory=list)
    name: str = "fake"
    versions: Mapping[str, str] = field(default_factory=lambda: {"engine": "1"})
    closed: bool = False
    settings_fail: Exception | None = None
    native: UnmanagedWriteReport = field(default_factory=UnmanagedWriteReport)
    active: list[Sequence[str]] = field(default_factory=list)
    save: Any = None
    executors: Any = None
    workers: dict[str, str] = field(
        default_factory=lambda: {"spark.master": "local[2]", "spark.io.encryption.enabled": "true"}
    )
    column_names: tuple[str, ...] = ("id", "email", "month", "x")
    jar: Any = recommended_jar
    logs_no_passwords: bool = True
    guard: str = "an engine in memory has no request guard"
    requests: RequestReport = field(default_factory=RequestReport)
    in_progress: tuple[str, ...] = ()
    scheme: str = "s3a"
    sources: tuple[S3Uri, ...] = ()
    rows_scanned: int | None = 7
    stream_settings: Mapping[str, str] | None = None
    merged: dict[str, Sequence[str]] = field(default_factory=dict)

    def suppress_jdbc_logs(self) -> bool:
        return self.logs_no_passwords

    def jar_of(self, name: str) -> Path | None:
        return self.jar(name) if callable(self.jar) else self.jar

    def guard_requests(self, policy: RequestPolicy) -> str:
        self.calls.append(("guard_requests", policy))
        return self.guard

    def guard_python_workers(self, folder: str, on_executors: Mapping[str, str]) -> str:
        self.calls.append(("guard_python_workers", folder))
        return "folder" if folder else ""

    def end_writes(self, seconds: float) -> Sequence[str]:
        self.calls.append(("end_writes", seconds))
        return self.in_progress

    def resume_writes(self) -> None:
        self.calls.append(("resume_writes", None))

    def take_requests(self) -> RequestReport:
        seen, self.requests = self.requests, RequestReport()
        return seen

    def apply_settings(self, plan: SettingsPlan) -> None:
        self.settings.update({n: v for n, v in plan.settings.items() if n not in self.ignores})

    def on_executors(self, task: Any, parts: Sequence[Any]) -> Sequence[Any] | None:
        self.calls.append(("on_executors", len(parts)))
        return None if self.executors is None else self.executors(task, parts)

    def worker_settings(self) -> dict[str, str]:
        return dict(self.workers)

    def java_options(self) -> dict[str, str]:
        return dict(self.java)

    def belongs_to_session(self, frame: Any) -> bool:
        return not self.foreign

    def settings_of_stream(self, frame: Any) -> Mapping[str, str] | None:
        return self.stream_settings

    def settings_in_force(self) -> Mapping[str, str]:
        if self.settings_fail is not None:
            raise self.settings_fail
        return dict(self.settings)

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        return self.client or self._of_settings(uri)

    def _of_settings(self, uri: S3Uri) -> tuple[str, str]:
        algorithm, key = (
            self.settings.get(f"fs.s3a.bucket.{uri.bucket}.{name}", self.settings.get(f"fs.s3a.{name}", ""))
            for name in ("encryption.algorithm", "encryption.key")
        )
        return algorithm, key

    def read_s3(
        self,
        objects: Sequence[S3Uri],
        *,
        base: S3Uri | None,
        format: str,
        options: Mapping[str, str],
        schema: Any = None,
        empty: bool = False,
        partition_values: Any = None,
        partitions: int | None = None,
    ) -> tuple[Any, str]:
        self.calls.append(("read_s3", (tuple(map(str, objects)), empty)))
        more = {"base": base, "format": format, "options": dict(options), "schema": schema}
        self.calls.append(
            ("read_s3_as", {**more, "partition_values": partition_values, "partitions": partitions})
        )
        frame = [] if empty else [uri.key.rpartition("/")[2] for uri in objects]
        return frame, f"mark-{len(self.calls)}"

    def matching(self, keys: Any, values: Sequence[tuple[str, ...]], predicate: str) -> list[int]:
        self.calls.append(("matching", predicate))
        return [at for at, one in enumerate(values) if predicate in one]

    def read_jdbc(self, **arguments: Any) -> tuple[Any, str]:
        self.calls.append(("read_jdbc", arguments))
        return [arguments["table"]], "jdbc"

    def write_s3(
        self,
        frame: Any,
        target: S3Uri,
        *,
        format: str,
        mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
    ) -> int | None:
        self.calls.append(("write_s3", (str(target), mode, tuple(partition_by), dict(options))))
        if self.fails is not None:
            raise self.fails
        algorithm, key = self._of_settings(target)
        algorithm = self.algorithm if self.algorithm is not None else algorithm.replace("SSE-KMS", "aws:kms")
        for name in frame:
            uri = target.child(f"{name}.{format}")
            key = self.key if self.key is not None else key
            self.objects.put(uri, b"rows", algorithm=algorithm, key=key)
            if not self.guard:
                receipt = Receipt(STORED, uri, "PutObject", "driver", algorithm, key, size=4)
                self.requests = replace(self.requests, receipts=(*self.requests.receipts, receipt))
        return self.rows(frame)

    def write_jdbc(self, frame: Any, **arguments: Any) -> int | None:
        self.calls.append(("write_jdbc", arguments))
        if self.fails is not None:
            raise self.fails
        return self.rows(frame)

    def execute_jdbc(self, statements: Sequence[str], **arguments: Any) -> None:
        self.calls.append(("execute_jdbc", tuple(statements)))

    def share_file(self, name: str, content: bytes) -> str:
        self.calls.append(("share_file", (name, content)))
        return f"/shared/{name}"

    def is_certainly_empty(self, frame: Any) -> bool:
        return frame == []

    def failure_of(self, error: BaseException, resource: str) -> None:
        return None

    def is_empty(self, frame: Any) -> bool:
        self.calls.append(("is_empty", frame))
        return not frame

    def sources_deleted_by_overwrite(
        self, frame: Any, target: S3Uri, *, partition_by: Sequence[str], options: Mapping[str, str]
    ) -> Sequence[S3Uri]:
        if partition_by and options.get("partitionOverwriteMode") == "dynamic":
            return ()
        return tuple(source for source in self.sources if source.overlaps(target))

    def rows_read(self, scan: str) -> int | None:
        return self.rows_scanned

    def merged_columns(self, scan: str) -> Sequence[str]:
        return self.merged.get(scan, ())

    def first_row(self, frame: Any, columns: Sequence[str] = ()) -> Mapping[str, Any]:
        return self.session_row

    def all_rows(self, frame: Any) -> Sequence[Mapping[str, Any]]:
        return ()

    def column_types(self, frame: Any) -> Sequence[tuple[str, str]]:
        return [("name", "string"), ('"q', "int")]

    def columns(self, frame: Any) -> tuple[str, ...]:
        return self.column_names

    def attribute_writes_to_run(
        self, location: S3Uri | None, *, by_connector: bool = False, commands: int = 1
    ) -> Any:
        return contextlib.nullcontext()

    def requests_catalog(self) -> bool:
        return False

    def serve_catalog(self, metastore: Any) -> bool:
        self.calls.append(("serve_catalog", metastore))
        return True

    def monitor_writes(self, save: Any) -> None:
        self.save = save

    def unmanaged_writes(self) -> UnmanagedWriteReport:
        seen, self.native = self.native, UnmanagedWriteReport()
        return seen

    def active_work(self, seconds: float) -> Sequence[str]:
        self.calls.append(("active_work", seconds))
        return self.active.pop(0) if self.active else ()

    def pending_unmanaged_writes(self) -> Sequence[UnmanagedWrite]:
        return self.native.writes

    def column_tree(self, frame: Any) -> tuple[SchemaColumn, ...]:
        return tuple(SchemaColumn((name,)) for name in self.column_names)

    def protect_columns(self, frame: Any, decisions: Any, *, policy: str, key: Any) -> Any:
        self.calls.append(("protect_columns", tuple(each.column.text for each in decisions)))
        return [f"protected-{name}" for name in frame]

    def require_column_functions(self) -> None:
        self.calls.append(("require_column_functions", None))

    def close(self) -> None:
        self.closed = True

    def asked(self, call: str) -> list[Any]:
        return [what for name, what in self.calls if name == call]


@dataclass
class RecordingSecrets:
    """A secret store that notes when it is asked."""

    inner: FakeSecretStore
    log: list[str]

    def credentials(self, secret_id: str) -> Credentials:
        self.log.append(f"secret {secret_id}")
        return self.inner.credentials(secret_id)

    def encrypted_password(self, connection: str, user: str, catalog_id: str | None) -> Credentials:
        self.log.append(f"decrypt {connection}")
        return self.inner.encrypted_password(connection, user, catalog_id)

    def token(self, host: str, port: int, user: str, region: str, now: datetime) -> Credentials:
        self.log.append(f"token {user}@{host}:{port}")
        return self.inner.token(host, port, user, region, now)


def no_high_water_mark(table: str, bookmark: str) -> Any:
    raise AssertionError(f"table {table} of bookmark {bookmark} was opened")


@dataclass
class RunFixture:
    """One account with a job, its configuration, keys and buckets; change a part, then start a run."""

    clock: FakeClock
    objects: FakeObjectStore
    engine: FakeEngine
    control_plane: FakeControlPlane
    secrets: FakeSecretStore
    environment: Any = field(default_factory=FakeEnvironment)
    keys: list[KmsKey] = field(default_factory=list)
    unusable: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    columns: FakeColumnSource = field(default_factory=FakeColumnSource)
    arguments: dict[str, str] = field(default_factory=dict)
    remote: Any = None
    dynamodb: FakeDynamoDb = field(default_factory=FakeDynamoDb)
    kinesis: FakeKinesis = field(default_factory=FakeKinesis)
    images: Images | None = None
    key: KmsKeyArn = KEY
    other_key: KmsKeyArn = OTHER_KEY
    signing_key: KmsKeyArn = SIGNING_KEY
    bookmark_key: KmsKeyArn = BOOKMARK_KEY

    @property
    def key_service(self) -> FakeKeyService:
        return FakeKeyService(*self.keys, unusable=self.unusable)

    def services(self) -> Services:
        return Services(
            environment=self.environment,
            control_plane=self.control_plane,
            keys=self.key_service,
            objects=self.objects,
            secrets=RecordingSecrets(self.secrets, self.log),
            clock=self.clock,
            master_key_provider=lambda key: LocalKmsKey(key_id=str(key)),
            versions={"glue-secure": "0"},
            remote_objects=self.remote,
            columns=self.columns,
            high_water=no_high_water_mark,
            dynamodb=lambda _access: lambda: self.dynamodb,
            kinesis=lambda _region: self.kinesis,
            images=self.images,
        )

    def identity(self, run: str = "jr_1", claimed: str | None = None) -> JobIdentity:
        return JobIdentity("curate", RunId(run), True, claimed)

    def start(self, run: str = "jr_1", *, claimed: str | None = None, **arguments: str) -> Run:
        values = JobArguments(self.arguments | {k.replace("_", "-"): v for k, v in arguments.items()})
        return open_run(self.identity(run, claimed), values, services=self.services(), engine=self.engine)

    def configure(self, **changes: Any) -> None:
        """Change the attached configuration."""
        good = self.control_plane.configurations["strict"]
        self.control_plane.configurations["strict"] = replace(good, **changes)

    def change_key(self, which: KmsKeyArn, **changes: Any) -> None:
        """Change what KMS says of a key."""
        self.keys = [replace(key, **changes) if key.arn == which else key for key in self.keys]

    def land(self, name: str) -> S3Uri:
        uri = S3Uri("landing", f"flights/{name}")
        self.objects.put(uri)
        self.clock.advance(hours=1)
        return uri

    def evidence(self, run: str = "jr_1", name: str = "evidence.json") -> dict[str, Any]:
        uri = S3Uri("evidence", f"runs/job=curate/run={run}/{name}")
        seen = self.objects.encryption(uri)
        assert (seen.algorithm, seen.key) == ("aws:kms", str(KEY))
        return json.loads(self.objects.read(uri).body)

    def evidence_keys(self) -> list[str]:
        """Return the keys of evidence, without the records of the runs' starts and the chain."""
        return [key for key in self.objects.keys("evidence") if "/_" not in key]

    def bookmark_keys(self) -> list[str]:
        return self.objects.keys("state")


@pytest.fixture
def run_fixture(monkeypatch: pytest.MonkeyPatch) -> RunFixture:
    # The key of an embedded account of this process is not in the account of the fixture.
    monkeypatch.delenv("GLUE_SECURE_EVIDENCE_SIGNING_KEY", raising=False)
    return new_run_fixture()


def new_run_fixture() -> RunFixture:
    clock = FakeClock()
    objects = FakeObjectStore("landing", "curated", "evidence", "state", "config", clock=clock)
    kms = EncryptionSetting("SSE-KMS", str(KEY))
    strict = SecurityConfiguration(
        "strict", (kms,), kms, EncryptionSetting("CSE-KMS", str(BOOKMARK_KEY)), None
    )
    good = KmsKey(KEY, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    connection = GlueConnection(
        "ops",
        "JDBC",
        {
            "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/ops",
            "JDBC_ENFORCE_SSL": "true",
            "CUSTOM_JDBC_CERT": "s3://config/ca.pem",
            "SECRET_ID": "ops/postgres",
        },
    )
    objects.put(S3Uri("config", "ca.pem"), PEM.encode())
    plane = FakeControlPlane(
        configurations={"strict": strict},
        connections={"ops": connection},
        run_attachments={("curate", f"jr_{n}"): "strict" for n in range(1, 10)},
        job_attachments={"curate": "strict"},
        encryption={
            catalog: CatalogEncryption("SSE-KMS", str(KEY), passwords=True, password_key=str(KEY))
            for catalog in (None, "123456789012")
        },
    )
    return RunFixture(
        clock=clock,
        objects=objects,
        engine=FakeEngine(objects),
        control_plane=plane,
        secrets=FakeSecretStore({"ops/postgres": Credentials("me", "hunter2")}),
        keys=[
            good,
            replace(good, arn=BOOKMARK_KEY),
            replace(good, arn=OTHER_KEY),
            KmsKey(SIGNING_KEY, "Enabled", "CUSTOMER", "SIGN_VERIFY", "ECC_NIST_P256"),
        ],
        arguments={
            "job-bookmark-option": "job-bookmark-enable",
            "glue-secure-bookmark-uri": "s3://state/bookmarks/",
            "glue-secure-evidence-uri": "s3://evidence/runs/",
        },
    )


@pytest.fixture
def server(run_fixture: RunFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a fake probe that verifies every server; ``server(refuses=error)`` makes it raise."""
    facts = TlsFacts(
        protocol="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        subject="CN=db.example.com",
        names=("db.example.com",),
        issuer="CN=Test CA",
        not_after=datetime(2027, 1, 1, tzinfo=timezone.utc),
        fingerprint="ab" * 32,
        anchor_pem=PEM,
        findings=tuple(
            passed(control, "connection ops", "a fake server")
            for control in ("GS-TLS-002", "GS-TLS-003", "GS-TLS-004", "GS-TLS-009")
        ),
    )

    def install(refuses: Exception | None = None) -> None:
        def probe(host: str, port: int, authorities: Any, **_: Any) -> TlsFacts:
            run_fixture.log.append(f"probe {host}:{port}")
            if refuses is not None:
                raise refuses
            return facts

        def load_authorities(body: bytes, *, resource: str) -> tuple[bytes, ...]:
            run_fixture.log.append("certificate")
            return (body,)

        monkeypatch.setattr("glue_secure.connections.verification.probe", probe)
        monkeypatch.setattr("glue_secure.connections.verification.load_authorities", load_authorities)

    install()
    return install
