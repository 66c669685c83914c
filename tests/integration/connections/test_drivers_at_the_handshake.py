"""The real drivers at the TLS handshake, with exactly the options of a run.

The servers implement the start of the protocol and TLS, and record the bytes that the driver sends after the
handshake. After a good handshake the driver logs in; after a bad one it must send nothing.
"""

from __future__ import annotations

import zipfile
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from glue_secure.connections.driver_jar import check_driver, read_driver_jar
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.jdbc import JdbcPlan, driver_options
from glue_secure.connections.tls.trust_store import TrustStoreFile, trust_store
from glue_secure.connections.url import read_url
from glue_secure.core.findings import Verdict
from glue_secure.embedded.artifacts import fetch
from glue_secure.embedded.folders import cache_folder
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import Artifact
from glue_secure.embedded.java import java_home

NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)
WHICH = (
    *("postgresql", "mysql", "mariadb", "sqlserver", "sqlserver-9.4"),
    *("redshift", "redshift-2.1.0.29", "oracle", "oracle-23.3"),
)
# Oracle's driver 21.7 sends the service name, but no user, to a server of another name, so it is not
# approved. 23.3 compares the name first.
OTHER_NAMES = ("wrong name", "no name")
# SQL Server's driver would retry for half a minute.
SHORT_TIMEOUT = {"loginTimeout": "3"}
USER, PASSWORD = "etl-user", "hunter2hunter2"
BAD = {
    "wrong name": lambda make, ca: make.issue(by=ca, names=("db.example.com",), kind="RSA2048", which=1),
    "no name": lambda make, ca: make.issue(by=ca, kind="RSA2048", which=1),
    "expired": lambda make, ca: make.issue(
        by=ca, names=("localhost",), kind="RSA2048", which=1, start=NOW - 9 * DAY, end=NOW - DAY
    ),
    "unknown authority": lambda make, ca: make.issue(
        by=make.authority("Other", kind="RSA2048", which=2), names=("localhost",), kind="RSA2048", which=1
    ),
    "an authority of the same name": lambda make, ca: make.issue(
        by=make.authority("Test CA", kind="RSA2048", which=3), names=("localhost",), kind="RSA2048", which=1
    ),
    "self-signed": lambda make, ca: make.issue("localhost", names=("localhost",), kind="RSA2048", which=4),
}


def login(
    which: str, drivers: Any, server: Any, ca: Any, folder: Any, *, form: str = "", **changes: str
) -> str:
    """Connect with the options of a run. Return the driver's error.

    Args:
        form: the URL, with ``{port}``; default: the engine's usual form.
        changes: options of the driver besides those of a run.
    """
    named = next(engine for engine in ENGINES if engine.name == which.partition("-")[0])
    form = form or named.bare_form.format(host="localhost", port="{port}", database="ops")
    url = read_url(form.replace("{port}", str(server.port)))
    engine = url.engine
    plan = JdbcPlan(
        "c", engine, url.host, url.port, url.database, url.for_spark, engine.driver, None, "s", (), ()
    )
    anchor = ca.pem.decode()
    store = folder / "anchor.p12"
    store.write_bytes(trust_store(anchor))
    options = driver_options(plan, anchor, TrustStoreFile(str(store)))
    more = SHORT_TIMEOUT if engine.name == "sqlserver" else {}
    return str(
        drivers.login(which, plan.url, {**options, **more, **changes, "user": USER, "password": PASSWORD})
    )


@pytest.mark.parametrize("which", WHICH)
def test_after_a_good_handshake_the_driver_logs_in(drivers, make, serve, tmp_path, which):
    """Control for the test below: the driver sends its login."""
    ca = make.authority(kind="RSA2048")
    issued = make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1)
    server = serve(issued, negotiation=negotiation_of(which))
    complaint = login(which, drivers, server, ca, tmp_path)
    assert server.received_bytes, f"the driver did not get as far as its login: {complaint}"
    if not which.startswith("oracle"):  # whose first packet contains only the service name
        received = server.received_bytes.replace(b"\0", b"")
        assert USER.encode() in received


@pytest.mark.parametrize("which", WHICH)
def test_drivers_accept_a_chain_without_key_identifiers(drivers, make, serve, tmp_path, which):
    """Many private CAs issue such chains; the preflight notes that strict clients reject them."""
    ca = make.authority(kind="RSA2048", key_identifiers=False)
    issued = make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1, key_identifiers=False)
    server = serve(issued, negotiation=negotiation_of(which))
    login(which, drivers, server, ca, tmp_path)
    assert server.received_bytes


def test_approved_drivers_are_those_tested_here(jars):
    """Oracle's 21.7 is not approved (see OTHER_NAMES)."""
    quiet = {jars[which].sha256: which.partition("-")[0] for which in WHICH if which != "oracle"}
    for engine in ENGINES:
        if engine.approved_drivers:
            assert {driver.sha256 for driver in engine.approved_drivers} == {
                digest for digest, name in quiet.items() if name == engine.name
            }
            versions = {jar.sha256: jar.version for jar in jars.values()}
            assert all(versions[driver.sha256] == driver.version for driver in engine.approved_drivers)


def test_the_version_of_every_real_jar_is_read(drivers, jars):
    """Oracle's 21.7 states 21.6."""
    for which, jar in jars.items():
        engine = next(engine for engine in ENGINES if engine.name == which.partition("-")[0])
        read = read_driver_jar(cache_folder() / jar.file_name, engine.driver_release)
        assert read is not None and read.sha256 == jar.sha256
        version = "21.6.0.0.0" if which == "oracle" else jar.version.removesuffix(".jre8")
        assert read.version == version
        accepted = check_driver(engine, read, resource="c")[0].verdict is Verdict.PASS
        assert accepted is (which != "oracle")


@pytest.mark.parametrize("which", ["postgresql", "mysql"])
def test_the_version_in_a_merged_jar_is_read(drivers, jars, tmp_path, which):
    """Glue's own JARs may be merged from several, with a manifest of their own."""
    release = next(engine for engine in ENGINES if engine.name == which).driver_release
    merged = tmp_path / "merged.jar"
    with zipfile.ZipFile(cache_folder() / jars[which].file_name) as jar, zipfile.ZipFile(merged, "w") as copy:
        copy.writestr("META-INF/MANIFEST.MF", "Implementation-Title: etl\nImplementation-Version: 9.9\n")
        copy.writestr(release.version_constant[0], jar.read(release.version_constant[0]))
    read = read_driver_jar(merged, release)
    assert read is not None and read.version == jars[which].version


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("which", WHICH)
def test_after_a_bad_handshake_the_driver_sends_nothing(drivers, make, serve, tmp_path, which, name):
    ca = make.authority(kind="RSA2048")
    server = serve(BAD[name](make, ca), negotiation=negotiation_of(which))
    complaint = login(which, drivers, server, ca, tmp_path)
    assert server.connections > 0
    assert PASSWORD not in complaint
    if which == "oracle" and name in OTHER_NAMES:
        assert server.received_bytes.startswith(b"\x01"), "the driver compares the name first now"
        assert USER.encode() not in server.received_bytes and PASSWORD.encode() not in server.received_bytes
        return
    assert server.received_bytes == b"", complaint


@pytest.mark.parametrize(
    ("which", "answer"),
    [
        ("postgresql", b"N"),
        ("redshift", b"N"),
        ("redshift-2.1.0.29", b"N"),
        ("sqlserver", b"\x02"),
        ("sqlserver-9.4", b"\x02"),
    ],
)
def test_the_driver_sends_nothing_if_tls_is_stripped(drivers, make, serve, tmp_path, which, answer):
    server = serve(negotiation=negotiation_of(which), answer=answer)
    login(which, drivers, server, make.authority(kind="RSA2048"), tmp_path)
    assert server.connections > 0 and server.received_bytes == b""


@pytest.mark.parametrize("which", ["mysql", "mariadb"])
def test_the_driver_sends_nothing_if_mysql_offers_no_tls(drivers, make, serve, tmp_path, which):
    from tls_servers import mysql_greeting

    server = serve(negotiation="mysql", answer=mysql_greeting(tls=False))
    login(which, drivers, server, make.authority(kind="RSA2048"), tmp_path)
    assert server.connections > 0
    assert USER.encode() not in server.received_bytes and server.received_bytes == b""


def negotiation_of(which: str) -> str:
    return next(e for e in ENGINES if e.name == which.partition("-")[0]).negotiation.value


@pytest.mark.parametrize("which", ["redshift", "redshift-2.1.0.29"])
def test_redshift_reads_no_options_from_a_file(drivers, make, serve, tmp_path, which):
    """The driver reads rsjdbc.ini in the home directory, if no other file is named."""
    (tmp_path / "rsjdbc.ini").write_text("[DRIVER]\napplicationname=from-the-file\n", encoding="utf-8")
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1), negotiation="postgresql")
    system = drivers.jvm.java.lang.System
    home = system.setProperty("user.home", str(tmp_path))
    try:
        login(which, drivers, server, ca, tmp_path)
        assert USER.encode() in server.received_bytes
        assert b"from-the-file" not in server.received_bytes
        del server.received[:]
        login(which, drivers, server, ca, tmp_path, IniFile="")
        assert b"from-the-file" in server.received_bytes, "the control: without the option the file is read"
    finally:
        system.setProperty("user.home", home)


DESCRIPTOR = "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS)(HOST=localhost)(PORT={port}))"
FORMS = [
    ("postgresql", "jdbc:postgresql://localhost:{port}/"),
    ("postgresql", "jdbc:postgresql://localhost:{port}/%7Bflight%20data%7D"),
    ("postgresql", "jdbc:postgresql://[::1]:{port}/ops"),
    ("mysql", "jdbc:mysql://localhost:{port}"),
    ("mysql", "jdbc:mysql://localhost:{port}/flight%20data"),
    ("mysql", "jdbc:mysql://[::1]:{port}/ops"),
    ("mariadb", "jdbc:mariadb://localhost:{port}"),
    ("mariadb", "jdbc:mariadb://localhost:{port}/flight data"),
    ("mariadb", "jdbc:mariadb://[::1]:{port}/ops"),
    ("sqlserver", "jdbc:sqlserver://localhost:{port}"),
    ("sqlserver", "jdbc:sqlserver://localhost:{port};databaseName={a}}b;c};"),
    ("redshift-2.1.0.29", "jdbc:redshift://localhost:{port}/flight%20data;ssl=true"),
    ("oracle-23.3", DESCRIPTOR + "(CONNECT_DATA=(SID=ORCL)))"),
    ("oracle-23.3", DESCRIPTOR + "(CONNECT_DATA=(SERVICE_NAME=o$x)(SERVER=DEDICATED)))"),
]


@pytest.mark.long
@pytest.mark.parametrize(("which", "form"), FORMS)
def test_every_form_of_url_is_verified(drivers, make, serve, tmp_path, which, form):
    """The driver sends its login after a good handshake, and nothing to a server of another name."""
    ca = make.authority(kind="RSA2048")
    host = "::1" if "[::1]" in form else "127.0.0.1"
    name = "::1" if "[::1]" in form else "localhost"
    good = make.issue(by=ca, names=(name,), kind="RSA2048", which=1)
    server = serve(good, negotiation=negotiation_of(which), host=host)
    complaint = login(which, drivers, server, ca, tmp_path, form=form)
    assert server.received_bytes, complaint
    bad = make.issue(by=ca, names=("::2" if name == "::1" else "db.example.com",), kind="RSA2048", which=1)
    server = serve(bad, negotiation=negotiation_of(which), host=host)
    complaint = login(which, drivers, server, ca, tmp_path, form=form)
    assert server.connections > 0 and server.received_bytes == b"", complaint


# A driver that Glue does not include: encrypt=strict needs 11.2 or later.
STRICT = Artifact("com.microsoft.sqlserver", "mssql-jdbc", "12.8.1.jre8",
    "44f217b1d67d22442002ee2d1c4ab8e86358606a787b95eeb5301f235482a2ab", 1464068)  # fmt: skip


@pytest.fixture(scope="module")
def strict(drivers: Any) -> Any:
    """The drivers' JVM with a driver of SQL Server that has encrypt=strict."""
    urls = drivers.gateway.new_array(drivers.jvm.java.net.URL, 1)
    file = fetch([STRICT], java_home(installed_spark()))[0]
    urls[0] = drivers.jvm.java.io.File(str(file)).toURI().toURL()
    drivers.loaders["sqlserver-12.8"] = drivers.jvm.java.net.URLClassLoader(urls)
    return drivers


@pytest.mark.long
@pytest.mark.parametrize("name", ["good", *BAD])
def test_a_strict_connection_starts_tls_first(strict, make, serve, tmp_path, name):
    ca = make.authority(kind="RSA2048")
    good = make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1)
    server = serve(good if name == "good" else BAD[name](make, ca), negotiation="tds-strict")
    form = "jdbc:sqlserver://localhost:{port};databaseName=ops;encrypt=strict"
    complaint = login("sqlserver-12.8", strict, server, ca, tmp_path, form=form)
    assert server.connections > 0
    assert bool(server.received_bytes) is (name == "good"), complaint
