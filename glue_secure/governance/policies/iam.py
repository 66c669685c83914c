"""Identity policies: what a job's role may do, and what somebody who deploys the job may.

Use of the keys is given by the key policies alone (``key_policy.py``), to the role by its ARN; the role
itself needs no statement for it. The actions are those of the README's table of permissions.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.policy_documents import Condition, Policy, Principal, Statement
from glue_secure.governance.policies.catalog import read_tables, write_tables
from glue_secure.governance.policies.documents import PolicyScope, allow, equals
from glue_secure.governance.policies.network import network_denies

# Sent with the credentials that Glue hands to a job's code, and with no others:
# https://docs.aws.amazon.com/glue/latest/dg/security_iam_service-with-iam.html
INSIDE_A_JOB = equals("glue:CredentialIssuingService", "glue.amazonaws.com")
_TAGS = Condition("ForAllValues:StringEquals", "aws:TagKeys", ("aws-glue-service-resource",))
# Without it the condition above would hold for a request without tags.
_SOME_TAGS = Condition("Null", "aws:TagKeys", ("false",))


@dataclass(frozen=True, slots=True)
class ResourceLocation:
    """A prefix of a bucket, ``""`` for all of it; or, with ``single_object``, the one object of that key."""

    bucket: str
    prefix: str = ""
    single_object: bool = False

    def objects(self, scope: PolicyScope) -> str:
        """ARN of every object in it."""
        if self.single_object:
            return scope.bucket(self.bucket, self.prefix)
        return scope.bucket(self.bucket, f"{self.prefix.strip('/')}/*".lstrip("/"))


@dataclass(frozen=True, slots=True)
class JobAccess:
    """What one job's role reaches.

    Attributes:
        job: its name.
        connections: names of Glue connections.
        secrets: ARNs of the connections' secrets.
        code: script and wheels, which Glue itself fetches before the job's code runs.
        reads: sources and certificates.
        writes: bookmarks and evidence: written and read, never deleted.
        replaces: targets: written, read back, renamed by S3A's committer, purged.
        log_groups: names of log groups, ``*`` for the rest of one.
        tables: databases, each with the tables of it that are read.
        written_tables: likewise, those that a sink makes or updates.
        subnets: ids; empty outside a VPC.
        security_groups: likewise.
        source_keys: ARNs of the keys of existing buckets, whose key policies leave use to IAM.
        high_water: ARN of the table of high-water marks, or "".
        inside_jobs_only: secrets and data are given to the job's code alone, not to others with the role.
    """

    job: str
    connections: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    code: tuple[ResourceLocation, ...] = ()
    reads: tuple[ResourceLocation, ...] = ()
    writes: tuple[ResourceLocation, ...] = ()
    replaces: tuple[ResourceLocation, ...] = ()
    log_groups: tuple[str, ...] = ()
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()
    written_tables: tuple[tuple[str, tuple[str, ...]], ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    source_keys: tuple[str, ...] = ()
    high_water: str = ""
    inside_jobs_only: bool = False


def trust() -> Policy:
    """The trust policy of a job's role: the Glue service."""
    glue = Principal("Service", ("glue.amazonaws.com",))
    return Policy((Statement("AssumeRoleByGlue", "Allow", ("sts:AssumeRole",), (), glue),))


def job_role(scope: PolicyScope, access: JobAccess) -> Policy:
    """What the role of one job may do; every statement names its resources."""
    inside = (INSIDE_A_JOB,) if access.inside_jobs_only else ()
    groups = tuple(scope.arn("logs", f"log-group:{name}") for name in access.log_groups)
    statements = [
        allow("ReadOwnJob", "glue:GetJob", "glue:GetJobRun", on=(scope.arn("glue", f"job/{access.job}"),)),
        # The service takes no resource for these two.
        allow("ReadConfiguration", "glue:GetSecurityConfiguration", on=("*",)),
        allow(
            "PutMetrics",
            "cloudwatch:PutMetricData",
            on=("*",),
            when=(equals("cloudwatch:namespace", "Glue"),),
        ),
        *_storage(scope, access, inside),
    ]
    if groups:
        streams = tuple(f"{group}:log-stream:*" for group in groups)
        statements += [
            allow("LogGroups", "logs:AssociateKmsKey", "logs:CreateLogGroup", on=groups),
            allow("LogStreams", "logs:CreateLogStream", on=groups),
            allow("LogEvents", "logs:PutLogEvents", on=streams),
        ]
    if access.connections:
        arns = tuple(scope.arn("glue", f"connection/{name}") for name in access.connections)
        statements.append(
            allow("ReadConnections", "glue:GetConnection", on=(scope.arn("glue", "catalog"), *arns))
        )
    if access.secrets:
        statements.append(
            allow("ReadSecrets", "secretsmanager:GetSecretValue", on=access.secrets, when=inside)
        )
    statements += [read_tables(scope, database, *tables) for database, tables in access.tables]
    statements += [write_tables(scope, database, *tables) for database, tables in access.written_tables]
    if access.connections or access.tables or access.written_tables:
        catalog = (scope.arn("glue", "catalog"),)
        statements.append(allow("ReadEncryption", "glue:GetDataCatalogEncryptionSettings", on=catalog))
    if access.source_keys:
        through = equals("kms:ViaService", f"s3.{scope.region}.amazonaws.com")
        statements.append(allow("DecryptSources", "kms:Decrypt", on=access.source_keys, when=(through,)))
    if access.high_water:
        marks = ("dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:UpdateItem")
        statements.append(allow("HighWaterMarks", *marks, on=(access.high_water,), when=inside))
    if access.subnets:
        statements += _interfaces(scope, access)
    return Policy(tuple(statements))


def _storage(scope: PolicyScope, access: JobAccess, inside: tuple[Condition, ...]) -> list[Statement]:
    places = (*access.code, *access.reads, *access.writes, *access.replaces)
    if not places:
        return []
    # No condition on s3:prefix: with one, S3 answers 403 instead of 404 for an object that is not there.
    buckets = tuple(dict.fromkeys(scope.bucket(place.bucket) for place in places))
    read = tuple(dict.fromkeys(place.objects(scope) for place in places))
    write = tuple(place.objects(scope) for place in (*access.writes, *access.replaces))
    replace = tuple(place.objects(scope) for place in access.replaces)
    statements = [
        allow("ListBuckets", "s3:ListBucket", on=buckets),
        allow("ReadObjects", "s3:GetObject", on=read, when=inside),
    ]
    if write:
        statements.append(allow("WriteObjects", "s3:PutObject", on=write, when=inside))
    if replace:
        actions = ("s3:AbortMultipartUpload", "s3:DeleteObject")
        statements.append(allow("ReplaceObjects", *actions, on=replace, when=inside))
    if inside and access.code:
        code = tuple(place.objects(scope) for place in access.code)
        statements.append(allow("FetchCode", "s3:GetObject", on=code))
    return statements


def _interfaces(scope: PolicyScope, access: JobAccess) -> list[Statement]:
    """Elastic network interfaces in the job's own subnets; describing takes no resource."""
    interfaces = scope.arn("ec2", "network-interface/*")
    subnets = tuple(scope.arn("ec2", f"subnet/{one}") for one in access.subnets)
    groups = tuple(scope.arn("ec2", f"security-group/{one}") for one in access.security_groups)
    describe = ("NetworkInterfaces", "RouteTables", "SecurityGroups", "Subnets", "VpcEndpoints")
    vpcs = (scope.arn("ec2", "vpc/*"),)
    return [
        allow("DescribeNetwork", *(f"ec2:Describe{what}" for what in describe), on=("*",)),
        allow("DescribeVpc", "ec2:DescribeVpcAttribute", on=vpcs),
        allow("CreateNetworkInterfaces", "ec2:CreateNetworkInterface", on=(*subnets, *groups, interfaces)),
        allow(
            "DeleteNetworkInterfaces",
            "ec2:DeleteNetworkInterface",
            on=(interfaces,),
            when=(Condition("ArnLike", "ec2:Vpc", vpcs),),
        ),
        allow(
            "TagNetworkInterfaces",
            "ec2:CreateTags",
            "ec2:DeleteTags",
            on=(interfaces,),
            when=(_TAGS, _SOME_TAGS),
        ),
    ]


@dataclass(frozen=True, slots=True)
class Network:
    """Where jobs and sessions have to be; empty ``subnets`` and ``security_groups`` leave them open."""

    vpcs: tuple[str, ...]
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


def deployer(
    scope: PolicyScope,
    *,
    jobs: tuple[str, ...],
    roles: tuple[str, ...],
    code: ResourceLocation,
    evidence: ResourceLocation | None = None,
    key: str = "",
    log_groups: tuple[str, ...] = (),
    connections: tuple[str, ...] = (),
    other_keys: tuple[str, ...] = (),
    network: Network | None = None,
) -> Policy:
    """What somebody needs who deploys, checks and starts jobs, and the denies of the network.

    Args:
        scope: the account.
        jobs: names of the jobs.
        roles: ARNs of the jobs' roles.
        code: where scripts and wheels are uploaded.
        evidence: where the jobs' evidence lies, to fetch it.
        key: ARN of the key of both, whose policy leaves this use to IAM.
        log_groups: names of the jobs' log groups, to look at and follow them.
        connections: names of the jobs' connections, to see that they are there and prove who they are.
        other_keys: ARNs of the other keys that preflight looks at.
        network: jobs and sessions elsewhere, or in none, are denied; None for no such rule.
    """
    arns = tuple(scope.arn("glue", f"job/{name}") for name in jobs)
    actions = ("BatchStopJobRun", "CreateJob", "GetJob", "GetJobRun", "StartJobRun", "UpdateJob")
    catalog = scope.arn("glue", "catalog")
    statements = [
        allow("DeployJobs", *(f"glue:{one}" for one in actions), on=arns),
        allow("ReadConfiguration", "glue:GetSecurityConfiguration", on=("*",)),
        allow("ReadEncryption", "glue:GetDataCatalogEncryptionSettings", on=(catalog,)),
        allow(
            "PassRolesToGlue",
            "iam:PassRole",
            on=roles,
            when=(equals("iam:PassedToService", "glue.amazonaws.com"),),
        ),
        allow("ListCode", "s3:ListBucket", on=(scope.bucket(code.bucket),)),
        allow("UploadCode", "s3:GetObject", "s3:PutObject", on=(code.objects(scope),)),
    ]
    if evidence:
        statements.append(allow("ReadEvidence", "s3:GetObject", on=(evidence.objects(scope),)))
        statements.append(allow("ListEvidence", "s3:ListBucket", on=(scope.bucket(evidence.bucket),)))
    if key:
        through = equals("kms:ViaService", f"s3.{scope.region}.amazonaws.com")
        statements.append(allow("UseKey", "kms:Decrypt", "kms:GenerateDataKey", on=(key,), when=(through,)))
    if key or other_keys:
        looked_at = tuple(filter(None, (key, *other_keys)))
        statements.append(allow("DescribeKeys", "kms:DescribeKey", on=looked_at))
    if connections:
        arns = tuple(scope.arn("glue", f"connection/{name}") for name in connections)
        statements.append(allow("ReadConnections", "glue:GetConnection", on=(catalog, *arns)))
    if log_groups:
        groups = tuple(scope.arn("logs", f"log-group:{name}") for name in log_groups)
        statements.append(allow("ReadLogEvents", "logs:FilterLogEvents", on=groups))
        # The linter's reading of the service: listing takes no resource.
        statements.append(allow("DescribeLogGroups", "logs:DescribeLogGroups", on=("*",)))
    if network:
        statements += network_denies(network.vpcs, network.subnets, network.security_groups)
    return Policy(tuple(statements))
