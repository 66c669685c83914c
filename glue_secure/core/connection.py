"""A Glue Data Catalog connection, and the credentials that open it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class GlueConnection:
    """``Connection`` of GetConnection. Properties may hold a password, so they stay out of the repr.

    Attributes:
        name: the connection's name.
        connection_type: ``JDBC``, ``KAFKA``, ``NETWORK``, ...
        properties: ``ConnectionProperties`` (``JDBC_CONNECTION_URL``, ``JDBC_ENFORCE_SSL``, ...).
    """

    name: str
    connection_type: str
    properties: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> GlueConnection:
        """Read the ``Connection`` member of a GetConnection response."""
        return cls(
            name=str(shape.get("Name", "")),
            connection_type=str(shape.get("ConnectionType", "")),
            properties={str(k): str(v) for k, v in (shape.get("ConnectionProperties") or {}).items()},
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """A database user and password. Neither the repr nor any message shows the password."""

    user: str
    password: str = field(repr=False)
