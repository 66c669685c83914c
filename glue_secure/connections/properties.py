"""The checks of a Glue JDBC connection's properties.

``PROPERTIES`` lists the API's ``ConnectionPropertyKey`` names (a contract test compares) and ``ENFORCE_SSL``,
which connections of type POSTGRESQL have instead of ``JDBC_ENFORCE_SSL``. Other names are rejected.
https://docs.aws.amazon.com/glue/latest/dg/connection-properties.html
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.messages import shown_name
from glue_secure.core.connection import GlueConnection
from glue_secure.core.findings import Finding, enforce, failed, passed


class PropertyRule(str, Enum):
    """The rule that applies to one property of a JDBC connection."""

    READ = "read"  # accepted and used
    INFORMATION = "information"  # accepted; no effect on the connection
    SECRET = "secret"  # noqa: S105  rejected: a secret in plain text
    DRIVER = "driver"  # rejected: a custom driver
    FOREIGN = "foreign"  # rejected: belongs to Kafka, Athena, a marketplace connector or another engine


def _with_rule(rule: PropertyRule, names: str) -> dict[str, PropertyRule]:
    return dict.fromkeys(names.split(), rule)


PROPERTIES: Mapping[str, PropertyRule] = {
    **_with_rule(
        PropertyRule.READ,
        "JDBC_CONNECTION_URL HOST PORT DATABASE JDBC_ENGINE JDBC_ENFORCE_SSL ENFORCE_SSL CUSTOM_JDBC_CERT"
        " SKIP_CUSTOM_JDBC_CERT_VALIDATION CUSTOM_JDBC_CERT_STRING SECRET_ID USERNAME ENCRYPTED_PASSWORD"
        " JDBC_DRIVER_CLASS_NAME",
    ),
    **_with_rule(PropertyRule.INFORMATION, "JDBC_ENGINE_VERSION INSTANCE_ID"),
    **_with_rule(PropertyRule.SECRET, "PASSWORD"),
    **_with_rule(PropertyRule.DRIVER, "JDBC_DRIVER_JAR_URI"),
    **_with_rule(
        PropertyRule.FOREIGN,
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


def properties_of(connection: GlueConnection) -> dict[str, str]:
    """Return the connection's properties that have a value; ``SECRET_ID`` may come from its ``SecretArn``."""
    properties = {name: value for name, value in connection.properties.items() if value != ""}
    return {**properties, "SECRET_ID": connection.secret} if connection.secret else properties


def check_properties(connection: GlueConnection) -> tuple[Finding, ...]:
    """Check that all properties are known, carry no secret in plain text and enforce TLS.

    Returns:
        GS-TLS-005, -006, -008 and -011 passed, one or two of each.

    Raises:
        RefusedError: the first of GS-TLS-005, -006, -008, -011 that failed.
    """
    checks = (
        check_connection_type,
        check_property_names,
        check_tls_enforced,
        check_driver,
        check_authentication,
    )
    return tuple(finding for check in checks for finding in enforce(check(connection)))


def check_connection_type(connection: GlueConnection) -> tuple[Finding, ...]:
    """GS-TLS-011: the connection is a JDBC connection."""
    kind = connection.connection_type
    if kind.upper() not in CONNECTION_TYPES:
        return (
            failed(
                "GS-TLS-011",
                _resource(connection),
                found=f"a connection of type {shown_name(kind)}",
                required=f"type {' or '.join(CONNECTION_TYPES)}",
                fix="name a JDBC connection",
            ),
        )
    return (passed("GS-TLS-011", _resource(connection), f"a connection of type {kind}"),)


def check_property_names(connection: GlueConnection) -> tuple[Finding, ...]:
    """GS-TLS-005, -008, -011: every property is known; none is a plain-text password or a custom driver."""
    resource = _resource(connection)
    for name, value in connection.properties.items():
        failure = _name_failure(resource, name) if value else None
        if failure is not None:
            return (failure,)
    if connection.spark_properties:
        names = ", ".join(map(shown_name, connection.spark_properties[:5]))
        return (
            failed(
                "GS-TLS-005",
                resource,
                found=f"SparkProperties ({names}) besides the properties",
                required="the connection's own properties only",
                fix="remove SparkProperties from the connection",
            ),
        )
    names = ", ".join(sorted(name for name, value in connection.properties.items() if value))
    return (
        passed("GS-TLS-005", resource, f"properties of the connection: {names}"),
        passed("GS-TLS-008", resource, "no password in the properties of the connection"),
    )


def check_tls_enforced(connection: GlueConnection) -> tuple[Finding, ...]:
    """GS-TLS-006: JDBC_ENFORCE_SSL (or ENFORCE_SSL) is true and certificate validation is not skipped."""
    resource, properties = _resource(connection), properties_of(connection)
    fix = "set JDBC_ENFORCE_SSL to true in the connection (aws glue update-connection)"
    names = [name for name in ("JDBC_ENFORCE_SSL", "ENFORCE_SSL") if name in properties]
    if not names:
        return (
            failed(
                "GS-TLS-006", resource, found="no JDBC_ENFORCE_SSL", required="JDBC_ENFORCE_SSL=true", fix=fix
            ),
        )
    for name in names:
        if properties[name].lower() != "true":
            value = shown_name(properties[name])
            return (
                failed("GS-TLS-006", resource, found=f"{name}={value}", required=f"{name}=true", fix=fix),
            )
    skip = properties.get("SKIP_CUSTOM_JDBC_CERT_VALIDATION", "false")
    if skip.lower() != "false":
        return (
            failed(
                "GS-TLS-006",
                resource,
                found=f"SKIP_CUSTOM_JDBC_CERT_VALIDATION={shown_name(skip)}",
                required="SKIP_CUSTOM_JDBC_CERT_VALIDATION=false, or no such property",
                fix="remove SKIP_CUSTOM_JDBC_CERT_VALIDATION from the connection",
            ),
        )
    return (
        passed("GS-TLS-006", resource, f"{' and '.join(names)} true, certificate validation not skipped"),
    )


def check_driver(connection: GlueConnection) -> tuple[Finding, ...]:
    """GS-TLS-011: JDBC_ENGINE and JDBC_DRIVER_CLASS_NAME name a supported engine, or are absent."""
    resource, properties = _resource(connection), properties_of(connection)
    engine = properties.get("JDBC_ENGINE", "").lower()
    if engine and engine not in {name for known in ENGINES for name in (known.name, *known.aliases)}:
        return (
            failed(
                "GS-TLS-011",
                resource,
                found=f"JDBC_ENGINE={shown_name(engine)}",
                required=" or ".join(known.name for known in ENGINES),
                fix="use a connection to a supported engine",
            ),
        )
    driver = properties.get("JDBC_DRIVER_CLASS_NAME", "")
    if driver and driver not in {name for known in ENGINES for name in (known.driver, *known.driver_aliases)}:
        return (
            failed(
                "GS-TLS-011",
                resource,
                found=f"JDBC_DRIVER_CLASS_NAME={shown_name(driver)}",
                required=" or ".join(known.driver for known in ENGINES),
                fix="remove JDBC_DRIVER_CLASS_NAME from the connection",
            ),
        )
    return (passed("GS-TLS-011", resource, "no custom driver in the connection"),)


def check_authentication(connection: GlueConnection) -> tuple[Finding, ...]:
    """GS-TLS-008: the AuthenticationConfiguration is BASIC with one secret, IAM without, or absent.

    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-connections-connections.html
    """
    resource, kind = _resource(connection), connection.authentication.upper()
    absent = not connection.authentication and not connection.secret
    iam = kind == "IAM" and not connection.secret
    if not absent and not iam and (kind != "BASIC" or not connection.secret):
        return (
            failed(
                "GS-TLS-008",
                resource,
                found=f"authentication {shown_name(connection.authentication)}, which is not supported here",
                required="AuthenticationType BASIC with SecretArn, IAM without, or SECRET_ID",
                fix="store user and password in a secret, and name it in the connection",
            ),
        )
    if connection.secret and connection.properties.get("SECRET_ID", "") not in ("", connection.secret):
        return (
            failed(
                "GS-TLS-008",
                resource,
                found="SECRET_ID and another secret in the AuthenticationConfiguration",
                required="one secret",
                fix="remove SECRET_ID from the connection",
            ),
        )
    return (passed("GS-TLS-008", resource, f"AuthenticationConfiguration: {kind or 'none'}"),)


def _name_failure(resource: str, name: str) -> Finding | None:
    """Return why the property is not accepted, None if it is."""
    rule = PROPERTIES.get(name)
    if rule is None:
        suggestion = f"; did you mean {name.upper()}?" if name.upper() in PROPERTIES else ""
        return failed(
            "GS-TLS-005",
            resource,
            found=f"connection property {shown_name(name)}, which glue-secure does not know{suggestion}",
            required="only properties with a known effect",
            fix="remove it from the connection",
        )
    if rule is PropertyRule.SECRET:
        return failed(
            "GS-TLS-008",
            resource,
            found=f"{name} (value not shown), which is stored in the connection in plain text",
            required="SECRET_ID: a secret in AWS Secrets Manager with username and password",
            fix=f"move the password into Secrets Manager, set SECRET_ID, remove {name}, change the password",
        )
    if rule is PropertyRule.DRIVER:
        return failed(
            "GS-TLS-011",
            resource,
            found=f"{name}: a custom driver",
            required="the engine's own driver",
            fix=f"remove {name} from the connection",
        )
    if rule is PropertyRule.FOREIGN:
        return failed(
            "GS-TLS-005",
            resource,
            found=f"property {name}, which does not belong to a database connection",
            required="only properties that belong to the connection's engine",
            fix=f"remove {name} from the connection",
        )
    return None


def _resource(connection: GlueConnection) -> str:
    return f"connection {connection.name}"
