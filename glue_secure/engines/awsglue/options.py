"""The target of a call to awsglue, from its options: S3 locations, a table behind a connection, a connector.

Only these can be guarded and verified; everything else raises an error. This module imports neither
awsglue nor Spark. https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from glue_secure.connections.connectors.table import connector_of
from glue_secure.connections.engines.registry import JDBC_TYPES
from glue_secure.core.errors import UsageError
from glue_secure.core.ignored_options import Place, without_ignored
from glue_secure.engines.glue_options import reject_credentials, require_connection_name
from glue_secure.io.call_checks import reject_protected_options, s3_location
from glue_secure.io.connector_calls import ConnectorCall

_JDBC_TYPES = ("jdbc", *JDBC_TYPES)
# "file" is listed so that its paths raise GS-S3-006.
_S3_TYPES = ("avro", "csv", "file", "glueparquet", "ion", "json", "orc", "parquet", "s3", "xml")
# Formats that are written as objects below one location, through Hadoop's file systems. Iceberg does not use
# them, other table formats have location settings of their own, and formats of later versions are unknown.
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html
_FORMATS = ("", "avro", "csv", "glueparquet", "groklog", "ion", "json", "orc", "parquet", "xml")
# Options that name further locations.
_LOCATION_OPTIONS = (
    "redshifttmpdir",
    "tempdir",
    "checkpointlocation",
    "manifestfilepath",
    "hoodie.base.path",
)
# Options that name something other than a location in S3.
_CONNECTION_OPTIONS = (
    "connectionname",
    "connectiontype",
    "connection_type",
    "fullurl",
    "useconnectionproperties",
)
_CREDENTIALS = ("password", "user", "url")

Direction = Literal["source", "sink"]


@dataclass(frozen=True, slots=True)
class S3Target:
    """Objects in S3.

    Attributes:
        locations: S3 locations, as the call names them.
        format: the format's name for the evidence.
    """

    locations: tuple[str, ...]
    format: str


@dataclass(frozen=True, slots=True)
class JdbcTarget:
    """A table behind a Glue connection.

    Attributes:
        connection: the connection's name.
        table: table or query, as the call names it.
        options: the call's options, which are checked when the connection is opened.
    """

    connection: str
    table: str
    options: Mapping[str, str]


Target = S3Target | JdbcTarget | ConnectorCall


def parse_source(connection_type: str, format: str | None, options: Mapping[str, Any]) -> Target:
    """Return what ``getSource`` would read.

    Raises:
        RefusedError: not S3 (GS-S3-006), an option that changes encryption (GS-S3-005), credentials
            (GS-TLS-008).
        UsageError: the kind of source is not guarded in Glue, or a required option is missing.
    """
    if str(connection_type).lower() in _JDBC_TYPES:
        return _parse_jdbc(connection_type, options, "source")
    connector = connector_of(connection_type)
    if connector is not None:
        return ConnectorCall(connector, dict(options), f"a {connection_type} source")
    name = _s3_format(connection_type, format, "source")
    paths = options.get("paths", options.get("path"))
    if isinstance(paths, str):
        paths = [paths]
    if not isinstance(paths, (list, tuple)) or not paths:
        raise UsageError(
            "connection_options of an S3 source", found=f"paths={paths!r}", required="a list of S3 locations"
        )
    _validate_s3_options(options, "source", allows_path=True)
    return S3Target(tuple(map(str, paths)), name)


def parse_sink(connection_type: str, format: str | None, options: Mapping[str, Any]) -> Target:
    """Return what ``getSink`` would write; raises as :func:`parse_source` does."""
    if str(connection_type).lower() in _JDBC_TYPES:
        return _parse_jdbc(connection_type, options, "sink")
    connector = connector_of(connection_type)
    if connector is not None:
        return ConnectorCall(connector, dict(options), f"a {connection_type} sink")
    name = _s3_format(connection_type, format, "sink")
    path = options.get("path")
    if not isinstance(path, str) or not path:
        raise UsageError(
            "connection_options of an S3 sink", found=f"path={path!r}", required="an S3 location"
        )
    s3_location(path, "write")
    _validate_s3_options(options, "sink", allows_path=True)
    return S3Target((path,), name)


def parse_connection(connection: str, options: Mapping[str, Any], resource: str) -> JdbcTarget:
    """Return the target of a call that names the connection: ``from_jdbc_conf``, or a catalog table.

    Raises:
        RefusedError: GS-TLS-008, credentials among the options; GS-S3-006, a location option is not in S3.
    """
    reject_credentials(options, _CREDENTIALS, resource)
    for name, value in options.items():
        if name.lower() in _LOCATION_OPTIONS and value:
            s3_location(str(value), f"{name} of")
    # useFrameName is awsglue's option to write each frame of a collection to a table of its name.
    left_out = {*_LOCATION_OPTIONS, "useframename"}
    if any(name.lower() == "aws_iam_role" for name in options):
        left_out.discard("redshifttmpdir")  # rows are written there for a COPY
    table = options.get("dbtable") or options.get("query") or options.get("sampleQuery") or ""
    others = {name: str(value) for name, value in options.items() if name.lower() not in left_out}
    return JdbcTarget(connection, str(table), others)


def with_enforced_ssl(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return JDBC options with ``enforceSSL`` true. In Glue that option overrides the connection's.

    https://github.com/awslabs/aws-glue-libs/issues/139
    """
    others = {name: value for name, value in options.items() if name.lower() != "enforcessl"}
    return {**others, "enforceSSL": "true"}


def without_unread_locations(
    connection_type: str, options: Mapping[str, Any], place: Place
) -> dict[str, Any]:
    """Return the options of a call without locations that an S3 source or sink does not read.

    AWS's samples pass ``redshiftTmpDir`` to every source. A warning names it. Other kinds of source read it.
    """
    if str(connection_type).lower() not in _S3_TYPES:
        return dict(options)
    others = [name for name in options if name.lower() not in _LOCATION_OPTIONS]
    return without_ignored(options, others, place, f"connection_options of {connection_type}")


def validate_options(options: Mapping[str, Any], resource: str) -> None:
    """Check options beside a location that is already known; raises as :func:`parse_source` does.

    A catalog table has its location from the catalog; the options of a format or sample belong to a source or
    sink. So the options may not name a location.
    """
    _validate_s3_options(options, resource, allows_path=False)


def validate_format(format: str | None, direction: Direction) -> None:
    """Raise UsageError unless the format's objects are below one location. None and ``""`` are allowed."""
    if str(format or "").lower() not in _FORMATS:
        raise UsageError(
            f"a {direction} of format {format!r}",
            found="a format that glue-secure does not guard in Glue",
            required=", ".join(filter(None, _FORMATS)),
            fix="docs/differences-from-glue.md lists what is guarded in Glue",
        )


def _validate_s3_options(options: Mapping[str, Any], resource: str, *, allows_path: bool) -> None:
    flat = list(_flattened(options))
    reject_protected_options(dict.fromkeys((name for name, _ in flat), ""), f"S3 {resource}")
    reject_credentials(dict(flat), _CREDENTIALS, f"S3 {resource}")
    nested = [
        name for value in options.values() if isinstance(value, Mapping) for name, _ in _flattened(value)
    ]
    for name in (*nested, *(() if allows_path else options)):
        if name.lower() in ("path", "paths"):
            raise UsageError(f"options of an S3 {resource}", found=name, required="no second location")
    paths = sorted(name for name in options if name.lower() in ("path", "paths"))
    if len(paths) > 1 or any(name != name.lower() for name in paths):
        # It is not documented which of them Glue uses.
        raise UsageError(
            f"connection_options of an S3 {resource}",
            found=", ".join(paths),
            required="one of path and paths, in lower case",
        )
    for name, value in flat:
        if name.lower() in (*_LOCATION_OPTIONS, *_CONNECTION_OPTIONS) and value:
            raise UsageError(
                f"connection_options of an S3 {resource}", found=name, required="one location: path, or paths"
            )


def _flattened(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values, also those of nested mappings."""
    for name, value in options.items():
        yield str(name), value
        if isinstance(value, Mapping):
            yield from _flattened(value)


def _s3_format(connection_type: str, format: str | None, direction: Direction) -> str:
    """Return the format's name. Glue takes the format from ``connection_type`` for parquet and orc."""
    validate_format(format, direction)
    name = str(connection_type).lower()
    if name not in _S3_TYPES:
        raise UsageError(
            f"a {direction} of connection_type {connection_type!r}, format {format!r}",
            found="a kind that glue-secure does not guard in Glue",
            required=f"s3, one of {', '.join(_JDBC_TYPES)} through a Glue connection, or a connector of "
            "docs/connectors.md",
            fix="docs/differences-from-glue.md lists what is guarded in Glue",
        )
    return str(format or "").lower() or name


def _parse_jdbc(connection_type: str, options: Mapping[str, Any], direction: Direction) -> JdbcTarget:
    resource = f"a {connection_type} {direction}"
    reject_credentials(options, _CREDENTIALS, resource)
    return parse_connection(require_connection_name(options, resource), options, resource)
