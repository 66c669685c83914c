"""A Glue Data Catalog connection, and the credentials that open it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class GlueConnection:
    """``Connection`` of GetConnection. Properties may hold a password, so they stay out of the repr.

    Attributes:
        name: the connection's name.
        connection_type: ``JDBC``, ``KAFKA``, ``NETWORK``, ...
        properties: ``ConnectionProperties`` (``JDBC_CONNECTION_URL``, ``JDBC_ENFORCE_SSL``, ...).
        authentication: ``AuthenticationType`` of its AuthenticationConfiguration, ``""`` without one.
        secret: ``SecretArn`` of that, ``""`` without one.
        more: names of ``SparkProperties`` and the like, which add to the properties.
    """

    name: str
    connection_type: str
    properties: Mapping[str, str] = field(repr=False)
    authentication: str = ""
    secret: str = field(default="", repr=False)
    more: tuple[str, ...] = ()

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> GlueConnection:
        """Read the ``Connection`` member of a GetConnection response."""
        login = shape.get("AuthenticationConfiguration") or {}
        return cls(
            name=str(shape.get("Name", "")),
            connection_type=str(shape.get("ConnectionType", "")),
            properties={str(k): str(v) for k, v in (shape.get("ConnectionProperties") or {}).items()},
            authentication=str(login.get("AuthenticationType", "")),
            secret=str(login.get("SecretArn", "")),
            more=tuple(str(name) for name in (shape.get("SparkProperties") or {})),
        )


class LoginKind(str, Enum):
    """Where a connection's password comes from."""

    SECRET = "secret"  # noqa: S105  AWS Secrets Manager
    ENCRYPTED = "encrypted"  # ENCRYPTED_PASSWORD: the Data Catalog keeps it, KMS opens it
    TOKEN = "token"  # noqa: S105  IAM database authentication


@dataclass(frozen=True, slots=True)
class Login:
    """How a connection logs in; nothing in it is secret.

    Attributes:
        kind: where the password comes from.
        secret_id: SECRET: the secret with username and password.
        user: ENCRYPTED and TOKEN: the database's user.
        region: TOKEN: where the database is.
    """

    kind: LoginKind
    secret_id: str = ""
    user: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A database user and password. Neither the repr nor any message shows the password.

    Attributes:
        user: the database's.
        password: or a token in its place.
        expires: when a token stops opening new sessions, UTC; None for a password.
        origin: what the evidence says of where it came from (a KMS key's ARN, say).
    """

    user: str
    password: str = field(repr=False)
    expires: datetime | None = None
    origin: str = ""
