"""Plans of Lake Formation permissions: steps, their order, application, and refusals."""

import json

import pytest

from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation import saved
from glue_secure.governance.lakeformation.apply import apply_plan, require_unchanged_plan
from glue_secure.governance.lakeformation.export import export
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.steps import StepAction
from glue_secure.testing.lake_formation import ADMIN

from .conftest import ACCOUNT, ANALYST, OTHER, STEWARD

CUSTOMERS = {"Table": {"DatabaseName": "sales", "Name": "customers"}}
EVERYTHING = f"""
[settings]
close_to_iam = ["sales"]
close_defaults = true
[lf_tags]
classification = ["public", "internal", "confidential"]
pii = ["true", "false"]
[expressions]
harmless = {{ classification = ["public", "internal"], pii = ["false"] }}
[[locations]]
arn = "s3://lake/sales"
[[locations]]
arn = "arn:aws:s3:::lake/hr"
role = "arn:aws:iam::{ACCOUNT}:role/lake"
hybrid = true
[[assign]]
database = "sales"
tags = {{ classification = "internal", pii = "false" }}
[[assign]]
database = "sales"
table = "customers"
columns = ["email", "name"]
tags = {{ pii = "true" }}
[[filters]]
name = "eu"
database = "sales"
table = "customers"
rows = "region = 'eu'"
except = ["email"]
[[grants]]
principal = "analyst"
tables_matching = "harmless"
permissions = ["SELECT", "DESCRIBE"]
[[grants]]
principals = ["analyst", "steward"]
database = "sales"
permissions = ["DESCRIBE"]
[[grants]]
principal = "steward"
database = "sales"
table = "*"
permissions = ["ALL"]
grantable = ["ALL"]
[[grants]]
principal = "analyst"
database = "sales"
table = "customers"
filter = "eu"
permissions = ["SELECT"]
[[grants]]
principal = "steward"
tables_with = {{ pii = ["*"] }}
permissions = ["SELECT"]
[[grants]]
principal = "steward"
location = "s3://lake/sales/"
permissions = ["DATA_LOCATION_ACCESS"]
[[grants]]
principal = "steward"
lf_tag = "pii"
values = ["true", "false"]
permissions = ["ASSOCIATE", "DESCRIBE"]
[[grants]]
principal = "steward"
catalog = true
permissions = ["CREATE_DATABASE"]
[[grants]]
principal = "analyst"
database = "sales"
table = "orders"
columns = ["id"]
permissions = ["SELECT"]
grantable = ["SELECT"]
[[grants]]
principal = "steward"
database = "sales"
table = "orders"
except = ["email"]
permissions = ["SELECT"]
[[opt_ins]]
principal = "analyst"
database = "sales"
table = "customers"
"""


def grant(target, *permissions, principal="analyst", **members):
    extra = "".join(f"{name} = {json.dumps(value)}\n" for name, value in members.items())
    entry = f'[[grants]]\nprincipal = "{principal}"\n{target}\n'
    return f"{entry}permissions = {json.dumps(permissions)}\n{extra}"


TABLE = 'database = "sales"\ntable = "customers"'


def test_every_kind_of_entry_is_applied_without_remaining_differences(harness):
    for table in ("customers", "orders"):
        harness.lake.table("sales", table, "id", "name", "email", open_to_iam=True)
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", {"Database": {"Name": "sales"}}, "ALL")
    harness.lake.settings["CreateTableDefaultPermissions"] = [
        {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
    ]
    harness.lake.databases["sales"] = {
        "Name": "sales",
        "Description": "unchanged",
        "CreateTableDefaultPermissions": harness.lake.settings["CreateTableDefaultPermissions"],
    }
    after = harness.apply(EVERYTHING)
    assert after.steps == () and after.findings == ()
    assert harness.granted("IAM_ALLOWED_PRINCIPALS") == {}
    assert harness.lake.settings["DataLakeAdmins"]
    assert harness.lake.databases["sales"] == {
        "Name": "sales", "Description": "unchanged", "CreateTableDefaultPermissions": []
    }  # fmt: skip
    assert harness.lake.assigned["sales", "customers", "email"] == {"pii": "true"}
    assert harness.steps(EVERYTHING) == []


def test_permissions_are_granted_before_others_are_revoked(harness):
    harness.lake.table("sales", "customers", "id", "email", open_to_iam=True)
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", {"Database": {"Name": "sales"}}, "ALL")
    harness.lake.put(ANALYST, {"Database": {"Name": "sales"}}, "ALTER")
    actions = [step.action for step in harness.plan(EVERYTHING).steps]
    assert actions == sorted(actions, key=list(StepAction).index)
    assert (
        actions.index(StepAction.GRANT)
        < actions.index(StepAction.REVOKE_IAM)
        < actions.index(StepAction.REGISTER)
    )
    assert actions.index(StepAction.REGISTER) < actions.index(StepAction.REVOKE)
    revoked = [
        str(step.subject) for step in harness.plan(EVERYTHING).steps if step.action is StepAction.REVOKE_IAM
    ]
    assert "database sales" in revoked[-1]


def test_a_grant_by_tags_is_revoked_before_tags_change(harness):
    before = """[lf_tags]
pii = ["true", "false"]
[[assign]]
database = "sales"
table = "customers"
tags = { pii = "true" }
""" + grant('tables_with = { pii = ["false"] }', "SELECT", "DESCRIBE")
    harness.apply(before)
    after = before.replace('tags = { pii = "true" }', 'tags = { pii = "false" }').replace(
        '"SELECT", "DESCRIBE"', '"DESCRIBE"'
    )
    assert [step.action for step in harness.plan(after).steps] == [
        StepAction.REVOKE_BY_TAGS,
        StepAction.ASSIGN,
    ]
    # Without a change of tags, revocations are the last steps.
    assert [step.action for step in harness.plan(before.replace('"SELECT", ', "")).steps] == [
        StepAction.REVOKE
    ]


def test_unmanaged_grants_are_revoked_on_request_only(harness):
    harness.lake.put(ANALYST, {"Table": {"DatabaseName": "sales", "Name": "orders"}}, "SELECT")
    harness.lake.put(OTHER, CUSTOMERS, "SELECT")
    text = grant(TABLE, "SELECT")
    plan = harness.plan(text)
    assert [step.action for step in plan.steps] == [StepAction.GRANT]
    assert plan.unnamed == 2
    steps = harness.steps(text, "principals")
    assert [step.partition(" ")[0] for step in steps] == ["grant", "revoke"] and ANALYST in steps[1]
    harness.apply(text, "everything")
    assert harness.granted(OTHER) == {}
    assert list(harness.granted(ANALYST)) == [json.dumps(CUSTOMERS, sort_keys=True)]


def test_superfluous_permissions_of_a_pair_in_the_file_are_revoked(harness):
    harness.lake.put(ANALYST, CUSTOMERS, "SELECT", "INSERT", option=True)
    harness.apply(grant(TABLE, "SELECT", "DESCRIBE"))
    assert harness.granted(ANALYST) == {json.dumps(CUSTOMERS, sort_keys=True): (["DESCRIBE", "SELECT"], [])}


@pytest.mark.parametrize("permissions", [("SELECT",), ("DESCRIBE", "INSERT")])
def test_super_is_replaced_by_the_permissions_of_the_file(harness, permissions):
    harness.lake.put(ANALYST, CUSTOMERS, "ALL")
    harness.apply(grant(TABLE, *permissions))
    assert harness.granted(ANALYST) == {json.dumps(CUSTOMERS, sort_keys=True): (sorted(permissions), [])}


def test_super_is_not_granted_again_although_the_service_lists_all_permissions(harness):
    harness.apply(grant(TABLE, "ALL", grantable=["ALL"]))
    assert harness.steps(grant(TABLE, "ALL", grantable=["ALL"])) == []


def test_gs_lf_001_a_plan_reports_that_iamallowedprincipals_overrides_its_grants(harness):
    harness.lake.table("sales", "customers", "id", open_to_iam=True)
    (finding,) = harness.plan(grant(TABLE, "SELECT")).findings
    assert finding.control == "GS-LF-001" and "table sales.customers" in finding.found
    closed = '[settings]\nclose_to_iam = ["sales"]\n' + grant(TABLE, "SELECT")
    assert harness.plan(closed).findings == ()
    harness.apply(closed)
    assert harness.granted("IAM_ALLOWED_PRINCIPALS") == {}


@pytest.mark.parametrize("target", ['database = "sales"\ntable = "*"', 'tables_with = { pii = ["true"] }'])
def test_gs_lf_001_applies_to_grants_on_all_tables_and_by_tags(harness, target):
    harness.lake.tags["pii"] = ["true"]
    harness.lake.table("sales", "customers", "id", open_to_iam=True)
    assert [finding.control for finding in harness.plan(grant(target, "SELECT")).findings] == ["GS-LF-001"]


def test_in_hybrid_access_mode_grants_apply_to_a_principal_that_opted_in(harness):
    harness.lake.table("sales", "customers", "id", open_to_iam=True)
    text = grant(TABLE, "SELECT") + f'[[opt_ins]]\nprincipal = "analyst"\n{TABLE}\n'
    assert harness.plan(text).findings == ()
    assert harness.plan(text + grant(TABLE, "SELECT", principal="steward")).findings


def test_gs_lf_002_default_permissions_for_new_databases_and_tables(harness):
    group = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
    harness.lake.settings["CreateDatabaseDefaultPermissions"] = group
    harness.lake.databases["sales"]["CreateTableDefaultPermissions"] = group
    assert [finding.control for finding in harness.plan(grant(TABLE, "SELECT")).findings] == [
        "GS-LF-002",
        "GS-LF-002",
    ]
    text = '[settings]\nclose_to_iam = ["sales"]\nclose_defaults = true\n' + grant(TABLE, "SELECT")
    assert harness.apply(text).findings == ()


def test_gs_lf_005_failed_entries_of_a_successful_request_are_raised(harness):
    harness.lake.failing = lambda entry: "InvalidInputException" if "INSERT" in entry["Permissions"] else ""
    with pytest.raises(RefusedError) as caught:
        harness.apply(grant(TABLE, "SELECT") + grant('database = "sales"\ntable = "orders"', "INSERT"))
    assert caught.value.control == "GS-LF-005"
    assert "INSERT on table sales.orders" in caught.value.found
    assert "InvalidInputException" in caught.value.found


def test_gs_lf_005_a_failed_revocation_is_raised(harness):
    harness.lake.put(ANALYST, CUSTOMERS, "SELECT", "INSERT")
    harness.lake.failing = lambda entry: "ConcurrentModificationException"
    with pytest.raises(RefusedError, match="GS-LF-005"):
        harness.apply(grant(TABLE, "SELECT"))


@pytest.mark.parametrize(
    "operation",
    [
        "BatchGrantPermissions", "CreateLFTag", "AddLFTagsToResource", "CreateDataCellsFilter",
        "RegisterResource",
        "CreateLakeFormationOptIn", "CreateLFTagExpression",
    ],
)  # fmt: skip
def test_gs_lf_005_a_step_without_effect_is_refused(harness, operation):
    harness.lake.ignored_operations.add(operation)
    with pytest.raises(RefusedError, match="GS-LF-005"):
        harness.apply(EVERYTHING)


def test_gs_lf_005_an_error_states_the_applied_steps_and_the_others_can_be_applied_later(harness):
    harness.lake.denied.add("CreateLFTagExpression")
    with pytest.raises(VerificationError) as caught:
        harness.apply(EVERYTHING)
    assert caught.value.aws_code == "AccessDeniedException"
    assert "5 of 21 steps" in caught.value.fix
    harness.lake.denied.clear()
    assert harness.apply(EVERYTHING).steps == ()


@pytest.mark.parametrize("size", [1, 2, 7])
def test_every_list_is_read_to_its_last_page(harness, size):
    harness.apply(EVERYTHING)
    harness.lake.page = size
    assert harness.plan(EVERYTHING).steps == ()
    fingerprint = harness.plan(EVERYTHING).fingerprint
    harness.lake.page = 1000
    assert harness.plan(EVERYTHING).fingerprint == fingerprint


def test_grants_go_in_batches_of_twenty(harness):
    text = ""
    for number in range(45):
        harness.lake.table("sales", f"t{number}", "id")
        text += grant(f'database = "sales"\ntable = "t{number}"', "SELECT")
    harness.apply(text)
    assert harness.lake.requests["BatchGrantPermissions"] == 3


def test_a_value_is_removed_if_it_is_not_assigned_to_a_resource(harness):
    harness.lake.tags["pii"] = ["true", "false", "unknown"]
    harness.lake.tag("sales", "orders", pii="unknown")
    text = '[lf_tags]\npii = ["true", "false"]\n'
    with pytest.raises(UsageError, match=r"sales\.orders"):
        harness.plan(text)
    named = text + '[[assign]]\ndatabase = "sales"\ntable = "orders"\ntags = { pii = "true" }\n'
    harness.apply(named)
    assert harness.lake.tags["pii"] == ["true", "false"]


def test_an_inherited_tag_is_assigned_if_the_parent_s_tag_changes(harness):
    harness.lake.tags["pii"] = ["true", "false"]
    harness.lake.tag("sales", pii="true")
    tags = '[lf_tags]\npii = ["true", "false"]\n'
    text = tags + '[[assign]]\ndatabase = "sales"\ntable = "orders"\ntags = { pii = "true" }\n'
    assert harness.steps(text) == []
    both = text + '[[assign]]\ndatabase = "sales"\ntags = { pii = "false" }\n'
    harness.apply(both)
    assert harness.lake.assigned["sales", "orders", ""] == {"pii": "true"}
    assert harness.steps(both) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (grant('tables_with = { nope = ["x"] }', "SELECT"), "LF-Tag nope"),
        (grant('tables_matching = "nope"', "SELECT"), "expression nope"),
        (grant(TABLE + '\nfilter = "nope"', "SELECT"), "cell filter nope"),
        ('[[assign]]\ndatabase = "sales"\ntags = { nope = "x" }\n', "LF-Tag nope"),
    ],
)
def test_a_name_defined_neither_in_the_file_nor_in_the_account_is_rejected(harness, text, name):
    with pytest.raises(UsageError, match=name):
        harness.plan(text)


def test_a_file_for_another_account_is_rejected(harness):
    with pytest.raises(UsageError, match="999999999999"):
        make_plan(parse('schema = 1\naccount = "999999999999"\n', "p"), harness.account)


def test_there_is_no_plan_for_an_account_that_cannot_be_read(harness):
    harness.lake.denied.add("ListPermissions")
    with pytest.raises(ServiceError, match="AccessDenied"):
        harness.plan(EVERYTHING)


def test_grants_on_shared_and_unknown_resources_are_not_changed(harness):
    foreign = {"Table": {"CatalogId": "999999999999", "DatabaseName": "sales", "Name": "customers"}}
    harness.lake.permissions[ANALYST, json.dumps(foreign), ""] = ({"SELECT"}, set())
    harness.lake.permissions[ANALYST, json.dumps({"RLSPolicy": {"Name": "x"}}), ""] = ({"SELECT"}, set())
    assert harness.steps("", "everything") == []
    assert "# Not managed" in export(harness.account)


def saved_plan(harness, tmp_path, text):
    path = tmp_path / "plan.json"
    saved.write(harness.plan(text), path)
    return path


def apply_saved(harness, path):
    plan_file = saved.SavedPlan(path)
    plan = require_unchanged_plan(
        harness.account,
        plan_file.desired,
        plan_file.unmanaged,
        account_id=plan_file.account,
        fingerprint=plan_file.fingerprint,
        steps=plan_file.steps,
    )
    return apply_plan(plan, harness.account, pause=lambda _seconds: None)


def test_a_saved_plan_is_applied_as_it_was_reviewed(harness, tmp_path):
    assert apply_saved(harness, saved_plan(harness, tmp_path, EVERYTHING)).steps == ()


CHANGES = {
    "a grant": lambda lake: lake.put(OTHER, CUSTOMERS, "SELECT"),
    "a tag": lambda lake: lake.tags.update(new=["x"]),
    "a location": lambda lake: lake.resources.update(a={"ResourceArn": "arn:aws:s3:::a"}),
    "a default": lambda lake: lake.settings.update(DataLakeAdmins=[]),
    "an opt-in": lambda lake: lake.opt_ins.add((OTHER, json.dumps(CUSTOMERS))),
    "an expression": lambda lake: lake.expressions.update(e=[{"TagKey": "a", "TagValues": ["b"]}]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_gs_lf_004_a_saved_plan_is_refused_if_the_account_has_changed(harness, tmp_path, change):
    path = saved_plan(harness, tmp_path, EVERYTHING)
    CHANGES[change](harness.lake)
    harness.lake.recorded_requests.clear()
    with pytest.raises(RefusedError, match="GS-LF-004"):
        apply_saved(harness, path)
    assert {
        name for name, _ in harness.lake.recorded_requests if not name.startswith(("List", "Get", "Search"))
    } == set()


def test_gs_lf_004_a_saved_plan_is_applied_once_only(harness, tmp_path):
    path = saved_plan(harness, tmp_path, EVERYTHING)
    apply_saved(harness, path)
    with pytest.raises(RefusedError, match="GS-LF-004"):
        apply_saved(harness, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["steps"].pop(),
        lambda content: content["steps"].append("grant everything"),
        lambda content: content.update(account="999999999999"),
        lambda content: content["permissions"]["grants"][0].update(permissions=["DESCRIBE"]),
        lambda content: content.update(fingerprint="0"),
    ],
)
def test_gs_lf_004_an_edited_plan_is_refused(harness, tmp_path, change):
    path = saved_plan(harness, tmp_path, EVERYTHING)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(RefusedError, match="GS-LF-004"):
        apply_saved(harness, path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "x"}', "\x00", "[" * 100_000])
def test_invalid_content_is_rejected(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"plan\.json"):
        saved.SavedPlan(path)


def test_a_truncated_plan_is_rejected(harness, tmp_path):
    path = saved_plan(harness, tmp_path, EVERYTHING)
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(UsageError, match=r"plan\.json"):
        saved.SavedPlan(path)


def test_the_plan_of_an_imported_file_is_empty_and_recreates_the_account(harness):
    harness.lake.table("sales", "orders", "id", "name", "email", open_to_iam=True)
    harness.apply(EVERYTHING.replace('close_to_iam = ["sales"]', ""))
    harness.lake.put(OTHER, {"Database": {"Name": "sales"}}, "DESCRIBE")
    text = export(harness.account)
    again = parse(text, "imported")
    plan = make_plan(again, harness.account)
    assert plan.steps == () and plan.unnamed == 0
    assert "SELECT on table sales.orders for IAM_ALLOWED_PRINCIPALS" in text.split("# Not managed")[1]

    from .conftest import LakeHarness

    other = LakeHarness()
    other.lake.settings = harness.lake.settings
    apply_plan(make_plan(again, other.account), other.account, pause=lambda _seconds: None)
    assert export(other.account).split("# Not managed")[0].strip() == text.split("# Not managed")[0].strip()
    assert STEWARD in text


def test_a_registered_location_is_changed_with_a_role(harness):
    location = '[[locations]]\narn = "s3://lake/sales"\n'
    harness.apply(location)
    with pytest.raises(UsageError, match="deregister-resource --resource-arn arn:aws:s3:::lake/sales"):
        harness.steps(location + "hybrid = true\n")
    role = f'role = "{STEWARD}"\nhybrid = true\n'
    assert harness.steps(location + role) == [
        f"register in hybrid access mode arn:aws:s3:::lake/sales with {STEWARD}"
    ]
    harness.apply(location + role)
    assert harness.steps(location + role) == []


COLUMNS = TABLE + '\ncolumns = ["id"]'


@pytest.mark.parametrize(("before", "after"), [(TABLE, COLUMNS), (COLUMNS, TABLE)])
def test_permissions_that_exclude_a_grant_are_revoked_before_it(harness, before, after):
    harness.apply(grant(before, "SELECT"))
    after = grant(after, "SELECT")
    (finding,) = harness.plan(after).findings
    assert finding.control == "GS-LF-005" and "--unmanaged principals" in finding.fix
    changes = harness.lake.requests["BatchGrantPermissions"]
    with pytest.raises(RefusedError, match="Lake Formation refuses it beside"):
        harness.apply(after)
    assert harness.lake.requests["BatchGrantPermissions"] == changes
    actions = [step.action for step in harness.plan(after, "principals").steps]
    assert actions == [StepAction.REVOKE_EXCLUDED, StepAction.GRANT]
    assert harness.apply(after, "principals").steps == ()
    assert harness.steps(after) == []


def test_the_account_may_have_permissions_that_exclude_each_other(harness):
    harness.lake.put(ANALYST, CUSTOMERS, "INSERT")
    harness.lake.put(ANALYST, {"TableWithColumns": {**CUSTOMERS["Table"], "ColumnNames": ["id"]}}, "SELECT")
    text = export(harness.account)
    assert "SELECT on columns id of table" not in text
    assert "columns id of sales.customers" in text.split("# Not managed")[1]
    assert make_plan(parse(text, "imported"), harness.account).steps == ()


LOCATION = {"DataLocation": {"ResourceArn": "arn:aws:s3:::lake/sales"}}


@pytest.mark.parametrize(
    ("resource", "permissions"),
    [
        ({"Database": {"Name": "sales"}}, ["DESCRIBE"]),
        (CUSTOMERS, ["DESCRIBE"]),
        (LOCATION, ["DATA_LOCATION_ACCESS"]),
        ({"Catalog": {}}, ["CREATE_DATABASE"]),
    ],
)
def test_unmanaged_everything_leaves_what_each_administrator_has_implicitly(harness, resource, permissions):
    harness.lake.put(ADMIN, resource, *permissions, option=True)
    plan = harness.plan("", "everything")
    assert (plan.steps, plan.unnamed) == ((), 1)
    removed = f'[settings]\nadministrators = ["{STEWARD}"]\n'
    assert [step.action for step in harness.plan(removed, "everything").steps] == [
        StepAction.CHANGE_SETTING,
        StepAction.REVOKE,
        StepAction.REMOVE_ADMINISTRATORS,
    ]
    harness.lake.put(OTHER, resource, *permissions)
    assert [str(step).rpartition(" ")[2] for step in harness.plan("", "everything").steps] == [OTHER]


def test_unmanaged_everything_revokes_what_an_administrator_has_by_a_grant(harness):
    harness.lake.put(ADMIN, CUSTOMERS, "SELECT", "DESCRIBE")
    harness.apply("", "everything")
    assert list(harness.granted(ADMIN).values()) == [(["DESCRIBE"], [])]


def test_a_read_only_administrator_has_describe_implicitly_but_not_the_right_to_grant_it(harness):
    harness.lake.settings["ReadOnlyAdmins"] = [{"DataLakePrincipalIdentifier": OTHER}]
    harness.lake.put(OTHER, CUSTOMERS, "DESCRIBE")
    assert harness.steps("", "everything") == []
    harness.lake.put(OTHER, CUSTOMERS, "DESCRIBE", option=True)
    assert len(harness.steps("", "everything")) == 1


def test_gs_lf_005_permissions_of_a_creator_that_are_not_revoked_do_not_stop_the_other_steps(harness):
    creators = {"ALL", "ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"}
    harness.lake.put(OTHER, CUSTOMERS, *creators, option=True)
    harness.lake.implicit = set(harness.lake.permissions)
    harness.lake.put(STEWARD, {"Table": {"DatabaseName": "sales", "Name": "orders"}}, "SELECT")
    with pytest.raises(RefusedError, match=r"does not revoke .* on table sales\.customers for") as caught:
        harness.apply(grant(TABLE, "SELECT"), "everything")
    assert caught.value.control == "GS-LF-005"
    assert "[[grants]]" in caught.value.fix
    assert list(harness.granted(ANALYST).values()) == [(["SELECT"], [])]
    assert harness.granted(STEWARD) == {}
    in_file = grant(TABLE, "ALL", grantable=["ALL"]).replace('"analyst"', f'"{OTHER}"')
    assert harness.steps(grant(TABLE, "SELECT") + in_file, "everything") == []


def test_gs_lf_005_other_failures_of_a_revocation_stop_the_steps(harness):
    harness.lake.put(OTHER, CUSTOMERS, "SELECT")
    harness.lake.implicit = set(harness.lake.permissions)
    harness.lake.put(STEWARD, CUSTOMERS, "SELECT")
    harness.lake.failing = lambda entry: (
        "ConcurrentModificationException" if STEWARD in str(entry["Principal"]) else ""
    )
    with pytest.raises(RefusedError, match="ConcurrentModificationException"):
        harness.apply("", "everything")


def test_an_implicit_permission_that_excludes_a_grant_is_revoked(harness):
    harness.lake.put(ADMIN, CUSTOMERS, "DESCRIBE")
    text = grant(COLUMNS, "SELECT").replace('"analyst"', f'"{ADMIN}"')
    assert [step.action for step in harness.plan(text, "principals").steps] == [
        StepAction.REVOKE_EXCLUDED,
        StepAction.GRANT,
    ]
    harness.apply(text, "principals")
