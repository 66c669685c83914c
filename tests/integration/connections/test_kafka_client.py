"""Kafka's real client at the TLS handshake, with exactly the options of ``job.kafka_options``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError

from glue_secure.connections.kafka import KAFKA_OPTIONS, kafka_options, plan_kafka
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.embedded.artifacts import fetch
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import Artifact
from glue_secure.embedded.java import java_home

with (Path(__file__).parents[2] / "vectors" / "kafka_accepted.csv").open(
    encoding="utf-8", newline=""
) as file:
    ACCEPTED = list(csv.DictReader(file))
NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)
# The client of Spark 3.5; downloaded by this test only.
JAR = Artifact("org.apache.kafka", "kafka-clients", "3.4.1",
    "9d0a9058c8ede79db6e54ae378ed16fe8d1bead2894635a4aa6aa0b7981668c6", 5159034)  # fmt: skip
ADMIN = "org.apache.kafka.clients.admin.Admin"
SHORT_TIMEOUT = {"request.timeout.ms": "8000", "default.api.timeout.ms": "8000"}
# Certificates without subjectAltName are left out: Java falls back to the common name, the probe does not.
BAD = {
    "wrong name": {"names": ("b-2.example.com",)},
    "expired": {"start": NOW - 9 * DAY, "end": NOW - DAY},
    "not yet valid": {"start": NOW + DAY, "end": NOW + 9 * DAY},
}


@pytest.fixture(scope="module")
def kafka(drivers: Any) -> Any:
    """The drivers' JVM with Kafka's client."""
    spark = installed_spark()
    files = [fetch([JAR], java_home(spark))[0], spark.bundled_jar("slf4j-api-*.jar")]
    urls = drivers.gateway.new_array(drivers.jvm.java.net.URL, len(files))
    for index, file in enumerate(files):
        urls[index] = drivers.jvm.java.io.File(str(file)).toURI().toURL()
    drivers.loaders["kafka"] = drivers.jvm.java.net.URLClassLoader(urls)
    return drivers


@pytest.fixture
def client_class_loader(kafka: Any) -> Iterator[None]:
    """Load classes that options name with the client's class loader."""
    thread = kafka.jvm.java.lang.Thread.currentThread()
    before = thread.getContextClassLoader()
    thread.setContextClassLoader(kafka.loaders["kafka"])
    yield
    thread.setContextClassLoader(before)


def describe_cluster(kafka: Any, server: Any, ca: Any) -> str:
    """Request the cluster id. Return the client's error, ``""`` for an answer."""
    properties = {
        "KAFKA_BOOTSTRAP_SERVERS": f"localhost:{server.port}",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_SCRAM_SECRETS_ARN": "arn",
    }
    plan = plan_kafka(GlueConnection("events", "KAFKA", properties), {})
    options = kafka_options(plan, ca.pem.decode(), Credentials("etl-user", "hunter2hunter2"))
    client_options = {name.removeprefix("kafka."): value for name, value in options.items()} | SHORT_TIMEOUT
    thread = kafka.jvm.java.lang.Thread.currentThread()
    before = thread.getContextClassLoader()
    # JAAS loads the login module with the thread's context class loader.
    thread.setContextClassLoader(kafka.loaders["kafka"])
    try:
        admin = kafka.call(
            "kafka", ADMIN, "create", None, kafka.properties(client_options), types="Properties"
        )
        try:
            result = kafka.call("kafka", ADMIN, "describeCluster", admin)
            kind = "org.apache.kafka.clients.admin.DescribeClusterResult"
            kafka.call("kafka", kind, "clusterId", result).get()
        except Py4JJavaError as error:
            return str(error.java_exception.toString())
        finally:
            kafka.call("kafka", ADMIN, "close", admin, kafka.jvm.java.time.Duration.ofSeconds(0))
    finally:
        thread.setContextClassLoader(before)
    return ""


def test_after_a_good_handshake_the_client_sends_its_request(kafka, make, serve):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1), negotiation="tls")
    complaint = describe_cluster(kafka, server, ca)
    assert server.received_bytes, complaint
    assert b"hunter2" not in server.received_bytes


@pytest.mark.parametrize("name", BAD)
def test_after_a_bad_handshake_the_client_sends_nothing(kafka, make, serve, name):
    ca = make.authority(kind="RSA2048")
    issued = make.issue(by=ca, **{"names": ("localhost",), "kind": "RSA2048", "which": 1, **BAD[name]})
    server = serve(issued, negotiation="tls")
    complaint = describe_cluster(kafka, server, ca)
    assert server.connections > 0 and complaint
    assert server.received_bytes == b"", complaint


def test_the_client_sends_nothing_to_a_broker_of_another_authority(kafka, make, serve):
    other = make.authority("Other", kind="RSA2048", which=2)
    server = serve(make.issue(by=other, names=("localhost",), kind="RSA2048", which=1), negotiation="tls")
    complaint = describe_cluster(kafka, server, make.authority(kind="RSA2048"))
    assert server.connections > 0 and server.received_bytes == b"", complaint


CONFIGURATIONS = [
    f"org.apache.kafka.clients.{kind}Config" for kind in ("consumer.Consumer", "producer.Producer")
]


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_option_of_the_client_has_a_rule(kafka, configuration):
    rules = {option.name.removeprefix("kafka.") for option in KAFKA_OPTIONS}
    names = [str(name) for name in kafka.call("kafka", configuration, "configNames", None)]
    assert len(names) > 50
    assert [name for name in names if name not in rules] == []


def test_the_client_accepts_the_value_of_every_vector(kafka, client_class_loader):
    kind = "org.apache.kafka.common.config.ConfigDef"
    known = set()
    for configuration in CONFIGURATIONS:
        definition = kafka.call("kafka", configuration, "configDef", None)
        names = {str(name) for name in kafka.call("kafka", configuration, "configNames", None)}
        for row in ACCEPTED:
            name = row["option"].removeprefix("kafka.")
            if name in names:
                known.add(row["option"])
                given = kafka.jvm.java.util.HashMap()
                given.put(name, row["value"])
                read = kafka.call("kafka", kind, "validateAll", definition, given).get(name)
                value = "org.apache.kafka.common.config.ConfigValue"
                assert list(kafka.call("kafka", value, "errorMessages", read)) == [], row
    assert known == {row["option"] for row in ACCEPTED if row["option"].startswith("kafka.")}
