"""Identity policies of a job's role, and of the role that deploys jobs.

The key policies (``keys.py``) allow the job's role to use the keys, so its identity policy has no statement
for them. The actions are those in docs/permissions.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache

from glue_secure.core.policy_documents import Policy, PolicyCondition, Principal, Statement
from glue_secure.governance.policies.catalog import read_tables, spark_metastore, write_tables
from glue_secure.governance.policies.documents import PolicyScope, allow, equals, through
from glue_secure.governance.policies.network import network_denies, only_from
from glue_secure.governance.policies.table_buckets import BucketTable, bucket_tables

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
        bucket_tables: tables of Amazon S3 Tables that the job reads.
        written_bucket_tables: tables of Amazon S3 Tables that the job reads and writes.
        data_catalog: whether the Data Catalog is the metastore of Spark SQL.
        subnets: ids of subnets; empty outside a VPC.
        security_groups: ids of security groups; empty outside a VPC.
        source_keys: ARNs of the keys of existing buckets whose key policies delegate to IAM.
        target_keys: ARNs of the keys of buckets that are written under another key than the data key.
        secret_keys: ARNs of the keys of existing secrets.
        existing_keys: pairs of the ARN of an existing key and the policy that a new key would have. The role
            gets the permissions that this policy has for it.
        role: ARN of the role, for ``existing_keys``.
        vpc: id of the VPC that requests of the job's code must come from, or ``""``.
        endpoints: ids of the VPC endpoints that these requests must use; empty for all.
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
    bucket_tables: tuple[BucketTable, ...] = ()
    written_bucket_tables: tuple[BucketTable, ...] = ()
    data_catalog: bool = False
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    source_keys: tuple[str, ...] = ()
    target_keys: tuple[str, ...] = ()
    secret_keys: tuple[str, ...] = ()
    existing_keys: tuple[tuple[str, Policy], ...] = ()
    role: str = ""
    vpc: str = ""
    endpoints: tuple[str, ...] = ()
    evidence_key: str = ""
    column_keys: tuple[tuple[str, str], ...] = ()
    high_water: str = ""
    lake_formation: bool = False
    inside_jobs_only: bool = False


def trust() -> Policy:
    """Return the trust policy of a job's role, which the Glue service can assume."""
    glue = Principal("Service", ("glue.amazonaws.com",))
    return Policy((Statement("AssumeRoleByGlue", "Allow", ("sts:AssumeRole",), (), glue),))


def flow_log_trust(scope: PolicyScope) -> Policy:
    """Return the trust policy of the role that delivers VPC flow logs.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    service = Principal("Service", ("vpc-flow-logs.amazonaws.com",))
    own = (equals("aws:SourceAccount", scope.account),)
    return Policy((Statement("AssumeRoleByFlowLogs", "Allow", ("sts:AssumeRole",), (), service, own),))


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
    statements += bucket_tables(scope, access.bucket_tables, access.written_bucket_tables)
    if access.data_catalog:
        statements += spark_metastore(scope, (*access.tables, *access.written_tables))
    if access.connections or access.tables or access.written_tables or access.data_catalog:
        catalog = (scope.arn("glue", "catalog"),)
        statements.append(allow("ReadEncryption", "glue:GetDataCatalogEncryptionSettings", on=catalog))
    if access.lake_formation:
        # The action does not support resources.
        statements.append(allow("GetLakeFormationData", "lakeformation:GetDataAccess", on=("*",)))
    if access.source_keys:
        statements.append(
            allow("DecryptSources", "kms:Decrypt", on=access.source_keys, when=(through(scope, "s3"),))
        )
    if access.target_keys:
        when = (through(scope, "s3"),)
        statements.append(allow("DescribeTargetKeys", "kms:DescribeKey", on=access.target_keys))
        use = allow("UseTargetKeys", "kms:Decrypt", "kms:GenerateDataKey", on=access.target_keys, when=when)
        statements.append(use)
    if access.secret_keys:
        when = (through(scope, "secretsmanager"),)
        statements.append(allow("DecryptSecrets", "kms:Decrypt", on=access.secret_keys, when=when))
    for number, (existing, policy) in enumerate(access.existing_keys, start=1):
        statements += permissions_on_key(policy, (access.role,), existing, f"Key{number}")
    if access.vpc:
        statements.append(only_from(vpcs=(access.vpc,)))
    if access.endpoints:
        statements.append(only_from(endpoints=access.endpoints, sid="DenyOtherEndpoints"))
    if access.evidence_key:
        encrypt = ("kms:DescribeKey", "kms:GenerateDataKey")
        statements.append(allow("EncryptEvidence", *encrypt, on=(access.evidence_key,)))
    for number, (name, column_key) in enumerate(access.column_keys, start=1):
        of_policy = equals("kms:EncryptionContext:glue-secure:policy", name)
        statements.append(
            allow(f"DecryptColumns{number}", "kms:Decrypt", on=(column_key,), when=(of_policy,))
        )
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


_CRAWL = (
    "BatchCreatePartition", "BatchGetPartition", "BatchUpdatePartition", "CreateTable", "GetDatabase",
    "GetPartition", "GetPartitions", "GetTable", "GetTables", "UpdatePartition", "UpdateTable",
)  # fmt: skip


def crawler_role(
    scope: PolicyScope,
    *,
    role: str,
    buckets: tuple[str, ...],
    database: str,
    log_groups: tuple[str, ...],
    source_keys: tuple[str, ...] = (),
    existing_keys: tuple[tuple[str, Policy], ...] = (),
) -> Policy:
    """Return the identity policy of a crawler's role.

    Args:
        scope: region and account.
        role: ARN of the role, for ``existing_keys``.
        buckets: names of the buckets that the crawler reads.
        database: name of the database whose tables it writes.
        log_groups: names of log groups.
        source_keys: as of :class:`JobAccess`.
        existing_keys: as of :class:`JobAccess`.
    """
    catalog = ("catalog", f"database/{database}", f"table/{database}/*")
    groups = tuple(
        arn
        for name in log_groups
        for arn in (scope.arn("logs", f"log-group:{name}{end}") for end in ("", ":*"))
    )
    actions = ("AssociateKmsKey", "CreateLogGroup", "CreateLogStream", "PutLogEvents")
    statements = [
        allow("ListBuckets", "s3:GetBucketLocation", "s3:ListBucket", on=tuple(map(scope.bucket, buckets))),
        allow("ReadObjects", "s3:GetObject", on=tuple(scope.bucket(name, "*") for name in buckets)),
        allow(
            "WriteTables",
            *(f"glue:{action}" for action in _CRAWL),
            on=tuple(scope.arn("glue", name) for name in catalog),
        ),
        allow("ReadConfiguration", "glue:GetSecurityConfiguration", on=("*",)),
        allow("WriteLogs", *(f"logs:{action}" for action in actions), on=groups),
    ]
    if source_keys:
        when = (through(scope, "s3"),)
        statements.append(allow("DecryptSources", "kms:Decrypt", on=source_keys, when=when))
    for number, (key, policy) in enumerate(existing_keys, start=1):
        statements += permissions_on_key(policy, (role,), key, f"Key{number}")
    return Policy(tuple(statements))


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
    tags: bool = False,
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
        tags: whether the jobs have tags.
    """
    arns = tuple(scope.arn("glue", f"job/{name}") for name in jobs)
    actions = ("BatchStopJobRun", "CreateJob", "GetJob", "GetJobRun", "StartJobRun", "UpdateJob")
    catalog = scope.arn("glue", "catalog")
    statements = [
        allow("DeployJobs", *(f"glue:{action}" for action in actions), on=arns),
        *((allow("TagJobs", "glue:GetTags", "glue:TagResource", on=arns),) if tags else ()),
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
    evidence: tuple[ResourceLocation, ...],
    bookmarks: ResourceLocation,
    keys: tuple[str, ...] = (),
    existing_keys: tuple[tuple[str, Policy], ...] = (),
    operators: tuple[str, ...] = (),
) -> Policy:
    """Return the identity policy of operators: ``glue-secure bookmark``, ``evidence`` and ``remediate``.

    The policies of new keys name the operators.

    Args:
        scope: region and account.
        jobs: names of the jobs.
        buckets: names of the buckets whose objects ``remediate`` encrypts again.
        evidence: locations of the jobs' evidence and of reports, to read them.
        bookmarks: location of the jobs' bookmarks, to show, repair and reset them.
        keys: ARNs of the keys that the commands describe.
        existing_keys: as of :class:`JobAccess`.
        operators: ARNs of the operators, for ``existing_keys``.
    """
    arns = tuple(scope.arn("glue", f"job/{name}") for name in jobs)
    listed = dict.fromkeys((*buckets, *(location.bucket for location in evidence), bookmarks.bucket))
    written = (*(scope.bucket(name, "*") for name in buckets), bookmarks.objects(scope))
    statements = [
        allow("ReadJobs", "glue:GetJob", "glue:GetJobRun", on=arns),
        allow("ReadConfiguration", "glue:GetSecurityConfiguration", on=("*",)),
        allow("ListObjects", "s3:ListBucket", on=tuple(map(scope.bucket, listed))),
        allow("ReadEvidence", "s3:GetObject", on=tuple(location.objects(scope) for location in evidence)),
        # CopyObject copies an object's tags.
        allow("ReplaceObjects", *(f"s3:{name}" for name in _COPY), on=written),
    ]
    if keys:
        statements.append(allow("DescribeKeys", "kms:DescribeKey", on=keys))
    for number, (key, policy) in enumerate(existing_keys, start=1):
        statements += permissions_on_key(policy, operators, key, f"Key{number}")
    return Policy(tuple(statements))


def permissions_on_key(
    policy: Policy, principals: tuple[str, ...], key: str, sid: str
) -> tuple[Statement, ...]:
    """Return the permissions of principals in a key policy, as statements of their identity policies.

    A key of the account whose policy delegates to IAM needs no other permission. The policy of a key of
    another account must name the principals, too.

    Args:
        policy: the key policy.
        principals: ARNs of the principals.
        key: ARN of the key.
        sid: start of the identifiers of the statements.
    """
    return tuple(
        replace(statement, sid=f"{sid}{statement.sid}", resources=(key,), principal=None)
        for statement in policy.statements
        if statement.principal and set(statement.principal.names) & set(principals)
    )


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
    text = json.dumps(policy.to_json(), separators=(",", ":"))
    return len(_REFERENCE.sub(lambda match: "x" * _longest(match[1]), text))


@cache
def _longest(name: str) -> int:
    """Return the length of the longest value of a reference."""
    lower = name.lower()
    return next((n for end, n in _LONGEST if re.search(f"(?:{end})$", lower)), _LONGEST_REFERENCE)


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
