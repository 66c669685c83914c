"""Kafka in local Spark: the payload's columns, and calls before Spark connects. There is no broker here."""

import pytest
from pyspark.sql import types

from glue_secure import GlueSecureError, RefusedError, UsageError
from glue_secure.context import GlueContext
from glue_secure.engines.spark.connectors.kafka import INFERRED, infer_json, parse_payload
from glue_secure.job import Job

OPTIONS = {"connectionName": "events", "topicName": "flights"}


@pytest.fixture
def started(glue_job, glue_spark, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_STREAMING", "available-now")
    monkeypatch.setattr("sys.argv", glue_job.argv())
    context = GlueContext(glue_spark)
    Job(context).init(glue_job.name)
    yield context
    context.secured_run.close(outcome="test over")


@pytest.fixture
def records(glue_spark):
    """``records(TEXT, ...)``: a frame as Spark's Kafka source returns it."""
    schema = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"

    def make(*texts):
        rows = [(None, text.encode(), "flights", 0, at, None) for at, text in enumerate(texts)]
        return glue_spark.createDataFrame(rows, schema)

    return make


def rows(frame):
    return [row.asDict(recursive=True) for row in frame.collect()]


def test_json_and_csv_become_columns_and_other_records_stay_as_they_are(records):
    json = records('{"id": 1, "tags": ["a"]}', '{"id": 2}')
    options = {"classification": "json", "schema": "id INT, tags ARRAY<STRING>", "addRecordTimestamp": "true"}
    assert rows(parse_payload(json, options)) == [
        {"id": 1, "tags": ["a"], "__src_timestamp": None},
        {"id": 2, "tags": None, "__src_timestamp": None},
    ]
    csv = {"classification": "csv", "schema": "id INT, name STRING", "delimiter": ";"}
    assert rows(parse_payload(records("7;x"), csv)) == [{"id": 7, "name": "x"}]
    assert parse_payload(json, {}).columns == json.columns


def test_an_inferred_schema_is_that_of_each_batch(records):
    frame = parse_payload(
        records('{"id": 1, "at": {"x": 2}}'), {"classification": "JSON", "inferSchema": "true"}
    )
    assert frame.schema == types.StructType([types.StructField(INFERRED, types.StringType())])
    assert rows(infer_json(frame)) == [{"at": {"x": 2}, "id": 1}]
    assert infer_json(frame.limit(0)).columns == []


def test_a_batch_of_a_stream_has_inferred_columns(started, glue_job, glue_spark):
    glue_job.land("a.txt", '{"id": 5}\n')
    stream = glue_spark.readStream.text(glue_job.source.replace("s3:", "s3a:"))
    seen = []
    started.forEachBatch(
        stream.withColumnRenamed("value", INFERRED),
        lambda frame, _batch: seen.extend(rows(frame)),
        {"windowSize": "1 second", "checkpointLocation": f"{glue_job.target}checkpoint/"},
    )
    assert seen == [{"id": 5}]


def test_calls_are_checked_before_spark_connects(started):
    read = started.create_data_frame.from_options
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        read("kafka", {**OPTIONS, "startingOffset": "earliest"})
    with pytest.raises(RefusedError, match="GS-TLS-001"):
        read("kafka", {**OPTIONS, "security.protocol": "PLAINTEXT"})
    with pytest.raises(UsageError, match="connectionName"):
        read("kafka", {"topicName": "flights"})
    with pytest.raises(GlueSecureError, match="spark-sql-kafka-0-10"):
        read("kafka", OPTIONS)
    with pytest.raises(UsageError, match="kinesis"):
        read("kinesis", {"streamARN": "x"})
