"""Tables of Amazon S3 Tables that a project file names."""

import json

import pytest
from generated_documents import as_policy, of_cloudformation
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.core.policy_documents import PolicyDecision, Request, evaluate
from glue_secure.project.project_file import read_text
from glue_secure.project.templates import cloudformation, terraform

PROJECT = """
[project]
name = "sales"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
[jobs.copy]
script = "jobs/copy.py"
reads_tables = ["{table}", "sales.customers"]
writes_tables = ["s3tablescatalog/lake/sales.items"]
"""
ORDERS = "s3tablescatalog/lake/sales.orders"


def project_of(table):
    return read_text(PROJECT.format(table=table))


@pytest.mark.parametrize("template", [cloudformation, terraform])
def test_the_role_of_a_job_gets_permissions_on_the_tables_of_a_bucket(template):
    text = json.dumps(template(project_of(ORDERS)))
    for action in ("GetTableData", "PutTableData", "UpdateTableMetadataLocation", "GetTableEncryption"):
        assert f"s3tables:{action}" in text
    assert "bucket/lake/table/*" in text
    assert "table/s3tablescatalog/lake/sales/orders" in text
    assert "database/sales" in text
    assert "database/s3tablescatalog/lake/sales" in text
    assert 'database/s3tablescatalog/lake"' not in text


@pytest.mark.parametrize(
    "table",
    [
        "s3tablescatalog/lake/sales.*",
        "s3tablescatalog/*/sales.orders",
        "s3tablescatalog/lake/orders",
        "other/lake/sales.orders",
        "s3tablescatalog/LAKE/sales.orders",
    ],
)
def test_a_name_that_is_not_one_table_is_an_error(table):
    with pytest.raises(UsageError, match=r"jobs\.copy\.reads_tables"):
        project_of(table)


VPC = "[vpc]\ncidr = '10.20.0.0/16'\n"
WITHOUT = PROJECT.format(table="sales.orders").replace("s3tablescatalog/lake/", "")


@pytest.mark.parametrize("template", [cloudformation, terraform])
def test_a_vpc_has_an_endpoint_for_s3_tables_if_a_job_uses_them(template):
    service = "s3tables"
    with_tables = json.dumps(template(read_text(PROJECT.format(table="sales.orders") + VPC)))
    assert f'.{service}"' in with_tables
    assert f'.{service}"' not in json.dumps(template(read_text(WITHOUT + VPC)))
    assert f'.{service}"' not in json.dumps(template(project_of(ORDERS)))


def test_an_existing_endpoint_for_s3_tables_is_not_created_again():
    vpc = (
        "[vpc]\nid = 'vpc-01234567'\nsubnets = ['subnet-01234567']\navailability_zones = ['eu-west-1a']\n"
        "route_tables = ['rtb-01234567']\ndatabases = '10.0.0.0/8'\nexisting_endpoints = ['s3tables']\n"
    )
    text = PROJECT.format(table=ORDERS) + vpc
    assert '.s3tables"' not in json.dumps(cloudformation(read_text(text)))
    # Its id is needed where the roles are restricted to endpoints.
    with pytest.raises(UsageError, match="for s3tables"):
        read_text(f"{text}endpoints_required = true\n")


@pytest.mark.parametrize(
    ("key", "sid", "condition"),
    [
        ("required", "DenyOtherNetworks", "aws:SourceVpc"),
        ("endpoints_required", "DenyOtherEndpoints", "aws:SourceVpce"),
    ],
)
def test_the_tables_of_a_bucket_are_used_from_the_network_of_the_job_only(key, sid, condition):
    project = read_text(f"{PROJECT.format(table=ORDERS)}{VPC}{key} = true\n")
    documents = of_cloudformation(cloudformation(project))
    (deny,) = [
        statement
        for document in documents["role sales-copy"]
        for statement in document["Statement"]
        if statement["Sid"] == sid
    ]
    assert "s3tables:*" in deny["Action"]
    assert condition in deny["Condition"]["StringNotEquals"]
    if key == "endpoints_required":
        assert "S3tablesEndpoint" in json.dumps(cloudformation(project))


TABLE = "arn:aws:s3tables:eu-west-1:111122223333:bucket/lake"


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3tables:GetTableData", f"{TABLE}/table/1", True),
        ("s3tables:PutTableData", f"{TABLE}/table/1", True),
        ("s3tables:GetTableBucketEncryption", TABLE, True),
        ("s3tables:GetTableData", f"{TABLE}-2/table/1", False),
        ("s3tables:DeleteTable", f"{TABLE}/table/1", False),
        ("s3tables:CreateTable", TABLE, False),
    ],
)
def test_a_session_policy_allows_the_table_buckets_of_the_job(tmp_path, action, resource, expected):
    def allows(text):
        path = tmp_path / "glue-secure.toml"
        path.write_text(text)
        words = ["policy", "run", "copy", "--account", "111122223333", "--region", "eu-west-1"]
        done = CliRunner().invoke(app, [*words, "--project", str(path)], catch_exceptions=False)
        decision = evaluate([as_policy(json.loads(done.stdout))], Request(action, resource))
        return decision is PolicyDecision.ALLOWED

    assert allows(PROJECT.format(table=ORDERS)) is expected
    assert not allows(WITHOUT)
