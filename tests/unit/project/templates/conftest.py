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
route_tables = ["rtb-0123456789abcdef0"]
"""
)
# OUTSIDE: connections and several jobs without a VPC. ALONE: a VPC that the template creates, no connection.
OUTSIDE = WHOLE.partition("[vpc]")[0]
ALONE = SMALL + "[vpc]\ncidr = '10.30.0.0/20'\nzones = 3\n"
STARTED = starter_files("started", "glue-secure[demo]")["glue_secure.toml"]
PROJECTS = {
    "small": SMALL,
    "whole": WHOLE,
    "joined": JOINED,
    "outside": OUTSIDE,
    "alone": ALONE,
    "started": STARTED,
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
