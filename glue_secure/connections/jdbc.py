"""From a Glue connection and a call's options to one plan of how to connect. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from glue_secure.connections.engines.registry import ENGINES, POSTGRESQL, Engine, Rule
from glue_secure.connections.hosts import normal_host
from glue_secure.connections.logins import login_of
from glue_secure.connections.options import validate_options
from glue_secure.connections.properties import certificate, check_properties, verified_name
from glue_secure.connections.tls.trust_store import TrustStoreFile
from glue_secure.connections.url import JdbcUrl
from glue_secure.connections.url_forms import read_url, with_database
from glue_secure.core.connection import GlueConnection, Login
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri

_ONE_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\n?")


@dataclass(frozen=True, slots=True)
class JdbcPlan:
    """How to connect: nothing in it is secret, nothing weaker than full verification can be.

    Attributes:
        connection: the Glue connection's name.
        engine: the database engine.
        host: as in :class:`~glue_secure.connections.url.JdbcUrl`.
        port: 1 to 65535.
        database: its name.
        url: the JDBC URL without any option, as Spark is given it; every option travels beside it, because
            pgjdbc lets the URL win over its properties.
        driver: the driver's class.
        certificate: where the authority's PEM file lies; None means the system's roots.
        login: which credentials it names.
        driver_options: harmless options, the connection's and over them the caller's.
        reader_options: the caller's options for reading or writing rows, not looked into here.
        verified_name: the name that the certificate must carry instead of the host's; ``""`` for the host's.
    """

    connection: str
    engine: Engine
    host: str
    port: int
    database: str
    url: str
    driver: str
    certificate: S3Uri | None
    login: Login
    driver_options: tuple[tuple[str, str], ...]
    reader_options: tuple[tuple[str, object], ...]
    verified_name: str = ""


def plan_connection(connection: GlueConnection, options: Mapping[str, object]) -> JdbcPlan:
    """Judge a connection and a call's options, and plan the connection that both allow.

    Args:
        connection: as the Data Catalog returned it.
        options: the call's ``connection_options`` or ``additional_options``.

    Raises:
        RefusedError: GS-TLS-001 (weaker mode in the URL), -002 (a name to verify instead of the host's),
            -005 (an option or property that overrides or is unknown), -006 (TLS not enforced),
            -007 (URL), -008 (credentials in plain text, or none), -011 (engine or driver),
            -012 (CUSTOM_JDBC_CERT).
        UsageError: an option given twice, or of the wrong form.
    """
    properties = check_properties(connection)
    resource = f"connection {connection.name}"
    url = _url(connection, properties, resource)
    judged = validate_options(
        url.engine, connection.name, options, certificate=properties.get("CUSTOM_JDBC_CERT", "")
    )
    if judged.database:
        url = with_database(url, judged.database, resource=resource)
    names = {option.name for option in url.engine.options if option.rule is Rule.HARMLESS}
    harmless = {name: value for name, value in url.options if name in names}
    harmless.update(judged.driver)
    return JdbcPlan(
        connection=connection.name,
        engine=url.engine,
        host=url.host,
        port=url.port,
        database=url.database,
        url=url.for_spark,
        driver=url.engine.driver,
        certificate=certificate(connection),
        login=login_of(connection, properties, engine=url.engine.name, host=url.host),
        driver_options=tuple(sorted(harmless.items())),
        reader_options=judged.reader,
        verified_name=verified_name(connection, url.engine),
    )


def tls_options(plan: JdbcPlan, anchor_pem: str, store: TrustStoreFile | None = None) -> dict[str, str]:
    """The driver options that force full verification against one trust anchor.

    Where the driver takes the certificate as text, executors need no file. pgjdbc's
    SingleCertValidatingFactory builds the chain to that one certificate (signatures and dates, by PKIX), and
    the driver compares the name whatever the factory, because ``sslmode`` is ``verify-full``.

    Args:
        plan: of :func:`plan_connection`.
        anchor_pem: ``anchor_pem`` of the probe's TlsFacts.
        store: where ``anchors.trust_store`` of it lies, for an engine with ``anchor_store``.

    Raises:
        RefusedError: GS-TLS-012, the text is not exactly one PEM certificate. The factory would take
            ``env:``, ``file:`` and other prefixes for the place of a certificate.
    """
    if not _ONE_CERTIFICATE.fullmatch(anchor_pem):
        raise RefusedError(
            "GS-TLS-012",
            resource=f"connection {plan.connection}",
            found="a trust anchor that is not one PEM certificate",
            required="the certificate that anchors the server's chain, as the preflight found it",
            fix="pass anchor_pem of the preflight's facts",
        )
    forced = dict(plan.engine.forced)
    if plan.verified_name:
        forced[plan.engine.name_option] = plan.verified_name
    if plan.engine.anchor_option:
        return {**forced, plan.engine.anchor_option: anchor_pem}
    if store is None:
        raise ValueError(f"{plan.engine.name} takes its trust anchor from a file only")
    told = {"path": store.path, "url": store.url, "password": store.password}
    return {**forced, **{name: form.format_map(told) for name, form in plan.engine.anchor_store}}


def driver_options(plan: JdbcPlan, anchor_pem: str, store: TrustStoreFile | None = None) -> dict[str, str]:
    """Everything that the driver is given beside ``plan.url``, user and password.

    The TLS options come last, so that nothing can stand in their place.
    """
    return {
        **dict(plan.engine.defaults),
        **dict(plan.driver_options),
        **tls_options(plan, anchor_pem, store),
    }


def _url(connection: GlueConnection, properties: Mapping[str, str], resource: str) -> JdbcUrl:
    """The connection's URL, or the one that HOST, PORT and DATABASE make; where both stand they agree."""
    given, host = properties.get("JDBC_CONNECTION_URL", ""), properties.get("HOST", "")
    if given:
        url = read_url(given, resource=resource)
        _require_engine(url.engine, connection, properties, resource)
        for name, value in (("HOST", url.host), ("PORT", str(url.port)), ("DATABASE", url.database)):
            said = properties.get(name, value)
            if name == "HOST":
                said = _bracketed(said) or ""
            if said != value:
                raise _disagree(resource, name)
        return url
    if not host:
        raise RefusedError(
            "GS-TLS-007",
            resource=resource,
            found="neither JDBC_CONNECTION_URL nor HOST",
            required="JDBC_CONNECTION_URL, or HOST, PORT and DATABASE",
            fix="set JDBC_CONNECTION_URL in the connection",
        )
    normal = _bracketed(host)
    engine = _engine_of(connection, properties)
    port = properties.get("PORT", str(engine.default_port))
    if normal is None or not re.fullmatch(r"[0-9]{1,5}", port):
        raise _disagree(resource, "HOST" if normal is None else "PORT", "is missing or odd")
    authority = f"[{normal}]" if ":" in normal else normal
    database = quote(properties.get("DATABASE", ""), safe="")
    return read_url(engine.bare_form.format(host=authority, port=port, database=database), resource=resource)


def _engine_of(connection: GlueConnection, properties: Mapping[str, str]) -> Engine:
    """The engine that a connection without a URL names; PostgreSQL where it names none."""
    said = properties.get("JDBC_ENGINE", "") or connection.connection_type
    return next((engine for engine in ENGINES if engine.name == said.lower()), POSTGRESQL)


def _require_engine(
    engine: Engine, connection: GlueConnection, properties: Mapping[str, str], resource: str
) -> None:
    """Refuse a URL of another engine than the connection names."""
    named = [properties.get("JDBC_ENGINE", "").lower(), connection.connection_type.lower()]
    driver = properties.get("JDBC_DRIVER_CLASS_NAME", engine.driver)
    wrong = [name for name in named if name not in ("", "jdbc", engine.name)]
    if wrong or driver != engine.driver:
        what = f"JDBC_DRIVER_CLASS_NAME={driver}" if not wrong else wrong[0]
        raise RefusedError(
            "GS-TLS-011",
            resource=resource,
            found=f"a JDBC URL of {engine.name} beside {what}",
            required="one engine and its own driver",
            fix=f"correct or remove {what.partition('=')[0]} in the connection",
        )


def _bracketed(host: str) -> str | None:
    return normal_host(f"[{host}]" if ":" in host and not host.startswith("[") else host)


def _disagree(resource: str, name: str, how: str = "is not what JDBC_CONNECTION_URL says") -> RefusedError:
    return RefusedError(
        "GS-TLS-007",
        resource=resource,
        found=f"the connection's {name} {how}",
        required="one server, named once",
        fix=f"correct or remove {name} in the connection",
    )
