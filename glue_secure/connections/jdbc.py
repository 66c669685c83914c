"""The plan of a JDBC connection, made from a Glue connection and the options of a call. No network access."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from glue_secure.connections.descriptor import is_subject, same_subject
from glue_secure.connections.engines.engine import DatabaseEngine, OptionRule
from glue_secure.connections.engines.postgresql import POSTGRESQL
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.logins import check_login, login_of
from glue_secure.connections.options import read_options
from glue_secure.connections.properties import check_properties, properties_of
from glue_secure.connections.timeouts import timeout_options
from glue_secure.connections.tls.certificates import certificate_location
from glue_secure.connections.tls.trust_store import TrustStoreFile
from glue_secure.connections.url import (
    JdbcUrl,
    names_host,
    normalize_host,
    read_url,
    url_of_parts,
    with_database,
)
from glue_secure.core.connection import GlueConnection, Login
from glue_secure.core.findings import Finding, enforce, failed, passed, stop
from glue_secure.core.identifiers import S3Uri

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\n?")


@dataclass(frozen=True, slots=True)
class JdbcPlan:
    """How to connect with full verification. It contains no secret.

    Attributes:
        connection: the Glue connection's name.
        engine: the database engine.
        host: as in :class:`~glue_secure.connections.url.JdbcUrl`.
        port: 1 to 65535.
        database: its name.
        url: the JDBC URL without options, as Spark receives it. Options are passed as properties, because in
            pgjdbc an option of the URL has priority over a property.
        driver: class name of the driver.
        certificate: location of the certificate authority's PEM file; None for the system's roots.
        login: the login that the connection names.
        driver_options: harmless options of the connection, overridden by those of the call.
        subject: the distinguished name that the server's certificate must have besides the host's name,
            ``""`` if the connection names none.
        reader_options: the call's options for reading or writing rows, not checked here.
        findings: the passed checks of properties, URL, options and login.
    """

    connection: str
    engine: DatabaseEngine
    host: str
    port: int
    database: str
    url: str
    driver: str
    certificate: S3Uri | None
    login: Login
    driver_options: tuple[tuple[str, str], ...]
    reader_options: tuple[tuple[str, object], ...]
    subject: str = ""
    findings: tuple[Finding, ...] = field(default=(), compare=False, repr=False)


def plan_connection(connection: GlueConnection, options: Mapping[str, object]) -> JdbcPlan:
    """Check a connection and the options of a call, and return the plan to connect.

    Args:
        connection: as the Data Catalog returned it.
        options: the call's ``connection_options`` or ``additional_options``.

    Raises:
        RefusedError: GS-TLS-001 (weaker mode in the URL), -002 (another name to verify), -005 (an option or
            property that is unknown or overrides TLS), -006 (TLS not enforced), -007 (URL), -008 (credentials
            in plain text, or none), -011 (engine or driver), -012 (CUSTOM_JDBC_CERT).
        UsageError: an option is given twice or has an invalid value.
    """
    resource = f"connection {connection.name}"
    findings = list(check_properties(connection))
    properties = properties_of(connection)
    url = _read_url(connection, properties, resource)
    findings += enforce([check_engine(url.engine, connection, properties)])
    findings += enforce([check_parts(url, properties, resource)])
    findings += enforce([check_certificate_name(url, properties, resource)])
    certificate = properties.get("CUSTOM_JDBC_CERT", "")
    call = read_options(url.engine, connection.name, options, certificate=certificate)
    if call.database:
        url = with_database(url, call.database, resource=resource)
    harmless = {option.name for option in url.engine.options if option.rule is OptionRule.HARMLESS}
    driver_options = {name: value for name, value in url.options if name in harmless} | dict(call.driver)
    location = certificate_location(certificate, "CUSTOM_JDBC_CERT", resource=resource)
    login_findings = enforce([check_login(connection, properties, engine=url.engine.name, host=url.host)])
    return JdbcPlan(
        connection=connection.name,
        engine=url.engine,
        host=url.host,
        port=url.port,
        database=url.database,
        url=url.for_spark,
        driver=url.engine.driver,
        certificate=location,
        login=login_of(connection, properties, host=url.host),
        driver_options=tuple(sorted(driver_options.items())),
        reader_options=call.reader,
        subject=url.subject or _subject(url.engine, properties),
        findings=(*findings, *url.findings, *call.findings, *login_findings),
    )


def driver_options(plan: JdbcPlan, anchor_pem: str, store: TrustStoreFile | None = None) -> dict[str, str]:
    """Return all driver options of the plan, except URL, user and password.

    The TLS options come last, so that no other option overrides them.

    Args:
        plan: of :func:`plan_connection`.
        anchor_pem: ``TlsFacts.anchor_pem`` of the probe.
        store: the trust store file, for an engine with ``trust_store_options``.

    Raises:
        RefusedError: GS-TLS-012, as :func:`tls_options`.
        UsageError: a timeout is out of range.
    """
    options = dict(plan.driver_options)
    return {
        **dict(plan.engine.default_options),
        **options,
        **timeout_options(plan.engine, options, plan.connection),
        **tls_options(plan, anchor_pem, store),
    }


def tls_options(plan: JdbcPlan, anchor_pem: str, store: TrustStoreFile | None = None) -> dict[str, str]:
    """Return the driver options that force full verification against one trust anchor.

    If the driver accepts the certificate as text, executors need no file. pgjdbc's
    SingleCertValidatingFactory verifies the chain to this certificate (signatures and dates, by PKIX). The
    driver compares the host name independently of the factory, because ``sslmode`` is ``verify-full``.
    Arguments as :func:`driver_options`.

    Raises:
        RefusedError: GS-TLS-012, ``anchor_pem`` is not exactly one PEM certificate. The factory would
            interpret ``env:``, ``file:`` and other prefixes as a location.
    """
    if not _CERTIFICATE.fullmatch(anchor_pem):
        stop(
            failed(
                "GS-TLS-012",
                f"connection {plan.connection}",
                found="a trust anchor that is not one PEM certificate",
                required="the certificate that anchors the server's chain, as the probe found it",
                fix="pass TlsFacts.anchor_pem of the probe",
            )
        )
    forced = dict(plan.engine.forced_options)
    if plan.engine.anchor_option:
        return {**forced, plan.engine.anchor_option: anchor_pem}
    if store is None:
        raise ValueError(f"{plan.engine.name} needs its trust anchor as a file")
    values = {"path": store.path, "url": store.url, "password": store.password}
    return {
        **forced,
        **{name: template.format_map(values) for name, template in plan.engine.trust_store_options},
    }


def check_engine(
    engine: DatabaseEngine, connection: GlueConnection, properties: Mapping[str, str]
) -> Finding:
    """GS-TLS-011: connection type, JDBC_ENGINE and driver class agree with the engine of the URL.

    A connection without a URL has no second engine: its engine is the one of JDBC_ENGINE or of its type.
    """
    resource = f"connection {connection.name}"
    names = (properties.get("JDBC_ENGINE", "").lower(), connection.connection_type.lower())
    driver = properties.get("JDBC_DRIVER_CLASS_NAME", engine.driver)
    others = [name for name in names if name not in ("", "jdbc", engine.name, *engine.aliases)]
    agree = not others and driver in (engine.driver, *engine.driver_aliases)
    if agree or "JDBC_CONNECTION_URL" not in properties:
        return passed("GS-TLS-011", resource, f"engine {engine.name}, driver {engine.driver}")
    other = others[0] if others else f"JDBC_DRIVER_CLASS_NAME={driver}"
    return failed(
        "GS-TLS-011",
        resource,
        found=f"a JDBC URL of {engine.name} and {other}",
        required="one engine and its own driver",
        fix=f"correct or remove {other.partition('=')[0]} in the connection",
    )


def check_parts(url: JdbcUrl, properties: Mapping[str, str], resource: str) -> Finding:
    """GS-TLS-007: HOST, PORT and DATABASE agree with JDBC_CONNECTION_URL, or are absent."""
    for name, value in (("HOST", url.host), ("PORT", str(url.port)), ("DATABASE", url.database)):
        part = properties.get(name, value)
        if name == "HOST":
            part = _normalize(part) or ""
        if part != value and "JDBC_CONNECTION_URL" in properties:
            return _part_failure(resource, name, "is not the one of JDBC_CONNECTION_URL")
    return passed("GS-TLS-007", resource, f"one server: {url.host}:{url.port}")


def check_certificate_name(url: JdbcUrl, properties: Mapping[str, str], resource: str) -> Finding:
    """GS-TLS-002: CUSTOM_JDBC_CERT_STRING allows no server but the connection's, or is absent.

    Glue passes it to SQL Server's driver as ``hostNameInCertificate`` and to Oracle's as
    ``SSL_SERVER_CERT_DN``. Here the host's own name is always compared; for Oracle, the distinguished name is
    compared as well, when the server is verified.
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-connections-connections.html
    """
    text = properties.get("CUSTOM_JDBC_CERT_STRING", "")
    if not text:
        return passed("GS-TLS-002", resource, "the host name is compared: no CUSTOM_JDBC_CERT_STRING")
    if url.engine.descriptors and is_subject(text) and (not url.subject or same_subject(text, url.subject)):
        return passed("GS-TLS-002", resource, "host name and CUSTOM_JDBC_CERT_STRING are compared")
    if url.engine.name_option and names_host(text, url.host):
        return passed("GS-TLS-002", resource, "the host name is compared; CUSTOM_JDBC_CERT_STRING is its own")
    if url.engine.descriptors:
        required = "the distinguished name of the server's certificate, with CN"
    elif url.engine.name_option:
        required = f"{url.host}, or the wildcard of its domain"
    else:
        required = "the server's own host name on its certificate"
    return failed(
        "GS-TLS-002",
        resource,
        found=f"CUSTOM_JDBC_CERT_STRING, which is not supported for {url.engine.name} in this form",
        required=required,
        fix="remove CUSTOM_JDBC_CERT_STRING from the connection, and connect by a name on the certificate",
    )


def check_certificate_subject(plan: JdbcPlan, subject: str, resource: str) -> tuple[Finding, ...]:
    """GS-TLS-002: the server's certificate has the distinguished name that the connection requires.

    Args:
        plan: the result of :func:`plan_connection`.
        subject: of the certificate that the server presented and that was verified, RFC 4514.
        resource: the connection.

    Returns:
        One finding; none if the connection requires no distinguished name.
    """
    if not plan.subject:
        return ()
    if same_subject(plan.subject, subject):
        return (passed("GS-TLS-002", resource, f"the certificate's distinguished name is {subject}"),)
    return (
        failed(
            "GS-TLS-002",
            resource,
            found=f"a certificate for {subject}",
            required=plan.subject,
            fix="correct CUSTOM_JDBC_CERT_STRING (SSL_SERVER_CERT_DN) in the connection, or remove it",
        ),
    )


def _subject(engine: DatabaseEngine, properties: Mapping[str, str]) -> str:
    return properties.get("CUSTOM_JDBC_CERT_STRING", "") if engine.descriptors else ""


def _read_url(connection: GlueConnection, properties: Mapping[str, str], resource: str) -> JdbcUrl:
    """Return the connection's URL, or the URL that HOST, PORT and DATABASE form."""
    text, host = properties.get("JDBC_CONNECTION_URL", ""), properties.get("HOST", "")
    if text:
        return read_url(text, resource=resource)
    if not host:
        stop(
            failed(
                "GS-TLS-007",
                resource,
                found="neither JDBC_CONNECTION_URL nor HOST",
                required="JDBC_CONNECTION_URL, or HOST, PORT and DATABASE",
                fix="set JDBC_CONNECTION_URL in the connection",
            )
        )
    normalized = _normalize(host)
    engine = _named_engine(connection, properties)
    port = properties.get("PORT", str(engine.default_port))
    if normalized is None or not re.fullmatch(r"[0-9]{1,5}", port):
        stop(_part_failure(resource, "HOST" if normalized is None else "PORT", "is invalid"))
    return url_of_parts(engine, normalized, port, properties.get("DATABASE", ""), resource=resource)


def _named_engine(connection: GlueConnection, properties: Mapping[str, str]) -> DatabaseEngine:
    """Return the engine that a connection without a URL names; PostgreSQL if it names none."""
    name = properties.get("JDBC_ENGINE", "") or connection.connection_type
    lowered = name.lower()
    named = [engine for engine in ENGINES if lowered in (engine.name, *engine.aliases)]
    return next((engine for engine in named if engine.name == lowered), named[0] if named else POSTGRESQL)


def _normalize(host: str) -> str | None:
    return normalize_host(f"[{host}]" if ":" in host and not host.startswith("[") else host)


def _part_failure(resource: str, name: str, problem: str) -> Finding:
    return failed(
        "GS-TLS-007",
        resource,
        found=f"the connection's {name} {problem}",
        required="one server, named once",
        fix=f"correct or remove {name} in the connection",
    )
