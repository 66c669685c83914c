"""The design that both templates share: policies, rules and addresses of a project."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from glue_secure.core.arguments import JobArguments
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.policy_arguments import PACKAGED, POLICY, policy_locations
from glue_secure.governance import policies
from glue_secure.governance.policies import JobAccess, Network, Policy, PolicyScope, ResourceLocation
from glue_secure.preflight.fine_grained import is_fine_grained
from glue_secure.project.model import ARTIFACTS, EVIDENCE, Bucket, Connection, Job, Project

_INTERFACE_ENDPOINTS = ("glue", "kms", "secretsmanager", "logs", "sts")
LOG_DAYS = 365
_SUBNET_BITS = 4


@dataclass(frozen=True, slots=True)
class References:
    """References to a template's resources, in the syntax of the template.

    Attributes:
        scope: Account, region and partition.
        role: Returns the ARN of a job's role.
        key: Returns the ARN of the key for ``data``, ``bookmarks``, ``logs`` or ``catalog``.
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
    """Return the policy of each key, by purpose."""
    roles = [refs.role(job) for job in project.jobs.values()]
    patterns = (
        f"/aws-glue/jobs/logs-v2-{project.configuration}",
        f"/aws-glue/jobs/{project.configuration}-role/*",
    )
    key_policies = {
        "data": policies.data_key(
            refs.scope,
            *roles,
            code_bucket=project.buckets[ARTIFACTS].name,
            evidence_bucket=project.buckets[EVIDENCE].name,
        ),
        "bookmarks": policies.bookmark_key(refs.scope, *roles),
        "logs": policies.logs_key(refs.scope, *patterns, readers=tuple(roles)),
    }
    if project.catalog_settings:
        key_policies["catalog"] = policies.catalog_key(refs.scope, *roles)
    return key_policies


def role_policy(project: Project, job: Job, refs: References) -> Policy:
    """Return the policy of a job's role."""
    return policies.job_role(refs.scope, _access(project, job, refs))


def deployer_policy(project: Project, refs: References) -> Policy:
    """Return the policy of the deployer, who deploys and runs the project's jobs."""
    network = Network((refs.vpc,), refs.subnets, (refs.security_group,)) if refs.vpc else None
    return policies.deployer(
        refs.scope,
        jobs=tuple(project.jobs),
        roles=tuple(refs.role(job) for job in project.jobs.values()),
        code=ResourceLocation(project.buckets[ARTIFACTS].name),
        evidence=ResourceLocation(project.buckets[EVIDENCE].name),
        key=refs.key("data"),
        log_groups=all_log_groups(project),
        connections=tuple(
            dict.fromkeys(name for job in project.jobs.values() for name in project.connections_of(job))
        ),
        other_keys=tuple(refs.key(purpose) for purpose in key_policies(project, refs) if purpose != "data"),
        network=network,
    )


def bucket_policy(bucket: Bucket, refs: References) -> Policy:
    """Return the policy of a bucket: TLS only, and one key."""
    return policies.data_bucket(refs.scope, bucket.name, refs.key("data"))


def created_buckets(project: Project) -> list[Bucket]:
    """Return the buckets that the template creates."""
    return [bucket for bucket in project.buckets.values() if not bucket.existing]


def all_log_groups(project: Project) -> tuple[str, ...]:
    """Return the names of the log groups of all jobs, without duplicates."""
    groups = [group for job in project.jobs.values() for group in project.log_groups(job)]
    return tuple(dict.fromkeys(groups))


def interface_endpoints(project: Project) -> tuple[str, ...]:
    """Return the services that a job in a VPC without internet access calls. S3 has a gateway endpoint."""
    governed = any(_uses_lake_formation(project, job) for job in project.jobs.values())
    return (*_INTERFACE_ENDPOINTS, *(("lakeformation",) if governed else ()))


def subnet_addresses(project: Project) -> list[str]:
    """Return the address ranges of the subnets that the template creates."""
    if project.vpc is None or project.vpc.id:
        return []
    network = ipaddress.ip_network(project.vpc.cidr)
    blocks = network.subnets(prefixlen_diff=_SUBNET_BITS)
    return [str(next(blocks)) for _ in range(project.vpc.zones)]


def egress(project: Project) -> list[tuple[str, str, int]]:
    """Return the egress rules: description, address range and port."""
    if project.vpc is None:
        return []
    services = [("AWS services, through the endpoints of the VPC", "0.0.0.0/0", 443)]
    ports = sorted({connection.port for connection in project.connections.values()} - {443})
    return services + [(f"databases on port {port}", project.vpc.databases, port) for port in ports]


def connection_properties(connection: Connection, secret: str) -> dict[str, str]:
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
    used = [project.connections[name] for name in job.connections]
    certificates = [S3Uri.parse(connection.certificate) for connection in used if connection.certificate]
    policy_files = policy_locations(JobArguments({POLICY: project.policy} if project.policy else {}))
    policies_in_s3 = [S3Uri.parse(name) for name in policy_files if not name.startswith(PACKAGED)]
    code = project.buckets[ARTIFACTS].name
    read = (project.buckets[alias] for alias in job.reads)
    sources = [bucket for bucket in read if not bucket.lake_formation]
    buckets = [*sources, *(project.buckets[alias] for alias in job.writes)]
    keys = tuple(dict.fromkeys(bucket.key for bucket in buckets if bucket.key))
    return JobAccess(
        job=job.name,
        connections=project.connections_of(job),
        secrets=tuple(refs.secret(connection) for connection in used),
        code=(ResourceLocation(code, "scripts/"), ResourceLocation(code, "glue-secure/")),
        reads=(
            *(ResourceLocation(bucket.name) for bucket in sources),
            *(ResourceLocation(uri.bucket, uri.key, single_object=True) for uri in certificates),
            *(ResourceLocation(uri.bucket, uri.key, single_object=True) for uri in policies_in_s3),
        ),
        writes=(ResourceLocation(project.buckets[EVIDENCE].name),),
        replaces=(
            *(ResourceLocation(project.buckets[alias].name) for alias in job.writes),
            ResourceLocation(code, f"temporary/{job.name}/"),
        ),
        # Some calls of Glue have the suffix of a log stream in the resource.
        log_groups=tuple(f"{group}*" for group in project.log_groups(job)),
        tables=_by_database(job.reads_tables),
        written_tables=_by_database(job.writes_tables),
        subnets=refs.subnets,
        security_groups=(refs.security_group,) if refs.security_group else (),
        source_keys=keys,
        lake_formation=_uses_lake_formation(project, job),
    )


def _uses_lake_formation(project: Project, job: Job) -> bool:
    """Return whether the job gets credentials for data from Lake Formation."""
    reads = any(project.buckets[alias].lake_formation for alias in job.reads)
    return reads or is_fine_grained(JobArguments(job.arguments))


def _by_database(names: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    by_database: dict[str, list[str]] = {}
    for name in names:
        database, _, table = name.partition(".")
        by_database.setdefault(database, []).append(table)
    return tuple((database, tuple(tables)) for database, tables in by_database.items())
