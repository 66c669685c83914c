"""Identity policies of a job's role, and of the role that deploys jobs.

The key policies (``keys.py``) allow the job's role to use the keys, so its identity policy has no statement
for them. The actions are those in the README's table of permissions.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from glue_secure.core.policy_documents import Policy, PolicyCondition, Principal, Statement
from glue_secure.governance.policies.catalog import read_tables, write_tables
from glue_secure.governance.policies.documents import PolicyScope, allow, equals, through
from glue_secure.governance.policies.network import network_denies

# Present only in requests with the credentials that Glue provides to a job's code:
# https://docs.aws.amazon.com/glue/latest/dg/security_iam_service-with-iam.html
INSIDE_A_JOB = equals("glue:CredentialIssuingService", "glue.amazonaws.com")
_COPY = ("GetObject", "GetObjectTagging", "PutObject", "PutObjectTagging")
_TAGS = PolicyCondition("ForAllValues:StringEquals", "aws:TagKeys", ("aws-glue-service-resource",))
# Without this condition, the condition above would also match a request without tags.
_SOME_TAGS = PolicyCondition("Null", "aws:TagKeys", ("false",))


@dataclass(frozen=True, slots=True)
class ResourceLocation:
    """A prefix of a bucket, ``""`` for the whole bucket; with ``single_object``, the object with this key."""

    bucket: str
    prefix: str = ""
    single_object: bool = False

    def objects(self, scope: PolicyScope) -> str:
        """Return the ARN that matches every object of the location."""
        if self.single_object:
            return scope.bucket(self.bucket, self.prefix)
        return scope.bucket(self.bucket, f"{self.prefix.strip('/')}/*".lstrip("/"))


@dataclass(frozen=True, slots=True)
class JobAccess:
    """The resources that a job's role can access.

    Attributes:
        job: name of the job.
        connections: names of Glue connections.
        secrets: ARNs of the connections' secrets.
        code: script and wheels, which Glue reads before the job's code runs.
        reads: sources and certificates.
        writes: bookmarks and evidence, which are written and read but not deleted.
        replaces: targets, which are written, read, renamed by S3A's committer, and purged.
        log_groups: names of log groups, which can end with ``/*``.
        tables: pairs of a database and its tables that the job reads.
        written_tables: pairs of a database and its tables that the job creates or updates.
        subnets: ids of subnets; empty outside a VPC.
        security_groups: ids of security groups; empty outside a VPC.
        source_keys: ARNs of the keys of existing buckets whose key policies delegate to IAM.
        evidence_key: ARN of a key that encrypts the evidence in place of the data key, or "".
        column_keys: pairs of a column policy's name and the ARN of the key of its data key.
        high_water: ARN of the DynamoDB table of high-water marks, or ``""``.
        lake_formation: whether the job gets credentials for data from Lake Formation.
        inside_jobs_only: whether to allow access to secrets and data only with the credentials of a running
            job, not to other users of the role.
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
    evidence_key: str = ""
    column_keys: tuple[tuple[str, str], ...] = ()
    high_water: str = ""
    lake_formation: bool = False
    inside_jobs_only: bool = False


def trust() -> Policy:
    """Return the trust policy of a job's role, which the Glue service can assume."""
    glue = Principal("Service", ("glue.amazonaws.com",))
    return Policy((Statement("AssumeRoleByGlue", "Allow", ("sts:AssumeRole",), (), glue),))


def job_role(scope: PolicyScope, access: JobAccess) -> Policy:
    """Return the identity policy of a job's role."""
    inside = (INSIDE_A_JOB,) if access.inside_jobs_only else ()
    statements = [
        allow("ReadOwnJob", "glue:GetJob", "glue:GetJobRun", on=(scope.arn("glue", f"job/{access.job}"),)),
        # These two actions do not support resources.
        allow("ReadConfiguration", "glue:GetSecurityConfiguration", on=("*",)),
        allow(
            "PutMetrics",
            "cloudwatch:PutMetricData",
            on=("*",),
            when=(equals("cloudwatch:namespace", "Glue"),),
        ),
        *_storage(scope, access, inside),
    ]
    if access.log_groups:
        # Without logs:AssociateKmsKey, Glue disables continuous logging. A group has two ARNs, the second for
        # its streams; a wildcard without the colon would match other groups that begin alike.
        names = (scope.arn("logs", f"log-group:{name}") for name in access.log_groups)
        groups = tuple(
            arn for name in names for arn in ((name,) if name.endswith("/*") else (name, f"{name}:*"))
        )
        actions = ("AssociateKmsKey", "CreateLogGroup", "CreateLogStream", "PutLogEvents")
        statements.append(allow("WriteLogs", *(f"logs:{action}" for action in actions), on=groups))
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
    if access.lake_formation:
        # The action does not support resources.
        statements.append(allow("GetLakeFormationData", "lakeformation:GetDataAccess", on=("*",)))
    if access.source_keys:
        statements.append(
            allow("DecryptSources", "kms:Decrypt", on=access.source_keys, when=(through(scope, "s3"),))
        )
    if access.evidence_key:
        encrypt = ("kms:DescribeKey", "kms:GenerateDataKey")
        statements.append(allow("EncryptEvidence", *encrypt, on=(access.evidence_key,)))
    for number, (name, key) in enumerate(access.column_keys, start=1):
        of_policy = equals("kms:EncryptionContext:glue-secure:policy", name)
        statements.append(allow(f"DecryptColumns{number}", "kms:Decrypt", on=(key,), when=(of_policy,)))
    if access.high_water:
        marks = ("dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:UpdateItem")
        statements.append(allow("HighWaterMarks", *marks, on=(access.high_water,), when=inside))
    if access.subnets:
        statements += _interfaces(scope, access)
    return Policy(tuple(statements))


def _storage(scope: PolicyScope, access: JobAccess, inside: tuple[PolicyCondition, ...]) -> list[Statement]:
    locations = (*access.code, *access.reads, *access.writes, *access.replaces)
    if not locations:
        return []
    # No condition on s3:prefix: with such a condition, S3 returns 403 instead of 404 for a missing object.
    buckets = tuple(dict.fromkeys(scope.bucket(location.bucket) for location in locations))
    read = tuple(dict.fromkeys(location.objects(scope) for location in locations))
    write = tuple(location.objects(scope) for location in (*access.writes, *access.replaces))
    replace = tuple(location.objects(scope) for location in access.replaces)
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
        code = tuple(location.objects(scope) for location in access.code)
        statements.append(allow("FetchCode", "s3:GetObject", on=code))
    return statements


def _interfaces(scope: PolicyScope, access: JobAccess) -> list[Statement]:
    """Return statements for network interfaces in the job's subnets. Describe actions need ``*``."""
    interfaces = scope.arn("ec2", "network-interface/*")
    subnets = tuple(scope.arn("ec2", f"subnet/{subnet}") for subnet in access.subnets)
    groups = tuple(scope.arn("ec2", f"security-group/{group}") for group in access.security_groups)
    describe = ("NetworkInterfaces", "RouteTables", "SecurityGroups", "Subnets", "VpcEndpoints")
    vpcs = (scope.arn("ec2", "vpc/*"),)
    return [
        allow("DescribeNetwork", *(f"ec2:Describe{resource}" for resource in describe), on=("*",)),
        allow("DescribeVpc", "ec2:DescribeVpcAttribute", on=vpcs),
        allow("CreateNetworkInterfaces", "ec2:CreateNetworkInterface", on=(*subnets, *groups, interfaces)),
        allow(
            "DeleteNetworkInterfaces",
            "ec2:DeleteNetworkInterface",
            on=(interfaces,),
            when=(PolicyCondition("ArnLike", "ec2:Vpc", vpcs),),
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
    """The permitted network of jobs and sessions. Empty ``subnets`` and ``security_groups`` permit all."""

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
    """Return the identity policy of a role that deploys, checks and starts jobs.

    Args:
        scope: region and account.
        jobs: names of the jobs.
        roles: ARNs of the jobs' roles.
        code: location of uploaded scripts and wheels.
        evidence: location of the jobs' evidence, to read it.
        key: ARN of the key of code and evidence, whose policy delegates this use to IAM.
        log_groups: names of the jobs' log groups, to read them.
        connections: names of the jobs' connections, to check that they exist and verify their servers.
        other_keys: ARNs of the other keys that preflight describes.
        network: the permitted network; jobs and sessions in another network or without a network are
            denied. None for no restriction.
    """
    arns = tuple(scope.arn("glue", f"job/{name}") for name in jobs)
    actions = ("BatchStopJobRun", "CreateJob", "GetJob", "GetJobRun", "StartJobRun", "UpdateJob")
    catalog = scope.arn("glue", "catalog")
    statements = [
        allow("DeployJobs", *(f"glue:{action}" for action in actions), on=arns),
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
        when = (through(scope, "s3"),)
        statements.append(allow("UseKey", "kms:Decrypt", "kms:GenerateDataKey", on=(key,), when=when))
    if key or other_keys:
        described = tuple(filter(None, (key, *other_keys)))
        statements.append(allow("DescribeKeys", "kms:DescribeKey", on=described))
    if connections:
        arns = tuple(scope.arn("glue", f"connection/{name}") for name in connections)
        statements.append(allow("ReadConnections", "glue:GetConnection", on=(catalog, *arns)))
    if log_groups:
        groups = tuple(scope.arn("logs", f"log-group:{name}") for name in log_groups)
        statements.append(allow("ReadLogEvents", "logs:FilterLogEvents", on=groups))
        # DescribeLogGroups supports no resources, according to the policy linter.
        statements.append(allow("DescribeLogGroups", "logs:DescribeLogGroups", on=("*",)))
    if network:
        statements += network_denies(network.vpcs, network.subnets, network.security_groups)
    return Policy(tuple(statements))


def operator(
    scope: PolicyScope,
    *,
    jobs: tuple[str, ...],
    buckets: tuple[str, ...],
    evidence: ResourceLocation,
    bookmarks: ResourceLocation,
    keys: tuple[str, ...] = (),
) -> Policy:
    """Return the identity policy of operators: ``glue-secure bookmark``, ``evidence`` and ``remediate``.

    The policies of the keys name the operators.

    Args:
        scope: region and account.
        jobs: names of the jobs.
        buckets: names of the buckets whose objects ``remediate`` encrypts again.
        evidence: location of the jobs' evidence, to read it.
        bookmarks: location of the jobs' bookmarks, to show, repair and reset them.
        keys: ARNs of the keys that the commands describe.
    """
    arns = tuple(scope.arn("glue", f"job/{name}") for name in jobs)
    listed = dict.fromkeys((*buckets, evidence.bucket, bookmarks.bucket))
    written = (*(scope.bucket(name, "*") for name in buckets), bookmarks.objects(scope))
    statements = [
        allow("ReadJobs", "glue:GetJob", "glue:GetJobRun", on=arns),
        allow("ReadConfiguration", "glue:GetSecurityConfiguration", on=("*",)),
        allow("ListObjects", "s3:ListBucket", on=tuple(map(scope.bucket, listed))),
        allow("ReadEvidence", "s3:GetObject", on=(evidence.objects(scope),)),
        # CopyObject copies an object's tags.
        allow("ReplaceObjects", *(f"s3:{name}" for name in _COPY), on=written),
    ]
    if keys:
        statements.append(allow("DescribeKeys", "kms:DescribeKey", on=keys))
    return Policy(tuple(statements))


MANAGED_POLICY = 6144
"""Most characters of a managed policy, without white space.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
ROLE_POLICIES = 10240
"""Most characters of all inline policies of a role, without white space."""
# The longest value of each reference in a template; of others, the ARN of a role or of a secret.
_LONGEST = (("region", 16), ("accountid|account_id", 12), ("partition", 10), ("urlsuffix|dns_suffix", 16))
_LONGEST_REFERENCE = 110
_REFERENCE = re.compile(r"\$\{([^}]*)\}")


def size(policy: Policy) -> int:
    """Return the number of characters that IAM counts, with the longest values in place of references."""

    def longest(match: re.Match[str]) -> str:
        name = match[1].lower()
        return "x" * next((n for end, n in _LONGEST if re.search(f"(?:{end})$", name)), _LONGEST_REFERENCE)

    return len(_REFERENCE.sub(longest, json.dumps(policy.to_json(), separators=(",", ":"))))


def split(policy: Policy, most: int = MANAGED_POLICY) -> tuple[Policy, ...]:
    """Return policies of at most ``most`` characters that together allow and deny the same.

    All of them must be attached. An Allow statement with many resources becomes several statements.
    """
    parts: list[list[Statement]] = [[]]

    def fits(statement: Statement) -> bool:
        return size(Policy((*parts[-1], statement))) <= most

    for statement in policy.statements:
        rest: tuple[str, ...] = statement.resources
        while rest:
            count = len(rest)
            while count > 1 and not fits(replace(statement, resources=rest[:count])):
                count -= 1
            piece = replace(statement, resources=rest[:count])
            if fits(piece) or not parts[-1]:
                parts[-1].append(piece)
                rest = rest[count:]
            else:
                parts.append([])
    return tuple(Policy(tuple(part)) for part in parts)
