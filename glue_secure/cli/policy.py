"""The commands ``policy iam|key|bucket``: the policies of the templates, one document at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.aws.regions import partition_of
from glue_secure.cli.options import ProjectFile
from glue_secure.cli.template import put
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.governance.policies import Policy, PolicyScope, full_access_on_table
from glue_secure.project.model import EVIDENCE, Project
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.project.templates import design

app = typer.Typer(help="Least-privilege IAM, key and bucket policies, as JSON.", no_args_is_help=True)

Account = Annotated[str, typer.Option("--account", help="Account id, twelve digits.")]
Region = Annotated[str, typer.Option("--region", help="Region of the jobs.")]
Partition = Annotated[str, typer.Option("--partition", help="Partition of the region. Default: by its name.")]
Key = Annotated[str, typer.Option("--key", help="ARN of the KMS key that encrypts the data.")]
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d\Z")


@app.command()
def iam(
    account: Account,
    region: Region,
    job: Annotated[str | None, typer.Option(help="Print the policy of this job's role.")] = None,
    deployer: Annotated[bool, typer.Option("--deployer", help="Print the policy of the deployer.")] = False,
    operator: Annotated[bool, typer.Option("--operator", help="Print the policy of operators.")] = False,
    part: Annotated[
        int, typer.Option(help="Number of a policy of the deployer or operators that IAM's limit divides.")
    ] = 0,
    table: Annotated[
        str | None, typer.Option(help="Print a policy for full access to DATABASE.TABLE.")
    ] = None,
    key: Key = "",
    vpc: Annotated[str, typer.Option(help="Id of the VPC, for jobs in a VPC.")] = "",
    subnet: Annotated[list[str] | None, typer.Option(help="A subnet of the VPC; may be repeated.")] = None,
    security_group: Annotated[str, typer.Option(help="Security group of the jobs.")] = "",
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
) -> None:
    """Print the policy of a job's role, of the deployer, of operators, or for full access to one table.

    All policies but that of a table are for the project file.
    """
    scope = _scope(account, region, partition)
    if [job is not None, deployer, operator, table is not None].count(True) != 1:
        required = "one of --job, --deployer, --operator, --table"
        raise UsageError("policy iam", found="none or several options", required=required)
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
        make = design.deployer_policies if deployer else design.operator_policies
        _put_part(make(definition, refs), part)
    elif job in definition.jobs:
        put(design.role_policy(definition, definition.jobs[job], refs).to_json(), None)
    else:
        raise UsageError("--job", found=repr(job), required=", ".join(definition.jobs))


def _put_part(parts: Sequence[Policy], part: int) -> None:
    """Print one of the policies that together have the permissions."""
    if not parts:
        raise UsageError("--operator", found="no operators", required="project.operators in the project file")
    if part not in range(1, len(parts) + 1) and (part or len(parts) > 1):
        required = f"--part 1 to --part {len(parts)}; attach all of them"
        raise UsageError("--part", found=str(part) if part else "missing", required=required)
    put(parts[max(part, 1) - 1].to_json(), None)


@app.command("key")
def key_(
    purpose: Annotated[str, typer.Argument(help="data, bookmarks, logs, catalog or evidence-JOB.")],
    account: Account,
    region: Region,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
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
    bookmark_key: Annotated[
        str, typer.Option("--bookmark-key", help="ARN of the key of bookmarks, for the bucket of evidence.")
    ] = "",
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
) -> None:
    """Print the policy of a bucket of the project: TLS only, and the keys of its objects."""
    definition = read(project)
    if alias not in definition.buckets:
        raise UsageError("ALIAS", found=repr(alias), required=", ".join(definition.buckets))
    if alias == EVIDENCE and not bookmark_key:
        raise UsageError(
            "--bookmark-key", found="missing", required="--bookmark-key ARN, the key of bookmarks"
        )
    scope = _scope(account, region, partition)
    refs = _references(definition, scope, key, bookmark_key=bookmark_key)
    put(design.bucket_policy(definition, definition.buckets[alias], refs).to_json(), None)


def _scope(account: str, region: str, partition: str) -> PolicyScope:
    for option, value, pattern, required in (
        ("--account", account, r"\d{12}\Z", "twelve digits"),
        ("--region", region, _REGION, "a region, like eu-west-1"),
    ):
        if not re.match(pattern, value):
            raise UsageError(option, found=repr(value), required=required)
    name, suffix = partition_of(region, given=partition)
    return PolicyScope(region, account, name, suffix)


def _references(
    project: Project,
    scope: PolicyScope,
    key: str = "",
    vpc: str = "",
    subnets: tuple[str, ...] = (),
    security_group: str = "",
    bookmark_key: str = "",
) -> design.References:
    for arn in filter(None, (key, bookmark_key)):
        KmsKeyArn.parse(arn)

    return design.References(
        scope,
        role=lambda job: scope.role(project.role(job)),
        key=lambda purpose: bookmark_key if bookmark_key and purpose == "bookmarks" else key,
        secret=lambda connection: design.secret_arn(scope, connection),
        vpc=vpc,
        subnets=subnets,
        security_group=security_group,
    )
