"""What ``glue-secure preflight --connections`` says of each connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glue_secure.connections.tls.certificates import remarks
from glue_secure.connections.tls.probe import TlsFacts
from glue_secure.connections.verification import read_connection, verify, verify_kafka
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import Clock, ControlPlane, ObjectStore
from glue_secure.core.service import NotFound, ServiceError


@dataclass(frozen=True, slots=True)
class ServerInspection:
    """One server of one connection.

    Attributes:
        server: ``HOST:PORT``.
        expected: the name that its certificate was compared with.
        facts: what it showed.
    """

    server: str
    expected: str
    facts: TlsFacts


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """One connection.

    Attributes:
        name: the connection's.
        kind: ``postgresql``, ``mysql``, ..., ``""`` where it was refused before that was known.
        authority: where the authority's certificate lies, ``""`` for the system's roots.
        looked: its servers, each verified; none where it was refused.
        remarks: what holds here and may meet trouble elsewhere.
        refusal: why it would not be opened, None where it would.
    """

    name: str
    kind: str = ""
    authority: str = ""
    looked: tuple[ServerInspection, ...] = ()
    remarks: tuple[str, ...] = ()
    refusal: GlueSecureError | None = None


def names_of(control_plane: ControlPlane, job: str | None) -> tuple[str, ...]:
    """The connections of a job, or every JDBC connection of the catalog.

    Raises:
        UsageError: there is no such job.
        GlueSecureError: the Glue API does not say.
    """
    try:
        return control_plane.connection_names(job)
    except NotFound:
        raise UsageError(
            "--job-name", found=f"{job!r}, which does not exist", required="a job of AWS Glue"
        ) from None
    except ServiceError as error:
        raise GlueSecureError(f"cannot list the connections: {error}", aws_code=error.code) from error


def report(
    names: Sequence[str], *, control_plane: ControlPlane, objects: ObjectStore, clock: Clock
) -> Iterator[ConnectionReport]:
    """Look at each connection, in order. No credential is read, fetched or sent."""
    for name in names:
        try:
            yield _look(name, control_plane, objects, clock)
        except GlueSecureError as refusal:
            yield ConnectionReport(name, refusal=refusal)


def exit_code(reports: Sequence[ConnectionReport]) -> int:
    """0 where every connection holds, else the gravest: 3 before 4, before whatever else it was."""
    codes = {one.refusal.exit_code for one in reports if one.refusal is not None}
    return next((code for code in (3, 4) if code in codes), max(codes, default=0))


def _look(name: str, control_plane: ControlPlane, objects: ObjectStore, clock: Clock) -> ConnectionReport:
    found = read_connection(control_plane, name)
    if found.connection_type.upper() == "NETWORK":
        return ConnectionReport(name, "network", remarks=("a way into a VPC, without a server of its own",))
    if found.connection_type.upper() == "KAFKA":
        return _look_at_kafka(name, found, objects, clock)
    verified = verify(name, found, {}, objects=objects, clock=clock)
    plan, facts = verified.plan, verified.facts
    return ConnectionReport(
        name,
        plan.engine.name,
        str(plan.certificate or ""),
        (ServerInspection(f"{plan.host}:{plan.port}", plan.verified_name or plan.host, facts),),
        _remarks(facts, plan.certificate),
    )


def _look_at_kafka(name: str, found: GlueConnection, objects: ObjectStore, clock: Clock) -> ConnectionReport:
    verified = verify_kafka(name, found, {}, objects=objects, clock=clock)
    plan, every = verified.plan, verified.facts
    looked = zip(plan.brokers, every, strict=True)
    return ConnectionReport(
        name,
        "kafka",
        str(plan.certificate or ""),
        tuple(ServerInspection(f"{host}:{port}", host, facts) for (host, port), facts in looked),
        tuple(dict.fromkeys(remark for facts in every for remark in _remarks(facts, plan.certificate))),
    )


def _remarks(facts: TlsFacts, certificate: S3Uri | None) -> tuple[str, ...]:
    return remarks(facts.chain, facts.chain[-1] if facts.chain and certificate else None)
