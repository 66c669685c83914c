"""What the real drivers do at the handshake, given exactly what a run gives them.

The servers here speak the protocol's first bytes and TLS, and keep what the driver says behind the handshake:
behind a good one its login begins, behind a bad one it must say nothing at all.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.jdbc import JdbcPlan, driver_options
from glue_secure.connections.tls.trust_store import TrustStoreFile, trust_store
from glue_secure.connections.url import read_url

NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)
WHICH = (
    *("postgresql", "mysql", "mariadb", "sqlserver", "sqlserver-9.4"),
    *("redshift", "redshift-2.1.0.29", "oracle", "oracle-23.3"),
)
# Oracle's driver 21.7 tells a server of another name the service, and no user: one reason why runs refuse it.
# 23.3 compares the name first.
NAMED_OTHERWISE = ("wrong name", "no name")
# SQL Server's driver would try again and again for half a minute.
IMPATIENT = {"loginTimeout": "3"}
USER, PASSWORD = "somebody", "hunter2hunter2"
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


def login(which: str, drivers: Any, server: Any, ca: Any, folder: Any) -> str:
    """Let the driver connect as a run would have it; what it complains of."""
    engine = next(engine for engine in ENGINES if engine.name == which.partition("-")[0])
    url = read_url(engine.bare_form.format(host="localhost", port=server.port, database="ops"))
    plan = JdbcPlan(
        "c", engine, url.host, url.port, url.database, url.for_spark, engine.driver, None, "s", (), ()
    )
    anchor = ca.pem.decode()
    store = folder / "anchor.p12"
    store.write_bytes(trust_store(anchor))
    options = driver_options(plan, anchor, TrustStoreFile(str(store)))
    more = IMPATIENT if engine.name == "sqlserver" else {}
    return str(drivers.login(which, plan.url, {**options, **more, "user": USER, "password": PASSWORD}))


@pytest.mark.parametrize("which", WHICH)
def test_after_a_good_handshake_the_driver_logs_in(drivers, make, serve, tmp_path, which):
    """The test below would be worth nothing if nothing were heard of any driver."""
    ca = make.authority(kind="RSA2048")
    issued = make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1)
    server = serve(issued, opening=opening_of(which))
    complaint = login(which, drivers, server, ca, tmp_path)
    assert server.heard, f"the driver did not get as far as its login: {complaint}"
    if not which.startswith("oracle"):  # whose first words name the service alone
        heard = server.heard.replace(b"\0", b"")
        assert USER.encode() in heard


@pytest.mark.parametrize("which", WHICH)
def test_drivers_accept_a_chain_without_key_identifiers(drivers, make, serve, tmp_path, which):
    """Many private authorities issue such; the preflight says that stricter clients refuse them."""
    ca = make.authority(kind="RSA2048", key_identifiers=False)
    issued = make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1, key_identifiers=False)
    server = serve(issued, opening=opening_of(which))
    login(which, drivers, server, ca, tmp_path)
    assert server.heard


def test_approved_drivers_are_those_tested_here(jars):
    """Oracle's 21.7 is none of them (below)."""
    quiet = {jars[which].sha256: which.partition("-")[0] for which in WHICH if which != "oracle"}
    for engine in ENGINES:
        if engine.approved_drivers:
            assert {driver.sha256 for driver in engine.approved_drivers} == {
                digest for digest, name in quiet.items() if name == engine.name
            }
            versions = {jar.sha256: jar.version for jar in jars.values()}
            assert all(versions[driver.sha256] == driver.version for driver in engine.approved_drivers)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("which", WHICH)
def test_after_a_bad_handshake_the_driver_sends_nothing(drivers, make, serve, tmp_path, which, name):
    ca = make.authority(kind="RSA2048")
    server = serve(BAD[name](make, ca), opening=opening_of(which))
    complaint = login(which, drivers, server, ca, tmp_path)
    assert server.connections > 0
    assert PASSWORD not in complaint
    if which == "oracle" and name in NAMED_OTHERWISE:
        assert server.heard.startswith(b"\x01"), "the driver has learnt to compare the name first"
        assert USER.encode() not in server.heard and PASSWORD.encode() not in server.heard
        return
    assert server.heard == b"", complaint


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
def test_the_driver_sends_nothing_if_tls_is_stripped(
    drivers, make, serve, tmp_path, which, answer
):
    server = serve(opening=opening_of(which), answer=answer)
    login(which, drivers, server, make.authority(kind="RSA2048"), tmp_path)
    assert server.connections > 0 and server.heard == b""


@pytest.mark.parametrize("which", ["mysql", "mariadb"])
def test_the_driver_sends_nothing_if_mysql_offers_no_tls(drivers, make, serve, tmp_path, which):
    from tls_servers import mysql_greeting

    server = serve(opening="mysql", answer=mysql_greeting(tls=False))
    login(which, drivers, server, make.authority(kind="RSA2048"), tmp_path)
    assert server.connections > 0
    assert USER.encode() not in server.heard and server.heard == b""


def opening_of(which: str) -> str:
    return next(e for e in ENGINES if e.name == which.partition("-")[0]).negotiation.value
