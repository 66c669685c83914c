"""The database engines: downgrades are refused, and good connections are planned with full verification."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glue_secure.connections.engines.engine import DatabaseEngine, OptionRule
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.jdbc import check_certificate_subject, driver_options, plan_connection
from glue_secure.connections.options import read_options
from glue_secure.connections.tls.trust_store import TrustStoreFile
from glue_secure.connections.url import read_url
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
VECTORS = Path(__file__).parents[2] / "vectors"
BY_NAME = {engine.name: engine for engine in ENGINES}
FULL_VERIFICATION = {
    "postgresql": {"sslmode": "verify-full", "ssl": "true"},
    "mysql": {"sslMode": "VERIFY_IDENTITY", "allowLoadLocalInfile": "false"},
    "mariadb": {"sslMode": "verify-full", "allowLocalInfile": "false"},
    "sqlserver": {"encrypt": "true", "trustServerCertificate": "false"},
    "oracle": {"oracle.net.ssl_server_dn_match": "true"},
    "redshift": {"sslmode": "verify-full", "ssl": "true"},
}


def rows(name: str) -> list[dict[str, str]]:
    with (VECTORS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


DOWNGRADES, ACCEPTED = rows("jdbc_downgrades.csv"), rows("jdbc_accepted.csv")


@pytest.mark.parametrize("row", DOWNGRADES, ids=lambda row: f"{row['where']}-{row['text']}")
def test_a_downgrade_is_refused_for_its_control(row: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as refused:
        if row["where"] == "url":
            read_url(row["text"])
        elif row["where"] == "property":
            name, _, value = row["text"].partition("=")
            good = next(accepted["url"] for accepted in ACCEPTED if accepted["engine"] == row["engine"])
            plan_connection(connection_to(good, **{name: value}), {})
        else:
            name, _, value = row["text"].partition("=")
            read_options(BY_NAME[row["engine"]], "c", {name: value})
    assert refused.value.control == row["control"]


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["url"])
def test_an_accepted_url_is_planned_with_full_verification(row: dict[str, str]) -> None:
    url = read_url(row["url"])
    plan = plan_connection(connection_to(row["url"]), {})
    options = driver_options(plan, PEM, TrustStoreFile("x.p12"))
    assert url.engine.name == row["engine"]
    strict = {"encrypt": "strict"} if "encrypt=strict" in row["url"] else {}
    assert (FULL_VERIFICATION[row["engine"]] | strict).items() <= options.items()
    assert dict(plan.engine.forced_options).items() <= options.items()
    assert f"{plan.host} {plan.port} {plan.database}" == row["server"]
    assert " ".join(f"{name}={value}" for name, value in sorted(plan.driver_options)) == row["passed_on"]
    assert "?" not in url.bare
    assert read_url(url.bare).bare == url.bare
    again = read_url(str(url))
    assert (again.host, again.port, again.database, again.options) == (
        url.host, url.port, url.database, url.options,
    )  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_no_caller_can_set_a_forced_option_or_the_trust_anchor(engine: DatabaseEngine) -> None:
    anchors = [engine.anchor_option] if engine.anchor_option else []
    anchors += [name for name, _ in engine.trust_store_options]
    assert anchors
    for name in (*anchors, *(name for name, _ in engine.forced_options)):
        option = engine.option(name)
        assert option is not None, name
        assert option.rule is not OptionRule.HARMLESS, name
    for name in anchors:
        option = engine.option(name)
        assert option is not None
        assert not option.accepts("anything")


ACCEPTED_PROPERTIES = [
    ("mysql", "jdbc:mysql://db/ops", {"JDBC_ENGINE": "aurora"}),
    ("mysql", "jdbc:mysql://db/ops", {"JDBC_ENGINE": "aurora-mysql"}),
    ("mariadb", "jdbc:mariadb://db/ops", {"JDBC_ENGINE": "mysql"}),
    ("postgresql", "jdbc:postgresql://db/ops", {"JDBC_ENGINE": "aurora-postgresql"}),
    ("mysql", "jdbc:mysql://db/ops", {"JDBC_DRIVER_CLASS_NAME": "com.mysql.jdbc.Driver"}),
    ("oracle", "jdbc:oracle:thin:@tcps://db:2484/ops", {
        "JDBC_DRIVER_CLASS_NAME": "oracle.jdbc.driver.OracleDriver"}),
    *(
        ("redshift", "jdbc:redshift://db/ops", {"JDBC_DRIVER_CLASS_NAME": f"com.amazon.redshift.{part}"})
        for part in ("jdbc.Driver", "jdbc41.Driver", "jdbc42.Driver")
    ),
    ("mysql", "jdbc:mysql://db/ops", {"USERNAME": "etl"}),
    ("sqlserver", "jdbc:sqlserver://ops.database.windows.net;databaseName=ops", {
        "CUSTOM_JDBC_CERT_STRING": "*.database.windows.net"}),
    ("sqlserver", "jdbc:sqlserver://db.example.com;databaseName=ops", {
        "CUSTOM_JDBC_CERT_STRING": "DB.example.com"}),
    ("oracle", "jdbc:oracle:thin:@tcps://db:2484/ops", {
        "CUSTOM_JDBC_CERT_STRING": "C=US,ST=Washington,L=Seattle,O=Amazon.com,OU=RDS,CN=db"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "url", "properties"), ACCEPTED_PROPERTIES)
def test_an_ordinary_property_is_accepted(name: str, url: str, properties: dict[str, str]) -> None:
    plan = plan_connection(connection_to(url, **properties), {})
    assert (plan.engine.name, plan.driver) == (name, BY_NAME[name].driver)
    assert plan.login.secret_id == "s"
    required = properties.get("CUSTOM_JDBC_CERT_STRING", "") if name == "oracle" else ""
    assert plan.subject == required


@pytest.mark.parametrize(
    ("engine", "name"),
    [("mysql", "aurora"), ("mysql", "aurora-mysql"), ("postgresql", "aurora-postgresql")],
)
def test_a_connection_without_a_url_may_name_aurora(engine: str, name: str) -> None:
    parts = {"HOST": "db", "JDBC_ENGINE": name, "JDBC_ENFORCE_SSL": "true", "SECRET_ID": "s"}
    plan = plan_connection(GlueConnection("c", "JDBC", parts), {})
    assert (plan.engine.name, plan.database) == (engine, "")


@pytest.mark.parametrize(
    ("presented", "same"),
    [
        ("CN=db,OU=RDS,O=Amazon.com,L=Seattle,ST=Washington,C=US", True),
        ("C=US,ST=Washington,L=Seattle,O=Amazon.com,OU=RDS,CN=db", True),
        ("CN=db2,OU=RDS,O=Amazon.com,L=Seattle,ST=Washington,C=US", False),
        ("CN=db", False),
        ("(no subject)", False),
    ],
)
def test_oracles_distinguished_name_is_compared_with_the_certificate(presented: str, same: bool) -> None:
    text = "C=US, ST=Washington, L=Seattle, O=Amazon.com, OU=RDS, CN=db"
    plan = plan_connection(
        connection_to("jdbc:oracle:thin:@tcps://db:2484/ops", CUSTOM_JDBC_CERT_STRING=text), {}
    )
    (finding,) = check_certificate_subject(plan, presented, "connection c")
    assert (finding.verdict.value == "PASS", finding.control) == (same, "GS-TLS-002")
    assert check_certificate_subject(replace(plan, subject=""), presented, "connection c") == ()


def test_a_descriptor_for_the_driver_has_one_address_and_compares_the_name() -> None:
    url = (
        "jdbc:oracle:thin:@(description=(retry_count=3)(address_list=(address=(protocol=tcps)(port=2484)"
        "(host=DB.example.com)))(connect_data=(sid=ORCL)(server=dedicated))"
        '(security=(ssl_server_dn_match=on)(ssl_server_cert_dn="CN=db.example.com,O=x")))'
    )
    plan = plan_connection(connection_to(url), {})
    assert plan.url == (
        "jdbc:oracle:thin:@(DESCRIPTION=(RETRY_COUNT=3)(ADDRESS=(PROTOCOL=TCPS)(HOST=db.example.com)(PORT=2484))"
        "(CONNECT_DATA=(SID=ORCL)(SERVER=dedicated))(SECURITY=(SSL_SERVER_DN_MATCH=TRUE)))"
    )
    assert plan.subject == "CN=db.example.com,O=x"


def test_a_call_cannot_ask_for_a_stricter_mode_than_the_connection() -> None:
    with pytest.raises(RefusedError, match="encrypt=strict in the connection's JDBC URL"):
        read_options(BY_NAME["sqlserver"], "c", {"encrypt": "strict"})


def test_options_without_effect_are_accepted_in_a_call_and_not_passed_on() -> None:
    options = {"useUnicode": "yes", "allowMultiQueries": "false", "serverTimezone": "GMT+8"}
    assert read_options(BY_NAME["mysql"], "c", options).driver == (("serverTimezone", "GMT+8"),)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_an_engine_has_each_option_once(engine: DatabaseEngine) -> None:
    names = [option.name.lower() for option in engine.options]
    assert sorted(names) == sorted(set(names))


def connection_to(url: str, kind: str = "JDBC", **more: str) -> GlueConnection:
    return GlueConnection(
        "c", kind, {"JDBC_CONNECTION_URL": url, "JDBC_ENFORCE_SSL": "true", "SECRET_ID": "s", **more}
    )


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_an_engine_without_session_query_has_approved_drivers(engine: DatabaseEngine) -> None:
    assert bool(engine.session_query) is not bool(engine.approved_drivers)
    assert {len(driver.sha256) for driver in engine.approved_drivers} <= {64}


def test_mysql_reads_its_trust_anchor_from_a_file() -> None:
    plan = plan_connection(connection_to("jdbc:mysql://db/ops"), {})
    options = driver_options(plan, PEM, TrustStoreFile("an anchor.p12"))
    assert options["trustCertificateKeyStoreUrl"] == "file:an%20anchor.p12"
    assert options["trustCertificateKeyStoreType"] == "PKCS12"
    assert options["useCursorFetch"] == "true"
    with pytest.raises(ValueError, match="as a file"):
        driver_options(plan, PEM)


def test_connector_j_receives_an_ipv6_address_without_brackets() -> None:
    plan = plan_connection(connection_to("jdbc:mysql://[2001:db8::1]/flight%20data"), {})
    assert plan.url == "jdbc:mysql://address=(host=2001:db8:0:0:0:0:0:1)(port=3306)/flight%20data"


def test_spark_receives_a_mysql_url_for_mariadb() -> None:
    plan = plan_connection(connection_to("jdbc:mariadb://db/ops"), {"database": "archive"})
    assert plan.url == "jdbc:mysql://db:3306/archive?permitMysqlScheme"
    assert plan.driver == "org.mariadb.jdbc.Driver"
    plan = plan_connection(connection_to("jdbc:mariadb://[::1]"), {})
    assert plan.url == "jdbc:mysql://[0:0:0:0:0:0:0:1]:3306/?permitMysqlScheme"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("POSTGRESQL", {}),
        ("JDBC", {"JDBC_ENGINE": "postgresql"}),
        ("JDBC", {"JDBC_DRIVER_CLASS_NAME": "org.mariadb.jdbc.Driver"}),
    ],
)
def test_a_url_of_another_engine_than_the_connection_names_is_refused(
    kind: str, more: dict[str, str]
) -> None:
    with pytest.raises(RefusedError) as refused:
        plan_connection(connection_to("jdbc:mysql://db/ops", kind, **more), {})
    assert refused.value.control == "GS-TLS-011"


def test_a_connection_of_type_mysql_is_planned_from_its_parts() -> None:
    parts = {"HOST": "DB", "DATABASE": "ops", "ENFORCE_SSL": "true"}
    connection = GlueConnection("c", "MYSQL", parts, authentication="BASIC", secret="arn:secret")
    plan = plan_connection(connection, {})
    assert (plan.url, plan.login.secret_id) == ("jdbc:mysql://db:3306/ops", "arn:secret")


@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("GS-TLS-008", {"authentication": "OAUTH2"}),
        ("GS-TLS-008", {"authentication": "IAM"}),
        ("GS-TLS-008", {"authentication": "IAM", "secret": ""}),
        ("GS-TLS-008", {"secret": ""}),
        ("GS-TLS-008", {"properties": {"SECRET_ID": "another"}}),
        ("GS-TLS-005", {"spark_properties": ("sslMode",)}),
    ],
)
def test_an_authentication_that_is_not_one_secret_is_refused(control: str, changes: dict[str, Any]) -> None:
    parts = {"HOST": "db", "DATABASE": "ops", "ENFORCE_SSL": "true", **changes.pop("properties", {})}
    good = GlueConnection("c", "MYSQL", parts, authentication="BASIC", secret="arn:secret")
    with pytest.raises(RefusedError) as refused:
        plan_connection(replace(good, **changes), {})
    assert refused.value.control == control


def test_the_answer_of_getconnection_is_read() -> None:
    shape = {
        "Name": "c",
        "ConnectionType": "MYSQL",
        "ConnectionProperties": {"HOST": "db"},
        "SparkProperties": {"x": "y"},
        "AuthenticationConfiguration": {"AuthenticationType": "BASIC", "SecretArn": "arn:secret"},
    }
    expected = GlueConnection("c", "MYSQL", {"HOST": "db"}, "BASIC", "arn:secret", ("x",))
    assert GlueConnection.from_api(shape) == expected


def test_a_connection_of_type_mysql_may_name_mariadb_as_its_engine() -> None:
    parts = {
        "HOST": "db",
        "DATABASE": "ops",
        "ENFORCE_SSL": "true",
        "SECRET_ID": "s",
        "JDBC_ENGINE": "mariadb",
    }
    assert plan_connection(GlueConnection("c", "MYSQL", parts), {}).engine is BY_NAME["mariadb"]
