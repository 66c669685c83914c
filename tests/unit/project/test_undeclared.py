"""Warnings about locations whose buckets the project file does not declare."""

from glue_secure.project.project_file import read_text
from glue_secure.project.undeclared import undeclared_locations

FILE = """
[project]
name = "orders"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
[buckets.landing]
name = "acme-landing"
existing = true
[connections.db]
url = "jdbc:postgresql://db.example.org:5432/orders"
certificate = "s3://acme-certificates/ca.pem"
[jobs.daily]
script = "jobs/daily.py"
connections = ["db"]
arguments = { source = "s3://acme-landing/in/,s3://acme-raw/in/", target = "s3a://acme-out/", mode = "full" }
"""


def test_each_location_in_a_bucket_that_the_file_does_not_declare_is_a_warning():
    warnings = undeclared_locations(read_text(FILE))
    assert [warning.partition(": ")[0] for warning in warnings] == [
        "jobs.daily.arguments.source",
        "jobs.daily.arguments.target",
        "connections.db.certificate",
    ]
    assert ["acme-raw" in warnings[0], "acme-out" in warnings[1], "acme-certificates" in warnings[2]] == [
        True
    ] * 3


def test_declared_buckets_and_jobs_with_an_existing_role_have_no_warning():
    declared = FILE.replace("acme-raw", "acme-landing").replace("acme-out", "acme-landing")
    assert undeclared_locations(read_text(declared.replace("acme-certificates", "acme-artifacts"))) == ()
    role = 'role = "arn:aws:iam::111122223333:role/daily"\nscript ='
    assert undeclared_locations(read_text(FILE.replace("script =", role))) == ()
