"""What Glue's options name: shared by readers and writers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.engines.spark.formats import FORMATS

JDBC_TYPES = ("postgresql", "mysql", "sqlserver", "oracle", "redshift")


def format_name(connection_type: str, format: str | None) -> str:
    """Glue silently takes the format from ``connection_type="parquet"``; an S3 type needs one named."""
    if connection_type == "s3" and format:
        return "parquet" if format == "glueparquet" else format
    if connection_type in FORMATS and format in (None, connection_type):
        return connection_type
    raise UsageError(
        "connection_type and format",
        found=f"{connection_type!r}, {format!r}",
        required=f"'s3' with one of {', '.join(sorted(FORMATS))}; or {', '.join(JDBC_TYPES[:1])}",
    )


def known(options: Mapping[str, Any], names: set[str], what: str) -> None:
    """Refuse an option that is not among ``names``."""
    unknown = sorted(set(options) - names)
    if unknown:
        raise UsageError(
            what,
            found=", ".join(unknown),
            required=", ".join(sorted(names)),
            fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
        )
