"""One connection, planned and looked at from outside: nothing secret is fetched here, and nothing is sent.

A run goes on from here to the password; ``glue-secure preflight`` ends here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue_secure.connections.engines.engine import Opening
from glue_secure.connections.jdbc import JdbcPlan, plan_connection
from glue_secure.connections.kafka import KafkaPlan, plan_kafka
from glue_secure.connections.tls.certificates import load_authorities
from glue_secure.connections.tls.probe import TlsFacts, probe
from glue_secure.core.connection import GlueConnection
from glue_secure.core.findings import Finding, failed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import Catalog, Clock, ObjectStore
from glue_secure.core.service import NotFound, ServiceError


@dataclass(frozen=True, slots=True)
class Verified:
    """A connection whose server has proved who it is.

    Attributes:
        plan: how to connect.
        facts: what the server showed.
    """

    plan: JdbcPlan
    facts: TlsFacts


@dataclass(frozen=True, slots=True)
class VerifiedKafka:
    """A Kafka connection, every bootstrap server of which has proved who it is.

    Attributes:
        plan: how to reach them.
        facts: what each showed, in the plan's order.
    """

    plan: KafkaPlan
    facts: tuple[TlsFacts, ...]

    @property
    def anchors_pem(self) -> str:
        """The authorities that anchored their chains, each once."""
        return "".join(dict.fromkeys(one.anchor_pem for one in self.facts))


def read_connection(control_plane: Catalog, name: str, catalog_id: str | None = None) -> GlueConnection:
    """The connection of that name.

    Raises:
        RefusedError: GS-TLS-011, there is none.
        VerificationError: GS-TLS-011, the Glue API does not say.
    """
    try:
        return control_plane.connection(name, catalog_id)
    except NotFound as error:
        required, fix = "an existing Data Catalog connection", "create it, or correct the name in the script"
        stop(failed("GS-TLS-011", f"connection {name}", found=str(error), required=required, fix=fix))
    except ServiceError as error:
        fix = "give the job's role glue:GetConnection on the catalog and the connection"
        stop(unread("GS-TLS-011", f"connection {name}", error, "the answer of GetConnection", fix))


def verify(
    name: str,
    found: GlueConnection,
    options: Mapping[str, object],
    *,
    objects: ObjectStore,
    clock: Clock,
) -> Verified:
    """Judge the connection with the call's options, and let its server prove who it is.

    Raises:
        RefusedError: a control of GS-TLS fails.
        VerificationError: one could not be decided.
    """
    plan = plan_connection(found, options)
    resource = f"connection {name}"
    body = None if plan.certificate is None else read_certificate(objects, plan.certificate, name)
    facts = probe(
        plan.host,
        plan.port,
        None if body is None else load_authorities(body, resource=resource),
        now=clock.now(),
        resource=resource,
        opening=plan.engine.opening,
        name=plan.verified_name,
    )
    return Verified(plan, facts)


def verify_kafka(
    name: str,
    found: GlueConnection,
    options: Mapping[str, object],
    *,
    objects: ObjectStore,
    clock: Clock,
) -> VerifiedKafka:
    """As :func:`verify`, for a Kafka connection and each of its bootstrap servers."""
    plan = plan_kafka(found, options)
    resource = f"connection {name}"
    body = None if plan.certificate is None else read_certificate(objects, plan.certificate, name)
    authorities = None if body is None else load_authorities(body, resource=resource)
    facts = (
        probe(host, port, authorities, now=clock.now(), resource=resource, opening=Opening.TLS)
        for host, port in plan.brokers
    )
    return VerifiedKafka(plan, tuple(facts))


def read_certificate(objects: ObjectStore, location: S3Uri, name: str) -> bytes:
    """The file with a connection's authority. Raises VerificationError (GS-TLS-012)."""
    try:
        return objects.read(location).body
    except ServiceError as error:
        resource = f"connection {name} certificate {location}"
        fix = "put the authority's certificate there as PEM, and give the job's role s3:GetObject on it"
        stop(unread("GS-TLS-012", resource, error, "a readable certificate", fix))


def unread(control: str, resource: str, error: ServiceError, required: str, fix: str) -> Finding:
    """A control that could not be decided, because a service gave no answer."""
    return unknown(control, resource, found=str(error), required=required, fix=fix, aws_code=error.code)
