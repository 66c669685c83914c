"""Data Catalog tables that describe a table or stream behind a connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.connections.connectors.dynamodb import catalog_options, is_dynamodb_location
from glue_secure.connections.connectors.table import CONNECTORS, Connector, connector
from glue_secure.core.catalog import CatalogTable

_STREAMS = ("kafka", "kinesis")
_DOCUMENTS = ("mongodb", "documentdb")
# Parameters of a stream's table that are options of its source.
_STREAM_PARAMETERS = {
    "topicname": "topicName", "connectionname": "connectionName", "streamname": "streamName",
    "streamarn": "streamARN", "endpointurl": "endpointUrl", "security.protocol": "security.protocol",
    "bootstrap.servers": "bootstrap.servers", "classification": "classification", "delimiter": "delimiter",
}  # fmt: skip


_OPTIONS = {
    option.lower()
    for each in CONNECTORS
    if each.types[0] in ("dynamodb", *_STREAMS)
    for option in each.options
} - {"connectionname"}


def is_connector_option(name: str) -> bool:
    """Return whether an option of a Data Catalog table belongs to DynamoDB, Kafka or Kinesis."""
    return name.lower() in _OPTIONS


def catalog_connector(
    table: CatalogTable, options: Mapping[str, Any], *, writes: bool = False
) -> tuple[Connector, dict[str, Any]] | None:
    """Return the connector of a Data Catalog table, and all options of the call; None for other tables.

    Args:
        table: the table.
        options: ``additional_options`` of the call, which override the table's.
        writes: whether the call writes.
    """
    if is_dynamodb_location(table.location):
        return connector("dynamodb"), catalog_options(table.location, options, writes=writes)
    kind = str(table.parameters.get("typeOfData") or table.parameters.get("typeofdata") or "").lower()
    if kind in _STREAMS:
        own = {
            _STREAM_PARAMETERS[name.lower()]: value
            for name, value in table.parameters.items()
            if value and name.lower() in _STREAM_PARAMETERS
        }
        return connector(kind), {**own, **options}
    if table.classification in _DOCUMENTS and table.connection:
        return connector("mongodb"), {"connectionName": table.connection, **options}
    return None
