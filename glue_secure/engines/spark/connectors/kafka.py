"""Kafka topics in local Spark: Spark's own source and sink, with the options of a verified connection.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-kafka-home.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.connections.connectors.options import option_of, required_option
from glue_secure.connections.connectors.streams import kafka_source_options, kafka_topic
from glue_secure.connections.connectors.table import connector
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.options import truth
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.engines.spark.protected_table import with_protected_data

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from glue_secure.dynamicframe.frames.table import Table
    from glue_secure.io.source_filter import Sample
    from glue_secure.run.run import Run

INFERRED = "$json$data_infer_schema$_temporary$"
"""Column with the JSON text of records whose schema is inferred in each batch, as Glue names it."""
TIMESTAMP, HEADERS = "__src_timestamp", "glue_streaming_kafka_headers"
_PROVIDER = "org.apache.spark.sql.kafka010.KafkaSourceProvider"
_TOPIC_OPTIONS = ("topicname", "topic", "subscribe", "subscribepattern", "assign")


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """A Kafka topic: a stream for a DataFrame, and the records until now for a DynamicFrame, as in Glue.

    Attributes:
        spark: the session.
        options: Glue's ``connection_options``.
        transformation_ctx: for the evidence; offsets are part of a stream's checkpoint.
    """

    spark: SparkSession
    options: Mapping[str, Any]
    transformation_ctx: str = ""

    def with_format(self, format: str, options: Mapping[str, Any]) -> KafkaSource:  # noqa: ARG002
        """Raise UsageError: the option ``classification`` states the format of the payload."""
        raise UsageError("a kafka source", found="a format", required="the option classification")

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> DataFrame:  # noqa: ARG002
        """Return the topic's records.

        Raises:
            UsageError: an option is missing or invalid, or Spark's Kafka source is not on the class path.
            RefusedError, VerificationError: GS-TLS.
        """
        options, topic = _verified(run, self.options, "a kafka source", kafka_source_options(self.options))
        reader = self.spark.read if dynamic else self.spark.readStream
        frame = reader.format("kafka").options(**options).load()
        run.stores.record_read("kafka", topic, transformation_ctx=self.transformation_ctx)
        parsed = parse_payload(frame, self.options)
        return infer_json(parsed) if dynamic else parsed


@dataclass(frozen=True, slots=True)
class KafkaSink:
    """A Kafka topic that records are written to, as JSON.

    Attributes:
        options: Glue's ``connection_options``.
    """

    options: Mapping[str, Any]

    def write(self, run: Run, table: Table, name: str = "") -> WriteRecord:
        """Send each record as JSON.

        Raises:
            UsageError: an option is missing or invalid, or a column is a choice.
            RefusedError, VerificationError: GS-TLS; those of the column policy.
        """
        from pyspark.sql import functions as F

        resource = "a kafka sink"
        if name:
            raise UsageError(resource, found="a collection", required="one DynamicFrame")
        for field in table.schema.fields:
            if isinstance(field.dataType, glue.ChoiceType):
                raise UsageError(
                    resource, found=f"column {field.name}, a choice", required="resolveChoice first"
                )
        others = {key: value for key, value in self.options.items() if key.lower() not in _TOPIC_OPTIONS}
        topic = kafka_topic(self.options, resource)
        sink_options = {**kafka_source_options(others), "topic": topic}
        options, target = _verified(run, self.options, resource, sink_options)
        run.guard.require_same_session(table.data, target)
        protected = with_protected_data(table, run.columns.protect(table.data, target)).data
        columns = [F.col(f"`{column}`") for column in protected.columns]
        records = protected.select(F.to_json(F.struct(*columns)).alias("value"))
        with run.recorder.timed("write"), run.engine.attribute_writes_to_run(None):
            records.write.format("kafka").options(**options).save()
        return run.stores.record_write("kafka", target, None)


def parse_payload(frame: DataFrame, options: Mapping[str, Any]) -> DataFrame:
    """Return the columns of the payload of Kafka records; all columns of the source without a classification.

    Args:
        frame: a frame of Spark's Kafka source.
        options: Glue's options: ``classification`` with ``schema`` or ``inferSchema``, ``delimiter``,
            ``addRecordTimestamp``, ``includeHeaders``.

    Raises:
        UsageError: no schema, or another classification than json, csv and avro.
    """
    from pyspark.sql import functions as F

    classification = option_of(options, "classification").lower()
    if not classification:
        return frame
    further = {}
    if truth("addRecordTimestamp", option_of(options, "addRecordTimestamp") or "false"):
        further[TIMESTAMP] = F.col("timestamp").alias(TIMESTAMP)
    if "headers" in frame.columns:
        further[HEADERS] = F.col("headers").alias(HEADERS)
    text = F.col("value").cast("string")
    schema = option_of(options, "avroSchema" if classification == "avro" else "schema")
    if classification == "json" and truth("inferSchema", option_of(options, "inferSchema") or "false"):
        return frame.select(text.alias(INFERRED), *further.values())
    schema = schema or option_of(options, "schema")
    if not schema:
        raise UsageError(
            "a kafka source", found=f"classification {classification} without a schema", required="schema"
        )
    record = _record(classification, text, schema, option_of(options, "delimiter") or ",")
    return frame.select(record.alias("__record"), *further.values()).select("__record.*", *further)


def infer_json(frame: DataFrame) -> DataFrame:
    """Return a frame with the columns of its JSON texts, if it has the column :data:`INFERRED`.

    The schema is inferred from the records, by a job of Spark.
    """
    if INFERRED not in frame.columns:
        return frame
    from pyspark.sql import functions as F

    texts = frame.select(F.col(f"`{INFERRED}`").alias("value"))
    schema = frame.sparkSession.read.json(texts.rdd.map(lambda row: row.value)).schema
    others = [F.col(f"`{name}`") for name in frame.columns if name != INFERRED]
    if not schema.fields:
        return frame.select(*others)
    record = F.from_json(F.col(f"`{INFERRED}`"), schema).alias("__record")
    return frame.select(record, *others).select("__record.*", *others)


def _record(classification: str, text: Column, schema: str, delimiter: str) -> Column:
    from pyspark.sql import functions as F

    if classification == "json":
        return F.from_json(text, schema)
    if classification == "csv":
        return F.from_csv(text, schema, {"sep": delimiter})
    if classification == "avro":
        from pyspark.sql.avro.functions import from_avro

        return from_avro(F.col("value"), schema)
    raise UsageError(
        "classification of a kafka source", found=repr(classification), required="json, csv or avro"
    )


def _verified(
    run: Run, options: Mapping[str, Any], resource: str, source_options: Mapping[str, Any]
) -> tuple[dict[str, str], str]:
    """Return the options for Spark, and ``connection/topic`` for the evidence."""
    run.stores.check_call(connector("kafka"), options, resource)
    connection = required_option(options, "connectionName", resource)
    topic = kafka_topic(options, resource)
    if run.engine.jar_of(_PROVIDER) is None:
        raise UsageError(
            resource,
            found="a class path without Spark's Kafka source",
            required="the JAR spark-sql-kafka-0-10 for this version of Spark",
            fix='add "--extra-jars" with spark-sql-kafka-0-10, kafka-clients and their dependencies, or '
            "run the job in AWS Glue",
        )
    return run.reader.kafka_options(connection, source_options), f"{connection}/{topic}"
