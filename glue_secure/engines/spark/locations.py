"""Locations as Spark's plans and catalog name them.

Hadoop's ``Path`` and Spark's options have the characters themselves. A ``java.net.URI``, which the catalog
stores, and ``SparkPath`` have the characters that a URI cannot contain as ``%XX``: ``day one`` is
``day%20one``, and ``100%`` is ``100%25``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


def path_of(location: Any) -> str:
    """Return the text of a location without URI encoding.

    Args:
        location: Hadoop's ``Path``, a ``java.net.URI``, or a ``SparkPath``, which is text before Spark 3.4.
    """
    if isinstance(location, str):
        return decoded(location)
    kind = str(location.getClass().getSimpleName())
    if kind == "SparkPath":
        return str(location.toPath().toString())
    return decoded(str(location.toString())) if kind == "URI" else str(location.toString())


def decoded(uri: str) -> str:
    """Return the path that the text of a ``java.net.URI`` names."""
    return unquote(uri, errors="surrogateescape")
