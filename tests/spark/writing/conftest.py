"""Fixtures: a context after ``job.init``, and clients of the embedded account."""

import contextlib
import json
import secrets
from types import SimpleNamespace

import psycopg
import pytest

from glue_secure.embedded import seed
from glue_secure.embedded.clients import clients
from glue_secure.engines.spark.context import GlueContext
from glue_secure.engines.spark.job import Job


@pytest.fixture
def context(glue_spark):
    return GlueContext(glue_spark)


@pytest.fixture
def begin(glue_job, context, monkeypatch):
    """``begin(TempDir=...)``: start the job with these arguments."""

    def start(**arguments):
        monkeypatch.setattr("sys.argv", glue_job.argv(**arguments))
        job = Job(context)
        job.init(glue_job.name)
        return SimpleNamespace(context=context, job=job, bench=glue_job, target=glue_job.target)

    yield start
    if context.secured_run is not None:
        context.secured_run.close(outcome="test over")


@pytest.fixture
def started(begin):
    return begin()


@pytest.fixture
def aws(glue_account):
    """boto3 clients of the embedded account."""
    return clients(glue_account)


@pytest.fixture
def database(aws, glue_job):
    """A Data Catalog database with the job's name."""
    aws("glue").create_database(DatabaseInput={"Name": glue_job.name})
    return glue_job.name


@pytest.fixture(scope="session")
def superuser(glue_account):
    """``superuser(SQL)``: run a statement as the owner of the embedded database."""
    server = glue_account.postgres

    def run(statement):
        with psycopg.connect(
            host=server.host,
            port=server.port,
            dbname=server.database,
            user=server.user,
            password=server.password,
            sslmode="verify-full",
            sslrootcert=str(glue_account.ca_pem),
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture(scope="session")
def writer(glue_account, superuser):
    """A Glue connection to the embedded database whose user may write; the seeded user is read-only.

    ``tls_of_session()`` gives the TLS version of the session that calls it, as the database saw it.
    """
    seed.seed_flights(glue_account, months=())
    aws = clients(glue_account)
    password = secrets.token_urlsafe(24)
    superuser(f"create role writer login password '{password}'")
    superuser("grant create, usage on schema public to writer")
    superuser(
        "create or replace function tls_of_session() returns text language sql as "
        "'select version from pg_stat_ssl where pid = pg_backend_pid()'"
    )
    secret = json.dumps({"username": "writer", "password": password})
    aws("secretsmanager").create_secret(Name="tests/writer", SecretString=secret)
    properties = aws("glue").get_connection(Name=seed.CONNECTION)["Connection"]["ConnectionProperties"]
    aws("glue").create_connection(
        ConnectionInput={
            "Name": "writer-postgres",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {**properties, "SECRET_ID": "tests/writer"},
        }
    )
    return SimpleNamespace(name="writer-postgres", password=password)


@pytest.fixture
def unencrypted_heads(monkeypatch):
    """``with unencrypted_heads(store):`` every HEAD returns AES256."""
    from glue_secure.aws.s3 import S3ObjectStore
    from glue_secure.core.objects import ObjectEncryption

    @contextlib.contextmanager
    def block():
        with monkeypatch.context() as patch:
            patch.setattr(
                S3ObjectStore, "encryption", lambda _, uri: ObjectEncryption(uri, "AES256", "", False, 1)
            )
            yield

    return block
