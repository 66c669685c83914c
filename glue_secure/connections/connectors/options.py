"""The options of a call to a connector, checked against the table of connectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from glue_secure.connections.connectors.table import OTHER_SERVER, Connector
from glue_secure.connections.messages import shown_name, shown_value
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, enforce, failed, passed
from glue_secure.core.options import option_text
from glue_secure.core.redaction import redact_text

_MONGODB_OFF = {
    "tls": "true",
    "ssl": "true",
    "tlsinsecure": "false",
    "sslinvalidhostnameallowed": "false",
    "tlsallowinvalidhostnames": "false",
    "tlsallowinvalidcertificates": "false",
}
"""Options of a MongoDB URI that weaken TLS, with the only accepted value."""
_PLACEHOLDER = re.compile(r"\$\{\w+\}")
_URIS = ("uri", "connection.uri", "connection_url")


def require_served(connector: Connector, resource: str) -> None:
    """Raise RefusedError (GS-CON-002) if every call of the connector is rejected."""
    if connector.blocked:
        enforce(
            [
                failed(
                    "GS-CON-002",
                    resource,
                    found=f"{connector.name}: {connector.blocked}",
                    required="a connector whose TLS and verification options can force",
                    fix="read and write the data with a Glue JDBC connection (docs/jdbc.md), with objects in "
                    "S3, or with another connector of docs/connectors.md",
                )
            ]
        )


def check_options(connector: Connector, options: Mapping[str, Any], resource: str) -> tuple[Finding, ...]:
    """Check that no option weakens TLS, names another server, or is a credential.

    Returns:
        GS-TLS-001, -005 and -008 passed; or one failure.
    """
    for name, value in options.items():
        failure = _failure(connector, str(name), option_text(value), resource)
        if failure is not None:
            return (failure,)
    names = ", ".join(sorted(shown_name(str(name)) for name in options)) or "none"
    forced = ", ".join(f"{name}={value}" for name, value in connector.forced)
    return (
        passed("GS-TLS-001", resource, forced or "no option weakens TLS or the verification of the server"),
        passed("GS-TLS-005", resource, f"options of the call: {names}"),
        passed("GS-TLS-008", resource, "no credentials in the options of the call"),
    )


def with_forced_options(connector: Connector, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options to pass on: the caller's, with the forced ones in their place."""
    forced = dict(connector.forced)
    lowered = {name.lower() for name in forced}
    return {**{name: value for name, value in options.items() if name.lower() not in lowered}, **forced}


def option_of(options: Mapping[str, Any], name: str) -> str:
    """Return the text of an option, whose name may have any letter case; ``""`` if it is missing."""
    value = next((options[key] for key in options if key.lower() == name.lower()), None)
    return "" if value is None else option_text(value)


def required_option(options: Mapping[str, Any], name: str, resource: str) -> str:
    """Return an option as :func:`option_of`. Raises UsageError if it is missing or empty."""
    value = option_of(options, name)
    if not value:
        found = ", ".join(sorted(map(shown_name, map(str, options)))) or "no options"
        raise UsageError(f"connection_options of {resource}", found=found, required=name)
    return value


def require_source(connector: Connector, resource: str, *, writes: bool) -> None:
    """Raise UsageError if a call writes to a connector that can only be read."""
    if writes:
        raise UsageError(
            resource,
            found=f"a write to {connector.types[0]}",
            required="a source",
            fix="change the Data Catalog with a sink that has enableUpdateCatalog, or with boto3",
        )


def check_connection(connector: Connector, connection: GlueConnection) -> tuple[Finding, ...]:
    """Check a Glue connection that a managed connector of Glue uses: its type, login, URI and options.

    Returns:
        GS-TLS-011, -006, -008 and -005 passed; or one failure of these, or of GS-TLS-001 or -007 for the URI.
    """
    resource = f"connection {connection.name}"
    kind, expected = connection.connection_type.upper(), " or ".join(connector.connection_types)
    if kind not in connector.connection_types:
        return (
            failed(
                "GS-TLS-011",
                resource,
                found=f"a connection of type {shown_name(kind)}",
                required=f"type {expected}",
                fix=f"use the name of a connection of type {expected}",
            ),
        )
    properties = {name.upper(): value for name, value in connection.properties.items() if value}
    secrets = sorted(name for name in properties if name.endswith(("PASSWORD", "_TOKEN")))
    if secrets:
        return (
            failed(
                "GS-TLS-008",
                resource,
                found=f"{', '.join(map(shown_name, secrets))} (value not shown)",
                required="a secret in Secrets Manager",
                fix="store the password in Secrets Manager, name the secret in the connection, and change "
                "the password",
            ),
        )
    for name in ("JDBC_ENFORCE_SSL", "ENFORCE_SSL"):
        if properties.get(name, "true").lower() != "true":
            return (
                failed(
                    "GS-TLS-006",
                    resource,
                    found=f"{name}={shown_value(properties[name])}",
                    required=f"{name}=true",
                    fix=f"set {name}=true in the connection",
                ),
            )
    if connector.name == "mongodb" and "CONNECTION_URL" in properties:
        failure = check_mongodb_uri("CONNECTION_URL", properties["CONNECTION_URL"], resource)
        if failure is not None:
            return (failure,)
    for name in connection.spark_properties:
        refused = any(_matches(refusal.names, name) for refusal in connector.refusals)
        if refused and not any(_matches(option, name) for option in connector.options):
            return (
                failed(
                    "GS-TLS-005",
                    resource,
                    found=f"SparkProperties with {shown_name(name)}",
                    required="no such property",
                    fix=f"remove {shown_name(name)} from the connection",
                ),
            )
    return (
        passed("GS-TLS-011", resource, f"a connection of type {kind}"),
        passed("GS-TLS-006", resource, "TLS is not turned off in the connection"),
        passed("GS-TLS-008", resource, "no password in the properties of the connection"),
        passed("GS-TLS-005", resource, "no property of the connection changes the server"),
    )


def _failure(connector: Connector, name: str, value: str, resource: str) -> Finding | None:
    """Return the failed finding for an option that is not accepted, None for an accepted one."""
    if name.lower() in _URIS and not connector.needs_entry:
        return check_mongodb_uri(name, value, resource)
    if name.lower() in {option.lower() for option in connector.options}:
        return None
    refusal = next((each for each in connector.refusals if _matches(each.names, name)), None)
    if refusal is None:
        if any(_matches(option, name) for option in connector.options):
            return _secret_failure(name, value, resource) if connector.needs_entry else None
        return failed(
            "GS-TLS-005",
            resource,
            found=f"option {shown_name(name)}, which glue-secure does not know for {connector.name}",
            required="an option of docs/connectors.md",
            fix=f"check its spelling, or remove {shown_name(name)} from the call",
        )
    if any(_matches(accepted, value) for accepted in refusal.accepted):
        return None
    is_secret = refusal.control == "GS-TLS-008"
    shown = " (value not shown)" if is_secret else f"={shown_value(value)}"
    required = " or ".join(refusal.accepted) or f"no such option of {connector.name}"
    if is_secret:
        required = "credentials in Secrets Manager, or the job's IAM role"
    needs_connection = is_secret or refusal.reason == OTHER_SERVER
    return failed(
        refusal.control,
        resource,
        found=f"option {shown_name(name)}{shown}: {refusal.reason}",
        required=required,
        fix=f"remove {shown_name(name)} from the call"
        + (_connection_fix(connector) if needs_connection else ""),
    )


def _secret_failure(name: str, value: str, resource: str) -> Finding | None:
    """Return the failure of a value with a password in it, None without one; ``${NAME}`` is a placeholder."""
    text = _PLACEHOLDER.sub("", value)
    if redact_text(text) == text:
        return None
    return failed(
        "GS-TLS-008",
        resource,
        found=f"option {shown_name(name)} (value not shown) with a credential",
        required="credentials in Secrets Manager",
        fix="name the secret with secretId, write ${username} and ${password} in the option, and change the "
        "password",
    )


def _matches(names: str, text: str) -> bool:
    """Return whether a text is one of the names, in any letter case; ``*`` stands for any text."""
    return any(fnmatchcase(text.lower(), name.lower()) for name in names.split())


def _connection_fix(connector: Connector) -> str:
    if not connector.connection_types:
        return ", and grant the job's role the access"
    types = " or ".join(connector.connection_types)
    return f", and name a Glue connection of type {types} with a secret: connectionName"


def check_mongodb_uri(name: str, uri: str, resource: str) -> Finding | None:
    """Return the failure of a MongoDB URI with credentials or weaker TLS, None if it is accepted."""
    try:
        parts = urlsplit(uri)
        has_login = "@" in parts.netloc
        query = [
            (key.lower(), value.lower()) for key, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
    except ValueError:
        parts, has_login, query = urlsplit(""), False, []
    if parts.scheme not in ("mongodb", "mongodb+srv"):
        return failed(
            "GS-TLS-007",
            resource,
            found=f"{name} (not shown), which is not mongodb://HOST:PORT or mongodb+srv://HOST",
            required="such a URI",
            fix=f"correct {name}",
        )
    if has_login:
        return failed(
            "GS-TLS-008",
            resource,
            found=f"{name} (not shown) with a user or password",
            required="a URI without a login",
            fix="name a Glue connection of type MONGODB with a secret, and change the password",
        )
    for key, value in query:
        if value != _MONGODB_OFF.get(key, value):
            return failed(
                "GS-TLS-001",
                resource,
                found=f"{key}={shown_value(value)} in {name}",
                required=f"{key}={_MONGODB_OFF[key]}, or no such option",
                fix=f"remove {key} from {name}",
            )
    return None
