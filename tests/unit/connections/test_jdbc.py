"""Planning a JDBC connection: strict connections are planned, weaker ones are refused."""

from __future__ import annotations

import botocore.session
import pytest

from glue_secure.connections.engines.registry import ENGINES, POSTGRESQL
from glue_secure.connections.jdbc import driver_options, plan_connection, tls_options
from glue_secure.connections.properties import PROPERTIES, PropertyRule
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri

GOOD = {
    "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/ops",
    "JDBC_ENFORCE_SSL": "true",
    "CUSTOM_JDBC_CERT": "s3://config/ca.pem",
    "SECRET_ID": "ops/postgres",
}
PARTS = {"HOST": "db.example.com", "PORT": "5433", "DATABASE": "ops", "ENFORCE_SSL": "true", "SECRET_ID": "s"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def connection(kind="JDBC", **changes):
    properties = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return GlueConnection("ops-postgres", kind, properties)


def plan(options=None, **changes):
    return plan_connection(connection(**changes), options or {})


def refused(control, options=None, *, kind="JDBC", **changes):
    with pytest.raises(RefusedError) as caught:
        plan_connection(connection(kind, **changes), options or {})
    assert caught.value.control == control, str(caught.value)
    assert caught.value.resource == "connection ops-postgres"
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_a_strict_connection_is_planned():
    planned = plan({"dbtable": "airlines", "connectionName": "ops-postgres"})
    assert (planned.connection, planned.engine, planned.driver) == (
        "ops-postgres",
        POSTGRESQL,
        "org.postgresql.Driver",
    )
    assert (planned.host, planned.port, planned.database) == ("db.example.com", 5432, "ops")
    assert planned.url == "jdbc:postgresql://db.example.com:5432/ops"
    assert (planned.certificate, planned.login.secret_id) == (S3Uri("config", "ca.pem"), "ops/postgres")
    assert planned.driver_options == () and planned.reader_options == (("dbtable", "airlines"),)


def test_without_a_certificate_the_plan_uses_the_systems_roots():
    assert plan(CUSTOM_JDBC_CERT=None).certificate is None
    assert plan(CUSTOM_JDBC_CERT="").certificate is None


def test_options_of_the_call_override_harmless_options_of_the_url():
    url = GOOD["JDBC_CONNECTION_URL"] + "?sslmode=verify-full&connectTimeout=5&ApplicationName=a"
    planned = plan({"connecttimeout": 9, "reWriteBatchedInserts": True}, JDBC_CONNECTION_URL=url)
    assert planned.url == GOOD["JDBC_CONNECTION_URL"]
    assert dict(planned.driver_options) == {
        "ApplicationName": "a",
        "connectTimeout": "9",
        "reWriteBatchedInserts": "true",
    }


def test_a_call_may_name_another_database_of_the_same_server():
    assert plan({"database": "archive"}).url == "jdbc:postgresql://db.example.com:5432/archive"


@pytest.mark.parametrize("database", ["x?sslmode=disable", "a/b", "a;b", " a", "../x", "\n"])
def test_a_database_that_is_not_a_plain_name_is_refused(database):
    refused("GS-TLS-007", {"database": database})


def test_reader_options_are_recognized_in_any_letter_case():
    planned = plan({"DBTABLE": "t", "fetchSize": 10, "jobBookmarkKeys": ["id"]})
    assert planned.reader_options == (("dbtable", "t"), ("fetchsize", 10), ("jobBookmarkKeys", ["id"]))


@pytest.mark.parametrize(
    "options",
    [
        {"enforceSSL": "true"},
        {"enforcessl": True},
        {"useConnectionProperties": "true"},
        {"skipCustomJDBCCertValidation": "false"},
        {"customJDBCCert": "s3://config/ca.pem"},
        {"vendor": "postgresql"},
        {"driver": "org.postgresql.Driver"},
        {"sslmode": "verify-full"},
        {"ssl": "true", "SSLMODE": "verify-full", "gssEncMode": "disable"},
    ],
)
def test_an_option_that_repeats_the_connection_changes_nothing(options):
    assert plan(options) == plan()


@pytest.mark.parametrize(
    "options",
    [
        {"enforceSSL": "false"},
        {"enforceSSL": False},
        {"ENFORCESSL": "False"},
        {"EnforceSsl": "0"},
        {"enforceSSL": ""},
        {"JDBC_ENFORCE_SSL": "false"},
        {"jdbc_enforce_ssl": "FALSE"},
        {"ENFORCE_SSL": "no"},
        {"useConnectionProperties": "false"},
        {"skipCustomJDBCCertValidation": "true"},
        {"SKIP_CUSTOM_JDBC_CERT_VALIDATION": "True"},
        {"customJDBCCert": "s3://evil/ca.pem"},
        {"customJDBCCertString": "CN=evil"},
        {"CUSTOM_JDBC_CERT": ""},
        {"sslmode": "require"},
        {"sslmode": "disable"},
        {"SSLMODE": "Disable"},
        {"SslMode": "VERIFY-CA"},
        {"sslmode": "verify-full "},
        {"sslmode": ""},
        {"ssl": "false"},
        {"SSL": False},
        {"sslfactory": "org.postgresql.ssl.NonValidatingFactory"},
        {"SSLFACTORY": "org.postgresql.ssl.NonValidatingFactory"},
        {"sslfactoryarg": "env:CA"},
        {"sslhostnameverifier": "com.example.AnyName"},
        {"sslrootcert": "/tmp/ca.pem"},
        {"sslNegotiation": "direct"},
        {"socketFactory": "com.example.Sockets"},
        {"gssEncMode": "prefer"},
        {"channelBinding": "disable"},
        {"authenticationPluginClassName": "com.example.Plugin"},
        {"options": "-c ssl_renegotiation_limit=0"},
        {"PGHOST": "evil.example"},
        {"service": "evil"},
        {"url": "jdbc:postgresql://evil.example/ops"},
        {"URL": "jdbc:postgresql://db.example.com:5432/ops"},
        {"fullUrl": "jdbc:postgresql://evil.example/ops"},
        {"JDBC_CONNECTION_URL": "jdbc:postgresql://evil.example/ops"},
        {"connectionName": "another"},
        {"vendor": "mysql"},
        {"sessionInitStatement": "set role admin"},
        {"prepareQuery": "with x as (select 1)"},
        {"connectionProvider": "evil"},
        {"trustServerCertificate": "true"},
        {"useSSL": "false"},
        {"notAnOption": "1"},
        {"": "x"},
        {" sslmode": "disable"},
        {"sslmode ": "disable"},
        {"ssl%6dode": "disable"},
        {"sslmode\n": "disable"},
    ],
)
def test_a_call_cannot_override_the_connections_tls(options):
    refused("GS-TLS-005", options)


@pytest.mark.parametrize("name", ["user", "USER", "password", "PassWord", "sslpassword", "secretId", "pwd"])
def test_credentials_in_the_options_of_a_call_are_refused(name):
    refused("GS-TLS-008", {name: "hunter2"})


@pytest.mark.parametrize(
    "options",
    [
        {"driver": "com.example.Driver"},
        {"customJdbcDriverS3Path": "s3://jars/driver.jar"},
        {"customJdbcDriverClassName": "org.postgresql.Driver"},
    ],
)
def test_a_driver_in_the_options_of_a_call_is_refused(options):
    refused("GS-TLS-011", options)


@pytest.mark.parametrize(
    "options",
    [
        {"fetchsize": 1, "FetchSize": 2},
        {"sslmode": "verify-full", "SSLMODE": "verify-full"},
        {"readOnly": "yes"},
    ],
)
def test_a_duplicate_option_or_invalid_value_is_a_usage_error(options):
    with pytest.raises(UsageError, match=r"given twice|invalid value"):
        plan(options)


@pytest.mark.parametrize("value", ["false", "False", "FALSE", "no", "0", "1", "yes", " true", "", None])
def test_tls_must_be_enforced_by_the_connection(value):
    refused("GS-TLS-006", JDBC_ENFORCE_SSL=value)


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
@pytest.mark.parametrize("name", ["JDBC_ENFORCE_SSL", "ENFORCE_SSL"])
def test_either_name_enforces_tls_in_any_letter_case(name, value):
    assert plan(**{"JDBC_ENFORCE_SSL": None, name: value}) == plan()


def test_enforce_ssl_must_be_true_under_both_its_names():
    refused("GS-TLS-006", ENFORCE_SSL="false")
    refused("GS-TLS-006", ENFORCE_SSL="true", JDBC_ENFORCE_SSL="false")


@pytest.mark.parametrize("value", ["true", "TRUE", "True", "1", "yes", "maybe"])
def test_certificate_validation_is_not_skipped(value):
    refused("GS-TLS-006", SKIP_CUSTOM_JDBC_CERT_VALIDATION=value)


def test_skip_validation_false_is_accepted():
    assert plan(SKIP_CUSTOM_JDBC_CERT_VALIDATION="False") == plan()


def test_a_certificate_name_other_than_the_host_is_refused():
    refused("GS-TLS-002", CUSTOM_JDBC_CERT_STRING="CN=evil")


def test_a_url_that_is_refused_refuses_the_connection():
    url = GOOD["JDBC_CONNECTION_URL"]
    assert "sslmode=require" in refused("GS-TLS-001", JDBC_CONNECTION_URL=f"{url}?sslmode=require").found
    refused("GS-TLS-007", JDBC_CONNECTION_URL=f"{url}?PGHOST=evil")
    refused("GS-TLS-008", JDBC_CONNECTION_URL=f"{url}?password=hunter2")
    refused("GS-TLS-011", JDBC_CONNECTION_URL="jdbc:db2://db/ops")


def test_a_password_in_the_connection_is_refused_and_not_shown():
    assert "PASSWORD" in refused("GS-TLS-008", PASSWORD="hunter2").found
    assert "ENCRYPTED_PASSWORD" in refused("GS-TLS-008", ENCRYPTED_PASSWORD="hunter2").found


def test_a_connection_without_a_secret_is_refused():
    refused("GS-TLS-008", SECRET_ID=None)


def test_the_secret_names_the_user_and_a_second_name_has_no_effect():
    assert plan(USERNAME="app").login == plan().login


@pytest.mark.parametrize("name", ["jdbc_enforce_ssl", "Password", "SSLMODE", "NEW_THING", "", "hunter2 x"])
def test_an_unknown_property_is_refused(name):
    refused("GS-TLS-005", **{name: "hunter2"})


@pytest.mark.parametrize("name", [n for n, kind in PROPERTIES.items() if kind is PropertyRule.FOREIGN])
def test_a_property_of_another_kind_of_connection_is_refused(name):
    refused("GS-TLS-005", **{name: "hunter2"})


@pytest.mark.parametrize(
    "changes",
    [
        {"JDBC_DRIVER_JAR_URI": "s3://jars/x.jar"},
        {"JDBC_DRIVER_CLASS_NAME": "com.example.Driver"},
        {"JDBC_ENGINE": "mysql"},
        {"kind": "KAFKA"},
        {"kind": "NETWORK"},
        {"kind": "MYSQL"},
        {"kind": ""},
    ],
)
def test_another_engine_or_driver_is_refused(changes):
    refused("GS-TLS-011", **changes)


def test_the_engine_and_its_own_driver_may_be_named():
    properties = {"JDBC_ENGINE": "PostgreSQL", "JDBC_ENGINE_VERSION": "17", "INSTANCE_ID": "ops"}
    assert plan(**properties, JDBC_DRIVER_CLASS_NAME="org.postgresql.Driver") == plan()


@pytest.mark.parametrize(
    "location", ["/tmp/ca.pem", "https://x/ca.pem", "s3://config", "s3://config/", "s3://c/a/"]
)
def test_a_certificate_that_is_not_an_object_is_refused(location):
    refused("GS-TLS-012", CUSTOM_JDBC_CERT=location)


def test_a_connection_of_type_postgresql_is_planned_from_its_parts():
    planned = plan_connection(GlueConnection("ops", "POSTGRESQL", PARTS), {})
    assert planned.url == "jdbc:postgresql://db.example.com:5433/ops"
    v6 = plan_connection(GlueConnection("ops", "POSTGRESQL", {**PARTS, "HOST": "2001:db8::1"}), {})
    assert v6.url == "jdbc:postgresql://[2001:db8:0:0:0:0:0:1]:5433/ops"


@pytest.mark.parametrize(
    "changes",
    [
        {"HOST": "db/x?sslmode=disable"},
        {"HOST": "a,b"},
        {"HOST": "u:p@h"},
        {"HOST": ""},
        {"PORT": "5432/x"},
        {"PORT": "0"},
        {"DATABASE": "ops?sslmode=disable"},
        {"JDBC_CONNECTION_URL": "jdbc:postgresql://other:5433/ops"},
        {"JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/ops"},
        {"JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5433/other"},
    ],
)
def test_invalid_or_contradicting_parts_are_refused(changes):
    with pytest.raises(RefusedError) as caught:
        plan_connection(GlueConnection("ops", "POSTGRESQL", {**PARTS, **changes}), {})
    assert caught.value.control == "GS-TLS-007"


def test_the_parts_may_repeat_the_url():
    url = "jdbc:postgresql://DB.example.com:5433/ops"
    assert (
        plan_connection(GlueConnection("ops", "JDBC", {**PARTS, "JDBC_CONNECTION_URL": url}), {}).port == 5433
    )


def test_full_verification_is_forced_with_the_anchor_as_text():
    assert tls_options(plan(), PEM) == {
        "ssl": "true",
        "sslmode": "verify-full",
        "sslfactory": "org.postgresql.ssl.SingleCertValidatingFactory",
        "sslhostnameverifier": "org.postgresql.ssl.PGjdbcHostnameVerifier",
        "gssEncMode": "disable",
        "sslfactoryarg": PEM,
    }


@pytest.mark.parametrize(
    "anchor", ["", "env:CA", "file:/tmp/ca.pem", "classpath:ca.pem", "sys:ca", PEM + PEM, "x" + PEM, PEM[:30]]
)
def test_an_anchor_that_is_not_one_certificate_is_refused(anchor):
    with pytest.raises(RefusedError) as caught:
        tls_options(plan(), anchor)
    assert caught.value.control == "GS-TLS-012"


def test_the_driver_gets_options_user_password_and_tls():
    options = driver_options(plan({"connectTimeout": 5}), PEM)
    timeouts = {"connectTimeout": "5", "loginTimeout": "30", "socketTimeout": "7200"}
    expected = {**timeouts, "reWriteBatchedInserts": "true", **tls_options(plan(), PEM)}
    assert options == expected


def test_the_repr_of_plan_and_connection_shows_no_password():
    assert "hunter2" not in repr(connection(PASSWORD="hunter2"))
    assert "ops/postgres" in repr(plan())


def test_every_property_of_the_service_model_is_known():
    model = botocore.session.get_session().get_service_model("glue")
    assert set(PROPERTIES) == {*model.shape_for("ConnectionPropertyKey").enum, "ENFORCE_SSL"}


@pytest.mark.parametrize("value", ["0", "-1", "601", "999999999"])
def test_a_timeout_out_of_range_is_rejected(value):
    with pytest.raises(UsageError, match="1 to 600 seconds"):
        driver_options(plan({"connectTimeout": value}), PEM)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_connection_has_time_limits_in_known_options(engine):
    for timeout in engine.timeouts:
        option = engine.option(timeout.name)
        assert option is not None and option.accepts(str(timeout.default)), timeout
        assert option.accepts(str(timeout.maximum)), timeout
    assert {"connect", "login"} & {
        word for timeout in engine.timeouts for word in ("connect", "login") if word in timeout.name.lower()
    }
    assert any("socket" in timeout.name.lower() or "Read" in timeout.name for timeout in engine.timeouts)
