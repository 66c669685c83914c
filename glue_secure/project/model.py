"""A project as frozen values, and the names of its AWS resources.

Templates, policies and deployments take the names from here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from glue_secure.core.arguments import (
    AUDIT_BASELINE,
    AUDIT_BASELINE_SHA256,
    BOOKMARK_URI,
    EVIDENCE_KEY,
    EVIDENCE_SIGNING_KEY,
    EVIDENCE_URI,
    NO_BASELINE,
    JobArguments,
)
from glue_secure.core.log_groups import log_groups
from glue_secure.core.policy_arguments import POLICY, POLICY_SHA256
from glue_secure.core.spark_arguments import conf_argument, settings_of, with_plugin
from glue_secure.core.worker_encryption import DISK_CONF
from glue_secure.engines.spark.guard_jar import PLUGIN_CLASS
from glue_secure.project.packaging import REQUEST_GUARD_NAME, modules_archive
from glue_secure.project.versions import GLUE_VERSIONS, GlueVersion

ARTIFACTS, EVIDENCE = "artifacts", "evidence"
EVIDENCE_PREFIX, BOOKMARK_PREFIX = "evidence", "bookmarks"
SSE_KMS, SSE_S3 = "SSE-KMS", "SSE-S3"
SERVICE_LINKED = "service-linked-role"
"""The ``registration_role`` that stands for the service-linked role of Lake Formation."""
DATA_SERVICES = ("dynamodb", "kms", "s3", "s3tables", "secretsmanager")
"""Services with data, whose use the roles can restrict to a network."""
S3A_ENDPOINT, S3A_REGION = "spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.s3a.endpoint.region"
_SUBNET_BITS = 2


def subnet_blocks(cidr: str, zones: int) -> list[str]:
    """Return the address ranges of the subnets of a VPC, a quarter of it each."""
    blocks = ipaddress.ip_network(cidr).subnets(prefixlen_diff=_SUBNET_BITS)
    return [str(next(blocks)) for _ in range(zones)]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket.

    Attributes:
        alias: Its name in the project file.
        name: Its name in S3.
        existing: The bucket exists; no template creates it.
        key: ARN of the key of the bucket's objects, "" for the data key of the project.
        encryption: ``SSE-KMS``, or ``SSE-S3`` for a bucket that a policy file declares with it.
        lake_formation: Lake Formation governs an existing bucket: the roles of jobs that read it have no S3
            permissions on it.
        readers: ARNs of principals other than the jobs that read the objects.
        producers: ARNs of principals other than the jobs that write objects.
        registration_role: ARN of the role that a bucket's location is registered with in Lake Formation,
            ``service-linked-role``, or "".
    """

    alias: str
    name: str
    existing: bool = False
    key: str = ""
    lake_formation: bool = False
    readers: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()
    registration_role: str = ""
    encryption: str = SSE_KMS


@dataclass(frozen=True, slots=True)
class Connection:
    """A JDBC connection. Its password is in a secret, never in the file.

    Attributes:
        name: Name of the Glue connection.
        url: ``jdbc:...`` without credentials.
        port: Port of the URL.
        secret: Name of the secret with ``username`` and ``password``; ARN of an existing one.
        certificate: ``s3://`` location of the CA certificate, or "" for a public CA.
        secret_key: ARN of the key of an existing secret, "" for the AWS managed key or the data key.
        rotation: ARN of the Lambda function that rotates the secret, or "".
        rotation_days: Days between two rotations.
    """

    name: str
    url: str
    port: int
    secret: str
    certificate: str = ""
    secret_key: str = ""
    rotation: str = ""
    rotation_days: int = 30

    @property
    def has_own_secret(self) -> bool:
        """Whether the template creates the secret."""
        return not self.secret.startswith("arn:")


@dataclass(frozen=True, slots=True)
class Vpc:
    """The VPC of the jobs: one that the template creates, or an existing one.

    Attributes:
        cidr: Address range of the VPC; of an existing VPC, "" or the range of ``databases``.
        zones: Number of subnets to create, each in its own availability zone; 0 in an existing VPC.
        id: Id of an existing VPC, else "".
        subnets: Ids of the subnets in an existing VPC.
        availability_zones: Zone of each subnet; of a VPC that the template creates, () for its first zones.
        route_tables: Ids of the route tables of an existing VPC, for gateway endpoints.
        existing_endpoints: Services to which an existing VPC has endpoints.
        databases: Address range that jobs may reach on the ports of their connections and on ``ports``.
        ports: Further ports, such as those of brokers.
        flow_logs: The template logs the traffic of the VPC that it creates.
        own_principals_only: The endpoints that the template creates accept principals of the account only.
        required: The jobs' roles reach S3, AWS KMS, secrets and DynamoDB from this VPC only.
        endpoints_required: They reach them through the created endpoints and ``endpoint_ids`` only.
        endpoint_ids: Ids of existing endpoints for these services.
    """

    cidr: str
    zones: int = 2
    id: str = ""
    subnets: tuple[str, ...] = ()
    availability_zones: tuple[str, ...] = ()
    route_tables: tuple[str, ...] = ()
    existing_endpoints: tuple[str, ...] = ()
    databases: str = ""
    flow_logs: bool = True
    own_principals_only: bool = False
    required: bool = False
    endpoints_required: bool = False
    endpoint_ids: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """How the evidence of the jobs is stored.

    Attributes:
        lock: Object Lock of the evidence bucket: ``governance``, ``compliance``, or "" for none.
        days: Days of its default retention.
        sign: Each job has a key that signs its evidence.
        key: ARN of the key that encrypts the evidence, also of another account; "" for the data key.
        auditors: ARNs of principals that read and verify the evidence.
    """

    lock: str = ""
    days: int = 365
    sign: bool = True
    key: str = ""
    auditors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The continuous audit of the account.

    Attributes:
        job: Name of the job that audits the account, whose role gets the policy of an auditor; "" for none.
        alerts: The template creates a topic, and rules that report changes of settings to it.
    """

    job: str = ""
    alerts: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    Attributes:
        name: Name of the Glue job.
        script: Path of the script, relative to the project file.
        reads: Aliases of the buckets that the job reads.
        writes: Aliases of the buckets that the job reads, writes and deletes in.
        connections: Names of its connections.
        reads_tables: Tables that it reads, ``database.table`` or ``s3tablescatalog/BUCKET/NAMESPACE.TABLE``.
        writes_tables: Tables that it writes, as ``reads_tables``.
        glue: Name of the Glue version.
        worker_type: Worker type of Glue.
        workers: Number of workers.
        timeout: Timeout in minutes.
        bookmark: Whether a run continues after the previous one.
        arguments: Arguments of the job, without ``--``, that a run may override.
        security: Arguments of glue-secure for this job, without ``--``, that no run overrides.
        column_keys: Name and key of each column policy that encrypts or tokenises.
        request_guard: Whether Spark loads the request guard.
        role: ARN of an existing role, or "" for one that the template creates.
        retries: Times that Glue runs a failed run again, None for what the account has.
        execution_class: ``STANDARD`` or ``FLEX``, "" for what the account has.
        schedule: ``cron(...)`` in UTC, or "".
        tags: Tags of the job, in addition to those of the project.
        modules: Paths of Python modules and packages, relative to the project file, that the script imports.
        requirements: Path of a requirements file, relative to the project file, or "".
        policies: ARNs of managed policies that the created role has in addition.
    """

    name: str
    script: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    reads_tables: tuple[str, ...] = ()
    writes_tables: tuple[str, ...] = ()
    glue: str = "5.1"
    worker_type: str = "G.1X"
    workers: int = 2
    timeout: int = 60
    bookmark: bool = True
    arguments: Mapping[str, str] = field(default_factory=dict)
    security: Mapping[str, str] = field(default_factory=dict)
    column_keys: Mapping[str, str] = field(default_factory=dict)
    request_guard: bool = False
    role: str = ""
    retries: int | None = None
    execution_class: str = ""
    schedule: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    requirements: str = ""
    policies: tuple[str, ...] = ()

    @property
    def version(self) -> GlueVersion:
        """The Glue version; for a job with suites, with packages that include Great Expectations."""
        version = next(version for version in GLUE_VERSIONS if version.name == self.glue)
        return version.with_quality() if self.all_arguments.suites() else version

    @property
    def all_arguments(self) -> JobArguments:
        """The arguments of the project file."""
        return JobArguments({**self.arguments, **self.security})


@dataclass(frozen=True, slots=True)
class Crawler:
    """A crawler with the project's security configuration.

    Attributes:
        name: Name of the crawler.
        reads: Aliases of the buckets that it reads.
        database: Name of the database that it writes tables to.
        schedule: ``cron(...)`` in UTC, or "".
    """

    name: str
    reads: tuple[str, ...]
    database: str
    schedule: str = ""


def code_prefix(buckets: Mapping[str, Bucket]) -> str:
    """Return the location of the wheels and policy files, without a slash at the end."""
    return f"s3://{buckets[ARTIFACTS].name}/glue-secure"


@dataclass(frozen=True, slots=True)
class Project:
    """A project.

    Attributes:
        name: Prefix of the names of its resources.
        buckets: Buckets by alias, including ``artifacts`` and ``evidence``.
        connections: Connections by name.
        jobs: Jobs by name; at least one.
        vpc: The VPC, or None for jobs outside a VPC.
        catalog_settings: The template sets the encryption of the account's Data Catalog.
        policy: The policy files of every job, "" for none; see docs/policy.md.
        policy_sha256: Their digests.
        operators: ARNs of principals that run ``glue-secure bookmark``, ``evidence`` and ``remediate``.
        evidence: How the evidence is stored.
        policy_files: Location and content of those that are files of the project, which a deployment uploads.
        tags: Tags of every resource that can have tags.
        permissions_boundary: ARN of the permissions boundary of the roles, or "".
        role_path: Path of the roles, ``/`` at both ends.
        keys: ARN of each existing key that the template does not create, by purpose.
        existing_configuration: Name of an existing security configuration, or "".
        creates_log_groups: The template creates the log groups.
        crawlers: Crawlers by name.
        audit: The continuous audit.
        environment: Name of the environment that the file was read with, "" for none.
    """

    name: str
    buckets: Mapping[str, Bucket]
    connections: Mapping[str, Connection]
    jobs: Mapping[str, Job]
    vpc: Vpc | None = None
    catalog_settings: bool = True
    policy: str = ""
    policy_sha256: str = ""
    operators: tuple[str, ...] = ()
    evidence: EvidenceSettings = EvidenceSettings()
    policy_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary: str = ""
    role_path: str = "/"
    keys: Mapping[str, str] = field(default_factory=dict)
    existing_configuration: str = ""
    creates_log_groups: bool = True
    crawlers: Mapping[str, Crawler] = field(default_factory=dict)
    audit: AuditSettings = AuditSettings()
    environment: str = ""

    @property
    def configuration(self) -> str:
        """Name of the security configuration."""
        return self.existing_configuration or f"{self.name}-strict"

    @property
    def network_connection(self) -> str:
        """Name of the connection that places a job without other connections in the VPC."""
        return f"{self.name}-network"

    def role(self, job: Job) -> str:
        """Return the name of a job's role, without its path."""
        return job.role.rpartition("/")[2] or f"{self.name}-{job.name}"

    def crawler_role(self, crawler: Crawler) -> str:
        """Return the name of a crawler's role."""
        return f"{self.name}-{crawler.name}-crawler"

    @property
    def alerts_topic(self) -> str:
        """Name of the topic of alerts."""
        return f"{self.name}-alerts"

    def role_arn(self, job: Job, partition: str, account: str) -> str:
        """Return the ARN of a job's role."""
        return job.role or f"arn:{partition}:iam::{account}:role{self.role_path}{self.role(job)}"

    def tags_of(self, job: Job) -> dict[str, str]:
        """Return the tags of a job."""
        return {**self.tags, **job.tags}

    def log_groups(self, job: Job) -> tuple[str, ...]:
        """Return the log groups that Glue may write to under a security configuration."""
        return log_groups(self.configuration, self.role(job), job.all_arguments)

    def connections_of(self, job: Job) -> tuple[str, ...]:
        """Return the names of a job's connections; in a VPC, at least the network connection."""
        return job.connections or ((self.network_connection,) if self.vpc else ())

    def script_uri(self, job: Job) -> str:
        """Return the location of a job's script."""
        return f"s3://{self.buckets[ARTIFACTS].name}/scripts/{job.name}.py"

    def modules_uri(self, job: Job) -> str:
        """Return the location of the zip of a job's modules."""
        return f"s3://{self.buckets[ARTIFACTS].name}/scripts/{job.name}.modules.zip"

    def archive_uri(self, job: Job) -> str:
        """Return the location of the wheels of a job, which jobs without requirements share."""
        if job.requirements:
            return f"s3://{self.buckets[ARTIFACTS].name}/scripts/{job.name}.gluewheels.zip"
        return f"{self.code_prefix}/{modules_archive(job.version)}"

    @property
    def code_prefix(self) -> str:
        """Location of the wheels, without a slash at the end."""
        return code_prefix(self.buckets)

    @property
    def request_guard_uri(self) -> str:
        """Location of the request guard's JAR."""
        return f"{self.code_prefix}/{REQUEST_GUARD_NAME}"

    def default_arguments(self, job: Job, region: str) -> dict[str, str]:
        """Return the arguments that a run may override.

        Args:
            job: The job.
            region: Region of the job, or a reference to it. Without the setting, S3A sends requests to
                us-east-2 (https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html).
        """
        bookmark = "job-bookmark-enable" if job.bookmark else "job-bookmark-disable"
        given = job.arguments.get("conf", "")
        settings = settings_of(given)
        located = {} if S3A_ENDPOINT in settings else {S3A_REGION: region}
        conf = conf_argument({**DISK_CONF, **located}, given)
        return {
            "--job-language": "python",
            "--job-bookmark-option": bookmark,
            # Scanners search the argument here; NonOverridableArguments has it too.
            "--enable-continuous-cloudwatch-log": "true",
            **{f"--{name}": value for name, value in job.arguments.items()},
            "--conf": with_plugin(conf, PLUGIN_CLASS) if job.request_guard else conf,
        }

    def fixed_arguments(self, job: Job) -> dict[str, str]:
        """Return ``NonOverridableArguments``: locations of script, code, bookmarks, evidence and policy."""
        evidence = f"s3://{self.buckets[EVIDENCE].name}"
        return {
            # An argument of a run with this name would replace the script of the job.
            "--scriptLocation": self.script_uri(job),
            "--additional-python-modules": self.archive_uri(job),
            "--python-modules-installer-option": "--no-index",
            "--enable-continuous-cloudwatch-log": "true",
            "--TempDir": f"s3://{self.buckets[ARTIFACTS].name}/temporary/{job.name}/",
            f"--{BOOKMARK_URI}": f"{evidence}/{BOOKMARK_PREFIX}/",
            f"--{EVIDENCE_URI}": f"{evidence}/{EVIDENCE_PREFIX}/",
            **{f"--{name}": value for name, value in job.security.items()},
            **({f"--{EVIDENCE_KEY}": self.evidence.key} if self.evidence.key else {}),
            **(
                {f"--{EVIDENCE_SIGNING_KEY}": f"alias/{self.name}-evidence-{job.name}"}
                if self.evidence.sign
                else {}
            ),
            **({"--extra-py-files": self.modules_uri(job)} if job.modules else {}),
            **({"--extra-jars": self.request_guard_uri} if job.request_guard else {}),
            **({f"--{POLICY}": self.policy} if self.policy else {}),
            **(
                {
                    f"--{AUDIT_BASELINE}": job.arguments.get(AUDIT_BASELINE, NO_BASELINE),
                    **{
                        f"--{name}": value
                        for name, value in job.arguments.items()
                        if name == AUDIT_BASELINE_SHA256
                    },
                }
                if job.name == self.audit.job
                else {}
            ),
            **({f"--{POLICY_SHA256}": self.policy_sha256} if self.policy_sha256 else {}),
        }
