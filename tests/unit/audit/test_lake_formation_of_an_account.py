"""GS-LF of an audit: permissions of IAMAllowedPrincipals, locations, administrators, direct access."""

from __future__ import annotations

import pytest
from audited_estates import IAM_ALLOWED, ROLE, _allow, audit, caller, corrected, granted, role, trust
from recorded_account import ACCOUNT, ApiError, RecordedAccount

from glue_secure.core.findings import Verdict

EVERYONE = [{"Principal": {"DataLakePrincipalIdentifier": IAM_ALLOWED}, "Permissions": ["ALL"]}]
ROLES = "iam.GetAccountAuthorizationDetails.RoleDetailList"


def found(control, **changes):
    estate = corrected() | changes
    return [
        (one.verdict, one.finding.found)
        for one in audit(RecordedAccount(estate))
        if one.control.id == control
    ]


def settings(**members):
    return {"DataLakeSettings": corrected()["GetDataLakeSettings"]["DataLakeSettings"] | members}


def test_every_permission_of_the_iam_group_is_reported():
    permissions = [granted(IAM_ALLOWED, "ALL"), granted(IAM_ALLOWED, "SELECT"), granted(ROLE, "SELECT")]
    assert found("GS-LF-001", ListPermissions=permissions) == [
        (Verdict.FAIL, "IAMAllowedPrincipals has Super; IAMAllowedPrincipals has SELECT"),
    ]


@pytest.mark.parametrize("control", ["GS-LF-001", "GS-LF-002", "GS-LF-008", "GS-LF-010", "GS-LF-011"])
def test_an_account_that_does_not_use_lake_formation_passes(control):
    changes = {
        "ListResources": [],
        "ListPermissions": [granted(IAM_ALLOWED, "ALL")],
        "GetDataLakeSettings": settings(CreateTableDefaultPermissions=EVERYONE, DataLakeAdmins=[]),
    }
    assert [verdict for verdict, _ in found(control, **changes)] == [Verdict.PASS]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"GetDataLakeSettings": settings(CreateDatabaseDefaultPermissions=EVERYONE)}, "on new databases"),
        ({"GetDataLakeSettings": settings(CreateTableDefaultPermissions=EVERYONE)}, "on new tables"),
        (
            {"GetDatabases": [{"Name": "db", "CreateTableDefaultPermissions": EVERYONE}]},
            "on new tables of db",
        ),
    ],
)
def test_default_permissions(changes, text):
    ((verdict, shown),) = found("GS-LF-002", **changes)
    assert (verdict is Verdict.FAIL) == bool(text)
    assert text in shown


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (_allow("s3:GetObject", "arn:aws:s3:::scripts/*"), ""),
        (
            _allow("s3:GetObject", "arn:aws:s3:::lake/*"),
            "policy inline allows s3:GetObject at arn:aws:s3:::lake",
        ),
        (_allow("s3:*"), "policy inline allows s3:GetObject"),
        (_allow("s3:PutObject", "arn:aws:s3:::l*"), "policy inline allows s3:PutObject"),
    ],
)
def test_roles_of_jobs_have_no_access_of_their_own(statement, text):
    roles = [role("glue-etl", trust(Service="glue.amazonaws.com"), statement)]
    ((verdict, shown),) = found("GS-LF-008", **{ROLES: roles})
    assert (verdict is Verdict.FAIL) == bool(text)
    assert text in shown


def test_each_location_is_checked_for_hybrid_access():
    locations = [
        {"ResourceArn": "arn:aws:s3:::lake", "HybridAccessEnabled": True},
        {"ResourceArn": "arn:aws:s3:::other"},
    ]
    verdicts = [verdict for verdict, _ in found("GS-LF-010", ListResources=locations)]
    assert verdicts == [Verdict.FAIL, Verdict.PASS]


@pytest.mark.parametrize(
    ("principals", "text"),
    [
        ([f"arn:aws:iam::{ACCOUNT}:role/administrators"], ""),
        ([f"arn:aws:iam::{ACCOUNT}:user/ada"], ""),
        ([], "no administrator"),
        ([ROLE], "the role of a job"),
        (["arn:aws:iam::999999999999:role/administrators"], "no role or user of the account"),
        ([IAM_ALLOWED], "no role or user of the account"),
        ([f"arn:aws:iam::{ACCOUNT}:role/deleted"], "which does not exist"),
    ],
)
def test_administrators(principals, text):
    admins = [{"DataLakePrincipalIdentifier": name} for name in principals]
    ((verdict, shown),) = found("GS-LF-011", GetDataLakeSettings=settings(DataLakeAdmins=admins))
    assert (verdict is Verdict.FAIL) == bool(text)
    assert text in shown


@pytest.mark.parametrize(
    ("is_on", "account", "verdict"),
    [
        (True, "999999999999", Verdict.FAIL),
        (True, ACCOUNT, Verdict.PASS),
        (False, "999999999999", Verdict.PASS),
    ],
)
def test_other_accounts_do_not_filter_data(is_on, account, verdict):
    members = {
        "AllowExternalDataFiltering": is_on,
        "ExternalDataFilteringAllowList": [{"DataLakePrincipalIdentifier": account}],
    }
    assert [one for one, _ in found("GS-LF-012", GetDataLakeSettings=settings(**members))] == [verdict]


UNUSED = {"ListResources": [], "ListPermissions": [granted(IAM_ALLOWED, "ALL")]}


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sts::{ACCOUNT}:assumed-role/other/session",
        f"arn:aws:iam::{ACCOUNT}:user/auditor",
        "arn:aws:sts::999999999999:assumed-role/auditor/session",
        f"arn:aws:iam::{ACCOUNT}:root",
    ],
)
@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("GS-LF-001", {}),
        ("GS-LF-001", UNUSED),
        ("GS-LF-002", {}),
        ("GS-LF-002", UNUSED),
        ("GS-LF-011", UNUSED),
    ],
)
def test_lists_that_the_caller_may_see_in_part_do_not_pass(arn, control, changes):
    ((verdict, text),) = found(control, **changes, GetCallerIdentity=caller(arn))
    assert verdict is Verdict.UNKNOWN
    assert arn in text


def test_a_violation_that_the_caller_sees_fails_and_complete_facts_pass():
    other = caller(f"arn:aws:iam::{ACCOUNT}:user/ada")
    everyone = [granted(IAM_ALLOWED, "ALL")]
    assert found("GS-LF-001", ListPermissions=everyone, GetCallerIdentity=other)[0][0] is Verdict.FAIL
    assert found("GS-LF-011", GetCallerIdentity=other)[0][0] is Verdict.PASS


def test_an_administrator_sees_every_grant():
    user = f"arn:aws:iam::{ACCOUNT}:user/ada"
    lake = settings(DataLakeAdmins=[{"DataLakePrincipalIdentifier": user}])
    ((verdict, _),) = found("GS-LF-001", GetDataLakeSettings=lake, GetCallerIdentity=caller(user))
    assert verdict is Verdict.PASS


def test_an_unknown_caller_does_not_pass():
    ((verdict, _),) = found("GS-LF-001", GetCallerIdentity=ApiError("ExpiredToken"))
    assert verdict is Verdict.UNKNOWN
