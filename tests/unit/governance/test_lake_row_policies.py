"""Row-level security policies of the permissions file, and their attachments to tables."""

import json

import pytest

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.governance.lakeformation.account import Account

from .conftest import ACCOUNT, ANALYST, OTHER
from .test_lake_plan import TABLE, grant

POLICY = """[[row_policies]]
name = "eu"
columns = { region = "string" }
rows = "region = 'eu'"
"""
ATTACHED = f'[[row_attachments]]\npolicy = "eu"\nprincipals = ["analyst", "steward"]\n{TABLE}\n'
DEFAULT = f'[[row_attachments]]\npolicy = "eu"\ndefault = true\n{TABLE}\ncondition = "true"\n'


def test_policies_are_attached_before_grants_and_verified(harness):
    text = POLICY + ATTACHED + DEFAULT + grant(TABLE, "SELECT")
    assert [step.partition(" policy ")[0] for step in harness.steps(text)][:4] == [
        "create row", "attach row", "attach row", "attach row",
    ]  # fmt: skip
    assert harness.steps(text)[0] == "create row policy eu (region string): region = 'eu'"
    assert f"attach row policy eu to table sales.customers for {ANALYST}" in harness.steps(
        text
    ) and "attach row policy eu to table sales.customers for all principals when true" in harness.steps(text)
    assert harness.apply(text).steps == ()
    assert harness.steps(text) == []
    assert harness.lake.row_policies["eu"]["AttachmentColumns"] == [{"Name": "region", "Type": "string"}]
    attached = [json.loads(text) for text in harness.lake.row_attachments]
    assert [attachment.get("DefaultRLSPolicy", False) for attachment in attached] == [True, False, False]


def test_a_changed_expression_is_updated_and_other_columns_are_rejected(harness):
    harness.apply(POLICY)
    changed = POLICY.replace("= 'eu'\"", "in ('eu', 'uk')\"")
    assert harness.steps(changed) == ["change row policy eu (region string): region in ('eu', 'uk')"]
    harness.apply(changed)
    with pytest.raises(UsageError, match=r"\[delete\] row_policies"):
        harness.plan(changed.replace('"string"', '"int"'))


def test_only_policies_of_the_file_are_detached_and_only_on_request(harness):
    other = POLICY.replace('"eu"\nc', '"us"\nc') + ATTACHED.replace('"eu"', '"us"').replace(
        '"analyst", "steward"', f'"{OTHER}"'
    )
    harness.apply(POLICY + ATTACHED + other)
    plan = harness.plan(POLICY + grant(TABLE, "SELECT"))
    assert [str(step) for step in plan.steps] == [f"grant SELECT on table sales.customers for {ANALYST}"]
    assert plan.unnamed == 3
    steps = harness.steps(POLICY, "everything")
    assert [step.partition(" policy ")[0] for step in steps] == ["detach row", "detach row"]
    harness.apply(POLICY, "everything")
    assert len(harness.lake.row_attachments) == 1 and OTHER in harness.lake.row_attachments[0]


def test_a_policy_is_deleted_with_its_attachments_if_the_file_says_so(harness):
    harness.apply(POLICY + ATTACHED)
    text = '[delete]\nrow_policies = ["eu", "gone"]\n'
    assert harness.steps(text) == ["delete row policy eu, which 2 grants, resources or expressions use"]
    harness.apply(text)
    assert (harness.lake.row_policies, harness.lake.row_attachments) == ({}, [])


def test_an_account_is_asked_for_policies_only_if_the_file_has_some(harness):
    harness.apply(grant(TABLE, "SELECT"))
    assert not any("RLS" in operation for operation in harness.lake.requests)


def test_gs_lf_005_an_attachment_without_effect_is_refused(harness):
    harness.lake.ignored_operations.add("AttachRLSPolicy")
    with pytest.raises(RefusedError, match="GS-LF-005"):
        harness.apply(POLICY + ATTACHED)


def test_a_boto3_without_the_operations_is_an_error_with_a_command(harness):
    class OldClient:
        def __init__(self, client):
            self._client = client

        def __getattr__(self, name):
            if "rls" in name:
                raise AttributeError(name)
            return getattr(self._client, name)

    clients = {name: OldClient(harness.lake.client(name)) for name in ("lakeformation", "glue")}
    harness._account = Account(**clients, account=ACCOUNT)
    with pytest.raises(UsageError, match="--upgrade boto3"):
        harness.plan(POLICY)


@pytest.mark.parametrize(
    ("text", "member"),
    [
        (POLICY + POLICY, "row_policies[1]"),
        (POLICY.replace('{ region = "string" }', "{}"), "row_policies[0]"),
        (POLICY.replace('{ region = "string" }', '["region"]'), "row_policies[0].columns"),
        (POLICY.replace('"string"', "1"), "row_policies[0].columns.region"),
        (POLICY.replace("rows =", "filter ="), "row_policies[0].filter"),
        (POLICY.replace("region = 'eu'", "x" * 2049), "row_policies[0].rows"),
        (POLICY + ATTACHED + ATTACHED, "row_attachments[1]"),
        (POLICY + ATTACHED + "default = true\n", "row_attachments[0]"),
        (POLICY + DEFAULT.replace("default = true\n", ""), "row_attachments[0]"),
        (POLICY + DEFAULT.replace('table = "customers"\n', ""), "row_attachments[0]"),
        (POLICY + DEFAULT.replace('"sales"', '"Sales"'), "row_attachments[0].database"),
        (POLICY + ATTACHED.replace('"analyst"', '"IAM_ALLOWED_PRINCIPALS"'), "row_attachments[0].principals"),
        (POLICY + '[delete]\nrow_policies = ["eu"]\n', "delete.row_policies"),
        (DEFAULT + '[delete]\nrow_policies = ["eu"]\n', "delete.row_policies"),
    ],
)
def test_an_invalid_policy_or_attachment_is_rejected(harness, text, member):
    with pytest.raises(UsageError) as caught:
        harness.plan(text)
    assert caught.value.resource.rpartition(" ")[2].startswith(member)
    assert harness.lake.requests == {}


def test_an_attachment_of_an_unknown_policy_is_rejected(harness):
    with pytest.raises(UsageError, match="row policy eu"):
        harness.plan(ATTACHED)
