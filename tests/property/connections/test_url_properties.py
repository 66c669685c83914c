"""Accepted URLs mean the same server and full verification to the driver, for any text."""

from __future__ import annotations

import contextlib
import ipaddress
from urllib.parse import unquote_plus

from hypothesis import example, given
from hypothesis import strategies as st

from glue_secure.connections.engines.engine import OptionRule
from glue_secure.connections.engines.registry import POSTGRESQL
from glue_secure.connections.jdbc import plan_connection, tls_options
from glue_secure.connections.url import JdbcUrl, read_url
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError, UsageError

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
# pg_service.conf names that pgjdbc 42.7.3 translates in URLs too (PGPropertyUtil).
_TRANSLATED = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDBNAME"}


def as_the_driver_reads(url: str) -> dict[str, str] | None:
    """Return the result of pgjdbc 42.7.3's ``Driver.parseURL``, as measured; None if it rejects the URL."""
    server, _, query = url.partition("?")
    if not server.startswith("jdbc:postgresql:"):
        return None
    server, read = server[len("jdbc:postgresql:") :], {}
    if server.startswith("//"):
        authority, slash, database = server[2:].partition("/")
        if not slash or "/" in database:
            return None
        hosts, ports = [], []
        for address in authority.split(","):
            at = address.rfind(":")
            if at != -1 and address.rfind("]") < at:
                hosts.append(address[:at] or "localhost")
                ports.append(address[at + 1 :])
            else:
                hosts.append(address)
                ports.append("5432")
        read = {"PGHOST": ",".join(hosts), "PGPORT": ",".join(ports), "PGDBNAME": unquote_plus(database)}
    else:
        read = {"PGHOST": "localhost", "PGPORT": "5432", "PGDBNAME": unquote_plus(server)}
    for token in filter(None, query.split("&")):
        name, equals, value = token.partition("=")
        read[_TRANSLATED.get(name, name) if equals else name] = unquote_plus(value)
    return read


def assert_read_alike(url: str, passed: JdbcUrl) -> None:
    read = as_the_driver_reads(url)
    assert read is not None
    host = read.pop("PGHOST")
    if host.startswith("["):
        assert ipaddress.ip_address(host[1:-1]) == ipaddress.ip_address(passed.host)
    else:
        assert host.lower() == passed.host
    assert (read.pop("PGPORT"), read.pop("PGDBNAME")) == (str(passed.port), passed.database)
    assert read == dict(passed.options)
    lowered = {name.lower(): value for name, value in read.items()}
    assert lowered.get("sslmode", "verify-full") == "verify-full" and lowered.get("ssl", "true") == "true"
    for name, value in read.items():
        option = POSTGRESQL.option(name)
        assert option is not None and option.accepts(value)


_pieces = st.sampled_from(
    [
        "jdbc:",
        "postgresql:",
        "jdbc:postgresql:",
        "jdbc:postgresql://",
        "//",
        "/",
        "?",
        "&",
        "=",
        ":",
        ",",
        "@",
        ";",
        "#",
        "%",
        "%20",
        "%3d",
        "%26",
        "%3f",
        "%2d",
        "%64",
        "+",
        " ",
        "\\",
        "\n",
        "\x00",
        "[",
        "]",
        "[::1]",
        "db",
        "evil",
        "5432",
        "0",
        "99999",
        "127.0.0.1",
        "0x7f",
        "ops",
        "sslmode",
        "SSLMODE",
        "ssl",
        "verify-full",
        "require",
        "disable",
        "prefer",
        "true",
        "false",
        "sslmode=verify-full",
        "sslmode=disable",
        "ssl=false",
        "ApplicationName",
        "connectTimeout=5",
        "user=x",
        "password=y",
        "PGHOST=evil",
        "host=evil",
        "service=x",
        "sslfactory=org.postgresql.ssl.NonValidatingFactory",
        "sslhostnameverifier=x",
        "ä",
        "٣",
    ]
)
_soup = st.lists(_pieces, max_size=14).map("".join)
_tail = st.lists(_pieces, max_size=8).map("".join).map(lambda text: "jdbc:postgresql://db:5432/ops" + text)
_queries = st.lists(
    st.tuples(
        st.sampled_from([*sorted(o.name for o in POSTGRESQL.options), "SSLMODE", "SslMode", "x", ""]),
        st.sampled_from(
            ["verify-full", "disable", "require", "true", "false", "5", "any", "x y", "%64isable", ""]
        ),
    ),
    max_size=4,
).map(lambda pairs: "jdbc:postgresql://db/ops?" + "&".join(f"{n}={v}" for n, v in pairs))


@given(st.one_of(_soup, _tail, _queries, st.text(max_size=60)))
@example("jdbc:postgresql://db/ops?sslmode=verify-full&connectTimeout=5")
@example("jdbc:postgresql://[::1]:5432/ops")
@example("jdbc:postgresql://db/ops?useSpnego=false")
def test_an_accepted_url_has_the_same_meaning_for_the_driver(url):
    try:
        passed = read_url(url)
    except RefusedError as refusal:
        assert refusal.control in {"GS-TLS-001", "GS-TLS-005", "GS-TLS-007", "GS-TLS-008", "GS-TLS-011"}
        return
    assert_read_alike(url, passed)
    assert_read_alike(str(passed), passed)


_label = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?", fullmatch=True)
_names = st.lists(_label, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
_hosts = st.one_of(
    _names,
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6)
    .filter(lambda a: a.ipv4_mapped is None)
    .map(lambda a: ":".join(format(int(g, 16), "x") for g in a.exploded.split(":"))),
)
_values = {
    "ApplicationName": st.sampled_from(["job", "night run", "a:b", "flights (curated)"]),
    "connectTimeout": st.integers(0, 999).map(str),
    "currentSchema": st.sampled_from(["public", "a,b", "größe"]),
    "readOnly": st.sampled_from(["true", "false"]),
    "sslmode": st.just("verify-full"),
    "ssl": st.just("true"),
}
_options = st.lists(st.sampled_from(sorted(_values)), unique=True).flatmap(
    lambda names: st.tuples(*(st.tuples(st.just(name), _values[name]) for name in names))
)
_urls = st.builds(
    JdbcUrl,
    engine=st.just(POSTGRESQL),
    host=_hosts,
    port=st.integers(1, 65535),
    database=st.from_regex(r"[\w$.-]{1,63}", fullmatch=True),
    options=_options,
)


@given(_urls)
def test_a_url_survives_a_round_trip(url):
    assert read_url(str(url)) == url
    assert_read_alike(str(url), url)


@given(st.from_regex(r"[A-Za-z0-9]{12}", fullmatch=True), _soup)
def test_no_error_shows_a_password(secret, soup):
    for url in (
        f"jdbc:postgresql://app:{secret}@db/ops?{soup}",
        f"jdbc:postgresql://app:x{secret}/ops{soup}",
        f"jdbc:postgresql://db/ops?user=app&password={secret}{soup}",
        f"jdbc:postgresql://db/ops?sslmode=require&PassWord={secret}&{soup}",
        f"jdbc:postgresql://db/ops?sslpassword={secret}&{soup}",
    ):
        try:
            read_url(url)
        except RefusedError as refusal:
            assert secret not in str(refusal)
        else:
            raise AssertionError(url)


_any_case = st.sampled_from(
    [*sorted(o.name for o in POSTGRESQL.options), "enforceSSL", "url", "dbtable"]
).flatmap(lambda name: st.sampled_from([name, name.lower(), name.upper(), name.swapcase(), name + " "]))


@given(
    st.dictionaries(_any_case, st.sampled_from(["verify-full", "disable", "true", "false", "5", True, "x"]))
)
def test_no_option_of_a_call_weakens_the_plan(options):
    connection = GlueConnection(
        "ops",
        "JDBC",
        {"JDBC_CONNECTION_URL": "jdbc:postgresql://db/ops", "JDBC_ENFORCE_SSL": "true", "SECRET_ID": "s"},
    )
    with contextlib.suppress(RefusedError, UsageError):
        plan = plan_connection(connection, options)
        assert plan.url == "jdbc:postgresql://db:5432/ops"
        forced = tls_options(plan, PEM)
        assert {**dict(plan.driver_options), **forced}.items() >= forced.items()
        for name, _ in plan.driver_options:
            option = POSTGRESQL.option(name)
            assert option is not None and option.rule is OptionRule.HARMLESS and option.name == name
