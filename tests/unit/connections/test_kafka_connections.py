"""A Kafka connection: every broker is verified before the login is fetched."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from glue_secure.connections.verification import inspect_connections
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri

NOW = datetime.now(timezone.utc)


@pytest.fixture
def broker(make, serve):
    ca = make.authority(kind="RSA2048")

    def start(**changes):
        return serve(make.issue(by=ca, **{"names": ("localhost",), "which": 1, **changes}), negotiation="tls")

    start.ca = ca
    return start


def connect(run_fixture, ca, *servers, **more):
    run_fixture.clock.advance(seconds=(NOW - run_fixture.clock.now()).total_seconds())
    run_fixture.objects.put(S3Uri("config", "ca.pem"), ca.pem)
    properties = {
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(f"localhost:{server.port}" for server in servers),
        "KAFKA_CUSTOM_CERT": "s3://config/ca.pem",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_SCRAM_SECRETS_ARN": "ops/postgres",
        **more,
    }
    run_fixture.control_plane.connections["events"] = GlueConnection("events", "KAFKA", properties)


def test_kafka_options_are_returned_after_every_broker_was_verified(run_fixture, broker):
    first, second = broker(), broker(which=2)
    connect(run_fixture, broker.ca, first, second)
    run = run_fixture.start()
    options = run.reader.kafka_options("events", {"subscribe": "flights"})
    assert options["kafka.ssl.truststore.certificates"] == broker.ca.pem.decode()
    assert options["kafka.ssl.endpoint.identification.algorithm"] == "https"
    assert "hunter2" in options["kafka.sasl.jaas.config"]
    assert run_fixture.log == ["secret ops/postgres"]
    assert first.received_bytes == second.received_bytes == b""
    run.commit()
    evidence = run_fixture.evidence()
    assert [(tls["connection"], tls["source"]) for tls in evidence["tls"]] == [("events", "preflight")] * 2
    assert {f"GS-TLS-{n:03d}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11)} <= {
        control["control"] for control in evidence["controls"]
    }
    assert "hunter2" not in str(evidence)


@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("GS-TLS-002", {"names": ("b-2.example.com",)}),
        ("GS-TLS-003", {"start": NOW - timedelta(days=9), "end": NOW - timedelta(days=1)}),
        ("GS-TLS-004", {"kind": "RSA1024"}),
    ],
)
def test_one_bad_broker_among_good_ones_refuses_before_the_login_is_fetched(
    run_fixture, broker, control, changes
):
    bad = broker(**changes)
    connect(run_fixture, broker.ca, broker(), bad)
    with pytest.raises(RefusedError) as caught:
        run_fixture.start().reader.kafka_options("events", {})
    assert caught.value.control == control
    assert run_fixture.log == [] and bad.received_bytes == b""


def test_nothing_is_sent_to_a_broker_without_tls(run_fixture, broker, serve):
    plain = serve(negotiation="tls", answer=b"\0\0\0\4\0\0\0\0")
    connect(run_fixture, broker.ca, plain)
    with pytest.raises(RefusedError) as caught:
        run_fixture.start().reader.kafka_options("events", {})
    assert caught.value.control == "GS-TLS-009"
    assert run_fixture.log == []


def test_the_preflight_shows_every_broker(run_fixture, broker):
    connect(run_fixture, broker.ca, broker(), broker(which=2))
    services = run_fixture.services()
    (report,) = inspect_connections(
        ["events"],
        control_plane=services.control_plane,
        objects=services.objects,
        clock=services.clock,
    )
    assert (report.error, report.kind, len(report.servers)) == (None, "kafka", 2)
    assert run_fixture.log == []
