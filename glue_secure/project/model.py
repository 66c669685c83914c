"""A project as frozen values, and the names of its AWS resources.

Templates, policies and deployments take the names from here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from glue_secure.core.arguments import (
    BOOKMARK_URI,
    EVIDENCE_KEY,
    EVIDENCE_SIGNING_KEY,
    EVIDENCE_URI,
    JobArguments,
)
from glue_secure.core.policy_arguments import POLICY, POLICY_SHA256
from glue_secure.core.spark_arguments import conf_argument, settings_of, with_plugin
from glue_secure.core.worker_encryption import DISK_CONF
from glue_secure.engines.spark.guard_jar import PLUGIN_CLASS
from glue_secure.project.packaging import REQUEST_GUARD_NAME, modules_archive
from glue_secure.project.versions import GLUE_VERSIONS, GlueVersion

ARTIFACTS, EVIDENCE = "artifacts", "evidence"
EVIDENCE_PREFIX, BOOKMARK_PREFIX = "evidence", "bookmarks"
SERVICE_LINKED = "service-linked-role"
"""The ``registration_role`` that stands for the service-linked role of Lake Formation."""
S3A_ENDPOINT, S3A_REGION = "spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.s3a.endpoint.region"
_SUBNET_BITS = 2


def subnet_blocks(cidr: str, zones: int) -> list[str]:
    """Return the address ranges of the subnets of a VPC, a quarter of it each."""
    blocks = ipaddress.ip_network(cidr).subnets(prefixlen_diff=_SUBNET_BITS)
    return [str(next(blocks)) for _ in range(zones)]


def log_groups(configuration: str, role: str, arguments: JobArguments) -> tuple[str, ...]:
    """Return the log groups that Glue may write to under a security configuration, ``/*`` for several.

    AWS documents ``NAME-CONFIGURATION`` for the default and for custom groups; accounts also have groups
    named for configuration and role. Which one a job uses depends on its Glue version.
    https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging-enable.html

    Args:
        configuration: Name of the security configuration.
        role: Name of the job's role.
        arguments: Arguments of the job.
    """
    prefix = arguments.get("custom-logGroup-prefix")
    custom = arguments.get("continuous-log-logGroup")
    streams = ("error", "output")
    names = [f"{(prefix or '/aws-glue/jobs').rstrip('/')}/{stream}-{configuration}" for stream in streams]
    names.append(f"{custom or '/aws-glue/jobs/logs-v2'}-{configuration}")
    names += [f"{prefix or f'/aws-glue/jobs/{configuration}-role/{role}'}/{stream}" for stream in streams]
    return (*names, custom) if custom else tuple(names)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket.

    Attributes:
        alias: Its name in the project file.
        name: Its name in S3.
        existing: The bucket exists; no template creates it.
        key: ARN of the key of an existing bucket's objects, or "".
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


@dataclass(frozen=True, slots=True)
class Connection:
    """A JDBC connection. Its password is in a secret, never in the file.

    Attributes:
        name: Name of the Glue connection.
        url: ``jdbc:...`` without credentials.
        port: Port of the URL.
        secret: Name of the secret with ``username`` and ``password``.
        certificate: ``s3://`` location of the CA certificate, or "" for a public CA.
    """

    name: str
    url: str
    port: int
    secret: str
    certificate: str = ""


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
        databases: Address range that jobs may reach on the ports of their connections.
    """

    cidr: str
    zones: int = 2
    id: str = ""
    subnets: tuple[str, ...] = ()
    availability_zones: tuple[str, ...] = ()
    route_tables: tuple[str, ...] = ()
    existing_endpoints: tuple[str, ...] = ()
    databases: str = ""


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
class Job:
    """A job.

    Attributes:
        name: Name of the Glue job.
        script: Path of the script, relative to the project file.
        reads: Aliases of the buckets that the job reads.
        writes: Aliases of the buckets that the job reads, writes and deletes in.
        connections: Names of its connections.
        reads_tables: Tables that it reads, ``database.table``.
        writes_tables: Tables that it writes, ``database.table``.
        glue: Name of the Glue version.
        worker_type: Worker type of Glue.
        workers: Number of workers.
        timeout: Timeout in minutes.
        bookmark: Whether a run continues after the previous one.
        arguments: Arguments of the job, without ``--``, that a run may override.
        security: Arguments of glue-secure for this job, without ``--``, that no run overrides.
        column_keys: Name and key of each column policy that encrypts or tokenises.
        request_guard: Whether Spark loads the request guard.
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

    @property
    def version(self) -> GlueVersion:
        """The Glue version; for a job with suites, with packages that include Great Expectations."""
        version = next(version for version in GLUE_VERSIONS if version.name == self.glue)
        return version.with_quality() if self.all_arguments.suites() else version

    @property
    def all_arguments(self) -> JobArguments:
        """The arguments of the project file."""
        return JobArguments({**self.arguments, **self.security})


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

    @property
    def configuration(self) -> str:
        """Name of the security configuration."""
        return f"{self.name}-strict"

    @property
    def network_connection(self) -> str:
        """Name of the connection that places a job without other connections in the VPC."""
        return f"{self.name}-network"

    def role(self, job: Job) -> str:
        """Return the name of a job's role."""
        return f"{self.name}-{job.name}"

    def log_groups(self, job: Job) -> tuple[str, ...]:
        """Return the log groups that Glue may write to under a security configuration."""
        return log_groups(self.configuration, self.role(job), job.all_arguments)

    def connections_of(self, job: Job) -> tuple[str, ...]:
        """Return the names of a job's connections; in a VPC, at least the network connection."""
        return job.connections or ((self.network_connection,) if self.vpc else ())

    def script_uri(self, job: Job) -> str:
        """Return the location of a job's script."""
        return f"s3://{self.buckets[ARTIFACTS].name}/scripts/{job.name}.py"

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
            "--additional-python-modules": f"{self.code_prefix}/{modules_archive(job.version)}",
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
            **({"--extra-jars": self.request_guard_uri} if job.request_guard else {}),
            **({f"--{POLICY}": self.policy} if self.policy else {}),
            **({f"--{POLICY_SHA256}": self.policy_sha256} if self.policy_sha256 else {}),
        }
