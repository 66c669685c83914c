"""The commands ``policy iam|key|bucket|boundary|run|scp|rcp``: policies, one document at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.audit.permissions import audit_policy
from glue_secure.aws.regions import partition_of
from glue_secure.cli.options import Environment, ProjectFile
from glue_secure.cli.template import put, put_text
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.governance.policies import (
    ORGANIZATION_POLICY,
    Policy,
    PolicyScope,
    ResourceLocation,
    full_access_on_table,
    resource_control,
    service_control,
    size,
)
from glue_secure.project.deploy.remote import session_policy
from glue_secure.project.model import DATA_SERVICES, EVIDENCE, Job, Project
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.project.templates import design

app = typer.Typer(help="Print least-privilege IAM, key and bucket policies as JSON.", no_args_is_help=True)

Purpose = Annotated[
    str, typer.Argument(metavar="[audit]", help="audit: print the read-only policy of `glue-secure audit`.")
]
Account = Annotated[str, typer.Option("--account", help="Account id, twelve digits.")]
Region = Annotated[str, typer.Option("--region", help="Region of the jobs.")]
Partition = Annotated[str, typer.Option("--partition", help="Partition of the region. Default: by its name.")]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        help="ARN of the key of the data, or PURPOSE=ARN of another key of the project; may be repeated.",
    ),
]
Vpcs = Annotated[
    list[str] | None,
    typer.Option("--vpc", help="Deny data to jobs' code from other networks than this one; may be repeated."),
]
Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        help="Deny data to jobs' code from other networks than this VPC endpoint; may be repeated. "
        "With --vpc, either of the two is sufficient.",
    ),
]
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d\Z")


@app.command()
def iam(
    purpose: Purpose = "",
    account: Account = "",
    region: Region = "",
    job: Annotated[str | None, typer.Option(help="Print the policy of this job's role.")] = None,
    deployer: Annotated[bool, typer.Option("--deployer", help="Print the policy of the deployer.")] = False,
    operator: Annotated[bool, typer.Option("--operator", help="Print the policy of operators.")] = False,
    part: Annotated[
        int, typer.Option(help="Number of a policy of the deployer or operators that IAM's limit divides.")
    ] = 0,
    table: Annotated[
        str | None, typer.Option(help="Print a policy for full access to DATABASE.TABLE.")
    ] = None,
    key: Keys = None,
    vpc: Annotated[str, typer.Option(help="Id of the VPC, for jobs in a VPC.")] = "",
    subnet: Annotated[list[str] | None, typer.Option(help="A subnet of the VPC; may be repeated.")] = None,
    security_group: Annotated[str, typer.Option(help="Security group of the jobs.")] = "",
    endpoint: Annotated[
        list[str] | None,
        typer.Option(help="A VPC endpoint for data, for endpoints_required; may be repeated."),
    ] = None,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
    environment: Environment = "",
) -> None:
    """Print the policy of a job's role, of the deployer, of operators, of an audit, or for one table.

    The policies of jobs, the deployer and operators are for the project file; all but that of an audit need
    --account and --region.
    """
    if purpose:
        if purpose != "audit":
            raise UsageError("policy iam", found=repr(purpose), required="audit, or an option such as --job")
        put(audit_policy(partition or "aws").to_json(), None)
        return
    if [job is not None, deployer, operator, table is not None].count(True) != 1:
        required = "one of --job, --deployer, --operator, --table"
        raise UsageError("policy iam", found="none or several options", required=required)
    if table is not None:
        database, dot, name = table.partition(".")
        if not dot:
            raise UsageError("--table", found=repr(table), required="DATABASE.TABLE")
        put(full_access_on_table(_scope(account, region, partition), database, name).to_json(), None)
        return
    target = _Target.read(project, environment, account, region, partition)
    keys = _keys(key)
    refs = target.references(keys, vpc, tuple(subnet or ()), security_group, tuple(endpoint or ()))
    network = target.project.vpc
    if network and not (vpc and subnet and security_group):
        raise _missing_ids("a project with a VPC", "--vpc, --subnet and --security-group")
    if network and network.endpoints_required and job is not None and not endpoint:
        required = f"--endpoint for each endpoint of {', '.join(DATA_SERVICES)}"
        raise _missing_ids("a project with endpoints_required", required)
    if endpoint and (job is None or network is None or not network.endpoints_required):
        raise UsageError(
            "--endpoint",
            found="an option that this policy does not use",
            required="--job of a project with vpc.endpoints_required = true",
        )
    if operator and not target.project.operators:
        raise UsageError("--operator", found="no operators", required="project.operators in the project file")
    if job is None:
        purposes = design.keys_of_people(target.project, refs)
        _require_keys(keys, (purpose for purpose in purposes if purpose not in target.project.keys))
        make = design.deployer_policies if deployer else design.operator_policies
        _put_part(make(target.project, refs), part)
        return
    named = design.keys_of_roles(target.project)
    _require_keys({purpose: arn for purpose, arn in keys.items() if purpose in named}, named)
    put(design.role_policy(target.project, target.job(job, "--job"), refs).to_json(), None)


def _missing_ids(found: str, required: str) -> UsageError:
    return UsageError(
        "policy iam",
        found=found,
        required=required,
        fix="copy the ids from the stack's resources, or use the template, which refers to them",
    )


def _put_part(parts: Sequence[Policy], part: int) -> None:
    """Print one of the policies that together have the permissions."""
    if part not in range(1, len(parts) + 1) and (part or len(parts) > 1):
        required = f"--part 1 to --part {len(parts)}; attach all of them"
        raise UsageError("--part", found=str(part) if part else "missing", required=required)
    put(parts[max(part, 1) - 1].to_json(), None)


@app.command("key")
def key_(
    purpose: Annotated[str, typer.Argument(help="data, bookmarks, logs, catalog, alerts or evidence-JOB.")],
    account: Account,
    region: Region,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
    environment: Environment = "",
) -> None:
    """Print the policy of a key of the project."""
    target = _Target.read(project, environment, account, region, partition)
    policies = design.key_policies(target.project, target.references())
    if purpose not in policies:
        required = ", ".join(policies)
        if purpose == "evidence":
            required += "; the evidence of each job has a key of its own, evidence-JOB"
        raise UsageError("PURPOSE", found=repr(purpose), required=required)
    put(policies[purpose].to_json(), None)


@app.command()
def bucket(
    alias: Annotated[str, typer.Argument(help="Alias of the bucket in the project file.")],
    account: Account,
    region: Region,
    key: Keys = None,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
    environment: Environment = "",
) -> None:
    """Print the policy of a bucket of the project: TLS only, and the keys of its objects."""
    target = _Target.read(project, environment, account, region, partition)
    definition = target.project
    if alias not in definition.buckets:
        raise UsageError("ALIAS", found=repr(alias), required=", ".join(definition.buckets))
    keys = _keys(key)
    used = ("data", "bookmarks") if alias == EVIDENCE else ("data",)
    own = definition.buckets[alias].key
    _require_keys(keys, () if own else (purpose for purpose in used if purpose not in definition.keys))
    policy = design.bucket_policy(definition, definition.buckets[alias], target.references(keys))
    put(policy.to_json(), None)


@app.command()
def boundary(
    account: Account,
    region: Region,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
    environment: Environment = "",
) -> None:
    """Print a permissions boundary for the roles of the project's jobs."""
    target = _Target.read(project, environment, account, region, partition)
    refs = target.references(vpc="vpc", subnets=("subnet",))
    put(design.boundary(target.project, refs).to_json(), None)


@app.command("run")
def run_(
    job: Annotated[str, typer.Argument(help="Name of the job.")],
    account: Account,
    region: Region,
    reads: Annotated[
        list[str] | None,
        typer.Option("--read", help="Location that the run reads, s3://...; may be repeated."),
    ] = None,
    writes: Annotated[
        list[str] | None, typer.Option("--write", help="Location that it writes, s3://...; may be repeated.")
    ] = None,
    project: ProjectFile = Path(FILE_NAME),
    partition: Partition = "",
    environment: Environment = "",
) -> None:
    """Print a session policy (ExecutionRoleSessionPolicy of StartJobRun) for a run on some data only."""
    target = _Target.read(project, environment, account, region, partition)
    policy = design.run_policy(
        target.project,
        target.job(job, "JOB"),
        target.references(),
        reads=_locations(reads),
        writes=_locations(writes),
    )
    put_text(session_policy(json.dumps(policy.to_json()), f"the session policy of {job}") + "\n", None)


@app.command()
def scp(
    deployer: Annotated[
        list[str] | None,
        typer.Option(help="ARN of a role that deploys jobs, * for several; may be repeated."),
    ] = None,
    administrator: Annotated[
        list[str] | None,
        typer.Option(help="ARN of a role that changes configurations and the Data Catalog's settings."),
    ] = None,
    runner: Annotated[list[str] | None, typer.Option(help="ARN of a further role that starts jobs.")] = None,
    vpc: Vpcs = None,
    endpoint: Endpoints = None,
) -> None:
    """Print a service control policy: only these roles change, start and configure Glue jobs.

    With --vpc or --endpoint, the code of jobs uses data from one of these networks only.
    """
    for option, values in (("--deployer", deployer), ("--administrator", administrator)):
        if not values:
            raise UsageError(option, found="missing", required=f"{option} arn:aws:iam::*:role/NAME")
    named = [*(deployer or ()), *(administrator or ()), *(runner or ())]
    for arn in named:
        if not re.match(r"arn:[a-z*-]+:iam::[\d*]+:(role|user)/.*[^*/].*\Z", arn):
            raise UsageError("a principal", found=repr(arn), required="arn:aws:iam::*:role/NAME")
    policy = service_control(
        deployers=tuple(deployer or ()),
        administrators=tuple(administrator or ()),
        runners=tuple(runner or ()),
        vpcs=_ids(vpc, "--vpc", "vpc"),
        endpoints=_ids(endpoint, "--endpoint", "vpce"),
    )
    _put_organization_policy(policy)


@app.command()
def rcp(
    organization: Annotated[str, typer.Option(help="Id of the organisation, o-...")],
    partner: Annotated[
        list[str] | None, typer.Option(help="Id of another account that has access; may be repeated.")
    ] = None,
    vpc: Vpcs = None,
    endpoint: Endpoints = None,
) -> None:
    """Print a resource control policy: data, keys and secrets are for the organisation and partners only.

    With --vpc or --endpoint, the code of jobs of all accounts uses them from one of these networks only.
    """
    if not re.match(r"o-[a-z0-9]{10,32}\Z", organization):
        raise UsageError("--organization", found=repr(organization), required="an id like o-a1b2c3d4e5")
    for account in partner or ():
        if not re.match(r"\d{12}\Z", account):
            raise UsageError("--partner", found=repr(account), required="twelve digits")
    policy = resource_control(
        organization,
        partners=tuple(partner or ()),
        vpcs=_ids(vpc, "--vpc", "vpc"),
        endpoints=_ids(endpoint, "--endpoint", "vpce"),
    )
    _put_organization_policy(policy)


def _ids(values: Sequence[str] | None, option: str, prefix: str) -> tuple[str, ...]:
    for value in values or ():
        if not re.match(rf"{prefix}-[0-9a-f]{{8,17}}\Z", value):
            required = f"an id like {prefix}-0123456789abcdef0"
            raise UsageError(option, found=repr(value), required=required)
    return tuple(values or ())


def _put_organization_policy(policy: Policy) -> None:
    if (length := size(policy)) > ORGANIZATION_POLICY:
        raise UsageError(
            "the policy",
            found=f"{length} characters",
            required=f"{ORGANIZATION_POLICY} at most, a limit of AWS Organizations",
            fix="name several roles with one pattern, like arn:aws:iam::*:role/deploy-*",
        )
    put(policy.to_json(), None)


@dataclass(frozen=True, slots=True)
class _Target:
    """A project, and the account and region of its policies."""

    project: Project
    scope: PolicyScope

    @classmethod
    def read(cls, file: Path, environment: str, account: str, region: str, partition: str) -> _Target:
        """Return the target that the options of a command name. Raises UsageError."""
        return cls(read(file, environment), _scope(account, region, partition))

    def job(self, name: str, option: str) -> Job:
        """Return a job of the project. Raises UsageError, which names the option."""
        if name not in self.project.jobs:
            raise UsageError(option, found=repr(name), required=", ".join(self.project.jobs))
        return self.project.jobs[name]

    def references(
        self,
        keys: Mapping[str, str] | None = None,
        vpc: str = "",
        subnets: tuple[str, ...] = (),
        security_group: str = "",
        endpoints: tuple[str, ...] = (),
    ) -> design.References:
        """Return references to resources whose ids and keys are given, or follow from their names."""
        project, scope, arns = self.project, self.scope, keys or {}
        return design.References(
            scope,
            role=lambda job: project.role_arn(job, scope.partition, scope.account),
            key=lambda purpose: project.keys.get(purpose) or arns.get(purpose, ""),
            secret=lambda connection: design.secret_arn(scope, connection),
            crawler=lambda crawler: scope.role(f"{project.role_path[1:]}{project.crawler_role(crawler)}"),
            vpc=vpc,
            subnets=subnets,
            security_group=security_group,
            endpoints=endpoints,
        )


def _locations(names: Sequence[str] | None) -> list[ResourceLocation]:
    uris = [S3Uri.parse(name) for name in names or ()]
    return [ResourceLocation(uri.bucket, uri.key) for uri in uris]


def _scope(account: str, region: str, partition: str) -> PolicyScope:
    for option, value, pattern, required in (
        ("--account", account, r"\d{12}\Z", "twelve digits"),
        ("--region", region, _REGION, "a region, like eu-west-1"),
    ):
        if not re.match(pattern, value):
            raise UsageError(option, found=repr(value), required=required)
    name, suffix = partition_of(region, given=partition)
    return PolicyScope(region, account, name, suffix)


def _keys(options: Sequence[str] | None) -> dict[str, str]:
    """Return the ARN of each key that the options name, by purpose."""
    arns: dict[str, str] = {}
    for option in options or ():
        purpose, equals, arn = option.rpartition("=")
        KmsKeyArn.parse(arn)
        purpose = purpose if equals else "data"
        if purpose in arns:
            raise UsageError("--key", found=f"two keys of {purpose}", required="one ARN for each purpose")
        arns[purpose] = arn
    return arns


def _require_keys(keys: Mapping[str, str], purposes: Iterable[str]) -> None:
    """Raise unless the options name exactly the keys that the policy refers to."""
    needed = dict.fromkeys(purposes)
    words = [f"--key {'' if purpose == 'data' else f'{purpose}='}ARN" for purpose in needed]
    missing = [purpose for purpose in needed if purpose not in keys]
    unknown = [purpose for purpose in keys if purpose not in needed]
    if missing or unknown:
        found = f"no key of {', '.join(missing)}" if missing else f"a key of {', '.join(unknown)}"
        raise UsageError(
            "--key",
            found=found,
            required=" ".join(words),
            fix="copy the ARNs from the stack's resources; the templates need no such options",
        )
