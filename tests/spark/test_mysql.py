"""Reading and writing MariaDB over verified TLS, by MySQL's driver and by MariaDB's own."""

import json
import secrets
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest
from spark_errors import SPARK_ERRORS

from glue_secure import RefusedError
from glue_secure.embedded import fault_injection, pki, seed
from glue_secure.embedded.clients import clients

# An error of the driver, as Spark raises it.
DRIVER_ERRORS = SPARK_ERRORS
SECRET = "glue-secure/mariadb"
CERTIFICATE = f"s3://{seed.LANDING}/certificates/ca.pem"
NAMES = {"mysql": "ops-mysql", "mariadb": "ops-mariadb"}


@pytest.fixture(scope="module")
def connections(glue_account, mariadb):
    """Two Glue connections to the one server, one for each driver."""
    seed.seed_flights(glue_account, months=())
    client_of = clients(glue_account)
    text = json.dumps({"username": mariadb.user, "password": mariadb.password})
    client_of("secretsmanager").create_secret(Name=SECRET, SecretString=text)
    for engine, name in NAMES.items():
        properties = {
            "JDBC_CONNECTION_URL": f"jdbc:{engine}://{mariadb.host}:{mariadb.port}/{mariadb.database}",
            "JDBC_ENFORCE_SSL": "true",
            "CUSTOM_JDBC_CERT": CERTIFICATE,
            "SECRET_ID": SECRET,
        }
        client_of("glue").create_connection(
            ConnectionInput={"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": properties}
        )
    return NAMES


@contextmanager
def presenting(account, mariadb, *names, authority=None):
    now = datetime.now(timezone.utc)
    pair = pki.issue(
        authority or account.authority,
        names or ("localhost",),
        folder=account.scratch,
        stem="other-mariadb",
        not_before=now - pki.SKEW,
        not_after=now + pki.LIFETIME,
    )
    mariadb.present(pair)
    try:
        yield
    finally:
        mariadb.present(account.server_pair)


@pytest.mark.parametrize("engine", NAMES)
def test_rows_are_written_and_read_in_parts_and_the_session_is_confirmed(
    glue_job, glue_spark, connections, mariadb, engine
):
    rows = [(n, f"carrier {n}", None if n == 3 else "é") for n in range(50)]
    with glue_job.job() as job:
        frame = glue_spark.createDataFrame(rows, "id int, name string, note string")
        written = job.write.jdbc(frame, connection=NAMES[engine], table=f"carriers_{engine}")
        assert written.rows == 50
        whole = job.read.jdbc(connection=NAMES[engine], table=f"carriers_{engine}", bookmark="")
        assert sorted(map(tuple, whole.collect())) == rows
        parts = job.read.jdbc(
            connection=NAMES[engine],
            table=f"carriers_{engine}",
            options={"hashfield": "note", "hashpartitions": "3"},
        )
        assert parts.rdd.getNumPartitions() == 3
        assert sorted(row.id for row in parts.collect()) == list(range(50))
        plan = parts._jdf.queryExecution().toString()
    evidence = glue_job.evidence()[-1]
    assert "GS-TLS-010" in {finding["control"] for finding in evidence["controls"]}
    (tls,) = evidence["tls"]
    assert (tls["protocol"], tls["source"]) == ("TLSv1.3", "session_status")
    assert tls["cipher"].startswith("TLS_")
    assert mariadb.password not in plan + str(evidence)


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("names", [("db.example.org",), ("localhost",)], ids=["name", "authority"])
def test_the_driver_rejects_a_certificate_rotated_during_the_run(
    glue_job, glue_account, connections, mariadb, tmp_path, engine, names
):
    """The probe saw a good certificate; the driver verifies the new one, and sends no password."""
    other = pki.create_authority(tmp_path, now=datetime.now(timezone.utc)) if "localhost" in names else None
    with glue_job.job() as job:
        frame = job.read.jdbc(connection=NAMES[engine], table="(select 1 as n) q")
        assert frame.count() == 1
        with (
            presenting(glue_account, mariadb, *names, authority=other),
            pytest.raises(DRIVER_ERRORS, match=r"(?i)certif|hostname|verif|PKIX|DNS"),
        ):
            frame.collect()
        assert frame.count() == 1


def test_a_good_certificate_rotated_during_the_run_is_accepted(glue_job, glue_account, connections, mariadb):
    with glue_job.job() as job:
        frame = job.read.jdbc(connection="ops-mysql", table="(select 1 as n) q")
        with presenting(glue_account, mariadb, "localhost"):
            assert frame.count() == 1


@pytest.mark.parametrize("engine", NAMES)
def test_a_server_of_another_name_refuses_before_the_password_is_fetched(
    glue_job, glue_account, connections, mariadb, engine
):
    with (
        presenting(glue_account, mariadb, "db.example.org"),
        pytest.raises(RefusedError, match="GS-TLS-002"),
        glue_job.job() as job,
    ):
        job.read.jdbc(connection=NAMES[engine], table="(select 1 as n) q")


def test_weaker_tls_options_of_mysql_are_refused(glue_job, glue_account, connections):
    options = {"useSSL": "true", "verifyServerCertificate": "false"}
    with pytest.raises(RefusedError, match="GS-TLS-005"), glue_job.job() as job:
        job.read.jdbc(connection="ops-mysql", table="t", options=options)
    url = {"JDBC_CONNECTION_URL": "jdbc:mysql://localhost:3306/db?sslMode=VERIFY_CA"}
    with (
        fault_injection.changed_connection(glue_account, "ops-mysql", **url),
        pytest.raises(RefusedError, match="GS-TLS-001"),
        glue_job.job() as job,
    ):
        job.read.jdbc(connection="ops-mysql", table="t")


@pytest.mark.parametrize("engine", NAMES)
def test_a_user_that_needs_a_client_certificate_gets_no_session(
    glue_job, glue_account, connections, mariadb, engine, caplog
):
    """REQUIRE X509: after verified TLS and a challenge-response login the server ends the session."""
    user, password = f"needs_x509_{engine}", secrets.token_urlsafe(24)
    with glue_job.job() as job:
        reader = job.spark.read.format("jdbc").options(**job.jdbc_options(connections[engine]))
        account = f"create user {user}@'%' identified by '{password}' require x509"
        reader.option("sessionInitStatement", account).option("query", "select 1 as n").load().collect()
    aws = clients(glue_account)
    text = json.dumps({"username": user, "password": password})
    aws("secretsmanager").create_secret(Name=f"glue-secure/{user}", SecretString=text)
    properties = aws("glue").get_connection(Name=connections[engine])["Connection"]["ConnectionProperties"]
    aws("glue").create_connection(
        ConnectionInput={
            "Name": user,
            "ConnectionType": "JDBC",
            "ConnectionProperties": {**properties, "SECRET_ID": f"glue-secure/{user}"},
        }
    )
    with pytest.raises(DRIVER_ERRORS, match="Access denied") as caught, glue_job.job() as job:
        job.read.jdbc(connection=user, table="anything")
    evidence = glue_job.evidence()[-1]
    assert evidence["outcome"] == "failed"
    assert evidence["tls"] == []
    for text in (str(caught.value), caplog.text, json.dumps(evidence)):
        assert password not in text
