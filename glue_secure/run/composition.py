"""The composition root: reads the environment and creates the clients of a process."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from glue_secure import __version__
from glue_secure.aws.columns import ColumnSource
from glue_secure.aws.dynamodb import DynamoDbHighWaterMarkStore
from glue_secure.aws.ecr import EcrImages
from glue_secure.aws.glue import GlueControlPlane
from glue_secure.aws.kms import KmsKeyService, strict_master_key_provider
from glue_secure.aws.metastore import GlueMetastore
from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.aws.secrets import CredentialStore
from glue_secure.aws.session import RUN_SERVICES, AwsSession
from glue_secure.aws.stores import DynamoDbTables, KinesisStreams
from glue_secure.aws.table_buckets import S3TableBuckets
from glue_secure.aws.tls import check_variables
from glue_secure.core.arguments import (
    BOOKMARK_URI,
    EVIDENCE_KEY,
    EVIDENCE_SIGNING_KEY,
    EVIDENCE_URI,
    JobArguments,
)
from glue_secure.core.dynamodb import DynamoDbAccess
from glue_secure.core.endpoints import endpoint_kind
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.ports import Services

STREAMING = "GLUE_SECURE_STREAMING"
# Environment variables that set arguments for local runs, if the command line does not.
_FROM_ENVIRONMENT = {
    "GLUE_SECURE_BOOKMARK_URI": BOOKMARK_URI,
    "GLUE_SECURE_EVIDENCE_URI": EVIDENCE_URI,
    "GLUE_SECURE_EVIDENCE_KEY": EVIDENCE_KEY,
    "GLUE_SECURE_EVIDENCE_SIGNING_KEY": EVIDENCE_SIGNING_KEY,
}
_PACKAGES = ("boto3", "botocore", "aws-encryption-sdk", "cryptography", "pyspark")


class SystemClock:
    """The system clock."""

    def now(self) -> datetime:
        """Return the current time, UTC."""
        return datetime.now(timezone.utc)


def key_service(session: AwsSession) -> KmsKeyService:
    """Return AWS KMS, for commands. An ARN may name a key of another AWS Region."""

    def in_region(region: str) -> Any:
        bundle = os.environ.get("REQUESTS_CA_BUNDLE")
        return AwsSession.from_chain(requests_ca_bundle=bundle, region=region).client("kms")

    return KmsKeyService(client=session.client("kms"), in_region=in_region)


def catalog_settings(session: AwsSession) -> GlueControlPlane:
    """Return AWS Glue, for commands that change the Data Catalog's settings."""
    return GlueControlPlane(client=session.client("glue"))


def aws_session(environ: Mapping[str, str] | None = None) -> AwsSession:
    """Return the session of boto3's default credential chain."""
    environ = os.environ if environ is None else environ
    custom = any(name.startswith("AWS_ENDPOINT_URL") for name in environ)
    return AwsSession.from_chain(path_style=custom, requests_ca_bundle=environ.get("REQUESTS_CA_BUNDLE"))


@dataclass(frozen=True, slots=True)
class ExecutorS3:
    """Creates an S3 client on an executor for the driver's endpoint.

    It is sent with a task, so it contains no credentials: boto3's default chain on the executor finds them
    (in AWS Glue, the job's role), and the CA bundle of the environment there is used.
    """

    endpoint: str
    region: str
    path_style: bool

    def __call__(self) -> S3ObjectStore:
        """Return the client; there is one for each Python process and endpoint."""
        return _executor_s3(self)


@cache
def _executor_s3(target: ExecutorS3) -> S3ObjectStore:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    session = AwsSession.from_chain(
        path_style=target.path_style, requests_ca_bundle=bundle, region=target.region
    )
    return S3ObjectStore(client=session.client("s3", target.endpoint))


@dataclass(frozen=True, slots=True)
class ExecutorDynamoDb:
    """Creates a client of Amazon DynamoDB, on the driver or on an executor. It contains no credentials."""

    endpoint: str | None
    region: str
    role: str
    session: str

    def __call__(self) -> DynamoDbTables:
        """Return the client; there is one for each Python process and access."""
        return _dynamodb(self)


@cache
def _dynamodb(target: ExecutorDynamoDb) -> DynamoDbTables:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    session = AwsSession.from_chain(requests_ca_bundle=bundle, region=target.region)
    if target.role:
        session = session.assuming(target.role, target.session)
    return DynamoDbTables(client=session.client("dynamodb", target.endpoint))


def check_environment(environ: Mapping[str, str] | None = None) -> None:
    """Check the environment variables of a run, without boto3 and before Spark starts.

    Raises:
        UsageError: ``GLUE_SECURE_STREAMING`` or the URL of an endpoint is invalid.
        RefusedError: an endpoint is not https, or ``AWS_CA_BUNDLE`` is empty (GS-S3-002).
    """
    environ = os.environ if environ is None else environ
    check_variables(environ, RUN_SERVICES)
    _streams_end(environ)


def services(environ: Mapping[str, str] | None = None) -> Services:
    """Return the services of a run, with the credentials of boto3's default chain.

    Raises:
        RefusedError: an endpoint without TLS.
    """
    environ = os.environ if environ is None else environ
    session = aws_session(environ)
    session.client("secretsmanager")  # rejects an endpoint without TLS before the run starts

    def master_key_provider(key: KmsKeyArn) -> Any:
        return strict_master_key_provider(key, botocore_session=session.botocore)

    def high_water(table: str, bookmark: str) -> DynamoDbHighWaterMarkStore:
        return DynamoDbHighWaterMarkStore(client=session.client("dynamodb"), table=table, bookmark=bookmark)

    def dynamodb(access: DynamoDbAccess) -> ExecutorDynamoDb:
        endpoint = session.client("dynamodb").meta.endpoint_url
        custom = endpoint if endpoint_kind(endpoint) != "aws" else None
        return ExecutorDynamoDb(custom, access.region or session.region, access.role, access.session)

    def in_region(service: str, region: str) -> Any:
        if region in ("", session.region):
            return session.client(service)
        bundle = environ.get("REQUESTS_CA_BUNDLE")
        return AwsSession.from_chain(requests_ca_bundle=bundle, region=region).client(service)

    def kinesis(region: str) -> KinesisStreams:
        return KinesisStreams(client=in_region("kinesis", region))

    glue = session.client("glue")
    return Services(
        environment=session,
        control_plane=GlueControlPlane(client=glue),
        metastore=GlueMetastore(client=glue),
        keys=KmsKeyService(client=session.client("kms"), in_region=lambda region: in_region("kms", region)),
        objects=S3ObjectStore(client=session.client("s3")),
        secrets=CredentialStore(client=session.client),
        clock=SystemClock(),
        master_key_provider=master_key_provider,
        versions=_versions(),
        endpoints=session.endpoints,
        streams_end_when_drained=_streams_end(environ),
        high_water=high_water,
        driver_s3=session,
        dynamodb=dynamodb,
        kinesis=kinesis,
        images=EcrImages(lambda region: in_region("ecr", region)),
        table_buckets=lambda region: S3TableBuckets(client=in_region("s3tables", region)),
        remote_objects=ExecutorS3(session.s3_endpoint, session.region, session.path_style),
        columns=ColumnSource(clients=session.client),
    )


def arguments(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> JobArguments:
    """Return the job's arguments. The environment sets the locations of bookmark and evidence by default.

    Args:
        argv: arguments in the form of ``sys.argv``, which is the default.
        environ: environment variables, by default those of the process.
    """
    environ = os.environ if environ is None else environ
    fallback = {
        name: environ[variable] for variable, name in _FROM_ENVIRONMENT.items() if environ.get(variable)
    }
    return JobArguments.parse(sys.argv if argv is None else argv).with_defaults(fallback)


def fresh_run_id() -> str:
    """Return an id for a run that AWS Glue did not start, in Glue's format."""
    return f"jr_{uuid.uuid4().hex}"


def _streams_end(environ: Mapping[str, str]) -> bool:
    """Return whether a stream ends when it has processed the available data."""
    value = environ.get(STREAMING, "")
    if value not in ("", "available-now"):
        raise UsageError(
            STREAMING, found=repr(value), required="available-now, or not set (the stream runs until stopped)"
        )
    return value == "available-now"


def _versions() -> dict[str, str]:
    versions = {"glue-secure": __version__, "python": sys.version.split()[0]}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "bundled"
    return versions
