"""The design that both templates share: policies, rules and addresses of a project."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

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
from glue_secure.preflight.fine_grained import is_fine_grained
from glue_secure.project.model import (
    ARTIFACTS,
    BOOKMARK_PREFIX,
    EVIDENCE,
    EVIDENCE_PREFIX,
    SERVICE_LINKED,
    Bucket,
    Connection,
    Job,
    Project,
    subnet_blocks,
)

_INTERFACE_ENDPOINTS = ("glue", "kms", "secretsmanager", "logs", "sts")
LOG_DAYS = 365
SIGNING_SPEC = "ECC_NIST_P256"
# In China, the names of these services' endpoints begin with ``cn.com.amazonaws``. According to AWS CDK, this
# concerns no other service of _INTERFACE_ENDPOINTS, and none of them in another partition.
CHINESE_ENDPOINTS = ("sts",)
_USES = {
    "data": "objects and secrets",
    "bookmarks": "job bookmarks, encrypted by the jobs",
    "logs": "CloudWatch Logs",
    "catalog": "Data Catalog",
}
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
        vpc: Id of the VPC; "" without a VPC.
        subnets: Ids of the subnets.
        security_group: Id of the security group.
    """

    scope: PolicyScope
    role: Callable[[Job], str]
    key: Callable[[str], str]
    secret: Callable[[Connection], str]
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    security_group: str = ""


def key_policies(project: Project, refs: References) -> dict[str, Policy]:
    """Return the policy of each key, by purpose; of a key that signs evidence, by :func:`signing`."""
    roles = {job.name: refs.role(job) for job in project.jobs.values()}
    scope, users = refs.scope, tuple(roles.values())
    secrets = tuple(secret_arn(scope, connection) for connection in project.connections.values())
    key_policies = {
        "data": policies.data_key(
            scope,
            *users,
            code_bucket=project.buckets[ARTIFACTS].name,
            evidence_bucket=project.buckets[EVIDENCE].name,
            secrets=secrets,
            users=tuple(bucket_users(project, bucket, scope) for bucket in created_buckets(project)),
            operators=project.operators,
        ),
        "bookmarks": policies.bookmark_key(
            scope,
            roles,
            location=f"{project.buckets[EVIDENCE].name}/{BOOKMARK_PREFIX}",
            native={job.name for job in project.jobs.values() if is_native(job)},
            operators=project.operators,
        ),
        "logs": policies.logs_key(scope, *_log_group_patterns(project), readers=users),
    }
    if project.catalog_settings:
        key_policies["catalog"] = policies.catalog_key(scope, *users)
    if project.evidence.sign:
        for job in project.jobs.values():
            auditors = project.evidence.auditors
            key_policies[signing(job)] = policies.signing_key(scope, refs.role(job), auditors=auditors)
    return key_policies


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
    """Return the ARN of a connection's secret, whose name Secrets Manager extends by six characters."""
    return scope.arn("secretsmanager", f"secret:{connection.secret}-??????")


def bucket_users(project: Project, bucket: Bucket, scope: PolicyScope) -> BucketUsers:
    """Return the readers and producers of a bucket other than the jobs."""
    role = bucket.registration_role
    if role == SERVICE_LINKED:
        role = scope.role(_SERVICE_LINKED_ROLE)
    registered = (role,) if role else ()
    auditors = project.evidence.auditors if bucket.alias == EVIDENCE else ()
    return BucketUsers(
        bucket.name, (*bucket.readers, *auditors, *registered), (*bucket.producers, *registered)
    )


def role_policy(project: Project, job: Job, refs: References) -> Policy:
    """Return the policy of a job's role.

    Raises:
        UsageError: The policy is longer than IAM accepts.
    """
    policy = policies.job_role(refs.scope, _access(project, job, refs))
    if (length := policies.size(policy)) > policies.ROLE_POLICIES:
        raise UsageError(
            f"the policy of the role of job {job.name}",
            found=f"{length} characters",
            required=f"{policies.ROLE_POLICIES} characters at most, a limit of IAM",
            fix="divide the job, or remove buckets, tables and connections from it",
        )
    return policy


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
        other_keys=tuple(refs.key(purpose) for purpose in key_policies(project, refs) if purpose != "data"),
        network=network,
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
        evidence=ResourceLocation(evidence, EVIDENCE_PREFIX),
        bookmarks=ResourceLocation(evidence, BOOKMARK_PREFIX),
        keys=tuple(refs.key(purpose) for purpose in key_policies(project, refs)),
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
    """Return the policy of a bucket: TLS only, the project's keys, and its readers and producers."""
    users = bucket_users(project, bucket, refs.scope)
    is_evidence = bucket.alias == EVIDENCE
    # Bookmarks are encrypted under their own key.
    keys: tuple[str, ...] = (refs.key("data"),)
    if is_evidence:
        keys += (refs.key("bookmarks"), *filter(None, (project.evidence.key,)))
    return policies.data_bucket(
        refs.scope,
        bucket.name,
        *keys,
        readers=users.readers,
        producers=users.producers,
        evidence=EVIDENCE_PREFIX if is_evidence else "",
    )


def _data_buckets(project: Project) -> list[Bucket]:
    return [bucket for bucket in created_buckets(project) if bucket.alias not in (ARTIFACTS, EVIDENCE)]


def created_buckets(project: Project) -> list[Bucket]:
    """Return the buckets that the template creates."""
    return [bucket for bucket in project.buckets.values() if not bucket.existing]


def all_log_groups(project: Project) -> tuple[str, ...]:
    """Return the names of the log groups of all jobs, without duplicates."""
    groups = [group for job in project.jobs.values() for group in project.log_groups(job)]
    return tuple(dict.fromkeys(groups))


def _log_group_patterns(project: Project) -> tuple[str, ...]:
    """Return the names of all log groups, with one pattern for those that are named for the roles."""
    return _with_pattern(all_log_groups(project), f"/aws-glue/jobs/{project.configuration}-role/")


def _with_pattern(names: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Return names without duplicates, with one pattern in place of those with the prefix."""
    return tuple(dict.fromkeys(f"{prefix}*" if name.startswith(prefix) else name for name in names))


def interface_endpoints(project: Project) -> tuple[str, ...]:
    """Return the services that jobs in a VPC without internet access call and that it has no endpoint for."""
    if project.vpc is None:
        return ()
    governed = any(_uses_lake_formation(project, job) for job in project.jobs.values())
    services = (*_INTERFACE_ENDPOINTS, *(("lakeformation",) if governed else ()))
    return tuple(service for service in services if service not in project.vpc.existing_endpoints)


def gateway_endpoints(project: Project) -> tuple[str, ...]:
    """Return the services with gateway endpoints, in route tables, that the template creates."""
    if project.vpc is None:
        return ()
    marks = any(job.all_arguments.bookmark_high_water() for job in project.jobs.values())
    services = ("s3", *(("dynamodb",) if marks else ()))
    return tuple(service for service in services if service not in project.vpc.existing_endpoints)


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
    ports = sorted({connection.port for connection in project.connections.values()} - {443})
    return services + [(f"databases on port {port}", project.vpc.databases, port) for port in ports]


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
    keys = tuple(dict.fromkeys(bucket.key for bucket in (*sources, *targets) if bucket.key))
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
        subnets=refs.subnets,
        security_groups=(refs.security_group,) if refs.security_group else (),
        source_keys=keys,
        evidence_key=project.evidence.key,
        column_keys=tuple(job.column_keys.items()),
        high_water=scope.arn("dynamodb", f"table/{table}") if table else "",
        lake_formation=_uses_lake_formation(project, job),
    )


def _uses_lake_formation(project: Project, job: Job) -> bool:
    """Return whether the job gets credentials for data from Lake Formation."""
    reads = any(project.buckets[alias].lake_formation for alias in job.reads)
    return reads or is_fine_grained(job.all_arguments)


def _by_database(names: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    by_database: dict[str, list[str]] = {}
    for name in names:
        database, _, table = name.partition(".")
        by_database.setdefault(database, []).append(table)
    return tuple((database, tuple(tables)) for database, tables in by_database.items())
