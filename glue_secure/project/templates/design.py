"""The design that both templates share: policies, rules and addresses of a project."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from glue_secure.audit.permissions import audit_policy
from glue_secure.audit.scheduled import PREFIX as AUDIT_PREFIX
from glue_secure.core.arguments import COLUMNS, QUARANTINE, JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.policy_arguments import POLICY, policy_locations
from glue_secure.governance import policies
from glue_secure.governance.policies import (
    BucketUsers,
    JobAccess,
    Network,
    Policy,
    PolicyScope,
    ResourceLocation,
)
from glue_secure.governance.policies.table_buckets import BucketTable
from glue_secure.preflight.fine_grained import is_fine_grained
from glue_secure.project.model import (
    ARTIFACTS,
    BOOKMARK_PREFIX,
    DATA_SERVICES,
    EVIDENCE,
    EVIDENCE_PREFIX,
    SERVICE_LINKED,
    SSE_KMS,
    Bucket,
    Connection,
    Crawler,
    Job,
    Project,
    subnet_blocks,
)

_INTERFACE_ENDPOINTS = ("glue", "kms", "secretsmanager", "logs", "sts")
LOG_DAYS = 365
UPLOAD_DAYS = 7
"""Days after which the parts of an upload that was never completed are deleted."""
# Of the evidence bucket: what no principal may overwrite or delete.
_PROTECTED_PREFIXES = (EVIDENCE_PREFIX, AUDIT_PREFIX)
SIGNING_SPEC = "ECC_NIST_P256"
# In China, the names of these services' endpoints begin with ``cn.com.amazonaws``. According to AWS CDK, this
# concerns no other service of _INTERFACE_ENDPOINTS, and none of them in another partition.
CHINESE_ENDPOINTS = ("sts",)
_USES = {
    "data": "objects and secrets",
    "bookmarks": "job bookmarks, encrypted by the jobs",
    "logs": "CloudWatch Logs",
    "catalog": "Data Catalog",
    "alerts": "alerts about changes",
}
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-ct-api-tutorial.html
_API_CALL = "AWS API Call via CloudTrail"
EVENT_PATTERN = 2048
"""Most characters of an event pattern.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
"""
_CHANGES = {
    "cloudtrail": ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"),
    "events": (
        "DeleteRule", "DisableRule", "PutRule", "PutTargets", "RemoveTargets",
    ),
    "glue": (
        "CreateConnection", "CreateCrawler", "CreateDevEndpoint", "CreateJob", "CreateSession",
        "CreateTrigger", "DeleteJob", "DeleteResourcePolicy", "DeleteSecurityConfiguration", "DeleteTrigger",
        "PutDataCatalogEncryptionSettings", "PutResourcePolicy", "StopTrigger", "UpdateConnection",
        "UpdateCrawler", "UpdateDevEndpoint", "UpdateJob", "UpdateJobFromSourceControl", "UpdateTrigger",
    ),
    "kms": (
        "DeleteAlias", "DisableKey", "DisableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion",
        "UpdateAlias",
    ),
    "lakeformation": ("DeregisterResource", "PutDataLakeSettings", "UpdateResource"),
    "scheduler": ("CreateSchedule", "DeleteSchedule", "DeleteScheduleGroup", "UpdateSchedule"),
    "sns": (
        "DeleteTopic", "PutDataProtectionPolicy", "RemovePermission", "SetSubscriptionAttributes",
        "SetTopicAttributes", "Unsubscribe",
    ),
    "states": ("CreateStateMachine", "DeleteStateMachine", "UpdateStateMachine", "UpdateStateMachineAlias"),
}  # fmt: skip
"""Service → calls that can weaken what an audit checks, or that switch off schedules, rules or alerts."""
# CloudTrail names some calls unlike their operation. A name that it does not use matches nothing.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
_BUCKET_CHANGES = (
    "DeleteBucket", "DeleteBucketEncryption", "DeleteBucketPolicy", "DeleteBucketPublicAccessBlock",
    "DeletePublicAccessBlock", "PutBucketAcl", "PutBucketEncryption", "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration", "PutBucketObjectLockConfiguration", "PutBucketPolicy",
    "PutBucketPublicAccessBlock", "PutBucketReplication", "PutBucketVersioning",
    "PutObjectLockConfiguration", "PutPublicAccessBlock",
)  # fmt: skip
_ACCOUNT_CHANGES = (
    "DeleteAccountPublicAccessBlock", "DeletePublicAccessBlock",
    "PutAccountPublicAccessBlock", "PutPublicAccessBlock",
)  # fmt: skip
_SERVICE_LINKED_ROLE = "aws-service-role/lakeformation.amazonaws.com/AWSServiceRoleForLakeFormationDataAccess"


@dataclass(frozen=True, slots=True)
class References:
    """References to a template's resources, in the syntax of the template.

    Attributes:
        scope: Account, region and partition.
        role: Returns the ARN of a job's role.
        key: Returns the ARN of the key for ``data``, ``bookmarks``, ``logs``, ``catalog``, or the evidence
            of a job (:func:`signing`).
        secret: Returns the ARN of a connection's secret.
        crawler: Returns the ARN of a crawler's role.
        vpc: Id of the VPC; "" without a VPC.
        subnets: Ids of the subnets.
        security_group: Id of the security group.
        endpoints: Ids of the VPC endpoints for data, those of :func:`data_endpoints` and existing ones.
    """

    scope: PolicyScope
    role: Callable[[Job], str]
    key: Callable[[str], str]
    secret: Callable[[Connection], str]
    crawler: Callable[[Crawler], str]
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    security_group: str = ""
    endpoints: tuple[str, ...] = ()


def key_policies(project: Project, refs: References) -> dict[str, Policy]:
    """Return the policy of each key, by purpose; of a key that signs evidence, by :func:`signing`.

    A policy that would be too long with the name of each role delegates to the IAM policies of the roles.

    Raises:
        UsageError: A policy is longer than AWS KMS accepts.
    """
    grouped = _grouped_keys(project)
    literal = _literal_references(project)
    for purpose, policy in _grouped(project, literal, grouped).items():
        _require_size(
            f"the policy of the key for {key_use(purpose)}",
            policy,
            policies.KEY_POLICY,
            "AWS KMS",
            fix="name fewer readers, producers, operators and existing roles in the project, or divide it",
        )
    return _grouped(project, refs, grouped)


def keys_of_roles(project: Project) -> tuple[str, ...]:
    """Return the purposes of the created keys that the policies of the jobs' roles name."""
    return tuple(purpose for purpose in _grouped_keys(project) if purpose not in project.keys)


def _grouped_keys(project: Project) -> tuple[str, ...]:
    """Return the purposes of the keys whose policies cannot name each role of the project."""
    named = _shared_key_policies(project, _literal_references(project))
    return tuple(purpose for purpose, policy in named.items() if policies.size(policy) > policies.NAMED_ROLES)


def _grouped(project: Project, refs: References, purposes: tuple[str, ...]) -> dict[str, Policy]:
    roles = {refs.role(job) for job in project.jobs.values() if not job.role}
    pattern = refs.scope.role(f"{project.role_path[1:]}{project.name}-*")
    return {
        purpose: policies.for_roles_like(refs.scope, policy, roles, pattern)
        if purpose in purposes
        else policy
        for purpose, policy in _key_policies(project, refs).items()
    }


def _literal_references(project: Project) -> References:
    """Return references of usual length, to count the characters of a policy that refers to new resources."""
    scope = PolicyScope("eu-central-1", "111122223333")
    return References(
        scope,
        role=lambda job: project.role_arn(job, scope.partition, scope.account),
        key=lambda purpose: project.keys.get(purpose) or scope.arn("kms", f"key/{'0' * 36}"),
        secret=lambda connection: secret_arn(scope, connection),
        crawler=lambda crawler: scope.role(f"{project.role_path[1:]}{project.crawler_role(crawler)}"),
    )


def _key_policies(project: Project, refs: References) -> dict[str, Policy]:
    """Return the policies of all keys, which name each role."""
    own = {
        signing(job): policies.signing_key(refs.scope, refs.role(job), auditors=project.evidence.auditors)
        for job in project.jobs.values()
    }
    return {**_shared_key_policies(project, refs), **(own if project.evidence.sign else {})}


def _shared_key_policies(project: Project, refs: References) -> dict[str, Policy]:
    """Return the policies of the keys that all jobs use."""
    roles = {job.name: refs.role(job) for job in project.jobs.values()}
    # Jobs may share an existing role.
    scope, users = refs.scope, tuple(dict.fromkeys(roles.values()))
    own_secrets = filter(lambda connection: connection.has_own_secret, project.connections.values())
    secrets = tuple(secret_arn(scope, connection) for connection in own_secrets)
    key_policies = {
        "data": policies.data_key(
            scope,
            *users,
            code_bucket=project.buckets[ARTIFACTS].name,
            evidence_bucket=project.buckets[EVIDENCE].name,
            secrets=secrets,
            users=tuple(
                bucket_users(project, bucket, refs)
                for bucket in created_buckets(project)
                if not bucket.key  # whose policy its owner writes
            ),
            operators=project.operators,
        ),
        "bookmarks": policies.bookmark_key(
            scope,
            roles,
            location=f"{project.buckets[EVIDENCE].name}/{BOOKMARK_PREFIX}",
            native={job.name for job in project.jobs.values() if is_native(job)},
            operators=project.operators,
        ),
        "logs": policies.logs_key(
            scope,
            *_log_group_patterns(project),
            *(name for crawler in project.crawlers.values() for name in _crawler_logs(project, crawler)),
            *((flow_logs(project),) if has_flow_logs(project) else ()),
            readers=users,
        ),
    }
    if project.catalog_settings:
        key_policies["catalog"] = policies.catalog_key(
            scope, *users, *map(refs.crawler, project.crawlers.values())
        )
    if project.audit.alerts:
        key_policies["alerts"] = policies.alerts_key(scope)
    return key_policies


def _require_size(
    name: str,
    policy: Policy,
    most: int,
    service: str,
    fix: str = "divide the project, or remove jobs, buckets or principals from it",
) -> None:
    if (length := policies.size(policy)) > most:
        raise UsageError(
            name,
            found=f"{length} characters",
            required=f"{most} characters at most, a limit of {service}",
            fix=fix,
        )


def created_keys(project: Project, refs: References) -> dict[str, Policy]:
    """Return the policy of each key that the template creates, by purpose."""
    return {
        purpose: policy
        for purpose, policy in key_policies(project, refs).items()
        if purpose not in project.keys
    }


def _existing_keys(project: Project, refs: References) -> tuple[tuple[str, Policy], ...]:
    """Return ARN and policy of each key whose use IAM policies allow: existing and grouped ones.

    The policies name each role.
    """
    purposes = dict.fromkeys((*project.keys, *_grouped_keys(project)))
    if not purposes:
        return ()
    expected = _shared_key_policies(project, refs)
    return tuple((refs.key(purpose), expected[purpose]) for purpose in purposes)


def signing(job: Job) -> str:
    """Return the purpose of the key that signs a job's evidence."""
    return f"evidence-{job.name}"


def key_use(purpose: str) -> str:
    """Return what a key is for, in words."""
    return _USES.get(purpose) or f"signatures of the {purpose.replace('-', ' of ', 1)}"


def object_lock(project: Project, bucket: Bucket) -> str:
    """Return the mode of Object Lock of a bucket, "" for none."""
    return project.evidence.lock.upper() if bucket.alias == EVIDENCE else ""


def is_native(job: Job) -> bool:
    """Return whether a job may use the bookmarks of AWS Glue."""
    return not job.all_arguments.has_portable_bookmarks()


def secret_arn(scope: PolicyScope, connection: Connection) -> str:
    """Return the ARN of a secret, whose name Secrets Manager extends by six characters if it is new."""
    if not connection.has_own_secret:
        return connection.secret
    return scope.arn("secretsmanager", f"secret:{connection.secret}-??????")


def bucket_users(project: Project, bucket: Bucket, refs: References) -> BucketUsers:
    """Return the readers and producers of a bucket other than the jobs."""
    scope = refs.scope
    crawlers = tuple(
        refs.crawler(crawler) for crawler in project.crawlers.values() if bucket.alias in crawler.reads
    )
    role = bucket.registration_role
    if role == SERVICE_LINKED:
        role = scope.role(_SERVICE_LINKED_ROLE)
    registered = (role,) if role else ()
    auditors = project.evidence.auditors if bucket.alias == EVIDENCE else ()
    return BucketUsers(
        bucket.name,
        (*bucket.readers, *auditors, *crawlers, *registered),
        (*bucket.producers, *registered),
    )


def role_policy(project: Project, job: Job, refs: References) -> Policy:
    """Return the policy of a job's role.

    Raises:
        UsageError: The policy is longer than IAM accepts.
    """
    policy = policies.job_role(refs.scope, _access(project, job, refs))
    _require_size(
        f"the policy of the role of job {job.name}",
        policy,
        policies.ROLE_POLICIES,
        "IAM",
        fix="divide the job, or remove buckets, tables and connections from it",
    )
    return policy


def audit_policies(project: Project, scope: PolicyScope) -> tuple[Policy, ...]:
    """Return the policies of the role of the job that audits the account; none without such a job."""
    if not project.audit.job:
        return ()
    return policies.split(audit_policy(scope.partition))


def alert_rules(project: Project) -> dict[str, dict[str, Any]]:
    """Return the event pattern of each rule that reports to the topic, by name.

    Events about API calls need a trail of CloudTrail that logs management events. Calls that read are not
    among them.
    """
    if not project.audit.alerts:
        return {}
    rules = {f"{service}-changes": _calls(service, names) for service, names in _CHANGES.items()}
    # Services such as Amazon EBS create grants for their own use of a key.
    rules["kms-grants"] = _calls("kms", ("CreateGrant",), userIdentity={"invokedBy": [{"exists": False}]})
    # The account's setting has no bucket, and may have the source of the S3 Control API.
    rules["account-changes"] = {
        "source": ["aws.s3", "aws.s3control"],
        "detail-type": [_API_CALL],
        "detail": {
            "eventName": list(_ACCOUNT_CHANGES),
            "requestParameters": {"bucketName": [{"exists": False}]},
        },
    }
    rules |= _bucket_rules(sorted({bucket.name for bucket in project.buckets.values()}))
    if project.audit.job:
        # https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
        rules["audit-failed"] = {
            "source": ["aws.glue"],
            "detail-type": ["Glue Job State Change"],
            "detail": {"jobName": [project.audit.job], "state": ["FAILED", "STOPPED", "TIMEOUT"]},
        }
    return rules


def _calls(service: str, names: Iterable[str], **conditions: Any) -> dict[str, Any]:
    """Return the event pattern of calls of a service, with further conditions on the event of CloudTrail."""
    return {
        "source": [f"aws.{service}"],
        "detail-type": [_API_CALL],
        "detail": {"eventSource": [f"{service}.amazonaws.com"], "eventName": list(names), **conditions},
    }


def _bucket_rules(buckets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return patterns of the calls that change these buckets, each with as many buckets as fit."""
    parts: list[list[str]] = [[]]
    for bucket in buckets:
        if len(json.dumps(_bucket_pattern([*parts[-1], bucket]))) > EVENT_PATTERN:
            parts.append([])
        parts[-1].append(bucket)
    return {
        f"bucket-changes{number if number > 1 else ''}": _bucket_pattern(part)
        for number, part in enumerate(parts, start=1)
    }


def _bucket_pattern(buckets: list[str]) -> dict[str, Any]:
    return _calls("s3", _BUCKET_CHANGES, requestParameters={"bucketName": buckets})


def crawler_policy(project: Project, crawler: Crawler, refs: References) -> Policy:
    """Return the policy of a crawler's role."""
    buckets = [project.buckets[alias] for alias in crawler.reads]
    return policies.crawler_role(
        refs.scope,
        role=refs.crawler(crawler),
        buckets=tuple(bucket.name for bucket in buckets),
        database=crawler.database,
        log_groups=_crawler_logs(project, crawler),
        source_keys=tuple(dict.fromkeys(bucket.key for bucket in buckets if bucket.key)),
        existing_keys=_existing_keys(project, refs),
    )


def _crawler_logs(project: Project, crawler: Crawler) -> tuple[str, ...]:
    """Return the log groups that a crawler may create under the security configuration.

    AWS documents names with role and configuration for jobs (``LogGroupName`` of JobRun), not for crawlers.
    The policies allow both forms of such a name.
    """
    name = f"{project.crawler_role(crawler)}-{project.configuration}"
    return (f"/aws-glue/crawlers-role/{name}", f"/aws-glue/crawlers-{name}")


def crawler_paths(project: Project, crawler: Crawler) -> list[str]:
    """Return the locations that a crawler reads."""
    return [f"s3://{project.buckets[alias].name}/" for alias in crawler.reads]


def boundary(project: Project, refs: References) -> Policy:
    """Return a permissions boundary for the roles of the project."""
    return policies.permissions_boundary(
        [
            *(role_policy(project, job, refs) for job in project.jobs.values()),
            *(crawler_policy(project, crawler, refs) for crawler in project.crawlers.values()),
            *audit_policies(project, refs.scope),
        ]
    )


def run_policy(
    project: Project,
    job: Job,
    refs: References,
    *,
    reads: Iterable[ResourceLocation],
    writes: Iterable[ResourceLocation],
) -> Policy:
    """Return the session policy of a run that reads and writes data at these locations only."""
    access = _access(project, job, refs)
    data = {bucket.name for bucket in project.buckets.values() if bucket.alias not in (ARTIFACTS, EVIDENCE)}
    files = [location for location in access.reads if location.single_object]
    own = [location for location in access.replaces if location.bucket not in data]
    return policies.run_policy(
        refs.scope,
        reads=(*access.code, *files, *reads),
        writes=(*access.writes, *own, *writes),
        tables=(*access.bucket_tables, *access.written_bucket_tables),
    )


def keys_of_people(project: Project, refs: References) -> tuple[str, ...]:
    """Return the purposes of the keys that the policies of deployers and operators name."""
    return tuple(purpose for purpose in key_policies(project, refs) if purpose != "alerts")


def deployer_policies(project: Project, refs: References) -> tuple[Policy, ...]:
    """Return the policies of the deployer, who deploys and runs the project's jobs. All must be attached."""
    network = Network((refs.vpc,), refs.subnets, (refs.security_group,)) if refs.vpc else None
    policy = policies.deployer(
        refs.scope,
        jobs=tuple(project.jobs),
        roles=tuple(refs.role(job) for job in project.jobs.values()),
        code=ResourceLocation(project.buckets[ARTIFACTS].name),
        evidence=ResourceLocation(project.buckets[EVIDENCE].name),
        key=refs.key("data"),
        log_groups=_log_group_patterns(project),
        connections=tuple(
            dict.fromkeys(name for job in project.jobs.values() for name in project.connections_of(job))
        ),
        other_keys=tuple(refs.key(purpose) for purpose in keys_of_people(project, refs) if purpose != "data"),
        network=network,
        tags=any(project.tags_of(job) for job in project.jobs.values()),
    )
    return policies.split(policy)


def operator_policies(project: Project, refs: References) -> tuple[Policy, ...]:
    """Return the policies of operators, none if the project names no operators. All must be attached."""
    if not project.operators:
        return ()
    evidence = project.buckets[EVIDENCE].name
    policy = policies.operator(
        refs.scope,
        jobs=tuple(project.jobs),
        buckets=tuple(bucket.name for bucket in _data_buckets(project)),
        evidence=tuple(ResourceLocation(evidence, prefix) for prefix in _PROTECTED_PREFIXES),
        bookmarks=ResourceLocation(evidence, BOOKMARK_PREFIX),
        keys=tuple(map(refs.key, keys_of_people(project, refs))),
        existing_keys=_existing_keys(project, refs),
        operators=project.operators,
    )
    return policies.split(policy)


def managed_policies(project: Project, refs: References) -> list[tuple[str, str, tuple[Policy, ...]]]:
    """Return name, description and parts of the policies for people and pipelines."""
    deployer = f"Deploys and runs the jobs of {project.name}, in their network only"
    return [
        ("deployer", deployer, deployer_policies(project, refs)),
        ("operator", f"Operates the jobs of {project.name}", operator_policies(project, refs)),
    ]


def bucket_policy(project: Project, bucket: Bucket, refs: References) -> Policy:
    """Return the policy of a bucket: TLS only, the project's keys, and its readers and producers.

    Raises:
        UsageError: The policy is longer than Amazon S3 accepts.
    """
    literal = _bucket_policy(project, bucket, _literal_references(project))
    _require_size(f"the policy of the bucket {bucket.name}", literal, policies.BUCKET_POLICY, "Amazon S3")
    return _bucket_policy(project, bucket, refs)


def _bucket_policy(project: Project, bucket: Bucket, refs: References) -> Policy:
    users = bucket_users(project, bucket, refs)
    is_evidence = bucket.alias == EVIDENCE
    # Bookmarks are encrypted under their own key.
    keys: tuple[str, ...] = (bucket.key or refs.key("data"),)
    if is_evidence:
        keys += (refs.key("bookmarks"), *filter(None, (project.evidence.key,)))
    return policies.data_bucket(
        refs.scope,
        bucket.name,
        *keys,
        readers=users.readers,
        producers=users.producers,
        evidence=_PROTECTED_PREFIXES if is_evidence else (),
        # A policy file that declares SSE-S3 accepts SSE-KMS, too.
        algorithms=("aws:kms",) if bucket.encryption == SSE_KMS else ("AES256", "aws:kms"),
    )


def _data_buckets(project: Project) -> list[Bucket]:
    return [bucket for bucket in created_buckets(project) if bucket.alias not in (ARTIFACTS, EVIDENCE)]


def created_buckets(project: Project) -> list[Bucket]:
    """Return the buckets that the template creates."""
    return [bucket for bucket in project.buckets.values() if not bucket.existing]


def created_log_groups(project: Project) -> tuple[str, ...]:
    """Return the names of the log groups that the template creates."""
    flows = (flow_logs(project),) if has_flow_logs(project) else ()
    return (*(_log_groups(project) if project.creates_log_groups else ()), *flows)


def has_flow_logs(project: Project) -> bool:
    """Return whether the template creates a VPC and logs its traffic."""
    return project.vpc is not None and not project.vpc.id and project.vpc.flow_logs


def flow_logs(project: Project) -> str:
    """Return the name of the log group of the VPC's traffic."""
    return f"/glue-secure/{project.name}/flow-logs"


def _log_groups(project: Project) -> tuple[str, ...]:
    """Return the names of the log groups of all jobs, without duplicates."""
    groups = [group for job in project.jobs.values() for group in project.log_groups(job)]
    return tuple(dict.fromkeys(groups))


def _log_group_patterns(project: Project) -> tuple[str, ...]:
    """Return the names of all log groups, with one pattern for those that are named for the roles."""
    return _with_pattern(_log_groups(project), f"/aws-glue/jobs/{project.configuration}-role/")


def _with_pattern(names: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Return names without duplicates, with one pattern in place of those with the prefix."""
    return tuple(dict.fromkeys(f"{prefix}*" if name.startswith(prefix) else name for name in names))


def interface_endpoints(project: Project) -> tuple[str, ...]:
    """Return the services that jobs in a VPC without internet access call and that it has no endpoint for."""
    if project.vpc is None:
        return ()
    governed = any(_uses_lake_formation(project, job) for job in project.jobs.values())
    jobs = project.jobs.values()
    in_buckets = any(_in_buckets((*job.reads_tables, *job.writes_tables)) for job in jobs)
    services = (
        *_INTERFACE_ENDPOINTS,
        *(("lakeformation",) if governed else ()),
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-VPC.html
        *(("s3tables",) if in_buckets else ()),
    )
    return tuple(service for service in services if service not in project.vpc.existing_endpoints)


def gateway_endpoints(project: Project) -> tuple[str, ...]:
    """Return the services with gateway endpoints, in route tables, that the template creates."""
    if project.vpc is None:
        return ()
    marks = any(job.all_arguments.bookmark_high_water() for job in project.jobs.values())
    services = ("s3", *(("dynamodb",) if marks else ()))
    return tuple(service for service in services if service not in project.vpc.existing_endpoints)


def data_endpoints(project: Project) -> tuple[str, ...]:
    """Return the services with data whose endpoints the template creates."""
    created = (*gateway_endpoints(project), *interface_endpoints(project))
    return tuple(service for service in created if service in DATA_SERVICES)


def endpoint_policy(project: Project, scope: PolicyScope) -> Policy | None:
    """Return the policy of the endpoints, None for AWS's, which allows every principal."""
    restricted = project.vpc is not None and project.vpc.own_principals_only
    return policies.own_principals_only(scope) if restricted else None


def flow_log_policy(project: Project, scope: PolicyScope) -> Policy:
    """Return the policy of the role that writes flow logs.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    group = scope.arn("logs", f"log-group:{flow_logs(project)}")
    actions = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    return Policy((policies.allow("WriteFlowLogs", *actions, on=(group, f"{group}:*")),))


def subnet_addresses(project: Project) -> list[str]:
    """Return the address ranges of the subnets that the template creates."""
    if project.vpc is None or project.vpc.id:
        return []
    return subnet_blocks(project.vpc.cidr, project.vpc.zones)


def egress(project: Project) -> list[tuple[str, str, int]]:
    """Return the egress rules: description, address range and port."""
    if project.vpc is None:
        return []
    services = [("AWS services, through the endpoints of the VPC", "0.0.0.0/0", 443)]
    ports = {*project.vpc.ports, *(connection.port for connection in project.connections.values())} - {443}
    return services + [(f"databases on port {port}", project.vpc.databases, port) for port in sorted(ports)]


def connection_properties(connection: Connection, secret: Any) -> dict[str, Any]:
    """Return the properties of a JDBC connection. TLS is enforced; the password is in a secret."""
    certificate = {"CUSTOM_JDBC_CERT": connection.certificate} if connection.certificate else {}
    return {
        "JDBC_CONNECTION_URL": connection.url,
        "JDBC_ENFORCE_SSL": "true",
        "SKIP_CUSTOM_JDBC_CERT_VALIDATION": "false",
        "SECRET_ID": secret,
        **certificate,
    }


def _access(project: Project, job: Job, refs: References) -> JobAccess:
    scope, arguments = refs.scope, job.all_arguments
    used = [project.connections[name] for name in job.connections]
    certificates = [connection.certificate for connection in used]
    policy_files = policy_locations(JobArguments({POLICY: project.policy} if project.policy else {}))
    files = [*certificates, *policy_files, *arguments.suites(), arguments.get(COLUMNS) or ""]
    objects = [S3Uri.parse(name) for name in files if name.startswith("s3://")]
    code, evidence = project.buckets[ARTIFACTS].name, project.buckets[EVIDENCE].name
    read = (project.buckets[alias] for alias in job.reads)
    sources = [bucket for bucket in read if not bucket.lake_formation]
    targets = [project.buckets[alias] for alias in job.writes]
    keys = tuple(dict.fromkeys(bucket.key for bucket in sources if bucket.key))
    target_keys = tuple(dict.fromkeys(bucket.key for bucket in targets if bucket.key))
    quarantine = arguments.location(QUARANTINE)
    table = arguments.bookmark_high_water()
    return JobAccess(
        job=job.name,
        connections=project.connections_of(job),
        secrets=tuple(refs.secret(connection) for connection in used),
        code=(ResourceLocation(code, "scripts/"), ResourceLocation(code, "glue-secure/")),
        reads=(
            *(ResourceLocation(bucket.name) for bucket in sources),
            *(ResourceLocation(uri.bucket, uri.key, single_object=True) for uri in objects),
        ),
        writes=(
            ResourceLocation(evidence, f"{EVIDENCE_PREFIX}/job={job.name}"),
            *(
                (ResourceLocation(evidence, f"{AUDIT_PREFIX}/job={job.name}"),)
                if job.name == project.audit.job
                else ()
            ),
            ResourceLocation(evidence, f"{BOOKMARK_PREFIX}/{scope.account}/{scope.region}/{job.name}"),
        ),
        replaces=(
            *(ResourceLocation(bucket.name) for bucket in targets),
            *((ResourceLocation(quarantine.bucket, quarantine.key),) if quarantine else ()),
            ResourceLocation(code, f"temporary/{job.name}/"),
        ),
        log_groups=_with_pattern(
            project.log_groups(job), f"/aws-glue/jobs/{project.configuration}-role/{project.role(job)}/"
        ),
        tables=_by_database(job.reads_tables),
        written_tables=_by_database(job.writes_tables),
        bucket_tables=_in_buckets(job.reads_tables),
        written_bucket_tables=_in_buckets(job.writes_tables),
        data_catalog=arguments.uses_data_catalog(),
        subnets=refs.subnets,
        security_groups=(refs.security_group,) if refs.security_group else (),
        source_keys=keys,
        target_keys=target_keys,
        secret_keys=tuple(
            dict.fromkeys(connection.secret_key for connection in used if connection.secret_key)
        ),
        existing_keys=_existing_keys(project, refs),
        role=refs.role(job),
        vpc=refs.vpc if project.vpc and project.vpc.required else "",
        endpoints=refs.endpoints if project.vpc and project.vpc.endpoints_required else (),
        evidence_key=project.evidence.key,
        column_keys=tuple(job.column_keys.items()),
        high_water=scope.arn("dynamodb", f"table/{table}") if table else "",
        lake_formation=_uses_lake_formation(project, job),
    )


def _uses_lake_formation(project: Project, job: Job) -> bool:
    """Return whether the job gets credentials for data from Lake Formation."""
    reads = any(project.buckets[alias].lake_formation for alias in job.reads)
    return reads or is_fine_grained(job.all_arguments)


def _in_buckets(names: tuple[str, ...]) -> tuple[BucketTable, ...]:
    return tuple(table for table in map(BucketTable.parse, names) if table is not None)


def _by_database(names: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    by_database: dict[str, list[str]] = {}
    for name in names:
        if BucketTable.parse(name) is not None:
            continue
        database, _, table = name.partition(".")
        by_database.setdefault(database, []).append(table)
    return tuple((database, tuple(tables)) for database, tables in by_database.items())
