"""Fill the embedded account: the flights, the tables beside them, and the job that joins the two.

Everything here can be called again: what is there stays as it is, objects above all, whose
modification time job bookmarks go by.
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
    """What the account holds for the job ``flights_curated``.

    Attributes:
        provisioned: key ARNs and the strict configuration's name.
        landing: bucket of the flights, one object a month under ``source``.
        curated: bucket of the results, under ``target``.
        evidence: bucket of bookmarks and evidence.
        job: the Glue job's name.
        connection: the Glue connection's name.
        secret_arn: the secret with the connection's user and password.
        role: the job's IAM role name.
        rows: rows landed, by month, of the months asked for.
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
    """Make keys, buckets, configuration, secret, connection, tables and job, and land months of flights.

    Args:
        account: a running account.
        months: 1 to 12.
        progress: told in words what is going on.
    """
    say = progress or artifacts.no_progress
    say("seeding: keys, buckets, the strict security configuration")
    provisioned = provision(account)
    say("seeding: airlines, airports and planes in PostgreSQL")
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
            "--source": SOURCE,
            "--target": TARGET,
            "--connection": CONNECTION,
        },
    )
    rows = _land(account, months, provisioned, say)
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
    """Land one more month of flights. Returns its rows, whether it was there already or not."""
    return dict(_land(account, (month,), provision(account), artifacts.no_progress))[month]


def ensure_job(account: EmbeddedAccount, name: str, script: Path | None = None) -> dict[str, Any]:
    """The job's definition as GetJob tells it; a job not known yet is made, under the strict configuration.

    Args:
        account: a running account.
        name: the job's name.
        script: uploaded for a job that is made; None for one that runs inside a test.
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
        held = manager.get_secret_value(SecretId=SECRET)
        return str(held["ARN"]), str(json.loads(held["SecretString"])["password"])
    except manager.exceptions.ResourceNotFoundException:
        password = secrets.token_urlsafe(24)
        made = manager.create_secret(
            Name=SECRET,
            KmsKeyId=provisioned.data_key,
            SecretString=json.dumps({"username": flights.READER, "password": password}),
        )
        return str(made["ARN"]), password


def _connection(account: EmbeddedAccount, provisioned: ProvisionedAccount) -> None:
    _put(account, _CERTIFICATE_KEY, account.ca_pem.read_bytes(), provisioned.data_key)
    server = account.postgres
    wanted = {
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
        glue.create_connection(ConnectionInput=wanted)


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
            "--job-bookmark-option": "job-bookmark-enable",
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
    account: EmbeddedAccount, months: Collection[int], provisioned: ProvisionedAccount, say: Progress
) -> tuple[tuple[int, int], ...]:
    s3 = clients(account)("s3")
    landed: dict[int, int] = {}
    for month in months:
        try:
            held = s3.head_object(Bucket=LANDING, Key=_flights_key(month))
            landed[month] = int(held["Metadata"]["rows"])
        except s3.exceptions.ClientError as error:
            if error_code(error) != "404":
                raise
    for one in flights.months_of_flights([m for m in months if m not in landed]):
        say(f"seeding: flights of 2013-{one.month:02}, {one.rows} rows")
        _put(account, _flights_key(one.month), one.csv, provisioned.data_key, rows=one.rows)
        landed[one.month] = one.rows
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
