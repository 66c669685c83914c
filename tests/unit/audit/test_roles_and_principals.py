"""GS-IAM and GS-NET-001: what policies of roles and principals allow, with each violation's correction."""

from __future__ import annotations

import pytest
from audited_estates import (
    _CREATOR,
    _GLUE,
    ROLE,
    _allow,
    attached,
    audit,
    corrected,
    managed_policy,
    role,
    trust,
)
from recorded_account import ACCOUNT, RecordedAccount

from glue_secure.core.findings import Verdict
from glue_secure.governance.policies.network import network_denies

DETAILS = "iam.GetAccountAuthorizationDetails"
TRUST = trust(Service="glue.amazonaws.com")
CREATE = _allow(["glue:CreateJob", "glue:UpdateJob"], f"{_GLUE}:job/etl")
DENY_OTHER, DENY_NONE = (statement.to_json() for statement in network_denies(["vpc-1"]))


def verdicts(control, *roles, **lists):
    estate = corrected()
    estate[f"{DETAILS}.RoleDetailList"] = list(roles)
    estate[f"{DETAILS}.UserDetailList"] = []
    estate |= {f"{DETAILS}.{name}": value for name, value in lists.items()}
    found = audit(RecordedAccount(estate))
    return [(one.verdict, one.finding.found) for one in found if one.control.id == control]


def of_job(control, *statements, trusted=TRUST, **more):
    ((verdict, found),) = verdicts(control, role("glue-etl", trusted, *statements, **more))
    return verdict, found


def of_creator(control, *statements, **more):
    job_role = role("glue-etl", TRUST)
    found = verdicts(control, job_role, role("delivery", TRUST, *statements, **more))
    return found[-1]


@pytest.mark.parametrize(
    ("trusted", "found"),
    [
        (trust(Service="glue.amazonaws.com"), ""),
        (trust(Service=["glue.amazonaws.com"]), ""),
        (trust(Service=["glue.amazonaws.com", "ec2.amazonaws.com"]), "ec2.amazonaws.com can assume it"),
        (
            trust(Service="glue.amazonaws.com", AWS=f"arn:aws:iam::{ACCOUNT}:root"),
            f"arn:aws:iam::{ACCOUNT}:root",
        ),
        (trust(AWS="*"), "* can assume it"),
        (trust(Service="ec2.amazonaws.com"), "ec2.amazonaws.com can assume it"),
        (
            '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}',
            "* can assume it",
        ),
        ('{"Statement": []}', "glue.amazonaws.com cannot assume it"),
    ],
)
def test_only_glue_can_assume_the_role_of_a_job(trusted, found):
    verdict, text = of_job("GS-IAM-001", trusted=trusted)
    assert (verdict is Verdict.FAIL) == bool(found)
    assert found in text


def test_a_role_that_does_not_exist_fails():
    (only,) = verdicts("GS-IAM-001")
    assert only == (Verdict.FAIL, "no such role in the account")


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        (_allow("iam:PassRole", ROLE), Verdict.PASS),
        (_allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/glue-*"), Verdict.PASS),
        (_allow("iam:PassRole"), Verdict.FAIL),
        (_allow("iam:Pass*", f"arn:aws:iam::{ACCOUNT}:role/*"), Verdict.FAIL),
        # Also limited to Glue, every role that Glue can assume can be passed.
        (
            _allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}),
            Verdict.FAIL,
        ),
        (
            _allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
            Verdict.PASS,
        ),
    ],
)
def test_principals_that_create_jobs_pass_named_roles(statement, verdict):
    found = verdicts("GS-IAM-002", role("glue-etl", TRUST), role("delivery", TRUST, CREATE, statement))
    assert {one for one, _ in found} == {verdict}


def test_a_permissions_boundary_limits_what_a_policy_allows():
    limit = managed_policy("limit", _allow("glue:*"), _allow("iam:PassRole", ROLE))
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": limit["Arn"]}
    creator = role("delivery", TRUST, CREATE, _allow("iam:PassRole"), PermissionsBoundary=boundary)
    found = verdicts("GS-IAM-002", role("glue-etl", TRUST), creator, Policies=[limit])
    assert {one for one, _ in found} == {Verdict.PASS}


@pytest.mark.parametrize(
    ("resources", "verdict"),
    [
        (f"{_GLUE}:job/etl", Verdict.PASS),
        ([f"{_GLUE}:job/etl-*"], Verdict.PASS),
        ("*", Verdict.FAIL),
        ([f"{_GLUE}:job/etl", f"{_GLUE}:job/*"], Verdict.FAIL),
    ],
)
def test_principals_that_start_runs_start_named_jobs(resources, verdict):
    assert of_creator("GS-IAM-003", _allow("glue:StartJobRun", resources))[0] is verdict


@pytest.mark.parametrize(
    ("actions", "resources", "missing"),
    [
        ("glue:GetTable", ["catalog", "database/db", "table/db/t"], ""),
        ("glue:GetTable", ["database/db", "table/db/t"], "catalog"),
        ("glue:GetTables", ["catalog", "table/db/*"], "database/db"),
        ("glue:GetTables", ["catalog", "database/*", "table/db/*"], ""),
        ("glue:GetTables", ["catalog", "database/other", "table/*/*"], "database/*"),
        ("glue:GetDatabase", ["database/db"], "catalog"),
        ("glue:DeleteDatabase", ["catalog", "database/db"], "table/db/*"),
        (
            "glue:DeleteDatabase",
            ["catalog", "database/db", "table/db/*", "userDefinedFunction/db/*"],
            "",
        ),
        ("glue:*", ["*"], ""),
    ],
)
def test_a_role_may_access_the_ancestors_of_its_tables(actions, resources, missing):
    arns = [name if name == "*" else f"{_GLUE}:{name}" for name in resources]
    verdict, found = of_job("GS-IAM-004", _allow(actions, arns))
    assert (verdict is Verdict.FAIL) == bool(missing)
    assert missing in found


def test_principals_cannot_extend_their_permissions():
    change = _allow(["iam:AttachRolePolicy", "iam:PutRolePolicy"])
    assert of_job("GS-IAM-005", change) == (
        Verdict.FAIL,
        "iam:AttachRolePolicy, iam:PutRolePolicy without a permissions boundary",
    )
    condition = {"StringEquals": {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/limit"}}
    assert of_job("GS-IAM-005", {**change, "Condition": condition})[0] is Verdict.PASS
    assert of_job("GS-IAM-005", _allow("s3:GetObject"))[0] is Verdict.PASS
    assert of_job("GS-IAM-005", _allow("*")) == (
        Verdict.FAIL,
        "a policy that allows every action on every resource",
    )


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ([CREATE, DENY_OTHER, DENY_NONE], ""),
        ([CREATE], "glue:CreateJob is allowed without a VPC"),
        ([CREATE, DENY_OTHER], "glue:CreateJob is allowed without a VPC"),
        ([CREATE, DENY_NONE], "glue:CreateJob is allowed in another VPC"),
        (
            [{**CREATE, "Condition": {"ForAnyValue:StringEquals": {"glue:VpcIds": ["vpc-1"]}}}],
            "glue:CreateJob is allowed in a permitted and another VPC",
        ),
        ([_allow("glue:CreateSession"), DENY_OTHER], "glue:CreateSession is allowed without a VPC"),
        # A condition on another key is not known, and denies nothing.
        (
            [CREATE, {**DENY_NONE, "Condition": {"Null": {"glue:VpcIds": "true"},
                                                 "StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}],
            "glue:CreateJob is allowed without a VPC",
        ),
    ],
)  # fmt: skip
def test_jobs_outside_of_the_vpc_are_denied(statements, found):
    verdict, text = of_creator("GS-NET-001", *statements)
    assert (verdict is Verdict.FAIL) == bool(found)
    assert found in text


def test_the_policies_of_groups_and_managed_policies_count():
    user = corrected()[f"{DETAILS}.UserDetailList"][0]
    group = {
        **corrected()[f"{DETAILS}.GroupDetailList"][0],
        "AttachedManagedPolicies": [attached(managed_policy("wide", CREATE, _allow("glue:StartJobRun")))],
    }
    wide = managed_policy("wide", CREATE, _allow("glue:StartJobRun"))
    found = verdicts(
        "GS-IAM-003",
        role("glue-etl", TRUST),
        UserDetailList=[user],
        GroupDetailList=[group],
        Policies=[wide],
    )
    assert [one for one, _ in found] == [Verdict.FAIL]


def test_a_policy_without_a_document_is_unknown():
    creator = role("delivery", TRUST, CREATE, AttachedManagedPolicies=[attached(_CREATOR)])
    for control in ("GS-IAM-002", "GS-IAM-003", "GS-IAM-005", "GS-NET-001"):
        found = verdicts(control, role("glue-etl", TRUST), creator, Policies=[])
        assert Verdict.UNKNOWN in {one for one, _ in found}


def test_administrators_and_roles_of_services_have_no_findings():
    own = role("AWSServiceRoleForX", TRUST, _allow(["glue:StartJobRun", "glue:CreateJob"]))
    own["Path"] = "/aws-service-role/x.amazonaws.com/"
    found = verdicts("GS-IAM-003", role("glue-etl", TRUST), role("admin", TRUST, _allow("*")), own)
    assert [one for one, _ in found] == [Verdict.PASS]


BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limit"


def within(*statements):
    """Return the members of a role, and the policies of the account, for a permissions boundary."""
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": BOUNDARY}
    return {"PermissionsBoundary": boundary}, [managed_policy("limit", *statements)]


def in_boundary(control, statements, limit):
    members, policies = within(*limit)
    creator = role("delivery", TRUST, *statements, **members)
    return verdicts(control, role("glue-etl", TRUST), creator, Policies=policies)[-1]


@pytest.mark.parametrize(
    "pattern",
    [
        "arn:aws:iam::*",
        "arn:aws:*",
        "arn:aws:iam",
        f"arn:aws:iam::{ACCOUNT}:*",
        f"arn:aws:iam::{ACCOUNT}:*/*",
        f"arn:aws:iam::{ACCOUNT}:role/**",
        f"arn:aws:iam::{ACCOUNT}:role/?*",
        "arn:*:iam::*:role*",
    ],
)
def test_a_pattern_of_every_role_fails_however_it_is_written(pattern):
    assert of_creator("GS-IAM-002", CREATE, _allow("iam:PassRole", pattern))[0] is Verdict.FAIL


def test_every_role_except_some_can_be_passed():
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": ROLE}
    assert of_creator("GS-IAM-002", CREATE, statement)[0] is Verdict.FAIL


@pytest.mark.parametrize(
    "pattern",
    [
        "arn:aws:glue:*",
        "arn:aws:glue:eu-west-1:*",
        "arn:aws:glue:us-east-1:*:job/*",
        f"{_GLUE}:j*",
        f"{_GLUE}:*",
        "*:job/*",
        "arn:aws:*:*:*:*/*",
    ],
)
def test_a_pattern_of_every_job_fails_however_it_is_written(pattern):
    assert of_creator("GS-IAM-003", _allow("glue:StartJobRun", pattern))[0] is Verdict.FAIL


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(f"arn:aws:iam::{ACCOUNT}:role/*", Verdict.FAIL), (ROLE, Verdict.PASS)],
)
def test_a_boundary_with_arns_limits_a_policy_for_every_role_as_far_as_it_is_narrower(limit, verdict):
    limits = [_allow("glue:*"), _allow("iam:PassRole", limit)]
    found = in_boundary("GS-IAM-002", [CREATE, _allow("iam:PassRole")], limits)
    assert found[0] is verdict
    assert ("permissions boundary" in found[1]) is (verdict is Verdict.PASS)


@pytest.mark.parametrize(
    "limit",
    [
        [_allow("glue:CreateJob", f"{_GLUE}:job/etl-*")],
        [_allow("*"), {"Effect": "Deny", "Action": "glue:CreateJob", "NotResource": f"{_GLUE}:job/etl-*"}],
    ],
)
def test_who_creates_jobs_within_a_narrow_limit_is_not_left_out(limit):
    if limit[-1]["Effect"] == "Deny":
        found = of_creator("GS-NET-001", _allow("glue:*"), limit[-1])
    else:
        found = in_boundary("GS-NET-001", [_allow("glue:*")], limit)
    assert found == (Verdict.FAIL, "glue:CreateJob is allowed without a VPC")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:PutUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/ada"),
        ("iam:AttachUserPolicy", "*"),
        ("iam:AddUserToGroup", f"arn:aws:iam::{ACCOUNT}:group/*"),
        ("iam:AttachGroupPolicy", f"arn:aws:iam::{ACCOUNT}:group/administrators"),
        ("iam:PutGroupPolicy", "*"),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/*"),
        ("iam:CreateLoginProfile", "*"),
        ("iam:PutRolePermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/*"),
        ("iam:DeleteUserPermissionsBoundary", "*"),
    ],
)
def test_each_action_that_extends_permissions_fails(action, resource):
    verdict, found = of_job("GS-IAM-005", _allow(action, resource))
    assert verdict is Verdict.FAIL
    assert found == f"{action} without a permissions boundary"


def test_a_boundary_that_allows_everything_limits_nothing():
    change = _allow("iam:PutRolePolicy")
    for limit in ([_allow("*")], [_allow("iam:*"), _allow("glue:*")], [_allow(["glue:*", "iam:Put*"])]):
        assert in_boundary("GS-IAM-005", [CREATE, change], limit) == (
            Verdict.FAIL,
            "iam:PutRolePolicy without a permissions boundary that limits them",
        )


@pytest.mark.parametrize(
    "limit",
    [
        [_allow("glue:*")],
        [_allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/apps/*")],
        [_allow("iam:*"), {"Effect": "Deny", "Action": "iam:Put*", "Resource": "*"}],
        [_allow("iam:*", Condition={"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}})],
    ],
    ids=["no IAM", "named roles", "denied", "with the boundary"],
)
def test_a_boundary_that_limits_the_change_of_roles_counts(limit):
    change = _allow("iam:PutRolePolicy")
    assert in_boundary("GS-IAM-005", [CREATE, change], limit)[0] is Verdict.PASS


OWN = f"arn:aws:iam::{ACCOUNT}:role/delivery"
WITH_LIMIT = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
DELETE, REPLACE = "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (_allow(DELETE, OWN), DELETE),
        (_allow(DELETE, f"arn:aws:iam::{ACCOUNT}:role/del*"), DELETE),
        (_allow("iam:DeleteRole*", OWN), DELETE),
        # The condition is about the boundary that is removed, which is the principal's own.
        (_allow(DELETE, OWN, Condition=WITH_LIMIT), DELETE),
        (_allow(REPLACE, OWN), REPLACE),
        (_allow("iam:CreatePolicyVersion", BOUNDARY), "iam:CreatePolicyVersion"),
        (_allow("iam:SetDefaultPolicyVersion", f"{BOUNDARY[:-2]}*"), "iam:SetDefaultPolicyVersion"),
        (_allow(REPLACE, OWN, Condition=WITH_LIMIT), ""),
        (_allow(DELETE, f"{OWN}-other"), ""),
        (_allow("iam:CreatePolicyVersion", f"{BOUNDARY}-other"), ""),
        (_allow("iam:DeleteUserPermissionsBoundary", OWN), ""),
    ],
)
def test_a_boundary_that_its_principal_can_change_limits_nothing(changes, found):
    attach = _allow("iam:AttachRolePolicy", OWN)
    statements, limit = [CREATE, attach, changes], [_allow(["s3:*", "glue:*"]), attach, changes]
    verdict, text = in_boundary("GS-IAM-005", statements, limit)
    assert (verdict is Verdict.FAIL) == bool(found)
    assert not found or text == f"{found} on its own permissions boundary, {BOUNDARY}"
    # Policies and the boundary must both allow the change, and neither may deny it.
    deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    for own, limits in (
        (statements[:2], limit),
        (statements, limit[:2]),
        ([*statements, deny], limit),
        (statements, [*limit, deny]),
    ):
        assert in_boundary("GS-IAM-005", own, limits)[0] is Verdict.PASS


def test_a_user_that_can_remove_its_own_boundary_is_not_limited():
    members, policies = within(_allow("*"))
    deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    ada = {
        "UserName": "ada",
        "UserId": "AIDA" + "0" * 12,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
        "UserPolicyList": role("ada", TRUST, CREATE, _allow("iam:*UserPermissionsBoundary"))[
            "RolePolicyList"
        ],
        **members,
    }
    estate = {"UserDetailList": [ada], "Policies": policies}
    (last,) = verdicts("GS-IAM-005", role("glue-etl", TRUST), **estate)[1:]
    assert last[0] is Verdict.FAIL
    assert last[1].startswith("iam:DeleteUserPermissionsBoundary, iam:PutUserPermissionsBoundary on its own")
    limited = {**estate, "Policies": within(_allow("*"), deny)[1]}
    assert verdicts("GS-IAM-005", role("glue-etl", TRUST), **limited)[-1][0] is Verdict.PASS


def test_administrators_that_are_left_out_are_counted():
    found = verdicts("GS-IAM-003", role("glue-etl", TRUST), role("admin", TRUST, _allow("*")))
    assert found == [
        (
            Verdict.PASS,
            "none of 1 roles and users has a permission that the control is about; "
            "1 administrators are left out",
        )
    ]
