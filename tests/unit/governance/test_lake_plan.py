"""Permissions as code: the difference with the account, its order, its application and its refusals."""

import json

import pytest

from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation import saved
from glue_secure.governance.lakeformation.apply import apply_plan, hold
from glue_secure.governance.lakeformation.export import export
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.steps import Action

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


def grant(target, *words, principal="analyst", **more):
    extra = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
    return f'[[grants]]\nprincipal = "{principal}"\n{target}\npermissions = {json.dumps(words)}\n{extra}'


TABLE = 'database = "sales"\ntable = "customers"'


def test_everything_that_the_form_has_is_applied_and_nothing_is_left(bench):
    for table in ("customers", "orders"):
        bench.lake.table("sales", table, "id", "name", "email", open_to_iam=True)
    bench.lake.put("IAM_ALLOWED_PRINCIPALS", {"Database": {"Name": "sales"}}, "ALL")
    bench.lake.settings["CreateTableDefaultPermissions"] = [
        {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
    ]
    bench.lake.databases["sales"] = {
        "Name": "sales",
        "Description": "kept",
        "CreateTableDefaultPermissions": bench.lake.settings["CreateTableDefaultPermissions"],
    }
    after = bench.apply(EVERYTHING)
    assert after.steps == () and after.findings == ()
    assert bench.held("IAM_ALLOWED_PRINCIPALS") == {}
    assert bench.lake.settings["DataLakeAdmins"]
    assert bench.lake.databases["sales"] == {
        "Name": "sales", "Description": "kept", "CreateTableDefaultPermissions": []
    }  # fmt: skip
    assert bench.lake.assigned["sales", "customers", "email"] == {"pii": "true"}
    assert bench.steps(EVERYTHING) == []


def test_the_order_keeps_every_moment_between_old_and_new(bench):
    bench.lake.table("sales", "customers", "id", "email", open_to_iam=True)
    bench.lake.put("IAM_ALLOWED_PRINCIPALS", {"Database": {"Name": "sales"}}, "ALL")
    bench.lake.put(ANALYST, {"Database": {"Name": "sales"}}, "ALTER")
    actions = [step.action for step in bench.plan(EVERYTHING).steps]
    assert actions == sorted(actions, key=list(Action).index)
    assert actions.index(Action.GRANT) < actions.index(Action.REVOKE_IAM) < actions.index(Action.REGISTER)
    assert actions.index(Action.REGISTER) < actions.index(Action.REVOKE)
    iam = [str(one.subject) for one in bench.plan(EVERYTHING).steps if one.action is Action.REVOKE_IAM]
    assert "database sales" in iam[-1]


def test_a_grant_by_tags_that_goes_is_revoked_before_tags_change(bench):
    before = """[lf_tags]
pii = ["true", "false"]
[[assign]]
database = "sales"
table = "customers"
tags = { pii = "true" }
""" + grant('tables_with = { pii = ["false"] }', "SELECT", "DESCRIBE")
    bench.apply(before)
    after = before.replace('tags = { pii = "true" }', 'tags = { pii = "false" }').replace(
        '"SELECT", "DESCRIBE"', '"DESCRIBE"'
    )
    assert [one.action for one in bench.plan(after).steps] == [Action.REVOKE_BY_TAGS, Action.ASSIGN]
    # Without a change of tags it is granted first, revoked last.
    assert [one.action for one in bench.plan(before.replace('"SELECT", ', "")).steps] == [Action.REVOKE]


def test_what_the_file_does_not_name_is_left_alone_unless_asked(bench):
    bench.lake.put(ANALYST, {"Table": {"DatabaseName": "sales", "Name": "orders"}}, "SELECT")
    bench.lake.put(OTHER, CUSTOMERS, "SELECT")
    text = grant(TABLE, "SELECT")
    plan = bench.plan(text)
    assert [one.action for one in plan.steps] == [Action.GRANT]
    assert plan.unnamed == 2
    asked = bench.steps(text, "principals")
    assert [one.partition(" ")[0] for one in asked] == ["grant", "revoke"] and ANALYST in asked[1]
    bench.apply(text, "everything")
    assert bench.held(OTHER) == {}
    assert list(bench.held(ANALYST)) == [json.dumps(CUSTOMERS, sort_keys=True)]


def test_of_a_pair_that_the_file_names_what_is_too_much_is_revoked(bench):
    bench.lake.put(ANALYST, CUSTOMERS, "SELECT", "INSERT", option=True)
    bench.apply(grant(TABLE, "SELECT", "DESCRIBE"))
    assert bench.held(ANALYST) == {json.dumps(CUSTOMERS, sort_keys=True): (["DESCRIBE", "SELECT"], [])}


@pytest.mark.parametrize("words", [("SELECT",), ("DESCRIBE", "INSERT")])
def test_super_is_replaced_by_what_the_file_says(bench, words):
    bench.lake.put(ANALYST, CUSTOMERS, "ALL")
    bench.apply(grant(TABLE, *words))
    assert bench.held(ANALYST) == {json.dumps(CUSTOMERS, sort_keys=True): (sorted(words), [])}


def test_super_is_not_granted_again_because_the_service_lists_what_it_holds(bench):
    bench.apply(grant(TABLE, "ALL", grantable=["ALL"]))
    assert bench.steps(grant(TABLE, "ALL", grantable=["ALL"])) == []


def test_gs_lf_001_a_plan_says_first_that_iamallowedprincipals_makes_grants_mean_nothing(bench):
    bench.lake.table("sales", "customers", "id", open_to_iam=True)
    (finding,) = bench.plan(grant(TABLE, "SELECT")).findings
    assert finding.control == "GS-LF-001" and "table sales.customers" in finding.found
    closed = '[settings]\nclose_to_iam = ["sales"]\n' + grant(TABLE, "SELECT")
    assert bench.plan(closed).findings == ()
    bench.apply(closed)
    assert bench.held("IAM_ALLOWED_PRINCIPALS") == {}


@pytest.mark.parametrize("target", ['database = "sales"\ntable = "*"', 'tables_with = { pii = ["true"] }'])
def test_gs_lf_001_counts_for_grants_on_all_tables_and_by_tags(bench, target):
    bench.lake.tags["pii"] = ["true"]
    bench.lake.table("sales", "customers", "id", open_to_iam=True)
    assert [one.control for one in bench.plan(grant(target, "SELECT")).findings] == ["GS-LF-001"]


def test_in_hybrid_access_mode_a_principal_that_opted_in_is_held_to_its_grants(bench):
    bench.lake.table("sales", "customers", "id", open_to_iam=True)
    text = grant(TABLE, "SELECT") + f'[[opt_ins]]\nprincipal = "analyst"\n{TABLE}\n'
    assert bench.plan(text).findings == ()
    assert bench.plan(text + grant(TABLE, "SELECT", principal="steward")).findings


def test_gs_lf_002_default_permissions_that_open_what_is_new(bench):
    group = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
    bench.lake.settings["CreateDatabaseDefaultPermissions"] = group
    bench.lake.databases["sales"]["CreateTableDefaultPermissions"] = group
    assert [one.control for one in bench.plan(grant(TABLE, "SELECT")).findings] == ["GS-LF-002", "GS-LF-002"]
    text = '[settings]\nclose_to_iam = ["sales"]\nclose_defaults = true\n' + grant(TABLE, "SELECT")
    assert bench.apply(text).findings == ()


def test_gs_lf_005_failures_beside_a_200_are_raised(bench):
    bench.lake.failing = lambda entry: "InvalidInputException" if "INSERT" in entry["Permissions"] else ""
    with pytest.raises(RefusedError) as caught:
        bench.apply(grant(TABLE, "SELECT") + grant('database = "sales"\ntable = "orders"', "INSERT"))
    assert caught.value.control == "GS-LF-005"
    assert "INSERT on table sales.orders" in caught.value.found
    assert "InvalidInputException" in caught.value.found


def test_gs_lf_005_a_revocation_that_fails_is_raised_too(bench):
    bench.lake.put(ANALYST, CUSTOMERS, "SELECT", "INSERT")
    bench.lake.failing = lambda entry: "ConcurrentModificationException"
    with pytest.raises(RefusedError, match="GS-LF-005"):
        bench.apply(grant(TABLE, "SELECT"))


@pytest.mark.parametrize(
    "operation",
    [
        "BatchGrantPermissions", "CreateLFTag", "AddLFTagsToResource", "CreateDataCellsFilter",
        "RegisterResource",
        "CreateLakeFormationOptIn", "CreateLFTagExpression",
    ],
)  # fmt: skip
def test_gs_lf_005_a_step_without_effect_is_refused(bench, operation):
    bench.lake.ignored_operations.add(operation)
    with pytest.raises(RefusedError, match="GS-LF-005"):
        bench.apply(EVERYTHING)


def test_gs_lf_005_denied_half_way_says_what_was_done_and_the_rest_follows(bench):
    bench.lake.denied.add("CreateLFTagExpression")
    with pytest.raises(VerificationError) as caught:
        bench.apply(EVERYTHING)
    assert caught.value.aws_code == "AccessDeniedException"
    assert "5 of 21 steps" in caught.value.fix
    bench.lake.denied.clear()
    assert bench.apply(EVERYTHING).steps == ()


@pytest.mark.parametrize("size", [1, 2, 7])
def test_every_list_is_read_to_its_last_page(bench, size):
    bench.apply(EVERYTHING)
    bench.lake.page = size
    assert bench.plan(EVERYTHING).steps == ()
    whole = bench.plan(EVERYTHING).fingerprint
    bench.lake.page = 1000
    assert bench.plan(EVERYTHING).fingerprint == whole


def test_grants_go_in_batches_of_twenty(bench):
    text = ""
    for number in range(45):
        bench.lake.table("sales", f"t{number}", "id")
        text += grant(f'database = "sales"\ntable = "t{number}"', "SELECT")
    bench.apply(text)
    assert bench.lake.requests["BatchGrantPermissions"] == 3


def test_a_value_is_removed_once_nothing_carries_it(bench):
    bench.lake.tags["pii"] = ["true", "false", "unknown"]
    bench.lake.tag("sales", "orders", pii="unknown")
    text = '[lf_tags]\npii = ["true", "false"]\n'
    with pytest.raises(UsageError, match=r"sales\.orders"):
        bench.plan(text)
    named = text + '[[assign]]\ndatabase = "sales"\ntable = "orders"\ntags = { pii = "true" }\n'
    bench.apply(named)
    assert bench.lake.tags["pii"] == ["true", "false"]


def test_a_tag_that_a_resource_inherits_is_assigned_once_when_what_it_inherits_from_changes(bench):
    bench.lake.tags["pii"] = ["true", "false"]
    bench.lake.tag("sales", pii="true")
    tags = '[lf_tags]\npii = ["true", "false"]\n'
    text = tags + '[[assign]]\ndatabase = "sales"\ntable = "orders"\ntags = { pii = "true" }\n'
    assert bench.steps(text) == []
    both = text + '[[assign]]\ndatabase = "sales"\ntags = { pii = "false" }\n'
    bench.apply(both)
    assert bench.lake.assigned["sales", "orders", ""] == {"pii": "true"}
    assert bench.steps(both) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (grant('tables_with = { nope = ["x"] }', "SELECT"), "LF-tag nope"),
        (grant('tables_matching = "nope"', "SELECT"), "expression nope"),
        (grant(TABLE + '\nfilter = "nope"', "SELECT"), "cell filter nope"),
        ('[[assign]]\ndatabase = "sales"\ntags = { nope = "x" }\n', "LF-tag nope"),
    ],
)
def test_what_neither_the_file_nor_the_account_has_is_refused_before_any_change(bench, text, what):
    with pytest.raises(UsageError, match=what):
        bench.plan(text)


def test_a_file_for_another_account_is_refused(bench):
    with pytest.raises(UsageError, match="999999999999"):
        make_plan(parse('schema = 1\naccount = "999999999999"\n', "p"), bench.account)


def test_an_account_that_cannot_be_read_plans_nothing(bench):
    bench.lake.denied.add("ListPermissions")
    with pytest.raises(ServiceError, match="AccessDenied"):
        bench.plan(EVERYTHING)


def test_grants_on_what_is_shared_or_unknown_are_never_touched(bench):
    foreign = {"Table": {"CatalogId": "999999999999", "DatabaseName": "sales", "Name": "customers"}}
    bench.lake.permissions[ANALYST, json.dumps(foreign), ""] = ({"SELECT"}, set())
    bench.lake.permissions[ANALYST, json.dumps({"RLSPolicy": {"Name": "x"}}), ""] = ({"SELECT"}, set())
    assert bench.steps("", "everything") == []
    assert "# Not managed" in export(bench.account)


def saved_plan(bench, tmp_path, text):
    path = tmp_path / "plan.json"
    saved.write(bench.plan(text), path)
    return path


def take(bench, path):
    one = saved.SavedPlan(path)
    plan = hold(
        bench.account,
        one.desired,
        one.unmanaged,
        of=one.account,
        fingerprint=one.fingerprint,
        steps=one.steps,
    )
    return apply_plan(plan, bench.account, pause=lambda _seconds: None)


def test_a_saved_plan_is_applied_as_it_was_reviewed(bench, tmp_path):
    assert take(bench, saved_plan(bench, tmp_path, EVERYTHING)).steps == ()


MOVES = {
    "a grant": lambda lake: lake.put(OTHER, CUSTOMERS, "SELECT"),
    "a tag": lambda lake: lake.tags.update(new=["x"]),
    "a location": lambda lake: lake.resources.update(a={"ResourceArn": "arn:aws:s3:::a"}),
    "a default": lambda lake: lake.settings.update(DataLakeAdmins=[]),
    "an opt-in": lambda lake: lake.opt_ins.add((OTHER, json.dumps(CUSTOMERS))),
    "an expression": lambda lake: lake.expressions.update(e=[{"TagKey": "a", "TagValues": ["b"]}]),
}


@pytest.mark.parametrize("move", MOVES)
def test_gs_lf_004_a_saved_plan_is_refused_once_the_account_moved(bench, tmp_path, move):
    path = saved_plan(bench, tmp_path, EVERYTHING)
    MOVES[move](bench.lake)
    bench.lake.recorded_requests.clear()
    with pytest.raises(RefusedError, match="GS-LF-004"):
        take(bench, path)
    assert {
        name for name, _ in bench.lake.recorded_requests if not name.startswith(("List", "Get", "Search"))
    } == set()


def test_gs_lf_004_twice_at_once_the_second_one_is_refused(bench, tmp_path):
    path = saved_plan(bench, tmp_path, EVERYTHING)
    take(bench, path)
    with pytest.raises(RefusedError, match="GS-LF-004"):
        take(bench, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held["steps"].pop(),
        lambda held: held["steps"].append("grant everything"),
        lambda held: held.update(account="999999999999"),
        lambda held: held["permissions"]["grants"][0].update(permissions=["DESCRIBE"]),
        lambda held: held.update(fingerprint="0"),
    ],
)
def test_gs_lf_004_a_plan_that_somebody_edited_is_refused(bench, tmp_path, change):
    path = saved_plan(bench, tmp_path, EVERYTHING)
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))
    with pytest.raises(RefusedError, match="GS-LF-004"):
        take(bench, path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "x"}', "\x00", "[" * 100_000])
def test_garbage_is_no_plan(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"plan\.json"):
        saved.SavedPlan(path)


def test_a_plan_cut_off_in_the_middle_is_no_plan(bench, tmp_path):
    path = saved_plan(bench, tmp_path, EVERYTHING)
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(UsageError):
        saved.SavedPlan(path)


def test_what_import_writes_asks_for_nothing_and_builds_the_same_account_again(bench):
    bench.lake.table("sales", "orders", "id", "name", "email", open_to_iam=True)
    bench.apply(EVERYTHING.replace('close_to_iam = ["sales"]', ""))
    bench.lake.put(OTHER, {"Database": {"Name": "sales"}}, "DESCRIBE")
    text = export(bench.account)
    again = parse(text, "imported")
    plan = make_plan(again, bench.account)
    assert plan.steps == () and plan.unnamed == 0
    assert "SELECT on table sales.orders for IAM_ALLOWED_PRINCIPALS" in text.split("# Not managed")[1]

    from .conftest import Bench

    other = Bench()
    other.lake.settings = bench.lake.settings
    apply_plan(make_plan(again, other.account), other.account, pause=lambda _seconds: None)
    assert export(other.account).split("# Not managed")[0].strip() == text.split("# Not managed")[0].strip()
    assert STEWARD in text
