"""Fill the embedded account: flights in S3, tables in PostgreSQL, and the job that joins them.

Every function can be called repeatedly and does not change what exists. Objects in particular are not written
again, because job bookmarks select by modification time.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glue_secure.embedded import artifacts, flights
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import (
    BOOKMARKS_URI,
    CURATED,
    EVIDENCE,
    EVIDENCE_URI,
    LANDING,
    ROLE,
    ProvisionedAccount,
    provision,
)
from glue_secure.embedded.artifacts import Progress
from glue_secure.embedded.clients import clients, error_code

__all__ = ["FlightsSeed", "clients", "ensure_job", "land_month", "seed_flights"]

JOB = "flights_curated"
CONNECTION = "ops-postgres"
SECRET = "glue-secure/ops-postgres"  # noqa: S105  the secret's name
SOURCE = f"s3://{LANDING}/flights/"
TARGET = f"s3://{CURATED}/flights_delays/"
GLUE_VERSION = "5.1"
_CERTIFICATE_KEY = "certificates/ca.pem"


@dataclass(frozen=True, slots=True)
class FlightsSeed:
    """The resources of the job ``flights_curated``.

    Attributes:
        provisioned: key ARNs and the name of the strict security configuration.
        landing: bucket of the flights, one object per month under ``source``.
        curated: bucket of the results, under ``target``.
        evidence: bucket of bookmarks and evidence.
        job: name of the Glue job.
        connection: name of the Glue connection.
        secret_arn: ARN of the secret with the connection's user and password.
        role: name of the job's IAM role.
        rows: pairs of month and number of rows, for the requested months.
    """

    provisioned: ProvisionedAccount
    landing: str
    curated: str
    evidence: str
    source: str
    target: str
    bookmarks_uri: str
    evidence_uri: str
    job: str
    connection: str
    secret_arn: str
    role: str
    rows: tuple[tuple[int, int], ...]


def seed_flights(
    account: EmbeddedAccount,
    *,
    months: Collection[int] = range(1, 12),
    progress: Progress | None = None,
) -> FlightsSeed:
    """Create keys, buckets, configuration, secret, connection, tables and job, and upload flights.

    Args:
        account: a running account.
        months: the months to upload, 1 to 12.
        progress: called with messages about the progress.
    """
    report = progress or artifacts.no_progress
    report("seeding: keys, buckets, the strict security configuration")
    provisioned = provision(account)
    report("seeding: airlines, airports and planes in PostgreSQL")
    secret_arn, password = _secret(account, provisioned)
    flights.load_tables(account, password)
    _connection(account, provisioned)
    _job(
        account,
        JOB,
        f"s3://{LANDING}/scripts/{JOB}.py",
        provisioned,
        connections=(CONNECTION,),
        arguments={
            "--job-bookmark-option": "job-bookmark-enable",
            "--source": SOURCE,
            "--target": TARGET,
            "--connection": CONNECTION,
        },
    )
    rows = _land(account, months, provisioned, report)
    return FlightsSeed(
        provisioned=provisioned,
        landing=LANDING,
        curated=CURATED,
        evidence=EVIDENCE,
        source=SOURCE,
        target=TARGET,
        bookmarks_uri=BOOKMARKS_URI,
        evidence_uri=EVIDENCE_URI,
        job=JOB,
        connection=CONNECTION,
        secret_arn=secret_arn,
        role=ROLE,
        rows=rows,
    )


def land_month(account: EmbeddedAccount, month: int) -> int:
    """Upload one more month of flights, unless it exists. Return its number of rows."""
    return dict(_land(account, (month,), provision(account), artifacts.no_progress))[month]


def ensure_job(account: EmbeddedAccount, name: str, script: Path | None = None) -> dict[str, Any]:
    """Return the job's definition as GetJob returns it. Create the job if it does not exist.

    A created job has the strict security configuration. As in Glue, its bookmarks are disabled unless an
    argument of the run enables them.

    Args:
        account: a running account.
        name: the job's name.
        script: the script to upload for a created job; None for a job that runs inside a test.
    """
    glue = clients(account)("glue")
    try:
        return dict(glue.get_job(JobName=name)["Job"])
    except glue.exceptions.ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
    provisioned = provision(account)
    key = f"scripts/{script.name if script else name + '.py'}"
    if script is not None:
        _put(account, key, script.read_bytes(), provisioned.data_key)
    return _job(account, name, f"s3://{LANDING}/{key}", provisioned)


def _secret(account: EmbeddedAccount, provisioned: ProvisionedAccount) -> tuple[str, str]:
    manager = clients(account)("secretsmanager")
    try:
        secret = manager.get_secret_value(SecretId=SECRET)
        return str(secret["ARN"]), str(json.loads(secret["SecretString"])["password"])
    except manager.exceptions.ResourceNotFoundException:
        password = secrets.token_urlsafe(24)
        created = manager.create_secret(
            Name=SECRET,
            KmsKeyId=provisioned.data_key,
            SecretString=json.dumps({"username": flights.READER, "password": password}),
        )
        return str(created["ARN"]), password


def _connection(account: EmbeddedAccount, provisioned: ProvisionedAccount) -> None:
    _put(account, _CERTIFICATE_KEY, account.ca_pem.read_bytes(), provisioned.data_key)
    server = account.postgres
    definition = {
        "Name": CONNECTION,
        "ConnectionType": "JDBC",
        "ConnectionProperties": {
            "JDBC_CONNECTION_URL": f"jdbc:postgresql://{server.host}:{server.port}/{server.database}",
            "JDBC_ENFORCE_SSL": "true",
            "CUSTOM_JDBC_CERT": f"s3://{LANDING}/{_CERTIFICATE_KEY}",
            "SECRET_ID": SECRET,
        },
    }
    glue = clients(account)("glue")
    with suppress(glue.exceptions.AlreadyExistsException):
        glue.create_connection(ConnectionInput=definition)


def _job(
    account: EmbeddedAccount,
    name: str,
    script: str,
    provisioned: ProvisionedAccount,
    *,
    connections: Sequence[str] = (),
    arguments: dict[str, str] | None = None,
) -> dict[str, Any]:
    glue = clients(account)("glue")
    try:
        return dict(glue.get_job(JobName=name)["Job"])
    except glue.exceptions.ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
    glue.create_job(
        Name=name,
        Role=ROLE,
        Command={"Name": "glueetl", "ScriptLocation": script, "PythonVersion": "3"},
        GlueVersion=GLUE_VERSION,
        DefaultArguments={
            "--enable-continuous-cloudwatch-log": "true",
            "--glue-secure-bookmark-uri": BOOKMARKS_URI,
            "--glue-secure-evidence-uri": EVIDENCE_URI,
            **(arguments or {}),
        },
        Connections={"Connections": list(connections)},
        ExecutionProperty={"MaxConcurrentRuns": 10},
        SecurityConfiguration=provisioned.security_configuration,
    )
    return dict(glue.get_job(JobName=name)["Job"])


def _land(
    account: EmbeddedAccount, months: Collection[int], provisioned: ProvisionedAccount, report: Progress
) -> tuple[tuple[int, int], ...]:
    s3 = clients(account)("s3")
    landed: dict[int, int] = {}
    for month in months:
        try:
            head = s3.head_object(Bucket=LANDING, Key=_flights_key(month))
            landed[month] = int(head["Metadata"]["rows"])
        except s3.exceptions.ClientError as error:
            if error_code(error) != "404":
                raise
    for batch in flights.months_of_flights([month for month in months if month not in landed]):
        report(f"seeding: flights of 2013-{batch.month:02}, {batch.rows} rows")
        _put(account, _flights_key(batch.month), batch.csv, provisioned.data_key, rows=batch.rows)
        landed[batch.month] = batch.rows
    return tuple(sorted(landed.items()))


def _flights_key(month: int) -> str:
    return f"flights/2013-{month:02}.csv"


def _put(account: EmbeddedAccount, key: str, body: bytes, kms_key: str, **metadata: int) -> None:
    clients(account)("s3").put_object(
        Bucket=LANDING,
        Key=key,
        Body=body,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=kms_key,
        Metadata={name: str(value) for name, value in metadata.items()},
    )
