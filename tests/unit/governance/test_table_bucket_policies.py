"""The permissions of a job's role on tables of Amazon S3 Tables."""

from __future__ import annotations

import pytest

from glue_secure.governance.policies import PolicyScope
from glue_secure.governance.policies.iam import JobAccess, job_role
from glue_secure.governance.policies.table_buckets import BucketTable

ORDERS, ITEMS = BucketTable("lake", "sales", "orders"), BucketTable("lake", "sales", "items")
S3_TABLES, GLUE = "arn:aws:s3tables:eu-west-1:123456789012:", "arn:aws:glue:eu-west-1:123456789012:"


def statements(**access):
    scope = PolicyScope(region="eu-west-1", account="123456789012")
    policy = job_role(scope, JobAccess(job="copy", **access))
    return {statement.sid: statement for statement in policy.statements if "Bucket" in statement.sid}


def conditions_of(statement):
    return {condition.key: condition.values for condition in statement.conditions}


def test_a_table_that_is_read_is_named_by_conditions():
    found = statements(bucket_tables=(ORDERS,))
    read = found["ReadBucketTable1"]
    assert set(read.actions) == {
        "s3tables:GetTable",
        "s3tables:GetTableData",
        "s3tables:GetTableEncryption",
        "s3tables:GetTableMetadataLocation",
    }
    assert read.resources == (f"{S3_TABLES}bucket/lake/table/*",)
    assert conditions_of(read) == {
        "s3tables:namespace": ("sales",),
        "s3tables:tableName": ("orders",),
    }
    assert set(found["FindBucketTable1"].actions) == {"glue:GetCatalog", "glue:GetDatabase", "glue:GetTable"}
    assert found["FindBucketTable1"].resources == (
        f"{GLUE}catalog",
        f"{GLUE}catalog/s3tablescatalog",
        f"{GLUE}catalog/s3tablescatalog/lake",
        f"{GLUE}database/s3tablescatalog/lake/sales",
        f"{GLUE}table/s3tablescatalog/lake/sales/orders",
    )


def test_only_a_table_that_is_written_can_be_changed_and_none_can_be_created():
    found = statements(bucket_tables=(ITEMS,), written_bucket_tables=(ORDERS,))
    writing = {"s3tables:PutTableData", "s3tables:UpdateTableMetadataLocation", "glue:UpdateTable"}
    assert not writing & {*found["ReadBucketTable1"].actions, *found["FindBucketTable1"].actions}
    assert writing <= {*found["WriteBucketTable2"].actions, *found["FindBucketTable2"].actions}
    assert conditions_of(found["WriteBucketTable2"])["s3tables:tableName"] == ("orders",)
    assert found["ReadTableBuckets"].resources == (f"{S3_TABLES}bucket/lake",)
    actions = {action for statement in found.values() for action in statement.actions}
    assert not any("Create" in action or "Delete" in action or "*" in action for action in actions)


def test_a_table_that_is_read_and_written_has_its_statements_once():
    both = statements(bucket_tables=(ORDERS,), written_bucket_tables=(ORDERS,))
    assert both == statements(written_bucket_tables=(ORDERS,))
    assert set(both) == {"WriteBucketTable1", "FindBucketTable1", "ReadTableBuckets"}


def test_a_job_without_such_tables_has_no_permission_on_them():
    assert statements(tables=(("sales", ("orders",)),)) == {}


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("s3tablescatalog/lake/sales.orders", ORDERS),
        ("sales.orders", None),
        ("s3tablescatalog/lake", None),
    ],
)
def test_the_name_of_a_table_in_a_project_file(text, table):
    assert BucketTable.parse(text) == table
