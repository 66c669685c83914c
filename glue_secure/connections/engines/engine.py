"""The types that describe a database engine, its JDBC driver and the driver's options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

# Patterns of values that several drivers share. Letter case is the drivers' own: they ignore it.
NUMBER = r"-?[0-9]{1,19}"
BOOLEAN = "(?i:true|false)"
OFF = "(?i:false|no|off|0)"
ON = "(?i:true|yes|on|1)"
TEXT = r"[A-Za-z0-9_](?:[A-Za-z0-9 _.,:()/-]{0,126}[A-Za-z0-9_.)-])?"
ANY_VALUE = r"[A-Za-z0-9 _.,:()/+-]{0,128}"
TLS_VERSIONS = r"TLSv1\.2|TLSv1\.2,TLSv1\.3|TLSv1\.3,TLSv1\.2"

# Reasons that several engines share, as clauses for error messages.
ANOTHER_AUTHORITY = "the option names a certificate authority other than CUSTOM_JDBC_CERT"
ANOTHER_SOCKET = "another class, or a proxy, opens the connection"
CLIENT_CERTIFICATE = "client certificates are not supported"
CLASS = "the option names a class to run"
PROTOCOLS = "the option chooses protocols or ciphers that the preflight does not check"
DIRECTORY_LOGIN = "Kerberos, Windows and directory logins are not supported"
SERVER_SETTINGS = "the option sets server variables or runs SQL"
TRACE = "the option writes queries with their parameters to a log or file"
ONE_SERVER = "the option has no effect with one server"


class TlsNegotiation(str, Enum):
    """How a client of the engine asks the server for TLS."""

    POSTGRESQL = "postgresql"  # SSLRequest, answered by one byte; Redshift uses the same protocol
    MYSQL = "mysql"  # the server sends a greeting, the client answers with SSLRequest; MariaDB likewise
    TDS = "tds"  # SQL Server: PRELOGIN, with the handshake inside its packets
    TDS_STRICT = "tds-strict"  # TDS 8: TLS from the first byte, with ALPN
    TLS = "tls"  # TLS from the first byte: Oracle TCPS, Kafka


class OptionRule(str, Enum):
    """The rule that applies to one option of a driver."""

    HARMLESS = "harmless"  # accepted if the value matches the pattern
    IGNORED = "ignored"  # accepted if the value matches the pattern, and not passed to the driver
    TLS = "tls"  # decides how the server is verified; only values that mean the forced one are accepted
    CREDENTIAL = "credential"  # rejected; belongs in Secrets Manager
    ADDRESS = "address"  # rejected; a second way to name the server
    REFUSED = "refused"  # rejected, except for values that turn its effect off, which are not passed on


class NameEncoding(str, Enum):
    """How a driver reads special characters in the URL's database name and option values."""

    PERCENT = "percent"  # percent-decoded
    BRACES = "braces"  # {any text}, with }} for one }
    PLAIN = "plain"  # as written


@dataclass(frozen=True, slots=True)
class DriverOption:
    """One option of a driver.

    Attributes:
        name: the driver's spelling.
        rule: the rule that applies.
        values: HARMLESS, IGNORED, TLS and REFUSED: the pattern that the whole value must match to be
            accepted; ``""`` matches no value.
        reason: IGNORED, TLS and REFUSED: the effect of the option, as a clause for error messages and docs.
    """

    name: str
    rule: OptionRule
    values: str = ""
    reason: str = ""

    def accepts(self, value: str) -> bool:
        """Return whether the option is accepted with this value."""
        return bool(self.values) and re.fullmatch(self.values, value) is not None


@dataclass(frozen=True, slots=True)
class BundledDriver:
    """The driver that one version of Glue includes.

    Attributes:
        glue: ``4.0``, ``5.x`` or ``6.0``.
        version: the driver's version.
        default_behaviour: how the driver connects if no TLS option is set.
    """

    glue: str
    version: str
    default_behaviour: str


@dataclass(frozen=True, slots=True)
class ApprovedDriver:
    """A driver JAR that was tested (GS-TLS-013): it sends nothing to a server with a bad certificate.

    The tests are in tests/integration/connections.

    Attributes:
        version: the driver's version.
        sha256: SHA-256 of the JAR, hexadecimal.
    """

    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DriverRelease:
    """The releases of a driver that enforce the TLS options of a run (GS-TLS-013).

    Attributes:
        artifacts: Maven coordinates ``group:name`` of the driver, the current one first.
        versions: ranges of accepted versions: the first accepted one, and the first one after the range,
            ``""`` for the last range, which has no end.
        recommended: the tested release that an error recommends.
        reason: the change in the least version, as a clause for error messages.
        source: the page that documents the change.
        manifest: a header of the JAR's manifest, the pattern of its value in the driver's own JAR, and the
            header with the version.
        properties_file: a file of the JAR with the line ``version=``; ``""`` if there is none.
        version_constant: a class file of the JAR, and its String constant with the version; ``("", "")`` if
            there is none. Merged JARs have it too.
    """

    artifacts: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    recommended: str
    reason: str
    source: str
    manifest: tuple[tuple[str, str, str], ...] = ()
    properties_file: str = ""
    version_constant: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class DriverTimeout:
    """A time limit of a driver, which every connection has.

    Attributes:
        name: the driver's option.
        default: the value if neither the connection nor the call sets the option.
        maximum: the largest accepted value.
        unit: ``seconds`` or ``milliseconds``.
    """

    name: str
    default: int
    maximum: int
    unit: str


def timeouts(
    connect: str, socket: str, *, login: str = "", milliseconds: str = ""
) -> tuple[DriverTimeout, ...]:
    """Return the timeouts of a driver: 10 seconds to connect, 30 to log in, 2 hours without an answer.

    Args:
        connect: option that limits the connection to the server.
        socket: option that limits the wait for an answer, also to a query.
        login: option that limits connection and login together, ``""`` if there is none.
        milliseconds: the names of the options in milliseconds, separated by spaces.
    """
    limits = ((connect, 10, 600), (login, 30, 600), (socket, 7200, 86400))
    factors = {name: 1000 if name in milliseconds.split() else 1 for name, _, _ in limits}
    return tuple(
        DriverTimeout(
            name,
            default * factors[name],
            maximum * factors[name],
            "milliseconds" if factors[name] == 1000 else "seconds",
        )
        for name, default, maximum in limits
        if name
    )


@dataclass(frozen=True, slots=True)
class DatabaseEngine:
    """A database engine.

    Attributes:
        name: the engine's name in JDBC URLs and in Glue's ``JDBC_ENGINE``.
        url_prefix: prefix of its JDBC URLs.
        aliases: other values of ``connection_type`` with which scripts name this engine.
        negotiation: how a client asks the server for TLS.
        driver: class name of the JDBC driver.
        driver_release: the driver's releases that may be used.
        driver_aliases: older class names of the same driver, which connections may still name.
        default_port: the driver's default port.
        forced_options: driver options that force full verification, except the trust anchor.
        timeouts: the driver's time limits, which every connection has.
        cancels_in_plain_text: whether the driver cancels a query over a second connection without TLS.
        anchor_option: the driver option that takes the trust anchor as PEM text; ``""`` if there is none.
        trust_store_options: driver options that name a PKCS #12 file with the trust anchor, for drivers
            without ``anchor_option``. Placeholders: ``{path}``, ``{url}`` (of that path), ``{password}``.
        session_query: a query for the TLS state of its own session. It returns one row: ``ssl`` (boolean, or
            0 and 1), ``version``, ``cipher`` (text, null without TLS), ``bits`` (integer). ``""`` if the
            engine exposes no such view.
        session_source: the view that ``session_query`` reads, for messages and evidence.
        default_options: harmless driver options that speed up transfer; a call or connection may change them.
        options: all known driver options.
        url_form: the only accepted form of the URL, a pattern with groups ``address``, ``database`` and
            ``options``.
        bare_form: template of the URL without options: ``host``, ``port``, ``database``.
        spark_form: template of the URL that Spark receives; ``""`` for ``bare_form``.
        address_form: template of the URL that Spark receives for an IPv6 address, which is inserted without
            brackets; ``""`` for ``spark_form``.
        plain_tcp_form: pattern of URLs that select a connection without TLS; ``""`` if a URL cannot select
            one.
        separator: separator between two options of the URL.
        encoding: how the driver reads special characters in database names and option values.
        any_case: whether the driver recognizes option names in any letter case.
        database_options: URL options that name the database, for URLs whose path does not.
        descriptors: whether URLs may contain one of Oracle's descriptors.
        needs_database: whether a URL without a database is rejected.
        name_option: the driver option with the name that is compared with the certificate; ``""`` if the
            driver has none.
        options_source: page with the documented options.
        strict: the engine if a URL sets ``verification_option``'s name to ``strict``; None if the engine has
            no such mode.
        verification_option: the option for full verification, for messages.
        bundled_drivers: the drivers that Glue includes.
        approved_drivers: tested JARs, which may be used although they do not state their version.
    """

    name: str
    url_prefix: str
    negotiation: TlsNegotiation
    driver_release: DriverRelease
    aliases: tuple[str, ...] = field(default=(), repr=False)
    driver: str = field(default="", repr=False)
    driver_aliases: tuple[str, ...] = field(default=(), repr=False)
    default_port: int = field(default=0, repr=False)
    forced_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeouts: tuple[DriverTimeout, ...] = field(default=(), repr=False)
    cancels_in_plain_text: bool = field(default=False, repr=False)
    anchor_option: str = field(default="", repr=False)
    session_query: str = field(default="", repr=False)
    session_source: str = field(default="", repr=False)
    default_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    options: tuple[DriverOption, ...] = field(default=(), repr=False)
    trust_store_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    url_form: str = field(default="", repr=False)
    bare_form: str = field(default="", repr=False)
    spark_form: str = field(default="", repr=False)
    address_form: str = field(default="", repr=False)
    plain_tcp_form: str = field(default="", repr=False)
    separator: str = field(default="&", repr=False)
    encoding: NameEncoding = field(default=NameEncoding.PLAIN, repr=False)
    any_case: bool = field(default=True, repr=False)
    database_options: tuple[str, ...] = field(default=(), repr=False)
    descriptors: bool = field(default=False, repr=False)
    needs_database: bool = field(default=False, repr=False)
    name_option: str = field(default="", repr=False)
    options_source: str = field(default="", repr=False)
    strict: DatabaseEngine | None = field(default=None, repr=False, compare=False)
    verification_option: str = field(default="sslmode=verify-full", repr=False)
    bundled_drivers: tuple[BundledDriver, ...] = field(default=(), repr=False)
    approved_drivers: tuple[ApprovedDriver, ...] = field(default=(), repr=False)

    def option(self, name: str) -> DriverOption | None:
        """Return the option of that name in any letter case, None if it is unknown."""
        lowered = name.lower()
        return next((option for option in self.options if option.name.lower() == lowered), None)


def engine_options(
    harmless: Mapping[str, str],
    tls: Iterable[tuple[str, str, str]],
    credentials: str,
    addresses: str,
    refused: Mapping[str, str],
    ignored: Mapping[str, str] | None = None,
) -> tuple[DriverOption, ...]:
    """Return an engine's options.

    Args:
        harmless: pattern of the values → option names, separated by spaces.
        tls: option names, separated by spaces; pattern of their values; reason.
        credentials: option names, separated by spaces.
        addresses: option names, separated by spaces.
        refused: reason → option names, separated by spaces. ``NAME=PATTERN`` accepts the values that turn
            the effect of the option off.
        ignored: reason → option names, separated by spaces.
    """
    return (
        *(
            DriverOption(name, OptionRule.HARMLESS, values)
            for values, names in harmless.items()
            for name in names.split()
        ),
        *(
            DriverOption(name, OptionRule.IGNORED, ANY_VALUE, reason)
            for reason, names in (ignored or {}).items()
            for name in names.split()
        ),
        *(
            DriverOption(name, OptionRule.TLS, values, reason)
            for names, values, reason in tls
            for name in names.split()
        ),
        *(DriverOption(name, OptionRule.CREDENTIAL) for name in credentials.split()),
        *(DriverOption(name, OptionRule.ADDRESS) for name in addresses.split()),
        *(
            DriverOption(name, OptionRule.REFUSED, values, reason)
            for reason, names in refused.items()
            for name, _, values in (part.partition("=") for part in names.split())
        ),
    )
