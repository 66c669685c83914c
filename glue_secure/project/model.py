"""A project as frozen values, and the names of its AWS resources.

Templates, policies and deployments take the names from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI, JobArguments
from glue_secure.core.policy_arguments import POLICY, POLICY_SHA256
from glue_secure.core.spark_arguments import conf_argument, with_plugin
from glue_secure.core.worker_encryption import DISK_CONF
from glue_secure.engines.spark.guard_jar import PLUGIN_CLASS
from glue_secure.project.packaging import REQUEST_GUARD_NAME, modules_archive
from glue_secure.project.versions import GLUE_VERSIONS, GlueVersion

ARTIFACTS, EVIDENCE = "artifacts", "evidence"


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
    """

    alias: str
    name: str
    existing: bool = False
    key: str = ""
    lake_formation: bool = False


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
        cidr: Address range of the VPC.
        zones: Number of subnets to create, each in its own availability zone; 0 in an existing VPC.
        id: Id of an existing VPC, else "".
        subnets: Ids of the subnets in an existing VPC.
        route_tables: Ids of the route tables of an existing VPC, for the S3 gateway endpoint.
        databases: Address range that jobs may reach on the ports of their connections.
    """

    cidr: str
    zones: int = 2
    id: str = ""
    subnets: tuple[str, ...] = ()
    route_tables: tuple[str, ...] = ()
    databases: str = ""


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
        arguments: Arguments of the job, without ``--``.
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
    request_guard: bool = False

    @property
    def version(self) -> GlueVersion:
        """The Glue version; for a job with suites, with packages that include Great Expectations."""
        version = next(version for version in GLUE_VERSIONS if version.name == self.glue)
        return version.with_quality() if JobArguments(self.arguments).suites() else version


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
    """

    name: str
    buckets: Mapping[str, Bucket]
    connections: Mapping[str, Connection]
    jobs: Mapping[str, Job]
    vpc: Vpc | None = None
    catalog_settings: bool = True
    policy: str = ""
    policy_sha256: str = ""

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
        """Return the log groups that Glue writes to under a security configuration.

        https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging-enable.html
        """
        prefix = f"/aws-glue/jobs/{self.configuration}-role/{self.role(job)}"
        return f"/aws-glue/jobs/logs-v2-{self.configuration}", f"{prefix}/error", f"{prefix}/output"

    def connections_of(self, job: Job) -> tuple[str, ...]:
        """Return the names of a job's connections; in a VPC, at least the network connection."""
        return job.connections or ((self.network_connection,) if self.vpc else ())

    def script_uri(self, job: Job) -> str:
        """Return the location of a job's script."""
        return f"s3://{self.buckets[ARTIFACTS].name}/scripts/{job.name}.py"

    @property
    def code_prefix(self) -> str:
        """Location of the wheels, without a slash at the end."""
        return f"s3://{self.buckets[ARTIFACTS].name}/glue-secure"

    @property
    def request_guard_uri(self) -> str:
        """Location of the request guard's JAR."""
        return f"{self.code_prefix}/{REQUEST_GUARD_NAME}"

    def default_arguments(self, job: Job) -> dict[str, str]:
        """Return the arguments that a run may override."""
        bookmark = "job-bookmark-enable" if job.bookmark else "job-bookmark-disable"
        conf = conf_argument(DISK_CONF, job.arguments.get("conf", ""))
        return {
            "--job-language": "python",
            "--job-bookmark-option": bookmark,
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
            f"--{BOOKMARK_URI}": f"{evidence}/bookmarks/",
            f"--{EVIDENCE_URI}": f"{evidence}/evidence/",
            **({"--extra-jars": self.request_guard_uri} if job.request_guard else {}),
            **({f"--{POLICY}": self.policy} if self.policy else {}),
            **({f"--{POLICY_SHA256}": self.policy_sha256} if self.policy_sha256 else {}),
        }
