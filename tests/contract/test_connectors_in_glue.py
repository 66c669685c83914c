"""Connectors in the Glue adapter: checked first, then passed to awsglue with their options forced."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.connection import GlueConnection
from glue_secure.core.dynamodb import DynamoDbTable
from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError
from glue_secure.core.kinesis import KinesisStream
from glue_secure.testing.fakes import FakeDynamoDb, FakeKinesis

pytest.importorskip("awsglue.context", reason="AWSGlueDataplanePython is made for Python 3.11 alone")
pytestmark = pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning")

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/flights"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
KINESIS = {
    "streamARN": STREAM,
    "startingPosition": "earliest",
    "classification": "json",
    "inferSchema": "true",
}
CATALOG = "com.amazonaws.services.glue.connections.DataCatalogConnection"
MONGO = {"connectionName": "docs", "database": "d", "collection": "c"}
SNOW = {"connectionName": "snow", "sfDatabase": "d", "dbtable": "t"}
BIG = {"connectionName": "big", "parentProject": "p", "sourceType": "table", "table": "t"}


@pytest.fixture
def account(in_glue):
    """The account with a table, a stream and a connection of each managed connector."""
    key = str(in_glue.key)
    in_glue.dynamodb = FakeDynamoDb(DynamoDbTable("flights", ARN, "ACTIVE", ("id",), "ENABLED", "KMS", key))
    in_glue.kinesis = FakeKinesis(KinesisStream("clicks", STREAM, "KMS", key))
    in_glue.control_plane.connections |= {
        "docs": GlueConnection(
            "docs", "MONGODB", {"CONNECTION_URL": "mongodb://docs:27017/d"}, secret="arn:s"
        ),
        "snow": GlueConnection(
            "snow", "SNOWFLAKE", {}, secret="arn:s", spark_properties=("sfUrl", "secretId")
        ),
        "events": GlueConnection("events", "KAFKA", {"KAFKA_BOOTSTRAP_SERVERS": "broker.example.com:9094"}),
        "big": GlueConnection("big", "BIGQUERY", {}, secret="arn:s"),
        "own": GlueConnection("own", "CUSTOM", {"CONNECTOR_CLASS_NAME": "com.example.Source"}),
    }
    for name, location, parameters in (
        ("ddb", ARN, {"classification": "dynamodb"}),
        ("clicks", "clicks", {"typeOfData": "kinesis", "streamARN": STREAM, "classification": "json"}),
        ("docs", "d.c", {"classification": "mongodb", "connectionName": "docs"}),
    ):
        response = {"DatabaseName": "lake", "Name": name, "StorageDescriptor": {"Location": location}}
        in_glue.control_plane.tables["lake", name] = CatalogTable.from_api(
            {**response, "Parameters": parameters}
        )
    return in_glue


READS = {
    "dynamodb": (
        lambda c: c.create_dynamic_frame.from_options("dynamodb", {"dynamodb.input.tableName": "flights"}),
        {},
        ARN,
    ),
    "dynamodb export": (
        lambda c: c.create_dynamic_frame.from_options(
            "dynamodb", {"dynamodb.export": "ddb", "dynamodb.tableArn": ARN, "dynamodb.unnestDDBJson": True}
        ),
        {},
        ARN,
    ),
    "dynamodb table": (lambda c: c.create_dynamic_frame.from_catalog("lake", "ddb"), {}, ARN),
    "kinesis": (lambda c: c.create_data_frame.from_options("kinesis", dict(KINESIS)), {}, STREAM),
    "kinesis table": (lambda c: c.create_data_frame.from_catalog("lake", "clicks"), {}, STREAM),
    "mongodb": (
        lambda c: c.create_dynamic_frame.from_options("mongodb", dict(MONGO)),
        {"ssl": "true", "ssl.domain_match": "true"},
        "docs/c",
    ),
    "mongodb table": (
        lambda c: c.create_dynamic_frame.from_catalog("lake", "docs", additional_options={"database": "d"}),
        {"ssl": "true", "ssl.domain_match": "true"},
        "docs/(no table)",
    ),
    "snowflake": (
        lambda c: c.create_dynamic_frame.from_options("snowflake", dict(SNOW)),
        {"sfSSL": "on"},
        "snow/t",
    ),
    "bigquery": (lambda c: c.create_dynamic_frame.from_options("bigquery", dict(BIG)), {}, "big/t"),
    "data catalog": (
        lambda c: c.create_dynamic_frame.from_options(CATALOG, {"catalog.database": "lake"}),
        {"catalog.database": "lake"},
        "lake",
    ),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_passes_to_awsglue_with_its_options_forced_and_is_recorded(name, account, started):
    read, forced, source = READS[name]
    read(started)
    (call,) = started.recorder.called("getSource", "getCatalogSource")
    passed = {}
    for argument in call[1]:
        passed |= argument if isinstance(argument, dict) else {}
    assert {option: passed.get(option) for option in forced} == forced
    started.job.commit()
    assert [read["source"] for read in account.evidence()["reads"]] == [source]


WRITES = {
    "dynamodb": ("dynamodb", {"dynamodb.output.tableName": "flights"}, ARN),
    "kinesis": ("kinesis", {"streamARN": STREAM, "partitionKey": "id"}, STREAM),
    "mongodb": ("mongodb", MONGO, "docs/c"),
    "snowflake": ("snowflake", SNOW, "snow/t"),
    "bigquery": ("bigquery", {**BIG, "writeMethod": "direct"}, "big/t"),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_passes_to_awsglue_and_the_evidence_names_its_target(name, account, started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    kind, options, target = WRITES[name]
    started.write_dynamic_frame.from_options(frame_of(DynamicFrame, started), kind, dict(options))
    assert started.recorder.called("pyWriteDynamicFrame")
    started.job.commit()
    evidence = account.evidence()
    assert [(write["target"], write["format"]) for write in evidence["writes"]] == [(target, name)]
    if name in ("dynamodb", "kinesis"):
        assert (evidence["stores"][0]["arn"], evidence["stores"][0]["access"]) == (target, "write")


def test_gs_con_001_an_unencrypted_table_or_stream_stops_the_call_before_awsglue(account, started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    table = account.dynamodb.tables["flights"]
    account.dynamodb.tables["flights"] = replace(table, sse_status="", sse_type="", kms_key="")
    started.create_dynamic_frame.from_options("dynamodb", {"dynamodb.input.tableName": "flights"})
    started.recorder.calls.clear()
    with pytest.raises(RefusedError, match="GS-CON-001"):
        started.write_dynamic_frame.from_options(
            frame_of(DynamicFrame, started), "dynamodb", {"dynamodb.output.tableName": "flights"}
        )
    account.kinesis.streams[STREAM] = KinesisStream("clicks", STREAM, "NONE")
    with pytest.raises(RefusedError, match="GS-CON-001"):
        started.create_data_frame.from_options("kinesis", dict(KINESIS))
    assert started.recorder.data_calls() == []


def test_gs_cat_001_an_unencrypted_data_catalog_is_not_described(account, started):
    account.control_plane.encryption.clear()
    with pytest.raises(RefusedError, match="GS-CAT-001"):
        started.create_dynamic_frame.from_options(CATALOG, {"catalog.database": "lake"})
    assert started.recorder.data_calls() == []


def test_the_data_catalog_is_no_target(account, started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    frame = frame_of(DynamicFrame, started)
    with pytest.raises(UsageError, match="a write to com"):
        started.write_dynamic_frame.from_options(frame, CATALOG, {"catalog.database": "lake"})
    assert started.recorder.data_calls() == []


REJECTED = {
    "GS-CON-002": [("custom.spark", {"connectionName": "own"}), ("opensearch", {"opensearch.resource": "x"})],
    "GS-TLS-001": [
        ("mongodb", {**MONGO, "ssl.domain_match": "false"}),
        ("snowflake", {**SNOW, "sfSSL": "off"}),
    ],
    "GS-TLS-001 in Kafka's client": [
        ("kafka", {"connectionName": "events", "topicName": "t", "kafka.ssl.protocol": "SSLv3"}),
    ],
    "GS-TLS-005": [
        ("kinesis", {**KINESIS, "endpointUrl": "https://kinesis.example.com"}),
        ("bigquery", {**BIG, "proxyAddress": "https://x"}),
        ("kafka", {"connectionName": "events", "topicName": "t", "kafka.client.dns.lookup": "x"}),
        (
            "kafka",
            {"connectionName": "events", "topicName": "t", "bootstrap.servers": "other.example.com:9094"},
        ),
    ],
    "GS-TLS-008": [("mongodb", {**MONGO, "username": "u", "password": "hunter2"})],
    "GS-TLS-011": [
        ("snowflake", {**SNOW, "connectionName": "docs"}),
        ("mongodb", {**MONGO, "connectionName": "no"}),
    ],
}


@pytest.mark.parametrize(
    ("control", "kind", "options"),
    [(control, *case) for control, cases in REJECTED.items() for case in cases],
    ids=[f"{control}-{at}-{case[0]}" for control, cases in REJECTED.items() for at, case in enumerate(cases)],
)
def test_a_rejected_connector_call_does_not_reach_awsglue(control, kind, options, account, started):
    with pytest.raises(GlueSecureError) as caught:
        started.create_dynamic_frame.from_options(kind, options)
    assert caught.value.control == control.split()[0]
    assert "hunter2" not in str(caught.value)
    assert started.recorder.data_calls() == []


def test_an_allowed_connector_passes_to_awsglue_and_the_evidence_names_its_class(
    account, monkeypatch, request
):
    allowed = ["--glue-secure-allowed-connectors", "com.example.Source"]
    monkeypatch.setattr("sys.argv", [*sys.argv, *allowed])
    started = request.getfixturevalue("started")
    options = {"connectionName": "own", "tableName": "t"}
    started.create_dynamic_frame.from_options("custom.spark", dict(options))
    (call,) = started.recorder.called("getSource")
    assert any(isinstance(one, dict) and options.items() <= one.items() for one in call[1])
    started.job.commit()
    evidence = account.evidence()
    assert [read["source"] for read in evidence["reads"]] == ["own/t"]
    found = {one["found"] for one in evidence["controls"] if one["control"] == "GS-CON-002"}
    assert found == {
        "class com.example.Source, which --glue-secure-allowed-connectors allows; no JAR on the driver"
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"connection_type": "JDBC"},
        {"properties": {"PASSWORD": "hunter2"}},
        {"properties": {"JDBC_ENFORCE_SSL": "false"}},
        {"properties": {"CONNECTION_URL": "mongodb://u:hunter2@docs:27017"}},
        {"properties": {"CONNECTION_URL": "mongodb://docs:27017/?tls=false"}},
        {"spark_properties": ("ssl.domain_match",)},
    ],
    ids=["type", "password", "no TLS", "login in the URI", "TLS off in the URI", "Spark property"],
)
def test_a_connection_that_weakens_its_connector_is_rejected(changes, account, started):
    connections = account.control_plane.connections
    connections["docs"] = replace(connections["docs"], **changes)
    with pytest.raises(RefusedError, match="GS-TLS-0") as caught:
        started.create_dynamic_frame.from_options("mongodb", dict(MONGO))
    assert "hunter2" not in str(caught.value)
    assert started.recorder.data_calls() == []


def test_a_call_without_its_table_or_connection_is_a_usage_error(account, started):
    for kind, options in (("dynamodb", {}), ("kinesis", {}), ("mongodb", {"database": "d"}), ("kafka", {})):
        with pytest.raises(UsageError):
            started.create_dynamic_frame.from_options(kind, options)
    assert started.recorder.data_calls() == []


def test_a_read_that_fails_and_is_handled_does_not_prevent_the_commit(account, started):
    def fail(*_):
        raise RuntimeError("the table has no items")

    started.recorder.on["getSource"] = fail
    with pytest.raises(RuntimeError):
        READS["dynamodb"][0](started)
    with pytest.raises(UsageError):
        started.create_dynamic_frame.from_options("dynamodb", {})
    started.job.commit()


def test_a_control_that_fails_in_a_handled_read_prevents_the_commit(account, started):
    with pytest.raises(RefusedError):
        started.create_dynamic_frame.from_options("mongodb", {**MONGO, "ssl": "false"})
    with pytest.raises(RefusedError):
        started.job.commit()
