"""Glue's options of Kafka and Kinesis sources.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-kafka-home.html
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-kinesis-home.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from glue_secure.connections.connectors.options import option_of, required_option
from glue_secure.connections.connectors.table import PARSING_OPTIONS
from glue_secure.core.endpoints import endpoint_kind
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import failed, stop

_KAFKA_NAMES = {
    "topicname": "subscribe",
    "polltimeoutms": "kafkaConsumer.pollTimeoutMs",
    "numretries": "fetchOffset.numRetries",
    "retryintervalms": "fetchOffset.retryIntervalMs",
}
"""Glue's names of options of Spark's Kafka source that differ from Spark's."""


def kafka_source_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a call under the names of Spark's Kafka source, without those of the payload."""
    left_out = {"connectionname", "security.protocol", *(name.lower() for name in PARSING_OPTIONS)}
    return {
        _KAFKA_NAMES.get(name.lower(), name): value
        for name, value in options.items()
        if name.lower() not in left_out
    }


def kafka_topic(options: Mapping[str, Any], resource: str) -> str:
    """Return what the call reads or writes. Raises UsageError unless one topic option is given."""
    names = ("topicName", "topic", "subscribe", "subscribePattern", "assign")
    found = [value for value in (option_of(options, name) for name in names) if value]
    if len(found) != 1:
        raise UsageError(
            f"connection_options of {resource}",
            found=f"{len(found)} of {', '.join(names)}",
            required="one: topicName, subscribePattern or assign",
        )
    return found[0]


def kinesis_stream(options: Mapping[str, Any], resource: str) -> tuple[str, str]:
    """Return the ARN or name of a call's stream, and its AWS Region.

    The region is ``""`` for that of the ARN, or the run's. ``streamName`` may be
    ``account:name:timestamp``, as AWS's older page has it.

    Raises:
        UsageError: no stream is named.
        RefusedError: GS-TLS-005, ``endpointUrl`` is not an endpoint of AWS.
    """
    endpoint = option_of(options, "endpointUrl")
    if endpoint and endpoint_kind(endpoint) != "aws":
        stop(
            failed(
                "GS-TLS-005",
                resource,
                found="endpointUrl (not shown), which is not an endpoint of AWS",
                required="https://kinesis.REGION.amazonaws.com, or no endpointUrl with streamARN",
                fix="remove endpointUrl, and name the stream by streamARN",
            )
        )
    arn = option_of(options, "streamARN")
    if arn:
        return arn, option_of(options, "region")
    name = required_option(options, "streamName", resource)
    parts = name.split(":")
    host = (urlsplit(endpoint).hostname or "").split(".")
    region = host[1] if len(host) > 2 and host[0].startswith("kinesis") else ""
    return (parts[1] if len(parts) == 3 else name), option_of(options, "region") or region
