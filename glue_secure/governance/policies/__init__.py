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
from glue_secure.governance.policies.alerts import alerts_key, alerts_topic
from glue_secure.governance.policies.buckets import BUCKET_POLICY, access_log_bucket, data_bucket
from glue_secure.governance.policies.catalog import (
    delete_database,
    full_access_on_table,
    read_tables,
    write_tables,
)
from glue_secure.governance.policies.documents import PolicyScope, allow
from glue_secure.governance.policies.guardrails import (
    ORGANIZATION_POLICY,
    permissions_boundary,
    resource_control,
    run_policy,
    service_control,
)
from glue_secure.governance.policies.iam import (
    ROLE_POLICIES,
    JobAccess,
    Network,
    ResourceLocation,
    crawler_role,
    deployer,
    flow_log_trust,
    job_role,
    operator,
    permissions_on_key,
    size,
    split,
    trust,
)
from glue_secure.governance.policies.keys import (
    KEY_POLICY,
    NAMED_ROLES,
    BucketUsers,
    bookmark_key,
    catalog_key,
    data_key,
    for_roles_like,
    logs_key,
    signing_key,
)
from glue_secure.governance.policies.network import network_denies, only_from, own_principals_only

__all__ = [
    "BUCKET_POLICY",
    "KEY_POLICY",
    "NAMED_ROLES",
    "ORGANIZATION_POLICY",
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
    "alerts_key",
    "alerts_topic",
    "allow",
    "bookmark_key",
    "catalog_key",
    "crawler_role",
    "data_bucket",
    "data_key",
    "delete_database",
    "deployer",
    "evaluate",
    "flow_log_trust",
    "for_roles_like",
    "full_access_on_table",
    "job_role",
    "logs_key",
    "network_denies",
    "only_from",
    "operator",
    "own_principals_only",
    "permissions_boundary",
    "permissions_on_key",
    "read_tables",
    "resource_control",
    "run_policy",
    "service_control",
    "signing_key",
    "size",
    "split",
    "trust",
    "write_tables",
]
