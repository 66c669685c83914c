import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from glue_secure.embedded import account_setup, fault_injection
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients
from glue_secure.embedded.flights import READER
from glue_secure.embedded.seed import (
    CONNECTION,
    JOB,
    SECRET,
    FlightsSeed,
    ensure_job,
    land_month,
    seed_flights,
)


@pytest.fixture(scope="module")
def seeded(account: EmbeddedAccount) -> Iterator[FlightsSeed]:
    yield seed_flights(account, months=(1, 2))


def test_seeding_again_does_not_change_objects(account: EmbeddedAccount, seeded: FlightsSeed) -> None:
    s3 = clients(account)("s3")
    before = s3.list_objects_v2(Bucket=seeded.landing)["Contents"]
    assert seed_flights(account, months=(1, 2)) == seeded
    after = s3.list_objects_v2(Bucket=seeded.landing)["Contents"]
    times = [
        {e["Key"]: e["LastModified"] for e in c if e["Key"].startswith("flights/")} for c in (before, after)
    ]
    assert times[0] == times[1]


def test_a_month_is_one_object_with_the_data_key(account: EmbeddedAccount, seeded: FlightsSeed) -> None:
    assert dict(seeded.rows) == {1: 27004, 2: 24951}
    assert land_month(account, 12) == 28135
    stored = clients(account)("s3").get_object(Bucket=seeded.landing, Key="flights/2013-12.csv")
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", seeded.provisioned.data_key)
    lines = stored["Body"].read().splitlines()
    assert len(lines) == 28135 + 1
    assert {line.split(b",", 2)[1] for line in lines[1:]} == {b"12"}


def test_the_job_s_role_reads_and_does_not_write(account: EmbeddedAccount, seeded: FlightsSeed) -> None:
    secret = clients(account)("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
    credentials = json.loads(secret)
    assert credentials["username"] == READER
    with psycopg.connect(
        host="localhost",
        port=account.postgres.port,
        dbname=account.postgres.database,
        user=credentials["username"],
        password=credentials["password"],
        sslmode="verify-full",
        sslrootcert=str(account.ca_pem),
        autocommit=True,
    ) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
            for table in ("airlines", "airports", "planes")
        ]
        assert counts == [(16,), (1458,), (3322,)]
        row = connection.execute("SELECT count(*) FROM planes WHERE year IS NULL OR speed IS NULL").fetchone()
        assert row is not None
        assert row[0] > 0
        for statement in (
            "DELETE FROM planes",
            "SET default_transaction_read_only = off; DELETE FROM planes",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
                connection.execute(statement)  # type: ignore[arg-type]


def test_the_connection_contains_no_password_and_enforces_tls(
    account: EmbeddedAccount, seeded: FlightsSeed
) -> None:
    connection = clients(account)("glue").get_connection(Name=seeded.connection)["Connection"]
    properties = connection["ConnectionProperties"]
    assert connection["ConnectionType"] == "JDBC"
    assert properties["JDBC_ENFORCE_SSL"] == "true"
    assert "PASSWORD" not in properties


def test_a_changed_job_has_its_previous_runs(account: EmbeddedAccount, seeded: FlightsSeed) -> None:
    glue = clients(account)("glue")
    run = glue.start_job_run(JobName=JOB)["JobRunId"]
    before = glue.get_job(JobName=JOB)["Job"]
    weak = account_setup.put_security_configuration(account, "weak", seeded.provisioned, s3="SSE-S3")
    with fault_injection.attached_configuration(account, JOB, weak):
        assert glue.get_job(JobName=JOB)["Job"]["SecurityConfiguration"] == "weak"
    with fault_injection.attached_configuration(account, JOB, None):
        assert not glue.get_job(JobName=JOB)["Job"].get("SecurityConfiguration")
    after = glue.get_job(JobName=JOB)["Job"]
    assert {**after, "LastModifiedOn": before["LastModifiedOn"]} == before
    assert glue.get_job_run(JobName=JOB, RunId=run)["JobRun"]["Id"] == run


def test_a_connection_is_changed_during_the_block_only(account: EmbeddedAccount, seeded: FlightsSeed) -> None:
    glue = clients(account)("glue")

    def properties() -> dict[str, str]:
        return dict(glue.get_connection(Name=CONNECTION)["Connection"]["ConnectionProperties"])

    before = properties()
    with fault_injection.changed_connection(
        account, CONNECTION, JDBC_ENFORCE_SSL=None, SKIP_CUSTOM_JDBC_CERT_VALIDATION="true"
    ):
        assert "JDBC_ENFORCE_SSL" not in properties()
        assert properties()["SKIP_CUSTOM_JDBC_CERT_VALIDATION"] == "true"
    assert properties() == before


def test_a_key_is_pending_deletion_during_the_block_only(
    account: EmbeddedAccount, seeded: FlightsSeed
) -> None:
    kms = clients(account)("kms")
    key = seeded.provisioned.bookmark_key
    with fault_injection.key_pending_deletion(account, key):
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_missing_job_is_created_with_the_strict_configuration(
    account: EmbeddedAccount, tmp_path: Path
) -> None:
    script = tmp_path / "mine.py"
    script.write_text("print('hello')\n")
    job = ensure_job(account, "mine", script)
    assert job["SecurityConfiguration"] == account_setup.STRICT
    assert "--job-bookmark-option" not in job["DefaultArguments"]  # disabled, as in Glue
    assert ensure_job(account, "mine", script) == job


def test_the_user_s_own_aws_settings_do_not_reach_the_clients(
    account: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://localhost:1")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere")
    clients.cache_clear()
    assert "Buckets" in clients(account)("s3").list_buckets()
    clients.cache_clear()
