"""Databases of the embedded account that jobs read and write, each with a Glue connection."""

from __future__ import annotations

import atexit
import importlib
import json
import re
import secrets
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.requirements import install_command
from glue_secure.embedded.mariadb import MariaDb, server_program

if TYPE_CHECKING:
    from glue_secure.embedded.account import EmbeddedAccount

ENGINES = ("postgresql", "mysql", "mariadb")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}\Z")
_SERVERS: dict[Path, MariaDb] = {}
"""State folder of an account → the MariaDB server that this process has started for it."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database of an embedded server, and the Glue connection to it.

    Attributes:
        connection: name of the Glue connection.
        name: of the database and of its owner, whose login the connection's secret contains.
        url: its JDBC URL.
    """

    connection: str
    name: str
    url: str
    _connect: Callable[[], Any] = field(repr=False)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one SQL statement in a transaction of its own, and return its rows; none without a result.

        Raises:
            psycopg.Error: PostgreSQL rejects the statement.
            pymysql.Error: MariaDB rejects the statement.
        """
        with closing(self._connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(statement, list(parameters) or None)
            rows = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
            return rows


def add_database(account: EmbeddedAccount, connection: str, *, engine: str = "postgresql") -> Database:
    """Create an empty database, a user that owns it, a secret with the user's login, and a Glue connection.

    If the connection exists and was made by this function, its database is returned as it is.

    Args:
        account: a running account.
        connection: name of the connection.
        engine: ``postgresql``, the server of the embedded account; ``mysql`` or ``mariadb``, the system's
            MariaDB, which is started with the first of these databases. It ends with this process, and so do
            its databases: another process that names the connection gets an empty database.

    Raises:
        UsageError: the name is invalid or taken by another connection, the engine is another one, or MariaDB
            or its client is not installed.
    """
    if engine not in ENGINES:
        raise UsageError(f"connection {connection}", found=f"engine {engine}", required=", ".join(ENGINES))
    if not _NAME.match(connection):
        raise UsageError(
            f"connection {connection!r}", found="an invalid name", required="letters, digits, - and _"
        )
    name = f"user_{connection.lower().replace('-', '_')}"
    secret = f"glue-secure/{connection}"
    if engine == "postgresql":
        return _add_postgresql(account, connection, name, secret)
    return _add_mariadb(account, connection, name, secret, engine)


def run_sql(account: EmbeddedAccount, connection: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one SQL statement on the PostgreSQL database of :func:`add_database`, and return its rows.

    Raises:
        UsageError: the connection has no such database, or PostgreSQL rejects the statement.
    """
    import psycopg

    name, secret = f"user_{connection.lower().replace('-', '_')}", f"glue-secure/{connection}"
    url, login = _postgresql(account, name)
    found = _existing(account, connection, secret) if _NAME.match(connection) else None
    if found is None or found[0] != url:
        raise UsageError(
            f"connection {connection}",
            found="no such connection" if found is None else "a connection to another database",
            required="a connection that glue-secure local connection add has made, without --url",
            fix=f"glue-secure local connection add {connection}" if _NAME.match(connection) else "",
        )
    database = Database(connection, name, url, login(dbname=name, user=name, password=found[1]))
    try:
        return database.execute(statement)
    except psycopg.Error as error:
        message = " ".join(str(error).split())
        raise UsageError(f"connection {connection}", found=message, required="a valid statement") from None


def _postgresql(account: EmbeddedAccount, name: str) -> tuple[str, Callable[..., Callable[[], Any]]]:
    """Return the JDBC URL of a database, and what returns a function that connects with changed options."""
    import psycopg

    server = account.postgres
    url = f"jdbc:postgresql://{server.host}:{server.port}/{name}"

    def login(**changes: Any) -> Callable[[], Any]:
        admin: dict[str, Any] = {
            "host": server.host,
            "port": server.port,
            "dbname": server.database,
            "user": server.user,
            "password": server.password,
            "sslmode": "verify-full",
            "sslrootcert": str(account.ca_pem),
        }
        return lambda: psycopg.connect(**{**admin, **changes})

    return url, login


def _add_postgresql(account: EmbeddedAccount, connection: str, name: str, secret: str) -> Database:
    from psycopg import sql

    url, login = _postgresql(account, name)
    found = _existing(account, connection, secret)
    if found is not None:
        found_url, password = found
        if found_url != url:
            raise _taken(connection)
        return Database(connection, name, url, login(dbname=name, user=name, password=password))
    password = secrets.token_urlsafe(24)
    with login(autocommit=True)() as session:
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
    return Database(connection, name, url, login(dbname=name, user=name, password=password))


def _add_mariadb(account: EmbeddedAccount, connection: str, name: str, secret: str, engine: str) -> Database:
    driver = _mysql_client(connection)
    server = _mariadb_of(account, connection)
    url = f"jdbc:{engine}://{server.host}:{server.port}/{name}"

    def login(**changes: Any) -> Callable[[], Any]:
        # The context verifies the certificate and the host name.
        admin: dict[str, Any] = {
            "host": server.host,
            "port": server.port,
            "user": server.user,
            "password": server.password,
            "ssl": ssl.create_default_context(cafile=str(account.ca_pem)),
        }
        return lambda: driver.connect(**{**admin, **changes})

    found = _existing(account, connection, secret)
    if found is not None:
        found_url, password = found
        if found_url == url:
            return Database(connection, name, url, login(database=name, user=name, password=password))
        if not re.fullmatch(rf"jdbc:{engine}://localhost:\d+/{name}", found_url):
            raise _taken(connection)
        # The server of this connection has ended with the process that started it.
        _remove_connection(account, connection, secret)
    password = secrets.token_urlsafe(24)
    with closing(login()()) as session:
        cursor = session.cursor()
        cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        cursor.execute(f"CREATE USER `{name}`@'%%' IDENTIFIED BY %s REQUIRE SSL", (password,))
        cursor.execute(f"GRANT ALL ON `{name}`.* TO `{name}`@'%'")
    add_connection(account, connection, url, secret, {"username": name, "password": password})
    return Database(connection, name, url, login(database=name, user=name, password=password))


def _mysql_client(connection: str) -> Any:
    try:
        return importlib.import_module("pymysql")
    except ImportError as error:
        raise UsageError(
            f"connection {connection}",
            found="PyMySQL is not installed",
            required="PyMySQL, for the statements of execute",
            fix=install_command("local"),
        ) from error


def _mariadb_of(account: EmbeddedAccount, connection: str) -> MariaDb:
    """Return this process's MariaDB server of an account; start it if there is none."""
    server = _SERVERS.get(account.state)
    if server is None:
        if server_program() is None:
            raise UsageError(
                f"connection {connection}",
                found="MariaDB is not installed on this machine",
                required="the program mariadbd and its system tables",
                fix="apt-get install mariadb-server-core, or use the engine postgresql",
            )
        server = MariaDb(account.scratch, account.server_pair).__enter__()
        atexit.register(end_servers, account)
        _SERVERS[account.state] = server
    return server


def end_servers(account: EmbeddedAccount) -> None:
    """Stop the MariaDB server that this process has started for an account, if there is one."""
    server = _SERVERS.pop(account.state, None)
    if server is not None:
        server.__exit__()


def _existing(account: EmbeddedAccount, connection: str, secret: str) -> tuple[str, str] | None:
    """Return the JDBC URL and the password of a connection of :func:`add_database`; None if there is none."""
    from glue_secure.embedded.clients import clients

    glue = clients(account)("glue")
    with suppress(glue.exceptions.EntityNotFoundException):
        found = glue.get_connection(Name=connection)["Connection"]["ConnectionProperties"]
        if found.get("SECRET_ID") != secret:
            raise _taken(connection)
        stored = clients(account)("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        return str(found.get("JDBC_CONNECTION_URL")), str(json.loads(stored)["password"])
    return None


def _taken(connection: str) -> UsageError:
    return UsageError(f"connection {connection}", found="another connection", required="a new name")


def _remove_connection(account: EmbeddedAccount, connection: str, secret: str) -> None:
    from glue_secure.embedded.clients import clients

    client = clients(account)
    client("glue").delete_connection(ConnectionName=connection)
    client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


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
