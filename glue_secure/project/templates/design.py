"""What both templates say, in words of neither: policies, rules and addresses of one project."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from glue_secure.core.identifiers import S3Uri
from glue_secure.governance import policies
from glue_secure.governance.policies import JobAccess, Network, Policy, PolicyScope, ResourceLocation
from glue_secure.project.model import ARTIFACTS, EVIDENCE
from glue_secure.project.project_file import Bucket, Connection, Job, Project

INTERFACE_ENDPOINTS = ("glue", "kms", "secretsmanager", "logs", "sts")
"""What a job in a VPC without internet calls; S3 has a gateway endpoint."""
LOG_DAYS = 365
_SUBNET_BITS = 4


@dataclass(frozen=True, slots=True)
class References:
    """How one template names what is made in it.

    Attributes:
        scope: account, region and partition.
        role: job → ARN of its role.
        key: ``data``, ``bookmarks``, ``logs`` or ``catalog`` → ARN.
        secret: connection → ARN of its secret.
        vpc: the VPC's id; "" outside one.
        subnets: ids.
        security_group: id.
    """

    scope: PolicyScope
    role: Callable[[Job], str]
    key: Callable[[str], str]
    secret: Callable[[Connection], str]
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    security_group: str = ""


def key_policies(project: Project, refs: References) -> dict[str, Policy]:
    """The policy of each key, by purpose."""
    roles = [refs.role(job) for job in project.jobs.values()]
    patterns = (
        f"/aws-glue/jobs/logs-v2-{project.configuration}",
        f"/aws-glue/jobs/{project.configuration}-role/*",
    )
    found = {
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
        found["catalog"] = policies.catalog_key(refs.scope, *roles)
    return found


def role_policy(project: Project, job: Job, refs: References) -> Policy:
    """What a job's role may do."""
    return policies.job_role(refs.scope, _access(project, job, refs))


def deployer_policy(project: Project, refs: References) -> Policy:
    """What somebody may do who deploys and runs the project's jobs."""
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
    """TLS only, and one key."""
    return policies.data_bucket(refs.scope, bucket.name, refs.key("data"))


def made_buckets(project: Project) -> list[Bucket]:
    """Buckets that are not there yet."""
    return [bucket for bucket in project.buckets.values() if not bucket.existing]


def all_log_groups(project: Project) -> tuple[str, ...]:
    """Names of the log groups of all jobs, each once."""
    groups = [group for job in project.jobs.values() for group in project.log_groups(job)]
    return tuple(dict.fromkeys(groups))


def subnet_addresses(project: Project) -> list[str]:
    """Addresses of the subnets that are made."""
    if project.vpc is None or project.vpc.id:
        return []
    network = ipaddress.ip_network(project.vpc.cidr)
    blocks = network.subnets(prefixlen_diff=_SUBNET_BITS)
    return [str(next(blocks)) for _ in range(project.vpc.zones)]


def egress(project: Project) -> list[tuple[str, str, int]]:
    """Ways out of the network: why, to which addresses, on which port."""
    if project.vpc is None:
        return []
    ways = [("AWS services, through the endpoints of the VPC", "0.0.0.0/0", 443)]
    ports = sorted({one.port for one in project.connections.values()} - {443})
    return ways + [(f"databases on port {port}", project.vpc.databases, port) for port in ports]


def connection_properties(connection: Connection, secret: str) -> dict[str, str]:
    """A JDBC connection's properties: TLS is enforced, the password is in a secret."""
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
    certificates = [S3Uri.parse(one.certificate) for one in used if one.certificate]
    code = project.buckets[ARTIFACTS].name
    read = [project.buckets[alias] for alias in job.reads]
    touched = [*read, *(project.buckets[alias] for alias in job.writes)]
    keys = tuple(dict.fromkeys(one.key for one in touched if one.key))
    return JobAccess(
        job=job.name,
        connections=project.connections_of(job),
        secrets=tuple(refs.secret(one) for one in used),
        code=(ResourceLocation(code, "scripts/"), ResourceLocation(code, "glue-secure/")),
        reads=(
            *(ResourceLocation(bucket.name) for bucket in read),
            *(ResourceLocation(one.bucket, one.key, single_object=True) for one in certificates),
        ),
        writes=(ResourceLocation(project.buckets[EVIDENCE].name),),
        replaces=(
            *(ResourceLocation(project.buckets[alias].name) for alias in job.writes),
            ResourceLocation(code, f"temporary/{job.name}/"),
        ),
        # The wildcard stands for the streams' suffix that some of Glue's own calls carry.
        log_groups=tuple(f"{group}*" for group in project.log_groups(job)),
        tables=_by_database(job.reads_tables),
        written_tables=_by_database(job.writes_tables),
        subnets=refs.subnets,
        security_groups=(refs.security_group,) if refs.security_group else (),
        source_keys=keys,
    )


def _by_database(names: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    for name in names:
        database, _, table = name.partition(".")
        found.setdefault(database, []).append(table)
    return tuple((database, tuple(tables)) for database, tables in found.items())
