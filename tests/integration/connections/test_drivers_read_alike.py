"""The real drivers interpret every accepted URL as full verification of the same server.

Measured behaviour of the drivers:

- Both versions of mssql-jdbc use the last of two equal options.
- Redshift's driver accepts names in any letter case, uses the last of two equal options, and defaults to
VERIFY_CA.
- Connector/J interprets ``useSSL=true&verifyServerCertificate=true`` as VERIFY_CA: the name is not compared.
- MariaDB's driver accepts names in any letter case and uses no TLS by default.
- Oracle's ``tcps://`` form compares the name by default; ``ssl_server_dn_match=off`` in the URL appears in
  the DESCRIPTION, besides the property. The driver does not parse one-letter hosts, or services with a ``$``.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError

from glue_secure.connections.engines.engine import DatabaseEngine, OptionRule
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.jdbc import plan_connection
from glue_secure.connections.url import JdbcUrl, normalize_host
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError, UsageError

CORPUS = Path(__file__).parents[2] / "vectors" / "jdbc_downgrades.csv"
with (CORPUS.parent / "jdbc_accepted.csv").open(encoding="utf-8", newline="") as file:
    ACCEPTED = list(csv.DictReader(file))
FULL = {
    "postgresql": "VERIFY_FULL",
    "mysql": "VERIFY_IDENTITY",
    "mariadb": "VERIFY_FULL",
    "sqlserver": "encrypt=true trust=false",
    "sqlserver-9.4": "encrypt=true trust=false",
    "redshift": "VERIFY_FULL",
    "oracle": "tcps dn_match=true",
}
HOSTS = (
    "db.example.com",
    "DB.Example.COM",
    "a_b",
    "192.0.2.7",
    "x-1.y",
    "localhost",
    "db,evil",
    "u:p@db",
    "[::1]",
)
PORTS = ("", ":1", ":5432", ":65535", ":0", ":08", ":x", ":70000")
DATABASES = ("ops", "Ops_1", "a.b", "a-b", "", "a b", "a/b", "a;b", "%61", "a%20b", "a%3Bb", "a+b", "x=y")
# Braces are read by SQL Server's driver only.
BRACED = ("{ops}", "{a b}", "{a;b}", "{a}}b}", "{a{b}", "{a}b", "{a", "a}", " ops ", "{ a }", "{a=b}", "{}")
VALUES = (
    "true",
    "false",
    "TRUE",
    "1",
    "require",
    "disable",
    "verify-full",
    "VERIFY_IDENTITY",
    "VERIFY_CA",
    "x",
    "",
)

WEAKER = {
    "postgresql": (
        "sslmode=disable",
        "sslmode=require",
        "sslfactory=org.postgresql.ssl.NonValidatingFactory",
    ),
    "mysql": ("sslMode=DISABLED", "useSSL=false", "verifyServerCertificate=false"),
    "mariadb": ("sslMode=trust", "sslMode=disable", "disableSslHostnameVerification=true"),
    "sqlserver": ("encrypt=false", "trustServerCertificate=true"),
    "redshift": ("sslmode=verify-ca", "ssl=false"),
    "oracle": ("ssl_server_dn_match=off",),
}


def engine_of(which: str) -> DatabaseEngine:
    return next(engine for engine in ENGINES if engine.name == which.partition("-")[0])


def generated(which: str, count: int, seed: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield URLs and call options: most well formed, with every kind of option, some malformed."""
    engine, chance = engine_of(which), random.Random(seed)
    harmless = [option for option in engine.options if option.rule is OptionRule.HARMLESS]

    def option() -> tuple[str, str]:
        if chance.random() < 0.75:
            known = chance.choice(harmless)
            values = ("5", "true", "UTF-8", "any", "simple", "full", "app", "ops")
            accepted = [value for value in values if known.accepts(value)]
            return known.name, chance.choice(accepted) if accepted else "5"
        known = chance.choice(engine.options)
        name = chance.choice((known.name, known.name, known.name.upper(), known.name.lower()))
        return name, chance.choice(VALUES)

    for _ in range(count):
        mild = chance.random() < 0.7
        host = chance.choice(HOSTS[:6] if mild else HOSTS)
        port = chance.choice(PORTS[:4] if mild else PORTS)
        database = chance.choice(DATABASES[:4] if mild else DATABASES)
        pairs = [option() for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))]
        if engine.database_options:
            database = chance.choice((database, *BRACED)) if chance.random() < 0.5 else database
            pairs.insert(0, (chance.choice(engine.database_options), database))
        separator = chance.choice((";", "&")) if which.startswith("redshift") else engine.separator
        query = obfuscated(separator.join(f"{name}={value}" for name, value in pairs), engine, chance)
        if engine.database_options and chance.random() < 0.3:
            query = chance.choice((f"{query};", f" {query}; ;", query.replace(";", " ; "), f";{query}"))
        head = f"{engine.url_prefix}//{host}{port}"
        if which == "oracle":
            protocol = chance.choice(("tcps", "tcps", "tcps", "tcp"))
            head = f"jdbc:oracle:thin:@{protocol}://{host}{port or ':2484'}"
        if not engine.database_options:
            head += f"/{database}"
        mark = "?" if separator == "&" else separator
        # "database" is an option of Glue that replaces the URL's database.
        pairs = [option() for _ in range(chance.choice((0, 0, 1, 2)))]
        options: dict[str, object] = {name: value for name, value in pairs if name.lower() != "database"}
        yield (f"{head}{mark}{query}" if query else head), options


def obfuscated(query: str, engine: DatabaseEngine, chance: random.Random) -> str:
    """Sometimes add text that parsers interpret differently: escapes, duplicates, unusual separators."""
    if chance.random() < 0.85:
        return query
    name, value = chance.choice(WEAKER[engine.name]).split("=")
    at = chance.randrange(len(name))
    escaped = f"{name[:at]}%{ord(name[at]):02x}{name[at + 1 :]}"
    more = chance.choice(
        (
            f"{escaped}={value}",
            f"{name}=%{ord(value[0]):02X}{value[1:]}",
            f"{name.swapcase()}={value}",
            f"{name}={value}{engine.separator}{name}={value}",
            f" {name}={value}",
            f"{name} ={value}",
            f"x#{name}={value}",
            f"{{{name}}}={{{value}}}",
            f"{name}%3D{value}",
        )
    )
    return engine.separator.join(part for part in (query, more) if part)


def plain(host: str) -> str:
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return normalize_host(bracketed) or f"not a host: {host}"


def connection_to(url: str) -> GlueConnection:
    properties = {"JDBC_CONNECTION_URL": url, "JDBC_ENFORCE_SSL": "true", "SECRET_ID": "s"}
    return GlueConnection("c", "JDBC", properties)


def assert_read_alike(drivers: Any, which: str, count: int, seed: int) -> int:
    passed = 0
    for url, options in generated(which, count, seed):
        try:
            plan = plan_connection(connection_to(url), dict(options))
        except (RefusedError, UsageError):
            continue
        passed += 1
        as_written = drivers.read(which, url, {})
        assert as_written is not None, url
        server = (plan.host, plan.port, plan.database)
        assert (plain(as_written.host), as_written.port, as_written.database or "") == server, url
        bare = JdbcUrl(plan.engine, *server).bare
        as_planned = drivers.read(
            which, bare, {**dict(plan.driver_options), **dict(plan.engine.forced_options)}
        )
        assert as_planned is not None, url
        assert (plain(as_planned.host), as_planned.port, as_planned.database or "") == server, url
        assert as_planned.verification == FULL[which], url
    return passed


@pytest.mark.parametrize("which", FULL)
def test_the_driver_reads_accepted_urls_as_full_verification(drivers: Any, which: str) -> None:
    assert assert_read_alike(drivers, which, 500, 6) > 40


@pytest.mark.parametrize("which", [*FULL, "redshift-2.1.0.29", "oracle-23.3"])
def test_the_driver_reads_every_vector_as_full_verification_of_the_same_server(
    drivers: Any, which: str
) -> None:
    rows = [row for row in ACCEPTED if row["engine"] == which.partition("-")[0]]
    assert len(rows) >= 8
    for row in rows:
        plan = plan_connection(connection_to(row["url"]), {})
        assert_same_server(drivers, which, row["url"], plan, {})
        forced = dict(plan.engine.forced_options)
        if forced.get("encrypt") == "strict":
            continue  # a mode of later drivers: test_drivers_at_the_handshake.py
        read = assert_same_server(drivers, which, plan.url, plan, {**dict(plan.driver_options), **forced})
        assert read.verification == FULL[which.partition("-2")[0]], row["url"]


def assert_same_server(drivers: Any, which: str, url: str, plan: Any, properties: dict[str, str]) -> Any:
    """Assert that the driver reads host, port and database as planned. Return its reading."""
    read = drivers.read(which, url, {"user": "me", **properties})
    assert read is not None, url
    # pgjdbc names the user's own database if the URL names none.
    database = plan.database or ("me" if which == "postgresql" else "")
    assert (plain(read.host), read.port, read.database or "") == (plan.host, plan.port, database), url
    return read


@pytest.mark.parametrize("which", [*FULL, "redshift-2.1.0.29", "oracle-23.3"])
def test_every_documented_option_of_a_driver_has_a_rule(drivers: Any, which: str) -> None:
    engine = engine_of(which)
    names = drivers.documented_options(which)
    assert len(names) > 50
    assert [name for name in names if engine.option(name) is None] == []


@pytest.mark.long
@pytest.mark.parametrize("which", FULL)
def test_the_driver_reads_thousands_of_accepted_urls_as_full_verification(drivers: Any, which: str) -> None:
    assert assert_read_alike(drivers, which, 4000, 7) > 400


@pytest.mark.parametrize(
    ("which", "url", "mode"),
    [
        ("postgresql", "jdbc:postgresql://db/ops", "PREFER"),
        ("mysql", "jdbc:mysql://db/ops", "PREFERRED"),
        ("mysql", "jdbc:mysql://db/ops?useSSL=true", "PREFERRED"),
        ("mysql", "jdbc:mysql://db/ops?useSSL=true&verifyServerCertificate=true", "VERIFY_CA"),
        ("mariadb", "jdbc:mariadb://db/ops", "DISABLE"),
        ("mariadb", "jdbc:mariadb://db/ops?SSLMODE=trust", "TRUST"),
        (
            "sqlserver",
            "jdbc:sqlserver://db;databaseName=ops;Encrypt=true;ENCRYPT=false",
            "encrypt=false trust=false",
        ),
        ("oracle", "jdbc:oracle:thin:@tcp://db:1521/ops", "tcp dn_match=false"),
        ("oracle", "jdbc:oracle:thin:@tcps://db:2484/ops?ssl_server_dn_match=off", "tcps dn_match=off"),
        ("redshift", "jdbc:redshift://db/ops", "VERIFY_CA"),
        ("redshift", "jdbc:redshift://db/ops?ssl=false", "DISABLE"),
    ],
)
def test_the_reference_distinguishes_weaker_modes(drivers: Any, which: str, url: str, mode: str) -> None:
    """Control for the test above: the reference reports weaker modes."""
    assert drivers.read(which, url, {}).verification == mode


@pytest.mark.parametrize("which", ["postgresql", "mysql", "mariadb", "sqlserver", "redshift", "oracle"])
def test_drivers_read_the_corpus_as_weaker(drivers: Any, which: str) -> None:
    """Control for the corpus: the drivers accept its URLs as weaker than full verification."""
    with CORPUS.open(encoding="utf-8", newline="") as file:
        urls = [
            row["text"] for row in csv.DictReader(file) if (row["engine"], row["where"]) == (which, "url")
        ]
    weaker = 0
    for url in urls:
        try:
            read = drivers.read(which, url, {})
        # The driver rejects the URL, or its result does not name exactly one server.
        except (Py4JJavaError, ValueError, AssertionError):
            continue
        weaker += read is not None and read.verification != FULL[which]
    assert weaker >= 5, f"{weaker} of {len(urls)}"
