"""Generated policies: linting, AWS's example, and evaluation."""

import json
from dataclasses import replace

import pytest
from policy_linter import lint

from glue_secure.core.errors import UsageError
from glue_secure.governance.policies import (
    Network,
    Policy,
    PolicyCondition,
    PolicyDecision,
    PolicyScope,
    Request,
    ResourceLocation,
    Statement,
    access_log_bucket,
    bookmark_key,
    catalog_key,
    data_bucket,
    data_key,
    delete_database,
    deployer,
    evaluate,
    full_access_on_table,
    job_role,
    logs_key,
    read_tables,
    trust,
)

SCOPE = PolicyScope("eu-west-1", "111122223333")
ROLE = SCOPE.role("orders")
OTHER_ROLE = SCOPE.role("other")
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = KEY.replace("1234abcd", "ffffffff")
# "Grant full access to a table and all partitions", AWS Glue Developer Guide (security_iam_id-based-policy-
# examples), with the account and region that the guide had when AWS's whitepaper quoted it.
FULL_ACCESS_ON_TABLE = """
{"Version": "2012-10-17", "Statement": [{
  "Sid": "FullAccessOnTable",
  "Effect": "Allow",
  "Action": ["glue:CreateTable", "glue:GetTable", "glue:GetTables", "glue:UpdateTable", "glue:DeleteTable",
    "glue:BatchDeleteTable", "glue:GetTableVersion", "glue:GetTableVersions", "glue:DeleteTableVersion",
    "glue:BatchDeleteTableVersion", "glue:CreatePartition", "glue:BatchCreatePartition", "glue:GetPartition",
    "glue:GetPartitions", "glue:BatchGetPartition", "glue:UpdatePartition", "glue:DeletePartition",
    "glue:BatchDeletePartition"],
  "Resource": ["arn:aws:glue:us-west-2:123456789012:catalog",
    "arn:aws:glue:us-west-2:123456789012:database/db1",
    "arn:aws:glue:us-west-2:123456789012:table/db1/books"]}]}
"""


def decide(policy, action, resource="*", principal=ROLE, **context):
    names = {name.replace("__", ":").replace("_", "-"): values for name, values in context.items()}
    return evaluate([policy], Request(action, resource, principal, names))


def test_two_conditions_that_a_document_cannot_contain_are_rejected():
    twice = (
        PolicyCondition("Null", "aws:TagKeys", ("false",)),
        PolicyCondition("Null", "AWS:tagkeys", ("true",)),
    )
    with pytest.raises(ValueError, match="statement Tags: found two conditions Null on AWS:tagkeys"):
        Statement("Tags", "Deny", ("glue:TagResource",), ("*",), None, twice)


def test_full_access_on_a_table_equals_the_example_of_the_guide():
    document = full_access_on_table(PolicyScope("us-west-2", "123456789012"), "db1", "books").to_json()
    assert document == json.loads(FULL_ACCESS_ON_TABLE)
    assert len(document["Statement"][0]["Action"]) == 18


def test_a_linter_finds_nothing_in_any_policy(scope, access):
    """The linter does not support CredentialIssuingService, which AWS documents."""
    code = ResourceLocation("acme-artifacts", "code/")
    policies = {
        "job": job_role(scope, access),
        "job inside": job_role(scope, replace(access, inside_jobs_only=True)),
        "deployer": deployer(
            scope,
            jobs=("orders",),
            roles=(ROLE,),
            code=code,
            evidence=ResourceLocation("e"),
            key=KEY,
            log_groups=("g",),
            connections=("orders-db",),
            other_keys=(KEY,),
            network=Network(("vpc-1",)),
        ),
        "table": full_access_on_table(scope, "db1", "books"),
        "database": delete_database(scope, "db1"),
        "bucket": data_bucket(scope, "acme-curated", KEY),
        "log bucket": access_log_bucket(scope, "acme-logs", scope.bucket("acme-curated")),
    }
    for name, policy in policies.items():
        findings = lint(policy.to_json())
        excepted = [text for text in findings if "CredentialIssuingService" in text]
        assert [text for text in findings if text not in excepted] == [], name
        assert bool(excepted) == (name == "job inside")


def test_a_linter_finds_nothing_in_key_policies():
    """The resource "*" of a key policy is its key, which the linter needs as an ARN."""
    for policy in (
        data_key(SCOPE, ROLE, code_bucket="acme-artifacts", evidence_bucket="acme-evidence"),
        bookmark_key(SCOPE, {"orders": ROLE}),
        catalog_key(SCOPE, ROLE),
        logs_key(SCOPE, "/aws-glue/jobs/x*", readers=(ROLE,)),
    ):
        document = policy.to_json()
        for statement in document["Statement"]:
            assert statement["Resource"] == ["*"]
            statement["Resource"] = [KEY, SCOPE.arn("kms", "alias/orders")]
        assert lint(document) == []


def test_a_linter_finds_only_the_missing_resource_in_the_trust_policy():
    document = trust().to_json()
    assert lint(document) == ["MALFORMED Statement contains neither Resource nor NotResource"]
    document["Statement"][0]["Resource"] = ROLE
    assert lint(document) == []


@pytest.mark.parametrize("name", ["*", "a*", "a/b", "", "a?", "${aws:username}"])
def test_a_name_that_matches_more_than_one_table_is_rejected(name):
    with pytest.raises(UsageError, match="Data Catalog"):
        full_access_on_table(SCOPE, "db1", name)
    with pytest.raises(UsageError, match="Data Catalog"):
        delete_database(SCOPE, name)


def test_a_delete_is_granted_with_all_children_and_a_read_with_all_ancestors():
    (delete,) = delete_database(SCOPE, "db1").statements
    prefix = "arn:aws:glue:eu-west-1:111122223333:"
    assert set(delete.resources) == {
        f"{prefix}{end}" for end in ("catalog", "database/db1", "table/db1/*", "userDefinedFunction/db1/*")
    }
    read = read_tables(SCOPE, "db1", "a", "b")
    assert set(read.resources) == {
        f"{prefix}{end}" for end in ("catalog", "database/db1", "table/db1/a", "table/db1/b")
    }


LANDING = "arn:aws:s3:::acme-landing/2026/a.csv"
CURATED = "arn:aws:s3:::acme-curated/orders/a.parquet"
EVIDENCE = "arn:aws:s3:::acme-evidence/job=orders/evidence.json"


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [
        ("s3:GetObject", LANDING, PolicyDecision.ALLOWED),
        ("s3:PutObject", LANDING, PolicyDecision.NOT_ALLOWED),
        ("s3:PutObject", CURATED, PolicyDecision.ALLOWED),
        ("s3:DeleteObject", CURATED, PolicyDecision.ALLOWED),
        ("s3:PutObject", "arn:aws:s3:::acme-curated/other/a", PolicyDecision.NOT_ALLOWED),
        ("s3:PutObject", EVIDENCE, PolicyDecision.ALLOWED),
        ("s3:DeleteObject", EVIDENCE, PolicyDecision.NOT_ALLOWED),
        ("s3:PutObject", "arn:aws:s3:::acme-artifacts/glue-secure/x.whl", PolicyDecision.NOT_ALLOWED),
        ("glue:GetJob", "arn:aws:glue:eu-west-1:111122223333:job/orders", PolicyDecision.ALLOWED),
        ("glue:UpdateJob", "arn:aws:glue:eu-west-1:111122223333:job/orders", PolicyDecision.NOT_ALLOWED),
        ("glue:GetJob", "arn:aws:glue:eu-west-1:111122223333:job/other", PolicyDecision.NOT_ALLOWED),
        (
            "glue:GetConnection",
            "arn:aws:glue:eu-west-1:111122223333:connection/orders-db",
            PolicyDecision.ALLOWED,
        ),
        ("glue:GetTable", "arn:aws:glue:eu-west-1:111122223333:table/sales/lines", PolicyDecision.ALLOWED),
        (
            "glue:UpdateTable",
            "arn:aws:glue:eu-west-1:111122223333:table/sales/lines",
            PolicyDecision.NOT_ALLOWED,
        ),
        (
            "glue:UpdateTable",
            "arn:aws:glue:eu-west-1:111122223333:table/curated/orders",
            PolicyDecision.ALLOWED,
        ),
        ("kms:Decrypt", KEY, PolicyDecision.NOT_ALLOWED),
        ("iam:PassRole", ROLE, PolicyDecision.NOT_ALLOWED),
    ],
)
def test_the_role_can_access_the_resources_of_its_job_only(scope, access, action, resource, decision):
    assert decide(job_role(scope, access), action, resource) is decision


def test_data_access_can_be_restricted_to_running_jobs(scope, access):
    policy = job_role(scope, replace(access, inside_jobs_only=True))
    assert decide(policy, "s3:GetObject", LANDING) is PolicyDecision.NOT_ALLOWED
    inside = {"glue__CredentialIssuingService": ("glue.amazonaws.com",)}
    assert decide(policy, "s3:GetObject", LANDING, **inside) is PolicyDecision.ALLOWED
    assert (
        decide(policy, "s3:GetObject", "arn:aws:s3:::acme-artifacts/glue-secure/x") is PolicyDecision.ALLOWED
    )


VIA_S3 = {"kms:ViaService": ("s3.eu-west-1.amazonaws.com",)}
CODE, PROOF, DATA = (
    {"kms:EncryptionContext:aws:s3:arn": (f"arn:aws:s3:::acme-{name}",)}
    for name in ("artifacts", "evidence", "curated")
)
OWN_BOOKMARK = {
    "kms:EncryptionContext:glue-secure:purpose": ("job-bookmark",),
    "kms:EncryptionContext:glue-secure:job": ("orders",),
}
OWN_GROUP, OTHER_GROUP = (
    {"kms:EncryptionContext:aws:logs:arn": (f"arn:aws:logs:eu-west-1:{account}:log-group:/g/a",)}
    for account in ("111122223333", "999999999999")
)


@pytest.mark.parametrize(
    ("policy", "action", "principal", "context", "decision"),
    [
        # Data key: through S3, Glue and Secrets Manager of the region, or as the probe of glue-secure.
        ("data", "kms:GenerateDataKey", ROLE, {"kms:ViaService": ("s3.eu-west-1.amazonaws.com",)}, "allowed"),
        ("data", "kms:Decrypt", ROLE, {"kms:ViaService": ("glue.eu-west-1.amazonaws.com",)}, "allowed"),
        ("data", "kms:Decrypt", ROLE, {"kms:ViaService": ("s3.us-east-1.amazonaws.com",)}, "not"),
        ("data", "kms:Decrypt", ROLE, {}, "not"),
        ("data", "kms:Decrypt", ROLE, {"kms:EncryptionContext:glue-secure:purpose": ("probe",)}, "allowed"),
        ("data", "kms:Decrypt", ROLE, {"kms:EncryptionContext:glue-secure:purpose": ("x",)}, "not"),
        ("data", "kms:DescribeKey", ROLE, {}, "allowed"),
        ("data", "kms:Decrypt", OTHER_ROLE, {"kms:ViaService": ("s3.eu-west-1.amazonaws.com",)}, "not"),
        ("data", "kms:PutKeyPolicy", SCOPE.role("admin"), {}, "allowed"),
        ("data", "kms:Decrypt", SCOPE.role("admin"), {}, "not"),
        # IAM policies can allow writing code and reading evidence, and no other use of the key.
        ("data", "kms:GenerateDataKey", SCOPE.role("me"), {**VIA_S3, **CODE}, "allowed"),
        ("data", "kms:GenerateDataKey", SCOPE.role("me"), CODE, "not"),
        ("data", "kms:Decrypt", SCOPE.role("me"), {**VIA_S3, **PROOF}, "allowed"),
        ("data", "kms:GenerateDataKey", SCOPE.role("me"), {**VIA_S3, **PROOF}, "not"),
        ("data", "kms:Decrypt", SCOPE.role("me"), {**VIA_S3, **DATA}, "not"),
        # Bookmark key: called directly, without ViaService, for the role's own job.
        ("bookmark", "kms:GenerateDataKey", ROLE, OWN_BOOKMARK, "allowed"),
        ("bookmark", "kms:GenerateDataKey", ROLE, {}, "not"),
        ("bookmark", "kms:Decrypt", OTHER_ROLE, OWN_BOOKMARK, "not"),
        # Logs key: the service, for these log groups of this account.
        ("logs", "kms:GenerateDataKeyWithoutPlaintext", "logs.eu-west-1.amazonaws.com",
         OWN_GROUP, "allowed"),
        ("logs", "kms:Decrypt", "logs.eu-west-1.amazonaws.com",
         OTHER_GROUP, "not"),
        ("logs", "kms:Decrypt", "logs.eu-west-1.amazonaws.com", {}, "not"),
        ("logs", "kms:DescribeKey", ROLE, {}, "allowed"),
        ("logs", "kms:Decrypt", ROLE, {}, "not"),
    ],
)  # fmt: skip
def test_a_key_policy_allows_its_documented_uses_only(policy, action, principal, context, decision):
    key_policy = {
        "data": data_key(SCOPE, ROLE, code_bucket="acme-artifacts", evidence_bucket="acme-evidence"),
        "bookmark": bookmark_key(SCOPE, {"orders": ROLE}),
        "logs": logs_key(SCOPE, "/g/*", readers=(ROLE,)),
    }[policy]
    expected = PolicyDecision.ALLOWED if decision == "allowed" else PolicyDecision.NOT_ALLOWED
    assert evaluate([key_policy], Request(action, KEY, principal, context)) is expected


ALGORITHM, NAMED = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
SECURE = {"aws:SecureTransport": ("true",)}


@pytest.mark.parametrize(
    ("context", "denied"),
    [
        ({**SECURE}, False),  # the bucket's default encryption has the same key
        ({**SECURE, ALGORITHM: ("aws:kms",), NAMED: (KEY,)}, False),
        ({**SECURE, ALGORITHM: ("aws:kms",), NAMED: (OTHER_KEY,)}, True),
        ({**SECURE, ALGORITHM: ("aws:kms",)}, True),  # the account's AWS managed key
        ({**SECURE, ALGORITHM: ("AES256",)}, True),
        ({**SECURE, ALGORITHM: ("aws:kms:dsse",), NAMED: (KEY,)}, True),
        ({**SECURE, "s3:x-amz-server-side-encryption-customer-algorithm": ("AES256",)}, True),
        ({"aws:SecureTransport": ("false",)}, True),
    ],
)
def test_a_bucket_accepts_objects_over_tls_and_under_its_key_only(context, denied):
    policy = data_bucket(SCOPE, "acme-curated", KEY)
    put = Request("s3:PutObject", CURATED, SCOPE.role("other"), context)
    assert (evaluate([policy], put) is PolicyDecision.DENIED) == denied


def test_plain_http_is_denied_for_every_action_on_bucket_and_objects():
    policy = data_bucket(SCOPE, "acme-curated", KEY)
    for action, resource in (("s3:GetObject", CURATED), ("s3:ListBucket", "arn:aws:s3:::acme-curated")):
        plain = Request(action, resource, ROLE, {"aws:SecureTransport": ("false",)})
        assert evaluate([policy], plain) is PolicyDecision.DENIED


def test_the_deployer_can_pass_the_jobs_role_to_glue_only():
    policy = deployer(
        SCOPE, jobs=("orders",), roles=(ROLE,), code=ResourceLocation("acme-artifacts", "code/")
    )
    to_glue, to_ec2 = ({"iam:PassedToService": (f"{name}.amazonaws.com",)} for name in ("glue", "ec2"))
    assert evaluate([policy], Request("iam:PassRole", ROLE, "", to_glue)) is PolicyDecision.ALLOWED
    assert evaluate([policy], Request("iam:PassRole", ROLE, "", to_ec2)) is PolicyDecision.NOT_ALLOWED
    assert (
        evaluate([policy], Request("iam:PassRole", SCOPE.role("x"), "", to_glue))
        is PolicyDecision.NOT_ALLOWED
    )
    assert isinstance(policy, Policy)
