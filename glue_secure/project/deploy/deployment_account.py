"""The account to deploy to, found by boto3's credential chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.aws.deployment import DeploymentAccount
from glue_secure.aws.job_runs import JobRuns
from glue_secure.aws.logs import JobLogs
from glue_secure.core.service import ServiceError
from glue_secure.project.deploy.plan import aws_unavailable
from glue_secure.run.composition import aws_session


def deployment_account(environ: Mapping[str, str] | None = None) -> tuple[DeploymentAccount, str]:
    """Return the account and its description, for example ``123456789012 in eu-west-1 (aws)``.

    Raises:
        UsageError: No region is configured.
        RefusedError: An endpoint has no TLS (GS-S3-002).
        VerificationError: The account cannot be determined (GS-SEC-008).
    """
    session = aws_session(environ)
    try:
        number, caller = session.account, session.caller
    except ServiceError as error:
        raise aws_unavailable(error) from error
    account = DeploymentAccount(
        glue=session.client("glue"),
        kms=session.client("kms"),
        s3=session.client("s3"),
        account=number,
        region=session.region,
        partition=caller.split(":")[1] if caller.startswith("arn:") else "aws",
    )
    return account, f"{number} in {session.region} ({session.kind})"


def glue_client(environ: Mapping[str, str] | None = None) -> tuple[Any, str]:
    """Return a client of AWS Glue and the account's description. Raises as :func:`deployment_account`."""
    session = aws_session(environ)
    try:
        return session.client("glue"), f"{session.account} in {session.region} ({session.kind})"
    except ServiceError as error:
        raise aws_unavailable(error) from error


def job_logs(environ: Mapping[str, str] | None = None) -> JobLogs:
    """Return the account's CloudWatch Logs. Raises UsageError, RefusedError."""
    return JobLogs(client=aws_session(environ).client("logs"))


def job_runs(environ: Mapping[str, str] | None = None) -> JobRuns:
    """Return the account's job runs. Raises UsageError, RefusedError."""
    return JobRuns(client=aws_session(environ).client("glue"))
