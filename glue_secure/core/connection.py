"""A connection of the Glue Data Catalog, and its credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class GlueConnection:
    """``Connection`` of GetConnection. The repr omits the properties, which may contain a password.

    Attributes:
        name: the connection's name.
        connection_type: ``JDBC``, ``KAFKA``, ``NETWORK``, ...
        properties: ``ConnectionProperties`` (``JDBC_CONNECTION_URL``, ``JDBC_ENFORCE_SSL``, ...).
        authentication: ``AuthenticationType`` of the AuthenticationConfiguration, ``""`` without one.
        secret: ``SecretArn`` of the AuthenticationConfiguration, ``""`` without one.
        spark_properties: names of the ``SparkProperties``.
    """

    name: str
    connection_type: str
    properties: Mapping[str, str] = field(repr=False)
    authentication: str = ""
    secret: str = field(default="", repr=False)
    spark_properties: tuple[str, ...] = ()

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> GlueConnection:
        """Return the connection of the ``Connection`` member of a GetConnection response."""
        login = shape.get("AuthenticationConfiguration") or {}
        return cls(
            name=str(shape.get("Name", "")),
            connection_type=str(shape.get("ConnectionType", "")),
            properties={str(k): str(v) for k, v in (shape.get("ConnectionProperties") or {}).items()},
            authentication=str(login.get("AuthenticationType", "")),
            secret=str(login.get("SecretArn", "")),
            spark_properties=tuple(str(name) for name in (shape.get("SparkProperties") or {})),
        )


class LoginKind(str, Enum):
    """Source of a connection's password."""

    SECRET = "secret"  # noqa: S105  AWS Secrets Manager
    ENCRYPTED = "encrypted"  # ENCRYPTED_PASSWORD: stored by the Data Catalog, decrypted by KMS
    TOKEN = "token"  # noqa: S105  IAM database authentication


@dataclass(frozen=True, slots=True)
class Login:
    """The login that a connection names. It contains no secret.

    Attributes:
        kind: source of the password.
        secret_id: SECRET: name or ARN of the secret with username and password.
        user: ENCRYPTED and TOKEN: the database's user.
        region: TOKEN: the database's region.
    """

    kind: LoginKind
    secret_id: str = ""
    user: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A database user and password. The repr omits the password.

    Attributes:
        user: the database user.
        password: the password, or a token.
        expires: end of a token's validity for new sessions, UTC; None for a password.
        origin: source of the password for the evidence (for example a KMS key's ARN).
    """

    user: str
    password: str = field(repr=False)
    expires: datetime | None = None
    origin: str = ""
