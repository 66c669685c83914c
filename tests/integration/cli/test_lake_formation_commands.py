"""``glue-secure lakeformation`` on the embedded account: docs/lake-formation.md's example and its output.

A ``text`` block of the page that starts with ``$`` is a transcript. Its commands run in order, and their
output is compared with the page, without spaces at the ends of lines. This test needs the account as it is
after its start, so it is the first, and the account is the module's own.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.embedded.clients import clients
from glue_secure.embedded.lake_tables import define_lake_tables
from glue_secure.testing.plugin import running_account

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "lake-formation.md").read_text(encoding="utf-8")
FILE = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]
TRANSCRIPT = "\n".join(re.findall(r"```text\n(\$ .*?)\n```", PAGE, re.DOTALL))
ANALYST = "arn:aws:iam::123456789012:role/analyst"


@pytest.fixture(scope="module")
def glue_account():
    """An account of this module: tables of other tests have permissions of their own."""
    with running_account() as account:
        yield account


@pytest.fixture(scope="module")
def run(glue_account, tmp_path_factory):
    """Run a command in a folder with the page's file ``lake.toml``, and return its result."""
    define_lake_tables(glue_account)
    folder = tmp_path_factory.mktemp("lake")
    (folder / "lake.toml").write_text(FILE)

    def run(*words, **files):
        for name, text in files.items():
            (folder / f"{name}.toml").write_text(text)
        paths = [str(folder / word) if word.endswith((".toml", ".json")) else word for word in words]
        return CliRunner().invoke(app, ["lakeformation", *paths], catch_exceptions=False)

    return run


def test_the_transcript_of_the_page_is_what_the_commands_print(run):
    printed = []
    for command in re.findall(r"^\$ (.*)$", TRANSCRIPT, re.MULTILINE):
        program, group, *words = shlex.split(command)
        assert (program, group) == ("glue-secure", "lakeformation")
        printed += [f"$ {command}", run(*words).stdout]
    without_spaces = "\n".join(line.rstrip() for line in "\n".join(printed).splitlines() if line.strip())
    assert without_spaces == "\n".join(line for line in TRANSCRIPT.splitlines() if line.strip())


def test_an_exported_file_has_no_steps_until_another_user_grants(run, glue_account):
    run("apply", "lake.toml", "--yes")
    exported = run("import").stdout
    assert run("drift", "exported.toml", exported=exported).exit_code == 0
    lake = clients(glue_account)("lakeformation")
    columns = {"DatabaseName": "sales", "Name": "customers", "ColumnNames": ["email"]}
    change = {
        "Principal": {"DataLakePrincipalIdentifier": ANALYST},
        "Resource": {"TableWithColumns": columns},
        "Permissions": ["SELECT"],
    }
    lake.grant_permissions(**change)
    try:
        drift = run("drift", "exported.toml")
        assert "1 grants and opt-ins are not in the file" in drift.stdout
        explained = json.loads(run("explain", ANALYST, "sales.customers", "--json").stdout)
        assert [name for name, rows in explained["columns"].items() if rows] == ["email"]
        plan = json.loads(run("plan", "exported.toml", "--unmanaged", "principals", "--json").stdout)
        assert plan["steps"] == [f"revoke SELECT on columns email of sales.customers for {ANALYST}"]
    finally:
        lake.revoke_permissions(**change)


def test_expressions_filters_and_opt_ins_are_applied_exported_and_explained(run):
    added = """
[expressions]
public_data = { classification = ["public", "internal"] }

[[filters]]
name = "europe"
database = "sales"
table = "customers"
rows = "region = 'EU'"
except = ["email"]

[[grants]]
principal = "analyst"
database = "sales"
table = "customers"
filter = "europe"
permissions = ["SELECT"]

[[grants]]
principal = "billing"
tables_matching = "public_data"
permissions = ["DESCRIBE"]

[[locations]]
arn = "s3://glue-secure-curated/sales/"
role = "arn:aws:iam::123456789012:role/lake"
hybrid = true

[[opt_ins]]
principal = "analyst"
database = "sales"
table = "*"
"""
    run("apply", "lake.toml", "--yes")
    applied = run("apply", "more.toml", "--yes", more=FILE + added)
    assert (applied.exit_code, applied.stdout.split(";")[0]) == (0, "6 steps applied and verified\n")
    exported = run("import").stdout
    for entry in ("public_data", 'name = "europe"', "hybrid = true", "[[opt_ins]]"):
        assert entry in exported
    assert run("drift", "exported.toml", exported=exported).exit_code == 0
    columns = json.loads(run("explain", ANALYST, "sales.customers", "--json").stdout)["columns"]
    assert columns == {
        "id": ["region = 'EU'"],
        "region": ["region = 'EU'"],
        "email": [],
        "name": ["region = 'EU'"],
    }


def test_a_new_table_has_the_default_permissions_and_a_deleted_one_none(run, glue_account):
    glue, lake = (clients(glue_account)(service) for service in ("glue", "lakeformation"))
    before = lake.get_data_lake_settings()["DataLakeSettings"]
    defaults = [
        {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
    ]
    opened = {f"Create{kind}DefaultPermissions": defaults for kind in ("Database", "Table")}
    lake.put_data_lake_settings(DataLakeSettings={**before, **opened})

    def listed(name):
        resource = {"Table": {"DatabaseName": "fresh", "Name": name}}
        return lake.list_permissions(Resource=resource).get("PrincipalResourcePermissions", [])

    try:
        glue.create_database(DatabaseInput={"Name": "Fresh"})
        definition = {"Name": "T", "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "int"}]}}
        glue.create_table(DatabaseName="fresh", TableInput=definition)
        assert [entry["Permissions"] for entry in listed("t")] == [
            ["ALL", "ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT"],
            ["SELECT"],
        ]
        assert json.loads(run("explain", ANALYST, "fresh.t", "--json").stdout)["by_iam"] is True
        glue.delete_table(DatabaseName="fresh", Name="T")
        assert listed("t") == []
    finally:
        glue.delete_database(Name="fresh")
        lake.put_data_lake_settings(DataLakeSettings=before)
    assert lake.get_data_lake_settings()["DataLakeSettings"] == before


def test_gs_lf_008_a_role_s_own_s3_permissions_are_found(run, glue_account):
    run("apply", "lake.toml", "--yes")
    iam, lake = (clients(glue_account)(service) for service in ("iam", "lakeformation"))
    location = "arn:aws:s3:::glue-secure-curated/sales/orders"
    lake.register_resource(ResourceArn=location, UseServiceLinkedRole=True)
    iam.create_role(RoleName="analyst", AssumeRolePolicyDocument="{}")
    words = ("preflight", ANALYST, "--read", "sales.orders")
    try:
        assert run(*words).exit_code == 0  # no S3 permissions of its own
        statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::glue-secure-curated/*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="analyst", PolicyName="data", PolicyDocument=document)
        result = run(*words, "--json")
        assert result.exit_code == 3
        findings = {each["control"]: each for each in json.loads(result.stdout)["findings"]}
        assert findings["GS-LF-006"]["verdict"] == "PASS"
        # It may read the whole table, by its grants, and not write it.
        assert findings["GS-LF-008"]["found"] == "s3:PutObject by policy data, s3:DeleteObject by policy data"
    finally:
        lake.deregister_resource(ResourceArn=location)


def test_errors_of_the_service_have_its_codes(glue_account, run):
    lake = clients(glue_account)("lakeformation")
    principal = {"DataLakePrincipalIdentifier": ANALYST}
    with pytest.raises(lake.exceptions.EntityNotFoundException, match="Database nowhere not found"):
        lake.grant_permissions(
            Principal=principal, Resource={"Database": {"Name": "nowhere"}}, Permissions=["DESCRIBE"]
        )
    with pytest.raises(lake.exceptions.InvalidInputException, match="Resource is mandatory"):
        lake.list_permissions(Principal=principal)


def test_settings_functions_row_policies_and_deletions_are_applied_and_verified(run, glue_account):
    lake = clients(glue_account)("lakeformation")
    before = lake.get_data_lake_settings()["DataLakeSettings"]
    settings = 'close_defaults = true\nadministrators = ["privacy"]\ncross_account_version = 4\n'
    added = f"""
[[row_policies]]
name = "europe"
columns = {{ region = "string" }}
rows = "region = 'EU'"

[[row_attachments]]
policy = "europe"
principal = "billing"
database = "sales"
table = "customers"

[[grants]]
principal = "billing"
database = "sales"
function = "*"
permissions = ["EXECUTE"]

[[grants]]
principal = "billing"
catalog = "{ANALYST.split(":")[4]}:s3tablescatalog/bucket"
database = "sales"
permissions = ["DESCRIBE"]
"""
    text = FILE.replace("close_defaults = true\n", settings) + added
    assert settings in text
    try:
        run("apply", "lake.toml", "--yes")
        assert run("apply", "all.toml", "--yes", all=text).exit_code == 0
        assert run("drift", "all.toml").exit_code == 0
        changed = lake.get_data_lake_settings()["DataLakeSettings"]
        assert changed["Parameters"]["CROSS_ACCOUNT_VERSION"] == "4"
        deleted = FILE + '[delete]\nrow_policies = ["europe"]\n'
        assert run("apply", "gone.toml", "--unmanaged", "principals", "--yes", gone=deleted).exit_code == 0
        assert lake.list_rls_policies().get("RLSPolicies", []) == []
    finally:
        lake.put_data_lake_settings(DataLakeSettings=before)


def test_a_snapshot_gives_the_access_of_all_principals_of_the_page(run, tmp_path):
    run("apply", "lake.toml", "--yes")
    path, people = tmp_path / "snapshot.json", tmp_path / "people"
    assert run("snapshot", "--out", str(path)).exit_code == 0
    roles = [f"arn:aws:iam::123456789012:role/{name}" for name in ("privacy", "analyst", "billing")]
    people.write_text("\n".join(roles))
    words = ("explain", "--principals", str(people), "--json")
    live = json.loads(run(*words).stdout)
    offline = json.loads(run(*words, "--snapshot", str(path)).stdout)
    sales = [row for row in offline["rows"] if row["table"].startswith("sales.")]
    assert [(row["principal"], row["table"]) for row in sales] == [
        (roles[0], "sales.customers"), (roles[1], "sales.orders"), (roles[2], "sales.customers"),
    ]  # fmt: skip
    assert offline["rows"] == live["rows"]


def test_lint_finds_nothing_in_the_page_s_file(run):
    assert run("lint", "lake.toml").stdout == "0 errors, 0 warnings, 0 notes; 0 accepted by exceptions\n"
