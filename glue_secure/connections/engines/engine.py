"""The vocabulary of the table of engines: what an engine and a driver's option are. No engine stands here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum


class Opening(str, Enum):
    """How a client of the engine asks its server for TLS."""

    POSTGRESQL = "postgresql"  # SSLRequest, one byte back; Redshift took it over
    MYSQL = "mysql"  # the server greets, the client answers with SSLRequest; MariaDB likewise
    TDS = "tds"  # SQL Server: PRELOGIN, and the handshake inside of its packets
    TLS = "tls"  # TLS from the first byte: Oracle's TCPS


class Rule(str, Enum):
    """How an option of a driver is judged."""

    HARMLESS = "harmless"  # allowed where its value matches the pattern
    TLS = "tls"  # decides how the server is verified; only the forced value is allowed
    CREDENTIAL = "credential"  # belongs in Secrets Manager
    ADDRESS = "address"  # a second way of naming the server
    REFUSED = "refused"  # runs code, leaks, or changes the session in a way that cannot be judged


@dataclass(frozen=True, slots=True)
class DriverOption:
    """One option of a driver.

    Attributes:
        name: as the driver spells it; pgjdbc ignores any other letter case.
        rule: how it is judged.
        values: HARMLESS and TLS: the pattern that the whole value must match; ``""`` matches none.
        why: TLS and REFUSED: what the option would do, as the end of a sentence.
    """

    name: str
    rule: Rule
    values: str = ""
    why: str = ""

    def accepts(self, value: str) -> bool:
        """Whether the option may stand with this value."""
        return bool(self.values) and re.fullmatch(self.values, value) is not None


@dataclass(frozen=True, slots=True)
class BundledDriver:
    """The driver that one version of Glue brings.

    Attributes:
        glue: ``4.0``, ``5.x`` or ``6.0``.
        version: the driver's.
        by_itself: how it connects where nobody says anything.
    """

    glue: str
    version: str
    by_itself: str


@dataclass(frozen=True, slots=True)
class Engine:
    """A database engine.

    Attributes:
        name: as in its URL (``postgresql``) and in Glue's ``JDBC_ENGINE``.
        url_prefix: what its JDBC URLs begin with.
        opening: how its server is asked for TLS, for the preflight.
        driver: the driver's class.
        default_port: the driver's own.
        forced: driver options that force full verification, all but the certificate.
        anchor_option: the driver option that takes the trust anchor as PEM text; ``""`` where the
            driver has none.
        anchor_store: options that name a PKCS #12 file with the trust anchor instead, with ``{path}``,
            ``{url}`` (of that path) and ``{password}`` where those go.
        session_query: asks the server, in the session itself, how the session is protected;
            one row ``ssl`` (boolean, or 0 and 1), ``version``, ``cipher`` (text, null without TLS), ``bits``
            (integer); ``""`` where the engine does not tell its users; then ``tried`` decides.
        session_source: what that query asks, for messages and evidence.
        defaults: harmless options that a call or connection may change: how fast rows travel.
        options: every option that is known.
        url_form: the one form of URL that is read, a pattern with groups ``address``, ``database`` and
            ``options``; ``""`` for PostgreSQL, whose reader is older than this table.
        bare_form: the URL without options, to be filled with ``host``, ``port`` and ``database``.
        spark_form: what Spark is given in the bare form's place; ``""`` for the bare form.
        name_option: the driver option that names the server on its certificate, which
            ``CUSTOM_JDBC_CERT_STRING`` becomes; ``""`` where the driver has none that is used here.
        plain_form: URLs that mean a connection without TLS, a pattern; ``""`` where the URL cannot say so.
        separator: between two options of the URL.
        database_options: options of the URL that name the database, where its path does not.
        wanted: the option of full verification, for messages.
        drivers: what Glue brings: its version, the driver's, and what that driver does by itself.
        tried: version and SHA-256 of the driver's jars that were seen to say nothing to a server that they
            should not trust (tests/integration/connections); needed where there is no ``session_query``.
    """

    name: str
    url_prefix: str
    opening: Opening
    driver: str = field(default="", repr=False)
    default_port: int = field(default=0, repr=False)
    forced: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    anchor_option: str = field(default="", repr=False)
    session_query: str = field(default="", repr=False)
    session_source: str = field(default="", repr=False)
    defaults: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    options: tuple[DriverOption, ...] = field(default=(), repr=False)
    anchor_store: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    url_form: str = field(default="", repr=False)
    bare_form: str = field(default="", repr=False)
    spark_form: str = field(default="", repr=False)
    name_option: str = field(default="", repr=False)
    plain_form: str = field(default="", repr=False)
    separator: str = field(default="&", repr=False)
    database_options: tuple[str, ...] = field(default=(), repr=False)
    wanted: str = field(default="sslmode=verify-full", repr=False)
    drivers: tuple[BundledDriver, ...] = field(default=(), repr=False)
    tried: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def option(self, name: str) -> DriverOption | None:
        """The option of that name in any letter case, None where it is unknown."""
        lowered = name.lower()
        return next((option for option in self.options if option.name.lower() == lowered), None)


def options_of(
    harmless: dict[str, str],
    tls: tuple[tuple[str, str, str], ...],
    credentials: str,
    addresses: str,
    refused: dict[str, str],
) -> tuple[DriverOption, ...]:
    """One engine's options from its five lists; ``refused`` is reason -> names with spaces between."""
    return (
        *(DriverOption(name, Rule.HARMLESS, values) for name, values in harmless.items()),
        *(DriverOption(name, Rule.TLS, values, why) for name, values, why in tls),
        *(DriverOption(name, Rule.CREDENTIAL) for name in credentials.split()),
        *(DriverOption(name, Rule.ADDRESS) for name in addresses.split()),
        *(
            DriverOption(name, Rule.REFUSED, why=why)
            for why, names in refused.items()
            for name in names.split()
        ),
    )
