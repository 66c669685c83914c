"""Projects of every kind that a template supports."""

import pytest

from glue_secure.project.project_file import read_text
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
# FULL: every key of the file that grants access.
FULL = """
[project]
name = "lake"
operators = ["arn:aws:iam::111122223333:role/operator"]
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
[buckets.shared]
name = "acme-shared"
existing = true
key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[connections.orders-db]
url = "jdbc:oracle:thin:@tcps://db.example.org:2484/orders"
[jobs.load]
script = "jobs/load.py"
reads = ["raw", "shared"]
writes = ["curated"]
connections = ["orders-db"]
writes_tables = ["curated.orders"]
columns = "s3://acme-lake-artifacts/policies/columns.toml"
column_keys = { customers = "arn:aws:kms:eu-west-1:111122223333:key/0000c01d-12ab-34cd-56ef-1234567890ab" }
suites = ["s3://acme-lake-artifacts/suites/orders.json"]
quarantine = "s3://acme-lake-curated/quarantine/"
high_water = "marks"
bookmarks = "portable"
worker_encryption = "required"
[jobs.report]
script = "jobs/report.py"
reads = ["curated"]
reads_tables = ["curated.orders"]
bookmarks = "native"
arguments = { "custom-logGroup-prefix" = "/lake/report", text = "${x} %{y}" }
[vpc]
cidr = "10.40.0.0/20"
availability_zones = ["eu-west-1a", "eu-west-1b"]
databases = "10.0.0.0/8"
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
}


@pytest.fixture(params=sorted(PROJECTS))
def name(request):
    """The name of each project."""
    return request.param


@pytest.fixture(scope="session")
def projects():
    return {name: read_text(text) for name, text in PROJECTS.items()}


@pytest.fixture(scope="session")
def whole(projects):
    return projects["whole"]
