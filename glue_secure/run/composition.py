"""The composition root: the one place that reads the environment, makes clients, and chooses the runtime."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from glue_secure import __version__
from glue_secure.aws.columns import ColumnSource
from glue_secure.aws.dynamodb import DynamoDbHighWaterMarkStore
from glue_secure.aws.glue import GlueControlPlane
from glue_secure.aws.kms import KmsKeyService, strict_master_key_provider
from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.aws.secrets import CredentialStore
from glue_secure.aws.session import AwsSession
from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI, JobArguments, JobIdentity
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.ports import Engine, Services
from glue_secure.engines import package_distribution
from glue_secure.run import runtime_selection

RUNTIME = runtime_selection.RUNTIME
STREAMING = "GLUE_SECURE_STREAMING"
# Locations that a laptop's environment may give where the job's arguments do not.
_FROM_ENVIRONMENT = {
    "GLUE_SECURE_BOOKMARK_URI": BOOKMARK_URI,
    "GLUE_SECURE_EVIDENCE_URI": EVIDENCE_URI,
}
_PACKAGES = ("boto3", "aws-encryption-sdk", "cryptography", "pyspark")


class SystemClock:
    """Satisfies ``ports.Clock``."""

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.now(timezone.utc)


def key_service(session: AwsSession) -> KmsKeyService:
    """AWS KMS, for commands."""
    return KmsKeyService(client=session.client("kms"))


def catalog_settings(session: AwsSession) -> GlueControlPlane:
    """AWS Glue as commands change its settings."""
    return GlueControlPlane(client=session.client("glue"))


def aws_session(environ: Mapping[str, str] | None = None) -> AwsSession:
    """The session that boto3's own chain finds."""
    environ = os.environ if environ is None else environ
    custom = any(name.startswith("AWS_ENDPOINT_URL") for name in environ)
    return AwsSession.from_chain(path_style=custom, requests_ca_bundle=environ.get("REQUESTS_CA_BUNDLE"))


@dataclass(frozen=True, slots=True)
class ExecutorS3:
    """Makes the driver's S3 client again where a task runs.

    Where requests go travels with the task. Who asks does not: credentials and the bundle of authorities are
    what boto3's own chain finds over there, in Glue the job's role.
    """

    endpoint: str
    region: str
    path_style: bool

    def __call__(self) -> S3ObjectStore:
        """One client for each Python process and place."""
        return _executor_s3(self)


@cache
def _executor_s3(place: ExecutorS3) -> S3ObjectStore:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    session = AwsSession.from_chain(
        path_style=place.path_style, requests_ca_bundle=bundle, region=place.region
    )
    return S3ObjectStore(client=session.client("s3", place.endpoint))


def services(environ: Mapping[str, str] | None = None) -> Services:
    """Clients from boto3's own chain."""
    environ = os.environ if environ is None else environ
    session = aws_session(environ)
    session.client("secretsmanager")  # an endpoint without TLS is refused before anything starts

    def master_key_provider(key: KmsKeyArn) -> Any:
        return strict_master_key_provider(key, botocore_session=session.botocore)

    def high_water(table: str, bookmark: str) -> DynamoDbHighWaterMarkStore:
        return DynamoDbHighWaterMarkStore(client=session.client("dynamodb"), table=table, bookmark=bookmark)

    return Services(
        environment=session,
        control_plane=GlueControlPlane(client=session.client("glue")),
        keys=KmsKeyService(client=session.client("kms")),
        objects=S3ObjectStore(client=session.client("s3")),
        secrets=CredentialStore(client=session.client),
        clock=SystemClock(),
        master_key_provider=master_key_provider,
        versions=_versions(),
        streams_end_when_drained=_streams_end(environ),
        high_water=high_water,
        driver_s3=session,
        remote_objects=ExecutorS3(session.s3_endpoint, session.region, session.path_style),
        columns=ColumnSource(clients=session.client),
    )


def require_runtime(environ: Mapping[str, str] | None = None) -> None:
    """Refuse, before anything is started, when the environment names no runtime that is served here."""
    runtime_selection.runtime(environ)


def engine(spark: Any, environ: Mapping[str, str] | None = None) -> Engine:
    """The runtime that the environment names. An import that failed never chooses one."""
    chosen = runtime_selection.runtime(environ)
    package_distribution.ship_package(spark)
    if chosen == runtime_selection.GLUE:
        from glue_secure.engines.awsglue.engine import GlueEngine

        return GlueEngine(spark=spark)
    from glue_secure.engines.spark.engine import SparkEngine

    return SparkEngine(spark=spark)


def require_glue_libraries(spark: Any, environ: Mapping[str, str] | None = None) -> None:
    """Refuse, in the awsglue runtime, a session whose JVM lacks Glue's classes."""
    if runtime_selection.runtime(environ) == runtime_selection.GLUE:
        from glue_secure.engines.awsglue.jvm_call_guard import require_glue_classes

        require_glue_classes(spark._jvm)


def glue_commit(
    spark: Any, identity: JobIdentity, arguments: JobArguments, environ: Mapping[str, str] | None = None
) -> Callable[[], None] | None:
    """For a job without GlueContext: Glue's ``Job.init`` now, and its ``Job.commit`` to call; else None.

    The security configuration takes effect in ``Job.init``.
    """
    if runtime_selection.runtime(environ) != runtime_selection.GLUE:
        return None
    from glue_secure.engines.awsglue.glue_job import init_job

    return init_job(spark, identity.job, arguments.values)


def arguments(argv: list[str] | None = None, environ: Mapping[str, str] | None = None) -> JobArguments:
    """The job's arguments; what the command line leaves out may come from the environment."""
    environ = os.environ if environ is None else environ
    given = JobArguments.parse(sys.argv if argv is None else argv)
    fallback = {
        name: environ[variable] for variable, name in _FROM_ENVIRONMENT.items() if environ.get(variable)
    }
    return given.underlaid(fallback)


def fresh_run_id() -> str:
    """An id for a run that no control plane started, in Glue's form."""
    return f"jr_{uuid.uuid4().hex}"


def _streams_end(environ: Mapping[str, str]) -> bool:
    """Whether a stream handles what is there and returns; in Glue it runs until the job is stopped."""
    chosen = environ.get(STREAMING, "")
    if chosen not in ("", "available-now"):
        raise UsageError(
            STREAMING, found=repr(chosen), required="available-now, or not set: the stream runs on"
        )
    return chosen == "available-now"


def _versions() -> dict[str, str]:
    found = {"glue-secure": __version__, "python": sys.version.split()[0]}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "bundled"
    return found
