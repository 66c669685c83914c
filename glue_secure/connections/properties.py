"""The properties of a Glue connection, as a table, and the judgement of those that decide TLS.

The names are the API's own (``ConnectionPropertyKey`` of the Glue service model; a contract test
compares) and ``ENFORCE_SSL``, which connections of type POSTGRESQL have in place of
``JDBC_ENFORCE_SSL``. A name that is not in the table is refused.
https://docs.aws.amazon.com/glue/latest/dg/connection-properties.html
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NoReturn

from glue_secure.connections.engines.registry import ENGINES, Engine
from glue_secure.connections.hosts import normal_host
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri


class Property(str, Enum):
    """What a connection property is to a JDBC connection."""

    READ = "read"  # this room reads it
    INFORMATION = "information"  # changes nothing about how a connection is made
    SECRET = "secret"  # noqa: S105  a kind of property, not a secret
    DRIVER = "driver"  # brings a driver of one's own
    FOREIGN = "foreign"  # belongs to Kafka, Athena, a marketplace connector, another engine


def _kinds(kind: Property, names: str) -> dict[str, Property]:
    return dict.fromkeys(names.split(), kind)


PROPERTIES: Mapping[str, Property] = {
    **_kinds(
        Property.READ,
        "JDBC_CONNECTION_URL HOST PORT DATABASE JDBC_ENGINE JDBC_ENFORCE_SSL ENFORCE_SSL CUSTOM_JDBC_CERT"
        " SKIP_CUSTOM_JDBC_CERT_VALIDATION CUSTOM_JDBC_CERT_STRING SECRET_ID USERNAME ENCRYPTED_PASSWORD"
        " JDBC_DRIVER_CLASS_NAME",
    ),
    **_kinds(Property.INFORMATION, "JDBC_ENGINE_VERSION INSTANCE_ID"),
    **_kinds(Property.SECRET, "PASSWORD"),
    **_kinds(Property.DRIVER, "JDBC_DRIVER_JAR_URI"),
    **_kinds(
        Property.FOREIGN,
        "CONFIG_FILES CONNECTION_URL CONNECTOR_URL CONNECTOR_TYPE CONNECTOR_CLASS_NAME ENDPOINT ENDPOINT_TYPE"
        " ROLE_ARN REGION WORKGROUP_NAME CLUSTER_IDENTIFIER KAFKA_BOOTSTRAP_SERVERS KAFKA_SSL_ENABLED"
        " KAFKA_CUSTOM_CERT KAFKA_SKIP_CUSTOM_CERT_VALIDATION KAFKA_CLIENT_KEYSTORE"
        " KAFKA_CLIENT_KEYSTORE_PASSWORD KAFKA_CLIENT_KEY_PASSWORD ENCRYPTED_KAFKA_CLIENT_KEYSTORE_PASSWORD"
        " ENCRYPTED_KAFKA_CLIENT_KEY_PASSWORD KAFKA_SASL_MECHANISM KAFKA_SASL_PLAIN_USERNAME"
        " KAFKA_SASL_PLAIN_PASSWORD ENCRYPTED_KAFKA_SASL_PLAIN_PASSWORD KAFKA_SASL_SCRAM_USERNAME"
        " KAFKA_SASL_SCRAM_PASSWORD KAFKA_SASL_SCRAM_SECRETS_ARN ENCRYPTED_KAFKA_SASL_SCRAM_PASSWORD"
        " KAFKA_SASL_GSSAPI_KEYTAB KAFKA_SASL_GSSAPI_KRB5_CONF KAFKA_SASL_GSSAPI_SERVICE"
        " KAFKA_SASL_GSSAPI_PRINCIPAL",
    ),
}
CONNECTION_TYPES = ("JDBC", "POSTGRESQL", "MYSQL", "SQLSERVER", "ORACLE")
_TRUE, _FALSE = "true", "false"


def check_properties(connection: GlueConnection) -> Mapping[str, str]:
    """Refuse a connection whose properties are unknown, secret in plain text, or weaken TLS.

    Returns:
        The properties that have a value, by the API's own names.

    Raises:
        RefusedError: GS-TLS-002, -005, -006, -008, -011.
    """
    properties: Mapping[str, str] = {n: v for n, v in connection.properties.items() if v != ""}
    if connection.connection_type.upper() not in CONNECTION_TYPES:
        _refuse(
            connection,
            "GS-TLS-011",
            found=f"a connection of type {_word(connection.connection_type)}",
            required=f"type {' or '.join(CONNECTION_TYPES)}",
            fix="name a JDBC connection",
        )
    for name in properties:
        _check_kind(connection, name)
    _check_enforced(connection, properties)
    _check_driver(connection, properties)
    return _with_secret(connection, properties)


def verified_name(connection: GlueConnection, engine: Engine) -> str:
    """The name that ``CUSTOM_JDBC_CERT_STRING`` wants on the server's certificate, ``""`` for the host's.

    Raises:
        RefusedError: GS-TLS-002, the engine's driver compares the host's name only, or it is no host name.
    """
    said = connection.properties.get("CUSTOM_JDBC_CERT_STRING", "")
    if not said:
        return ""
    if not engine.name_option:
        _refuse(
            connection,
            "GS-TLS-002",
            found=f"CUSTOM_JDBC_CERT_STRING, which is not served for {engine.name}",
            required="the server's own host name on its certificate",
            fix="remove CUSTOM_JDBC_CERT_STRING from the connection",
        )
    if normal_host(said) != said:
        _refuse(
            connection,
            "GS-TLS-002",
            found="a CUSTOM_JDBC_CERT_STRING that is not one host name in lower case, without a wildcard",
            required="the host name that stands on the server's certificate",
            fix="correct CUSTOM_JDBC_CERT_STRING in the connection",
        )
    return said


def certificate(connection: GlueConnection) -> S3Uri | None:
    """Where the connection's certificate authority lies; None means the system's roots.

    Raises:
        RefusedError: GS-TLS-012, CUSTOM_JDBC_CERT is not the location of an object in S3.
    """
    location = connection.properties.get("CUSTOM_JDBC_CERT", "")
    if not location:
        return None
    try:
        uri = S3Uri.parse(location)
    except UsageError as error:
        raise _certificate_refusal(connection, "a CUSTOM_JDBC_CERT that is not an S3 location") from error
    if not uri.key or uri.key.endswith("/"):
        raise _certificate_refusal(connection, f"CUSTOM_JDBC_CERT {uri}, which is no object")
    return uri


def _with_secret(connection: GlueConnection, properties: Mapping[str, str]) -> Mapping[str, str]:
    """The properties with the secret that the connection's AuthenticationConfiguration names.

    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-connections-connections.html
    """
    if connection.more:
        _refuse(
            connection,
            "GS-TLS-005",
            found=f"SparkProperties ({', '.join(map(_word, connection.more[:5]))}) beside the properties",
            required="no options but the connection's own properties",
            fix="remove SparkProperties from the connection",
        )
    if not connection.authentication and not connection.secret:
        return properties
    if connection.authentication.upper() == "IAM" and not connection.secret:
        return properties
    if connection.authentication.upper() != "BASIC" or not connection.secret:
        _refuse(
            connection,
            "GS-TLS-008",
            found=f"authentication {_word(connection.authentication)}, which is not served so",
            required="AuthenticationType BASIC with SecretArn, IAM without, or SECRET_ID",
            fix="put user and password into a secret, and name it in the connection",
        )
    if properties.get("SECRET_ID", connection.secret) != connection.secret:
        _refuse(
            connection,
            "GS-TLS-008",
            found="SECRET_ID beside another secret in the AuthenticationConfiguration",
            required="one secret, named once",
            fix="remove SECRET_ID from the connection",
        )
    return {**properties, "SECRET_ID": connection.secret}


def _check_kind(connection: GlueConnection, name: str) -> None:
    kind = PROPERTIES.get(name)
    if kind is None:
        meant = f"; {name.upper()} is meant?" if name.upper() in PROPERTIES else ""
        _refuse(
            connection,
            "GS-TLS-005",
            found=f"a connection property that this project does not know: {_word(name)}{meant}",
            required="only properties whose effect is known",
            fix="remove it from the connection",
        )
    if kind is Property.SECRET:
        _refuse(
            connection,
            "GS-TLS-008",
            found=f"{name} (value not shown), which is stored in the connection in plain text",
            required="SECRET_ID: a secret in AWS Secrets Manager with username and password",
            fix=f"move the password into Secrets Manager, set SECRET_ID, remove {name}, change the password",
        )
    if kind is Property.DRIVER:
        _refuse(
            connection,
            "GS-TLS-011",
            found=f"{name}: a driver of one's own",
            required="the driver that this project knows",
            fix=f"remove {name} from the connection",
        )
    if kind is Property.FOREIGN:
        _refuse(
            connection,
            "GS-TLS-005",
            found=f"property {name}, which is not one of a database connection",
            required="only properties that belong to the connection's engine",
            fix=f"remove {name} from the connection",
        )


def _check_enforced(connection: GlueConnection, properties: Mapping[str, str]) -> None:
    fix = "set JDBC_ENFORCE_SSL to true in the connection (aws glue update-connection)"
    given = [name for name in ("JDBC_ENFORCE_SSL", "ENFORCE_SSL") if name in properties]
    if not given:
        _refuse(
            connection, "GS-TLS-006", found="no JDBC_ENFORCE_SSL", required="JDBC_ENFORCE_SSL=true", fix=fix
        )
    for name in given:
        if properties[name].lower() != _TRUE:
            _refuse(
                connection,
                "GS-TLS-006",
                found=f"{name}={_word(properties[name])}",
                required=f"{name}=true",
                fix=fix,
            )
    skip = properties.get("SKIP_CUSTOM_JDBC_CERT_VALIDATION", _FALSE)
    if skip.lower() != _FALSE:
        _refuse(
            connection,
            "GS-TLS-006",
            found=f"SKIP_CUSTOM_JDBC_CERT_VALIDATION={_word(skip)}",
            required="SKIP_CUSTOM_JDBC_CERT_VALIDATION=false, or none",
            fix="remove SKIP_CUSTOM_JDBC_CERT_VALIDATION from the connection",
        )


def _check_driver(connection: GlueConnection, properties: Mapping[str, str]) -> None:
    named = properties.get("JDBC_ENGINE", "").lower()
    if named and named not in {engine.name for engine in ENGINES}:
        _refuse(
            connection,
            "GS-TLS-011",
            found=f"JDBC_ENGINE={_word(named)}",
            required=" or ".join(engine.name for engine in ENGINES),
            fix="use a connection to a supported engine",
        )
    driver = properties.get("JDBC_DRIVER_CLASS_NAME", "")
    if driver and driver not in {engine.driver for engine in ENGINES}:
        _refuse(
            connection,
            "GS-TLS-011",
            found=f"JDBC_DRIVER_CLASS_NAME={_word(driver)}",
            required=" or ".join(engine.driver for engine in ENGINES),
            fix="remove JDBC_DRIVER_CLASS_NAME from the connection",
        )


def _certificate_refusal(connection: GlueConnection, found: str) -> RefusedError:
    return RefusedError(
        "GS-TLS-012",
        resource=_resource(connection),
        found=found,
        required="s3://BUCKET/KEY of a PEM file with the authority's certificate",
        fix="set CUSTOM_JDBC_CERT to the object, or remove it to use the system's roots",
    )


def _word(text: str) -> str:
    """A name or a flag for a message; text of any other form may be a secret."""
    plain = 0 < len(text) <= 60 and all(c.isascii() and (c.isalnum() or c in "._-") for c in text)
    return text if plain else "(not shown)"


def _resource(connection: GlueConnection) -> str:
    return f"connection {connection.name}"


def _refuse(connection: GlueConnection, control: str, *, found: str, required: str, fix: str) -> NoReturn:
    raise RefusedError(control, resource=_resource(connection), found=found, required=required, fix=fix)
