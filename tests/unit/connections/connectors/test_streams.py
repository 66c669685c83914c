"""Glue's options of Kafka and Kinesis, and Data Catalog tables of connectors."""

import pytest

from glue_secure.connections.connectors.catalog import catalog_connector, is_connector_option
from glue_secure.connections.connectors.streams import kafka_source_options, kafka_topic, kinesis_stream
from glue_secure.core.catalog import CatalogTable
from glue_secure.core.errors import RefusedError, UsageError

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"


def table(location, **parameters):
    return CatalogTable.from_api({"StorageDescriptor": {"Location": location}, "Parameters": parameters})


def test_kafka_options_have_sparks_names_and_none_of_the_payload():
    options = {
        "connectionName": "events",
        "topicName": "flights",
        "startingOffsets": "earliest",
        "numRetries": "3",
        "security.protocol": "SSL",
        "classification": "json",
        "inferSchema": "true",
    }
    assert kafka_source_options(options) == {
        "subscribe": "flights",
        "startingOffsets": "earliest",
        "fetchOffset.numRetries": "3",
    }


@pytest.mark.parametrize("options", [{}, {"topicName": "a", "subscribePattern": "b"}], ids=["none", "two"])
def test_a_kafka_call_names_its_topic_once(options):
    with pytest.raises(UsageError, match="topicName"):
        kafka_topic(options, "a kafka source")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"streamARN": STREAM}, (STREAM, "")),
        (
            {"streamName": "clicks", "endpointUrl": "https://kinesis.eu-west-1.amazonaws.com"},
            ("clicks", "eu-west-1"),
        ),
        ({"streamName": "123456789012:clicks:1577836800"}, ("clicks", "")),
        ({"streamName": "clicks", "region": "eu-central-1"}, ("clicks", "eu-central-1")),
    ],
    ids=["arn", "endpoint", "old form", "region"],
)
def test_a_kinesis_call_names_its_stream_and_region(options, expected):
    assert kinesis_stream(options, "a kinesis source") == expected


def test_gs_tls_005_an_endpoint_that_is_not_awss_is_rejected():
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        kinesis_stream({"streamARN": STREAM, "endpointUrl": "https://example.com"}, "a kinesis source")


def test_a_streams_table_gives_options_that_the_call_overrides():
    connector, options = catalog_connector(
        table(
            "flights", typeOfData="kafka", topicName="flights", connectionName="events", classification="json"
        ),
        {"startingOffsets": "earliest", "topicName": "other"},
    )
    assert connector.name == "kafka"
    assert options == {
        "topicName": "other",
        "connectionName": "events",
        "classification": "json",
        "startingOffsets": "earliest",
    }
    assert catalog_connector(table("s3://bucket/flights/", classification="json"), {}) is None
    documents, _ = catalog_connector(table("d.c", classification="documentdb", connectionName="docs"), {})
    assert documents.name == "mongodb"


def test_options_of_connectors_are_distinguished_from_those_of_other_tables():
    assert all(map(is_connector_option, ("startingOffsets", "dynamodb.splits", "inferSchema")))
    assert not any(map(is_connector_option, ("connectionName", "recurse", "hashfield", "exclusions")))
