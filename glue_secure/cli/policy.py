"""The commands ``policy iam|key|bucket``: the documents of the templates, one by one, for one account."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Optional

import typer

from glue_secure.cli.template import put
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.governance.policies import PolicyScope, full_access_on_table
from glue_secure.project.project_file import FILE_NAME, Connection, Project, read
from glue_secure.project.templates import design

app = typer.Typer(help="IAM, key and bucket policies of least privilege, as JSON.", no_args_is_help=True)

Account = Annotated[str, typer.Option("--account", help="Twelve digits.")]
Region = Annotated[str, typer.Option("--region", help="Where the jobs run.")]
Partition = Annotated[str, typer.Option("--partition", help="aws, aws-cn or aws-us-gov.")]
ProjectFile = Annotated[Path, typer.Option("--project", help="The project's file.")]
Key = Annotated[str, typer.Option("--key", help="ARN of the data key.")]
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d\Z")


@app.command()
def iam(
    account: Account,
    region: Region,
    job: Annotated[Optional[str], typer.Option(help="The policy of this job's role.")] = None,  # noqa: UP045 - typer reads 3.10
    deployer: Annotated[bool, typer.Option("--deployer", help="The policy of whoever deploys.")] = False,
    table: Annotated[str | None, typer.Option(help="Full access on DATABASE.TABLE; needs no file.")] = None,
    key: Key = "",
    vpc: Annotated[str, typer.Option(help="The network's id, for jobs in one.")] = "",
    subnet: Annotated[Optional[list[str]], typer.Option(help="One of its subnets.")] = None,  # noqa: UP045
    security_group: Annotated[str, typer.Option(help="The jobs' security group.")] = "",
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "aws",
) -> None:
    """The policy of a job's role, of whoever deploys, or of one table's owner."""
    scope = _scope(account, region, partition)
    if [job is not None, deployer, table is not None].count(True) != 1:
        raise UsageError("policy iam", found="none or several", required="one of --job, --deployer, --table")
    if table is not None:
        database, dot, name = table.partition(".")
        if not dot:
            raise UsageError("--table", found=repr(table), required="DATABASE.TABLE")
        put(full_access_on_table(scope, database, name).to_json(), None)
        return
    chosen = read(project)
    refs = _references(chosen, scope, key, vpc, tuple(subnet or ()), security_group)
    if chosen.vpc and not (vpc and subnet and security_group):
        raise UsageError(
            "policy iam",
            found="jobs in a VPC",
            required="--vpc, --subnet and --security-group",
            fix="take them from the stack's resources, or use the template, which names them by itself",
        )
    if job is None:
        if not key:
            raise UsageError("--key", found="not given", required="ARN of the data key")
        put(design.deployer_policy(chosen, refs).to_json(), None)
    elif job in chosen.jobs:
        put(design.role_policy(chosen, chosen.jobs[job], refs).to_json(), None)
    else:
        raise UsageError("--job", found=repr(job), required=", ".join(chosen.jobs))


@app.command("key")
def key_(
    purpose: Annotated[str, typer.Argument(help="data, bookmarks, logs or catalog.")],
    account: Account,
    region: Region,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "aws",
) -> None:
    """The policy of one of the project's keys."""
    chosen = read(project)
    made = design.key_policies(chosen, _references(chosen, _scope(account, region, partition)))
    if purpose not in made:
        raise UsageError("PURPOSE", found=repr(purpose), required=", ".join(made))
    put(made[purpose].to_json(), None)


@app.command()
def bucket(
    alias: Annotated[str, typer.Argument(help="The bucket's short name in the file.")],
    account: Account,
    region: Region,
    key: Key,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "aws",
) -> None:
    """The policy of one of the project's buckets: TLS only, and one key."""
    chosen = read(project)
    if alias not in chosen.buckets:
        raise UsageError("ALIAS", found=repr(alias), required=", ".join(chosen.buckets))
    refs = _references(chosen, _scope(account, region, partition), key)
    put(design.bucket_policy(chosen.buckets[alias], refs).to_json(), None)


def _scope(account: str, region: str, partition: str) -> PolicyScope:
    for option, text, form, required in (
        ("--account", account, r"\d{12}\Z", "twelve digits"),
        ("--region", region, _REGION, "a region, like eu-west-1"),
        ("--partition", partition, r"aws(-[a-z]+)*\Z", "aws, aws-cn or aws-us-gov"),
    ):
        if not re.match(form, text):
            raise UsageError(option, found=repr(text), required=required)
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
        # Secrets Manager puts a dash and six characters behind a secret's name.
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
