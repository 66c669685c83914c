"""The reader of JDBC URLs and the downgrades that it refuses."""

from __future__ import annotations

import pytest

from glue_secure.connections.engines.engine import OptionRule
from glue_secure.connections.engines.registry import ENGINES, POSTGRESQL
from glue_secure.connections.url import read_url
from glue_secure.core.errors import RefusedError

DB = "jdbc:postgresql://db.example.com:5432/ops"

WEAKER = [
    *(
        f"sslmode={mode}"
        for mode in (
            "disable", "allow", "prefer", "require", "verify-ca", "DISABLE", "Require", "VERIFY-CA",
            "VERIFY-FULL", "Verify-Full", "verify_full", "verifyfull", "true", "false", "none", "0", "verify",
        )
    ),
    *(f"ssl={value}" for value in ("false", "FALSE", "no", "0", "1", "yes", "TRUE", "require")),
    "SSLMODE=disable",
    "SslMode=require",
    "sslMode=prefer",
    "SSL=false",
    "ssl=true&sslmode=disable",
    "sslmode=require&ssl=true",
    "ApplicationName=x&sslmode=allow",
    "sslfactory=org.postgresql.ssl.NonValidatingFactory",
    "sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory",
    "sslfactory=org.postgresql.ssl.LibPQFactory",
    "SSLFactory=org.postgresql.ssl.NonValidatingFactory",
    "sslmode=verify-full&sslfactory=org.postgresql.ssl.NonValidatingFactory",
    "sslfactory=com.example.TrustAll",
    "sslfactoryarg=file:ca.pem",
    "sslfactoryarg=env:CA",
    "sslfactoryarg=sys:ca",
    "sslhostnameverifier=com.example.AnyName",
    "sslHostnameVerifier=com.example.AnyName",
    "sslrootcert=ca.pem",
    "sslcert=me.pem",
    "sslkey=me.key",
    "sslpasswordcallback=com.example.Callback",
    "sslNegotiation=direct",
    "gssEncMode=require",
    "gssEncMode=prefer",
    "gssEncMode=allow",
    "channelBinding=disable",
    "socketFactory=com.example.Sockets",
    "socketFactoryArg=x",
]  # fmt: skip
CREDENTIALS = [
    f"{DB}?user=app",
    f"{DB}?password=hunter2",
    f"{DB}?user=app&password=hunter2",
    f"{DB}?PASSWORD=hunter2",
    f"{DB}?User=app",
    f"{DB}?sslpassword=hunter2",
    f"{DB}?username=app",
    f"{DB}?pwd=hunter2",
    "jdbc:postgresql://app:hunter2@db.example.com:5432/ops",
    "jdbc:postgresql://app@db.example.com/ops",
    "jdbc:postgresql://app:hun/ter2@db.example.com/ops",
    "jdbc:postgresql://app:hun?ter2@db.example.com/ops",
    "jdbc:postgresql://app:hunter2@db.example.com,db2/ops",
    "jdbc:postgresql:app:hunter2@db.example.com",
    f"{DB}?ApplicationName=app:hunter2@db",
]
REFUSED_OPTIONS = [
    "options=-c%20statement_timeout%3d0",
    "authenticationPluginClassName=com.example.Plugin",
    "loggerFile=driver.log",
    "loggerLevel=TRACE",
    "xmlFactoryFactory=com.example.Xml",
    "replication=database",
    "localSocketAddress=127.0.0.1",
    "ssl.mode=disable",
    "requireAuth=password",
    "kerberosServerName=x",
    "sslmodes=verify-full",
    "notAnOption=1",
]
AMBIGUOUS = [
    # several hosts, and other addresses
    "jdbc:postgresql://db1,db2/ops",
    "jdbc:postgresql://db1:5432,db2:5432/ops",
    "jdbc:postgresql://db1,/ops",
    "jdbc:postgresql://,db1/ops",
    "jdbc:postgresql://db1%2cdb2/ops",
    f"{DB}?PGHOST=evil.example",
    f"{DB}?pghost=evil.example",
    f"{DB}?host=evil.example",
    f"{DB}?hostaddr=192.0.2.1",
    f"{DB}?PGPORT=1",
    f"{DB}?port=1",
    f"{DB}?PGDBNAME=other",
    f"{DB}?dbname=other",
    f"{DB}?service=evil",
    # no host, no database, another form
    "jdbc:postgresql:ops",
    "jdbc:postgresql:",
    "jdbc:postgresql:/ops",
    "jdbc:postgresql://",
    "jdbc:postgresql:///",
    "jdbc:postgresql:///ops",
    "jdbc:postgresql://:5432/ops",
    "jdbc:postgresql://db",
    "jdbc:postgresql://db:5432",
    "jdbc:postgresql://db?sslmode=verify-full",
    "jdbc:postgresql://db/ops/other",
    "jdbc:postgresql://db//ops",
    "jdbc:postgresql:////db/ops",
    # ports
    "jdbc:postgresql://db:/ops",
    "jdbc:postgresql://db:0/ops",
    "jdbc:postgresql://db:05432/ops",
    "jdbc:postgresql://db:65536/ops",
    "jdbc:postgresql://db:99999999999/ops",
    "jdbc:postgresql://db:+5432/ops",
    "jdbc:postgresql://db:-1/ops",
    "jdbc:postgresql://db:5432:6432/ops",
    "jdbc:postgresql://db:٥٤٣٢/ops",
    "jdbc:postgresql://app:hunter2/ops",
    # hosts that resolvers interpret differently
    "jdbc:postgresql://127.1/ops",
    "jdbc:postgresql://2130706433/ops",
    "jdbc:postgresql://0x7f000001/ops",
    "jdbc:postgresql://0x7f.0.0.1/ops",
    "jdbc:postgresql://010.0.0.1/ops",
    "jdbc:postgresql://1.2.3.4.5/ops",
    "jdbc:postgresql://256.1.1.1/ops",
    "jdbc:postgresql://::1/ops",
    "jdbc:postgresql://[::1/ops",
    "jdbc:postgresql://[::1]x:5432/ops",
    "jdbc:postgresql://[fe80::1%25eth0]/ops",
    "jdbc:postgresql://[::ffff:192.0.2.1]/ops",
    "jdbc:postgresql://[db.example.com]/ops",
    "jdbc:postgresql://db.example.com./ops",
    "jdbc:postgresql://-db/ops",
    "jdbc:postgresql://db..example/ops",
    "jdbc:postgresql://*.example.com/ops",
    "jdbc:postgresql://dätenbank/ops",
    "jdbc:postgresql://%64b/ops",
    "jdbc:postgresql://\uff44b/ops",
    # percent encoding
    f"{DB}?sslmode=%64isable",
    f"{DB}?sslmode=verify%2Dfull",
    f"{DB}?ssl%6dode=disable",
    f"{DB}?%73slmode=disable",
    f"{DB}?sslmode=%2",
    f"{DB}?sslmode=%",
    f"{DB}?sslmode=%zz",
    f"{DB}?ApplicationName=%ff",
    f"{DB}?ApplicationName=a%00b",
    f"{DB}?ApplicationName=a%0ab",
    f"{DB}?ApplicationName=a%26sslmode%3ddisable",
    f"{DB}?ApplicationName=a+b",
    "jdbc:postgresql://db/ops%3fsslmode%3ddisable",
    "jdbc:postgresql://db/ops%2fx",
    "jdbc:postgresql://db/%C0%AFx",
    # duplicates
    f"{DB}?sslmode=verify-full&sslmode=disable",
    f"{DB}?sslmode=disable&sslmode=verify-full",
    f"{DB}?sslmode=verify-full&sslmode=verify-full",
    f"{DB}?sslmode=verify-full&SSLMODE=disable",
    f"{DB}?ssl=true&SSL=false",
    # characters that some parser takes for a separator
    f"{DB};sslmode=disable",
    f"{DB}?ApplicationName=x;sslmode=disable",
    f"{DB}#?sslmode=disable",
    f"{DB}?sslmode=verify-full#",
    f"{DB}\\?sslmode=disable",
    "jdbc:postgresql://db\\evil/ops",
    f"{DB}? sslmode=disable",
    f"{DB}?sslmode =disable",
    f"{DB}?sslmode=disable ",
    f" {DB}",
    f"{DB} ",
    f"{DB}\n",
    f"{DB}\t?sslmode=disable",
    f"{DB}?sslmode=verify-full\x00",
    f"{DB}?ApplicationName=“x”",
    # options without name or value, other separators
    f"{DB}?",
    f"{DB}?&",
    f"{DB}?&sslmode=verify-full",
    f"{DB}?sslmode=verify-full&",
    f"{DB}?ssl",
    f"{DB}?=x",
    f"{DB}?ApplicationName=x?sslmode=disable",
    f"{DB}??sslmode=disable",
    f"{DB}?ApplicationName==x",
    # letter case and form
    f"{DB}?SSLMODE=verify-full",
    f"{DB}?SslMode=verify-full",
    f"{DB}?applicationname=x",
    f"{DB}?connectTimeout=ten",
    f"{DB}?preferQueryMode=simple",
    "JDBC:postgresql://db/ops",
    "jdbc:PostgreSQL://db/ops",
    "jdbc:POSTGRESQL://db/ops",
    DB + "?ApplicationName=" + "x" * 4000,
]
OTHER_ENGINES = [
    "jdbc:db2://db/ops",
    "jdbc:pgsql://db/ops",
    "jdbc:postgresql2://db/ops",
    "jdbc:aws-wrapper:postgresql://db/ops",
    "postgresql://db/ops",
    "postgres://app:hunter2@db/ops",
    "",
    "x",
]


def refused(control: str, url: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read_url(url, resource="connection ops")
    assert caught.value.control == control, str(caught.value)
    assert "hunter2" not in str(caught.value) and "ter2" not in str(caught.value)
    assert "\n  found:    " in str(caught.value) and str(caught.value).count("\n") == 4
    return caught.value


@pytest.mark.parametrize("options", WEAKER)
def test_a_weaker_mode_is_refused(options):
    error = refused("GS-TLS-001", f"{DB}?{options}")
    assert "in the URL" in error.found


def test_the_error_names_the_weaker_mode():
    assert refused("GS-TLS-001", f"{DB}?sslmode=require").found.startswith("sslmode=require in the URL")


@pytest.mark.parametrize("url", CREDENTIALS)
def test_credentials_are_refused_and_not_shown(url):
    refused("GS-TLS-008", url)


@pytest.mark.parametrize("options", REFUSED_OPTIONS)
def test_options_with_unknown_effect_are_refused(options):
    refused("GS-TLS-005", f"{DB}?{options}")


@pytest.mark.parametrize("url", AMBIGUOUS)
def test_an_ambiguous_url_is_refused(url):
    refused("GS-TLS-007", url)


@pytest.mark.parametrize("url", OTHER_ENGINES)
def test_unknown_engines_are_refused(url):
    refused("GS-TLS-011", url)


@pytest.mark.parametrize(
    ("url", "host", "port", "database", "options"),
    [
        (DB, "db.example.com", 5432, "ops", ()),
        ("jdbc:postgresql://db/ops", "db", 5432, "ops", ()),
        ("jdbc:postgresql://DB.Example.com/ops", "db.example.com", 5432, "ops", ()),
        ("jdbc:postgresql://my_db-1:65535/o_p$s.x-1", "my_db-1", 65535, "o_p$s.x-1", ()),
        ("jdbc:postgresql://192.0.2.7:1/ops", "192.0.2.7", 1, "ops", ()),
        ("jdbc:postgresql://[2001:db8::1]/ops", "2001:db8:0:0:0:0:0:1", 5432, "ops", ()),
        ("jdbc:postgresql://[2001:0DB8::1]:6/ops", "2001:db8:0:0:0:0:0:1", 6, "ops", ()),
        ("jdbc:postgresql://db/%C3%A4", "db", 5432, "ä", ()),
        ("jdbc:postgresql://db/", "db", 5432, "", ()),
        ("jdbc:postgresql://db/%6fps", "db", 5432, "ops", ()),
        (f"{DB}?sslmode=verify-full", "db.example.com", 5432, "ops", (("sslmode", "verify-full"),)),
        (f"{DB}?ssl=true", "db.example.com", 5432, "ops", (("ssl", "true"),)),
        (
            f"{DB}?ApplicationName=night%20run&connectTimeout=5&sslmode=verify-full",
            "db.example.com",
            5432,
            "ops",
            (("ApplicationName", "night run"), ("connectTimeout", "5"), ("sslmode", "verify-full")),
        ),
        (f"{DB}?currentSchema=a,b", "db.example.com", 5432, "ops", (("currentSchema", "a,b"),)),
    ],
)
def test_a_plain_url_is_read(url, host, port, database, options):
    read = read_url(url)
    assert (read.engine, read.host, read.port, read.database) == (POSTGRESQL, host, port, database)
    assert read.options == options
    assert read_url(str(read)) == read and read_url(read.bare).options == ()


def test_every_option_of_postgresql_has_a_rule():
    names = [option.name.lower() for option in POSTGRESQL.options]
    assert len(names) == len(set(names))
    assert all(option.values for option in POSTGRESQL.options if option.rule is OptionRule.HARMLESS)
    explained = (OptionRule.TLS, OptionRule.REFUSED)
    assert all(option.reason for option in POSTGRESQL.options if option.rule in explained)


def test_forced_options_are_accepted_by_their_own_rules():
    for name, value in POSTGRESQL.forced_options:
        option = POSTGRESQL.option(name)
        assert option is not None and option.name == name and option.accepts(value)


def test_engines_have_different_url_prefixes():
    assert len({engine.url_prefix for engine in ENGINES}) == len(ENGINES)
