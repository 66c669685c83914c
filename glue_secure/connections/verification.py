"""Verification of connections without credentials: read, plan, probe.

A run fetches the credentials afterwards (:mod:`.manager`); ``glue-secure preflight`` stops here and reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cryptography import x509

from glue_secure.connections.engines.engine import TlsNegotiation
from glue_secure.connections.jdbc import JdbcPlan, check_certificate_subject, plan_connection
from glue_secure.connections.kafka import KafkaPlan, plan_kafka
from glue_secure.connections.tls.certificates import compatibility_notes, load_authorities
from glue_secure.connections.tls.probe import TlsFacts, probe
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.findings import Finding, enforce, failed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import Catalog, Clock, ControlPlane, ObjectStore
from glue_secure.core.service import NotFound, ServiceError


@dataclass(frozen=True, slots=True)
class VerifiedConnection:
    """A JDBC connection whose server was verified.

    Attributes:
        plan: how to connect.
        facts: the result of the probe.
    """

    plan: JdbcPlan
    facts: TlsFacts

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The passed checks of the plan and of the server: GS-TLS-001 to -009 and -011."""
        return (*self.plan.findings, *self.facts.findings)


@dataclass(frozen=True, slots=True)
class VerifiedKafka:
    """A Kafka connection whose bootstrap servers were all verified.

    Attributes:
        plan: how to connect.
        facts: the result of each probe, in the order of ``plan.brokers``.
    """

    plan: KafkaPlan
    facts: tuple[TlsFacts, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The passed checks of the plan and of every bootstrap server: GS-TLS-001 to -009 and -011."""
        return (*self.plan.findings, *(finding for facts in self.facts for finding in facts.findings))

    @property
    def anchors_pem(self) -> str:
        """The certificates that anchor the brokers' chains, without duplicates, PEM."""
        return "".join(dict.fromkeys(facts.anchor_pem for facts in self.facts))


@dataclass(frozen=True, slots=True)
class ServerInspection:
    """One verified server of a connection.

    Attributes:
        server: ``HOST:PORT``.
        host: the name that was compared with its certificate.
        facts: the result of the probe.
    """

    server: str
    host: str
    facts: TlsFacts


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """The inspection of one connection.

    Attributes:
        name: the connection's name.
        kind: ``postgresql``, ``mysql``, ..., ``kafka``, ``network``; ``""`` if it was rejected before that
            was known.
        authority: location of the certificate authority's file, ``""`` for the system's roots.
        servers: its servers, all verified; empty if ``error`` is set.
        notes: problems that other clients may have with this connection.
        findings: the passed checks.
        error: the error that a run would raise, None if all checks passed.
    """

    name: str
    kind: str = ""
    authority: str = ""
    servers: tuple[ServerInspection, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: GlueSecureError | None = None


def read_connection(catalog: Catalog, name: str, catalog_id: str | None = None) -> GlueConnection:
    """Return the connection of that name.

    Raises:
        RefusedError: GS-TLS-011, the connection does not exist.
        VerificationError: GS-TLS-011, the Glue API returned an error.
    """
    resource = f"connection {name}"
    try:
        return catalog.connection(name, catalog_id)
    except NotFound as error:
        stop(
            failed(
                "GS-TLS-011",
                resource,
                found=str(error),
                required="an existing Data Catalog connection",
                fix="create the connection, or correct the name in the script",
            )
        )
    except ServiceError as error:
        stop(
            unknown(
                "GS-TLS-011",
                resource,
                found=str(error),
                required="the answer of GetConnection",
                fix="grant the job's role glue:GetConnection on the catalog and the connection",
                aws_code=error.code,
            )
        )


def verify_connection(
    name: str,
    connection: GlueConnection,
    options: Mapping[str, object],
    *,
    objects: ObjectStore,
    clock: Clock,
) -> VerifiedConnection:
    """Check the connection and the options of a call, and verify its server.

    Raises:
        RefusedError: a GS-TLS control failed.
        VerificationError: a GS-TLS control could not be verified.
    """
    plan = plan_connection(connection, options)
    facts = probe(
        plan.host,
        plan.port,
        _load_certificate(objects, plan.certificate, name),
        now=clock.now(),
        resource=f"connection {name}",
        negotiation=plan.engine.negotiation,
    )
    findings = check_certificate_subject(plan, facts.subject, f"connection {name}")
    return VerifiedConnection(replace(plan, findings=(*plan.findings, *enforce(findings))), facts)


def verify_kafka(
    name: str,
    connection: GlueConnection,
    options: Mapping[str, object],
    *,
    objects: ObjectStore,
    clock: Clock,
) -> VerifiedKafka:
    """Check a Kafka connection and the options of a call, and verify each bootstrap server.

    Raises:
        RefusedError: a GS-TLS control failed.
        VerificationError: a GS-TLS control could not be verified.
    """
    plan = plan_kafka(connection, options)
    authorities = _load_certificate(objects, plan.certificate, name)
    resource = f"connection {name}"
    facts = (
        probe(host, port, authorities, now=clock.now(), resource=resource, negotiation=TlsNegotiation.TLS)
        for host, port in plan.brokers
    )
    return VerifiedKafka(plan, tuple(facts))


def connection_names(control_plane: ControlPlane, job: str | None) -> tuple[str, ...]:
    """Return the connections of a job, or every JDBC connection of the catalog.

    Raises:
        UsageError: the job does not exist.
        GlueSecureError: the Glue API returned an error.
    """
    try:
        return control_plane.connection_names(job)
    except NotFound:
        raise UsageError(
            "--job-name", found=f"{job!r}, which does not exist", required="a job of AWS Glue"
        ) from None
    except ServiceError as error:
        raise GlueSecureError(f"cannot list the connections: {error}", aws_code=error.code) from error


def inspect_connections(
    names: Sequence[str], *, control_plane: ControlPlane, objects: ObjectStore, clock: Clock
) -> Iterator[ConnectionReport]:
    """Yield a report of each connection, in order. No credential is read, fetched or sent."""
    for name in names:
        try:
            yield _inspect(name, control_plane, objects, clock)
        except GlueSecureError as error:
            yield ConnectionReport(name, error=error)


def exit_code(reports: Sequence[ConnectionReport]) -> int:
    """Return 0 if all connections passed, else the most severe code: 3, then 4, then any other."""
    codes = {report.error.exit_code for report in reports if report.error is not None}
    return next((code for code in (3, 4) if code in codes), max(codes, default=0))


def _inspect(name: str, control_plane: ControlPlane, objects: ObjectStore, clock: Clock) -> ConnectionReport:
    connection = read_connection(control_plane, name)
    kind = connection.connection_type.upper()
    verified: VerifiedConnection | VerifiedKafka
    if kind == "NETWORK":
        return ConnectionReport(name, "network", notes=("a route into a VPC, without a server of its own",))
    if kind == "KAFKA":
        verified = verify_kafka(name, connection, {}, objects=objects, clock=clock)
        engine, servers, all_facts = "kafka", verified.plan.brokers, verified.facts
    else:
        verified = verify_connection(name, connection, {}, objects=objects, clock=clock)
        engine, all_facts = verified.plan.engine.name, (verified.facts,)
        servers = ((verified.plan.host, verified.plan.port),)
    certificate = verified.plan.certificate
    notes = [note for facts in all_facts for note in _notes(facts, certificate)]
    return ConnectionReport(
        name,
        engine,
        str(certificate or ""),
        tuple(
            ServerInspection(f"{host}:{port}", host, facts)
            for (host, port), facts in zip(servers, all_facts, strict=True)
        ),
        tuple(dict.fromkeys(notes)),
        verified.findings,
    )


def _notes(facts: TlsFacts, certificate: S3Uri | None) -> tuple[str, ...]:
    return compatibility_notes(facts.chain, facts.chain[-1] if facts.chain and certificate else None)


def _load_certificate(
    objects: ObjectStore, location: S3Uri | None, name: str
) -> tuple[x509.Certificate, ...] | None:
    """Return the certificate authorities of the file at ``location``; None for the system's roots."""
    if location is None:
        return None
    try:
        body = objects.read(location).body
    except ServiceError as error:
        stop(
            unknown(
                "GS-TLS-012",
                f"connection {name} certificate {location}",
                found=str(error),
                required="a readable certificate",
                fix="put the CA's certificate there as PEM, and grant the job's role s3:GetObject on it",
                aws_code=error.code,
            )
        )
    return load_authorities(body, resource=f"connection {name}")
