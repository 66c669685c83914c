"""Grants and opt-ins on nested catalogs and functions, and opt-ins with a condition."""

import json

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.governance.lakeformation.explain import explain
from glue_secure.governance.lakeformation.export import export
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.model import Kind, Resource
from glue_secure.governance.lakeformation.plan import make_plan

from .conftest import ACCOUNT, ANALYST, HEAD, OTHER, STEWARD
from .test_lake_plan import CUSTOMERS, TABLE, grant

BUCKET = f"{ACCOUNT}:s3tablescatalog/bucket"
IN_BUCKET = f'catalog = "{BUCKET}"\n'
NESTED = "".join(
    [
        grant(f'catalog = "{ACCOUNT}:redshift"', "SUPER_USER"),
        grant(IN_BUCKET, "DESCRIBE", "CREATE_DATABASE", grantable=["DESCRIBE"]),
        grant(IN_BUCKET + 'database = "sales"', "DESCRIBE", "CREATE_TABLE"),
        grant(IN_BUCKET + TABLE, "SELECT", "INSERT"),
        grant(IN_BUCKET + 'database = "sales"\ntable = "*"', "DESCRIBE"),
        grant(IN_BUCKET + TABLE + '\ncolumns = ["id"]', "SELECT", principal="steward"),
        grant(IN_BUCKET + 'database = "sales"\nfunction = "mask"', "EXECUTE"),
        grant(TABLE, "SELECT", principal="steward"),
        f'[[opt_ins]]\nprincipal = "analyst"\n{IN_BUCKET}{TABLE}\n',
    ]
)
FUNCTIONS = grant('database = "sales"\nfunction = "mask"', "EXECUTE", "DESCRIBE") + grant(
    'database = "sales"\nfunction = "*"', "ALL", principal="steward"
)


@pytest.mark.parametrize("lists_nested", [True, False])
def test_grants_on_nested_catalogs_are_applied_revoked_and_exported(harness, lists_nested):
    """The documentation does not say whether a listing of the account contains nested catalogs."""
    harness.lake.lists_nested = lists_nested
    assert harness.apply(NESTED).steps == ()
    assert harness.steps(NESTED) == []
    identifiers = {
        json.dumps(next(iter(entry["Resource"].values())).get("CatalogId"))
        for name, parameters in harness.lake.recorded_requests
        if name == "BatchGrantPermissions"
        for entry in parameters["Entries"]
    }
    assert identifiers == {"null", json.dumps(BUCKET)}
    fewer = NESTED.replace('["SELECT", "INSERT"]', '["SELECT"]')
    assert harness.steps(fewer) == [
        f"revoke INSERT on table sales.customers of catalog {BUCKET} for {ANALYST}"
    ]
    harness.apply(fewer)
    assert harness.steps(fewer) == []
    if lists_nested:
        text = export(harness.account)
        assert parse(text, "exported").grants == parse(HEAD + fewer, "p").grants
        assert make_plan(parse(text, "exported"), harness.account).steps == ()


def test_grants_on_a_table_of_the_same_name_in_another_catalog_do_not_count(harness):
    harness.apply(grant(IN_BUCKET + TABLE, "SELECT") + grant(TABLE, "DESCRIBE"))
    assert explain(harness.account, ANALYST, "sales.customers").access.permissions == {"DESCRIBE"}
    for catalog in (BUCKET, "s3tablescatalog/bucket"):
        access = explain(harness.account, ANALYST, "sales.customers", catalog=catalog).access
        assert access.permissions == {"DESCRIBE", "SELECT"}
        assert set(access.columns) == {"id", "name", "email"}


@pytest.mark.parametrize(
    ("catalog", "permissions"), [("redshift", {"SELECT"}), ("redshift/dev", {"SELECT"}), ("redshift2", set())]
)
def test_super_user_on_a_catalog_gives_access_to_its_tables(harness, catalog, permissions):
    harness.apply(grant(f'catalog = "{ACCOUNT}:redshift"', "SUPER_USER"))
    access = explain(harness.account, ANALYST, "sales.customers", catalog=catalog).access
    assert access.permissions & {"SELECT"} == permissions
    assert explain(harness.account, ANALYST, "sales.customers").access.permissions == set()


def test_iamallowedprincipals_on_a_nested_catalog_is_closed_by_the_id_of_the_catalog(harness):
    table = {"Table": {"CatalogId": BUCKET, "DatabaseName": "sales", "Name": "customers"}}
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", table, "ALL")
    text = grant(IN_BUCKET + TABLE, "SELECT")
    (finding,) = harness.plan(text).findings
    assert (finding.control, BUCKET in finding.found) == ("GS-LF-001", True)
    assert harness.plan(grant(TABLE, "SELECT")).findings == ()
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", CUSTOMERS, "ALL")
    closed = f'[settings]\nclose_to_iam = ["{BUCKET}"]\n' + text
    harness.apply(closed)
    assert list(harness.granted("IAM_ALLOWED_PRINCIPALS")) == [json.dumps(CUSTOMERS, sort_keys=True)]


def test_the_account_of_the_file_completes_the_id_of_a_catalog():
    text = HEAD.replace("schema = 1", f'schema = 1\naccount = "{ACCOUNT}"')
    (granted,) = parse(text + grant('catalog = "redshift/dev"', "DESCRIBE"), "p").grants.values()
    assert granted.resource == Resource(Kind.NESTED_CATALOG, catalog=f"{ACCOUNT}:redshift/dev")


def test_a_catalog_of_another_account_is_rejected(harness):
    with pytest.raises(UsageError, match=f"a catalog of account {ACCOUNT}"):
        harness.plan(grant('catalog = "999999999999:redshift"', "DESCRIBE"))
    assert harness.lake.requests == {}


@pytest.mark.parametrize(
    ("target", "permission", "message"),
    [
        ('catalog = "redshift"', "DESCRIBE", "account = ... at the top"),
        ('catalog = "12:redshift"', "DESCRIBE", "ACCOUNT:NAME"),
        ('catalog = ""', "DESCRIBE", "ACCOUNT:NAME"),
        ("catalog = false", "DESCRIBE", "one of: catalog = true"),
        ("catalog = 1", "DESCRIBE", "true or false"),
        ('catalog = true\ndatabase = "sales"', "DESCRIBE", "one of: catalog = true"),
        (IN_BUCKET + TABLE + '\nfilter = "f"', "SELECT", "not managed by this file"),
        (IN_BUCKET + 'location = "s3://lake"', "DATA_LOCATION_ACCESS", "not managed by this file"),
        (IN_BUCKET + 'tables_with = { k = ["v"] }', "SELECT", "not managed by this file"),
        (IN_BUCKET, "CREATE_LF_TAG", "SUPER_USER"),
        ("catalog = true", "EXECUTE", "CREATE_DATABASE"),
        (TABLE, "EXECUTE", "SELECT"),
        ('database = "sales"\nfunction = "f"', "SELECT", "EXECUTE"),
        ('database = "sales"\nfunction = "f"\ntable = "t"', "EXECUTE", "one of: catalog = true"),
        ('function = "f"', "EXECUTE", "one of: catalog = true"),
        ('database = "sales"\nview = "v"', "SELECT", "grant on a view as on a table"),
        ('database = "sales"\nresource_link = "v"', "DESCRIBE", "grant on a resource link as on a table"),
        ('database = "sales"\nrow_policy = "p"', "SELECT", "[[row_attachments]]"),
        ("any_resource = true", "SELECT", "is a function"),
    ],
)  # fmt: skip
def test_a_resource_that_cannot_be_granted_is_rejected_with_the_reason(harness, target, permission, message):
    with pytest.raises(UsageError) as caught:
        harness.plan(grant(target, permission))
    assert message in str(caught.value)
    assert harness.lake.requests == {}


def test_functions_are_granted_revoked_and_exported(harness):
    harness.apply(FUNCTIONS)
    assert harness.steps(FUNCTIONS) == []
    (resource,) = harness.granted(STEWARD)
    assert json.loads(resource) == {
        "UserDefinedFunction": {"DatabaseName": "sales", "UserDefinedFunctionWildcard": {}}
    }
    exported = parse(export(harness.account), "exported")
    assert exported.grants == parse(HEAD + FUNCTIONS, "p").grants
    harness.apply(FUNCTIONS.replace('["EXECUTE", "DESCRIBE"]', '["EXECUTE"]'), "everything")
    assert list(harness.granted(ANALYST).values()) == [(["EXECUTE"], [])]


def test_a_permission_on_a_function_gives_no_access_to_a_table(harness):
    harness.apply(grant('database = "sales"\nfunction = "customers"', "ALL"))
    assert explain(harness.account, ANALYST, "sales.customers").access.permissions == set()


def test_an_opt_in_with_a_condition_is_applied_deleted_and_exported(harness):
    condition = "context.iam.principalTags.hasTag('team')"
    opt_in = f'[[opt_ins]]\nprincipal = "analyst"\n{TABLE}\n'
    text = f"{opt_in}condition = {json.dumps(condition)}\n"
    assert harness.apply(text).steps == ()
    request = next(
        parameters
        for name, parameters in harness.lake.recorded_requests
        if name == "CreateLakeFormationOptIn"
    )
    assert request["Condition"] == {"Expression": condition}
    assert parse(export(harness.account), "exported").opt_ins == parse(HEAD + text, "p").opt_ins
    assert harness.steps(opt_in, "principals") == [
        f"opt in {ANALYST} to table sales.customers",
        f"opt out {ANALYST} to table sales.customers when {condition}",
    ]
    harness.apply(opt_in, "principals")
    assert len(harness.lake.opt_ins) == 1


def test_an_opt_in_with_a_condition_does_not_count(harness):
    harness.lake.table("sales", "customers", "id", open_to_iam=True)
    text = grant(TABLE, "DESCRIBE") + f'[[opt_ins]]\nprincipal = "analyst"\n{TABLE}\ncondition = "true"\n'
    harness.apply(text)
    assert [finding.control for finding in harness.plan(text).findings] == ["GS-LF-001"]
    assert explain(harness.account, ANALYST, "sales.customers").access.by_iam


def test_tags_of_a_nested_catalog_are_not_those_of_a_table_of_the_same_name(harness, monkeypatch):
    harness.lake.tags["pii"] = ["true", "false"]
    entry = {
        "Table": {"CatalogId": BUCKET, "DatabaseName": "sales", "Name": "orders"},
        "LFTagsOnTable": [{"TagKey": "pii", "TagValues": ["true"]}],
    }
    monkeypatch.setattr(
        type(harness.lake), "_SearchTablesByLFTags", lambda _self, _parameters: {"TableList": [entry]}
    )
    text = '[lf_tags]\npii = ["true", "false"]\n[[assign]]\ndatabase = "sales"\ntable = "orders"\n'
    assert harness.steps(text + 'tags = { pii = "true" }\n') == [
        "assign LF-Tags pii=true on table sales.orders"
    ]
    exported = export(harness.account)
    assert f"# Not managed by this file: pii=true on table sales.orders of catalog {BUCKET}" in exported
    assert OTHER not in exported


def test_a_nested_catalog_that_is_closed_without_a_grant_is_named(harness):
    table = {"Table": {"CatalogId": BUCKET, "DatabaseName": "sales", "Name": "customers"}}
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", table, "ALL")
    closed = f'[settings]\nclose_to_iam = ["{BUCKET}"]\n'
    assert harness.plan(closed).locked == (f"{BUCKET}/sales",)
    assert harness.plan(closed + grant(TABLE, "SELECT")).locked == (f"{BUCKET}/sales",)
    assert harness.plan(closed + grant(IN_BUCKET + TABLE, "SELECT")).locked == ()
    assert harness.plan(closed + grant(IN_BUCKET, "SUPER_USER")).locked == ()
