"""Databases of the embedded account that jobs read and write, each with a Glue connection."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError

if TYPE_CHECKING:
    from glue_secure.embedded.account import EmbeddedAccount

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Database:
    """A database of the embedded PostgreSQL server, and the Glue connection to it.

    Attributes:
        connection: name of the Glue connection.
        name: of the database and of its owner, whose login the connection's secret contains.
        url: its JDBC URL.
    """

    connection: str
    name: str
    url: str
    _login: dict[str, Any] = field(repr=False)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one SQL statement in a transaction of its own, and return its rows; none without a result.

        Raises:
            psycopg.Error: the server rejects the statement.
        """
        import psycopg

        with psycopg.connect(**self._login) as connection:
            cursor = connection.execute(statement.encode(), list(parameters) or None)
            return cursor.fetchall() if cursor.description else []


def add_database(account: EmbeddedAccount, connection: str, *, engine: str = "postgresql") -> Database:
    """Create an empty database, a role that owns it, a secret with the role's login, and a Glue connection.

    If the connection exists and was made by this function, its database is returned as it is.

    Args:
        account: a running account.
        connection: name of the connection.
        engine: ``postgresql``, the server of the embedded account.

    Raises:
        UsageError: the name is invalid or taken by another connection, or the engine is another one.
    """
    import psycopg
    from psycopg import sql

    if engine != "postgresql":
        raise UsageError(f"connection {connection}", found=f"engine {engine}", required="postgresql")
    if not _NAME.match(connection):
        raise UsageError(
            f"connection {connection!r}", found="an invalid name", required="letters, digits, - and _"
        )
    name = f"user_{connection.lower().replace('-', '_')}"
    server, secret = account.postgres, f"glue-secure/{connection}"
    url = f"jdbc:postgresql://{server.host}:{server.port}/{name}"
    admin: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "dbname": server.database,
        "user": server.user,
        "password": server.password,
        "sslmode": "verify-full",
        "sslrootcert": str(account.ca_pem),
    }
    from glue_secure.embedded.clients import clients

    glue = clients(account)("glue")
    with suppress(glue.exceptions.EntityNotFoundException):
        found = glue.get_connection(Name=connection)["Connection"]["ConnectionProperties"]
        if (found.get("SECRET_ID"), found.get("JDBC_CONNECTION_URL")) != (secret, url):
            raise UsageError(f"connection {connection}", found="another connection", required="a new name")
        stored = clients(account)("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        login = {**admin, "dbname": name, "user": name, "password": json.loads(stored)["password"]}
        return Database(connection, name, url, login)
    password = secrets.token_urlsafe(24)
    with psycopg.connect(**admin, autocommit=True) as session:
        # The statements contain a SCRAM verifier instead of the password.
        verifier = session.pgconn.encrypt_password(
            password.encode(), name.encode(), b"scram-sha-256"
        ).decode()
        owner = sql.Identifier(name)
        for statement in (
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(owner, sql.Literal(verifier)),
            sql.SQL("CREATE DATABASE {} OWNER {}").format(owner, owner),
        ):
            session.execute(statement)
    add_connection(account, connection, url, secret, {"username": name, "password": password})
    return Database(connection, name, url, {**admin, "dbname": name, "user": name, "password": password})


def add_connection(
    account: EmbeddedAccount,
    connection: str,
    url: str,
    secret: str,
    login: dict[str, str],
    certificate: bytes | None = None,
) -> None:
    """Create a Glue connection with verified TLS, and the secret with its login.

    Args:
        account: a running account.
        connection: name of the connection.
        url: JDBC URL without credentials.
        secret: name of the secret to create.
        login: ``username`` and ``password``.
        certificate: PEM of the authority that the server's certificate was issued by. Default: the account's.

    Raises:
        UsageError: the connection or the secret exists.
    """
    # Imported here, because the module imports the account.
    from glue_secure.embedded.account_setup import LANDING, provision
    from glue_secure.embedded.clients import clients

    provisioned = provision(account)
    key = f"certificates/{connection}.pem"
    client = clients(account)
    glue, manager = client("glue"), client("secretsmanager")
    try:
        manager.create_secret(Name=secret, KmsKeyId=provisioned.data_key, SecretString=json.dumps(login))
    except manager.exceptions.ResourceExistsException:
        raise UsageError(f"secret {secret}", found="exists already", required="a new name") from None
    client("s3").put_object(
        Bucket=LANDING,
        Key=key,
        Body=certificate or account.ca_pem.read_bytes(),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=provisioned.data_key,
    )
    properties = {
        "JDBC_CONNECTION_URL": url,
        "JDBC_ENFORCE_SSL": "true",
        "CUSTOM_JDBC_CERT": f"s3://{LANDING}/{key}",
        "SECRET_ID": secret,
    }
    definition = {"Name": connection, "ConnectionType": "JDBC", "ConnectionProperties": properties}
    try:
        glue.create_connection(ConnectionInput=definition)
    except glue.exceptions.AlreadyExistsException:
        manager.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        raise UsageError(f"connection {connection}", found="exists already", required="a new name") from None
