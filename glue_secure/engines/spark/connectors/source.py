"""The source or sink of a ``connection_type`` that names a connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.connections.connectors.dynamodb import parse_write
from glue_secure.connections.connectors.options import require_served, require_source
from glue_secure.connections.connectors.table import Connector, connector_of
from glue_secure.core.errors import UsageError
from glue_secure.engines.spark.connectors.custom import CustomSink, CustomSource
from glue_secure.engines.spark.connectors.data_catalog import DataCatalogSource
from glue_secure.engines.spark.connectors.dynamodb import DynamoDbSink, DynamoDbSource
from glue_secure.engines.spark.connectors.kafka import KafkaSink, KafkaSource

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FIX = "run this job in AWS Glue, where glue-secure sets the connector's TLS options; docs/connectors.md"


def connector_source(
    connection_type: str, options: Mapping[str, Any], transformation_ctx: str, spark: SparkSession
) -> CustomSource | DataCatalogSource | DynamoDbSource | KafkaSource | None:
    """Return the source of a connector, None if ``connection_type`` names none.

    Raises:
        RefusedError: GS-CON-002, the connector is not served.
        UsageError: local Spark does not serve the connector.
    """
    connector = connector_of(connection_type)
    if connector is None:
        return None
    resource = f"a {connection_type} source"
    require_served(connector, resource)
    if connector.name == "dynamodb":
        return DynamoDbSource(spark, dict(options), transformation_ctx)
    if connector.name == "kafka":
        return KafkaSource(spark, dict(options), transformation_ctx)
    if connector.name == "datacatalog":
        return DataCatalogSource(spark, dict(options), transformation_ctx)
    if connector.needs_entry:
        return CustomSource(spark, connector, connection_type, dict(options), transformation_ctx)
    raise _in_glue_only(connector, resource)


def connector_sink(
    connection_type: str, options: Mapping[str, Any], format: str
) -> DynamoDbSink | KafkaSink | CustomSink:
    """Return the sink of a connector; raises as :func:`connector_source`."""
    connector = connector_of(connection_type)
    assert connector is not None  # noqa: S101 - the caller has checked this
    resource = f"a {connection_type} sink"
    require_served(connector, resource)
    if format:
        raise UsageError(resource, found="format", required="connection_options only")
    if connector.name == "datacatalog":
        require_source(connector, resource, writes=True)
    if connector.name == "dynamodb":
        return DynamoDbSink(dict(options), parse_write(options))
    if connector.name == "kafka":
        return KafkaSink(dict(options))
    if connector.needs_entry:
        return CustomSink(connector, connection_type, dict(options))
    raise _in_glue_only(connector, resource)


def _in_glue_only(connector: Connector, resource: str) -> UsageError:
    return UsageError(
        resource,
        found=f"the connector {connector.name}, which is a part of AWS Glue and not of Apache Spark",
        required="AWS Glue",
        fix=_FIX,
    )
