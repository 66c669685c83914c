"""Reading PostgreSQL over TLS through a Glue connection, by the real driver."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from spark_errors import SPARK_ERRORS

from glue_secure import RefusedError, UsageError, VerificationError
from glue_secure.embedded import fault_injection, seed

# An error of the driver, as Spark raises it.
DRIVER_ERRORS = SPARK_ERRORS


@pytest.fixture(scope="module")
def tables(glue_account):
    """airlines, airports and planes behind the connection ops-postgres."""
    seed.seed_flights(glue_account, months=())


@pytest.fixture
def secret(glue_account, tables):
    """Return the database password, to search for it in outputs."""
    from glue_secure.embedded.clients import clients

    text = clients(glue_account)("secretsmanager").get_secret_value(SecretId=seed.SECRET)["SecretString"]
    return json.loads(text)["password"]


def test_gs_tls_010_the_database_reports_the_runs_session_as_encrypted(glue_job, tables):
    with glue_job.job() as job:
        assert job.read.jdbc(connection=seed.CONNECTION, table="airlines").count() == 16
    (tls,) = glue_job.evidence()[-1]["tls"]
    assert tls["protocol"] == "TLSv1.3"
    assert tls["cipher"].startswith("TLS_")
    assert "localhost" in tls["names"]
    assert "GS-TLS-010" in {finding["control"] for finding in glue_job.evidence()[-1]["controls"]}


def test_a_query_is_read_as_a_table(glue_job, tables):
    with glue_job.job() as job:
        rows = job.read.jdbc(connection=seed.CONNECTION, table="(select carrier from airlines limit 3) x")
        assert rows.count() == 3


@pytest.mark.parametrize(
    ("properties", "control", "error"),
    [
        ({"JDBC_ENFORCE_SSL": "false"}, "GS-TLS-006", RefusedError),
        ({"SKIP_CUSTOM_JDBC_CERT_VALIDATION": "true"}, "GS-TLS-006", RefusedError),
        ({"SECRET_ID": None, "USERNAME": "u", "PASSWORD": "hunter2hunter2"}, "GS-TLS-008", VerificationError),
        ({"CUSTOM_JDBC_CERT": f"s3://{seed.LANDING}/missing.pem"}, "GS-TLS-012", VerificationError),
        ({"JDBC_CONNECTION_URL": "jdbc:db2://localhost:50000/db"}, "GS-TLS-011", RefusedError),
        ({"JDBC_CONNECTION_URL": "jdbc:postgresql://localhost:1/db"}, "GS-TLS-009", VerificationError),
    ],
    ids=["not-enforced", "validation-skipped", "plain-password", "no-certificate", "engine", "closed-port"],
)
def test_a_bad_connection_is_refused(glue_job, glue_account, tables, properties, control, error):
    with (
        fault_injection.changed_connection(glue_account, seed.CONNECTION, **properties),
        pytest.raises(error, match=control) as caught,
        glue_job.job() as job,
    ):
        job.read.jdbc(connection=seed.CONNECTION, table="airlines")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("option", ["enforceSSL", "sslmode", "SSLMODE", "sslfactory", "password", "url"])
def test_an_option_for_tls_or_credentials_is_refused(glue_job, tables, option):
    with pytest.raises(RefusedError, match=r"GS-TLS-00[58]"), glue_job.job() as job:
        job.read.jdbc(connection=seed.CONNECTION, table="airlines", options={option: "false"})


def test_a_reader_option_that_spark_does_not_support_is_refused(glue_job, tables):
    with pytest.raises(UsageError, match="truncate"), glue_job.job() as job:
        job.read.jdbc(connection=seed.CONNECTION, table="airlines", options={"truncate": "true"})


def test_a_server_of_another_name_is_refused_before_the_password_is_fetched(glue_job, glue_account, tables):
    with (
        fault_injection.database_certificate(glue_account, "db.example.org"),
        pytest.raises(RefusedError, match="GS-TLS-002"),
        glue_job.job() as job,
    ):
        job.read.jdbc(connection=seed.CONNECTION, table="airlines")


def test_the_driver_verifies_a_certificate_rotated_during_the_run(glue_job, glue_account, tables):
    """The probe saw a good certificate; the driver verifies the certificate of each session."""
    with glue_job.job() as job:
        frame = job.read.jdbc(connection=seed.CONNECTION, table="airlines")
        assert frame.count() == 16
        with (
            fault_injection.database_certificate(glue_account, "db.example.org"),
            pytest.raises(DRIVER_ERRORS, match=r"(?i)hostname|verif"),
        ):
            frame.collect()
        with fault_injection.database_certificate(glue_account, "localhost"):
            assert frame.count() == 16


def test_options_for_sparks_own_source_verify_the_server(glue_job, glue_spark, glue_account, tables):
    with glue_job.job() as job:
        reader = glue_spark.read.format("jdbc").options(**job.jdbc_options(seed.CONNECTION))
        reader = reader.option("dbtable", "airlines")
        assert reader.load().count() == 16
        with (
            fault_injection.database_certificate(glue_account, "db.example.org"),
            pytest.raises(DRIVER_ERRORS, match=r"(?i)hostname|verif"),
        ):
            reader.load()
    assert [tls["connection"] for tls in glue_job.evidence()[-1]["tls"]] == [seed.CONNECTION]


def test_extract_jdbc_conf_gives_a_url_that_verifies(glue_job, glue_spark, glue_account, tables, monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    monkeypatch.setattr("sys.argv", glue_job.argv())
    context = GlueContext(glue_spark)
    Job(context).init(glue_job.name)
    conf = context.extract_jdbc_conf(seed.CONNECTION)
    assert conf["enforceSSL"] == "true"
    reader = glue_spark.read.format("jdbc").option("url", conf["fullUrl"]).option("dbtable", "airlines")
    reader = reader.option("user", conf["user"]).option("password", conf["password"])
    assert reader.option("driver", "org.postgresql.Driver").load().count() == 16
    with (
        fault_injection.database_certificate(glue_account, "db.example.org"),
        pytest.raises(DRIVER_ERRORS, match="verif"),
    ):
        reader.option("driver", "org.postgresql.Driver").load()
    context.secured_run.close(outcome="test over")


def test_the_password_is_in_no_plan_and_no_error(glue_job, tables, secret):
    with glue_job.job() as job:
        frame = job.read.jdbc(connection=seed.CONNECTION, table="airlines")
        plan = frame._jdf.queryExecution().toString()
        with pytest.raises(DRIVER_ERRORS, match="nosuchtable") as error:
            job.read.jdbc(connection=seed.CONNECTION, table="nosuchtable")
    assert secret not in plan
    assert secret not in str(error.value)
    assert secret not in str(glue_job.evidence())


def test_the_password_is_in_no_event_log_and_no_output(glue_account, tables, secret, tmp_path):
    from glue_secure.embedded import launch

    script = tmp_path / "job.py"
    script.write_text(
        "from glue_secure import SecureJob\n"
        "with SecureJob.from_argv('connection') as job:\n"
        "    rows = job.read.jdbc(connection=job.args.connection, table='airlines')\n"
        "    rows.explain(True)\n"
        "    print(rows.count(), job.args, job.read)\n"
    )
    logs = tmp_path / "events"
    logs.mkdir()
    submission = launch.prepare(
        glue_account, script, ["--JOB_NAME", "event_log", "--connection", seed.CONNECTION], verbose=True
    )
    settings = ("enabled=true", "compress=false", f"dir={logs.as_uri()}")
    conf = [word for setting in settings for word in ("--conf", f"spark.eventLog.{setting}")]
    command = (submission.command[0], *conf, *submission.command[1:])
    done = launch.run(
        replace(submission, command=command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    written = "".join(path.read_text(errors="replace") for path in Path(logs).rglob("*") if path.is_file())
    assert done.returncode == 0, done.stdout[-2000:]
    assert "SparkListenerSQLExecutionStart" in written
    assert secret not in written
    assert secret not in done.stdout
    assert sys.executable in submission.environment["PYSPARK_PYTHON"]


def test_the_password_is_in_no_debug_log(glue_job, secret, caplog):
    import logging

    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, logger="py4j"),
        caplog.at_level(logging.DEBUG, logger="botocore"),
    ):
        caplog.clear()
        with glue_job.job() as job:
            assert job.read.jdbc(connection=seed.CONNECTION, table="airlines").count() == 16
        text = caplog.text
    assert len(text) > 10_000  # the loggers did log
    assert secret not in text


def test_the_password_is_not_in_sparks_logs_and_pages(glue_job, glue_spark, secret, tmp_path, caplog):
    """Event log, plans, the driver's log (JDBC at DEBUG), the pages and the REST API of Spark's UI."""
    from key_search import reports_with_key, spark_reports

    planted = "Planted-" + secret[::-1]
    caplog.set_level("DEBUG")
    provider = "org.apache.spark.sql.execution.datasources.jdbc.connection.BasicConnectionProvider"
    log4j = glue_spark._jvm.org.apache.logging.log4j
    log4j.core.config.Configurator.setLevel(provider, log4j.Level.DEBUG)
    with spark_reports(glue_spark, tmp_path / "reports") as reports:
        with glue_job.job() as job:
            frame = job.read.jdbc(connection=seed.CONNECTION, table="airlines")
            reports.explain(frame)
            assert frame.count() == 16
            reader = job.spark.read.format("jdbc").options(**job.jdbc_options(seed.CONNECTION))
            assert reader.option("dbtable", "planes").load().count() > 0
            assert not log4j.LogManager.getLogger(provider).isDebugEnabled()
        glue_spark.range(1).selectExpr(f"'{planted}' as word").write.format("noop").mode("overwrite").save()
    reports["Python's log"] = caplog.text.encode()
    reports["evidence"] = json.dumps(glue_job.evidence()).encode()
    assert reports_with_key(reports, secret.encode()) == set()
    assert {"event log", "REST sql", "SQL pages"} <= reports_with_key(reports, planted.encode())
    assert b"airlines" in reports["SQL pages"]
