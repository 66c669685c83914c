"""The connections of a run. Credentials are fetched only after the server was verified."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

from glue_secure.connections.driver_jar import check_driver, read_driver_jar
from glue_secure.connections.engines.engine import DatabaseEngine
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.jdbc import JdbcPlan, driver_options
from glue_secure.connections.kafka import kafka_options
from glue_secure.connections.options import split_reader_options
from glue_secure.connections.tls.probe import TlsFacts
from glue_secure.connections.tls.session import SessionTls, check_session
from glue_secure.connections.tls.trust_store import TrustStoreFile, trust_store
from glue_secure.connections.verification import read_connection, verify_connection, verify_kafka
from glue_secure.core.connection import Credentials, GlueConnection, Login, LoginKind
from glue_secure.core.evidence import TlsRecord
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.ports import Catalog, Clock, Engine, ObjectStore, SecretStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError

VERIFIED_BY_GLUE = ("postgresql",)
"""Engines for which Glue's own readers and writers turn ``JDBC_ENFORCE_SSL`` into full verification."""
_TOKEN_MARGIN = timedelta(minutes=5)
_FIXES = {
    LoginKind.SECRET: "grant the role secretsmanager:GetSecretValue on the secret",
    LoginKind.TOKEN: "run the job with a role that has rds-db:connect on the database's user",
    LoginKind.ENCRYPTED: "set SECRET_ID in the connection; or let the catalog encrypt passwords and return "
    "them encrypted, and grant the role kms:Decrypt on that key",
}


@dataclass(frozen=True, slots=True)
class OpenedConnection:
    """Everything the engine needs to connect with TLS. The repr shows no password.

    Attributes:
        engine: ``postgresql``, ``mysql``, ``mariadb``, ...
        url: without options.
        database: the database's name.
        driver: class name of the driver.
        driver_options: harmless options and the forced TLS options, in the driver's own names.
        reader_options: the call's options for reading rows, in Spark's names.
        credentials: user and password.
        certificate: location of the certificate authority's file, ``""`` for the system's roots.
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
    """Opens each Glue connection once per run.

    Args:
        catalog: reads connections.
        objects: reads their certificates.
        secrets: fetches their passwords.
        engine: queries the database for the TLS state of the session.
        clock: the time, for certificates and tokens.
        recorder: records findings and TLS facts.
        approved_jars: class → SHA-256 of its JAR, for drivers that the policy file approves.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        objects: ObjectStore,
        secrets: SecretStore,
        engine: Engine,
        clock: Clock,
        recorder: RunRecorder,
        approved_jars: Mapping[str, str] | None = None,
    ) -> None:
        self._approved_jars = dict(approved_jars or {})
        self._catalog, self._objects, self._secrets = catalog, objects, secrets
        self._engine, self._clock, self._recorder = engine, clock, recorder
        self._trust_stores: dict[str, TrustStoreFile] = {}
        self._log_suppression = ExitStack()
        self._opened: dict[tuple[str, tuple[tuple[str, str], ...]], OpenedConnection] = {}

    def open(self, name: str, options: Mapping[str, str], catalog_id: str | None = None) -> OpenedConnection:
        """Verify a connection, fetch its credentials and return it.

        Args:
            name: the connection's name.
            options: the call's options.
            catalog_id: the Data Catalog of the connection; None for the account's own.

        Raises:
            RefusedError: a GS-TLS control failed.
            VerificationError: a GS-TLS control could not be verified.
            UsageError: an option is given twice or has an invalid value.
        """
        label = name if not catalog_id else f"{catalog_id}:{name}"
        connection_options, reader_options = split_reader_options(options)
        key = (label, tuple(sorted((option, str(value)) for option, value in connection_options.items())))
        if key not in self._opened or self._expires_soon(self._opened[key].credentials):
            with self._recorder.timed("connect"):
                self._opened[key] = self._open(name, label, connection_options, reader_options, catalog_id)
        else:
            self._require_no_passwords_in_logs(label)
            engine = next(engine for engine in ENGINES if engine.name == self._opened[key].engine)
            enforce([check_query_timeout(engine, reader_options, resource=f"connection {label}")])
        return replace(self._opened[key], reader_options=reader_options)

    def open_for_glue(self, name: str, options: Mapping[str, str]) -> OpenedConnection:
        """Open a connection for a call in which Glue's own reader or writer connects.

        Raises:
            RefusedError: GS-TLS-001, Glue does not verify this engine's server by name; or as :meth:`open`.
            VerificationError: as :meth:`open`.
        """
        opened = self.open(name, options)
        self._recorder.record(enforce([check_verified_by_glue(opened.engine, resource=f"connection {name}")]))
        return opened

    def kafka_options(self, name: str, options: Mapping[str, object]) -> dict[str, str]:
        """Return the options for Spark's Kafka source or sink, after every bootstrap server was verified.

        Brokers do not report the TLS state of a session, so the evidence contains the result of the probes.

        Raises:
            RefusedError: a GS-TLS control failed.
            VerificationError: a GS-TLS control could not be verified.
        """
        with self._recorder.timed("connect"):
            connection = read_connection(self._catalog, name)
            verified = verify_kafka(name, connection, options, objects=self._objects, clock=self._clock)
            self._recorder.record(enforce(verified.findings))
            credentials = None
            if verified.plan.secret_id:
                credentials = self._fetch(name, Login(LoginKind.SECRET, secret_id=verified.plan.secret_id))
        for (host, port), facts in zip(verified.plan.brokers, verified.facts, strict=True):
            self._recorder.tls[f"{name} {host}:{port}"] = _tls_record(name, f"{host}:{port}", facts)
        return kafka_options(verified.plan, verified.anchors_pem, credentials)

    def read(self, name: str) -> GlueConnection:
        """Return a Glue connection whose server is not probed, because a connector of Glue connects itself.

        Raises:
            RefusedError, VerificationError: GS-TLS-011, the connection cannot be read; GS-CAT.
        """
        return read_connection(self._catalog, name)

    def credentials(self, label: str, secret_id: str) -> Credentials:
        """Return user and password of a secret, for a connector that glue-secure does not connect itself.

        Raises:
            VerificationError: GS-TLS-008, the secret cannot be read.
        """
        return self._fetch(label, Login(LoginKind.SECRET, secret_id=secret_id))

    def suppress_logs_until_close(self) -> None:
        """Silence the client logs until :meth:`close`, because the script passes a login to the JVM."""
        self._log_suppression.enter_context(suppress_client_logs())

    def close(self) -> None:
        """Restore the client logs at the end of the run."""
        self._log_suppression.close()

    def _expires_soon(self, credentials: Credentials) -> bool:
        return credentials.expires is not None and self._clock.now() >= credentials.expires - _TOKEN_MARGIN

    def _open(
        self,
        name: str,
        label: str,
        options: Mapping[str, object],
        reader_options: Mapping[str, str],
        catalog_id: str | None,
    ) -> OpenedConnection:
        connection = read_connection(self._catalog, name, catalog_id)
        verified = verify_connection(label, connection, options, objects=self._objects, clock=self._clock)
        plan, facts = verified.plan, verified.facts
        resource = f"connection {label}"
        findings = list(enforce(verified.findings))
        findings += enforce([check_query_timeout(plan.engine, reader_options, resource=resource)])
        jar = read_driver_jar(self._engine.jar_of(plan.driver), plan.engine.driver_release)
        approved = self._approved_jars.get(plan.driver, "")
        driver = check_driver(plan.engine, jar, resource=resource, approved=approved)
        findings += enforce(self._recorder.tolerated(driver))
        findings.append(self._require_no_passwords_in_logs(label))
        self._recorder.record(findings)
        forced_options = driver_options(plan, facts.anchor_pem, self._trust_store(plan, facts))
        opened = OpenedConnection(
            engine=plan.engine.name,
            url=plan.url,
            database=plan.database,
            driver=plan.driver,
            driver_options=forced_options,
            reader_options={},
            credentials=self._fetch(label, plan.login, plan, catalog_id),
            certificate=str(plan.certificate or ""),
        )
        self._recorder.tls[label] = self._verify_session(label, plan, facts, opened)
        return opened

    def _require_no_passwords_in_logs(self, label: str) -> Finding:
        """Raise the level of Spark's JDBC loggers, again for each call: the script may have changed it."""
        suppressed = self._engine.suppress_jdbc_logs()
        (finding,) = enforce([check_jdbc_logs(suppressed=suppressed, resource=f"connection {label}")])
        return finding

    def _trust_store(self, plan: JdbcPlan, facts: TlsFacts) -> TrustStoreFile | None:
        """Distribute the trust anchor as a file, for a driver that does not accept it as text."""
        if plan.engine.anchor_option:
            return None
        if facts.anchor_pem not in self._trust_stores:
            content = trust_store(facts.anchor_pem)
            file_name = f"glue-secure-{hashlib.sha256(content).hexdigest()[:24]}.p12"
            self._trust_stores[facts.anchor_pem] = TrustStoreFile(self._engine.share_file(file_name, content))
        return self._trust_stores[facts.anchor_pem]

    def _fetch(
        self, label: str, login: Login, plan: JdbcPlan | None = None, catalog_id: str | None = None
    ) -> Credentials:
        """Fetch the credentials of a login and record where they came from (GS-TLS-008)."""
        resource = f"connection {label}"
        try:
            if login.kind is LoginKind.SECRET or plan is None:
                credentials = self._secrets.credentials(login.secret_id)
            elif login.kind is LoginKind.TOKEN:
                credentials = self._secrets.token(
                    plan.host, plan.port, login.user, login.region, self._clock.now()
                )
            else:
                credentials = self._secrets.encrypted_password(plan.connection, login.user, catalog_id)
        except ServiceError as error:
            stop(
                unknown(
                    "GS-TLS-008",
                    f"{resource} credentials",
                    found=str(error),
                    required="readable credentials",
                    fix=_FIXES[login.kind],
                    aws_code=error.code,
                )
            )
        self._recorder.record(enforce([check_credentials(credentials, resource=resource)]))
        return credentials

    def _verify_session(
        self, label: str, plan: JdbcPlan, facts: TlsFacts, opened: OpenedConnection
    ) -> TlsRecord:
        """Query the database, through driver and executor, for the TLS state of the session (GS-TLS-010)."""
        server, source = f"{plan.host}:{plan.port}", plan.engine.session_source
        if not plan.engine.session_query:
            return _tls_record(label, server, facts)
        with suppress_client_logs():
            frame, _ = self._engine.read_jdbc(
                url=opened.url,
                driver=opened.driver,
                table=f"({plan.engine.session_query}) glue_secure_session",
                credentials=opened.credentials,
                driver_options=opened.driver_options,
                spark_options={},
            )
        session = SessionTls.from_row(self._engine.first_row(frame))
        self._recorder.record(
            enforce([check_session(session, resource=f"connection {label}", source=source)])
        )
        return _tls_record(label, server, facts, session, source)


def check_credentials(credentials: Credentials, *, resource: str) -> Finding:
    """Check that the credentials were fetched from a service that stores them encrypted (GS-TLS-008)."""
    return passed("GS-TLS-008", resource, credentials.origin)


def check_jdbc_logs(*, suppressed: bool, resource: str) -> Finding:
    """GS-TLS-008: the engine does not log the password of a JDBC connection on the driver."""
    if suppressed:
        return passed("GS-TLS-008", resource, "the JDBC loggers of the driver print nothing at DEBUG")
    return unknown(
        "GS-TLS-008",
        resource,
        found="a log level of DEBUG, at which Spark prints JDBC passwords",
        required="INFO or higher for org.apache.spark.sql.execution.datasources.jdbc.connection",
        fix='call spark.sparkContext.setLogLevel("INFO") before the connection is opened, and remove DEBUG '
        "for this logger from the logging configuration",
    )


def check_query_timeout(engine: DatabaseEngine, options: Mapping[str, str], *, resource: str) -> Finding:
    """GS-TLS-005: no ``queryTimeout`` makes the driver open a second connection without TLS.

    pgjdbc and Redshift's driver end a query by a CancelRequest in plain text, whatever the TLS options are.
    It contains a key with which anyone who reads it can cancel the session's queries.
    """
    if not engine.cancels_in_plain_text or options.get("queryTimeout", "0") == "0":
        return passed("GS-TLS-005", resource, "no queryTimeout that would be sent without TLS")
    return failed(
        "GS-TLS-005",
        resource,
        found=f"queryTimeout, which {engine.name}'s driver enforces over a second connection without TLS",
        required="no queryTimeout",
        fix="remove queryTimeout from the call, and limit queries in the server: "
        "ALTER USER the_user SET statement_timeout = 60000 (milliseconds)",
    )


def check_verified_by_glue(engine: str, *, resource: str) -> Finding:
    """GS-TLS-001: Glue's own readers and writers verify this engine's server by name."""
    if engine in VERIFIED_BY_GLUE:
        return passed("GS-TLS-001", resource, f"Glue verifies the name of a {engine} server")
    return failed(
        "GS-TLS-001",
        resource,
        found=f"a connection to {engine}, which Glue itself would make",
        required=f"{', '.join(VERIFIED_BY_GLUE)}; for MySQL, Glue does not compare the server's name",
        fix="read and write it with SecureJob (job.read.jdbc, job.write.jdbc), or with Spark and the options "
        "of job.jdbc_options: they force full verification in the driver",
    )


def _tls_record(
    name: str, server: str, facts: TlsFacts, session: SessionTls | None = None, source: str = "preflight"
) -> TlsRecord:
    return TlsRecord(
        connection=name,
        host=server,
        protocol=session.protocol if session else facts.protocol,
        cipher=session.cipher if session else facts.cipher,
        subject=facts.subject,
        names=facts.names,
        issuer=facts.issuer,
        not_after=facts.not_after.isoformat(),
        fingerprint=facts.fingerprint,
        source=source,
    )
