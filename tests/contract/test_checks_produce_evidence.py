"""A PASS in the evidence comes from a check: without the check, the PASS is missing.

For each control, ``CHECKS`` names the functions that return its finding. Each test replaces them by
versions that leave out the control's findings, runs a job that otherwise passes every control, and
asserts that no evidence has a PASS of the control. The run may also stop. A literal PASS anywhere else
fails the test.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import pytest
from check_removal import remove_findings

from glue_secure.connections.connectors.table import connector
from glue_secure.core.catalog import CatalogTable
from glue_secure.core.columns import Tag, TagKind
from glue_secure.core.connection import GlueConnection
from glue_secure.core.controls import AUDITED_ONLY, CONTROLS
from glue_secure.core.dynamodb import DynamoDbAccess, DynamoDbTable
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.security_configuration import EncryptionSetting
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.testing.fakes import FakeDynamoDb

NOW = datetime.now(timezone.utc)
CONNECTIONS = "glue_secure.connections"
CHECKS: Mapping[str, tuple[str, ...]] = {
    "GS-POL-001": ("glue_secure.policyfile.loading:check_key_of_policy",),
    "GS-SEC-001": ("glue_secure.core.policy:check_attachment",),
    "GS-SEC-002": ("glue_secure.core.policy:check_attachment",),
    "GS-SEC-003": ("glue_secure.core.policy:check_configuration",),
    "GS-SEC-004": ("glue_secure.core.policy:check_configuration",),
    "GS-SEC-005": ("glue_secure.core.policy:check_configuration",),
    "GS-SEC-006": ("glue_secure.core.policy:check_configuration",),
    "GS-SEC-009": ("glue_secure.core.policy:check_arguments",),
    "GS-SEC-011": ("glue_secure.core.policy:check_arguments",),
    "GS-KMS-001": ("glue_secure.core.policy:check_named_key",),
    "GS-KMS-002": ("glue_secure.core.policy:check_key",),
    "GS-KMS-003": ("glue_secure.core.policy:check_key",),
    "GS-KMS-004": ("glue_secure.core.policy:check_key",),
    "GS-KMS-005": ("glue_secure.core.policy:check_key",),
    "GS-KMS-006": ("glue_secure.preflight.establish:check_usable",),
    "GS-EVD-002": ("glue_secure.preflight.establish:named_evidence_keys",),
    "GS-S3-001": ("glue_secure.core.spark_conf:check_settings",),
    "GS-S3-002": (
        "glue_secure.core.spark_conf:check_settings",
        "glue_secure.core.spark_conf:check_java_options",
    ),
    "GS-S3-003": ("glue_secure.core.spark_conf:check_settings",),
    "GS-S3-004": ("glue_secure.core.policy:check_object",),
    "GS-S3-008": ("glue_secure.core.spark_conf:check_client",),
    "GS-S3-011": ("glue_secure.verification.unmanaged_writes:check_unmanaged_writes",),
    "GS-S3-012": ("glue_secure.verification.unmanaged_writes:check_unmanaged_writes",),
    "GS-S3-013": ("glue_secure.core.iceberg:check_catalogs",),
    "GS-S3-014": (
        "glue_secure.verification.source_requirements:check_source",
        "glue_secure.verification.source_requirements:check_transport",
    ),
    "GS-SPK-001": ("glue_secure.core.worker_encryption:check_workers",),
    "GS-SPK-002": ("glue_secure.core.worker_encryption:check_workers",),
    "GS-SPK-003": ("glue_secure.core.worker_encryption:check_workers",),
    "GS-SPK-004": ("glue_secure.core.worker_encryption:check_workers",),
    "GS-TLS-001": (
        f"{CONNECTIONS}.url:check_plain_tcp",
        f"{CONNECTIONS}.url:check_url_options",
        f"{CONNECTIONS}.kafka:check_options",
        f"{CONNECTIONS}.connectors.options:check_options",
    ),
    "GS-TLS-002": (f"{CONNECTIONS}.jdbc:check_certificate_name", f"{CONNECTIONS}.tls.probe:probe"),
    "GS-TLS-003": (f"{CONNECTIONS}.tls.probe:probe",),
    "GS-TLS-004": (f"{CONNECTIONS}.tls.probe:probe",),
    "GS-TLS-005": (
        f"{CONNECTIONS}.url:check_url_options",
        f"{CONNECTIONS}.manager:check_query_timeout",
        f"{CONNECTIONS}.options:check_options",
        f"{CONNECTIONS}.properties:check_property_names",
        f"{CONNECTIONS}.kafka:check_options",
        f"{CONNECTIONS}.kafka:check_property_names",
        f"{CONNECTIONS}.connectors.options:check_options",
    ),
    "GS-TLS-006": (f"{CONNECTIONS}.properties:check_tls_enforced", f"{CONNECTIONS}.kafka:check_tls_enforced"),
    "GS-TLS-007": (
        f"{CONNECTIONS}.url:read_url",
        f"{CONNECTIONS}.url:with_database",
        f"{CONNECTIONS}.jdbc:check_parts",
        f"{CONNECTIONS}.kafka:read_brokers",
    ),
    "GS-TLS-008": (
        f"{CONNECTIONS}.url:check_credentials",
        f"{CONNECTIONS}.options:check_options",
        f"{CONNECTIONS}.properties:check_property_names",
        f"{CONNECTIONS}.properties:check_authentication",
        f"{CONNECTIONS}.logins:check_login",
        f"{CONNECTIONS}.manager:check_credentials",
        f"{CONNECTIONS}.manager:check_jdbc_logs",
        f"{CONNECTIONS}.kafka:check_options",
        f"{CONNECTIONS}.kafka:check_property_names",
        f"{CONNECTIONS}.kafka:check_login",
        f"{CONNECTIONS}.connectors.options:check_options",
    ),
    "GS-TLS-009": (f"{CONNECTIONS}.tls.probe:probe",),
    "GS-TLS-010": (f"{CONNECTIONS}.tls.session:check_session",),
    "GS-TLS-011": (
        f"{CONNECTIONS}.url:read_engine",
        f"{CONNECTIONS}.options:check_options",
        f"{CONNECTIONS}.properties:check_connection_type",
        f"{CONNECTIONS}.properties:check_driver",
        f"{CONNECTIONS}.jdbc:check_engine",
        f"{CONNECTIONS}.kafka:check_connection_type",
        f"{CONNECTIONS}.kafka:check_login",
    ),
    "GS-TLS-013": (f"{CONNECTIONS}.driver_jar:check_driver",),
    "GS-CON-001": (
        f"{CONNECTIONS}.connectors.encryption:check_table",
        f"{CONNECTIONS}.connectors.encryption:check_stream",
    ),
    "GS-CON-002": (f"{CONNECTIONS}.connectors.approval:check_allowed",),
    "GS-BKM-001": (
        "glue_secure.bookmarks.store:check_first_run",
        "glue_secure.bookmarks.envelope:Envelope.open",
    ),
    "GS-BKM-002": (
        "glue_secure.bookmarks.store:check_first_run",
        "glue_secure.bookmarks.envelope:Envelope.open",
    ),
    "GS-BKM-003": ("glue_secure.bookmarks.store:check_first_run", "glue_secure.bookmarks.store:check_newest"),
    "GS-BKM-004": ("glue_secure.bookmarks.store:check_first_run", "glue_secure.bookmarks.store:check_newest"),
    "GS-CAT-001": ("glue_secure.core.catalog_encryption:check_metadata",),
    "GS-CAT-002": ("glue_secure.core.catalog_encryption:check_passwords",),
    "GS-CAT-003": ("glue_secure.catalog.encrypted_catalog:EncryptedCatalog._read_settings",),
    "GS-COL-001": ("glue_secure.columns.decisions:decide",),
    "GS-COL-002": ("glue_secure.columns.enforcer:check_data_key",),
    "GS-COL-004": ("glue_secure.columns.enforcer:read_tags",),
    "GS-COL-006": ("glue_secure.columns.enforcer:ColumnPolicyEnforcer.check_bypass",),
}
"""Control → the functions that return its finding, in a run."""

_ERROR_ONLY = "the call raises if the check fails; the evidence has no PASS for each call"
WITHOUT_PASS: Mapping[str, str] = {
    "GS-SEC-007": "raised by a call before job.init, when there is no evidence",
    "GS-SEC-008": "raised when the Glue API does not answer; the PASS is GS-SEC-001",
    "GS-SEC-010": _ERROR_ONLY,
    "GS-S3-005": _ERROR_ONLY,
    "GS-S3-006": _ERROR_ONLY,
    "GS-S3-007": "raised when an object cannot be read back; the PASS is GS-S3-004",
    "GS-S3-009": _ERROR_ONLY,
    "GS-S3-010": _ERROR_ONLY,
    "GS-TLS-012": "raised when the authority's certificate cannot be read; the PASS is GS-TLS-003",
    "GS-BKM-005": "raised by the commit that loses; the PASS is the new sequence in the evidence",
    "GS-BKM-006": "raised when the bookmark cannot be read or written",
    "GS-CAT-004": "raised by glue-secure catalog, which reads the settings back",
    "GS-COL-003": "raised with GS-COL-001, before the write",
    "GS-COL-005": _ERROR_ONLY,
    "GS-EVD-001": "the evidence itself",
    "GS-LF-001": "reported as FAIL by glue-secure lake plan, and nothing if it is met",
    "GS-LF-002": "reported as FAIL by glue-secure lake plan, and nothing if it is met",
    "GS-LF-003": "raised by glue-secure lake",
    "GS-LF-004": "raised by glue-secure lake apply",
    "GS-LF-005": "raised by glue-secure lake apply",
    "GS-LF-007": _ERROR_ONLY,
    "GS-DEP-001": "raised by glue-secure deploy",
    "GS-DEP-002": "raised by glue-secure deploy, which reads the resources back",
}
"""Control → why no evidence and no report has a PASS of it."""

ELSEWHERE: Mapping[str, str] = {
    "GS-EVD-003": "tests/unit/report/test_evidence_verify.py: the report of `evidence verify`",
    "GS-POL-002": "tests/unit/policyfile/test_exceptions.py: exceptions of a policy file",
    "GS-LF-006": "tests/unit/governance/test_lake_jobs.py: the report of a job's permissions",
    "GS-LF-008": "tests/unit/governance/test_lake_jobs.py: the report of a job's permissions",
    "GS-LF-009": "tests/unit/preflight/test_lake_formation_mode.py: the report of a deployed job",
    "GS-DEP-003": "tests/unit/project/deploy/test_checks.py: the report of a deployed job",
    "GS-DEP-004": "tests/unit/project/deploy/test_checks.py: the report of a deployed job",
    "GS-DEP-005": "tests/unit/project/deploy/test_checks.py: the report of a deployed job",
    "GS-DEP-006": "tests/unit/project/deploy/test_checks.py: the report of a deployed job",
    "GS-DEP-007": "tests/unit/project/deploy/test_remote.py: the run that is read back",
    "GS-DQ-001": "tests/unit/quality/test_gate.py: the gate has its own tests of each check",
    "GS-DQ-002": "tests/unit/quality/test_gate.py: the gate has its own tests of each check",
    "GS-DQ-003": "tests/unit/quality/test_gate.py: the gate has its own tests of each check",
    "GS-DQ-004": "tests/unit/quality/test_gate.py: the gate has its own tests of each check",
    "GS-DQ-005": "tests/unit/quality/test_gate.py: the gate has its own tests of each check",
    **dict.fromkeys(AUDITED_ONLY, "tests/unit/audit/test_controls_of_an_audit.py: the report of an audit"),
}
"""Control → where its findings are tested: they are not part of a run in memory."""

POLICY = S3Uri("config", "columns.json")
ICEBERG = "spark.sql.catalog.lake"


@pytest.fixture
def compliant_runs(run_fixture: Any, make: Any, serve: Any) -> Any:
    """Return a function that runs a job with S3, JDBC, Kafka, Data Catalog, bookmark and column policy."""
    authority = make.authority(kind="RSA2048")

    def database(negotiation: str) -> Any:
        return serve(make.issue(by=authority, names=("localhost",), which=1), negotiation=negotiation)

    postgresql, broker = database("postgresql"), database("tls")
    run_fixture.clock._now = NOW
    run_fixture.objects.put(S3Uri("config", "ca.pem"), authority.pem)
    certificate = {"CUSTOM_JDBC_CERT": "s3://config/ca.pem"}
    run_fixture.control_plane.connections |= {
        "ops": GlueConnection(
            "ops",
            "JDBC",
            {
                "JDBC_CONNECTION_URL": f"jdbc:postgresql://localhost:{postgresql.port}/ops",
                "JDBC_ENFORCE_SSL": "true",
                "SECRET_ID": "ops/postgres",
                **certificate,
            },
        ),
        "events": GlueConnection(
            "events",
            "KAFKA",
            {
                "KAFKA_BOOTSTRAP_SERVERS": f"localhost:{broker.port}",
                "KAFKA_CUSTOM_CERT": "s3://config/ca.pem",
                "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
                "KAFKA_SASL_SCRAM_SECRETS_ARN": "ops/postgres",
            },
        ),
    }
    run_fixture.control_plane.tables["lake", "flights"] = CatalogTable.from_api(
        {
            "DatabaseName": "lake",
            "Name": "flights",
            "StorageDescriptor": {"Location": "s3://landing/flights/"},
            "Parameters": {"classification": "csv"},
        }
    )
    run_fixture.configure(data_quality=EncryptionSetting("SSE-KMS", str(run_fixture.key)))
    run_fixture.engine.settings |= {
        "fs.s3a.bucket.curated.encryption.algorithm": "SSE-KMS",
        ICEBERG: "org.apache.iceberg.spark.SparkCatalog",
        f"{ICEBERG}.s3.sse.type": "kms",
        f"{ICEBERG}.s3.sse.key": str(run_fixture.key),
    }
    tag = Tag(TagKind.LF_TAG, "pii", "true")
    run_fixture.columns.tables["crm", "customers"] = {"email": frozenset([tag])}
    policy = {
        "name": "customers",
        "kms_key": str(run_fixture.key),
        "wrapped_key": "AAAA",
        "tables": ["crm.customers"],
        "columns": [{"lf_tag": "pii=true", "action": "tokenise"}],
    }
    run_fixture.objects.put(POLICY, json.dumps(policy).encode())
    run_fixture.land("m01.csv")
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/flights"
    table = DynamoDbTable("flights", arn, "ACTIVE", ("id",), "ENABLED", "KMS", str(run_fixture.key))
    run_fixture.dynamodb = FakeDynamoDb(table)

    policy_file = S3Uri("config", "policy.json")
    source = {"name": "landing", "prefix": "s3://landing/", "encryption": ["SSE-S3"]}
    stated = json.dumps({"schema": 1, "sources": [source]}).encode()
    run_fixture.objects.put(policy_file, stated, algorithm="aws:kms", key=str(run_fixture.key))
    run_fixture.arguments["glue-secure-policy"] = str(policy_file)

    def run_job(run_id: str, unmanaged: UnmanagedWriteReport, **arguments: str) -> None:
        arguments["glue_secure_allowed_connectors"] = "com.example.Source"
        arguments["glue_secure_evidence_signing_key"] = str(run_fixture.signing_key)
        run = run_fixture.start(run_id, claimed="strict", **arguments)
        frame = run.catalog_reader.read_table("lake", "flights", transformation_ctx="flights")
        run.reader.read_jdbc("ops", "airlines")
        run.reader.kafka_options("events", {"subscribe": "flights"})
        run.stores.check_call(connector("dynamodb"), {"dynamodb.output.tableName": "t"}, "a dynamodb sink")
        run.stores.open_table("flights", DynamoDbAccess(), "write")
        own = connector("custom and marketplace connectors")
        run.stores.check_call(own, {"className": "com.example.Source"}, "a custom.spark source")
        run.writer.write_s3(frame or ["a"], f"s3://curated/{run_id}/", format="parquet")
        run_fixture.engine.native = unmanaged
        run.commit()

    def run_jobs() -> None:
        """Run with a column policy; then without it, and with a write that the policy would forbid."""
        unmanaged = S3Uri("curated", "unmanaged/part-0.parquet")
        run_fixture.objects.put(unmanaged, b"rows", algorithm="aws:kms", key=str(run_fixture.key))
        write = UnmanagedWrite("s3a://curated/unmanaged/", "parquet", rows=1)
        with contextlib.suppress(Exception):
            run_job("jr_1", UnmanagedWriteReport(), glue_secure_columns=str(POLICY))
        with contextlib.suppress(Exception):
            run_job("jr_2", UnmanagedWriteReport((write,)))

    return run_jobs


def evidence_of(run_fixture: Any) -> list[dict[str, Any]]:
    """Return the evidence of the runs; a run that the preflight stopped has none."""
    return [
        run_fixture.evidence(run_id)
        for run_id in ("jr_1", "jr_2")
        if any(f"/run={run_id}/" in key for key in run_fixture.evidence_keys())
    ]


def passes(run_fixture: Any) -> set[str]:
    """Return the controls that pass in the evidence of the runs."""
    return {
        finding["control"]
        for evidence in evidence_of(run_fixture)
        for finding in evidence["controls"]
        if finding["verdict"] == "PASS"
    }


def test_every_control_has_a_check_or_a_reason():
    assert set(CONTROLS) == {*CHECKS, *WITHOUT_PASS, *ELSEWHERE}
    assert not set(CHECKS) & {*WITHOUT_PASS, *ELSEWHERE}


def test_compliant_runs_pass_every_control_of_the_table(run_fixture, compliant_runs):
    compliant_runs()
    assert [evidence["outcome"] for evidence in evidence_of(run_fixture)] == ["succeeded", "succeeded"]
    assert passes(run_fixture) == set(CHECKS)


@pytest.mark.parametrize("control", CHECKS)
def test_a_control_does_not_pass_without_its_check(control, run_fixture, compliant_runs, monkeypatch):
    for check in CHECKS[control]:
        remove_findings(monkeypatch, check, control)
    compliant_runs()
    assert control not in passes(run_fixture)
