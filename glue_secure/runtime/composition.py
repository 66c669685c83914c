"""The composition root: the one place that reads the environment, makes clients, and chooses the runtime."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from glue_secure import __version__
from glue_secure.aws.glue import GlueControlPlane
from glue_secure.aws.kms import KmsKeyService, strict_master_key_provider
from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.aws.secrets import SecretsManagerStore
from glue_secure.aws.session import AwsSession
from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI, JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.runtime.ports import Engine
from glue_secure.runtime.run import Services

RUNTIME = "GLUE_SECURE_RUNTIME"
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


def services(environ: Mapping[str, str] | None = None) -> Services:
    """Clients from boto3's own chain."""
    environ = os.environ if environ is None else environ
    custom = any(name.startswith("AWS_ENDPOINT_URL") for name in environ)
    session = AwsSession.from_chain(path_style=custom, requests_ca_bundle=environ.get("REQUESTS_CA_BUNDLE"))

    def master_key_provider(key: KmsKeyArn) -> Any:
        return strict_master_key_provider(key, botocore_session=session.botocore)

    return Services(
        environment=session,
        control_plane=GlueControlPlane(client=session.client("glue")),
        keys=KmsKeyService(client=session.client("kms")),
        objects=S3ObjectStore(client=session.client("s3")),
        secrets=SecretsManagerStore(client=session.client("secretsmanager")),
        clock=SystemClock(),
        master_key_provider=master_key_provider,
        versions=_versions(),
    )


def require_runtime(environ: Mapping[str, str] | None = None) -> None:
    """Refuse, before anything is started, when the environment names no runtime that is served here."""
    environ = os.environ if environ is None else environ
    chosen = environ.get(RUNTIME, "")
    if chosen != "spark":
        raise UsageError(
            RUNTIME,
            found=repr(chosen) if chosen else "not set",
            required="spark (the plain-Spark runtime; the awsglue runtime is not part of this version)",
            fix=f"export {RUNTIME}=spark, or start the script with: glue-secure run SCRIPT",
        )


def engine(spark: Any, environ: Mapping[str, str] | None = None) -> Engine:
    """The runtime that the environment names. An import that failed never chooses one."""
    require_runtime(environ)
    from glue_secure.runtime.spark.engine import SparkEngine

    return SparkEngine(spark=spark)


def arguments(argv: list[str] | None = None, environ: Mapping[str, str] | None = None) -> JobArguments:
    """The job's arguments; what the command line leaves out may come from the environment."""
    environ = os.environ if environ is None else environ
    given = JobArguments.parse(sys.argv if argv is None else argv)
    fallback = {
        name: environ[variable] for variable, name in _FROM_ENVIRONMENT.items() if environ.get(variable)
    }
    missing = {name: value for name, value in fallback.items() if given.get(name) is None}
    return JobArguments({**missing, **given.values})


def fresh_run_id() -> str:
    """An id for a run that no control plane started, in Glue's form."""
    return f"jr_{uuid.uuid4().hex}"


def _versions() -> dict[str, str]:
    found = {"glue-secure": __version__, "python": sys.version.split()[0]}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "bundled"
    return found
