"""Least-privilege IAM, KMS key and bucket policies as values, and an evaluator to test them.

All functions are pure. ``policy.to_json()`` returns the policy document. Names in the scope can be literals
or references of a template (``${AWS::AccountId}``), which are not changed.

    >>> full_access_on_table(PolicyScope("us-west-2", "123456789012"), "db1", "books").to_json()
"""

from glue_secure.core.policy_documents import (
    Policy,
    PolicyCondition,
    PolicyDecision,
    Principal,
    Request,
    Statement,
    evaluate,
)
from glue_secure.governance.policies.buckets import access_log_bucket, data_bucket
from glue_secure.governance.policies.catalog import (
    delete_database,
    full_access_on_table,
    read_tables,
    write_tables,
)
from glue_secure.governance.policies.documents import PolicyScope
from glue_secure.governance.policies.iam import (
    ROLE_POLICIES,
    JobAccess,
    Network,
    ResourceLocation,
    deployer,
    job_role,
    operator,
    size,
    split,
    trust,
)
from glue_secure.governance.policies.keys import (
    BucketUsers,
    bookmark_key,
    catalog_key,
    data_key,
    logs_key,
    signing_key,
)
from glue_secure.governance.policies.network import network_denies

__all__ = [
    "ROLE_POLICIES",
    "BucketUsers",
    "JobAccess",
    "Network",
    "Policy",
    "PolicyCondition",
    "PolicyDecision",
    "PolicyScope",
    "Principal",
    "Request",
    "ResourceLocation",
    "Statement",
    "access_log_bucket",
    "bookmark_key",
    "catalog_key",
    "data_bucket",
    "data_key",
    "delete_database",
    "deployer",
    "evaluate",
    "full_access_on_table",
    "job_role",
    "logs_key",
    "network_denies",
    "operator",
    "read_tables",
    "signing_key",
    "size",
    "split",
    "trust",
    "write_tables",
]
