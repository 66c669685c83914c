"""Opening Glue connections: read, judged, probed, and only then given a password."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from glue_secure.connections.jdbc import JdbcPlan, driver_options
from glue_secure.connections.kafka import kafka_options
from glue_secure.connections.session import read_session
from glue_secure.connections.tls.probe import TlsFacts
from glue_secure.connections.tls.trust_store import TrustStoreFile, trust_store
from glue_secure.connections.verification import read_connection, unread, verify, verify_kafka
from glue_secure.core.connection import Credentials, GlueConnection, Login, LoginKind
from glue_secure.core.errors import VerificationError
from glue_secure.core.evidence import TlsRecord
from glue_secure.core.findings import passed, stop
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.ports import Catalog, Clock, Engine, ObjectStore, SecretStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError

_BEFORE_IT_EXPIRES = timedelta(minutes=5)
_FIXES = {
    LoginKind.SECRET: "give the role secretsmanager:GetSecretValue on the secret",
    LoginKind.TOKEN: "give the job a role, and that rds-db:connect on the database's user",
    LoginKind.ENCRYPTED: "set SECRET_ID in the connection; or have the catalog encrypt passwords and return "
    "them encrypted, and give the role kms:Decrypt on that key",
}


@dataclass(frozen=True, slots=True)
class OpenedConnection:
    """What the engine needs to connect, TLS forced. The repr shows no password.

    Attributes:
        engine: ``postgresql``, ``mysql``, ``mariadb``.
        url: without options.
        database: the database's name.
        driver: the driver's class.
        driver_options: harmless options and the forced TLS options, in the driver's own names.
        reader_options: the caller's options for reading rows, in Spark's names.
        credentials: who connects.
        certificate: where the authority's certificate lies, ``""`` for the system's roots.
    """

    engine: str
    url: str
    database: str
    driver: str
    driver_options: Mapping[str, str] = field(repr=False)
    reader_options: Mapping[str, str]
    credentials: Credentials = field(repr=False)
    certificate: str


class ConnectionManager:
    """Opens each Glue connection once a run.

    Args:
        control_plane: where connections are read.
        objects: where their certificates lie.
        secrets: where their passwords lie.
        engine: asks the database what it saw of the session.
        clock: for the dates of certificates.
        recorder: where findings and TLS facts are noted.
    """

    def __init__(
        self,
        *,
        control_plane: Catalog,
        objects: ObjectStore,
        secrets: SecretStore,
        engine: Engine,
        clock: Clock,
        recorder: RunRecorder,
    ) -> None:
        self._control_plane, self._objects, self._secrets = control_plane, objects, secrets
        self._engine, self._clock, self._recorder = engine, clock, recorder
        self._stores: dict[str, TrustStoreFile] = {}
        self._handed_out = ExitStack()
        self._opened: dict[tuple[str, tuple[tuple[str, str], ...]], OpenedConnection] = {}

    def open(self, name: str, options: Mapping[str, str], catalog_id: str | None = None) -> OpenedConnection:
        """The connection of that name, in the account's own catalog or in the one of that id, verified.

        Order matters: nothing secret is fetched before the server has proved who it is.

        Raises:
            RefusedError: a control of GS-TLS fails.
            VerificationError: one could not be decided.
        """
        told = name if not catalog_id else f"{catalog_id}:{name}"
        asked = (told, tuple(sorted((option, str(value)) for option, value in options.items())))
        if asked not in self._opened or not self._usable(self._opened[asked]):
            with self._recorder.timed("connect"):
                found = read_connection(self._control_plane, name, catalog_id)
                self._opened[asked] = self._open(told, options, found, catalog_id)
        return self._opened[asked]

    def kafka(self, name: str, options: Mapping[str, object]) -> dict[str, str]:
        """What Spark's Kafka source or sink is given for a connection, every bootstrap server verified.

        No broker says how it saw the session, so the evidence has what the preflight saw of each.

        Raises:
            RefusedError: a control of GS-TLS fails.
            VerificationError: one could not be decided.
        """
        resource = f"connection {name}"
        with self._recorder.timed("connect"):
            found = read_connection(self._control_plane, name)
            verified = verify_kafka(name, found, options, objects=self._objects, clock=self._clock)
            secret = verified.plan.secret_id
            login = Login(LoginKind.SECRET, secret_id=secret) if secret else None
            credentials = (
                self._fetch(name, login, lambda: self._secrets.credentials(secret)) if login else None
            )
        for control in ("GS-TLS-001", "GS-TLS-005", "GS-TLS-006", "GS-TLS-007", "GS-TLS-008", "GS-TLS-011"):
            self._recorder.record([passed(control, resource, "full verification, nothing beside it")])
        for (host, port), facts in zip(verified.plan.brokers, verified.facts, strict=True):
            for control in ("GS-TLS-002", "GS-TLS-003", "GS-TLS-004", "GS-TLS-009"):
                self._recorder.record([passed(control, resource, f"{facts.protocol} {facts.subject}")])
            self._recorder.tls[f"{name} {host}:{port}"] = _record(
                name, f"{host}:{port}", facts, facts.protocol, facts.cipher, "preflight"
            )
        return kafka_options(verified.plan, verified.anchors_pem, credentials)

    def suppress_logs_until_close(self) -> None:
        """A script gets a login, which it passes to the JVM: the wire's logs stay shut until ``close``."""
        self._handed_out.enter_context(suppress_client_logs())

    def close(self) -> None:
        """The run is over."""
        self._handed_out.close()

    def _usable(self, opened: OpenedConnection) -> bool:
        """Whether its credentials still open sessions for a while."""
        expires = opened.credentials.expires
        return expires is None or self._clock.now() < expires - _BEFORE_IT_EXPIRES

    def _open(
        self, name: str, options: Mapping[str, str], found: GlueConnection, catalog_id: str | None
    ) -> OpenedConnection:
        resource = f"connection {name}"
        verified = verify(name, found, options, objects=self._objects, clock=self._clock)
        plan, facts = verified.plan, verified.facts
        if not plan.engine.session_query:
            self._require_tried(plan, resource)
        for control in ("GS-TLS-001", "GS-TLS-005", "GS-TLS-006", "GS-TLS-007", "GS-TLS-011"):
            self._recorder.record([passed(control, resource, "full verification, nothing beside it")])
        for control in ("GS-TLS-002", "GS-TLS-003", "GS-TLS-004", "GS-TLS-009"):
            self._recorder.record([passed(control, resource, f"{facts.protocol} {facts.subject}")])
        opened = OpenedConnection(
            engine=plan.engine.name,
            url=plan.url,
            database=plan.database,
            driver=plan.driver,
            driver_options=driver_options(plan, facts.anchor_pem, self._store(plan, facts)),
            reader_options={option: str(value) for option, value in plan.reader_options},
            credentials=self._credentials(name, plan, catalog_id),
            certificate=str(plan.certificate or ""),
        )
        self._recorder.record([passed("GS-TLS-008", resource, opened.credentials.origin)])
        self._recorder.tls[name] = self._session(name, plan, facts, opened)
        return opened

    def _store(self, plan: JdbcPlan, facts: TlsFacts) -> TrustStoreFile | None:
        """The trust anchor as a file on the driver and every executor, for a driver that takes no text."""
        if plan.engine.anchor_option:
            return None
        if facts.anchor_pem not in self._stores:
            content = trust_store(facts.anchor_pem)
            name = f"glue-secure-{hashlib.sha256(content).hexdigest()[:24]}.p12"
            self._stores[facts.anchor_pem] = TrustStoreFile(self._engine.share_file(name, content))
        return self._stores[facts.anchor_pem]

    def _credentials(self, name: str, plan: JdbcPlan, catalog_id: str | None) -> Credentials:
        login, secrets = plan.login, self._secrets
        ways = {
            LoginKind.SECRET: lambda: secrets.credentials(login.secret_id),
            LoginKind.TOKEN: lambda: secrets.token(
                plan.host, plan.port, login.user, login.region, self._clock.now()
            ),
            LoginKind.ENCRYPTED: lambda: secrets.encrypted_password(plan.connection, login.user, catalog_id),
        }
        return self._fetch(name, login, ways[login.kind])

    def _fetch(self, name: str, login: Login, fetch: Callable[[], Credentials]) -> Credentials:
        try:
            return fetch()
        except ServiceError as error:
            fix = _FIXES[login.kind]
            stop(unread("GS-TLS-008", f"connection {name} credentials", error, "readable credentials", fix))

    def _session(self, name: str, plan: JdbcPlan, facts: TlsFacts, opened: OpenedConnection) -> TlsRecord:
        """GS-TLS-010: ask the database, through the driver and an executor, what its session is."""
        resource = f"connection {name}"
        source = plan.engine.session_source
        if not plan.engine.session_query:
            return _record(name, f"{plan.host}:{plan.port}", facts, facts.protocol, facts.cipher, "preflight")
        with suppress_client_logs():
            frame, _ = self._engine.read_jdbc(
                url=opened.url,
                driver=opened.driver,
                table=f"({plan.engine.session_query}) glue_secure_session",
                credentials=opened.credentials,
                driver_options=opened.driver_options,
                spark_options={},
            )
        session = read_session(self._engine.first_row(frame), resource=resource, source=source)
        self._recorder.record([passed("GS-TLS-010", resource, f"{session.protocol} {session.cipher}")])
        return _record(name, f"{plan.host}:{plan.port}", facts, session.protocol, session.cipher, source)

    def _require_tried(self, plan: JdbcPlan, resource: str) -> None:
        """GS-TLS-010, where the server does not tell: the driver's jar is one that verifies by itself."""
        found = self._engine.jar_digest(plan.driver)
        version = next((version for version, digest in plan.engine.tried if digest == found), "")
        if not version:
            raise VerificationError(
                "GS-TLS-010",
                resource=f"{resource}: {plan.driver}",
                found=f"a jar with SHA-256 {found}" if found else "no jar",
                required=f"a driver that was tried: {', '.join(one for one, _ in plan.engine.tried)}",
                fix="bring it from Maven Central with --extra-jars and --user-jars-first true",
            )
        self._recorder.record([passed("GS-TLS-010", resource, f"not told; driver {version}, tried")])


def _record(name: str, host: str, facts: TlsFacts, protocol: str, cipher: str, source: str) -> TlsRecord:
    return TlsRecord(
        connection=name,
        host=host,
        protocol=protocol,
        cipher=cipher,
        subject=facts.subject,
        names=facts.names,
        issuer=facts.issuer,
        not_after=facts.not_after.isoformat(),
        fingerprint=facts.fingerprint,
        source=source,
    )
