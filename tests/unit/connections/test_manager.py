"""Opening connections: no secret is fetched before the server was verified."""

from __future__ import annotations

import pprint

import pytest
from driver_jars import driver_jar, write_jar

from glue_secure.connections.engines.registry import ENGINES
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError, VerificationError
from glue_secure.core.service import NotFound, ServiceError

BY_NAME = {engine.name: engine for engine in ENGINES}
URLS = {
    engine.name: engine.bare_form.format(host="db.example.com", port=engine.default_port, database="ops")
    for engine in ENGINES
}
DENIED = ServiceError("Get: AccessDeniedException", code="AccessDeniedException", operation="Get")
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def run(run_fixture, server):
    return run_fixture.start()


def properties(run_fixture, **changes):
    good = dict(run_fixture.control_plane.connections["ops"].properties)
    good.update(changes)
    properties = {name: value for name, value in good.items() if value is not None}
    run_fixture.control_plane.connections["ops"] = GlueConnection("ops", "JDBC", properties)


def refused(run, control, kind=RefusedError, **more):
    with pytest.raises(kind) as caught:
        run.reader.read_jdbc("ops", "airlines", **more)
    assert caught.value.control == control, str(caught.value)
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_credentials_are_fetched_after_the_probe_and_tls_is_forced(run, run_fixture):
    run.reader.read_jdbc("ops", "airlines", spark_options={"fetchsize": "10"})
    assert run_fixture.log == ["certificate", "probe db.example.com:5432", "secret ops/postgres"]
    session, read = run_fixture.engine.asked("read_jdbc")
    assert "pg_stat_ssl" in session["table"]
    assert read["table"] == "airlines"
    assert read["url"] == "jdbc:postgresql://db.example.com:5432/ops"
    for call in (session, read):
        assert call["driver_options"]["sslmode"] == "verify-full"
        assert call["credentials"].password == "hunter2"
        assert "hunter2" not in call["url"]
    assert read["spark_options"] == {"fetchsize": "10"}


def test_the_evidence_contains_certificate_and_session_of_the_connection(run, run_fixture):
    run.reader.read_jdbc("ops", "airlines")
    run.commit()
    evidence = run_fixture.evidence()
    assert evidence["tls"] == [
        {
            "connection": "ops",
            "host": "db.example.com:5432",
            "protocol": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "subject": "CN=db.example.com",
            "names": ["db.example.com"],
            "issuer": "CN=Test CA",
            "not_after": "2027-01-01T00:00:00+00:00",
            "fingerprint": "ab" * 32,
            "source": "pg_stat_ssl",
        }
    ]
    assert evidence["reads"][0]["source"] == "ops/airlines"
    assert {f"GS-TLS-{n:03d}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13)} <= {
        c["control"] for c in evidence["controls"]
    }
    assert "hunter2" not in str(evidence)


REDSHIFT = {"JDBC_CONNECTION_URL": "jdbc:redshift://db.example.com:5439/ops"}


def test_gs_tls_010_an_engine_without_session_view_needs_an_approved_driver(run, run_fixture):
    properties(run_fixture, **REDSHIFT)
    run.reader.read_jdbc("ops", "airlines")
    assert run_fixture.log == ["certificate", "probe db.example.com:5439", "secret ops/postgres"]
    (read,) = run_fixture.engine.asked("read_jdbc")
    assert read["driver_options"]["sslmode"] == "verify-full"
    run.commit()
    evidence = run_fixture.evidence()
    assert (evidence["tls"][0]["source"], evidence["tls"][0]["protocol"]) == ("preflight", "TLSv1.3")
    (finding,) = [finding for finding in evidence["controls"] if finding["control"] == "GS-TLS-010"]
    assert "redshift exposes no view of the session; com.amazon.redshift.Driver, version" in str(finding)


@pytest.mark.parametrize("engine", URLS)
@pytest.mark.parametrize("problem", ["old", "missing", "not a JAR", "no version"])
def test_gs_tls_013_no_secret_is_fetched_for_a_driver_that_may_ignore_the_options(
    run, run_fixture, tmp_path, engine, problem
):
    properties(run_fixture, JDBC_CONNECTION_URL=URLS[engine])
    (tmp_path / "not.jar").write_bytes(b"no JAR")
    run_fixture.engine.jar = {
        "old": driver_jar(BY_NAME[engine], tmp_path, "2.0.1"),
        "missing": None,
        "not a JAR": tmp_path / "not.jar",
        "no version": write_jar(tmp_path / "merged.jar", manifest="Implementation-Title: etl\n"),
    }[problem]
    error = refused(run, "GS-TLS-013", RefusedError if problem == "old" else VerificationError)
    release = BY_NAME[engine].driver_release
    assert f"{release.artifacts[0]}:{release.recommended}" in error.fix
    assert f"{release.versions[-1][0]} or later" in error.required
    assert not [line for line in run_fixture.log if line.startswith("secret")]
    assert run_fixture.engine.asked("read_jdbc") == []


def test_gs_tls_008_no_secret_is_fetched_if_spark_would_log_it(run, run_fixture):
    run_fixture.engine.logs_no_passwords = False
    assert "setLogLevel" in refused(run, "GS-TLS-008", VerificationError).fix
    assert not [line for line in run_fixture.log if line.startswith("secret")]
    run_fixture.engine.logs_no_passwords = True
    run.reader.read_jdbc("ops", "airlines")
    run_fixture.engine.logs_no_passwords = False
    refused(run, "GS-TLS-008", VerificationError)


def test_a_connection_is_opened_once_a_run(run, run_fixture):
    run.reader.read_jdbc("ops", "airlines")
    run.reader.read_jdbc("ops", "planes")
    assert run_fixture.log.count("secret ops/postgres") == 1
    assert len(run_fixture.engine.asked("read_jdbc")) == 3


def test_options_for_rows_do_not_open_a_connection_again(run, run_fixture):
    run.reader.read_jdbc("ops", "airlines")
    run.writer.write_jdbc([], "ops", "airlines", options={"batchsize": "7"})
    run.reader.read_jdbc("ops", "airlines", options={"connectTimeout": "5"})
    assert run_fixture.log.count("secret ops/postgres") == 2
    assert run_fixture.engine.asked("write_jdbc")[0]["spark_options"]["batchsize"] == "7"


@pytest.mark.parametrize("control", ["GS-TLS-002", "GS-TLS-003", "GS-TLS-004", "GS-TLS-009"])
def test_no_secret_is_fetched_for_a_server_that_is_not_verified(run, run_fixture, server, control):
    server(refuses=RefusedError(control, resource="connection ops", found="f", required="q", fix="x"))
    refused(run, control)
    assert not [line for line in run_fixture.log if line.startswith("secret")]
    assert run_fixture.engine.asked("read_jdbc") == []


@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("GS-TLS-001", {"JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/ops?sslmode=require"}),
        ("GS-TLS-006", {"JDBC_ENFORCE_SSL": "false"}),
        ("GS-TLS-006", {"JDBC_ENFORCE_SSL": None}),
        ("GS-TLS-006", {"SKIP_CUSTOM_JDBC_CERT_VALIDATION": "true"}),
        ("GS-TLS-007", {"JDBC_CONNECTION_URL": "jdbc:postgresql://a,b/ops"}),
        ("GS-TLS-008", {"SECRET_ID": None}),
        ("GS-TLS-008", {"PASSWORD": "hunter2"}),
        ("GS-TLS-011", {"JDBC_CONNECTION_URL": "jdbc:db2://db.example.com:50000/ops"}),
    ],
)
def test_a_connection_with_weaker_settings_is_not_probed(run, run_fixture, control, changes):
    properties(run_fixture, **changes)
    refused(run, control)
    assert run_fixture.log == []
    assert run_fixture.engine.asked("read_jdbc") == []


@pytest.mark.parametrize("option", ["enforceSSL", "sslmode"])
def test_gs_tls_005_a_call_that_weakens_the_connection_is_not_probed(run, run_fixture, option):
    refused(run, "GS-TLS-005", options={option: "false" if option == "enforceSSL" else "require"})
    assert run_fixture.log == []


@pytest.mark.parametrize("engine", ["postgresql", "redshift"])
def test_gs_tls_005_a_query_timeout_that_is_sent_in_plain_text_is_refused(run, run_fixture, engine):
    properties(run_fixture, JDBC_CONNECTION_URL=URLS[engine])
    error = refused(run, "GS-TLS-005", options={"queryTimeout": "60"})
    assert "statement_timeout" in error.fix
    assert not [line for line in run_fixture.log if line.startswith("secret")]
    run.reader.read_jdbc("ops", "airlines", options={"queryTimeout": "0"})
    refused(run, "GS-TLS-005", options={"querytimeout": "60"})


def test_a_query_timeout_that_is_sent_inside_tls_is_accepted(run, run_fixture):
    to_mariadb(run_fixture)
    run_fixture.engine.session_row = {"ssl": 1, "version": "TLSv1.3", "cipher": "c", "bits": 0}
    run.reader.read_jdbc("ops", "airlines", options={"queryTimeout": "60"})
    assert run_fixture.engine.asked("read_jdbc")[-1]["spark_options"]["queryTimeout"] == "60"


def test_a_timeout_out_of_range_is_rejected_before_the_secret_is_fetched(run, run_fixture):
    with pytest.raises(UsageError, match="1 to 86400 seconds"):
        run.reader.read_jdbc("ops", "airlines", options={"socketTimeout": "0"})
    assert not [line for line in run_fixture.log if line.startswith("secret")]


def test_gs_tls_005_options_are_checked_on_an_open_connection_too(run):
    run.reader.read_jdbc("ops", "airlines")
    refused(run, "GS-TLS-005", options={"enforceSSL": "false"})


def test_gs_tls_011_a_connection_that_does_not_exist(run, run_fixture):
    run_fixture.control_plane.connections.clear()
    refused(run, "GS-TLS-011")


def test_gs_tls_011_a_connection_that_cannot_be_read(run, run_fixture):
    run.reader.read_jdbc("ops", "airlines")
    run_fixture.control_plane.failure = DENIED
    error = refused(run, "GS-TLS-011", VerificationError, options={"connectTimeout": "7"})
    assert error.aws_code == "AccessDeniedException"


def test_gs_tls_012_an_authority_that_cannot_be_read(run, run_fixture):
    run_fixture.objects.fail_next("GetObject", NotFound("no", code="NoSuchKey", operation="GetObject"))
    assert "s3://config/ca.pem" in refused(run, "GS-TLS-012", VerificationError).resource
    assert run_fixture.log == []


def test_gs_tls_008_a_secret_that_cannot_be_read(run, run_fixture):
    run_fixture.secrets.secrets.clear()
    refused(run, "GS-TLS-008", VerificationError)
    assert run_fixture.engine.asked("read_jdbc") == []


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({}, VerificationError),
        ({"ssl": None}, VerificationError),
        ({"ssl": False, "version": None}, RefusedError),
        ({"ssl": True, "version": "TLSv1"}, RefusedError),
        ({"ssl": True, "version": None}, RefusedError),
    ],
)
def test_gs_tls_010_a_session_that_the_database_does_not_report_as_encrypted(run, run_fixture, row, kind):
    run_fixture.engine.session_row = row
    refused(run, "GS-TLS-010", kind)
    assert len(run_fixture.engine.asked("read_jdbc")) == 1


def test_a_refused_connection_is_not_cached(run, run_fixture):
    run_fixture.engine.session_row = {"ssl": False}
    refused(run, "GS-TLS-010")
    refused(run, "GS-TLS-010")


def test_extract_jdbc_conf_carries_full_verification(run):
    conf = run.reader.jdbc_conf("ops")
    assert conf["vendor"] == "postgresql"
    assert conf["url"] == "jdbc:postgresql://db.example.com:5432"
    assert conf["fullUrl"].startswith("jdbc:postgresql://db.example.com:5432/ops?")
    assert "sslmode=verify-full" in conf["fullUrl"]
    assert "hunter2" not in conf["fullUrl"]
    assert (conf["user"], conf["password"], conf["enforceSSL"]) == ("me", "hunter2", "true")
    assert (conf["customJDBCCert"], conf["skipCustomJDBCCertValidation"]) == ("s3://config/ca.pem", "false")


def to_mariadb(run_fixture):
    properties(run_fixture, JDBC_CONNECTION_URL="jdbc:mariadb://db.example.com:3306/ops")


def test_fetch_and_batch_sizes_have_large_defaults(run, run_fixture):
    run.reader.read_jdbc("ops", "airlines")
    run.writer.write_jdbc([], "ops", "airlines", options={"batchsize": "7"})
    run.writer.write_jdbc([], "ops", "airlines")
    assert run_fixture.engine.asked("read_jdbc")[1]["spark_options"] == {"fetchsize": "10000"}
    sizes = [call["spark_options"]["batchsize"] for call in run_fixture.engine.asked("write_jdbc")]
    assert sizes == ["7", "10000"]
    assert run_fixture.engine.asked("write_jdbc")[0]["driver_options"]["reWriteBatchedInserts"] == "true"


RDS = "ops.c9akciq32.eu-west-1.rds.amazonaws.com"


def test_the_catalogs_encrypted_password_is_decrypted_after_the_probe(run, run_fixture):
    properties(run_fixture, SECRET_ID=None, USERNAME="etl")
    run_fixture.secrets.catalog_passwords["ops"] = Credentials(
        "", "hunter2", origin="ENCRYPTED_PASSWORD under key/1"
    )
    run.reader.read_jdbc("ops", "airlines")
    assert run_fixture.log[-2:] == ["probe db.example.com:5432", "decrypt ops"]
    assert run_fixture.engine.asked("read_jdbc")[1]["credentials"].user == "etl"
    run.commit()
    assert "ENCRYPTED_PASSWORD under key/1" in [c["found"] for c in run_fixture.evidence()["controls"]]
    assert "hunter2" not in str(run_fixture.evidence())


def test_gs_tls_008_a_password_that_the_catalog_does_not_have(run, run_fixture):
    properties(run_fixture, SECRET_ID=None, USERNAME="etl")
    assert "SECRET_ID" in refused(run, "GS-TLS-008", VerificationError).fix


def test_a_token_is_replaced_before_it_expires(run, run_fixture):
    shape = {
        "JDBC_CONNECTION_URL": f"jdbc:postgresql://{RDS}/ops",
        "JDBC_ENFORCE_SSL": "true",
        "CUSTOM_JDBC_CERT": "s3://config/ca.pem",
        "USERNAME": "etl",
    }
    run_fixture.control_plane.connections["ops"] = GlueConnection("ops", "JDBC", shape, authentication="IAM")
    run.reader.read_jdbc("ops", "airlines")
    run_fixture.clock.advance(minutes=9)
    run.reader.read_jdbc("ops", "airlines")
    assert run_fixture.log.count(f"token etl@{RDS}:5432") == 1
    run_fixture.clock.advance(minutes=2)
    run.reader.read_jdbc("ops", "airlines")
    assert run_fixture.log.count(f"token etl@{RDS}:5432") == 2
    used = [call["credentials"].password for call in run_fixture.engine.asked("read_jdbc")]
    assert used[0] == used[1] == used[2] != used[3]
    run.commit()
    assert used[0] not in str(run_fixture.evidence())


def test_no_repr_shows_a_password(run, run_fixture):
    run.reader.read_jdbc("ops", "airlines")
    opened = run.connections.open_for_glue("ops", {})
    for value in (opened, opened.credentials, run_fixture.secrets, run_fixture.services(), run):
        assert "hunter2" not in repr(value) and "hunter2" not in str(value)


def test_gs_tls_010_mysql_reports_an_encrypted_session_as_one(run, run_fixture):
    to_mariadb(run_fixture)
    run_fixture.engine.session_row = {"ssl": 1, "version": "TLSv1.3", "cipher": "c", "bits": 0}
    run.reader.read_jdbc("ops", "airlines")
    assert "session_status" in run_fixture.engine.asked("read_jdbc")[0]["table"]
    run.commit()
    assert run_fixture.evidence()["tls"][0]["source"] == "session_status"


def test_gs_tls_010_mysql_reports_a_session_without_tls(run, run_fixture):
    to_mariadb(run_fixture)
    run_fixture.engine.session_row = {"ssl": 0, "version": "", "cipher": "", "bits": 0}
    assert "session_status" not in refused(run, "GS-TLS-010").found


def test_gs_tls_001_glue_connects_only_to_engines_that_it_verifies(run, run_fixture):
    assert run.connections.open_for_glue("ops", {}).engine == "postgresql"
    to_mariadb(run_fixture)
    with pytest.raises(RefusedError) as caught:
        run_fixture.start("jr_2").connections.open_for_glue("ops", {})
    assert caught.value.control == "GS-TLS-001"


def test_jdbc_options_force_verification_and_leave_evidence(run, run_fixture):
    options = run.reader.jdbc_options("ops")
    assert (options["sslmode"], options["sslfactoryarg"]) == ("verify-full", PEM)
    assert (options["url"], options["user"], options["password"]) == (
        "jdbc:postgresql://db.example.com:5432/ops",
        "me",
        "hunter2",
    )
    run.commit()
    assert run_fixture.evidence()["tls"][0]["connection"] == "ops"


def test_options_with_a_login_show_no_password(run):
    options = run.reader.jdbc_options("ops")
    assert {**options}["password"] == dict(**options)["password"] == "hunter2"
    for value in (options, run.reader.jdbc_conf("ops")):
        shown = (repr(value), str(value), f"{value}", f"{value!r}", pprint.pformat(value))
        assert not [text for text in shown if "hunter2" in text]
        assert all("db.example.com" in text for text in shown)


def test_extract_jdbc_conf_needs_an_engine_with_tls_options_in_the_url(run, run_fixture):
    to_mariadb(run_fixture)
    with pytest.raises(UsageError, match="jdbc_options"):
        run.reader.jdbc_conf("ops")


def test_options_may_have_any_type(run):
    run.reader.read_jdbc("ops", "airlines", options={"jobBookmarkKeys": ["id"]})


def test_a_table_that_cannot_be_read_from_the_catalog_fails_the_job(run):
    with pytest.raises(GlueSecureError) as caught:
        run.catalog_reader.read_table("ops", "nowhere")
    assert caught.value.exit_code == 1
    assert caught.value.aws_code == "EntityNotFoundException"
