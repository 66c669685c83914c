"""From a Glue connection and a call's options to one plan of how to connect. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.errors import Refusal
from glue_secure.core.identifiers import S3Uri
from glue_secure.jdbc.engines import POSTGRESQL, Engine, Rule
from glue_secure.jdbc.hosts import normal_host
from glue_secure.jdbc.options import judge_options
from glue_secure.jdbc.properties import certificate, check_properties
from glue_secure.jdbc.url import JdbcUrl, parse_url

_ONE_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\n?")


@dataclass(frozen=True, slots=True)
class JdbcPlan:
    """How to connect: nothing in it is secret, nothing weaker than full verification can be.

    Attributes:
        connection: the Glue connection's name.
        engine: the database engine.
        host: as in :class:`~glue_secure.jdbc.url.JdbcUrl`.
        port: 1 to 65535.
        database: its name.
        url: the JDBC URL without any option; every option travels beside it, because pgjdbc lets
            the URL win over its properties.
        driver: the driver's class.
        certificate: where the authority's PEM file lies; None means the system's roots.
        secret_id: of the secret with username and password.
        driver_options: harmless options, the connection's and over them the caller's.
        reader_options: the caller's options for reading or writing rows, not looked into here.
    """

    connection: str
    engine: Engine
    host: str
    port: int
    database: str
    url: str
    driver: str
    certificate: S3Uri | None
    secret_id: str
    driver_options: tuple[tuple[str, str], ...]
    reader_options: tuple[tuple[str, object], ...]


def plan_connection(connection: GlueConnection, options: Mapping[str, object]) -> JdbcPlan:
    """Judge a connection and a call's options, and plan the connection that both allow.

    Args:
        connection: as the Data Catalog returned it.
        options: the call's ``connection_options`` or ``additional_options``.

    Raises:
        Refusal: GS-TLS-001 (weaker mode in the URL), -002 (a name to verify instead of the host's),
            -005 (an option or property that overrides or is unknown), -006 (TLS not enforced),
            -007 (URL), -008 (credentials in plain text, or no SECRET_ID), -011 (engine or driver),
            -012 (CUSTOM_JDBC_CERT).
        UsageError: an option given twice, or of the wrong form.
    """
    properties = check_properties(connection)
    resource = f"connection {connection.name}"
    url = _url(properties, resource)
    judged = judge_options(
        url.engine, connection.name, options, certificate=properties.get("CUSTOM_JDBC_CERT", "")
    )
    if judged.database:
        # Through the parser, so that the caller's database is held to the same form as the URL's.
        url = parse_url(str(replace(url, database=judged.database)), resource=resource)
    names = {option.name for option in url.engine.options if option.rule is Rule.HARMLESS}
    harmless = {name: value for name, value in url.options if name in names}
    harmless.update(judged.driver)
    return JdbcPlan(
        connection=connection.name,
        engine=url.engine,
        host=url.host,
        port=url.port,
        database=url.database,
        url=url.bare,
        driver=url.engine.driver,
        certificate=certificate(connection),
        secret_id=properties["SECRET_ID"],
        driver_options=tuple(sorted(harmless.items())),
        reader_options=judged.reader,
    )


def tls_options(plan: JdbcPlan, anchor_pem: str) -> dict[str, str]:
    """The driver options that force full verification against one trust anchor.

    The certificate travels as text, so executors need no file. pgjdbc's SingleCertValidatingFactory
    builds the chain to that one certificate (signatures and dates, by PKIX), and the driver compares
    the name whatever the factory, because ``sslmode`` is ``verify-full``.

    Args:
        plan: of :func:`plan_connection`.
        anchor_pem: ``anchor_pem`` of the probe's TlsFacts.

    Raises:
        Refusal: GS-TLS-012, the text is not exactly one PEM certificate. The factory would take
            ``env:``, ``file:`` and other prefixes for the place of a certificate.
    """
    if not _ONE_CERTIFICATE.fullmatch(anchor_pem):
        raise Refusal(
            "GS-TLS-012",
            resource=f"connection {plan.connection}",
            found="a trust anchor that is not one PEM certificate",
            required="the certificate that anchors the server's chain, as the preflight found it",
            fix="pass anchor_pem of the preflight's facts",
        )
    return {**dict(plan.engine.forced), plan.engine.anchor_option: anchor_pem}


def driver_properties(plan: JdbcPlan, anchor_pem: str, credentials: Credentials) -> dict[str, str]:
    """Everything that the driver is given beside ``plan.url``. Holds the password: never log it.

    The TLS options come last, so that nothing can stand in their place.
    """
    return {
        **dict(plan.driver_options),
        "user": credentials.user,
        "password": credentials.password,
        **tls_options(plan, anchor_pem),
    }


def _url(properties: Mapping[str, str], resource: str) -> JdbcUrl:
    """The connection's URL, or the one that HOST, PORT and DATABASE make; where both stand they agree."""
    given, host = properties.get("JDBC_CONNECTION_URL", ""), properties.get("HOST", "")
    if given:
        url = parse_url(given, resource=resource)
        for name, value in (("HOST", url.host), ("PORT", str(url.port)), ("DATABASE", url.database)):
            said = properties.get(name, value)
            if name == "HOST":
                said = _bracketed(said) or ""
            if said != value:
                raise _disagree(resource, name)
        return url
    if not host:
        raise Refusal(
            "GS-TLS-007",
            resource=resource,
            found="neither JDBC_CONNECTION_URL nor HOST",
            required="JDBC_CONNECTION_URL, or HOST, PORT and DATABASE",
            fix="set JDBC_CONNECTION_URL in the connection",
        )
    normal = _bracketed(host)
    port = properties.get("PORT", str(POSTGRESQL.default_port))
    if normal is None or not re.fullmatch(r"[0-9]{1,5}", port):
        raise _disagree(resource, "HOST" if normal is None else "PORT", "is missing or odd")
    authority = f"[{normal}]" if ":" in normal else normal
    database = quote(properties.get("DATABASE", ""), safe="")
    return parse_url(f"{POSTGRESQL.url_prefix}//{authority}:{port}/{database}", resource=resource)


def _bracketed(host: str) -> str | None:
    return normal_host(f"[{host}]" if ":" in host and not host.startswith("[") else host)


def _disagree(resource: str, name: str, how: str = "is not what JDBC_CONNECTION_URL says") -> Refusal:
    return Refusal(
        "GS-TLS-007",
        resource=resource,
        found=f"the connection's {name} {how}",
        required="one server, named once",
        fix=f"correct or remove {name} in the connection",
    )
