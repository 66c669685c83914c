"""``glue-secure preflight --connections``: chain and host name of each connection, without its password."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.connections.tls.certificates import compatibility_notes, describe
from glue_secure.connections.verification import connection_names, exit_code, inspect_connections
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.run import composition

NOW = datetime.now(timezone.utc)


@pytest.fixture(autouse=True)
def no_connections(run_fixture: Any) -> None:
    run_fixture.clock.advance(seconds=(NOW - run_fixture.clock.now()).total_seconds())
    run_fixture.control_plane.connections.clear()


def connection(run_fixture: Any, name: str, port: int, ca: Any, **more: str) -> None:
    run_fixture.objects.put(S3Uri("config", f"{name}.pem"), ca.pem)
    properties = {
        "JDBC_CONNECTION_URL": f"jdbc:postgresql://localhost:{port}/ops",
        "JDBC_ENFORCE_SSL": "true",
        "CUSTOM_JDBC_CERT": f"s3://config/{name}.pem",
        "SECRET_ID": "ops/postgres",
        **more,
    }
    run_fixture.control_plane.connections[name] = GlueConnection(name, "JDBC", properties)


def inspect(run_fixture: Any, *names: str) -> Any:
    services = run_fixture.services()
    selected = names or connection_names(services.control_plane, None)
    return list(
        inspect_connections(
            selected, control_plane=services.control_plane, objects=services.objects, clock=services.clock
        )
    )


def run(run_fixture: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr(composition, "services", run_fixture.services)
    return CliRunner().invoke(app, ["preflight", *arguments], catch_exceptions=False)


def test_preflight_prints_chain_and_name(run_fixture, make, serve, monkeypatch):
    root = make.authority("Root", kind="RSA2048")
    between = make.authority("Between", by=root, which=2)
    server = serve(make.issue(by=between, names=("localhost",), which=3))
    connection(run_fixture, "ops", server.port, root)
    done = run(run_fixture, monkeypatch, "--connections")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "ops: OK, postgresql"
    assert f"localhost:{server.port}, TLSv1.3" in lines[1]
    assert lines[2] == "  name       localhost is on the certificate: localhost"
    assert "s3://config/ops.pem" in lines[3]
    assert [line.split(" (")[0].split()[-1] for line in lines[4:7]] == [
        "CN=database",
        "CN=Between",
        "CN=Root",
    ]
    assert "RSA 2048, sha256WithRSAEncryption" in lines[6]
    assert run_fixture.log == [], "no secret is fetched"
    assert server.received_bytes == b""


def test_preflight_prints_json(run_fixture, make, serve, monkeypatch):
    ca = make.authority(kind="RSA2048")
    good = serve(make.issue(by=ca, names=("localhost",), which=1))
    connection(run_fixture, "ops", good.port, ca)
    connection(run_fixture, "weak", good.port, ca, JDBC_ENFORCE_SSL="false")
    done = run(run_fixture, monkeypatch, "--connections", "--json")
    assert done.exit_code == 3
    good_report, weak_report = json.loads(done.stdout)["connections"]
    assert (good_report["passed"], good_report["servers"][0]["name"]) == (True, "localhost")
    assert [link["subject"] for link in good_report["servers"][0]["chain"]] == ["CN=database", "CN=Test CA"]
    assert (weak_report["passed"], weak_report["refusal"]["control"]) == (False, "GS-TLS-006")


def test_preflight_checks_every_connection_after_a_bad_one(run_fixture, make, serve, monkeypatch):
    ca = make.authority(kind="RSA2048")
    connection(run_fixture, "a", serve(make.issue(by=ca, names=("db.example.com",), which=1)).port, ca)
    connection(run_fixture, "b", serve(make.issue(by=ca, names=("localhost",), which=1)).port, ca)
    done = run(run_fixture, monkeypatch, "--connections")
    assert "a: refused" in done.stdout and "GS-TLS-002" in done.stdout
    assert "b: OK" in done.stdout
    assert done.exit_code == 3


def test_a_connection_that_cannot_be_verified_does_not_pass(run_fixture, make):
    connection(run_fixture, "gone", 1, make.authority(kind="RSA2048"))
    (report,) = inspect(run_fixture)
    assert report.error.control == "GS-TLS-009"
    assert exit_code([report]) == 4
    assert exit_code([]) == 0


def test_preflight_checks_a_jobs_connections_or_named_ones(run_fixture, make, serve, monkeypatch):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("localhost",), which=1))
    for name in ("a", "b", "c"):
        connection(run_fixture, name, server.port, ca)
    run_fixture.control_plane.connections["vpc"] = GlueConnection("vpc", "NETWORK", {})
    run_fixture.control_plane.job_connections["curate"] = ("b", "vpc")
    found = run(run_fixture, monkeypatch, "--connections", "--job-name", "curate").stdout
    assert "b: OK" in found and "vpc: OK, network" in found and "a: " not in found
    assert "c: OK" in run(run_fixture, monkeypatch, "--connection", "c").stdout
    with pytest.raises(UsageError, match="not exist"):
        connection_names(run_fixture.control_plane, "missing")
    run_fixture.control_plane.failure = ServiceError("denied", code="AccessDenied", operation="GetJob")
    with pytest.raises(GlueSecureError, match="cannot list"):
        connection_names(run_fixture.control_plane, None)


@pytest.mark.parametrize("arguments", [(), ("--connection", "a", "--job-name", "b")])
def test_missing_or_conflicting_arguments_are_a_usage_error(run_fixture, monkeypatch, arguments):
    with pytest.raises(UsageError, match="preflight"):
        run(run_fixture, monkeypatch, *arguments)


def test_a_private_ca_without_key_identifiers_gets_a_note(run_fixture, make, serve):
    ca = make.authority(kind="RSA2048", key_identifiers=False)
    server = serve(make.issue(by=ca, names=("localhost",), which=1, key_identifiers=False))
    connection(run_fixture, "ops", server.port, ca)
    (report,) = inspect(run_fixture)
    assert report.error is None
    (note,) = report.notes
    assert note.startswith("CN=database has no authority key identifier")
    assert "accept it" in note and "issued again" in note


def test_a_ca_that_glue_rejects_gets_a_note(make):
    curve = describe(make.authority(kind="P-384").certificate)
    assert len(compatibility_notes((), curve)) == 2
    assert "ecdsa-with-SHA256" in compatibility_notes((), curve)[0]
    assert compatibility_notes((), describe(make.authority(kind="RSA2048").certificate)) == ()
    assert compatibility_notes((curve,), None) == (), "no note on a root of the system"


def test_preflight_reports_an_expired_certificate(run_fixture, make, serve):
    ca = make.authority(kind="RSA2048")
    late = make.issue(
        by=ca, names=("localhost",), which=1, start=NOW - timedelta(days=9), end=NOW - timedelta(days=1)
    )
    connection(run_fixture, "ops", serve(late).port, ca)
    (report,) = inspect(run_fixture)
    assert report.error.control == "GS-TLS-003" and "expired" in str(report.error)


@pytest.mark.parametrize(
    ("where", "subject", "control"),
    [
        ("property", "CN=database", ""),
        ("property", "CN=another", "GS-TLS-002"),
        ("url", "CN=database", ""),
        ("url", "CN=another", "GS-TLS-002"),
    ],
)
def test_oracles_distinguished_name_is_verified_besides_the_host(
    run_fixture, make, serve, where, subject, control
):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("localhost",), which=1), negotiation="tls")
    security = f'(SECURITY=(SSL_SERVER_CERT_DN="{subject}"))' if where == "url" else ""
    url = (
        f"jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS)(HOST=localhost)(PORT={server.port}))"
        f"(CONNECT_DATA=(SID=ORCL)){security})"
    )
    more = {"CUSTOM_JDBC_CERT_STRING": subject} if where == "property" else {}
    connection(run_fixture, "ops", server.port, ca, JDBC_CONNECTION_URL=url, **more)
    (report,) = inspect(run_fixture, "ops")
    assert getattr(report.error, "control", "") == control
    if not control:
        compared = [finding.found for finding in report.findings if finding.control == "GS-TLS-002"]
        assert any("localhost is on the certificate" in found for found in compared)
        assert "the certificate's distinguished name is CN=database" in compared


def test_the_host_is_compared_although_the_distinguished_name_is_right(run_fixture, make, serve):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("db.example.com",), which=1), negotiation="tls")
    url = f"jdbc:oracle:thin:@tcps://localhost:{server.port}/ops"
    connection(run_fixture, "ops", 0, ca, JDBC_CONNECTION_URL=url, CUSTOM_JDBC_CERT_STRING="CN=database")
    (report,) = inspect(run_fixture, "ops")
    assert getattr(report.error, "control", "") == "GS-TLS-002"


@pytest.mark.parametrize(("names", "control"), [(("localhost",), ""), (("db.example.com",), "GS-TLS-002")])
def test_a_strict_connection_is_verified_with_tls_first(run_fixture, make, serve, names, control):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=names, which=1), negotiation="tds-strict")
    url = f"jdbc:sqlserver://localhost:{server.port};encrypt=strict"
    connection(run_fixture, "ops", 0, ca, JDBC_CONNECTION_URL=url)
    (report,) = inspect(run_fixture, "ops")
    assert getattr(report.error, "control", "") == control
    assert server.connections > 0 and server.received_bytes == b""


def test_the_host_is_compared_with_hostnameincertificate_set(run_fixture, make, serve):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("other.example.com",), which=1), negotiation="tds")
    url = f"jdbc:sqlserver://localhost:{server.port};hostNameInCertificate=localhost"
    connection(run_fixture, "ops", 0, ca, JDBC_CONNECTION_URL=url)
    (report,) = inspect(run_fixture, "ops")
    assert getattr(report.error, "control", "") == "GS-TLS-002"
