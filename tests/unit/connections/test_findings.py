"""The evidence of a connection contains exactly the findings that its checks returned."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone

import pytest

from glue_secure.connections.engines.registry import ENGINES
from glue_secure.core.connection import GlueConnection
from glue_secure.core.findings import Finding, passed
from glue_secure.core.identifiers import S3Uri

NOW = datetime.now(timezone.utc)
NOTHING = passed("removed", "", "")
ENGINE = {engine.name: engine for engine in ENGINES}
KAFKA_CONTROLS = {f"GS-TLS-{number:03d}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11)}
JDBC_CONTROLS = KAFKA_CONTROLS | {"GS-TLS-010", "GS-TLS-013"}
# Each check, and the controls that it decides in part or whole.
SERVER_CHECKS = {
    "tls.probe.trusted_authorities": {"GS-TLS-003", "GS-TLS-004"},
    "tls.probe.verify_handshake": {"GS-TLS-002", "GS-TLS-003", "GS-TLS-009"},
    "tls.probe.check_leaf": {"GS-TLS-003", "GS-TLS-004"},
}
JDBC_CHECKS = {
    "properties.check_connection_type": {"GS-TLS-011"},
    "properties.check_property_names": {"GS-TLS-005", "GS-TLS-008"},
    "properties.check_tls_enforced": {"GS-TLS-006"},
    "properties.check_driver": {"GS-TLS-011"},
    "jdbc.check_certificate_name": {"GS-TLS-002"},
    "properties.check_authentication": {"GS-TLS-008"},
    "jdbc.check_engine": {"GS-TLS-011"},
    "jdbc.check_parts": {"GS-TLS-007"},
    "jdbc.check_login": {"GS-TLS-008"},
    "options.check_options": {"GS-TLS-005", "GS-TLS-008", "GS-TLS-011"},
    "url.check_credentials": {"GS-TLS-008"},
    "url.check_plain_tcp": {"GS-TLS-001"},
    "url.check_url_options": {"GS-TLS-001", "GS-TLS-005"},
    "url.read_engine": {"GS-TLS-011"},
    **SERVER_CHECKS,
    "manager.check_credentials": {"GS-TLS-008"},
    "manager.check_session": {"GS-TLS-010"},
}
KAFKA_CHECKS = {
    "kafka.check_connection_type": {"GS-TLS-011"},
    "kafka.check_property_names": {"GS-TLS-005", "GS-TLS-008"},
    "kafka.check_tls_enforced": {"GS-TLS-006"},
    "kafka.check_login": {"GS-TLS-008", "GS-TLS-011"},
    "kafka.check_options": {"GS-TLS-001", "GS-TLS-005", "GS-TLS-008"},
    "kafka.read_brokers": {"GS-TLS-007"},
    **SERVER_CHECKS,
    "manager.check_credentials": {"GS-TLS-008"},
}


@pytest.fixture
def read(run_fixture, make, serve):
    """Return a function that reads a table from a real TLS server, and the findings in the evidence."""
    ca = make.authority(kind="RSA2048")
    issued = make.issue(by=ca, names=("localhost",), which=1)
    run_fixture.clock.advance(seconds=(NOW - run_fixture.clock.now()).total_seconds())
    run_fixture.objects.put(S3Uri("config", "ca.pem"), ca.pem)

    def read_jdbc(name):
        engine = ENGINE[name]
        server = serve(issued, negotiation=engine.negotiation.value)
        url = engine.bare_form.format(host="localhost", port=server.port, database="ops")
        properties = {
            "JDBC_CONNECTION_URL": url,
            "JDBC_ENFORCE_SSL": "true",
            "CUSTOM_JDBC_CERT": "s3://config/ca.pem",
            "SECRET_ID": "ops/postgres",
        }
        run_fixture.control_plane.connections["ops"] = GlueConnection("ops", "JDBC", properties)
        run = run_fixture.start()
        run.reader.read_jdbc("ops", "airlines")
        run.commit()
        return findings(run_fixture.evidence())

    def read_kafka():
        server = serve(issued, negotiation="tls")
        properties = {
            "KAFKA_BOOTSTRAP_SERVERS": f"localhost:{server.port}",
            "KAFKA_CUSTOM_CERT": "s3://config/ca.pem",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_SCRAM_SECRETS_ARN": "ops/postgres",
        }
        run_fixture.control_plane.connections["ops"] = GlueConnection("ops", "KAFKA", properties)
        run = run_fixture.start()
        run.reader.kafka_options("ops", {"subscribe": "flights"})
        run.commit()
        return findings(run_fixture.evidence())

    return lambda name: read_kafka() if name == "kafka" else read_jdbc(name)


def findings(evidence):
    return [finding for finding in evidence["controls"] if finding["control"].startswith("GS-TLS")]


def controls(found):
    return {finding["control"] for finding in found}


@pytest.mark.parametrize("name", [*ENGINE, "kafka"])
def test_every_tls_control_of_a_good_connection_passes(read, name):
    found = read(name)
    assert controls(found) == (KAFKA_CONTROLS if name == "kafka" else JDBC_CONTROLS)
    assert {finding["verdict"] for finding in found} == {"PASS"}
    assert {finding["resource"] for finding in found} == {"connection ops"}


@pytest.mark.parametrize("name", [*ENGINE, "kafka"])
def test_every_pass_says_what_its_own_check_found(read, name):
    texts = [(finding["control"], finding["found"]) for finding in read(name)]
    assert len(texts) == len(set(texts))
    assert all(found for control, found in texts if control != "GS-TLS-008")


def test_kafkas_pass_for_credentials_is_about_credentials(read):
    texts = [finding["found"] for finding in read("kafka") if finding["control"] == "GS-TLS-008"]
    assert "user and password in the secret ops/postgres" in texts


@pytest.mark.parametrize(
    ("name", "check", "decides"),
    [("postgresql", check, decides) for check, decides in JDBC_CHECKS.items()]
    + [("kafka", check, decides) for check, decides in KAFKA_CHECKS.items()],
)
def test_a_check_that_returns_nothing_leaves_no_pass(read, monkeypatch, name, check, decides):
    module_name, _, function = check.rpartition(".")
    module = importlib.import_module(f"glue_secure.connections.{module_name}")
    original, removed = getattr(module, function), []

    def without_findings(*arguments, **options):
        result = original(*arguments, **options)
        if isinstance(result, Finding):
            removed.append(result)
            return NOTHING
        if all(isinstance(finding, Finding) for finding in result):
            removed.extend(result)
            return ()
        # A value, and the finding or findings of its check.
        *values, last = result
        removed.extend([last] if isinstance(last, Finding) else last)
        return (*values, NOTHING if isinstance(last, Finding) else ())

    monkeypatch.setattr(module, function, without_findings)
    passes = {(finding["control"], finding["found"]) for finding in read(name)}
    assert {finding.control for finding in removed} == decides
    assert passes.isdisjoint((finding.control, finding.found) for finding in removed)
