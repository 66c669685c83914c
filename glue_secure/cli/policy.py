"""The commands ``policy iam|key|bucket``: the policies of the templates, one document at a time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.cli.options import ProjectFile
from glue_secure.cli.template import put
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.governance.policies import PolicyScope, full_access_on_table
from glue_secure.project.model import Connection, Project
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.project.templates import design

app = typer.Typer(help="Least-privilege IAM, key and bucket policies, as JSON.", no_args_is_help=True)

Account = Annotated[str, typer.Option("--account", help="Account id, twelve digits.")]
Region = Annotated[str, typer.Option("--region", help="Region of the jobs.")]
Partition = Annotated[str, typer.Option("--partition", help="aws, aws-cn or aws-us-gov.")]
Key = Annotated[str, typer.Option("--key", help="ARN of the KMS key that encrypts the data.")]
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d\Z")


@app.command()
def iam(
    account: Account,
    region: Region,
    job: Annotated[str | None, typer.Option(help="Print the policy of this job's role.")] = None,
    deployer: Annotated[bool, typer.Option("--deployer", help="Print the policy of the deployer.")] = False,
    table: Annotated[
        str | None, typer.Option(help="Print a policy for full access to DATABASE.TABLE.")
    ] = None,
    key: Key = "",
    vpc: Annotated[str, typer.Option(help="Id of the VPC, for jobs in a VPC.")] = "",
    subnet: Annotated[list[str] | None, typer.Option(help="A subnet of the VPC; may be repeated.")] = None,
    security_group: Annotated[str, typer.Option(help="Security group of the jobs.")] = "",
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "aws",
) -> None:
    """Print the policy of a job's role, of the deployer, or for full access to one table.

    A policy of a job or of the deployer is for the project file.
    """
    scope = _scope(account, region, partition)
    if [job is not None, deployer, table is not None].count(True) != 1:
        raise UsageError(
            "policy iam", found="none or several options", required="one of --job, --deployer, --table"
        )
    if table is not None:
        database, dot, name = table.partition(".")
        if not dot:
            raise UsageError("--table", found=repr(table), required="DATABASE.TABLE")
        put(full_access_on_table(scope, database, name).to_json(), None)
        return
    definition = read(project)
    refs = _references(definition, scope, key, vpc, tuple(subnet or ()), security_group)
    if definition.vpc and not (vpc and subnet and security_group):
        raise UsageError(
            "policy iam",
            found="a project with a VPC",
            required="--vpc, --subnet and --security-group",
            fix="copy the ids from the stack's resources, or use the template, which refers to them",
        )
    if job is None:
        if not key:
            raise UsageError(
                "--key", found="missing", required="--key ARN, the KMS key that encrypts the data"
            )
        put(design.deployer_policy(definition, refs).to_json(), None)
    elif job in definition.jobs:
        put(design.role_policy(definition, definition.jobs[job], refs).to_json(), None)
    else:
        raise UsageError("--job", found=repr(job), required=", ".join(definition.jobs))


@app.command("key")
def key_(
    purpose: Annotated[str, typer.Argument(help="data, bookmarks, logs or catalog.")],
    account: Account,
    region: Region,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "aws",
) -> None:
    """Print the policy of a key of the project."""
    definition = read(project)
    policies = design.key_policies(definition, _references(definition, _scope(account, region, partition)))
    if purpose not in policies:
        raise UsageError("PURPOSE", found=repr(purpose), required=", ".join(policies))
    put(policies[purpose].to_json(), None)


@app.command()
def bucket(
    alias: Annotated[str, typer.Argument(help="Alias of the bucket in the project file.")],
    account: Account,
    region: Region,
    key: Key,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "aws",
) -> None:
    """Print the policy of a bucket of the project: TLS only, and one key."""
    definition = read(project)
    if alias not in definition.buckets:
        raise UsageError("ALIAS", found=repr(alias), required=", ".join(definition.buckets))
    refs = _references(definition, _scope(account, region, partition), key)
    put(design.bucket_policy(definition.buckets[alias], refs).to_json(), None)


def _scope(account: str, region: str, partition: str) -> PolicyScope:
    for option, value, pattern, required in (
        ("--account", account, r"\d{12}\Z", "twelve digits"),
        ("--region", region, _REGION, "a region, like eu-west-1"),
        ("--partition", partition, r"aws(-[a-z]+)*\Z", "aws, aws-cn or aws-us-gov"),
    ):
        if not re.match(pattern, value):
            raise UsageError(option, found=repr(value), required=required)
    return PolicyScope(region, account, partition)


def _references(
    project: Project,
    scope: PolicyScope,
    key: str = "",
    vpc: str = "",
    subnets: tuple[str, ...] = (),
    security_group: str = "",
) -> design.References:
    if key:
        KmsKeyArn.parse(key)

    def secret(connection: Connection) -> str:
        # Secrets Manager appends a dash and six characters to the name of a secret.
        return scope.arn("secretsmanager", f"secret:{connection.secret}-??????")

    return design.References(
        scope,
        role=lambda job: scope.role(project.role(job)),
        key=lambda _: key,
        secret=secret,
        vpc=vpc,
        subnets=subnets,
        security_group=security_group,
    )
