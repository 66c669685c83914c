"""The project as frozen values, and the names that follow from it.

Templates and policies take names from here, so that all mean the same job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI, JobArguments
from glue_secure.core.worker_encryption import DISK_CONF
from glue_secure.project.packaging import modules_archive
from glue_secure.project.versions import GLUE_VERSIONS, GlueVersion

ARTIFACTS, EVIDENCE = "artifacts", "evidence"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket under the short name that the file gives it.

    Attributes:
        alias: the short name.
        name: the bucket's own.
        existing: it is there already, and no template makes it.
        key: ARN of the key of an existing bucket's objects, or "".
    """

    alias: str
    name: str
    existing: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """A JDBC connection. Its password is in a secret, never in the file.

    Attributes:
        name: of the Glue connection.
        url: ``jdbc:...`` without credentials.
        port: the database's, from the URL.
        secret: name of the secret with ``username`` and ``password``.
        certificate: ``s3://`` location of the authority's certificate, or "" for public ones.
    """

    name: str
    url: str
    port: int
    secret: str
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Vpc:
    """The network of the jobs: one that the template makes (``cidr``), or one that is there.

    Attributes:
        cidr: addresses of a VPC to make; of the existing one otherwise.
        zones: how many subnets, each in its own availability zone; 0 in an existing VPC.
        id: of an existing VPC, else "".
        subnets: ids in the existing VPC.
        route_tables: ids there, which the S3 gateway endpoint is put into.
        databases: addresses that jobs may reach on their connections' ports.
    """

    cidr: str
    zones: int = 2
    id: str = ""
    subnets: tuple[str, ...] = ()
    route_tables: tuple[str, ...] = ()
    databases: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Attributes:
        name: of the Glue job.
        script: path of the script, relative to the file.
        reads: aliases of buckets.
        writes: aliases of buckets, which are read, written, and cleaned up in.
        connections: names of connections.
        reads_tables: ``database.table``.
        writes_tables: likewise.
        glue: the Glue version's name.
        worker_type: of Glue's worker types.
        workers: how many.
        timeout: minutes.
        bookmark: whether runs continue where the last one stopped.
        arguments: the job's own, without ``--``.
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

    @property
    def version(self) -> GlueVersion:
        """The Glue version; of a job with suites, the one whose packages carry gates."""
        found = next(one for one in GLUE_VERSIONS if one.name == self.glue)
        return found.with_quality() if JobArguments(self.arguments).suites() else found


@dataclass(frozen=True, slots=True)
class Project:
    """All of it.

    Attributes:
        name: the prefix of what is made.
        buckets: by alias; ``artifacts`` and ``evidence`` are among them.
        connections: by name.
        jobs: by name; at least one.
        vpc: None for jobs outside a VPC.
        catalog_settings: the template sets the encryption of the account's Data Catalog.
    """

    name: str
    buckets: Mapping[str, Bucket]
    connections: Mapping[str, Connection]
    jobs: Mapping[str, Job]
    vpc: Vpc | None = None
    catalog_settings: bool = True

    @property
    def configuration(self) -> str:
        """Name of the security configuration."""
        return f"{self.name}-strict"

    @property
    def network_connection(self) -> str:
        """Name of the connection that puts jobs without another one into the VPC."""
        return f"{self.name}-network"

    def role(self, job: Job) -> str:
        """Name of a job's role."""
        return f"{self.name}-{job.name}"

    def log_groups(self, job: Job) -> tuple[str, ...]:
        """The groups that Glue writes to under a security configuration.

        https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging-enable.html
        """
        mine = f"/aws-glue/jobs/{self.configuration}-role/{self.role(job)}"
        return f"/aws-glue/jobs/logs-v2-{self.configuration}", f"{mine}/error", f"{mine}/output"

    def connections_of(self, job: Job) -> tuple[str, ...]:
        """Names of the connections that a job is given: in a VPC at least the one that leads there."""
        return job.connections or ((self.network_connection,) if self.vpc else ())

    def script_uri(self, job: Job) -> str:
        """Where the script is to lie."""
        return f"s3://{self.buckets[ARTIFACTS].name}/scripts/{job.name}.py"

    @property
    def code_prefix(self) -> str:
        """Where the wheels are to lie, without a slash at the end."""
        return f"s3://{self.buckets[ARTIFACTS].name}/glue-secure"

    def default_arguments(self, job: Job) -> dict[str, str]:
        """Arguments that somebody who starts a run may replace."""
        bookmark = "job-bookmark-enable" if job.bookmark else "job-bookmark-disable"
        # Glue takes several settings in one --conf, each further one after the word itself.
        conf = " --conf ".join(f"{name}={value}" for name, value in DISK_CONF.items())
        return {
            "--conf": conf,
            "--job-language": "python",
            "--job-bookmark-option": bookmark,
            **{f"--{name}": value for name, value in job.arguments.items()},
        }

    def fixed_arguments(self, job: Job) -> dict[str, str]:
        """``NonOverridableArguments``: the script, the guard's code and places, and where logs go."""
        evidence = f"s3://{self.buckets[EVIDENCE].name}"
        return {
            # As an argument of a run it would replace the script of the job's definition.
            "--scriptLocation": self.script_uri(job),
            "--additional-python-modules": f"{self.code_prefix}/{modules_archive(job.version)}",
            "--python-modules-installer-option": "--no-index",
            "--enable-continuous-cloudwatch-log": "true",
            "--TempDir": f"s3://{self.buckets[ARTIFACTS].name}/temporary/{job.name}/",
            f"--{BOOKMARK_URI}": f"{evidence}/bookmarks/",
            f"--{EVIDENCE_URI}": f"{evidence}/evidence/",
        }
