"""Planning a Kafka connection: strict connections are planned, weaker ones are refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from glue_secure.connections.kafka import kafka_options, plan_kafka
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri

GOOD = {"KAFKA_BOOTSTRAP_SERVERS": "b-1.Msk.example.com:9094, b-2.msk.example.com:9094"}
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_x"
SCRAM = {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_SCRAM_SECRETS_ARN": ARN}


def plan(options=None, kind="KAFKA", **more):
    properties = {name: value for name, value in {**GOOD, **more}.items() if value is not None}
    return plan_kafka(GlueConnection("events", kind, properties), options or {})


def options_for_spark(options=None, **more):
    planned = plan(options, **more)
    return kafka_options(planned, "PEM", Credentials("me", 'hun"ter\\2') if planned.secret_id else None)


def test_kafka_options_force_verification_of_chain_and_name():
    assert plan().brokers == (("b-1.msk.example.com", 9094), ("b-2.msk.example.com", 9094))
    assert options_for_spark(
        {"subscribe": "flights", "startingoffsets": "earliest", "kafka.fetch.max.bytes": 10}
    ) == {
        "subscribe": "flights",
        "startingOffsets": "earliest",
        "kafka.fetch.max.bytes": "10",
        "kafka.bootstrap.servers": "b-1.msk.example.com:9094,b-2.msk.example.com:9094",
        "kafka.security.protocol": "SSL",
        "kafka.ssl.endpoint.identification.algorithm": "https",
        "kafka.ssl.enabled.protocols": "TLSv1.2,TLSv1.3",
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.certificates": "PEM",
    }


with (Path(__file__).parents[2] / "vectors" / "kafka_accepted.csv").open(
    encoding="utf-8", newline=""
) as file:
    ACCEPTED = list(csv.DictReader(file))


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: f"{row['option']}={row['value']}")
def test_an_ordinary_option_is_passed_on(row):
    passed = options_for_spark({row["option"].upper(): row["value"]})
    assert passed == {**options_for_spark(), row["option"]: row["value"]}


@pytest.mark.parametrize(
    "options",
    [
        {"kafka.ssl.enabled.protocols": "TLSv1.2,TLSv1.3", "kafka.ssl.protocol": "TLS"},
        {"kafka.client.dns.lookup": "use_all_dns_ips", "kafka.enable.auto.commit": "false"},
    ],
)
def test_a_value_without_effect_is_accepted_and_not_passed_on(options):
    assert options_for_spark(options) == options_for_spark()


def test_an_option_of_the_client_needs_sparks_prefix():
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        plan({"max.request.size": "5242880"})


def test_an_option_may_repeat_a_forced_value():
    repeated = {
        "connectionName": "events",
        "kafka.security.protocol": "SSL",
        "ssl.endpoint.identification.algorithm": "https",
    }
    assert options_for_spark(repeated) == options_for_spark()
    assert plan(KAFKA_SSL_ENABLED="TRUE", KAFKA_SKIP_CUSTOM_CERT_VALIDATION="false") == plan()
    assert plan(KAFKA_CUSTOM_CERT="s3://config/ca.pem").certificate == S3Uri("config", "ca.pem")


@pytest.mark.parametrize("name", ["bootstrap.servers", "kafka.Bootstrap.Servers"])
def test_bootstrap_servers_may_repeat_those_of_the_connection_and_name_no_other(name):
    assert options_for_spark({name: "B-2.msk.example.com:9094"}) == options_for_spark()
    for servers in ("b-3.msk.example.com:9094", "b-2.msk.example.com:9094,b-3.msk.example.com:9094", ""):
        with pytest.raises(RefusedError, match="GS-TLS-005"):
            plan({name: servers})


def test_a_login_by_scram_is_quoted_for_jaas_and_by_iam_has_no_password():
    scram = options_for_spark(**SCRAM)
    assert scram["kafka.security.protocol"] == "SASL_SSL"
    assert scram["kafka.sasl.jaas.config"].endswith(
        'ScramLoginModule required username="me" password="hun\\"ter\\\\2";'
    )
    iam = options_for_spark(KAFKA_SASL_MECHANISM="AWS_MSK_IAM")
    assert (iam["kafka.security.protocol"], iam["kafka.sasl.mechanism"]) == ("SASL_SSL", "AWS_MSK_IAM")
    assert "password" not in str(iam)
    with pytest.raises(ValueError, match="SCRAM"):
        kafka_options(plan(**SCRAM), "PEM", None)
    with pytest.raises(UsageError, match="not printable"):
        kafka_options(plan(**SCRAM), "PEM", Credentials("me", 'x";\nother="'))


@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("GS-TLS-006", {"KAFKA_SSL_ENABLED": "false"}),
        ("GS-TLS-006", {"KAFKA_SSL_ENABLED": "False"}),
        ("GS-TLS-006", {"KAFKA_SSL_ENABLED": "0"}),
        ("GS-TLS-006", {"KAFKA_SKIP_CUSTOM_CERT_VALIDATION": "true"}),
        ("GS-TLS-006", {"KAFKA_SKIP_CUSTOM_CERT_VALIDATION": "TRUE"}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": None}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": "b-1"}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": "b-1:0"}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": "b-1:70000"}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": "PLAINTEXT://b-1:9092"}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": "me:hunter2@b-1:9094"}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": "b-1:9094,,b-2:9094"}),
        ("GS-TLS-007", {"KAFKA_BOOTSTRAP_SERVERS": ",".join(f"b-{n}:9094" for n in range(40))}),
        ("GS-TLS-008", {"KAFKA_SASL_PLAIN_PASSWORD": "hunter2"}),
        ("GS-TLS-008", {"KAFKA_SASL_SCRAM_PASSWORD": "hunter2"}),
        ("GS-TLS-008", {"ENCRYPTED_KAFKA_SASL_SCRAM_PASSWORD": "hunter2"}),
        ("GS-TLS-008", {"ENCRYPTED_KAFKA_CLIENT_KEY_PASSWORD": "hunter2"}),
        ("GS-TLS-008", {"KAFKA_CLIENT_KEYSTORE_PASSWORD": "hunter2"}),
        ("GS-TLS-008", {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}),
        ("GS-TLS-008", {"KAFKA_SASL_SCRAM_SECRETS_ARN": ARN}),
        ("GS-TLS-008", {"KAFKA_SASL_MECHANISM": "AWS_MSK_IAM", "KAFKA_SASL_SCRAM_SECRETS_ARN": ARN}),
        ("GS-TLS-011", {"KAFKA_SASL_MECHANISM": "PLAIN"}),
        ("GS-TLS-011", {"KAFKA_SASL_MECHANISM": "GSSAPI"}),
        ("GS-TLS-011", {"KAFKA_SASL_MECHANISM": "scram-sha-512"}),
        ("GS-TLS-011", {"KAFKA_SASL_PLAIN_USERNAME": "me"}),
        ("GS-TLS-011", {"KAFKA_SASL_GSSAPI_KEYTAB": "s3://x/y"}),
        ("GS-TLS-011", {"KAFKA_CLIENT_KEYSTORE": "s3://x/y.jks"}),
        ("GS-TLS-011", {"kind": "JDBC"}),
        ("GS-TLS-012", {"KAFKA_CUSTOM_CERT": "https://x/ca.pem"}),
        ("GS-TLS-012", {"KAFKA_CUSTOM_CERT": "s3://config/"}),
        ("GS-TLS-005", {"kafka_ssl_enabled": "false"}),
        ("GS-TLS-005", {"JDBC_ENFORCE_SSL": "true"}),
        ("GS-TLS-005", {"NEW_THING": "x"}),
    ],
)  # fmt: skip
def test_a_connection_with_weaker_settings_is_refused(control, changes):
    with pytest.raises(RefusedError) as caught:
        plan(**changes)
    assert caught.value.control == control, str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["", "kafka.", "KAFKA."])
@pytest.mark.parametrize(
    ("control", "name", "value"),
    [
        ("GS-TLS-001", "security.protocol", "PLAINTEXT"),
        ("GS-TLS-001", "security.protocol", "SASL_PLAINTEXT"),
        ("GS-TLS-001", "Security.Protocol", "plaintext"),
        ("GS-TLS-001", "ssl.endpoint.identification.algorithm", ""),
        ("GS-TLS-001", "ssl.endpoint.identification.algorithm", " "),
        ("GS-TLS-001", "SSL.endpoint.identification.algorithm", "none"),
        ("GS-TLS-001", "ssl.enabled", "false"),
        ("GS-TLS-005", "ssl.truststore.location", "/tmp/x.jks"),
        ("GS-TLS-005", "ssl.truststore.certificates", "PEM"),
        ("GS-TLS-005", "ssl.truststore.type", "JKS"),
        ("GS-TLS-005", "ssl.trustmanager.algorithm", "X"),
        ("GS-TLS-005", "ssl.engine.factory.class", "com.example.Trusting"),
        ("GS-TLS-005", "ssl.provider", "X"),
        ("GS-TLS-005", "ssl.protocol", "TLSv1"),
        ("GS-TLS-005", "ssl.enabled.protocols", "TLSv1"),
        ("GS-TLS-005", "ssl.cipher.suites", "X"),
        ("GS-TLS-005", "security.providers", "com.example.P"),
        ("GS-TLS-005", "bootstrap.servers", "evil:9092"),
        ("GS-TLS-005", "client.dns.lookup", "resolve_canonical_bootstrap_servers_only"),
        ("GS-TLS-005", "interceptor.classes", "com.example.I"),
        ("GS-TLS-005", "metric.reporters", "com.example.R"),
        ("GS-TLS-005", "sasl.login.callback.handler.class", "com.example.H"),
        ("GS-TLS-005", "sasl.mechanism", "PLAIN"),
        ("GS-TLS-008", "sasl.jaas.config", "hunter2"),
        ("GS-TLS-008", "ssl.key.password", "hunter2"),
        ("GS-TLS-008", "ssl.keystore.location", "hunter2"),
    ],
)
def test_an_option_that_touches_tls_the_brokers_or_the_login_is_refused(control, name, value, prefix):
    with pytest.raises(RefusedError) as caught:
        plan({prefix + name: value})
    assert caught.value.control == control, str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"subscribe": "a", "SUBSCRIBE": "b"},
        {"subscribe": "a b"},
        {"maxOffsetsPerTrigger": "many"},
        {"startingOffsets": "newest"},
    ],
)
def test_a_duplicate_kafka_option_or_invalid_value_is_a_usage_error(options):
    with pytest.raises(UsageError, match=r"given twice|invalid value"):
        plan(options)


def test_sparkproperties_are_refused():
    for changes in ({"spark_properties": ("x",)}, {"authentication": "CUSTOM"}, {"secret": "arn"}):
        with pytest.raises(RefusedError, match="GS-TLS-005"):
            plan_kafka(GlueConnection("events", "KAFKA", GOOD, **changes), {})
