"""Existing keys, roles, secrets, configurations and log groups: what a template omits, and who needs what."""

import pytest
from generated_documents import GeneratedAccess, arn, as_policy, both, of_cloudformation, role

from glue_secure.core.policy_documents import PolicyDecision, Request, evaluate
from glue_secure.governance.policies import PolicyScope
from glue_secure.project.project_file import read_text
from glue_secure.project.templates import cloudformation, design, stacks, terraform

KEYS = {
    name: f"arn:aws:kms:eu-west-1:{account}:key/0000000{number}-12ab-34cd-56ef-1234567890ab"
    for number, (name, account) in enumerate(
        {
            "data": "999900001111",
            "bookmarks": "111122223333",
            "logs": "111122223333",
            "catalog": "111122223333",
            "secret": "999900001111",
        }.items(),
        start=1,
    )
}
SCOPE = PolicyScope("eu-west-1", "111122223333")


@pytest.fixture(scope="module")
def reused(projects):
    return projects["reused"]


def test_a_template_creates_nothing_that_exists(reused):
    types = {resource["Type"] for resource in cloudformation(reused)["Resources"].values()}
    existing = {"Key", "Alias", "SecurityConfiguration", "LogGroup", "Secret"}
    assert not existing & {name.rpartition("::")[2] for name in types}
    resources = terraform(reused)["resource"]
    assert not {
        "aws_kms_key", "aws_kms_alias", "aws_glue_security_configuration", "aws_cloudwatch_log_group",
        "aws_secretsmanager_secret",
    } & set(resources)  # fmt: skip
    assert set(resources["aws_iam_role"]) == {"load"}
    roles = [name for name in cloudformation(reused)["Resources"] if name.endswith("Role")]
    assert roles == ["LoadRole"]


def test_both_templates_use_what_exists(reused):
    stack, resources = cloudformation(reused)["Resources"], terraform(reused)["resource"]
    report, load = stack["ReportJob"]["Properties"], stack["LoadJob"]["Properties"]
    assert report["Role"] == "arn:aws:iam::111122223333:role/platform/tenant-report"
    assert resources["aws_glue_job"]["report"]["role_arn"] == report["Role"]
    assert load["SecurityConfiguration"] == "platform-strict"
    assert resources["aws_glue_job"]["load"]["security_configuration"] == "platform-strict"
    encryption = stack["CuratedBucket"]["Properties"]["BucketEncryption"]
    (rule,) = encryption["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEYS["data"]
    secret = reused.connections["db"].secret
    connection = stack["DbConnection"]["Properties"]["ConnectionInput"]["ConnectionProperties"]
    assert connection["SECRET_ID"] == secret
    terraform_connection = resources["aws_glue_connection"]["db"]["connection_properties"]
    assert terraform_connection["SECRET_ID"] == secret
    assert "ReportAccess" not in stacks(reused)["report"]["Resources"]


VIA = {name: {"kms:ViaService": (f"{name}.eu-west-1.amazonaws.com",)} for name in ("s3", "secretsmanager")}
JOB = {
    "kms:EncryptionContext:glue-secure:purpose": ("job-bookmark",),
    "kms:EncryptionContext:glue-secure:job": ("load",),
}
OTHER_JOB = {**JOB, "kms:EncryptionContext:glue-secure:job": ("report",)}


@pytest.mark.parametrize(
    ("action", "key", "context", "expected"),
    [
        ("kms:GenerateDataKey", "data", VIA["s3"], True),
        ("kms:GenerateDataKey", "data", {}, False),
        ("kms:DescribeKey", "data", {}, True),
        ("kms:DescribeKey", "logs", {}, True),
        ("kms:Decrypt", "bookmarks", JOB, True),
        ("kms:Decrypt", "bookmarks", OTHER_JOB, False),
        ("kms:Decrypt", "logs", {}, False),
        ("kms:Decrypt", "secret", VIA["secretsmanager"], True),
        ("kms:Decrypt", "secret", VIA["s3"], False),
        ("kms:PutKeyPolicy", "data", {}, False),
    ],
)
def test_the_role_has_permissions_for_an_existing_key_like_those_of_a_new_keys_policy(
    reused, action, key, context, expected
):
    """The key of the same account delegates to IAM; of another account, its own policy must allow as well."""
    for kind, documents in both(reused).items():
        policies = [as_policy(part) for part in documents["role tenant-load"]]
        decision = evaluate(policies, Request(action, KEYS[key], role("tenant-load"), context))
        assert (decision is PolicyDecision.ALLOWED) is expected, kind


def test_the_printed_policy_of_a_key_is_the_allowance_that_its_owner_adds(reused):
    refs = design.References(
        SCOPE,
        role=lambda job: reused.role_arn(job, "aws", SCOPE.account),
        key=lambda purpose: KEYS[purpose],
        secret=lambda connection: connection.secret,
        crawler=lambda crawler: role(reused.crawler_role(crawler)),
    )
    policy = design.key_policies(reused, refs)["data"]
    for caller, expected in (("tenant-load", True), ("platform/tenant-report", True), ("other", False)):
        decision = evaluate([policy], Request("kms:Decrypt", "key", role(caller), VIA["s3"]))
        assert (decision is PolicyDecision.ALLOWED) is expected


def test_operators_get_permissions_for_existing_keys(reused):
    policies = [as_policy(part) for part in of_cloudformation(cloudformation(reused))["operator"]]
    for context, expected in ((JOB, True), ({}, False)):
        request = Request("kms:Decrypt", KEYS["bookmarks"], role("operator"), context)
        assert (evaluate(policies, request) is PolicyDecision.ALLOWED) is expected


def test_jobs_may_share_an_existing_role(projects):
    text = """
[project]
name = "shared"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
"""
    for name in ("one", "two"):
        text += f"[jobs.{name}]\nscript = 'x.py'\nrole = 'arn:aws:iam::111122223333:role/shared'\n"
    for documents in both(read_text(text)).values():
        access = GeneratedAccess(documents)
        context = {"kms:ViaService": ("s3.eu-west-1.amazonaws.com",)}
        assert access.allows(role("shared"), [], "kms:Decrypt", arn("kms", "key/shared-data"), context)
