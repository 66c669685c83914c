"""What a call to awsglue reaches, told from its options: places in S3, or a table behind a connection.

Only these two can be guarded and verified, so anything else is refused by name. Pure: no awsglue, no Spark.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.io.locations import s3_location
from glue_secure.io.writer import refuse_protected

JDBC_TYPES = ("jdbc", "mysql", "oracle", "postgresql", "redshift", "sqlserver")
# "file" is here so that its paths are refused as what they are: not S3.
S3_TYPES = ("avro", "csv", "file", "glueparquet", "ion", "json", "orc", "parquet", "s3", "xml")
# What is written as objects below one place, through Hadoop's file systems. Iceberg goes past them, and
# table formats have settings of their own for where they write; a format of a later version is not known.
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html
_FORMATS = ("", "avro", "csv", "glueparquet", "groklog", "ion", "json", "orc", "parquet", "xml")
# Options that name places beside the one that is read or written.
_MORE_PLACES = ("redshifttmpdir", "tempdir", "checkpointlocation", "manifestfilepath", "hoodie.base.path")
# Options that lead to something that is no place in S3.
_ELSEWHERE = ("connectionname", "connectiontype", "connection_type", "fullurl", "useconnectionproperties")


@dataclass(frozen=True, slots=True)
class S3Reach:
    """Objects in S3.

    Attributes:
        places: S3 locations, as the call names them.
        format: for the evidence.
    """

    places: tuple[str, ...]
    format: str


@dataclass(frozen=True, slots=True)
class JdbcReach:
    """A table behind a Glue connection.

    Attributes:
        connection: the connection's name.
        table: table or query, as the call names it.
        options: what the call says of the connection, to be judged.
    """

    connection: str
    table: str
    options: Mapping[str, str]


def parse_source(connection_type: str, format: str | None, options: Mapping[str, Any]) -> S3Reach | JdbcReach:
    """What ``getSource`` would read.

    Raises:
        RefusedError: not S3 (GS-S3-006), an option that changes encryption (GS-S3-005), credentials beside a
            connection (GS-TLS-008).
        UsageError: a kind of source that is not guarded yet, or too little is named.
    """
    if _is_jdbc(connection_type):
        return _jdbc_reach(connection_type, options, "source")
    kind = _s3_kind(connection_type, format, "source")
    paths = options.get("paths", options.get("path"))
    if isinstance(paths, str):
        paths = [paths]
    if not isinstance(paths, (list, tuple)) or not paths:
        raise UsageError(
            "connection_options of an S3 source", found=f"paths={paths!r}", required="a list of S3 locations"
        )
    _judge_s3(options, "source")
    return S3Reach(tuple(map(str, paths)), kind)


def parse_sink(connection_type: str, format: str | None, options: Mapping[str, Any]) -> S3Reach | JdbcReach:
    """What ``getSink`` would write; raises as :func:`parse_source` does."""
    if _is_jdbc(connection_type):
        return _jdbc_reach(connection_type, options, "sink")
    kind = _s3_kind(connection_type, format, "sink")
    path = options.get("path")
    if not isinstance(path, str) or not path:
        raise UsageError(
            "connection_options of an S3 sink", found=f"path={path!r}", required="an S3 location"
        )
    s3_location(path, "write")
    _judge_s3(options, "sink")
    return S3Reach((path,), kind)


def parse_connection(connection: str, options: Mapping[str, Any], what: str) -> JdbcReach:
    """What a call that names the connection itself (``from_jdbc_conf``, a catalog table's) reaches."""
    _refuse_credentials(options, what)
    return JdbcReach(connection, _table(options), _judged(options))


def enforced(options: Mapping[str, Any]) -> dict[str, Any]:
    """JDBC options as they go to Glue: ``enforceSSL`` is the one that would override the connection.

    https://github.com/awslabs/aws-glue-libs/issues/139
    """
    kept = {name: value for name, value in options.items() if name.lower() != "enforcessl"}
    return {**kept, "enforceSSL": "true"}


def judge_s3_options(options: Mapping[str, Any], what: str) -> None:
    """Refuse options beside a place that is known already: what :func:`parse_source` refuses, and a place.

    The path of a catalog table is the catalog's, that of a format or sample its source's or sink's.
    """
    _judge_s3(options, what, place="none")


def judge_format(format: str | None, what: str) -> None:
    """Refuse a format that is not known to lie below one place (UsageError); None and ``""`` are none."""
    if str(format or "").lower() not in _FORMATS:
        raise UsageError(
            f"a {what} of format {format!r}",
            found="a format that this project does not guard in Glue",
            required=", ".join(filter(None, _FORMATS)),
            fix="docs/differences-from-glue.md lists what is guarded in Glue",
        )


def _judge_s3(options: Mapping[str, Any], what: str, place: str = "one") -> None:
    everything = list(_flat(options))
    refuse_protected(dict.fromkeys((name for name, _ in everything), ""), f"S3 {what}")
    _refuse_credentials(dict(everything), f"S3 {what}")
    nested = [name for one in options.values() if isinstance(one, Mapping) for name, _ in _flat(one)]
    for name in (*nested, *(options if place == "none" else ())):
        if name.lower() in ("path", "paths"):
            raise UsageError(
                f"options of an S3 {what}", found=name, required="no second place beside the one it has"
            )
    places = sorted(name for name in options if name.lower() in ("path", "paths"))
    if len(places) > 1 or any(name != name.lower() for name in places):
        # Which of them Glue goes by is its own business; the guard must not look at another.
        raise UsageError(
            f"connection_options of an S3 {what}",
            found=", ".join(places),
            required="one of path and paths, so written",
        )
    for name, value in everything:
        if name.lower() in (*_MORE_PLACES, *_ELSEWHERE) and value:
            raise UsageError(
                f"connection_options of an S3 {what}", found=name, required="one place: path, or paths"
            )


def _flat(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values, those of mappings within too."""
    for name, value in options.items():
        yield str(name), value
        if isinstance(value, Mapping):
            yield from _flat(value)


def _is_jdbc(connection_type: str) -> bool:
    return str(connection_type).lower() in JDBC_TYPES


def _s3_kind(connection_type: str, format: str | None, what: str) -> str:
    kind, named = str(connection_type).lower(), str(format or "").lower()
    # Glue itself takes the format for the type when it is parquet or orc.
    judge_format(format, what)
    if kind not in S3_TYPES:
        raise UsageError(
            f"a {what} of connection_type {connection_type!r}, format {format!r}",
            found="a kind that this project does not guard yet",
            required=f"s3, or one of {', '.join(JDBC_TYPES)} through a Glue connection",
            fix="docs/differences-from-glue.md lists what is guarded in Glue",
        )
    return named or kind


def _jdbc_reach(connection_type: str, options: Mapping[str, Any], what: str) -> JdbcReach:
    where = f"{connection_type} {what}"
    _refuse_credentials(options, where)
    connection = options.get("connectionName")
    through = str(options.get("useConnectionProperties", "")).lower() == "true"
    if not (connection and through):
        raise UsageError(
            f"connection_options of a {where}",
            found=", ".join(sorted(map(str, options))) or "too little",
            required="connectionName, useConnectionProperties, dbtable",
            fix='{"useConnectionProperties": "true", "connectionName": NAME, "dbtable": TABLE}',
        )
    return JdbcReach(str(connection), _table(options), _judged(options))


def _refuse_credentials(options: Mapping[str, Any], where: str) -> None:
    given = sorted(name for name in options if name.lower() in ("password", "user", "url"))
    if given:
        raise RefusedError(
            "GS-TLS-008",
            resource=where,
            found=f"{', '.join(given)} in connection_options (value not shown)",
            required="a Glue connection whose password lies in Secrets Manager",
            fix='use {"useConnectionProperties": "true", "connectionName": ..., "dbtable": ...}',
        )


def _table(options: Mapping[str, Any]) -> str:
    return str(options.get("dbtable") or options.get("query") or options.get("sampleQuery") or "")


def _judged(options: Mapping[str, Any]) -> dict[str, str]:
    for name in options:
        if name.lower() in _MORE_PLACES and options[name]:
            s3_location(str(options[name]), f"{name} of")
    # useFrameName is awsglue's own word for "one table for each frame of a collection".
    left_out = {*_MORE_PLACES, "useframename"}
    return {name: str(value) for name, value in options.items() if name.lower() not in left_out}
