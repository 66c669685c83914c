"""The calls of a run and of the creation of a stack, derived from the project file of every kind of project.

Each call of a job is allowed with the generated documents, and the same call of another role is not.
"""

import pytest
from generated_documents import ACCOUNT, GeneratedAccess, arn, both, role, secret
from template_projects import PROJECTS, large_project

from glue_secure.project.model import ARTIFACTS, EVIDENCE, SSE_S3
from glue_secure.project.project_file import read_text

KEY = "arn:aws:kms:eu-west-1:{}:key/{}-12ab-34cd-56ef-1234567890ab"
# Every engine of JDBC, one job each, without a VPC.
ENGINES = """
[project]
name = "engines"
[buckets]
artifacts = "acme-engines-artifacts"
evidence = "acme-engines-evidence"
curated = "acme-engines-curated"
"""
for _name, _url in {
    "postgresql": "jdbc:postgresql://db.example.org:5432/orders",
    "mysql": "jdbc:mysql://db.example.org:3306/orders",
    "sqlserver": "jdbc:sqlserver://db.example.org:1433;databaseName=orders",
    "oracle": "jdbc:oracle:thin:@tcps://db.example.org:2484/orders",
    "redshift": "jdbc:redshift://db.example.org:5439/orders",
}.items():
    ENGINES += f'[connections.{_name}]\nurl = "{_url}"\n[jobs.{_name}]\nscript = "jobs/{_name}.py"\n'
    ENGINES += f'connections = ["{_name}"]\nwrites = ["curated"]\n'
# Lake Formation, a schedule, modules, requirements, and a crawler; the keys of the configuration exist.
GOVERNED = f"""
[project]
name = "governed"
[keys]
bookmarks = "{KEY.format(ACCOUNT, "00000002")}"
catalog = "{KEY.format(ACCOUNT, "00000004")}"
[evidence]
key = "{KEY.format("999900001111", "0000e71d")}"
[buckets]
artifacts = "acme-governed-artifacts"
evidence = "acme-governed-evidence"
curated = "acme-governed-curated"
[buckets.lake]
name = "acme-lake"
existing = true
lake_formation = true
[buckets.landing]
name = "acme-landing"
existing = true
key = "{KEY.format("999900001111", "0000ce47")}"
[jobs.full]
script = "jobs/full.py"
reads = ["lake"]
writes = ["curated"]
reads_tables = ["lake.orders"]
schedule = "cron(15 3 * * ? *)"
modules = ["lib/orders"]
requirements = "requirements.txt"
arguments = {{ "enable-glue-datacatalog" = "true" }}
[jobs.fine]
script = "jobs/fine.py"
reads = ["lake"]
reads_tables = ["lake.orders"]
fine_grained = true
bookmark = false
[crawlers.landing]
reads = ["landing"]
database = "landing"
"""
KINDS = {
    **{name: lambda name=name: read_text(PROJECTS[name]) for name in PROJECTS},
    "engines": lambda: read_text(ENGINES),
    "governed": lambda: read_text(GOVERNED),
    "forty": lambda: read_text(large_project(40)),
}
SECURE = {"aws:SecureTransport": ("true",)}


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request):
    project = KINDS[request.param]()
    return project, {name: GeneratedAccess(documents) for name, documents in both(project).items()}


def via(service, **context):
    return {
        "kms:ViaService": (f"{service}.eu-west-1.amazonaws.com",),
        **{f"kms:EncryptionContext:{name.replace('__', ':')}": (value,) for name, value in context.items()},
    }


def of_s3(bucket):
    return via("s3", aws__s3__arn=f"arn:aws:s3:::{bucket}")


class Calls:
    """The calls of one job's runs, by what belongs to the job alone and what jobs share."""

    def __init__(self, project, job):
        self.project, self.job, self.own, self.shared = project, job, [], []
        evidence = project.buckets[EVIDENCE].name
        data, bookmarks = self.key("data"), self.key("bookmarks")
        self.add_code()
        for alias in job.reads:
            if not project.buckets[alias].lake_formation:
                self.add_read(project.buckets[alias])
        for alias in job.writes:
            self.add_write(project.buckets[alias])
        path = f"arn:aws:s3:::{evidence}/evidence/job={job.name}/run=jr_1/evidence.json"
        key = project.evidence.key or data
        created = {"s3:if-none-match": ("*",), "s3:ObjectCreationOperation": ("true",)}
        self.own.append(("s3:PutObject", path, {**created, **header(key)}))
        self.own.append(("s3:GetObject", path, {}))
        self.shared.append(("kms:GenerateDataKey", key, of_s3(evidence)))
        path = f"arn:aws:s3:::{evidence}/bookmarks/{ACCOUNT}/eu-west-1/{job.name}/current"
        self.own += [("s3:PutObject", path, header(bookmarks)), ("s3:GetObject", path, {})]
        self.shared += [
            (f"kms:{name}", bookmarks, of_s3(evidence)) for name in ("GenerateDataKey", "Decrypt")
        ]
        of_job = {"kms:EncryptionContext:glue-secure:job": (job.name,)}
        bookmark = {"kms:EncryptionContext:glue-secure:purpose": ("job-bookmark",), **of_job}
        self.own += [(f"kms:{name}", bookmarks, bookmark) for name in ("GenerateDataKey", "Decrypt")]
        probe = {"kms:EncryptionContext:glue-secure:purpose": ("probe",)}
        for each in (data, bookmarks):
            self.shared += [(f"kms:{name}", each, probe) for name in ("GenerateDataKey", "Decrypt")]
            self.shared.append(("kms:DescribeKey", each, {}))
        self.shared.append(("kms:DescribeKey", self.key("logs"), {}))
        if project.evidence.sign:
            ecdsa = {"kms:SigningAlgorithm": ("ECDSA_SHA_256",)}
            self.own.append(("kms:Sign", self.key(f"evidence-{job.name}"), ecdsa))
        self.own.append(("glue:GetJob", arn("glue", f"job/{job.name}"), {}))
        self.add_connections()
        self.add_tables()
        for group in project.log_groups(job):
            stream = arn("logs", f"log-group:{group}:log-stream:jr_1")
            self.shared.append(("logs:PutLogEvents", stream, {}))
            self.shared.append(("logs:AssociateKmsKey", arn("logs", f"log-group:{group}"), {}))
        self.shared.append(("glue:GetSecurityConfiguration", "*", {}))
        self.shared.append(("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": ("Glue",)}))
        if project.vpc:
            self.shared.append(("ec2:CreateNetworkInterface", arn("ec2", "network-interface/eni-1"), {}))
            self.shared.append(("ec2:DescribeSubnets", "*", {}))
        if any(project.buckets[alias].lake_formation for alias in job.reads):
            self.shared.append(("lakeformation:GetDataAccess", "*", {}))

    def key(self, purpose):
        return self.project.keys.get(purpose) or arn("kms", f"key/{self.project.name}-{purpose}")

    def key_of(self, bucket):
        return bucket.key or self.key("data")

    def add_code(self):
        bucket = self.project.buckets[ARTIFACTS].name
        for name in (
            f"scripts/{self.job.name}.py",
            f"scripts/{self.job.name}.gluewheels.zip",
            "glue-secure/a.zip",
        ):
            self.shared.append(("s3:GetObject", f"arn:aws:s3:::{bucket}/{name}", {}))
        self.shared.append(("kms:Decrypt", self.key("data"), of_s3(bucket)))

    def add_read(self, bucket):
        self.shared.append(("s3:ListBucket", f"arn:aws:s3:::{bucket.name}", {}))
        self.shared.append(("s3:GetObject", f"arn:aws:s3:::{bucket.name}/a/b", {}))
        if bucket.encryption != SSE_S3:
            self.shared.append(("kms:Decrypt", self.key_of(bucket), of_s3(bucket.name)))

    def add_write(self, bucket):
        self.add_read(bucket)
        target = f"arn:aws:s3:::{bucket.name}/a/b"
        aes = {"s3:x-amz-server-side-encryption": ("AES256",)}
        headers = aes if bucket.encryption == SSE_S3 else header(self.key_of(bucket))
        self.shared.append(("s3:PutObject", target, headers))
        self.shared += [(f"s3:{name}", target, {}) for name in ("DeleteObject", "AbortMultipartUpload")]
        if bucket.encryption != SSE_S3:
            self.shared.append(("kms:GenerateDataKey", self.key_of(bucket), of_s3(bucket.name)))

    def add_connections(self):
        for name in self.project.connections_of(self.job):
            for resource in ("catalog", f"connection/{name}"):
                self.shared.append(("glue:GetConnection", arn("glue", resource), {}))
        for name in self.job.connections:
            connection = self.project.connections[name]
            value = connection.secret if not connection.has_own_secret else secret(connection.secret)
            key = connection.secret_key or self.key("data")
            self.shared.append(("secretsmanager:GetSecretValue", value, {}))
            self.shared.append(("kms:Decrypt", key, via("secretsmanager", SecretARN=value)))
            self.shared.append(("kms:Decrypt", self.key("catalog"), via("glue")))
            self.shared.append(("glue:GetDataCatalogEncryptionSettings", arn("glue", "catalog"), {}))

    def add_tables(self):
        for names, actions in (
            (self.job.reads_tables, ("GetTable", "GetPartitions")),
            (self.job.writes_tables, ("GetTable", "GetPartitions", "CreateTable", "UpdateTable")),
        ):
            for database, _, table in (name.partition(".") for name in names):
                resources = ("catalog", f"database/{database}", f"table/{database}/{table}")
                self.shared += [
                    (f"glue:{action}", arn("glue", name), {}) for action in actions for name in resources
                ]
                self.shared.append(("kms:Decrypt", self.key("catalog"), via("glue")))


def header(key):
    return {
        "s3:x-amz-server-side-encryption": ("aws:kms",),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": (key,),
    }


def jobs_of(project):
    """Return jobs with roles of the template, at most three."""
    jobs = [job for job in project.jobs.values() if not job.role]
    return [jobs[0], *jobs[len(jobs) // 2 : len(jobs) // 2 + 1], jobs[-1]]


def identity(project, job):
    name = f"{project.role_path[1:]}{project.role(job)}"
    return role(name), [f"role {project.role(job)}"]


def test_every_call_of_a_run_is_allowed(kind):
    project, accesses = kind
    for job in jobs_of(project):
        calls = Calls(project, job)
        for action, resource, context in (*calls.own, *calls.shared):
            for template, access in accesses.items():
                allowed = access.allows(*identity(project, job), action, resource, context)
                assert allowed, f"{template}: {job.name} {action} {resource} {context}"


def test_no_other_role_can_make_a_call_of_a_run(kind):
    """An unnamed role of the account, an administrator of another one, and the other jobs."""
    project, accesses = kind
    for job in jobs_of(project):
        calls = Calls(project, job)
        for access in accesses.values():
            for action, resource, context in (*calls.own, *calls.shared):
                assert not access.allows(role("unnamed"), [], action, resource, context)
                if resource.startswith(("arn:aws:s3", f"arn:aws:kms:eu-west-1:{ACCOUNT}")):
                    stranger = role("stranger", "222200001111")
                    assert not access.allows(stranger, "*", action, resource, context)
            for other in project.jobs.values():
                if other.name == job.name or other.role:
                    continue
                for action, resource, context in calls.own:
                    allowed = access.allows(*identity(project, other), action, resource, context)
                    assert not allowed, f"{other.name} {action} {resource} {context}"


def test_a_role_cannot_change_permissions_or_jobs(kind):
    project, accesses = kind
    for job in jobs_of(project):
        for access in accesses.values():
            for action, resource in (
                ("kms:PutKeyPolicy", arn("kms", f"key/{project.name}-data")),
                ("kms:ScheduleKeyDeletion", arn("kms", f"key/{project.name}-data")),
                ("s3:PutBucketPolicy", f"arn:aws:s3:::{project.buckets[ARTIFACTS].name}"),
                ("s3:PutObject", f"arn:aws:s3:::{project.buckets[ARTIFACTS].name}/scripts/{job.name}.py"),
                (
                    "s3:DeleteObject",
                    f"arn:aws:s3:::{project.buckets[EVIDENCE].name}/evidence/job={job.name}/e",
                ),
                ("glue:UpdateJob", arn("glue", f"job/{job.name}")),
                ("glue:StartJobRun", arn("glue", f"job/{job.name}")),
                ("iam:PassRole", role(project.role(job))),
                ("iam:PutRolePolicy", role(project.role(job))),
            ):
                assert not access.allows(*identity(project, job), action, resource, {}), (job.name, action)


def test_an_administrator_can_create_what_needs_keys_and_the_deployer_can_deploy(kind):
    """CloudFormation and Terraform call as the administrator: secrets, and the passwords of connections."""
    project, accesses = kind
    admin, deployer = role("admin"), role("deployer")
    network = {
        "glue:VpcIds": ((project.vpc.id or "vpc-jobs") if project.vpc else "",),
        "glue:SubnetIds": ((project.vpc.subnets or ("subnet-0",))[0] if project.vpc else "",),
        "glue:SecurityGroupIds": ("sg-jobs",),
    }
    code = project.buckets[ARTIFACTS].name
    for access in accesses.values():
        for connection in project.connections.values():
            if connection.has_own_secret:
                context = via("secretsmanager", SecretARN=secret(connection.secret))
                for action in ("kms:GenerateDataKey", "kms:Decrypt"):
                    assert access.allows(admin, "*", action, arn("kms", f"key/{project.name}-data"), context)
        if project.catalog_settings and "catalog" not in project.keys:
            key = arn("kms", f"key/{project.name}-catalog")
            assert access.allows(admin, "*", "kms:Encrypt", key, via("glue"))
        for job in jobs_of(project):
            to_glue = {"iam:PassedToService": ("glue.amazonaws.com",)}
            for action, resource, context in (
                ("glue:CreateJob", arn("glue", f"job/{job.name}"), network if project.vpc else {}),
                ("iam:PassRole", identity(project, job)[0], to_glue),
                (
                    "s3:PutObject",
                    f"arn:aws:s3:::{code}/scripts/{job.name}.py",
                    header(Calls(project, job).key("data")),
                ),
                ("kms:GenerateDataKey", Calls(project, job).key("data"), of_s3(code)),
                ("glue:StartJobRun", arn("glue", f"job/{job.name}"), {}),
            ):
                assert access.allows(deployer, ["deployer"], action, resource, context), (action, resource)
            assert not access.allows(deployer, ["deployer"], "iam:PassRole", role("admin"), to_glue)
        for group in {group for job in project.jobs.values() for group in project.log_groups(job)}:
            if "logs" not in project.keys:
                context = {"kms:EncryptionContext:aws:logs:arn": (arn("logs", f"log-group:{group}"),)}
                key = arn("kms", f"key/{project.name}-logs")
                assert access.allows("logs.eu-west-1.amazonaws.com", [], "kms:Encrypt", key, context), group
