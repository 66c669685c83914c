"""Redshift's own driver in whole runs, against PostgreSQL behind a TLS proxy.

Features of Redshift only (its SQL, its login by SHA-256) are not tested here.
"""

import gzip
import json
import re
import secrets
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from redshift_proxy import redshift_proxy

from glue_secure import UsageError, VerificationError
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.embedded import seed
from glue_secure.embedded.artifacts import fetch
from glue_secure.embedded.clients import clients
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import Artifact
from glue_secure.embedded.java import java_home
from glue_secure.engines.spark.engine import SparkEngine

(REDSHIFT,) = (engine for engine in ENGINES if engine.name == "redshift")
JAR = Artifact(
    "com.amazon.redshift",
    "redshift-jdbc42",
    "2.1.0.29",
    "b30825a09c05293a79c8839bfef172901a9dcb7a46ec19559409d0e6eb7b5299",
    1077259,
)
NAME, USER = "warehouse", "warehouse_writer"


@pytest.fixture(scope="module")
def proxy(glue_account):
    with redshift_proxy(glue_account) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def warehouse(glue_account, proxy, superuser, writer):
    """A connection to the embedded PostgreSQL by a URL of Redshift; the driver does not support SCRAM."""
    password = secrets.token_urlsafe(24)
    superuser("set password_encryption = 'md5'; create role " + f"{USER} login password '{password}'")
    superuser(f"grant create, usage on schema public to {USER}")
    ((location,),) = superuser("show hba_file")
    rules = Path(location).read_text(encoding="utf-8")
    Path(location).write_text(f"hostssl all {USER} 127.0.0.1/32 md5\n{rules}", encoding="utf-8")
    superuser("select pg_reload_conf()")
    client_of = clients(glue_account)
    text = json.dumps({"username": USER, "password": password})
    client_of("secretsmanager").create_secret(Name="tests/warehouse", SecretString=text)
    server = glue_account.postgres
    properties = client_of("glue").get_connection(Name=seed.CONNECTION)["Connection"]["ConnectionProperties"]
    properties["JDBC_CONNECTION_URL"] = f"jdbc:redshift://{server.host}:{proxy.port}/{server.database}"
    client_of("glue").create_connection(
        ConnectionInput={
            "Name": NAME,
            "ConnectionType": "JDBC",
            "ConnectionProperties": {**properties, "SECRET_ID": "tests/warehouse"},
        }
    )
    yield password
    Path(location).write_text(rules, encoding="utf-8")
    superuser("select pg_reload_conf()")


@pytest.fixture(scope="module")
def jar(glue_spark, warehouse):
    """The driver on Spark's class path, as ``--extra-jars`` puts it there."""
    (file,) = fetch([JAR], java_home(installed_spark()))
    jvm = glue_spark._jvm
    loader = jvm.org.apache.spark.util.Utils.getContextOrSparkClassLoader()
    loader.addURL(jvm.java.io.File(str(file)).toURI().toURL())
    return file


def test_gs_tls_013_no_password_is_fetched_without_the_driver(glue_job, warehouse):
    with (
        pytest.raises(VerificationError, match=r"(?s)GS-TLS-013.*no JAR.*redshift-jdbc42:2\.1\.0\.29"),
        glue_job.job() as job,
    ):
        job.read.jdbc(connection=NAME, table="airlines")


def test_an_approved_driver_writes_and_reads_rows(
    glue_job, glue_spark, jar, proxy, warehouse, superuser, caplog
):
    table = "written_" + glue_job.name.replace("-", "_")
    rows = glue_spark.createDataFrame([(n, f"n{n}") for n in range(20)], "id long, name string")
    with glue_job.job() as job:
        job.write.jdbc(rows, connection=NAME, table=table)
        read = job.read.jdbc(connection=NAME, table=f"(select id, name from {table}) t")
        assert sorted(map(tuple, read.collect())) == sorted(map(tuple, rows.collect()))
        plan = read._jdf.queryExecution().toString()
    assert len(superuser(f"select id from {table}")) == 20
    assert set(proxy.protocols) <= {"TLSv1.2", "TLSv1.3"}
    assert proxy.protocols
    evidence = glue_job.evidence()[-1]
    assert [(tls["source"], tls["connection"]) for tls in evidence["tls"]] == [("preflight", NAME)]
    assert [write["format"] for write in evidence["writes"]] == ["redshift"]
    found = {finding["found"] for finding in evidence["controls"] if finding["control"] == "GS-TLS-010"}
    assert found == {
        "redshift exposes no view of the session; com.amazon.redshift.Driver, tested version 2.1.0.29"
    }
    for text in (plan, caplog.text, json.dumps(evidence)):
        assert warehouse not in text


@pytest.fixture(scope="module")
def functions_of_redshift(superuser):
    """Functions that Redshift has and PostgreSQL has not."""
    superuser(
        "create function from_hex(text) returns bytea language sql as $$ select decode($1, 'hex') $$; "
        "create function from_varbyte(bytea, text) returns varchar language sql as "
        "$$ select convert_from($1, 'UTF8') $$"
    )


def test_a_bookmark_reads_the_new_rows_by_key_columns(
    glue_job, jar, warehouse, superuser, functions_of_redshift
):
    table = "tracked_" + glue_job.name.replace("-", "_")
    superuser(f"create table {table} (at timestamptz not null, name varchar(80) not null, n numeric(9, 2))")
    superuser(f"grant select on {table} to {USER}")

    def run(**how):
        with glue_job.job() as job:
            frame = job.read.jdbc(connection=NAME, table=table.upper(), bookmark="rows", **how)
            return sorted((row["name"] for row in frame.collect()), key=str)

    keys = {"bookmark_keys": ["at", "name"]}
    superuser(f"insert into {table} values ('2024-03-31 01:30:00.000001+02', 'it''s', 1.5)")
    assert run(**keys) == ["it's"]
    superuser(f"insert into {table} values ('2024-03-31 01:30:00.000001+02', 'it''s ä', 1.5)")
    superuser(f"insert into {table} values ('2024-03-31 00:30:00.000002+01', 'a', 2.5)")
    assert run(**keys) == ["a", "it's ä"]
    assert run(**keys) == []
    (context,) = glue_job.evidence()[-1]["bookmark"]["contexts"].values()
    assert context["watermark"].startswith("at=2024-03-30 23:30:00.000002 UTC, name=(string")
    with pytest.raises(UsageError, match="key: at, n"):
        run(bookmark_keys=["at", "n"])


def test_a_primary_key_is_the_default_key_unless_it_has_gaps(
    glue_job, jar, warehouse, superuser, functions_of_redshift
):
    table = "numbered_" + glue_job.name.replace("-", "_")
    superuser(f"create table {table} (id bigint primary key)")
    superuser(f"grant select on {table} to {USER}")
    superuser(f"insert into {table} values (1), (2)")

    def run(context):
        with glue_job.job() as job:
            frame = job.read.jdbc(connection=NAME, table=f"public.{table}", bookmark=context)
            return sorted(row[0] for row in frame.collect())

    assert run("rows") == [1, 2]
    superuser(f"insert into {table} values (3)")
    assert run("rows") == [3]
    superuser(f"delete from {table} where id = 2")
    assert run("others") == run("others") == [1, 3]


def test_a_write_through_glue_context_executes_its_actions_over_the_verified_connection(
    begin, jar, proxy, warehouse, superuser, caplog
):
    started = begin()
    context, table = started.context, "acted_" + started.bench.name.replace("-", "_")
    frame = DynamicFrame.fromDF(context.spark_session.range(3), context, "rows")
    proxy.protocols.clear()
    context.write_dynamic_frame.from_options(
        frame,
        "redshift",
        {
            "useConnectionProperties": "true",
            "connectionName": NAME,
            "dbtable": table,
            "redshiftTmpDir": "s3://glue-secure-curated/temporary/",
            "preactions": f"create table {table} (id bigint, note text default 'a;b'); delete from {table}",
            "postactions": f"insert into {table} values (99, 'after');",
        },
    )
    assert sorted(superuser(f"select id, note from {table}")) == [
        (0, "a;b"), (1, "a;b"), (2, "a;b"), (99, "after"),
    ]  # fmt: skip
    assert set(proxy.protocols) <= {"TLSv1.2", "TLSv1.3"}
    assert "redshiftTmpDir has no effect" in caplog.text
    assert warehouse not in caplog.text


class CopyInPostgresql:
    """Executes COPY as Redshift does: reads the objects from S3, and loads them as CSV."""

    STATEMENT = re.compile(
        r"copy (\S+) \((.+?)\) from 's3://([^/]+)/(.+?)' iam_role '\S+' csv gzip null as '(.+?)' "
    )

    def __init__(self, account, s3):
        self.account, self.s3, self.statements = account, s3, []

    def __call__(self, statements):
        (statement,) = statements
        self.statements.append(statement)
        table, columns, bucket, prefix, null = self.STATEMENT.match(statement).groups()
        server = self.account.postgres
        with psycopg.connect(
            host=server.host,
            port=server.port,
            dbname=server.database,
            user=server.user,
            password=server.password,
            sslmode="verify-full",
            sslrootcert=str(self.account.ca_pem),
        ) as connection:
            load = f"copy {table} ({columns}) from stdin with (format csv, null '{null}')"
            for found in self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
                content = self.s3.get_object(Bucket=bucket, Key=found["Key"])
                assert content["ServerSideEncryption"] == "aws:kms"
                with connection.cursor().copy(load) as copy:
                    copy.write(gzip.decompress(content["Body"].read()))


def test_a_copy_loads_the_objects_that_were_written_under_the_runs_key(
    begin, jar, warehouse, superuser, glue_account, aws, provisioned, monkeypatch
):
    copy = CopyInPostgresql(glue_account, aws("s3"))
    monkeypatch.setattr(SparkEngine, "execute_jdbc", lambda _engine, statements, **_how: copy(statements))
    started = begin()
    context, table = started.context, "copied_" + started.bench.name.replace("-", "_")
    at = datetime(2024, 3, 31, 1, 30, 0, 1)
    texts = ["", " a,b ", 'say "x"', "two\nlines", "\\N", None, "ä\U0001f512"]
    rows = [(n, text, Decimal("1.50"), at, at.date(), n == 1, 0.1) for n, text in enumerate(texts)]
    schema = "id long, text string, price decimal(9,2), at timestamp, day date, first boolean, weight double"
    superuser(
        f"create table {table} (id bigint, text varchar(80), price decimal(9, 2), at timestamp, day date, "
        "first boolean, weight double precision)"
    )
    superuser(f"grant select, insert on {table} to {USER}")
    frame = DynamicFrame.fromDF(context.spark_session.createDataFrame(rows, schema), context, "rows")
    context.write_dynamic_frame.from_jdbc_conf(
        frame,
        NAME,
        {"dbtable": table, "aws_iam_role": "arn:aws:iam::123456789012:role/load"},
        redshift_tmp_dir="s3://glue-secure-curated/temporary/",
    )
    assert superuser(f"select id, text, price, at, day, first, weight from {table} order by id") == rows
    started.job.commit()
    staged, loaded = started.bench.evidence()[-1]["writes"]
    assert (loaded["kind"], loaded["format"], loaded["rows"]) == ("jdbc", "redshift", len(rows))
    assert (staged["kind"], staged["rows"]) == ("s3", len(rows))
    assert {one["key"] for one in staged["objects"]} == {provisioned.data_key}
    assert f"/temporary/{started.bench.evidence()[-1]['run_id']}/1/" in staged["target"]
