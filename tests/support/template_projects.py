"""Project files of every kind that a template supports."""

from glue_secure.project.starter import starter_files

SMALL = """
[project]
name = "small"
[buckets]
artifacts = "acme-small-artifacts"
evidence = "acme-small-evidence"
[jobs.small]
script = "jobs/small.py"
writes = []
"""
WHOLE = """
[project]
name = "orders"
[buckets]
artifacts = "acme-orders-artifacts"
evidence = "acme-orders-evidence"
curated = "acme-orders-curated"
[buckets.landing]
name = "acme-landing"
existing = true
key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[connections.orders-db]
url = "jdbc:postgresql://db.example.org:5432/orders"
certificate = "s3://acme-landing/certificates/ca.pem"
[jobs.orders_daily]
script = "jobs/orders_daily.py"
reads = ["landing"]
writes = ["curated"]
connections = ["orders-db"]
reads_tables = ["sales.orders"]
writes_tables = ["curated.orders"]
arguments = { source = "s3://acme-landing/orders/", target = "s3://acme-orders-curated/orders/" }
[jobs.orders_report]
script = "jobs/report.py"
reads = ["curated"]
bookmark = false
[vpc]
cidr = "10.20.0.0/16"
databases = "10.0.0.0/8"
"""
JOINED = (
    SMALL.replace("[project]", "[project]\ncatalog_settings = false")
    + """
[vpc]
cidr = "10.20.0.0/16"
id = "vpc-0123456789abcdef0"
subnets = ["subnet-0123456789abcdef0"]
availability_zones = ["eu-west-1a"]
existing_endpoints = ["kms", "sts"]
route_tables = ["rtb-0123456789abcdef0"]
"""
)
# OUTSIDE: connections and several jobs without a VPC. ALONE: a VPC that the template creates, no connection.
OUTSIDE = WHOLE.partition("[vpc]")[0]
ALONE = SMALL + "[vpc]\ncidr = '10.30.0.0/20'\nzones = 3\n"
# FULL: every key of the file for resources that a template creates.
FULL = """
[project]
name = "lake"
operators = ["arn:aws:iam::111122223333:role/operator"]
tags = { team = "data", "cost center" = "42" }
permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
role_path = "/glue/lake/"
policy = "s3://acme-policies/policy.toml"
policy_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
[evidence]
lock = "governance"
key = "arn:aws:kms:eu-west-1:111122223333:key/0000e71d-12ab-34cd-56ef-1234567890ab"
auditors = ["arn:aws:iam::999900001111:role/auditor"]
[buckets]
artifacts = "acme-lake-artifacts"
evidence = "acme-lake-evidence"
[buckets.raw]
name = "acme-lake-raw"
producers = ["arn:aws:iam::111122223333:role/producer"]
[buckets.curated]
name = "acme-lake-curated"
readers = ["arn:aws:iam::111122223333:role/analyst", "arn:aws:iam::999900001111:role/partner"]
registration_role = "service-linked-role"
[buckets.central]
name = "acme-lake-central"
key = "arn:aws:kms:eu-west-1:999900001111:key/0000ce47-12ab-34cd-56ef-1234567890ab"
[buckets.open]
name = "acme-lake-open"
encryption = "SSE-S3"
[buckets.shared]
name = "acme-shared"
existing = true
key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[connections.orders-db]
url = "jdbc:oracle:thin:@tcps://db.example.org:2484/orders"
rotation = "arn:aws:lambda:eu-west-1:111122223333:function:rotate"
rotation_days = 14
[jobs.load]
script = "jobs/load.py"
reads = ["raw", "shared"]
writes = ["curated", "central", "open"]
connections = ["orders-db"]
writes_tables = ["curated.orders"]
retries = 2
execution_class = "FLEX"
schedule = "cron(15 3 * * ? *)"
tags = { team = "orders" }
modules = ["lib/orders"]
columns = "s3://acme-lake-artifacts/policies/columns.toml"
column_keys = { customers = "arn:aws:kms:eu-west-1:111122223333:key/0000c01d-12ab-34cd-56ef-1234567890ab" }
suites = ["s3://acme-lake-artifacts/suites/orders.json"]
arguments = { "enable-glue-datacatalog" = "true" }
quarantine = "s3://acme-lake-curated/quarantine/"
high_water = "marks"
bookmarks = "portable"
policies = ["arn:aws:iam::111122223333:policy/kinesis-orders"]
worker_encryption = "required"
[jobs.report]
script = "jobs/report.py"
reads = ["curated"]
reads_tables = ["curated.orders"]
bookmarks = "native"
arguments = { "custom-logGroup-prefix" = "/lake/report", text = "${x} %{y}" }
[crawlers.raw]
reads = ["raw", "shared"]
database = "raw"
schedule = "cron(0 2 * * ? *)"
[audit]
alerts = true
[vpc]
cidr = "10.40.0.0/20"
availability_zones = ["eu-west-1a", "eu-west-1b"]
databases = "10.0.0.0/8"
own_principals_only = true
required = true
endpoints_required = true
ports = [9094, 443]
"""
# AUDITED: a job that audits the account, and alerts.
AUDITED = """
[project]
name = "estate"
[buckets]
artifacts = "acme-estate-artifacts"
evidence = "acme-estate-evidence"
[jobs.estate_audit]
script = "audit.py"
bookmark = false
schedule = "cron(0 4 * * ? *)"
arguments = { baseline = "s3://acme-estate-artifacts/glue-secure/baseline.toml" }
[audit]
job = "estate_audit"
alerts = true
"""
# REUSED: everything that exists already. The keys of the data and of the secret are another account's.
REUSED = """
[project]
name = "tenant"
operators = ["arn:aws:iam::111122223333:role/operator"]
security_configuration = "platform-strict"
log_groups = false
[keys]
data = "arn:aws:kms:eu-west-1:999900001111:key/00000001-12ab-34cd-56ef-1234567890ab"
bookmarks = "arn:aws:kms:eu-west-1:111122223333:key/00000002-12ab-34cd-56ef-1234567890ab"
logs = "arn:aws:kms:eu-west-1:111122223333:key/00000003-12ab-34cd-56ef-1234567890ab"
catalog = "arn:aws:kms:eu-west-1:111122223333:key/00000004-12ab-34cd-56ef-1234567890ab"
[evidence]
sign = false
[buckets]
landing = { name = "acme-tenant-landing", existing = true }
artifacts = { name = "acme-tenant-artifacts", existing = true }
evidence = { name = "acme-tenant-evidence", existing = true }
curated = "acme-tenant-curated"
[connections.db]
url = "jdbc:postgresql://db.example.org:5432/orders"
secret = "arn:aws:secretsmanager:eu-west-1:999900001111:secret:shared/db-AbCdEf"
secret_key = "arn:aws:kms:eu-west-1:999900001111:key/00000005-12ab-34cd-56ef-1234567890ab"
[jobs.load]
script = "jobs/load.py"
reads = ["landing"]
writes = ["curated"]
connections = ["db"]
[jobs.report]
script = "jobs/report.py"
reads = ["curated"]
role = "arn:aws:iam::111122223333:role/platform/tenant-report"
"""
STARTED = starter_files("started", "glue-secure[demo]")["glue_secure.toml"]
PROJECTS = {
    "small": SMALL,
    "whole": WHOLE,
    "joined": JOINED,
    "outside": OUTSIDE,
    "alone": ALONE,
    "started": STARTED,
    "full": FULL,
    "reused": REUSED,
    "audited": AUDITED,
}


def large_project(jobs):
    """Return the file of a project with long names, in a VPC, and a connection for each job."""
    text = """
[project]
name = "a-project-with-a-long-name-xx"
operators = ["arn:aws:iam::111122223333:role/operator"]
[buckets]
artifacts = "a-project-with-a-long-name-artifacts"
evidence = "a-project-with-a-long-name-evidence"
curated = "a-project-with-a-long-name-curated"
[vpc]
cidr = "10.20.0.0/16"
"""
    for number in range(jobs):
        name = f"job-with-a-long-name-{number:010d}"
        text += f"""
[connections.database-{number:03d}]
url = "jdbc:postgresql://db{number}.example.org:5432/orders"
[jobs.{name}]
script = "jobs/{name}.py"
writes = ["curated"]
connections = ["database-{number:03d}"]
"""
    return text
